//! A gateway with one connection, asked through its doors.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName};
use http_body_util::BodyExt;
use portcullis::adapters::sandbox::Sandbox;
use portcullis::base::clock::{ManualClock, SharedClock, Timestamp};
use portcullis::base::id::Ids;
use portcullis::base::secret::Token;
use portcullis::contract::{
    Account, Accounts, Adapter, By, Capabilities, Change, Draft, Error, Groups, Held, Kind, Outcome, Page,
    Standing,
};
use portcullis::http::{RouterSettings, router};
use portcullis::provision::{Connection, Gateway, Leading, Policy, Shared};
use portcullis::store::sqlite;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use crate::gated::Gated;

const TOKEN: &str = "the-token-of-the-connection";

/// Where the SCIM resources live.
pub(crate) const BASE: &str = "http://localhost/app/scim/v2";

/// A running gateway.
pub(crate) struct Stage {
    pub(crate) connection: Arc<Connection>,
    pub(crate) clock: Arc<ManualClock>,
    work: TaskTracker,
    doors: Router,
    _directory: TempDir,
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// Null where there is no body.
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The ids of a listing.
    pub(crate) fn ids(&self) -> Vec<String> {
        assert_eq!(self.status, 200, "{}", self.body);
        ids(&self.body)
    }

    /// Status and keyword of an error.
    pub(crate) fn error(&self) -> (u16, &str) {
        (self.status, self.body["scimType"].as_str().unwrap_or_default())
    }
}

/// The ids of a ListResponse.
pub(crate) fn ids(listing: &Value) -> Vec<String> {
    let resources = listing["Resources"].as_array().unwrap();
    resources.iter().map(|each| each["id"].as_str().unwrap().to_owned()).collect()
}

impl Stage {
    /// Over the sandbox, which holds everything.
    pub(crate) async fn sandbox() -> Self {
        Self::with_policy(Policy::default()).await
    }

    pub(crate) async fn with_policy(policy: Policy) -> Self {
        let clock = clock();
        let app = Arc::new(Sandbox::new(Arc::clone(&clock) as SharedClock));
        Self::over(app, policy, clock).await
    }

    /// Over an app that lists `accounts` and holds their names and addresses, nothing else.
    pub(crate) async fn directory(accounts: Arc<Mutex<Vec<Account>>>) -> Self {
        Self::over(Arc::new(Directory::new(accounts)), Policy::default(), clock()).await
    }

    /// Over the sandbox behind a gate that lets no create through until it is told to; a caller waits `answer_within`.
    pub(crate) async fn gated(answer_within: Duration) -> (Self, Arc<Gated>) {
        let clock = clock();
        let app = Arc::new(Gated::new(Sandbox::new(Arc::clone(&clock) as SharedClock)));
        let settings = RouterSettings { answer_within, ..RouterSettings::default() };
        let stage = Self::behind(Arc::clone(&app) as Arc<dyn Adapter>, Policy::default(), clock, settings);
        (stage.await, app)
    }

    async fn over(app: Arc<dyn Adapter>, policy: Policy, clock: Arc<ManualClock>) -> Self {
        Self::behind(app, policy, clock, RouterSettings::default()).await
    }

