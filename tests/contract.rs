//! Every simulator keeps to the OpenAPI description it was written from, over real HTTP.

#![cfg(feature = "sim")]
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod support_contract;
mod support_scim;

use std::collections::BTreeSet;
use std::sync::Arc;

use portcullis::adapters::simulator::{Dialect, Running, Simulator};
use portcullis::adapters::{hive, honeycomb, tines, workiva};
use portcullis::base::clock::SystemClock;
use reqwest::Method;
use serde_json::{Value, json};

use self::support_contract::{Contract, Side};

/// A caller of one simulator with one credential.
struct Caller {
    running: Running,
    client: reqwest::Client,
    credential: (&'static str, String),
}

impl Caller {
    #[expect(
        clippy::disallowed_methods,
        reason = "the simulators are asked by something that is not our client"
    )]
    async fn of(simulator: Simulator, header: &'static str, value: &str) -> Self {
        let running = Running::start(simulator).await.unwrap();
        Self { running, client: reqwest::Client::new(), credential: (header, value.to_owned()) }
    }

    /// Asks and answers status and JSON, null when it is none.
    async fn ask(&self, method: &str, target: &str, body: Value) -> (u16, Value) {
        self.send(
            method,
            target,
            "application/json",
            if body.is_null() { None } else { Some(body.to_string()) },
        )
        .await
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the simulators are asked by something that is not our client"
    )]
    async fn send(&self, method: &str, target: &str, kind: &str, body: Option<String>) -> (u16, Value) {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self.client.request(method, format!("{}{target}", self.running.url()));
        if !self.credential.0.is_empty() {
            request = request.header(self.credential.0, &self.credential.1);
        }
        if let Some(body) = body {
            request = request.header("content-type", kind).body(body);
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or(Value::Null))
    }

    /// Whether a request ends without any answer.
    #[expect(
        clippy::disallowed_methods,
        reason = "the simulators are asked by something that is not our client"
    )]
    async fn is_lost(&self, method: &str, target: &str, body: String) -> bool {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let request = self.client.request(method, format!("{}{target}", self.running.url()));
        request.header(self.credential.0, &self.credential.1).body(body).send().await.is_err()
    }

    /// Asks for something the description does not allow to be asked, to see how it is refused.
    async fn refused(&self, method: &str, target: &str, body: Value, expected: u16) {
        let (status, answer) = self.ask(method, target, body).await;
        assert_eq!(status, expected, "{method} {target}: {answer}");
    }

    /// Judges everything asked so far: no answer may break the contract, no request that was well answered either,
    /// and every operation must have been answered well at least once.
    async fn judge(self, app: &str) {
        let contract = Contract::of(app);
        let journal = self.running.simulator().journal();
        let mut answered = BTreeSet::new();
        for entry in &journal {
            let good = entry["status"].as_u64().is_some_and(|status| status < 300);
            let breaches = contract.breaches(entry);
            let of_interest: Vec<_> =
                breaches.iter().filter(|breach| good || breach.side == Side::Response).collect();
            assert!(of_interest.is_empty(), "{of_interest:?} in {entry}");
            if good {
                answered.extend(contract.operation_of(entry));
            }
        }
        assert_eq!(contract.operations(), answered, "operations that were not asked for");
        self.running.stop().await;
    }
}

#[tokio::test]
async fn honeycomb_keeps_its_contract() {
    let simulator = honeycomb::sim::simulator(Dialect::Guide, Arc::new(SystemClock)).unwrap();
    let caller = Caller::of(simulator.clone(), "x-honeycomb-team", honeycomb::sim::CONFIG_KEY).await;
    let members = "/1/team_memberships";
    caller.ask("GET", members, Value::Null).await;
    let (_, anna) = caller.ask("POST", members, json!({"email": "anna@example.com", "role": "member"})).await;
    let one = format!("{members}/{}", anna["id"].as_str().unwrap());
    caller.ask("PUT", &one, json!({"role": "admin"})).await;
    caller.ask("DELETE", &one, Value::Null).await;
    caller.refused("DELETE", &one, Value::Null, 404).await;
    caller.refused("PUT", &one, json!({"role": "admin"}), 404).await;
    caller.refused("POST", members, json!({"email": "owner@example.com", "role": "member"}), 409).await;
    caller.refused("POST", members, json!({"email": "a@example.com"}), 422).await;
    caller.refused("POST", members, json!([]), 400).await;
    caller.ask("POST", "/__sim/seats", json!({"limit": 1})).await;
    caller.refused("POST", members, json!({"email": "a@example.com", "role": "member"}), 403).await;
    caller.ask("GET", "/1/auth", Value::Null).await;
    let ingest = Caller::of(simulator.clone(), "x-honeycomb-team", honeycomb::sim::INGEST_KEY).await;
    ingest.refused("GET", members, Value::Null, 401).await;
    let management = format!("Bearer {}", honeycomb::sim::MANAGEMENT_KEY);
    let manager = Caller::of(simulator, "authorization", &management).await;
    let keys = "/2/teams/acme/api-keys";
    manager.ask("GET", "/2/auth", Value::Null).await;
    let (_, page) = manager.ask("GET", &format!("{keys}?page[size]=1"), Value::Null).await;
    let one = format!("{keys}/{}", page["data"][0]["id"].as_str().unwrap());
    let change = json!({"data": {"type": "api-keys", "attributes": {"disabled": true}}}).to_string();
    manager.send("PATCH", &one, "application/vnd.api+json", Some(change.clone())).await;
    manager.send("PATCH", &one, "application/json", Some(change)).await;
    manager.ask("DELETE", &one, Value::Null).await;
    manager.refused("DELETE", &one, Value::Null, 404).await;
    ingest.refused("GET", keys, Value::Null, 401).await;
    caller.judge("honeycomb").await;
}

