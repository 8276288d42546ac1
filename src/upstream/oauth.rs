//! OAuth 2.0 client credentials (RFC 6749 §4.4): tokens fetched, kept, and renewed before they end.
//!
//! However many requests need a token, one fetch is under way; all of them get its outcome, good or bad.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::OnceCell;
use tokio::time::timeout;
use url::{Url, form_urlencoded};

use super::attempts::Attempts;
use super::auth::bearer;
use super::exchange::Exchange;
use super::retry::Pace;
use super::{ClientCredentials, Failure, Response, Safety, Wire, address};
use crate::base::clock::{SharedClock, Timestamp};
use crate::base::context;
use crate::base::secret::{ExposeSecret, SecretString};

/// Assumed where the answer does not say how long a token lasts, which RFC 6749 §5.1 allows.
const UNSAID: Duration = Duration::from_mins(5);
/// A token is renewed at least this long before it ends.
const MARGIN: Duration = Duration::from_mins(1);

/// The tokens of one client.
#[derive(Debug)]
pub(super) struct Tokens {
    client: ClientCredentials,
    url: Url,
    attempt: Duration,
    total: Duration,
    clock: SharedClock,
    slot: Mutex<Arc<Slot>>,
}

/// One fetch and what came of it; a new token is a new slot.
#[derive(Debug, Default)]
pub(super) struct Slot(OnceCell<Result<Token, Failure>>);

#[derive(Debug)]
struct Token {
    header: HeaderValue,
    renew_at: Timestamp,
}

#[derive(Deserialize)]
struct Granted {
    access_token: SecretString,
    token_type: Option<String>,
    /// Seconds; some servers write them as text.
    expires_in: Option<Value>,
}

#[derive(Deserialize)]
struct Denied {
    error: String,
}

impl Tokens {
    pub(super) fn new(client: ClientCredentials, wire: &Wire) -> Result<Self, String> {
        let url = address::base_url(&client.token_url, wire.private)
            .map_err(|error| format!("token URL: {error}"))?;
        let slot = Mutex::default();
        Ok(Self { client, url, attempt: wire.attempt, total: wire.total, clock: wire.clock.clone(), slot })
    }

    /// The token to send now, and the slot it is from; waits at most `time` for it.
    ///
    /// [`Failure::Refused`] where the endpoint does not know the client; [`Failure::NotSent`] where no token can be
    /// had otherwise, because then the request it is for was not sent.
    pub(super) async fn current(
        &self,
        exchange: &Exchange,
        pace: Pace,
        time: Duration,
    ) -> Result<(HeaderValue, Arc<Slot>), Failure> {
        let slot = self.slot_in_use();
        let fetch = async {
            let token = slot.0.get_or_init(|| self.fetch(exchange, pace)).await;
            token.as_ref().map(|token| token.header.clone()).map_err(Clone::clone)
        };
        let outcome = timeout(time, fetch)
            .await
            .unwrap_or_else(|_elapsed| Err(Failure::NotSent("no token came within the time".to_owned())));
        if outcome.is_err() {
            self.forget(&slot);
        }
        Ok((outcome?, slot))
    }

    /// Makes the next request fetch a new token, unless somebody did so already.
    pub(super) fn forget(&self, slot: &Arc<Slot>) {
        let mut current = self.slot.lock().unwrap_or_else(PoisonError::into_inner);
        // A fetch that is still under way is left to those who wait for it.
        if Arc::ptr_eq(&current, slot) && slot.0.initialized() {
            *current = Arc::default();
        }
    }

    /// The slot of the token in use, or a fresh one where that token is due for renewal.
    fn slot_in_use(&self) -> Arc<Slot> {
        let mut current = self.slot.lock().unwrap_or_else(PoisonError::into_inner);
        let due = match current.0.get() {
            Some(Ok(token)) => token.renew_at <= self.clock.now(),
            Some(Err(_)) => true,
            None => false,
        };
        if due {
            *current = Arc::default();
        }
        current.clone()
    }

    async fn fetch(&self, exchange: &Exchange, pace: Pace) -> Result<Token, Failure> {
        let asked_at = self.clock.now();
        let mut attempts = Attempts::new(Safety::Idempotent, pace, self.total);
        loop {
            let time = self.attempt.min(attempts.left());
            // Whatever the token is for: to fetch it changes nothing.
            let came = context::changing(None, exchange.once(self.request(), attempts.number(), time)).await;
            if attempts.again(&came, None).await {
                continue;
            }
            return match came {
                Ok(response) => granted(&response, asked_at),
                Err(failure) => Err(Failure::NotSent(format!("no token: {failure}"))),
            };
        }
    }

