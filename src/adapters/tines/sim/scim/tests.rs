use std::sync::Arc;

use serde_json::{Value, json};

use super::super::{ADMIN_TOKEN, MEMBER_TOKEN, SCIM_TOKEN, simulator};
use crate::adapters::simulator::Dialect;
use crate::adapters::simulator::probe::Probe;
use crate::adapters::simulator::scim::suite::scim_suite;
use crate::base::clock::{ManualClock, Timestamp};

const USERS: &str = "/scim/v2/Users";
const GROUPS: &str = "/scim/v2/Groups";

fn probe() -> Probe {
    let clock = Arc::new(ManualClock::starting_at(Timestamp(1_705_312_800_000_000)));
    Probe::new(&simulator(Dialect::Guide, clock).unwrap()).bearer(SCIM_TOKEN)
}

scim_suite!(probe);

fn patched(probe: &Probe, target: &str, operation: &Value) -> (u16, Value) {
    let schemas = ["urn:ietf:params:scim:api:messages:2.0:PatchOp"];
    probe.ask("PATCH", target, &json!({"schemas": schemas, "Operations": [operation]}))
}

fn anna() -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "anna@example.com",
        "name": {"givenName": "Anna", "familyName": "Berg"},
    })
}

#[test]
fn a_rest_token_is_told_apart_from_a_guess() {
    let probe = probe();
    for token in [ADMIN_TOKEN, MEMBER_TOKEN] {
        let (status, body) = probe.bearer(token).get(USERS);
        let detail = json!("This is a REST API token, not the SCIM token");
        assert_eq!((status, &body["detail"]), (401, &detail));
    }
    assert_eq!(probe.get("/api/v1/users"), (401, json!({"error": "Unauthorized"})));
}

#[test]
fn scim_needs_single_sign_on() {
    let probe = probe();
    probe.lever("plan", &json!({"sso": false}));
    assert_eq!(probe.get(USERS).0, 403);
    assert_eq!(probe.bearer(ADMIN_TOKEN).get("/api/v1/users").0, 200);
}

#[test]
fn a_created_user_is_there_in_rest_and_gets_no_mail() {
    let probe = probe();
    assert_eq!(probe.ask("POST", USERS, &anna()).1["id"], "4");
    let user = json!({
        "id": 4, "email": "anna@example.com", "first_name": "Anna", "last_name": "Berg", "role": "member",
        "team_ids": [], "active": true,
        "created_at": "2024-01-15T10:00:00Z", "updated_at": "2024-01-15T10:00:00Z",
    });
    assert_eq!(probe.bearer(ADMIN_TOKEN).get("/api/v1/users/4"), (200, user));
    assert_eq!(probe.get("/__sim/state").1["emails_sent"], 0);
}

#[test]
fn names_are_required() {
    let probe = probe();
    let mut nameless = anna();
    nameless["name"] = json!({"givenName": "Anna"});
    assert_eq!(probe.ask("POST", USERS, &nameless).1["scimType"], "invalidValue");
    let cleared = json!({"op": "remove", "path": "name.familyName"});
    assert_eq!(patched(&probe, "/scim/v2/Users/2", &cleared).1["scimType"], "invalidValue");
    let derived = json!({"op": "replace", "path": "displayName", "value": "Maria"});
    assert_eq!(patched(&probe, "/scim/v2/Users/2", &derived).1["scimType"], "mutability");
}

#[test]
fn a_change_shows_in_rest_with_its_time() {
    let probe = probe();
    probe.lever("clock", &json!({"advance_s": 60}));
    let off = json!({"op": "replace", "value": {"active": false}});
    let (_, shown) = patched(&probe, "/scim/v2/Users/2", &off);
    assert_eq!(shown["meta"]["created"], "2024-01-15T10:00:00Z");
    assert_eq!(shown["meta"]["lastModified"], "2024-01-15T10:01:00Z");
    let (_, user) = probe.bearer(ADMIN_TOKEN).get("/api/v1/users/2");
    assert_eq!((&user["active"], &user["updated_at"]), (&json!(false), &json!("2024-01-15T10:01:00Z")));
}

#[test]
fn a_deleted_user_is_gone_for_good() {
    let probe = probe();
    assert_eq!(probe.ask("DELETE", "/scim/v2/Users/3", &Value::Null), (204, Value::Null));
    assert_eq!(probe.get("/scim/v2/Users/3").0, 404);
    assert_eq!(probe.bearer(ADMIN_TOKEN).get("/api/v1/users/3").0, 404);
    let mut tom = anna();
    tom["userName"] = json!("tom.fischer@example.com");
    assert_eq!(probe.ask("POST", USERS, &tom).1["id"], "4");
}

#[test]
fn deactivating_the_owner_kills_the_rest_token() {
    let probe = probe();
    patched(&probe, "/scim/v2/Users/1", &json!({"op": "replace", "path": "active", "value": false}));
    assert_eq!(probe.bearer(ADMIN_TOKEN).get("/api/v1/users").0, 401);
    assert_eq!(probe.get(USERS).0, 200);
}

#[test]
fn groups_are_teams() {
    let probe = probe();
    let rest = probe.bearer(ADMIN_TOKEN);
    let group = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Red Team",
        "externalId": "00g1", "members": [{"value": "2"}, {"value": "3"}],
    });
    let (_, created) = probe.ask("POST", GROUPS, &group);
    assert_eq!((&created["id"], &created["externalId"]), (&json!("7"), &json!("00g1")));
    assert_eq!(rest.get("/api/v1/teams").1["teams"][2], json!({"id": 7, "name": "Red Team"}));
    assert_eq!(rest.get("/api/v1/users/3").1["team_ids"], json!([7]));
    rest.ask("POST", "/api/v1/teams/7/memberships", &json!({"user_id": 1}));
    let leaving = json!({"op": "remove", "path": "members[value eq \"3\"]"});
    let (_, after) = patched(&probe, "/scim/v2/Groups/7", &leaving);
    let ids: Vec<&Value> = after["members"].as_array().unwrap().iter().map(|one| &one["value"]).collect();
    assert_eq!(ids, ["1", "2"]);
    assert_eq!(probe.ask("DELETE", "/scim/v2/Groups/7", &Value::Null), (204, Value::Null));
    assert_eq!(rest.get("/api/v1/users/2").1["team_ids"], json!([5]));
    assert_eq!(probe.ask("DELETE", "/scim/v2/Groups/07", &Value::Null).0, 404);
}

#[test]
fn what_the_guide_does_not_claim_is_not_there() {
    let probe = probe();
    for (method, target) in
        [("GET", "/scim/v2/Groups/5"), ("PUT", "/scim/v2/Groups/5"), ("GET", "/scim/v2/Schemas")]
    {
        assert_eq!(probe.ask(method, target, &Value::Null).0, 501, "{method} {target}");
    }
    let rename = json!({"op": "replace", "path": "displayName", "value": "Other"});
    assert_eq!(patched(&probe, "/scim/v2/Groups/5", &rename).1["scimType"], "mutability");
    assert_eq!(probe.get("/api/scim/v2/Users").0, 404);
}
