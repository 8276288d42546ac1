//! One request as an app sees it, and the answer it gives.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value};

/// The longest body an app reads; Workiva names 10 MB, the others name none.
const BODY_LIMIT: usize = 10 * 1024 * 1024;

/// One request, read to its end.
#[derive(Debug, Clone)]
pub struct Call {
    pub method: Method,
    /// Path without query, as it was sent, below the prefix the app is mounted under.
    pub path: String,
    /// Raw query without the question mark; empty when there is none.
    pub query: String,
    pub headers: HeaderMap,
    pub body: Bytes,
    segments: Vec<String>,
}

impl Call {
    /// A request from its parts; `target` is a path with or without a query.
    #[must_use]
    pub fn new(method: Method, target: &str, headers: HeaderMap, body: Bytes) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let segments = path.strip_prefix('/').unwrap_or(path).split('/').map(percent_decoded).collect();
        Self { method, path: path.to_owned(), query: query.to_owned(), headers, body, segments }
    }

    /// Reads a request to its end; fails with 413 on a body over 10 MiB or one that breaks off.
    pub async fn read(request: Request) -> Result<Self, StatusCode> {
        let (parts, body) = request.into_parts();
        let body = axum::body::to_bytes(body, BODY_LIMIT).await.map_err(|_| StatusCode::PAYLOAD_TOO_LARGE)?;
        let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
        Ok(Self::new(parts.method, target, parts.headers, body))
    }

    /// The method and the decoded path segments, to match on.
    ///
    /// `/1/team/` has three segments, the last one empty, so a trailing slash is another route.
    #[must_use]
    pub fn route(&self) -> (&str, Vec<&str>) {
        (self.method.as_str(), self.segments.iter().map(String::as_str).collect())
    }

    /// A header's value; `None` when it is absent or not text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The credential of `Authorization: Bearer …`.
    #[must_use]
    pub fn bearer(&self) -> Option<&str> {
        let (scheme, credential) = self.header("authorization")?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| credential.trim())
    }

    /// The first value of a query parameter, decoded.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<String> {
        pairs(self.query.as_bytes()).into_iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// The fields of a form body, decoded, in their order.
    #[must_use]
    pub fn form(&self) -> Vec<(String, String)> {
        pairs(&self.body)
    }

    /// The media type of the body in lower case, without parameters; empty when none is named.
    #[must_use]
    pub fn content_type(&self) -> String {
        let named = self.header("content-type").unwrap_or_default();
        named.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }

    /// The body as JSON; `None` when it is not JSON.
    #[must_use]
    pub fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The body as a JSON object; `None` when it is anything else.
    #[must_use]
    pub fn object(&self) -> Option<Map<String, Value>> {
        serde_json::from_slice(&self.body).ok()
    }
}

/// Decodes `application/x-www-form-urlencoded` pairs.
#[must_use]
pub fn pairs(text: &[u8]) -> Vec<(String, String)> {
    url::form_urlencoded::parse(text).into_owned().collect()
}

fn percent_decoded(segment: &str) -> String {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        match (first, tail) {
            (b'%', [high, low, after @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                bytes.push(hex_value(*high) << 4 | hex_value(*low));
                rest = after;
            }
            _ => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex_value(digit: u8) -> u8 {
    u8::try_from(char::from(digit).to_digit(16).unwrap_or(0)).unwrap_or(0)
}

/// What an app answers.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    /// Beside `content-type`; names in lower case.
    pub headers: Vec<(String, String)>,
    pub content_type: Option<String>,
    pub body: Bytes,
    /// How long the app lets the caller wait for it; the state has changed already.
    pub delay: Duration,
}

impl Answer {
    /// An answer without a body.
    #[must_use]
    pub fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), content_type: None, body: Bytes::new(), delay: Duration::ZERO }
    }

    /// A JSON answer.
    #[must_use]
    pub fn json(status: u16, body: &impl Serialize) -> Self {
        let bytes = serde_json::to_vec(body).unwrap_or_default();
        Self { content_type: Some("application/json".into()), body: bytes.into(), ..Self::empty(status) }
    }

    /// An answer of any other media type.
    #[must_use]
    pub fn text(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        Self { content_type: Some(content_type.into()), body: body.into(), ..Self::empty(status) }
    }

    /// The same answer with one more header; a `content-type` replaces the one it has.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        let name = name.to_ascii_lowercase();
        if name == "content-type" {
            self.content_type = Some(value.to_owned());
        } else {
            self.headers.push((name, value.to_owned()));
        }
        self
    }

    /// The same answer, given only after `delay`.
    #[must_use]
    pub fn delayed(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }
}

/// Sends what there is; a header that HTTP cannot carry is left out, an impossible status becomes 500.
impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        if let Some(value) = self.content_type.and_then(|kind| HeaderValue::try_from(kind).ok()) {
            headers.insert(header::CONTENT_TYPE, value);
        }
        for (name, value) in self.headers {
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
                headers.append(name, value);
            }
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(target: &str) -> Call {
        Call::new(Method::GET, target, HeaderMap::new(), Bytes::new())
    }

    #[test]
    fn segments_are_decoded_after_they_are_split() {
        let call = call("/invites/a%2Fb%40example.com/accept?x=%C3%A9&x=2");
        assert_eq!(call.route(), ("GET", vec!["invites", "a/b@example.com", "accept"]));
        assert_eq!(call.parameter("x").as_deref(), Some("é"));
    }

    #[test]
    fn a_trailing_slash_is_another_route() {
        assert_eq!(call("/1/team/").route().1, ["1", "team", ""]);
    }

    #[test]
    fn a_broken_escape_stays_as_it_is() {
        assert_eq!(call("/50%/%zz").route().1, ["50%", "%zz"]);
    }

    #[test]
    fn the_scheme_of_a_credential_is_any_case_but_must_be_bearer() {
        let with = |value: &'static str| {
            let headers = HeaderMap::from_iter([(header::AUTHORIZATION, HeaderValue::from_static(value))]);
            Call::new(Method::GET, "/", headers, Bytes::new()).bearer().map(str::to_owned)
        };
        assert_eq!(with("bearer abc").as_deref(), Some("abc"));
        assert_eq!(with("Basic abc"), None);
    }
}
