//! Every way the admin door says no: `{"status", "detail"}`.

use std::time::Duration;

use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, Method};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::http::answer::plain;
use crate::http::error::{allow_header, whole_seconds};
use crate::http::route::allow;
use crate::provision::Refusal;

/// When to come back while the store does not answer.
const STORE_AWAY: Duration = Duration::from_secs(30);

/// Why a request was not carried out. The texts never hold a token or a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refused {
    /// No token, or one that opens nothing.
    Credentials,
    /// A good token of a connection.
    ConnectionToken,
    /// Too many of the first; may come back after the duration.
    TooManyFailures(Duration),
    /// Whether the token is good cannot be told now.
    CredentialsUnknown,
    UnknownEndpoint,
    /// There is nothing under the id in the path; what was looked for.
    NotFound(&'static str),
    /// The endpoint does not know the method.
    Method(&'static [Method]),
    /// A parameter cannot be read: its name, and what is expected.
    Parameter(&'static str, &'static str),
    /// Provision said no.
    Provision(Refusal),
}

impl Refused {
    fn told(&self) -> (u16, String) {
        let (status, detail) = match self {
            Self::Credentials => (
                401,
                "the bearer token is missing or opens nothing: send `Authorization: Bearer <token>` with a token \
                 of the admin door",
            ),
            Self::ConnectionToken => (
                401,
                "this is the token of a connection: the admin door needs one of its own \
                 (`portcullis token create --admin`)",
            ),
            Self::TooManyFailures(_) => {
                (429, "too many requests with a token that opens nothing: try again later")
            }
            Self::CredentialsUnknown => (503, "tokens cannot be checked at the moment: try again later"),
            Self::UnknownEndpoint => (404, "there is no such endpoint below `/admin/v1`"),
            Self::NotFound(what) => return (404, format!("there is no {what} with this id")),
            Self::Method(methods) => return (405, format!("this endpoint answers to {}", allow(methods))),
            Self::Parameter(name, expected) => return (400, format!("`{name}` is not {expected}")),
            Self::Provision(refusal) => return (refusal.error.status, refusal.error.detail.clone()),
        };
        (status, detail.to_owned())
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::TooManyFailures(wait) => Some(*wait),
            Self::CredentialsUnknown => Some(STORE_AWAY),
            Self::Provision(refusal) => refusal.retry_after,
            Self::Credentials
            | Self::ConnectionToken
            | Self::UnknownEndpoint
            | Self::NotFound(_)
            | Self::Method(_)
            | Self::Parameter(..) => None,
        }
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self::Provision(refusal)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let (status, detail) = self.told();
        let mut response = plain(status, &json!({ "status": status, "detail": detail }));
        let headers = response.headers_mut();
        if status == 401 {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"portcullis admin\""));
        }
        if let Self::Method(methods) = self {
            headers.extend(allow_header(methods));
        }
        if let Some(wait) = self.retry_after() {
            headers.insert(RETRY_AFTER, HeaderValue::from(whole_seconds(wait)));
        }
        response
    }
}
