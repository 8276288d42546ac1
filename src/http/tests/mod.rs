//! The doors as a caller finds them, without an app behind.

mod bodies;
mod doors;
mod intake;

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::{Router, http};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

use super::auth::{FailureLimit, Failures};
use super::router::{Door, RouterSettings, router};
use crate::base::clock::ManualClock;
use crate::base::id::Ids;
use crate::provision::Gateway;

/// One path for every kind of endpoint below a base URL.
const ENDPOINTS: &[&str] = &[
    "/ServiceProviderConfig",
    "/ResourceTypes",
    "/ResourceTypes/User",
    "/Schemas",
    "/Schemas/urn:ietf:params:scim:schemas:core:2.0:User",
    "/Users",
    "/Users/1",
    "/Groups",
    "/Groups/1",
    "/.search",
    "/Users/.search",
    "/Groups/.search",
    "/Bulk",
    "/Me",
    "/Me/photos",
    "/Widgets",
    "",
];

const METHODS: &[Method] = &[
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::OPTIONS,
    Method::TRACE,
];

/// A gateway without connections.
fn gateway() -> Arc<Gateway> {
    Gateway::empty(Arc::new(ManualClock::default()))
}

fn ids() -> Arc<Ids> {
    Arc::new(Ids::new(Arc::new(ManualClock::default())))
}

fn doors(failures: u32) -> Router {
    router(gateway(), ids(), settings(failures))
}

fn settings(failures: u32) -> RouterSettings {
    let failures = FailureLimit { failures, ..FailureLimit::default() };
    RouterSettings { failures, ..RouterSettings::default() }
}

fn door() -> Arc<Door> {
    let settings = settings(10);
    Arc::new(Door { gateway: gateway(), ids: ids(), settings, failures: Failures::new(settings.failures) })
}

fn request(method: &Method, path: &str, headers: &[(&str, &str)]) -> Request {
    let mut builder = http::Request::builder().method(method).uri(path);
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    builder.body(Body::empty()).unwrap()
}

async fn ask(doors: &Router, request: Request) -> (StatusCode, HeaderMap, Bytes) {
    let (head, body) = doors.clone().oneshot(request).await.unwrap().into_parts();
    (head.status, head.headers, body.collect().await.unwrap().to_bytes())
}

/// The body of a SCIM error, checked against RFC 7644 §3.12.
fn scim_error(status: u16, headers: &HeaderMap, body: &[u8]) -> Value {
    assert_eq!(headers["content-type"], "application/scim+json");
    let error: Value = serde_json::from_slice(body).unwrap();
    assert_eq!(error["schemas"], serde_json::json!(["urn:ietf:params:scim:api:messages:2.0:Error"]));
    assert_eq!(error["status"], status.to_string());
    assert!(error["detail"].is_string());
    error
}