    async fn behind(
        app: Arc<dyn Adapter>,
        policy: Policy,
        clock: Arc<ManualClock>,
        settings: RouterSettings,
    ) -> Self {
        let (directory, work) = (TempDir::new().unwrap(), TaskTracker::new());
        let store = sqlite::open(&directory.path().join("test.db")).await.unwrap();
        let shared = Arc::new(Shared {
            store,
            ids: Ids::new(Arc::clone(&clock) as SharedClock),
            clock: Arc::clone(&clock) as SharedClock,
            tracker: work.clone(),
            metrics: Arc::default(),
            leading: Leading::default(),
            tracer: Arc::default(),
            gate: Arc::default(),
            anchor: None,
        });
        let connection = Connection::new("app", "http://localhost", app, policy, Arc::clone(&shared));
        let gateway = Gateway::new(vec![Arc::clone(&connection)], shared);
        let token = Token::parse(TOKEN).unwrap();
        gateway.keep_token("app", &token, Timestamp(i64::MAX)).await.unwrap();
        let doors = router(gateway, settings);
        Self { connection, clock, work, doors, _directory: directory }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], Value::Null).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.ask("POST", path, &[], body).await
    }

    pub(crate) async fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&'static str, &str)],
        body: Value,
    ) -> Answer {
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        let mut request =
            Request::builder().method(method).uri(format!("/app/scim/v2{path}")).body(body).unwrap();
        request.headers_mut().insert("authorization", format!("Bearer {TOKEN}").parse().unwrap());
        for (name, value) in headers {
            request.headers_mut().append(HeaderName::from_static(name), value.parse().unwrap());
        }
        let (head, body) = self.doors.clone().oneshot(request).await.unwrap().into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() };
        Answer { status: head.status.as_u16(), headers: head.headers, body }
    }

    /// Waits until nothing is under way any more.
    pub(crate) async fn settled(&self) {
        self.work.close();
        self.work.wait().await;
        self.work.reopen();
    }

    /// A person called `name`, as it was answered.
    pub(crate) async fn person(&self, name: &str) -> Value {
        let answer = self.post("/Users", json!({ "userName": name })).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        answer.body
    }

    /// A group with these members, as it was answered.
    pub(crate) async fn group(&self, name: &str, members: &[&str]) -> Value {
        let members: Vec<Value> = members.iter().map(|id| json!({ "value": id })).collect();
        let answer = self.post("/Groups", json!({ "displayName": name, "members": members })).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        answer.body
    }

    /// People `user-000` to the number before `count`, a second apart; their ids.
    pub(crate) async fn crowd(&self, count: usize) -> Vec<String> {
        let mut ids = Vec::new();
        for number in 0..count {
            let person = self.person(&format!("user-{number:03}")).await;
            ids.push(person["id"].as_str().unwrap().to_owned());
            self.clock.advance(Duration::from_secs(1));
        }
        ids
    }
}

/// The number in a JSON answer.
pub(crate) fn number(value: &Value) -> usize {
    usize::try_from(value.as_u64().unwrap()).unwrap()
}

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::starting_at(Timestamp(1_700_000_000_000_000)))
}

/// An app whose accounts are read and never changed.
#[derive(Debug)]
struct Directory {
    accounts: Arc<Mutex<Vec<Account>>>,
    capabilities: Capabilities,
}

impl Directory {
    fn new(accounts: Arc<Mutex<Vec<Account>>>) -> Self {
        let held = Accounts {
            email: Held::Yes,
            given_name: Held::Yes,
            family_name: Held::Yes,
            display_name: Held::Yes,
            ..Accounts::default()
        };
        let capabilities =
            Capabilities { app: "directory", accounts: held, list: true, ..Capabilities::default() };
        Self { accounts, capabilities }
    }
}

fn cannot<T>() -> Result<T, Error> {
    Err(Error::new(Kind::Unsupported, "any", "this app changes nothing"))
}

#[async_trait]
impl Adapter for Directory {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }
    async fn check(&self) -> Result<Standing, Error> {
        cannot()
    }
    async fn account(&self, _: By<'_>) -> Result<Option<Account>, Error> {
        Ok(None)
    }
    async fn accounts(&self, _: Option<&str>) -> Result<Page<Account>, Error> {
        Ok(Page { items: self.accounts.lock().unwrap().clone(), next: None })
    }
    async fn create_account(&self, _: &Draft) -> Result<Outcome<Account>, Error> {
        cannot()
    }
    async fn update_account(&self, _: &Account, _: &Change) -> Result<Outcome<Account>, Error> {
        cannot()
    }
    async fn deactivate(&self, _: &Account) -> Result<Outcome<()>, Error> {
        cannot()
    }
    async fn reactivate(&self, _: &Account) -> Result<Outcome<Account>, Error> {
        cannot()
    }
    async fn delete_account(&self, _: &Account) -> Result<Outcome<()>, Error> {
        cannot()
    }

    fn groups(&self) -> Option<&dyn Groups> {
        None
    }
}
