use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::response::Response;
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

use super::*;
use crate::base::clock::ManualClock;
use crate::base::context;
use crate::base::id::Ids;
use crate::http::log::Recorder;
use crate::http::router::layered;

async fn ask(routes: Router, request_id: &str) -> (Response<()>, Vec<u8>) {
    let recorder =
        Recorder::new(Ids::new(Arc::new(ManualClock::default())), Arc::default(), Duration::from_secs(25));
    let mut request = request(&Method::GET, "/hive/scim/v2/Users");
    request.headers_mut().insert("x-request-id", request_id.parse().unwrap());
    let (head, body) = layered(routes, recorder).oneshot(request).await.unwrap().into_parts();
    (Response::from_parts(head, ()), body.collect().await.unwrap().to_bytes().to_vec())
}

async fn tells_its_request_id() -> String {
    context::current().unwrap().request_id
}

async fn panics() {
    panic!("the token is abc");
}

#[tokio::test]
async fn a_sane_request_id_comes_back_and_another_is_replaced() {
    let long = "x".repeat(129);
    for (given, kept) in
        [("req-1_a.B", true), ("", false), ("two words", false), ("a;b", false), (&long, false)]
    {
        let (head, body) = ask(Router::new().fallback(tells_its_request_id), given).await;
        let id = head.headers()["x-request-id"].to_str().unwrap();
        assert_eq!(id == given, kept, "`{given}` became `{id}`");
        assert!(!id.is_empty());
        assert_eq!(body, id.as_bytes());
    }
}

#[tokio::test]
async fn a_panic_is_a_500_that_does_not_tell_its_message() {
    let (head, body) = ask(Router::new().fallback(panics), "req-1").await;
    assert_eq!(head.status(), 500);
    assert_eq!(head.headers()["x-request-id"], "req-1");
    assert_eq!(head.headers()["content-type"], "application/scim+json");
    let error: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(error["status"], "500");
    assert!(!error.to_string().contains("abc"));
}
