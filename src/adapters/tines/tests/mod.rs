mod accounts;
mod deactivation;
mod failures;
mod hybrid;
mod teams;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::{APP, sim};
use crate::adapters::Blueprint;
use crate::adapters::settings::{Setting, Settings};
use crate::adapters::simulator::probe::Probe;
use crate::adapters::simulator::{Dialect as SimulatedDialect, Running};
use crate::base::clock::{ManualClock, SystemClock, Timestamp};
use crate::base::secret::SecretString;
use crate::contract::{Account, Adapter, Dialect, Guarded, Mode};
use crate::upstream::{Wire, system_names};

/// 2024-01-15T10:00:00Z
const START: Timestamp = Timestamp(1_705_312_800_000_000);

/// A simulated tenant behind a socket, and a connection to it.
struct Tenant {
    running: Running,
    app: Arc<dyn Adapter>,
}

impl Tenant {
    async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// A tenant whose connection has other settings than the usual.
    async fn with(adjust: impl FnOnce(&mut Settings)) -> Self {
        let clock = Arc::new(ManualClock::starting_at(START));
        let running = Running::start(sim::simulator(SimulatedDialect::Guide, clock).unwrap()).await.unwrap();
        let mut settings = Settings::default();
        settings
            .set("rest.base_url", Setting::Text(format!("{}/api/v1", running.url())))
            .set("rest.api_token", Setting::Secret(SecretString::from(sim::ADMIN_TOKEN)));
        adjust(&mut settings);
        let app = Arc::new(Guarded::new(built(&settings, Mode::Rest, Dialect::Guide).unwrap()));
        Self { running, app }
    }

    fn lever(&self, path: &str, body: &Value) {
        Probe::new(self.running.simulator()).lever(path, body);
    }

    fn mode(&self, switches: &Value) {
        self.lever("mode", switches);
    }

    /// What the app holds.
    fn state(&self) -> Value {
        self.running.simulator().app().state()
    }

    /// Every call so far: `PUT /api/v1/users/2 {"active":false}`.
    fn calls(&self) -> Vec<String> {
        self.running.simulator().journal().iter().map(written).collect()
    }
}

fn written(entry: &Value) -> String {
    let text = |name: &str| entry[name].as_str().unwrap().to_owned();
    let line = format!("{} {}", text("method"), text("path"));
    let parameter = |(name, value): (&String, &Value)| format!("{name}={}", value.as_str().unwrap());
    let query: Vec<String> = entry["query"].as_object().unwrap().iter().map(parameter).collect();
    let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
    let body = if entry["body"].is_null() { String::new() } else { format!(" {}", entry["body"]) };
    line + &query + &body
}

fn built(settings: &Settings, mode: Mode, dialect: Dialect) -> Result<Arc<dyn Adapter>, String> {
    let wire = Wire {
        private: true,
        per_second: None,
        concurrency: 4,
        attempt: Duration::from_secs(5),
        total: Duration::from_secs(20),
        body_limit: 8 * 1024 * 1024,
        names: system_names(),
        clock: Arc::new(SystemClock),
    };
    APP.adapter(&Blueprint { connection: "tines", mode, dialect, settings, wire })
}

fn known(id: &str) -> Account {
    Account { id: id.into(), ..Account::default() }
}

#[test]
fn a_setting_that_is_missing_is_named() {
    assert_eq!(
        built(&Settings::default(), Mode::Rest, Dialect::Guide).unwrap_err(),
        "`rest.base_url` is missing"
    );
}

#[tokio::test]
async fn a_check_makes_the_smallest_listing() {
    let tenant = Tenant::start().await;
    assert_eq!(tenant.app.check().await.unwrap().summary, "reached, 3 accounts visible");
    assert_eq!(tenant.calls(), ["GET /api/v1/users?page=1&per_page=1"]);
}

#[tokio::test]
async fn the_answers_of_the_guides_examples_are_enough() {
    let tenant = Tenant::start().await;
    tenant.lever(
        "faults",
        &json!([
            {"match": {"method": "POST"}, "status": 200, "body":
                {"id": 99, "email": "new@example.com", "first_name": "John", "last_name": "Smith", "role": "member"}},
            {"match": {"method": "PUT"}, "status": 200, "body":
                {"id": 99, "email": "new@example.com", "role": "admin"}},
        ]),
    );
    let john = accounts::john();
    let created = tenant.app.create_account(&john).await.unwrap().value().unwrap();
    assert_eq!((created.id.as_str(), created.state, created.groups), ("99", None, None));
    let admin = crate::contract::Change { roles: Some(vec!["admin".into()]), ..Default::default() };
    let told = tenant.app.update_account(&known("99"), &admin).await.unwrap().value().unwrap();
    assert_eq!(told.roles.unwrap()[0].value, "admin");
    assert_eq!(told.given_name, None);
}
