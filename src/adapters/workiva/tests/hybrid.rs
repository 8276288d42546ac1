//! How people and groups of the two interfaces are joined, and what a check tells of it.

use serde_json::{Value, json};

use super::{MARIA, START, Workspace, built};
use crate::adapters::settings::{Setting, Settings};
use crate::adapters::simulator::{Dialect as SimulatedDialect, Running};
use crate::adapters::workiva::sim;
use crate::base::clock::ManualClock;
use crate::base::secret::SecretString;
use crate::contract::{Account, Dialect, Guarded, Kind, Mode};
use std::sync::Arc;

/// A connection by both interfaces with these credentials.
async fn both(client: &str, token: &str) -> Workspace {
    let clock = Arc::new(ManualClock::starting_at(START));
    let simulator = sim::simulator(SimulatedDialect::Guide, clock.clone()).unwrap();
    let running = Running::start(simulator).await.unwrap();
    let mut settings = Settings::default();
    let url = |path: &str| Setting::Text(format!("{}{path}", running.url()));
    settings
        .set("rest.base_url", url("/platform/v1"))
        .set("rest.token_url", url("/iam/v1/oauth2/token"))
        .set("rest.client_id", Setting::Text(sim::CLIENT_ID.into()))
        .set("rest.client_secret", Setting::Secret(SecretString::from(client)))
        .set("scim.base_url", url("/scim/v2"))
        .set("scim.token", Setting::Secret(SecretString::from(token)));
    let app = built(&settings, Mode::Hybrid, Dialect::Guide, clock.clone()).unwrap();
    Workspace { running, clock, app: Arc::new(Guarded::new(app)) }
}

async fn workspace() -> Workspace {
    both(sim::CLIENT_SECRET, sim::SCIM_TOKEN).await
}

fn shown(workspace: &Workspace, path: &str, resources: &Value) {
    let count = resources.as_array().unwrap().len();
    let body = json!({"totalResults": count, "Resources": resources});
    let matching = json!({"method": "GET", "path_regex": format!("/scim/v2/{path}$")});
    workspace.lever("faults", &json!({"match": matching, "status": 200, "body": body}));
}

#[tokio::test]
async fn a_check_compares_both_interfaces() {
    let workspace = workspace().await;
    let standing = workspace.app.check().await.unwrap();
    assert_eq!(standing.summary, "reached by REST and SCIM, 3 accounts visible, 3 in both");
    assert_eq!(standing.warnings, Vec::<String>::new());
    let user = |id: &str, name: &str| json!({"id": id, "userName": name});
    shown(
        &workspace,
        "Users",
        &json!([user("a", "maria.santos@example.com"), user("b", "Maria.Santos@example.com")]),
    );
    let warnings = workspace.app.check().await.unwrap().warnings;
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings[0].contains(MARIA), "{warnings:?}");
    assert!(warnings[1].contains("2 of the accounts"), "{warnings:?}");
}

#[tokio::test]
async fn a_check_tells_which_credential_is_which() {
    let told = both(sim::SCIM_TOKEN, sim::CLIENT_SECRET).await.app.check().await.unwrap_err();
    assert_eq!(told.kind, Kind::Credentials);
    assert!(told.message.contains("`rest.client_secret`"), "{}", told.message);
    assert!(told.message.contains("`scim.token`"), "{}", told.message);
    let told = both(sim::CLIENT_SECRET, sim::CLIENT_SECRET).await.app.check().await.unwrap_err();
    assert_eq!(told.kind, Kind::Credentials);
    assert!(!told.message.contains("`rest.client_secret`"), "{}", told.message);
}

#[tokio::test]
async fn of_several_users_with_the_address_none_is_disabled() {
    let workspace = workspace().await;
    let maria =
        Account { id: MARIA.into(), email: Some("maria.santos@example.com".into()), ..Account::default() };
    let user = |id: &str| json!({"id": id, "userName": "maria.santos@example.com", "active": true});
    shown(&workspace, "Users", &json!([user("a"), user("b")]));
    let (refused, calls) = workspace.calls_of(workspace.app.deactivate(&maria)).await;
    assert_eq!(refused.unwrap_err().kind, Kind::Ambiguous);
    assert!(calls.iter().all(|call| call.starts_with("GET ")), "{calls:?}");
}

#[tokio::test]
async fn of_several_groups_with_the_name_none_is_deleted() {
    let workspace = workspace().await;
    let group = |id: &str| json!({"id": id, "displayName": "Finance Team"});
    shown(&workspace, "Groups", &json!([group("a"), group("b")]));
    let groups = workspace.app.groups().unwrap();
    assert_eq!(groups.delete_group("grp_1").await.unwrap_err().kind, Kind::Ambiguous);
    shown(&workspace, "Groups", &json!([]));
    assert_eq!(groups.delete_group("grp_9").await.map(|_| ()), Ok(()));
    assert_eq!(workspace.state()["groups"].as_array().unwrap().len(), 2);
}
