use std::sync::Arc;

use serde_json::{Value, json};

use super::super::{CLIENT_ID, CLIENT_SECRET, SCIM_TOKEN, simulator};
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

/// The same caller with an access token of the REST API.
fn rest(probe: &Probe) -> Probe {
    let form = format!("grant_type=client_credentials&client_id={CLIENT_ID}&client_secret={CLIENT_SECRET}");
    let kind = "application/x-www-form-urlencoded";
    let answer = probe.answer("POST", "/iam/v1/oauth2/token", kind, &form);
    let issued: Value = serde_json::from_slice(&answer.body).unwrap();
    probe.bearer(issued["access_token"].as_str().unwrap())
}

fn patched(probe: &Probe, target: &str, operation: &Value) -> (u16, Value) {
    let schemas = ["urn:ietf:params:scim:api:messages:2.0:PatchOp"];
    probe.ask("PATCH", target, &json!({"schemas": schemas, "Operations": [operation]}))
}

fn anna() -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "anna@example.com",
        "name": {"givenName": "Anna", "familyName": "Berg"}, "roles": [{"value": "role_admin"}],
    })
}

#[test]
fn each_credential_opens_only_its_own_door() {
    let probe = probe();
    let rest = rest(&probe);
    let (status, body) = rest.get(USERS);
    let detail = json!("This is an OAuth access token, not the SCIM token");
    assert_eq!((status, &body["detail"]), (401, &detail));
    assert_eq!(probe.get("/platform/v1/users").0, 401);
    assert_eq!(rest.get("/platform/v1/users").0, 200);
}

#[test]
fn scim_does_without_single_sign_on() {
    let probe = probe();
    probe.lever("plan", &json!({"sso": false}));
    assert_eq!(probe.get(USERS).0, 200);
}

#[test]
fn the_token_is_static() {
    let probe = probe();
    probe.lever("tokens/expire", &Value::Null);
    probe.lever("clock", &json!({"advance_s": 31_536_000}));
    assert_eq!(probe.get(USERS).0, 200);
}

#[test]
fn a_created_user_is_there_in_rest_without_a_role() {
    let probe = probe();
    assert_eq!(probe.ask("POST", USERS, &anna()).1["id"], "usr_000005");
    let user = json!({
        "id": "usr_000005", "email": "anna@example.com", "firstName": "Anna", "lastName": "Berg",
        "displayName": "Anna Berg", "active": true, "roles": [],
        "createdAt": "2024-01-15T10:00:00Z", "updatedAt": "2024-01-15T10:00:00Z", "workspaceId": "ws_1",
    });
    assert_eq!(rest(&probe).get("/platform/v1/users/usr_000005"), (200, user));
}

#[test]
fn roles_are_kept_and_not_reached() {
    let probe = probe();
    let maria = "/scim/v2/Users/usr_000002";
    let wanted = json!({"op": "replace", "path": "roles", "value": [{"value": "role_admin"}]});
    assert_eq!(patched(&probe, maria, &wanted).1["scimType"], "invalidPath");
    let mut body = anna();
    body["userName"] = json!("maria.santos@example.com");
    assert_eq!(probe.ask("PUT", maria, &body).1.get("roles"), None);
    let (_, user) = rest(&probe).get("/platform/v1/users/usr_000002");
    assert_eq!(user["roles"], json!(["role_editor"]));
}

#[test]
fn a_display_name_is_a_field_of_its_own() {
    let probe = probe();
    let maria = "/scim/v2/Users/usr_000002";
    let named = json!({"op": "replace", "value": {"displayName": "Dr Maria"}});
    assert_eq!(patched(&probe, maria, &named).1["displayName"], "Dr Maria");
    let given = json!({"op": "replace", "path": "name.givenName", "value": "Mary"});
    assert_eq!(patched(&probe, maria, &given).1["displayName"], "Dr Maria");
    let (_, user) = rest(&probe).get("/platform/v1/users/usr_000002");
    assert_eq!((&user["displayName"], &user["firstName"]), (&json!("Dr Maria"), &json!("Mary")));
}

