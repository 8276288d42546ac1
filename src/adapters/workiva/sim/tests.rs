use super::*;
use crate::adapters::simulator::probe::Probe;
use crate::base::clock::{ManualClock, Timestamp};

const TOKEN: &str = "/iam/v1/oauth2/token";
const USERS: &str = "/platform/v1/users";
const FORM: &str = "application/x-www-form-urlencoded";

fn bare() -> Probe {
    let clock = Arc::new(ManualClock::starting_at(Timestamp(1_705_312_800_000_000)));
    Probe::new(&simulator(Dialect::Guide, clock).unwrap())
}

fn token_of(probe: &Probe, id: &str, secret: &str) -> String {
    let form = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
    let answer = probe.answer("POST", TOKEN, FORM, &form);
    assert_eq!(answer.status, 200);
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    body["access_token"].as_str().unwrap().to_owned()
}

fn probe() -> Probe {
    let bare = bare();
    bare.bearer(&token_of(&bare, CLIENT_ID, CLIENT_SECRET))
}

fn ask_token(probe: &Probe, content_type: &str, body: &str) -> (u16, Value) {
    let answer = probe.answer("POST", TOKEN, content_type, body);
    (answer.status, serde_json::from_slice(&answer.body).unwrap())
}

#[test]
fn a_token_lives_599_seconds_and_carries_the_granted_scopes() {
    let form = format!("grant_type=client_credentials&client_id={CLIENT_ID}&client_secret={CLIENT_SECRET}");
    let (status, body) = ask_token(&bare(), FORM, &form);
    assert_eq!(status, 200);
    assert_eq!(body["token_type"], "bearer");
    assert_eq!(body["expires_in"], 599);
    assert_eq!(body["scope"], "iam:users:read iam:users:write iam:groups:read iam:groups:write");
}

#[test]
fn the_token_endpoint_names_what_is_wrong() {
    let probe = bare();
    let error = |content_type: &str, body: &str| {
        let (status, body) = ask_token(&probe, content_type, body);
        (status, body["error"].as_str().unwrap().to_owned())
    };
    let client = format!("client_id={READ_ONLY_CLIENT_ID}&client_secret={READ_ONLY_CLIENT_SECRET}");
    let with = |status, name: &str| (status, name.to_owned());
    assert_eq!(error("application/json", "{}"), with(400, "invalid_request"));
    assert_eq!(error(FORM, &client), with(400, "invalid_request"));
    let other_grant = format!("grant_type=password&{client}");
    assert_eq!(error(FORM, &other_grant), with(400, "unsupported_grant_type"));
    let scope = format!("grant_type=client_credentials&scope=iam%3Ausers%3Awrite&{client}");
    assert_eq!(error(FORM, &scope), with(400, "invalid_scope"));
    let wrong = "grant_type=client_credentials&client_id=x&client_secret=y";
    assert_eq!(error(FORM, wrong), with(401, "unauthorized_client"));
    probe.lever("mode", &json!({"wrong_client_error": "invalid_client"}));
    assert_eq!(error(FORM, wrong), with(401, "invalid_client"));
    assert_eq!(probe.get("/__sim/state").1["token_requests"], 6);
}

#[test]
fn a_token_ends_with_its_life_or_by_hand() {
    let probe = probe();
    let expired = json!({"code": "401Unauthorized", "message": "No valid API token provided"});
    assert_eq!(probe.get(USERS).0, 200);
    probe.lever("clock", &json!({"advance_s": 599}));
    assert_eq!(probe.get(USERS), (401, expired.clone()));
    let fresh = probe.bearer(&token_of(&probe, CLIENT_ID, CLIENT_SECRET));
    assert_eq!(fresh.get(USERS).0, 200);
    fresh.lever("tokens/expire", &Value::Null);
    assert_eq!(fresh.get(USERS), (401, expired.clone()));
    assert_eq!(probe.bearer(SCIM_TOKEN).get(USERS), (401, expired));
}

#[test]
fn a_missing_scope_is_403() {
    let bare = bare();
    let reader = bare.bearer(&token_of(&bare, READ_ONLY_CLIENT_ID, READ_ONLY_CLIENT_SECRET));
    assert_eq!(reader.get(USERS).0, 200);
    let (status, body) = reader.ask("PATCH", "/platform/v1/users/usr_000001", &json!({"active": false}));
    assert_eq!((status, &body["code"]), (403, &json!("403Forbidden")));
    assert_eq!(reader.ask("POST", "/platform/v1/groups/grp_1/members", &json!({})).0, 403);
}