    /// The client is named in the body (RFC 6749 §2.3.1): Workiva's endpoint reads it there.
    fn request(&self) -> reqwest::Request {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "client_credentials")
            .append_pair("client_id", &self.client.client_id)
            .append_pair("client_secret", self.client.client_secret.expose_secret());
        if !self.client.scopes.is_empty() {
            form.append_pair("scope", &self.client.scopes.join(" "));
        }
        let mut request = reqwest::Request::new(reqwest::Method::POST, self.url.clone());
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        *request.body_mut() = Some(form.finish().into());
        request
    }
}

/// What the endpoint's answer comes to.
///
/// 4xx says something about the client that only an operator can mend; anything else is the endpoint's own trouble.
fn granted(response: &Response, asked_at: Timestamp) -> Result<Token, Failure> {
    let status = response.status;
    match status {
        200..=299 => {}
        408 | 425 | 429 | 500..=599 => {
            return Err(Failure::NotSent(format!("no token: the endpoint answered {status}")));
        }
        _ => {
            return Err(Failure::Refused(code(&response.body).unwrap_or_else(|| format!("status {status}"))));
        }
    }
    let unusable = |what: &str| Failure::NotSent(format!("no token: the endpoint answered {status} {what}"));
    let granted: Granted =
        serde_json::from_slice(&response.body).map_err(|_unreadable| unusable("without a token"))?;
    if granted.token_type.is_some_and(|kind| !kind.eq_ignore_ascii_case("bearer")) {
        return Err(unusable("with a token that is no bearer token"));
    }
    let header = bearer(granted.access_token.expose_secret())
        .map_err(|_invalid| unusable("with a token that cannot be sent"))?;
    let lifetime = match &granted.expires_in {
        Some(Value::Number(seconds)) => seconds.as_u64().map(Duration::from_secs),
        Some(Value::String(seconds)) => seconds.trim().parse().ok().map(Duration::from_secs),
        _ => None,
    };
    Ok(Token { header, renew_at: asked_at.plus(renew_after(lifetime.unwrap_or(UNSAID))) })
}

/// When to renew a token: a minute or a tenth of its life before its end, whichever is longer; for one too short
/// for that, at half.
fn renew_after(lifetime: Duration) -> Duration {
    let margin = MARGIN.max(lifetime / 10);
    if margin >= lifetime / 2 { lifetime / 2 } else { lifetime.saturating_sub(margin) }
}

/// The OAuth error code (RFC 6749 §5.2), where it looks like one.
fn code(body: &[u8]) -> Option<String> {
    let denied: Denied = serde_json::from_slice(body).ok()?;
    let plain = denied.error.len() <= 40
        && denied.error.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
        && !denied.error.is_empty();
    plain.then_some(denied.error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Result<Token, Failure> {
        granted(&Response { status, body: body.into(), etag: None, retry_after: None }, Timestamp(0))
    }

    #[test]
    fn a_token_is_renewed_before_it_ends() {
        let after = |seconds| renew_after(Duration::from_secs(seconds)).as_secs();
        assert_eq!(after(3_600), 3_240);
        assert_eq!(after(599), 539);
        assert_eq!(after(121), 61);
        assert_eq!(after(100), 50);
        assert_eq!(after(0), 0);
    }

    #[test]
    fn a_lifetime_may_be_text_or_missing() {
        let renewed = |body| answer(200, body).unwrap().renew_at;
        assert_eq!(renewed(r#"{"access_token":"t","expires_in":600}"#), Timestamp(540_000_000));
        assert_eq!(renewed(r#"{"access_token":"t","expires_in":"600"}"#), Timestamp(540_000_000));
        assert_eq!(renewed(r#"{"access_token":"t","token_type":"Bearer"}"#), Timestamp(240_000_000));
    }

    #[test]
    fn a_refusal_names_the_code_and_nothing_else() {
        let refused = |text: &str| Failure::Refused(text.to_owned());
        assert_eq!(answer(401, r#"{"error":"invalid_client"}"#).unwrap_err(), refused("invalid_client"));
        assert_eq!(answer(400, r#"{"error":"Key s3cr3t wrong"}"#).unwrap_err(), refused("status 400"));
        assert_eq!(answer(404, "<html>").unwrap_err(), refused("status 404"));
    }

    #[test]
    fn an_endpoint_in_trouble_is_no_refusal() {
        for (status, body) in [
            (500, "{}"),
            (429, "{}"),
            (200, "<html>"),
            (200, "{}"),
            (200, r#"{"access_token":"a\nb"}"#),
            (200, r#"{"access_token":"a","token_type":"mac"}"#),
        ] {
            assert!(matches!(answer(status, body), Err(Failure::NotSent(_))), "{status} {body}");
        }
    }
}
