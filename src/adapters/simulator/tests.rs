use std::sync::Mutex;

use axum::body::Body;
use axum::http::StatusCode;
use serde_json::{Map, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tower::ServiceExt;

use super::*;
use crate::base::clock::{ManualClock, Timestamp};

/// An app that counts what is posted to it.
#[derive(Debug, Default)]
pub(super) struct Counter(Mutex<u32>);

impl App for Counter {
    fn name(&self) -> &'static str {
        "counter"
    }

    fn answer(&self, call: &Call) -> Answer {
        let mut count = self.0.lock().unwrap();
        match call.route() {
            ("POST", path) if path == ["count"] => {
                *count += 1;
                Answer::json(200, &json!({ "count": *count, "access_token": "s3cret" }))
            }
            _ => self.error(404),
        }
    }

    fn error(&self, status: u16) -> Answer {
        Answer::json(status, &json!({ "oops": status }))
    }

    fn credential_kind(&self, value: &str) -> &'static str {
        if value == "k1" { "config" } else { "unknown" }
    }

    fn reset(&self, _seed: Seed) {
        *self.0.lock().unwrap() = 0;
    }

    fn state(&self) -> Value {
        json!({ "count": *self.0.lock().unwrap() })
    }

    fn set_seats(&self, _limit: Option<u64>) -> Result<Value, Refusal> {
        Err(Refusal::missing("no seats"))
    }

    fn accept_invite(&self, email: &str) -> Result<Value, Refusal> {
        Ok(json!({ "accepted": email }))
    }

    fn expire_invite(&self, _email: &str) -> Result<Value, Refusal> {
        Err(Refusal::missing("nobody is invited"))
    }

    fn set_plan(&self, _plan: PlanChange) -> Result<Value, Refusal> {
        Ok(Value::Null)
    }

    fn out_of_band(&self, change: &OutOfBand) -> Result<Value, Refusal> {
        Err(change.not_offered())
    }

    fn mode(&self) -> Value {
        json!({})
    }

    fn set_mode(&self, _change: &Map<String, Value>) -> Result<Value, Refusal> {
        Ok(json!({}))
    }
}

fn simulator() -> Simulator {
    let clock = Arc::new(ManualClock::starting_at(Timestamp(1_705_312_800_000_000)));
    Simulator::new(clock, |_clock| Counter::default())
}