#[test]
fn another_workspaces_user_is_not_found() {
    let bare = bare();
    let other = bare.bearer(&token_of(&bare, OTHER_CLIENT_ID, OTHER_CLIENT_SECRET));
    let (status, body) = other.get("/platform/v1/users/usr_000001");
    assert_eq!(status, 404);
    assert_eq!(body, json!({"code": "404NotFound", "message": "The requested resource could not be found"}));
    assert_eq!(
        other.get("/platform/v1/roles").1["data"][1],
        json!({"id": "role_auditor", "name": "Auditor"})
    );
}

#[test]
fn a_created_user_is_echoed_in_four_fields_and_read_in_ten() {
    let probe = probe();
    let body = json!({"email": "new@example.com", "firstName": "New", "lastName": "User"});
    let echo = json!({
        "id": "usr_000005", "email": "new@example.com", "active": true, "createdAt": "2024-01-15T10:00:00Z",
    });
    assert_eq!(probe.ask("POST", USERS, &body), (201, echo));
    let whole = json!({
        "id": "usr_000005", "email": "new@example.com", "firstName": "New", "lastName": "User",
        "displayName": "New User", "active": true, "roles": [], "createdAt": "2024-01-15T10:00:00Z",
        "updatedAt": "2024-01-15T10:00:00Z", "workspaceId": "ws_1",
    });
    assert_eq!(probe.get("/platform/v1/users/usr_000005"), (200, whole));
    let (status, body) = probe.ask("POST", USERS, &body);
    assert_eq!(status, 409);
    assert_eq!(body, json!({"code": "409Conflict", "message": "A user with this email already exists"}));
}

#[test]
fn what_is_wrong_with_a_new_user_is_told_by_its_field() {
    let probe = probe();
    let target = |body: Value| {
        let (status, body) = probe.ask("POST", USERS, &body);
        assert_eq!(status, 400, "{body}");
        body["target"].as_str().unwrap().to_owned()
    };
    assert_eq!(target(json!({"email": "a@example.com", "firstName": "A"})), "lastName");
    let unknown_role = json!({"email": "a@example.com", "firstName": "A", "lastName": "B", "roles": ["x"]});
    assert_eq!(target(unknown_role), "roles");
}

#[test]
fn a_patch_merges_and_echoes_three_fields() {
    let probe = probe();
    let user = "/platform/v1/users/usr_000002";
    let echo = json!({"id": "usr_000002", "active": false, "updatedAt": "2024-01-15T10:00:00Z"});
    assert_eq!(probe.ask("PATCH", user, &json!({"active": false})), (200, echo));
    let (_, after) = probe.get(user);
    assert_eq!((&after["active"], &after["roles"]), (&json!(false), &json!(["role_editor"])));
    let patch = json!([{"op": "replace", "path": "/active", "value": true}]);
    assert_eq!(probe.ask("PATCH", user, &patch).0, 400);
    assert_eq!(probe.ask("PATCH", user, &json!({"email": "owner@example.com"})).0, 409);
    assert_eq!(probe.ask("PATCH", user, &json!({"id": "usr_9"})).0, 200);
    probe.lever("mode", &json!({"read_only_fields": "rejected"}));
    assert_eq!(probe.ask("PATCH", user, &json!({"id": "usr_9"})).0, 400);
}

#[test]
fn a_deactivated_user_stays_in_lists_and_groups() {
    let probe = probe();
    probe.ask("PATCH", "/platform/v1/users/usr_000002", &json!({"active": false}));
    let (_, found) = probe.get("/platform/v1/users?email=MARIA.santos%40example.com");
    assert_eq!(found["data"][0]["active"], false);
    let (_, members) = probe.get("/platform/v1/groups/grp_1/members");
    assert_eq!(members["data"][1], json!({"userId": "usr_000002"}));
}

#[test]
fn pages_follow_opaque_tokens_of_one_listing() {
    let probe = probe();
    probe.lever("reset", &json!({"seed": "empty", "users": 250}));
    let probe = probe.bearer(&token_of(&probe, CLIENT_ID, CLIENT_SECRET));
    let (mut target, mut seen) = (USERS.to_owned(), Vec::new());
    loop {
        let (_, page) = probe.get(&target);
        seen.extend(page["data"].as_array().unwrap().iter().map(|user| user["id"].clone()));
        let Some(token) = page["nextPageToken"].as_str() else { break };
        assert_eq!(probe.get(&format!("/platform/v1/groups?pageToken={token}")).0, 400);
        target = format!("{USERS}?pageToken={token}");
    }
    assert_eq!(seen.len(), 250);
    assert!(seen.windows(2).all(|pair| pair[0].as_str() < pair[1].as_str()));
    let (_, invented) = probe.get(&format!("{USERS}?pageToken=tok_2"));
    assert_eq!(invented["code"], "400BadRequest");
    assert_eq!(probe.get(&format!("{USERS}?pageSize=101")).1["data"].as_array().unwrap().len(), 100);
    probe.lever("mode", &json!({"page_size_over": "rejected"}));
    assert_eq!(probe.get(&format!("{USERS}?pageSize=101")).0, 400);
}

