//! Reads a request's body: within its limit, and as one JSON object.

use std::error::Error;

use axum::body::{Body, Bytes};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http_body_util::BodyExt;
use hyper::body::Body as _;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::error::Refused;
use crate::scim::error::{ScimError, ScimType};
use crate::scim::limits::{JsonLimits, check_json};

/// Why a body did not arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BodyFailure {
    #[error("the body did not arrive in time")]
    TooSlow,
    #[error("the body ended too early")]
    Broken,
}

/// The JSON object a request carries.
///
/// Any JSON media type, or none, is accepted. A body over `most` bytes is refused as soon as that is known: before
/// its first byte where `Content-Length` tells it.
pub(crate) async fn object(headers: &HeaderMap, body: Body, most: usize) -> Result<Value, Refused> {
    if headers.get_all(CONTENT_ENCODING).iter().any(|coding| !is_identity(coding.as_bytes())) {
        return Err(Refused::Encoding);
    }
    if headers.get(CONTENT_TYPE).is_some_and(|media_type| !is_json(media_type.as_bytes())) {
        return Err(Refused::MediaType);
    }
    parse(&collect(body, most).await?)
}

async fn collect(mut body: Body, most: usize) -> Result<Bytes, Refused> {
    let announced = body.size_hint().lower();
    if announced > u64::try_from(most).unwrap_or(u64::MAX) {
        return Err(Refused::BodyTooLarge(most));
    }
    let mut collected = Vec::with_capacity(usize::try_from(announced).unwrap_or(0));
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|error| failure(&error))?.into_data() else { continue };
        if collected.len() + data.len() > most {
            return Err(Refused::BodyTooLarge(most));
        }
        collected.extend_from_slice(&data);
    }
    Ok(collected.into())
}

fn failure(error: &axum::Error) -> Refused {
    let mut source = error.source();
    while let Some(cause) = source {
        match cause.downcast_ref() {
            Some(BodyFailure::TooSlow) => return Refused::BodyTooSlow,
            Some(BodyFailure::Broken) => return Refused::BodyBroken,
            None => source = cause.source(),
        }
    }
    Refused::BodyBroken
}

fn parse(bytes: &[u8]) -> Result<Value, Refused> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if bytes.trim_ascii().is_empty() {
        return Err(unreadable("the body is empty"));
    }
    if let Err(refused) = check_json(bytes, &JsonLimits::default()) {
        let place =
            serde_json::from_slice::<IgnoredAny>(bytes).map_or_else(|error| place(&error), |_| String::new());
        return Err(unreadable(refused.detail + &place));
    }
    match serde_json::from_slice(bytes) {
        Ok(object @ Value::Object(_)) => Ok(object),
        Ok(_) => Err(unreadable("the body is not a JSON object")),
        Err(error) => Err(unreadable("the body is not well-formed JSON".to_owned() + &place(&error))),
    }
}

/// Where it went wrong. The error's own text may quote the body.
fn place(error: &serde_json::Error) -> String {
    format!(", at line {} column {}", error.line(), error.column())
}

fn unreadable(detail: impl Into<String>) -> Refused {
    Refused::Content(ScimError::bad(ScimType::InvalidSyntax, detail))
}

fn is_identity(coding: &[u8]) -> bool {
    let coding = coding.trim_ascii();
    coding.is_empty() || coding.eq_ignore_ascii_case(b"identity")
}

fn is_json(media_type: &[u8]) -> bool {
    let essence = media_type.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    essence.is_empty() || essence.to_ascii_lowercase().windows(4).any(|part| part == b"json")
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use serde_json::json;

    use super::*;

    async fn read(media_type: Option<&'static str>, body: impl Into<Body>) -> Result<Value, Refused> {
        let mut headers = HeaderMap::new();
        if let Some(media_type) = media_type {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        }
        object(&headers, body.into(), 64).await
    }

    #[tokio::test]
    async fn every_json_type_and_none_at_all_is_read() {
        for media_type in [
            None,
            Some(""),
            Some("application/scim+json; charset=utf-8"),
            Some("application/json"),
            Some("Application/JSON;charset=\"UTF-8\""),
            Some("text/json"),
        ] {
            assert_eq!(read(media_type, "\u{feff}{\"a\":1}").await, Ok(json!({"a": 1})), "{media_type:?}");
        }
    }

    #[tokio::test]
    async fn another_type_is_415() {
        for media_type in
            ["application/x-www-form-urlencoded", "text/xml", "text/plain", "multipart/form-data; b=json"]
        {
            assert_eq!(read(Some(media_type), "{}").await, Err(Refused::MediaType), "{media_type}");
        }
    }

    #[tokio::test]
    async fn a_compressed_body_is_415_and_identity_is_not_compressed() {
        for (coding, expected) in [("gzip", Err(Refused::Encoding)), ("Identity", Ok(json!({})))] {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding));
            assert_eq!(object(&headers, Body::from("{}"), 64).await, expected, "{coding}");
        }
    }

    #[tokio::test]
    async fn a_body_at_its_limit_is_read_and_one_byte_more_is_413() {
        let text = |length: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(length - 8));
        assert!(read(None, text(64)).await.is_ok());
        assert_eq!(read(None, text(65)).await, Err(Refused::BodyTooLarge(64)));
    }

    #[tokio::test]
    async fn what_is_no_json_object_is_400_and_says_where_but_never_what() {
        for body in [
            "",
            " \r\n",
            "[]",
            "null",
            "{\"secret\":",
            "{\n  secret: 1}",
            "{\"secret\": tru}",
            "{\"secret\":1}}",
            "{\"secret\":1,\"secret\":2}",
            "userName=secret",
        ] {
            let Err(Refused::Content(error)) = read(None, body).await else { panic!("{body}") };
            assert_eq!((error.status, error.scim_type), (400, Some(ScimType::InvalidSyntax)), "{body}");
            assert!(!error.detail.contains("secret"), "{}", error.detail);
        }
        let Err(Refused::Content(error)) = read(None, "{\n  \"a\": tru}").await else { panic!() };
        assert_eq!(error.detail, "the body is not well-formed JSON, at line 2 column 11");
        assert!(matches!(read(None, b"{\"a\":\"\xff\"}".to_vec()).await, Err(Refused::Content(_))));
    }

    #[tokio::test]
    async fn a_deep_body_is_400() {
        let body = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        let read = object(&HeaderMap::new(), Body::from(body), 1024 * 1024).await;
        assert!(matches!(read, Err(Refused::Content(error)) if error.status == 400));
    }
}