#[tokio::test]
async fn tines_keeps_its_contract() {
    let simulator = tines::sim::simulator(Dialect::Guide, Arc::new(SystemClock)).unwrap();
    let admin = format!("Bearer {}", tines::sim::ADMIN_TOKEN);
    let caller = Caller::of(simulator.clone(), "authorization", &admin).await;
    let (users, memberships) = ("/api/v1/users", "/api/v1/teams/5/memberships");
    let anna =
        json!({"email": "anna@example.com", "first_name": "Anna", "last_name": "Berg", "role": "member"});
    caller.ask("GET", "/api/v1/users?page=1&per_page=2", Value::Null).await;
    let (_, created) = caller.ask("POST", users, anna.clone()).await;
    let one = format!("{users}/{}", created["id"]);
    caller.ask("GET", &one, Value::Null).await;
    caller.ask("PUT", &one, json!({"role": "admin", "active": false, "team_ids": [6]})).await;
    caller.ask("GET", "/api/v1/teams", Value::Null).await;
    caller.ask("POST", memberships, json!({"user_id": created["id"]})).await;
    caller.ask("POST", memberships, json!({"user_id": created["id"]})).await;
    caller.ask("DELETE", &format!("{memberships}/{}", created["id"]), Value::Null).await;
    caller.refused("DELETE", &format!("{memberships}/{}", created["id"]), Value::Null, 404).await;
    caller.refused("POST", memberships, json!({"user_id": 999}), 404).await;
    caller.refused("POST", memberships, json!({}), 422).await;
    caller.refused("POST", users, anna, 422).await;
    caller.refused("POST", users, json!([]), 400).await;
    caller.refused("GET", "/api/v1/users?per_page=0", Value::Null, 422).await;
    caller.ask("DELETE", &one, Value::Null).await;
    caller.refused("GET", &one, Value::Null, 404).await;
    caller.ask("POST", "/__sim/mode", json!({"partial_echo": true, "brief_list": true})).await;
    caller.ask("GET", users, Value::Null).await;
    caller.ask("PUT", "/api/v1/users/2", json!({"last_name": "Silva"})).await;
    for (token, status) in [(tines::sim::SCIM_TOKEN, 401), (tines::sim::MEMBER_TOKEN, 403)] {
        let other = Caller::of(simulator.clone(), "authorization", &format!("Bearer {token}")).await;
        other.refused("GET", users, Value::Null, status).await;
    }
    let scim =
        Caller::of(simulator.clone(), "authorization", &format!("Bearer {}", tines::sim::SCIM_TOKEN)).await;
    support_scim::drive(&scim, true).await;
    support_scim::drive_refusals(&scim, &caller).await;
    caller.judge("tines").await;
}

