//! One connection of a gateway, the app behind it, and the line between them.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use portcullis::adapters::simulator::{Dialect as Spoken, Holder, Simulator};
use portcullis::adapters::{Blueprint, hive, honeycomb, tines, workiva};
use portcullis::base::clock::{SharedClock, SystemClock, Timestamp};
use portcullis::base::id::Ids;
use portcullis::base::secret::Token;
use portcullis::contract::{Adapter, Dialect, Mode};
use portcullis::http::{RouterSettings, router};
use portcullis::provision::{Connection, Gateway, Leading, Policy, Shared};
use portcullis::store::memory::Memory;
use portcullis::upstream::Wire;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use crate::fault::{Fault, SHORTER};
use crate::line::Line;
use crate::support::rest;

/// The apps that are called.
pub const APPS: [&str; 4] = ["hive", "honeycomb", "tines", "workiva"];

/// How long a caller is kept waiting at the most.
pub const BUDGET: Duration = Duration::from_secs(25).checked_div(SHORTER).unwrap();

const TOKEN: &str = "the-token-of-the-connection";

/// Everything that is on stage for one cell.
#[derive(Debug)]
pub struct Stage {
    pub app: &'static str,
    pub line: Line,
    simulator: Simulator,
    doors: axum::Router,
    stop: CancellationToken,
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// What the caller got.
#[derive(Debug, Clone)]
pub struct Answered {
    pub status: u16,
    pub body: Value,
    pub comes_back: bool,
}

impl Stage {
    /// Sets up the app with its default people. `reads` says that the operation to come only reads.
    pub async fn open(app: &'static str, fault: &Fault, reads: bool) -> Self {
        let clock: SharedClock = Arc::new(SystemClock);
        let make = match app {
            "hive" => hive::sim::simulator,
            "honeycomb" => honeycomb::sim::simulator,
            "tines" => tines::sim::simulator,
            _ => workiva::sim::simulator,
        };
        let simulator = make(Spoken::Guide, Arc::clone(&clock)).unwrap();
        let line = Line::open(simulator.clone(), fault.needs_tls(), reads).await;
        let shared = Arc::new(Shared {
            store: Memory::default().open(),
            ids: Ids::new(Arc::clone(&clock)),
            clock: Arc::clone(&clock),
            tracker: TaskTracker::new(),
            metrics: Arc::default(),
            leading: Leading::default(),
            gate: Arc::default(),
            anchor: None,
            tracer: Arc::default(),
        });
        let policy = Policy { freshness: Duration::ZERO, budget: BUDGET, ..Policy::default() };
        let adapter = adapter(app, &line, clock);
        let connection = Connection::new(app, "http://localhost", adapter, policy, Arc::clone(&shared));
        let gateway = Gateway::new(vec![connection], shared);
        gateway.keep_token(app, &Token::parse(TOKEN).unwrap(), Timestamp(i64::MAX)).await.unwrap();
        gateway.recover().await.unwrap();
        let stop = CancellationToken::new();
        tokio::spawn(Arc::clone(&gateway).keep_promises(stop.clone()));
        let doors = router(gateway, RouterSettings { answer_within: BUDGET, ..RouterSettings::default() });
        Self { app, line, simulator, doors, stop }
    }

    /// Sends one request to the connection.
    pub async fn ask(&self, method: &str, path: &str, body: &Value) -> Answered {
        let request = Request::builder()
            .method(method)
            .uri(format!("/{}/scim/v2{path}", self.app))
            .header("authorization", format!("Bearer {TOKEN}"))
            .header("content-type", "application/scim+json");
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        let Ok(answer) = self.doors.clone().oneshot(request.body(body).unwrap()).await;
        let status = answer.status().as_u16();
        let comes_back = answer.headers().contains_key("retry-after");
        let bytes = axum::body::to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        Answered { status, body: serde_json::from_slice(&bytes).unwrap_or_default(), comes_back }
    }

    /// The same where all is well, which it must be.
    pub async fn done(&self, method: &str, path: &str, body: &Value) -> Value {
        let answer = self.ask(method, path, body).await;
        assert!(answer.status < 300, "{} {method} {path}: {} {}", self.app, answer.status, answer.body);
        answer.body
    }

    /// Everybody the app has an account of.
    pub fn holders(&self) -> Vec<Holder> {
        self.simulator.app().holders()
    }

    /// Whoever has this address at the app.
    pub fn holder(&self, email: &str) -> Option<Holder> {
        self.holders().into_iter().find(|holder| holder.email == email)
    }

    /// The person of this name, as the gateway shows them.
    pub async fn person(&self, name: &str) -> Value {
        let found =
            self.done("GET", &format!("/Users?filter=userName%20eq%20%22{name}%22"), &Value::Null).await;
        found["Resources"][0].clone()
    }

    /// The id of the group of this name.
    pub async fn group(&self, name: &str) -> String {
        let name = name.replace(' ', "%20");
        let filter = format!("/Groups?excludedAttributes=members&filter=displayName%20eq%20%22{name}%22");
        let found = self.done("GET", &filter, &json!(null)).await;
        found["Resources"][0]["id"].as_str().unwrap().to_owned()
    }
}

fn adapter(name: &str, line: &Line, clock: SharedClock) -> Arc<dyn Adapter> {
    let (app, settings) = rest(name, &line.url);
    let wire = Wire {
        private: true,
        per_second: None,
        concurrency: 16,
        attempt: Duration::from_secs(10) / SHORTER,
        total: BUDGET,
        body_limit: 1 << 20,
        names: Arc::clone(&line.weather) as _,
        clock,
    };
    let (mode, dialect) = (Mode::Rest, Dialect::Guide);
    app.adapter(&Blueprint { connection: name, mode, dialect, settings: &settings, wire }).unwrap()
}
