mod accounts;
mod failures;
mod groups;
mod hybrid;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::{APP, sim};
use crate::adapters::Blueprint;
use crate::adapters::settings::{Setting, Settings};
use crate::adapters::simulator::probe::Probe;
use crate::adapters::simulator::{Dialect as SimulatedDialect, Running};
use crate::base::clock::{ManualClock, SharedClock, SystemClock, Timestamp};
use crate::base::secret::SecretString;
use crate::contract::{Account, Adapter, By, Dialect, Guarded, Mode};
use crate::upstream::{Wire, system_names};

/// 2024-01-15T10:00:00Z
const START: Timestamp = Timestamp(1_705_312_800_000_000);
const TOKEN: &str = "POST /iam/v1/oauth2/token";
const ROLES: &str = "GET /platform/v1/roles";
const MARIA: &str = "usr_000002";

/// Two simulated workspaces behind a socket, a connection to the first, and the clock of both sides.
struct Workspace {
    running: Running,
    clock: Arc<ManualClock>,
    app: Arc<dyn Adapter>,
}

impl Workspace {
    async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// A workspace whose connection has other settings than the usual.
    async fn with(adjust: impl FnOnce(&mut Settings)) -> Self {
        let clock = Arc::new(ManualClock::starting_at(START));
        let simulator = sim::simulator(SimulatedDialect::Guide, clock.clone()).unwrap();
        let running = Running::start(simulator).await.unwrap();
        let mut settings = Settings::default();
        settings
            .set("rest.base_url", Setting::Text(format!("{}/platform/v1", running.url())))
            .set("rest.token_url", Setting::Text(format!("{}/iam/v1/oauth2/token", running.url())))
            .set("rest.client_id", Setting::Text(sim::CLIENT_ID.into()))
            .set("rest.client_secret", Setting::Secret(SecretString::from(sim::CLIENT_SECRET)));
        adjust(&mut settings);
        let app =
            Arc::new(Guarded::new(built(&settings, Mode::Rest, Dialect::Guide, clock.clone()).unwrap()));
        Self { running, clock, app }
    }

    fn lever(&self, path: &str, body: &Value) {
        Probe::new(self.running.simulator()).lever(path, body);
    }

    fn mode(&self, switches: &Value) {
        self.lever("mode", switches);
    }

    /// What the first workspace holds.
    fn state(&self) -> Value {
        self.running.simulator().app().state()["workspaces"]["ws_1"].clone()
    }

    /// Every call so far: `PATCH /platform/v1/users/usr_1 {"active":false}`; of a token's only the path.
    fn calls(&self) -> Vec<String> {
        self.running.simulator().journal().iter().map(written).collect()
    }

    /// The calls that `work` makes when the token is there already.
    async fn calls_of<T>(&self, work: impl Future<Output = T>) -> (T, Vec<String>) {
        self.app.check().await.unwrap();
        let before = self.calls().len();
        let done = work.await;
        (done, self.calls().split_off(before))
    }

    fn user(&self, id: &str) -> Value {
        let state = self.state();
        let users = state["users"].as_array().unwrap();
        users.iter().find(|user| user["id"] == id).cloned().unwrap_or_default()
    }
}

fn written(entry: &Value) -> String {
    let text = |name: &str| entry[name].as_str().unwrap().to_owned();
    let line = format!("{} {}", text("method"), text("path"));
    if line == TOKEN {
        return line;
    }
    let parameter = |(name, value): (&String, &Value)| {
        let value = if name == "pageToken" { "…" } else { value.as_str().unwrap() };
        format!("{name}={value}")
    };
    let query: Vec<String> = entry["query"].as_object().unwrap().iter().map(parameter).collect();
    let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
    let body = if entry["body"].is_null() { String::new() } else { format!(" {}", entry["body"]) };
    line + &query + &body
}

fn built(
    settings: &Settings,
    mode: Mode,
    dialect: Dialect,
    clock: SharedClock,
) -> Result<Arc<dyn Adapter>, String> {
    let wire = Wire {
        private: true,
        per_second: None,
        concurrency: 4,
        attempt: Duration::from_secs(5),
        total: Duration::from_secs(20),
        body_limit: 8 * 1024 * 1024,
        names: system_names(),
        clock,
    };
    APP.adapter(&Blueprint { connection: "workiva", mode, dialect, settings, wire })
}

fn known(id: &str) -> Account {
    Account { id: id.into(), ..Account::default() }
}

#[test]
fn a_setting_that_is_missing_is_named() {
    assert_eq!(
        built(&Settings::default(), Mode::Rest, Dialect::Guide, Arc::new(SystemClock)).unwrap_err(),
        "`rest.client_id` is missing"
    );
}

#[tokio::test]
async fn a_check_fetches_one_token_and_one_user() {
    let workspace = Workspace::start().await;
    assert_eq!(workspace.app.check().await.unwrap().summary, "reached, users can be read");
    assert_eq!(workspace.calls(), [TOKEN, "GET /platform/v1/users?pageSize=1"]);
}

#[tokio::test]
async fn the_answers_of_the_guides_examples_are_enough() {
    let workspace = Workspace::start().await;
    let user = json!({"id": "usr_abc", "email": "jane@example.com", "firstName": "Jane", "lastName": "Doe",
        "active": true});
    workspace.lever(
        "faults",
        &json!([
            {"match": {"path_regex": "/users/usr_abc$"}, "status": 200, "body": user},
            {"match": {"path_regex": "/groups/grp_1/members$"}, "status": 200, "body": {"data": []}},
        ]),
    );
    let jane = workspace.app.account(By::Id("usr_abc")).await.unwrap().unwrap();
    assert_eq!((jane.family_name.as_deref(), jane.roles), (Some("Doe"), None));
    assert_eq!(workspace.app.groups().unwrap().members("grp_1").await, Ok(Vec::new()));
}
