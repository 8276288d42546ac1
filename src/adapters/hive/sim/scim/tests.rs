use std::sync::Arc;

use serde_json::{Value, json};

use super::super::{ADMIN_KEY, MEMBER_KEY, SCIM_TOKEN, simulator};
use crate::adapters::simulator::Dialect;
use crate::adapters::simulator::probe::Probe;
use crate::adapters::simulator::scim::suite::scim_suite;
use crate::base::clock::ManualClock;

const USERS: &str = "/scim/v2/Users";
const GROUPS: &str = "/scim/v2/Groups";
const MEMBERS: &str = "/api/v1/workspaces/ws_001/members";

fn probe() -> Probe {
    let clock = Arc::new(ManualClock::default());
    Probe::new(&simulator(Dialect::Guide, clock).unwrap()).bearer(SCIM_TOKEN)
}

scim_suite!(probe);

fn set_active(probe: &Probe, id: &str, active: bool) -> (u16, Value) {
    let operations = json!([{"op": "replace", "value": {"active": active}}]);
    let schemas = ["urn:ietf:params:scim:api:messages:2.0:PatchOp"];
    probe.ask("PATCH", &format!("{USERS}/{id}"), &json!({"schemas": schemas, "Operations": operations}))
}

fn user(email: &str) -> Value {
    json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": email})
}

#[test]
fn an_api_key_is_told_apart_from_a_guess() {
    let probe = probe();
    for key in [ADMIN_KEY, MEMBER_KEY] {
        let (status, body) = probe.bearer(key).get(USERS);
        let detail = json!("This is a personal API key, not the SCIM token");
        assert_eq!((status, &body["detail"]), (401, &detail));
    }
    assert_eq!(probe.get(MEMBERS).0, 401);
}

#[test]
fn scim_needs_single_sign_on() {
    let probe = probe();
    probe.lever("plan", &json!({"sso": false}));
    assert_eq!(probe.get(USERS).0, 403);
    assert_eq!(probe.bearer(ADMIN_KEY).get(MEMBERS).0, 200);
}

#[test]
fn a_deactivated_user_is_a_deactivated_member() {
    let probe = probe();
    let rest = probe.bearer(ADMIN_KEY);
    let status = || rest.get(&format!("{MEMBERS}/usr_000003")).1["status"].clone();
    assert_eq!(set_active(&probe, "usr_000003", false).1["active"], false);
    assert_eq!(status(), "deactivated");
    assert_eq!(set_active(&probe, "usr_000003", true).0, 200);
    assert_eq!(status(), "active");
}

#[test]
fn a_created_user_is_an_active_member_without_a_mail() {
    let probe = probe();
    let mut anna = user("anna.berg@example.com");
    anna["name"] = json!({"givenName": "Anna", "familyName": "Berg"});
    let (_, created) = probe.ask("POST", USERS, &anna);
    let rest = probe.bearer(ADMIN_KEY);
    let (_, member) = rest.get(&format!("{MEMBERS}/{}", created["id"].as_str().unwrap()));
    assert_eq!(
        member,
        json!({
            "id": "usr_000005", "email": "anna.berg@example.com", "firstName": "Anna", "lastName": "Berg",
            "role": "member", "status": "active", "workspaceId": "ws_001",
        })
    );
    assert_eq!(rest.get("/__sim/state").1["emails_sent"], 0);
}

#[test]
fn names_are_not_required() {
    let (status, created) = probe().ask("POST", USERS, &user("anna@example.com"));
    assert_eq!((status, created.get("name"), created.get("displayName")), (201, None, None));
}

#[test]
fn an_invited_member_counts_as_active_and_stays_invited() {
    let probe = probe();
    let rest = probe.bearer(ADMIN_KEY);
    rest.ask("POST", MEMBERS, &json!({"email": "anna@example.com"}));
    assert_eq!(probe.get(&format!("{USERS}/usr_000005")).1["active"], true);
    assert_eq!(set_active(&probe, "usr_000005", true).0, 200);
    assert_eq!(rest.get(&format!("{MEMBERS}/usr_000005")).1["status"], "invited");
    assert_eq!(probe.ask("POST", USERS, &user("anna@example.com")).0, 409);
}