#[tokio::test]
async fn workiva_keeps_its_contract() {
    let simulator = workiva::sim::simulator(Dialect::Guide, Arc::new(SystemClock)).unwrap();
    let guest = Caller::of(simulator.clone(), "", "").await;
    let form = |secret: &str| {
        format!("grant_type=client_credentials&client_id={}&client_secret={secret}", workiva::sim::CLIENT_ID)
    };
    let (token, form_type) = ("/iam/v1/oauth2/token", "application/x-www-form-urlencoded");
    let (_, issued) = guest.send("POST", token, form_type, Some(form(workiva::sim::CLIENT_SECRET))).await;
    assert_eq!(guest.send("POST", token, form_type, Some(form("wrong"))).await.0, 401);
    guest.refused("POST", token, json!({}), 400).await;
    guest.refused("GET", "/platform/v1/users", Value::Null, 401).await;
    let bearer = format!("Bearer {}", issued["access_token"].as_str().unwrap());
    let caller = Caller::of(simulator.clone(), "authorization", &bearer).await;
    let (users, groups) = ("/platform/v1/users", "/platform/v1/groups");
    let anna = json!({"email": "anna@example.com", "firstName": "Anna", "lastName": "Berg", "roles": ["role_viewer"]});
    let (_, created) = caller.ask("POST", users, anna.clone()).await;
    let one = format!("{users}/{}", created["id"].as_str().unwrap());
    let (_, page) = caller.ask("GET", &format!("{users}?pageSize=2"), Value::Null).await;
    let next = page["nextPageToken"].as_str().unwrap();
    caller.ask("POST", "/__sim/mode", json!({"last_page": "rotate", "group_delete": true})).await;
    for _ in 0..3 {
        caller.ask("GET", &format!("{users}?pageSize=100&pageToken={next}"), Value::Null).await;
    }
    caller.ask("GET", &format!("{users}?email=anna%40example.com"), Value::Null).await;
    caller.ask("GET", &one, Value::Null).await;
    caller.ask("PATCH", &one, json!({"active": false})).await;
    caller.refused("PATCH", &one, json!([]), 400).await;
    caller.refused("POST", users, anna, 409).await;
    caller.refused("POST", users, json!({"email": "b@example.com"}), 400).await;
    caller.refused("GET", &format!("{users}?pageToken=made-up"), Value::Null, 400).await;
    caller.ask("GET", "/platform/v1/roles", Value::Null).await;
    caller.ask("GET", groups, Value::Null).await;
    let (_, group) = caller.ask("POST", groups, json!({"name": "Audit"})).await;
    let group = format!("{groups}/{}", group["id"].as_str().unwrap());
    caller.ask("GET", &group, Value::Null).await;
    caller.ask("PATCH", &group, json!({"name": "Auditing"})).await;
    caller.ask("POST", &format!("{group}/members"), json!({"userId": created["id"]})).await;
    caller.refused("POST", &format!("{group}/members"), json!({"userId": created["id"]}), 409).await;
    caller.refused("POST", &format!("{group}/members"), json!({"userId": "usr_nobody"}), 404).await;
    caller.ask("GET", &format!("{group}/members"), Value::Null).await;
    let member = format!("{group}/members/{}", created["id"].as_str().unwrap());
    caller.ask("DELETE", &member, Value::Null).await;
    caller.refused("DELETE", &member, Value::Null, 404).await;
    caller.ask("DELETE", &group, Value::Null).await;
    caller.refused("GET", &group, Value::Null, 404).await;
    caller.ask("DELETE", &one, Value::Null).await;
    caller.refused("PATCH", &one, json!({"active": true}), 404).await;
    let scim = Caller::of(simulator, "authorization", &format!("Bearer {}", workiva::sim::SCIM_TOKEN)).await;
    support_scim::drive(&scim, true).await;
    support_scim::drive_refusals(&scim, &caller).await;
    caller.judge("workiva").await;
}

#[tokio::test]
async fn hive_keeps_its_contract() {
    let simulator = hive::sim::simulator(Dialect::Guide, Arc::new(SystemClock)).unwrap();
    let admin = format!("Bearer {}", hive::sim::ADMIN_KEY);
    let caller = Caller::of(simulator.clone(), "authorization", &admin).await;
    let members = "/api/v1/workspaces/ws_001/members";
    caller.ask("GET", "/api/v1/workspaces", Value::Null).await;
    let anna = json!({"email": "anna@example.com", "role": "member"});
    let (_, invited) = caller.ask("POST", members, anna.clone()).await;
    let one = format!("{members}/{}", invited["id"].as_str().unwrap());
    caller.ask("GET", &one, Value::Null).await;
    caller.ask("POST", "/__sim/invites/anna@example.com/accept", Value::Null).await;
    caller.ask("GET", members, Value::Null).await;
    caller.ask("POST", "/__sim/mode", json!({"brief_members": true})).await;
    caller.ask("GET", members, Value::Null).await;
    caller.refused("POST", members, anna, 409).await;
    caller.refused("POST", members, json!({}), 400).await;
    caller.ask("DELETE", &one, Value::Null).await;
    caller.refused("DELETE", &one, Value::Null, 404).await;
    caller.refused("GET", "/api/v1/workspaces/ws_900/members", Value::Null, 404).await;
    caller.ask("POST", "/__sim/seats", json!({"limit": 1})).await;
    caller.refused("POST", members, json!({"email": "b@example.com"}), 403).await;
    for (key, status) in [(hive::sim::MEMBER_KEY, 403), (hive::sim::SCIM_TOKEN, 401)] {
        let other = Caller::of(simulator.clone(), "authorization", &format!("Bearer {key}")).await;
        other.refused("POST", members, json!({"email": "b@example.com"}), status).await;
    }
    caller.ask("POST", "/__sim/seats", json!({"limit": null})).await;
    let scim =
        Caller::of(simulator.clone(), "authorization", &format!("Bearer {}", hive::sim::SCIM_TOKEN)).await;
    support_scim::drive(&scim, false).await;
    support_scim::drive_refusals(&scim, &caller).await;
    caller.judge("hive").await;
}

