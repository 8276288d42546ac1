//! Every way to say no, and how it is written.

use std::time::Duration;

use axum::http::header::{ALLOW, CONNECTION, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, Method};
use axum::response::{IntoResponse, Response};

use super::answer::document;
use super::route::allow;
use crate::provision::Refusal;
use crate::scim::error::{ScimError, ScimType};

/// When to come back while tokens cannot be checked.
const TOKENS_UNREADABLE: Duration = Duration::from_secs(30);

/// Why a request was not carried out. The texts never hold a token, a body, or a name from the path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refused {
    /// No token, or one that opens nothing. One text for all reasons, so that none can be told from another.
    Credentials,
    /// A good token of the admin door.
    AdminToken,
    /// Too many refused credentials; may come back after the duration.
    TooManyFailures(Duration),
    /// The token is not for the connection, or there is no such connection.
    UnknownConnection,
    /// Whether the token is good cannot be told now.
    CredentialsUnknown,
    /// There is no such endpoint.
    UnknownEndpoint,
    /// The endpoint does not know the method.
    Method(&'static [Method]),
    /// The endpoint is known to SCIM and not offered here.
    NotOffered(&'static str),
    /// A filter on a discovery endpoint (RFC 7644 §4).
    FilteredDiscovery,
    /// Longest path and query in bytes.
    UriTooLong(usize),
    /// Largest header block in bytes.
    HeadersTooLarge(usize),
    /// Largest body in bytes.
    BodyTooLarge(usize),
    /// The body paused or took too long.
    BodyTooSlow,
    /// The body ended before its end.
    BodyBroken,
    /// The body is compressed.
    Encoding,
    /// The body is declared to be something else than JSON.
    MediaType,
    /// The body cannot be read as a JSON object; says where, never what.
    Content(ScimError),
    /// A handler panicked.
    Panicked,
    /// Provision said no.
    Provision(Refusal),
}

impl Refused {
    /// The error as its body shows it.
    fn error(self) -> ScimError {
        match self {
            Self::Credentials => ScimError::new(
                401,
                "the bearer token is missing or opens nothing: send `Authorization: Bearer <token>` with a token \
                 of this connection",
            ),
            Self::AdminToken => ScimError::new(
                401,
                "this is a token of the admin door: a connection needs one of its own (`portcullis token create`)",
            ),
            Self::TooManyFailures(_) => {
                ScimError::new(429, "too many requests with a token that opens nothing: try again later")
            }
            Self::UnknownConnection => {
                ScimError::new(404, "there is no such connection, or the token is not for it")
            }
            Self::CredentialsUnknown => {
                ScimError::new(503, "tokens cannot be checked at the moment: try again later")
            }
            Self::UnknownEndpoint => ScimError::new(
                404,
                "there is no such endpoint: a base URL ends in `/{connection}/scim/v2`, followed by `/Users` or \
                 `/Groups`",
            ),
            Self::Method(methods) => {
                ScimError::new(405, format!("this endpoint answers to {}", allow(methods)))
            }
            Self::NotOffered(detail) => ScimError::new(501, detail),
            Self::FilteredDiscovery => ScimError::new(403, "this endpoint cannot be filtered"),
            Self::UriTooLong(most) => {
                ScimError::new(414, format!("path and query are longer than {most} bytes"))
            }
            Self::HeadersTooLarge(most) => {
                ScimError::new(431, format!("the headers are larger than {most} bytes"))
            }
            Self::BodyTooLarge(most) => ScimError::new(413, format!("the body is larger than {most} bytes")),
            Self::BodyTooSlow => ScimError::new(408, "the body did not arrive in time"),
            Self::BodyBroken => ScimError::bad(ScimType::InvalidSyntax, "the body ended too early"),
            Self::Encoding => {
                ScimError::new(415, "a compressed body is not read: send it without `Content-Encoding`")
            }
            Self::MediaType => {
                ScimError::new(415, "the body is not JSON: send `Content-Type: application/scim+json`")
            }
            Self::Content(error) => error,
            Self::Panicked => {
                ScimError::new(500, "something went wrong here; the request id finds it in the log")
            }
            Self::Provision(refusal) => refusal.error,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::TooManyFailures(wait) => Some(*wait),
            Self::CredentialsUnknown => Some(TOKENS_UNREADABLE),
            Self::Provision(refusal) => refusal.retry_after,
            Self::Credentials
            | Self::AdminToken
            | Self::UnknownConnection
            | Self::UnknownEndpoint
            | Self::Method(_)
            | Self::NotOffered(_)
            | Self::FilteredDiscovery
            | Self::UriTooLong(_)
            | Self::HeadersTooLarge(_)
            | Self::BodyTooLarge(_)
            | Self::BodyTooSlow
            | Self::BodyBroken
            | Self::Encoding
            | Self::MediaType
            | Self::Content(_)
            | Self::Panicked => None,
        }
    }

    /// Whether bytes of the request may still be under way, so that the socket is of no further use.
    fn ends_the_conversation(&self) -> bool {
        matches!(
            self,
            Self::UriTooLong(_)
                | Self::HeadersTooLarge(_)
                | Self::BodyTooLarge(_)
                | Self::BodyTooSlow
                | Self::BodyBroken
        )
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self::Provision(refusal)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let mut headers = Vec::new();
        if matches!(self, Self::Credentials | Self::AdminToken) {
            headers.push((WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"portcullis\"")));
        }
        if let Self::Method(methods) = self {
            headers.extend(allow_header(methods));
        }
        if let Some(wait) = self.retry_after() {
            headers.push((RETRY_AFTER, HeaderValue::from(whole_seconds(wait))));
        }
        if self.ends_the_conversation() {
            headers.push((CONNECTION, HeaderValue::from_static("close")));
        }
        let error = self.error();
        let mut response = document(error.status, &error.to_json());
        response.headers_mut().extend(headers);
        response
    }
}

/// `Allow` for these methods.
pub(crate) fn allow_header(methods: &[Method]) -> Option<(axum::http::HeaderName, HeaderValue)> {
    Some((ALLOW, HeaderValue::from_str(&allow(methods)).ok()?))
}

/// Rounded up, and at least one: a caller must not come back too early.
pub(crate) fn whole_seconds(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_told_in_whole_seconds_rounded_up() {
        for (wait, told) in [(0, "1"), (1, "1"), (1_000, "1"), (1_001, "2"), (30_000, "30")] {
            let refusal = Refusal {
                error: ScimError::new(503, "the app is down"),
                retry_after: Some(Duration::from_millis(wait)),
            };
            let response = Refused::from(refusal).into_response();
            assert_eq!(response.headers()[RETRY_AFTER], told, "{wait} ms");
        }
    }

    #[test]
    fn only_a_401_names_the_scheme_and_only_a_405_the_methods() {
        let unauthorized = Refused::Credentials.into_response();
        assert_eq!(unauthorized.headers()[WWW_AUTHENTICATE], "Bearer realm=\"portcullis\"");
        let method = Refused::Method(&[Method::GET, Method::HEAD]).into_response();
        assert_eq!(method.headers()[ALLOW], "GET, HEAD");
        let unknown = Refused::UnknownConnection.into_response();
        assert!(!unknown.headers().contains_key(WWW_AUTHENTICATE) && !unknown.headers().contains_key(ALLOW));
    }
}