#[test]
fn names_are_required() {
    let probe = probe();
    let mut nameless = anna();
    nameless["name"] = json!({"familyName": "Berg"});
    assert_eq!(probe.ask("POST", USERS, &nameless).1["scimType"], "invalidValue");
}

#[test]
fn a_deactivated_user_keeps_role_and_groups() {
    let probe = probe();
    let off = json!({"op": "replace", "path": "active", "value": false});
    assert_eq!(patched(&probe, "/scim/v2/Users/usr_000002", &off).1["active"], false);
    let rest = rest(&probe);
    let (_, user) = rest.get("/platform/v1/users/usr_000002");
    assert_eq!((&user["active"], &user["roles"]), (&json!(false), &json!(["role_editor"])));
    let (_, members) = rest.get("/platform/v1/groups/grp_1/members");
    assert_eq!(members["data"][1]["userId"], "usr_000002");
}

#[test]
fn a_deleted_user_is_gone_for_good() {
    let probe = probe();
    assert_eq!(probe.ask("DELETE", "/scim/v2/Users/usr_000003", &Value::Null), (204, Value::Null));
    assert_eq!(probe.get("/scim/v2/Users/usr_000003").0, 404);
    assert_eq!(rest(&probe).get("/platform/v1/users/usr_000003").0, 404);
    let (_, groups) = probe.get(GROUPS);
    assert_eq!(groups["Resources"][0]["members"].as_array().unwrap().len(), 2);
}

#[test]
fn pushed_groups_are_groups_and_give_no_role() {
    let probe = probe();
    let group = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Workspace Admin",
        "members": [{"value": "usr_000003"}],
    });
    let (_, created) = probe.ask("POST", GROUPS, &group);
    let id = created["id"].as_str().unwrap();
    let rest = rest(&probe);
    let (_, members) = rest.get(&format!("/platform/v1/groups/{id}/members"));
    assert_eq!(members["data"], json!([{"userId": "usr_000003"}]));
    let (_, user) = rest.get("/platform/v1/users/usr_000003");
    assert_eq!(user["roles"], json!(["role_viewer"]));
    let place = format!("{GROUPS}/{id}");
    let rename = json!({"op": "replace", "path": "displayName", "value": "Auditing"});
    assert_eq!(patched(&probe, &place, &rename).1["displayName"], "Auditing");
    let clash = json!({"op": "replace", "path": "displayName", "value": "legal"});
    assert_eq!(patched(&probe, &place, &clash).1["scimType"], "uniqueness");
    assert_eq!(probe.ask("DELETE", &place, &Value::Null).0, 204);
    assert_eq!(rest.get(&format!("/platform/v1/groups/{id}")).0, 404);
    assert_eq!(rest.get("/platform/v1/users/usr_000003").0, 200);
}

#[test]
fn other_workspaces_are_out_of_sight() {
    let probe = probe();
    assert_eq!(probe.get("/scim/v2/Users/usr_000004").0, 404);
    let (_, groups) = probe.get(GROUPS);
    assert_eq!(groups["totalResults"], 2);
}

#[test]
fn what_the_guide_does_not_claim_is_not_there() {
    let probe = probe();
    for (method, target) in
        [("GET", "/scim/v2/Groups/grp_1"), ("PUT", "/scim/v2/Groups/grp_1"), ("POST", "/scim/v2/Bulk")]
    {
        assert_eq!(probe.ask(method, target, &Value::Null).0, 501, "{method} {target}");
    }
}

#[test]
fn ids_of_its_own_open_no_door_of_rest() {
    let probe = probe();
    probe.lever("mode", &json!({"own_scim_ids": true}));
    assert_eq!(probe.get("/scim/v2/Users/usr_000002").0, 404);
    let (_, maria) = probe.get("/scim/v2/Users/scim_usr_000002");
    assert_eq!(maria["userName"], "maria.santos@example.com");
    let (_, groups) = probe.get(GROUPS);
    assert_eq!(groups["Resources"][0]["members"][1]["value"], "scim_usr_000002");
    assert_eq!(rest(&probe).get("/platform/v1/users/scim_usr_000002").0, 404);
}