async fn ask(router: &Router, method: &str, target: &str, body: &str) -> (StatusCode, Value) {
    let request = axum::http::Request::builder()
        .method(method)
        .uri(target)
        .header("authorization", "Bearer k1")
        .body(Body::from(body.to_owned()))
        .unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap_or_default();
    (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
}

/// Sends one request over a real socket and hands over every byte that comes back.
async fn raw(running: &Running, request: &str) -> String {
    let address = running.url().replace("http://", "");
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}

const POST: &str = "POST /count HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

#[tokio::test]
async fn the_journal_shows_the_exchange_and_no_secret() {
    let router = Router::new().nest("/counter", simulator().router());
    ask(&router, "POST", "/counter/count?a=1&a=2&client_secret=z", r#"{"password":"p"}"#).await;
    let (_, journal) = ask(&router, "GET", "/counter/__sim/journal", "").await;
    assert_eq!(
        journal,
        json!([{
            "seq": 1, "at": "2024-01-15T10:00:00.000Z", "method": "POST", "path": "/count",
            "query": {"a": ["1", "2"], "client_secret": "present"},
            "headers": {"authorization": "Bearer config"},
            "body": {"password": "present"},
            "status": 200, "response": {"count": 1, "access_token": "present"},
            "dropped": false, "fault": false, "trimmed": false,
        }])
    );
}

#[tokio::test]
async fn the_control_plane_is_not_journaled_and_knows_its_paths() {
    let router = simulator().router();
    assert_eq!(ask(&router, "POST", "/__sim/invites/a%40x/accept", "").await.1, json!({"accepted": "a@x"}));
    assert_eq!(ask(&router, "POST", "/__sim/invites/a/expire", "").await.0, StatusCode::NOT_FOUND);
    assert_eq!(ask(&router, "POST", "/__sim/nothing", "").await.0, StatusCode::NOT_FOUND);
    assert_eq!(ask(&router, "PUT", "/__sim/reset", "").await.0, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(ask(&router, "POST", "/__sim/seats", "{").await.0, StatusCode::BAD_REQUEST);
    assert_eq!(ask(&router, "POST", "/__sim/plan", r#"{"sso":1}"#).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(ask(&router, "GET", "/__sim/journal", "").await.1, json!([]));
}

#[tokio::test]
async fn a_fault_without_a_body_has_the_apps_own_error() {
    let router = simulator().router();
    let order = r#"{"match":{"method":"POST"},"status":429,"times":1}"#;
    ask(&router, "POST", "/__sim/faults", order).await;
    let (status, body) = ask(&router, "POST", "/count", "").await;
    assert_eq!((status.as_u16(), body), (429, json!({"oops": 429})));
    assert_eq!(ask(&router, "POST", "/count", "").await.1["count"], 1);
}

#[tokio::test]
async fn a_dropped_connection_carries_not_a_single_byte() {
    let running = Running::start(simulator()).await.unwrap();
    ask(&running.simulator().router(), "POST", "/__sim/faults", r#"{"drop_connection":true,"times":1}"#)
        .await;
    assert_eq!(raw(&running, POST).await, "");
    assert_eq!(running.simulator().app().state(), json!({"count": 0}));
    assert!(raw(&running, POST).await.starts_with("HTTP/1.1 200 OK"));
    running.stop().await;
}

#[tokio::test]
async fn a_committed_drop_has_acted_and_is_journaled_without_a_status() {
    let running = Running::start(simulator()).await.unwrap();
    let order = r#"[{"drop_connection":true,"commit":true,"times":1}]"#;
    ask(&running.simulator().router(), "POST", "/__sim/faults", order).await;
    assert_eq!(raw(&running, POST).await, "");
    assert_eq!(running.simulator().app().state(), json!({"count": 1}));
    let journal = running.simulator().journal();
    assert_eq!((&journal[0]["status"], &journal[0]["dropped"]), (&Value::Null, &json!(true)));
    running.stop().await;
}

#[tokio::test]
async fn a_delay_alone_leaves_the_answer_as_it_is() {
    let router = simulator().router();
    let order = r#"{"delay_ms":20,"headers":{"x-slow":"yes"}}"#;
    ask(&router, "POST", "/__sim/faults", order).await;
    let before = tokio::time::Instant::now();
    assert_eq!(ask(&router, "POST", "/count", "").await.1["count"], 1);
    assert!(before.elapsed() >= Duration::from_millis(20));
}

#[tokio::test]
async fn a_reset_starts_state_faults_clock_and_journal_again() {
    let simulator = simulator();
    let router = simulator.router();
    ask(&router, "POST", "/count", "").await;
    ask(&router, "POST", "/__sim/faults", r#"{"status":500}"#).await;
    ask(&router, "POST", "/__sim/clock", r#"{"advance_s":3600}"#).await;
    assert_eq!(ask(&router, "GET", "/__sim/clock", "").await.1, json!({"now": "2024-01-15T11:00:00Z"}));
    ask(&router, "POST", "/__sim/reset", "").await;
    assert_eq!(ask(&router, "GET", "/__sim/clock", "").await.1, json!({"now": "2024-01-15T10:00:00Z"}));
    assert_eq!(ask(&router, "GET", "/__sim/state", "").await.1, json!({"count": 0}));
    assert_eq!(ask(&router, "GET", "/__sim/faults", "").await.1, json!([]));
    assert!(simulator.journal().is_empty());
}

#[tokio::test]
async fn a_journal_that_is_off_records_nothing() {
    let simulator = simulator();
    let router = simulator.router();
    ask(&router, "POST", "/__sim/journal", r#"{"enabled":false}"#).await;
    ask(&router, "POST", "/count", "").await;
    assert!(simulator.journal().is_empty());
}
