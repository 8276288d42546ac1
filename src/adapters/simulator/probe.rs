//! Asks a simulator in tests, without a socket.

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::Value;

use super::{Answer, Call, Simulator};

/// A caller with one credential header.
#[derive(Debug, Clone)]
pub(crate) struct Probe {
    simulator: Simulator,
    credential: Option<(&'static str, String)>,
    header: Option<(&'static str, String)>,
}

impl Probe {
    pub(crate) fn new(simulator: &Simulator) -> Self {
        Self { simulator: simulator.clone(), credential: None, header: None }
    }

    /// The same caller with a credential in the header `name`.
    pub(crate) fn with(&self, name: &'static str, value: &str) -> Self {
        Self { credential: Some((name, value.to_owned())), ..self.clone() }
    }

    /// The same caller with one more header.
    pub(crate) fn saying(&self, name: &'static str, value: &str) -> Self {
        Self { header: Some((name, value.to_owned())), ..self.clone() }
    }

    /// The same caller with a bearer token.
    pub(crate) fn bearer(&self, token: &str) -> Self {
        self.with("authorization", &format!("Bearer {token}"))
    }

    /// Asks the app, or its control plane below `/__sim`; a null body is none.
    pub(crate) fn ask(&self, method: &str, target: &str, body: &Value) -> (u16, Value) {
        let answer = self.answer(method, target, "application/json", &text_of(body));
        (answer.status, serde_json::from_slice(&answer.body).unwrap_or(Value::Null))
    }

    /// Asks without a body.
    pub(crate) fn get(&self, target: &str) -> (u16, Value) {
        self.ask("GET", target, &Value::Null)
    }

    /// Moves a lever of the control plane, which must work.
    pub(crate) fn lever(&self, path: &str, body: &Value) -> Value {
        let (status, answer) = self.ask("POST", &format!("/__sim/{path}"), body);
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    /// Asks with any body and hands over the whole answer.
    pub(crate) fn answer(&self, method: &str, target: &str, content_type: &str, body: &str) -> Answer {
        let mut headers = HeaderMap::new();
        if !body.is_empty() {
            headers.insert("content-type", HeaderValue::from_str(content_type).unwrap());
        }
        for (name, value) in self.credential.iter().chain(&self.header) {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        let body = Bytes::copy_from_slice(body.as_bytes());
        let call = Call::new(Method::from_bytes(method.as_bytes()).unwrap(), target, headers, body);
        if call.route().1.first() == Some(&"__sim") {
            return super::control::answer(&self.simulator, &call);
        }
        self.simulator.app().answer(&call)
    }
}

fn text_of(body: &Value) -> String {
    if body.is_null() { String::new() } else { body.to_string() }
}
