//! Signed messages to a receiver of the operator's, as the Standard Webhooks specification (1.0.0) lays them down.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use sha2::Sha256;
use url::Url;

use super::exchange::Exchange;
use super::{Failure, Response, Wire, address};
use crate::base::base64;
use crate::base::clock::Timestamp;
use crate::base::secret::{ExposeSecret, SecretString};

const ID: HeaderName = HeaderName::from_static("webhook-id");
const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

/// A receiver, and the key that what it is sent is signed with. Its `Debug` shows the host alone: the rest of such an
/// address is often a secret.
pub struct Webhook {
    url: Url,
    key: SecretString,
    exchange: Exchange,
    wire: Wire,
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook").field("host", &self.url.host_str()).finish_non_exhaustive()
    }
}

impl Webhook {
    /// Makes the client; fails with one line for the operator when the address cannot be used. The address is judged
    /// as an app's is: public, and https, unless the wire is `private`.
    pub fn new(url: &str, key: SecretString, wire: Wire) -> Result<Self, String> {
        Ok(Self { url: address::target(url, wire.private)?, key, exchange: Exchange::new(&wire)?, wire })
    }

    /// Whether a key is written as the specification asks: `whsec_` and 24 to 64 bytes in base64.
    #[must_use]
    pub fn is_key(key: &SecretString) -> bool {
        key_bytes(key).is_some_and(|bytes| (24..=64).contains(&bytes.len()))
    }

    /// Sends `body` once under `id`, signed at `now`; the answer of the receiver, whatever its status.
    pub async fn send(&self, id: &str, now: Timestamp, body: String) -> Result<Response, Failure> {
        let unsendable = |_invalid| Failure::NotSent("the id cannot stand in a header".to_owned());
        let seconds = now.0 / 1_000_000;
        let signature = HeaderValue::from_str(&self.signature(id, seconds, &body)).map_err(unsendable)?;
        let mut request = reqwest::Request::new(reqwest::Method::POST, self.url.clone());
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ID, HeaderValue::from_str(id).map_err(unsendable)?);
        headers.insert(TIMESTAMP, HeaderValue::from(seconds));
        headers.insert(SIGNATURE, signature);
        *request.body_mut() = Some(body.into());
        self.exchange.once(request, 1, self.wire.attempt).await
    }

    /// `v1,` and the base64 of the HMAC-SHA256 over `id.timestamp.body`.
    fn signature(&self, id: &str, seconds: i64, body: &str) -> String {
        let key = key_bytes(&self.key).unwrap_or_default();
        let mut block = [0; 64];
        for (place, byte) in block.iter_mut().zip(key) {
            *place = byte;
        }
        let mut seal = Hmac::<Sha256>::new(&block.into());
        seal.update(format!("{id}.{seconds}.{body}").as_bytes());
        format!("v1,{}", base64::encode(&seal.finalize().into_bytes()))
    }
}

fn key_bytes(key: &SecretString) -> Option<Vec<u8>> {
    base64::decode(key.expose_secret().strip_prefix("whsec_")?)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::base::clock::ManualClock;
    use crate::upstream::tests::server::{Server, answer};

    /// The example of the Standard Webhooks libraries.
    const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn webhook(url: &str, private: bool) -> Result<Webhook, String> {
        let clock = Arc::new(ManualClock::default());
        let wire = Wire {
            private,
            per_second: None,
            concurrency: 1,
            attempt: Duration::from_secs(5),
            total: Duration::from_secs(5),
            body_limit: 64,
            names: crate::upstream::system_names(),
            clock,
        };
        Webhook::new(url, SecretString::from(KEY), wire)
    }

    #[test]
    fn a_message_is_signed_as_the_specification_s_example_is() {
        let signature = webhook("https://hooks.example.com", false).unwrap().signature(
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            r#"{"test": 2432232314}"#,
        );
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_key_is_24_to_64_bytes_behind_its_prefix() {
        let is_key = |text: String| Webhook::is_key(&SecretString::from(text));
        assert!(is_key(KEY.to_owned()));
        for (length, good) in [(23, false), (24, true), (64, true), (65, false)] {
            assert_eq!(is_key(format!("whsec_{}", base64::encode(&vec![7; length]))), good, "{length}");
        }
        assert!(!is_key("hunter2".to_owned()) && !is_key("whsec_not-base64".to_owned()));
    }

    #[test]
    fn an_address_inside_ones_own_network_has_to_be_allowed() {
        for url in [
            "http://hooks.example.com",
            "https://127.0.0.1",
            "https://10.0.0.1/hook",
            "https://u:p@x.example",
        ] {
            assert!(webhook(url, false).is_err(), "{url}");
        }
        assert!(webhook("http://127.0.0.1:1/hook?token=x", true).is_ok());
        assert!(!format!("{:?}", webhook("https://hooks.example.com", false)).contains("MfKQ"));
    }

    #[tokio::test]
    async fn a_message_arrives_at_its_address_with_its_headers() {
        let server = Server::start(|_, _| answer(204, &[], b"")).await;
        let hook = webhook(&format!("{}/hook?room=7", server.url), true).unwrap();
        let sent = hook.send("t1-opened", Timestamp(1_614_265_330_000_000), "{\"a\":1}".to_owned()).await;
        assert_eq!(sent.unwrap().status, 204);
        let request = server.requests.lock().unwrap()[0].clone();
        assert!(request.starts_with("POST /hook?room=7 HTTP/1.1\r\n"), "{request}");
        let signed = hook.signature("t1-opened", 1_614_265_330, "{\"a\":1}");
        for line in [
            "content-type: application/json",
            "webhook-id: t1-opened",
            "webhook-timestamp: 1614265330",
            &format!("webhook-signature: {signed}"),
        ] {
            assert!(request.lines().any(|found| found == line), "`{line}` in {request}");
        }
        assert!(request.ends_with("\r\n\r\n{\"a\":1}"), "{request}");
    }

    #[tokio::test]
    async fn a_redirect_is_not_followed() {
        let server = Server::start(|_, _| answer(302, &["location: http://127.0.0.1:9/"], b"")).await;
        let sent = webhook(&server.url, true).unwrap().send("a", Timestamp(0), String::new()).await;
        assert!(matches!(sent, Err(Failure::Redirected(302))), "{sent:?}");
    }
}
