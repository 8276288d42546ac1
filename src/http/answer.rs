//! How an outcome is written.

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, ETAG, LOCATION};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::work::Outcome;
use crate::provision::Shown;

impl IntoResponse for Outcome {
    fn into_response(self) -> Response {
        match self {
            Self::Document(document_) => document(200, &document_),
            Self::Created(shown) => resource(201, &shown),
            Self::Shown(shown) => resource(200, &shown),
            Self::Unshown { location, etag } => {
                let mut response = StatusCode::NO_CONTENT.into_response();
                insert(&mut response, ETAG, &etag);
                insert(&mut response, LOCATION, &location);
                response
            }
            Self::NotModified(etag) => {
                let mut response = StatusCode::NOT_MODIFIED.into_response();
                insert(&mut response, ETAG, &etag);
                response
            }
            Self::Nothing => StatusCode::NO_CONTENT.into_response(),
        }
    }
}

/// A SCIM answer (RFC 7644 §3.1).
pub(crate) fn document(status: u16, body: &Value) -> Response {
    written(status, "application/scim+json", body)
}

/// An answer to those who watch the process.
pub(crate) fn plain(status: u16, body: &Value) -> Response {
    written(status, "application/json", body)
}

/// What there is to watch, in the text form that Prometheus reads.
pub(crate) fn exposition(text: String) -> Response {
    let mut response = Response::new(Body::from(text));
    let media_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

fn written(status: u16, media_type: &'static str, body: &Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

fn resource(status: u16, shown: &Shown) -> Response {
    let mut response = document(status, &shown.resource);
    insert(&mut response, ETAG, &shown.etag);
    insert(&mut response, LOCATION, &shown.location);
    response
}

/// Sets a header; leaves it out where the text cannot stand in one.
fn insert(response: &mut Response, name: HeaderName, text: &str) {
    if let Ok(value) = HeaderValue::from_str(text) {
        response.headers_mut().insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown() -> Shown {
        Shown {
            resource: json!({"id": "1"}),
            location: "https://scim.example.com/hive/scim/v2/Users/1".to_owned(),
            etag: "W/\"3\"".to_owned(),
        }
    }

    #[test]
    fn a_resource_carries_its_version_and_its_place() {
        for (outcome, status) in [(Outcome::Created(shown()), 201), (Outcome::Shown(shown()), 200)] {
            let response = outcome.into_response();
            assert_eq!(response.status(), status);
            assert_eq!(response.headers()[CONTENT_TYPE], "application/scim+json");
            assert_eq!(response.headers()[ETAG], "W/\"3\"");
            assert_eq!(response.headers()[LOCATION], "https://scim.example.com/hive/scim/v2/Users/1");
        }
    }

    #[test]
    fn an_unchanged_resource_is_304_with_its_version_and_no_body() {
        let response = Outcome::NotModified("W/\"3\"".to_owned()).into_response();
        assert_eq!(response.status(), 304);
        assert_eq!(response.headers()[ETAG], "W/\"3\"");
        assert!(!response.headers().contains_key(CONTENT_TYPE));
    }

    #[test]
    fn a_change_that_is_not_shown_is_204_with_its_version_and_its_place() {
        let outcome =
            Outcome::Unshown { location: "https://x/Groups/1".to_owned(), etag: "W/\"4\"".to_owned() };
        let response = outcome.into_response();
        assert_eq!(response.status(), 204);
        assert_eq!(response.headers()[ETAG], "W/\"4\"");
        assert_eq!(response.headers()[LOCATION], "https://x/Groups/1");
    }

    #[test]
    fn nothing_to_show_is_204() {
        assert_eq!(Outcome::Nothing.into_response().status(), 204);
    }
}
