//! One line per request: what was asked, how it ended, how long it took. Never a query, a header, a body, an address.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::CONTENT_LENGTH;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use hyper::body::Body as _;
use tokio::time::Instant;

use super::route::Route;
use crate::base::clock::Timestamp;
use crate::base::context::{Context, redacted};
use crate::base::id::Ids;
use crate::base::metrics::Metrics;
use crate::provision::{Answered, Gateway};

/// Carries the id of a request, both ways.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What a request's context is made of.
#[derive(Debug)]
pub(crate) struct Recorder {
    ids: Ids,
    metrics: Arc<Metrics>,
    answer_within: Duration,
    gateway: Option<Arc<Gateway>>,
}

impl Recorder {
    /// Names requests from `ids`, counts them in `metrics`, and gives each `answer_within` to be answered.
    pub(crate) fn new(ids: Ids, metrics: Arc<Metrics>, answer_within: Duration) -> Self {
        Self { ids, metrics, answer_within, gateway: None }
    }

    /// The same, whose requests are traced by `gateway`.
    pub(crate) fn traced_by(mut self, gateway: Arc<Gateway>) -> Self {
        self.gateway = Some(gateway);
        self
    }
}

/// The name of the connection a request was let into; empty before.
#[derive(Debug, Clone, Default)]
pub(crate) struct Entered(Arc<OnceLock<String>>);

impl Entered {
    /// Notes the connection.
    pub(crate) fn note(&self, connection: &str) {
        self.0.get_or_init(|| connection.to_owned());
    }
}

/// A line that is written when it is dropped, so that a caller that hung up is in the log too.
struct Line {
    recorder: Arc<Recorder>,
    context: Context,
    entered: Entered,
    operation: &'static str,
    method: Method,
    /// The SCIM id in the path.
    resource: Option<String>,
    writes: bool,
    at: Timestamp,
    began: Instant,
    /// `None`: the caller did not wait for the answer.
    status: Option<StatusCode>,
}

impl Drop for Line {
    fn drop(&mut self) {
        let outcome = match self.status {
            None => "abandoned",
            Some(status) if status.is_client_error() => "refused",
            Some(status) if status.is_server_error() => "failed",
            Some(_) => "answered",
        };
        let (connection, took) = (self.entered.0.get().map_or("", String::as_str), self.began.elapsed());
        self.recorder.metrics.request(connection, self.operation, outcome, took);
        tracing::info!(
            request_id = self.context.request_id,
            connection,
            operation = self.operation,
            status = self.status.map_or(0, |status| status.as_u16()),
            outcome,
            upstream_calls = self.context.calls().len(),
            duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            "request"
        );
        if let Some(gateway) = &self.recorder.gateway {
            let answered = Answered {
                request_id: self.context.request_id.clone(),
                connection: connection.to_owned(),
                at: self.at,
                method: self.method.to_string(),
                operation: self.operation,
                resource: self.resource.take(),
                status: self.status.map(|status| status.as_u16()),
                took,
                writes: self.writes,
            };
            gateway.shared().trace(answered, self.context.chapter(true));
        }
    }
}

/// Runs a request inside its [`Context`], gives its answer the request's id, and logs it.
pub(crate) async fn record(
    State(recorder): State<Arc<Recorder>>,
    mut request: Request,
    next: Next,
) -> Response {
    let request_id = given_id(request.headers()).unwrap_or_else(|| recorder.ids.next());
    let context = Context::new(request_id, recorder.answer_within);
    let (route, entered) = (Route::of(request.uri().path()), Entered::default());
    let mut line = Line {
        recorder: Arc::clone(&recorder),
        context: context.clone(),
        entered: entered.clone(),
        operation: route.operation(request.method()),
        method: request.method().clone(),
        resource: route.resource().map(redacted),
        writes: route.writes(request.method()),
        at: recorder.ids.clock().now(),
        began: Instant::now(),
        status: None,
    };
    let is_head = request.method() == Method::HEAD;
    request.extensions_mut().insert(route);
    request.extensions_mut().insert(entered);
    let mut response = context.scope(next.run(request)).await;
    line.status = Some(response.status());
    if let Ok(id) = HeaderValue::from_str(&line.context.request_id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    if is_head { without_body(response) } else { response }
}

/// The id the caller gave, where it can stand in a log: up to 128 of `A-Z a-z 0-9 . _ -`.
fn given_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(REQUEST_ID)?.to_str().ok()?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    ((1..=128).contains(&id.len()) && id.bytes().all(is_plain)).then(|| id.to_owned())
}

/// What GET would have answered, less the body (RFC 9110 §9.3.2).
fn without_body(response: Response) -> Response {
    let (mut head, body) = response.into_parts();
    if let Some(length) = body.size_hint().exact().filter(|length| *length > 0) {
        head.headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    Response::from_parts(head, Body::empty())
}
