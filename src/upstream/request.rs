//! How a request is put together.

use serde_json::Value;

use super::{Method, Request, Safety};

const JSON: &str = "application/json";

/// Percent-encodes `text` as one path segment: everything but RFC 3986 unreserved characters is escaped.
///
/// An empty segment, `.` and `..` cannot be escaped (the WHATWG URL rules read `%2E` as a dot too); a request for
/// such a path is [`super::Failure::NotSent`].
#[must_use]
pub fn segment(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            for nibble in [byte >> 4, byte & 15] {
                encoded.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0').to_ascii_uppercase());
            }
        }
        encoded
    })
}

impl Request {
    fn new(method: Method, path: impl Into<String>, safety: Safety) -> Self {
        Self { method, path: path.into(), query: Vec::new(), body: None, media: JSON, if_match: None, safety }
    }

    /// A GET, which is a [`Safety::Read`].
    #[must_use]
    pub fn get(path: impl Into<String>) -> Self {
        Self::new(Method::Get, path, Safety::Read)
    }

    /// A POST, which is sent [`Safety::Once`].
    #[must_use]
    pub fn post(path: impl Into<String>) -> Self {
        Self::new(Method::Post, path, Safety::Once)
    }

    /// A PUT, which is [`Safety::Idempotent`].
    #[must_use]
    pub fn put(path: impl Into<String>) -> Self {
        Self::new(Method::Put, path, Safety::Idempotent)
    }

    /// A PATCH that sets values, which is [`Safety::Idempotent`]; one that adds needs another [`Self::safety`].
    #[must_use]
    pub fn patch(path: impl Into<String>) -> Self {
        Self::new(Method::Patch, path, Safety::Idempotent)
    }

    /// A DELETE, which is [`Safety::Idempotent`].
    #[must_use]
    pub fn delete(path: impl Into<String>) -> Self {
        Self::new(Method::Delete, path, Safety::Idempotent)
    }

    /// Adds a query parameter after those there are; the value is encoded when it is sent.
    #[must_use]
    pub fn query(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    /// Sends `body`, as `application/json` unless [`Self::media`] says otherwise.
    #[must_use]
    pub fn json(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    /// Lets the request through only while the app's entity tag is still `tag` (RFC 9110 §13.1.1).
    #[must_use]
    pub fn if_match(mut self, tag: Option<String>) -> Self {
        self.if_match = tag;
        self
    }

    /// Names the media type that is sent and accepted: `application/scim+json`.
    #[must_use]
    pub fn media(mut self, media: &'static str) -> Self {
        self.media = media;
        self
    }

    /// Says what may be done when the answer does not come, where the method says it wrong.
    #[must_use]
    pub fn safety(mut self, safety: Safety) -> Self {
        self.safety = safety;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_holds_no_separator() {
        assert_eq!(segment("u-1_2.3~4"), "u-1_2.3~4");
        assert_eq!(segment("a/b?c#d e%"), "a%2Fb%3Fc%23d%20e%25");
        assert_eq!(segment("anna@corp.example"), "anna%40corp.example");
        assert_eq!(segment("ü"), "%C3%BC");
    }

    #[test]
    fn a_method_brings_its_own_safety() {
        assert_eq!(Request::get("/a").safety, Safety::Read);
        assert_eq!(Request::post("/a").safety, Safety::Once);
        assert_eq!(Request::delete("/a").safety, Safety::Idempotent);
        assert_eq!(Request::post("/a").safety(Safety::Idempotent).safety, Safety::Idempotent);
        assert_eq!(Request::get("/a").query("page", "2").query, [("page", "2".to_owned())]);
    }
}
