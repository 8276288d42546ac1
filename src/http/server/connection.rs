//! One conversation on one socket.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::HeaderValue;
use axum::http::header::CONNECTION;
use axum::response::{IntoResponse, Response};
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::body::TimedBody;
use super::watched::{Progress, Watched};
use super::{Limits, ServerSettings, Timers, unread};
use crate::base::id::Ids;
use crate::http::error::Refused;
use crate::http::log::REQUEST_ID;
use crate::http::peer::Peer;

/// What hyper may buffer of one socket, unless the head may be larger.
const BUFFER_BYTES: usize = 64 * 1024;

/// A caller's socket and what serves it.
#[derive(Debug)]
pub(super) struct Visit {
    pub peer: Peer,
    pub router: Router,
    pub settings: Arc<ServerSettings>,
    /// Names the requests that no route gets to see.
    pub ids: Arc<Ids>,
    /// Cancelled when no further request is to be begun.
    pub drain: CancellationToken,
}

impl Visit {
    /// Serves requests until either side has had enough.
    pub(super) async fn converse(self, stream: TcpStream) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a socket was gone before it was served");
            return;
        }
        let Some(tls) = &self.settings.tls else { return self.speak(stream).await };
        let handshake = timeout(self.settings.timers.handshake, tls.acceptor().accept(stream));
        let shaken = tokio::select! {
            shaken = handshake => shaken,
            () = self.drain.cancelled() => return,
        };
        match shaken {
            Ok(Ok(stream)) => self.speak(stream).await,
            Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
            Err(_) => tracing::debug!("a TLS handshake took too long"),
        }
    }

    async fn speak<S: AsyncRead + AsyncWrite + Unpin>(self, stream: S) {
        let Self { peer, router, settings, ids, drain } = self;
        let ServerSettings { timers, limits, .. } = &*settings;
        let progress = Arc::new(Progress::new(timers));
        let service = service_fn(|request: Request<Incoming>| {
            progress.request_began();
            let (router, progress, ids) = (router.clone(), Arc::clone(&progress), Arc::clone(&ids));
            async move {
                let response = match too_large(&request, limits) {
                    Some(refused) => refuse(refused, &ids),
                    None => ask(router, request, peer, timers).await,
                };
                progress.request_ended();
                Ok::<_, Infallible>(response)
            }
        });
        let mut connection = std::pin::pin!(
            http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(timers.idle + timers.header)
                .max_headers(limits.headers)
                .max_header_size(limits.header_bytes + limits.uri_bytes)
                .max_buf_size(BUFFER_BYTES.max(limits.header_bytes + limits.uri_bytes))
                .serve_connection(
                    TokioIo::new(Watched::new(stream, Arc::clone(&progress), timers, Arc::clone(&ids))),
                    service
                )
        );
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = drain.cancelled() => {
                if progress.is_fresh() {
                    return;
                }
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a conversation broke off");
        }
    }
}

/// The answer; it ends the conversation where the body was not read, for then hyper closes the socket, and a caller
/// that is not told sends its next request into nothing (RFC 9112 §9.6).
async fn ask(router: Router, request: Request<Incoming>, peer: Peer, timers: &Timers) -> Response {
    let read = Arc::new(AtomicBool::new(request.body().is_end_stream()));
    let mut request = request.map(|body| {
        if body.is_end_stream() {
            Body::empty()
        } else {
            Body::new(TimedBody::new(body, timers, Arc::clone(&read)))
        }
    });
    request.extensions_mut().insert(peer);
    let mut response = match router.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    if !read.load(Ordering::Acquire) {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// The answer to a head over our limits, which ends here.
fn refuse(refused: Refused, ids: &Ids) -> Response {
    let mut response = refused.into_response();
    let id = ids.next();
    unread::note(&id, response.status().as_u16());
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

/// Whether a head that hyper could read is more than we take: its own limit counts request line and headers together.
fn too_large(request: &Request<Incoming>, limits: &Limits) -> Option<Refused> {
    let uri = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    if uri > limits.uri_bytes {
        return Some(Refused::UriTooLong(limits.uri_bytes));
    }
    let headers: usize =
        request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    (headers > limits.header_bytes).then_some(Refused::HeadersTooLarge(limits.header_bytes))
}