#[test]
fn what_the_description_does_not_allow_is_found() {
    let contract = Contract::of("honeycomb");
    let entry = |change: Value| {
        let mut entry = json!({
            "method": "POST", "path": "/1/team_memberships", "query": {},
            "headers": {"x-honeycomb-team": "config", "content-type": "application/json"},
            "body": {"email": "a@example.com", "role": "member"},
            "status": 201, "dropped": false, "fault": false,
            "response": {"id": "1", "email": "a@example.com", "role": "member", "created_at": "2024-01-15T10:00:00Z"},
        });
        entry.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        contract.breaches(&entry).into_iter().map(|breach| breach.side).collect::<Vec<_>>()
    };
    assert_eq!(entry(json!({})), []);
    assert_eq!(entry(json!({"path": "/team_memberships"})), [Side::Request]);
    assert_eq!(entry(json!({"method": "PATCH"})), [Side::Request]);
    assert_eq!(entry(json!({"headers": {"content-type": "application/json"}})), [Side::Request]);
    assert_eq!(entry(json!({"query": {"page": "1"}})), [Side::Request]);
    let extra = json!({"email": "a@example.com", "role": "member", "name": "A"});
    assert_eq!(entry(json!({ "body": extra })), [Side::Request]);
    assert_eq!(entry(json!({"body": null})), [Side::Request]);
    assert_eq!(entry(json!({"status": 418})), [Side::Response]);
    assert_eq!(entry(json!({"response": {"id": "1"}})), [Side::Response, Side::Response, Side::Response]);
    assert_eq!(entry(json!({"status": 418, "fault": true})), []);
    assert_eq!(entry(json!({"status": null, "response": null, "dropped": true})), []);
}

#[tokio::test]
async fn a_lost_answer_has_created_the_user_and_sent_the_mail() {
    let simulator = tines::sim::simulator(Dialect::Guide, Arc::new(SystemClock)).unwrap();
    let admin = format!("Bearer {}", tines::sim::ADMIN_TOKEN);
    let caller = Caller::of(simulator, "authorization", &admin).await;
    let fault = json!({"match": {"method": "POST"}, "drop_connection": true, "commit": true, "times": 1});
    caller.ask("POST", "/__sim/faults", fault).await;
    let anna = json!({"email": "anna@example.com", "first_name": "Anna", "last_name": "Berg"});
    assert!(caller.is_lost("POST", "/api/v1/users", anna.to_string()).await);
    assert_eq!(caller.ask("GET", "/api/v1/users/4", Value::Null).await.1["email"], "anna@example.com");
    assert_eq!(caller.ask("GET", "/__sim/state", Value::Null).await.1["emails_sent"], 1);
    caller.running.stop().await;
}

#[tokio::test]
async fn ten_thousand_users_are_listed_in_twenty_pages() {
    let simulator = tines::sim::simulator(Dialect::Guide, Arc::new(SystemClock)).unwrap();
    let admin = format!("Bearer {}", tines::sim::ADMIN_TOKEN);
    let caller = Caller::of(simulator, "authorization", &admin).await;
    caller.ask("POST", "/__sim/reset", json!({"seed": "empty", "users": 10_000})).await;
    let mut seen = 0;
    for page in 1..=20 {
        let (_, body) =
            caller.ask("GET", &format!("/api/v1/users?per_page=500&page={page}"), Value::Null).await;
        assert_eq!(body["meta"]["total_pages"], 20);
        seen += body["users"].as_array().unwrap().len();
    }
    assert_eq!(seen, 10_000);
    caller.running.stop().await;
}
