//! One life of a gateway: a runtime of its own, so that death is dropping it.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use portcullis::adapters::Blueprint;
use portcullis::base::clock::SharedClock;
use portcullis::base::clock::Timestamp;
use portcullis::base::id::Ids;
use portcullis::base::secret::{SecretString, Token};
use portcullis::contract::{Adapter, Dialect, Mode};
use portcullis::http::{RouterSettings, router};
use portcullis::provision::{Connection, Gateway, Policy, Shared};
use portcullis::store::hooked::Hooked;
use portcullis::store::{Store as _, postgres, sqlite};
use portcullis::upstream::{Wire, system_names};
use serde_json::Value;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use super::super::audit::Database;
use super::super::support::rest;
use super::{Ahead, Faulty};

const TOKEN: &str = "the-token-of-the-connection";

/// How long what a dead gateway held is kept for it; on a busy machine a live one renews within that.
const LEASE: Duration = Duration::from_secs(3);

/// What was answered: the status, and the body where it is JSON.
pub type Asked = (u16, Value);

/// A gateway that lives until it is dropped.
#[derive(Debug)]
pub struct Life {
    runtime: Option<Runtime>,
    doors: axum::Router,
    pub store: Arc<Hooked<Faulty>>,
    name: &'static str,
}

impl Life {
    /// Begins a life on `database`, before the app at `url`.
    pub fn begin(database: &Database, name: &'static str, url: &str, clock: &Ahead) -> Result<Self, String> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .map_err(|error| error.to_string())?;
        let (doors, store) = runtime.block_on(Self::open(database, name, url, clock))?;
        Ok(Self { runtime: Some(runtime), doors, store, name })
    }

    async fn open(
        database: &Database,
        name: &'static str,
        url: &str,
        clock: &Ahead,
    ) -> Result<(axum::Router, Arc<Hooked<Faulty>>), String> {
        let inner = match database {
            Database::File(path) => sqlite::open(path).await,
            Database::Server(address) => {
                let settings = postgres::Settings::new(SecretString::from(address.clone()));
                postgres::open(&postgres::Settings { connections: 4, lease: LEASE, ..settings }).await
            }
        };
        let inner = inner.map_err(|error| error.to_string())?;
        let store = Arc::new(Hooked::new(inner, Faulty::default()));
        let clock: SharedClock = Arc::new(clock.clone());
        let shared = Arc::new(Shared {
            store: Arc::clone(&store) as Arc<dyn portcullis::store::Store>,
            ids: Ids::new(Arc::clone(&clock)),
            clock: Arc::clone(&clock),
            tracker: TaskTracker::new(),
            metrics: Arc::default(),
            leading: portcullis::provision::Leading::default(),
            gate: Arc::default(),
            anchor: None,
            tracer: Arc::default(),
        });
        let policy = Policy {
            freshness: Duration::from_secs(1),
            budget: Duration::from_millis(1_500),
            ..Policy::default()
        };
        let adapter = adapter(name, url, clock)?;
        let connection = Connection::new(name, "http://localhost", adapter, policy, Arc::clone(&shared));
        let gateway = Gateway::new(vec![connection], shared);
        let known = store.tokens().await.map_err(|error| error.to_string())?;
        if known.is_empty() {
            let token = Token::parse(TOKEN).ok_or("no token")?;
            let kept = gateway.keep_token(name, &token, Timestamp(i64::MAX)).await;
            kept.map_err(|refusal| refusal.error.detail)?;
        }
        gateway.recover().await.map_err(|refusal| refusal.error.detail)?;
        tokio::spawn(Arc::clone(&gateway).keep_promises(CancellationToken::new()));
        Ok((router(gateway, RouterSettings::default()), store))
    }

    fn runtime(&self) -> &Runtime {
        self.runtime.as_ref().unwrap_or_else(|| unreachable!("it is taken when it is dropped"))
    }

    /// Sends a request; whoever wants the answer waits for it.
    pub fn send(&self, method: &str, path: &str, body: &Value) -> JoinHandle<Asked> {
        let request = Request::builder()
            .method(method)
            .uri(format!("/{}/scim/v2{path}", self.name))
            .header("authorization", format!("Bearer {TOKEN}"))
            .header("content-type", "application/scim+json");
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        let doors = self.doors.clone();
        self.runtime().spawn(async move {
            let Ok(request) = request.body(body) else { return (0, Value::Null) };
            let Ok(answer) = doors.oneshot(request).await;
            let status = answer.status().as_u16();
            let bytes = axum::body::to_bytes(answer.into_body(), usize::MAX).await.unwrap_or_default();
            (status, serde_json::from_slice(&bytes).unwrap_or_default())
        })
    }

    /// Sends a request and waits for the answer; status 0 where there is none.
    pub fn ask(&self, method: &str, path: &str, body: &Value) -> Asked {
        let sent = self.send(method, path, body);
        self.wait(sent).unwrap_or_default()
    }

    /// Waits for something in this life.
    pub fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime().block_on(work)
    }
}

impl Life {
    /// Ends it where it stands; nothing may be asked of it any more.
    pub fn end(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        self.end();
    }
}

fn adapter(name: &str, url: &str, clock: SharedClock) -> Result<Arc<dyn Adapter>, String> {
    let (app, settings) = rest(name, url);
    let wire = Wire {
        private: true,
        per_second: None,
        concurrency: 8,
        attempt: Duration::from_millis(400),
        total: Duration::from_millis(1_200),
        body_limit: 8 << 20,
        names: system_names(),
        clock,
    };
    let (mode, dialect) = (Mode::Rest, Dialect::Guide);
    app.adapter(&Blueprint { connection: name, mode, dialect, settings: &settings, wire })
}
