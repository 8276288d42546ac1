//! One exchange: a request out, its answer read to the end, or the reason why there is none.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::ETAG;
use reqwest::{Client, redirect};
use tokio::time::{Instant, timeout};

use super::address::Resolver;
use super::retry_after::retry_after;
use super::{Failure, Response, Wire};
use crate::base::clock::SharedClock;
use crate::base::context::{Call, note_call, redacted};

/// The longest a connection may take, name and handshake included; never so long that the attempt is over first, since
/// what was cut off there might have been done, and what was never connected was not.
const CONNECT: Duration = Duration::from_secs(3);
/// Shorter than servers keep an idle connection, so that ours is rarely the one that finds it closed.
const IDLE: Duration = Duration::from_secs(20);

/// A call that is noted when it ends, also where nobody waited for its end.
struct Noted {
    call: Call,
    began: Instant,
}

impl Drop for Noted {
    fn drop(&mut self) {
        let duration = self.began.elapsed();
        note_call(Call { duration, ..std::mem::take(&mut self.call) });
    }
}

/// The client all exchanges of a connection go through.
#[derive(Debug)]
pub(super) struct Exchange {
    http: Client,
    body_limit: usize,
    clock: SharedClock,
}

impl Exchange {
    #[expect(clippy::disallowed_methods, reason = "this is the one client that all requests go through")]
    pub(super) fn new(wire: &Wire) -> Result<Self, String> {
        let http = Client::builder()
            .user_agent(concat!("portcullis/", env!("CARGO_PKG_VERSION")))
            .dns_resolver(Resolver { names: Arc::clone(&wire.names), private: wire.private })
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .referer(false)
            .connect_timeout(CONNECT.min(wire.attempt * 3 / 10))
            .pool_idle_timeout(IDLE)
            .gzip(true)
            .build()
            .map_err(|error| format!("the HTTP client cannot be made: {}", reason(error)))?;
        Ok(Self { http, body_limit: wire.body_limit, clock: wire.clock.clone() })
    }

    /// Sends `request` once, as attempt number `attempt`, and takes at most `time` until its answer is read.
    ///
    /// A 2xx whose body is cut short is [`Failure::Lost`], one over the size limit [`Failure::Unusable`]; of other
    /// answers what was read is kept, since their status says enough. A redirect is [`Failure::Redirected`].
    pub(super) async fn once(
        &self,
        request: reqwest::Request,
        attempt: u32,
        time: Duration,
    ) -> Result<Response, Failure> {
        let mut noted = Noted {
            call: Call {
                method: request.method().to_string(),
                path: redacted(request.url().path()),
                attempt,
                at: self.clock.now(),
                ..Call::default()
            },
            began: Instant::now(),
        };
        timeout(time, self.converse(request, &mut noted.call.status)).await.unwrap_or_else(|_elapsed| {
            Err(Failure::Lost(format!("nothing complete came within {} ms", time.as_millis())))
        })
    }

    async fn converse(
        &self,
        request: reqwest::Request,
        status: &mut Option<u16>,
    ) -> Result<Response, Failure> {
        let mut answer = self.http.execute(request).await.map_err(|error| {
            if error.is_connect() || error.is_builder() {
                Failure::NotSent(reason(error))
            } else {
                Failure::Lost(reason(error))
            }
        })?;
        let code = answer.status();
        *status = Some(code.as_u16());
        if code.is_redirection() {
            return Err(Failure::Redirected(code.as_u16()));
        }
        let retry_after = retry_after(code.as_u16(), answer.headers(), self.clock.now());
        let etag = answer.headers().get(ETAG).and_then(|tag| tag.to_str().ok()).map(str::to_owned);
        let body = match read(&mut answer, self.body_limit).await {
            Ok(body) => body,
            Err((_, failure)) if code.is_success() => return Err(failure),
            Err((part, _)) => part,
        };
        Ok(Response { status: code.as_u16(), body, etag, retry_after })
    }
}

/// The whole body after decompression, or the part that came before it broke or grew over `limit` bytes.
async fn read(answer: &mut reqwest::Response, limit: usize) -> Result<Vec<u8>, (Vec<u8>, Failure)> {
    let mut body = Vec::new();
    loop {
        match answer.chunk().await {
            Ok(None) => return Ok(body),
            Ok(Some(chunk)) if body.len() + chunk.len() <= limit => body.extend_from_slice(&chunk),
            Ok(Some(_)) => return Err((body, Failure::Unusable(format!("over {limit} bytes")))),
            Err(error) => return Err((body, Failure::Lost(reason(error)))),
        }
    }
}

/// The causes of an error, outermost first, without the URL.
fn reason(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        cause = inner.source();
    }
    text
}