#[test]
fn a_member_removed_by_rest_is_gone_from_scim_and_its_groups() {
    let probe = probe();
    let group = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Red Team",
        "members": [{"value": "usr_000002"}, {"value": "usr_000003"}],
    });
    assert_eq!(probe.ask("POST", GROUPS, &group).1["id"], "grp_002");
    probe.bearer(ADMIN_KEY).ask("DELETE", &format!("{MEMBERS}/usr_000003"), &Value::Null);
    assert_eq!(probe.get(&format!("{USERS}/usr_000003")).0, 404);
    let (_, state) = probe.get("/__sim/state");
    assert_eq!(state["groups"][1]["members"], json!(["usr_000002"]));
    assert_eq!(probe.ask("POST", USERS, &user("tom.fischer@example.com")).1["id"], "usr_000003");
}

#[test]
fn scim_shows_one_workspace_only() {
    let probe = probe();
    assert_eq!(probe.get(USERS).1["totalResults"], 3);
    let strangers = json!([{"op": "replace", "path": "userName", "value": "stranger@example.net"}]);
    let schemas = ["urn:ietf:params:scim:api:messages:2.0:PatchOp"];
    let body = json!({"schemas": schemas, "Operations": strangers});
    assert_eq!(probe.ask("PATCH", &format!("{USERS}/usr_000003"), &body).0, 409);
    assert_eq!(probe.ask("POST", USERS, &user("stranger@example.net")).1["id"], "usr_000004");
}

#[test]
fn what_the_guide_does_not_claim_is_not_there() {
    let probe = probe();
    for (method, target) in [
        ("DELETE", "/scim/v2/Users/usr_000003"),
        ("GET", "/scim/v2/Groups/grp_001"),
        ("PUT", "/scim/v2/Groups/grp_001"),
        ("DELETE", "/scim/v2/Groups/grp_001"),
        ("GET", "/scim/v2/ResourceTypes"),
    ] {
        assert_eq!(probe.ask(method, target, &Value::Null).0, 501, "{method} {target}");
    }
    let rename = json!([{"op": "replace", "path": "displayName", "value": "Other"}]);
    let schemas = ["urn:ietf:params:scim:api:messages:2.0:PatchOp"];
    let body = json!({"schemas": schemas, "Operations": rename});
    assert_eq!(probe.ask("PATCH", "/scim/v2/Groups/grp_001", &body).1["scimType"], "mutability");
}

#[test]
fn a_full_workspace_answers_scim_as_the_switch_says() {
    let probe = probe();
    probe.lever("seats", &json!({"limit": 3}));
    probe.lever("mode", &json!({"seat_status": 402}));
    let (status, body) = probe.ask("POST", USERS, &user("anna@example.com"));
    assert_eq!((status, &body["detail"]), (402, &json!("Seat limit reached for this plan.")));
}

#[test]
fn scim_can_have_ids_of_its_own() {
    let probe = probe();
    probe.lever("mode", &json!({"own_scim_ids": true}));
    assert_eq!(probe.get(&format!("{USERS}/usr_000003")).0, 404);
    assert_eq!(set_active(&probe, "scim_usr_000003", false).1["id"], "scim_usr_000003");
    let (_, member) = probe.bearer(ADMIN_KEY).get(&format!("{MEMBERS}/usr_000003"));
    assert_eq!((&member["id"], &member["status"]), (&json!("usr_000003"), &json!("deactivated")));
    let group = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Red Team",
        "members": [{"value": "scim_usr_000002"}],
    });
    assert_eq!(probe.ask("POST", GROUPS, &group).1["members"][0]["value"], "scim_usr_000002");
}