#[test]
fn the_last_page_ends_in_three_ways() {
    let probe = probe();
    probe.lever("mode", &json!({"last_page": "rotate"}));
    let ends: Vec<Option<Value>> = (0..3).map(|_| probe.get(USERS).1.get("nextPageToken").cloned()).collect();
    assert_eq!(ends, [None, Some(Value::Null), Some(json!(""))]);
}

#[test]
fn a_user_joins_and_leaves_a_group() {
    let probe = probe();
    let members = "/platform/v1/groups/grp_2/members";
    let joined = json!({"groupId": "grp_2", "userId": "usr_000003"});
    assert_eq!(probe.ask("POST", members, &json!({"userId": "usr_000003"})), (201, joined));
    assert_eq!(probe.ask("POST", members, &json!({"userId": "usr_000003"})).0, 409);
    assert_eq!(probe.get("/platform/v1/groups").1["data"][1]["memberCount"], 1);
    assert_eq!(probe.ask("POST", members, &json!({"userId": "usr_000099"})).0, 404);
    assert_eq!(probe.ask("DELETE", &format!("{members}/usr_000003"), &Value::Null).0, 204);
    assert_eq!(probe.ask("DELETE", &format!("{members}/usr_000003"), &Value::Null).0, 404);
    assert_eq!(probe.get("/platform/v1/users/usr_000003").1["active"], true);
}

#[test]
fn the_scope_tables_routes_can_be_switched_off() {
    let probe = probe();
    let (status, group) = probe.ask("POST", "/platform/v1/groups", &json!({"name": "Audit"}));
    assert_eq!((status, &group["id"]), (201, &json!("grp_4")));
    let renamed = probe.ask("PATCH", "/platform/v1/groups/grp_4", &json!({"name": "Auditing"}));
    assert_eq!(renamed, (200, json!({"id": "grp_4", "name": "Auditing", "memberCount": 0})));
    assert_eq!(probe.ask("DELETE", "/platform/v1/groups/grp_4", &Value::Null).0, 405);
    probe.lever("mode", &json!({"scope_table_routes": false, "group_delete": true}));
    assert_eq!(probe.ask("POST", "/platform/v1/groups", &json!({"name": "X"})).0, 405);
    assert_eq!(probe.get("/platform/v1/groups/grp_4").0, 405);
    assert_eq!(probe.ask("DELETE", "/platform/v1/groups/grp_4", &Value::Null).0, 204);
}

#[test]
fn a_deleted_user_is_gone_for_ever_and_the_address_starts_anew() {
    let probe = probe();
    let user = "/platform/v1/users/usr_000003";
    assert_eq!(probe.ask("DELETE", user, &Value::Null), (204, Value::Null));
    assert_eq!(probe.get(user).0, 404);
    assert_eq!(probe.ask("PATCH", user, &json!({"active": true})).0, 404);
    assert_eq!(probe.get("/platform/v1/groups").1["data"][0]["memberCount"], 2);
    let again = json!({"email": "tom.fischer@example.com", "firstName": "Tom", "lastName": "Fischer"});
    assert_eq!(probe.ask("POST", USERS, &again).1["id"], "usr_000005");
}

#[test]
fn a_full_workspace_takes_nobody() {
    let probe = probe();
    probe.lever("seats", &json!({"limit": 3}));
    let body = json!({"email": "new@example.com", "firstName": "New", "lastName": "User"});
    let full = json!({"code": "403Forbidden", "message": "License limit reached"});
    assert_eq!(probe.ask("POST", USERS, &body), (403, full));
}

#[test]
fn what_the_guide_does_not_name_is_unknown_or_not_allowed() {
    let probe = probe();
    assert_eq!(probe.get("/organizations/1/users").0, 404);
    assert_eq!(probe.get("/users").0, 404);
    assert_eq!(probe.ask("PUT", "/platform/v1/users/usr_000001", &json!({})).0, 405);
    assert_eq!(probe.get(TOKEN).0, 405);
    assert_eq!(probe.answer("POST", USERS, "application/json", "{").status, 400);
}
