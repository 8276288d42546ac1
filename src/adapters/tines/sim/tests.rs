use super::*;
use crate::adapters::simulator::probe::Probe;
use crate::base::clock::{ManualClock, Timestamp};

const USERS: &str = "/api/v1/users";

fn probe() -> Probe {
    let clock = Arc::new(ManualClock::starting_at(Timestamp(1_705_312_800_000_000)));
    Probe::new(&simulator(Dialect::Guide, clock).unwrap()).bearer(ADMIN_TOKEN)
}

fn john() -> Value {
    json!({"email": "new@example.com", "first_name": "John", "last_name": "Smith", "role": "member"})
}

#[test]
fn a_created_user_has_every_field_of_the_guide_and_got_one_mail() {
    let probe = probe();
    let user = json!({
        "id": 4, "email": "new@example.com", "first_name": "John", "last_name": "Smith", "role": "member",
        "team_ids": [], "active": true,
        "created_at": "2024-01-15T10:00:00Z", "updated_at": "2024-01-15T10:00:00Z",
    });
    assert_eq!(probe.ask("POST", USERS, &john()), (201, user.clone()));
    assert_eq!(probe.get("/api/v1/users/4"), (200, user));
    assert_eq!(probe.get("/__sim/state").1["emails_sent"], 1);
}

#[test]
fn each_token_opens_only_its_own_door() {
    let probe = probe();
    assert_eq!(probe.bearer(SCIM_TOKEN).get(USERS), (401, json!({"error": "Unauthorized"})));
    assert_eq!(probe.with("x-user-token", ADMIN_TOKEN).get(USERS).0, 401);
    let (status, body) = probe.bearer(MEMBER_TOKEN).get(USERS);
    assert_eq!(status, 403);
    assert_eq!(body, json!({"errors": [{"message": "Forbidden", "details": "Admin access required"}]}));
}

#[test]
fn a_token_dies_with_its_owner() {
    let probe = probe();
    probe.lever("oob", &json!({"op": "set_role", "email": "owner@example.com", "role": "member"}));
    assert_eq!(probe.get(USERS).0, 403);
    probe.lever("oob", &json!({"op": "set_active", "email": "owner@example.com", "active": false}));
    assert_eq!(probe.get(USERS).0, 401);
}

#[test]
fn pages_end_at_total_pages_and_are_empty_beyond() {
    let probe = probe();
    probe.lever("reset", &json!({"seed": "empty", "users": 45}));
    let (_, third) = probe.get("/api/v1/users?page=3&per_page=20");
    assert_eq!(third["meta"], json!({"current_page": 3, "total_pages": 3}));
    assert_eq!(third["users"].as_array().unwrap().len(), 5);
    let (_, fourth) = probe.get("/api/v1/users?page=4");
    assert_eq!(fourth, json!({"users": [], "meta": {"current_page": 4, "total_pages": 3}}));
    assert_eq!(probe.get("/api/v1/users?per_page=0").0, 422);
    assert_eq!(probe.get("/api/v1/users?page=x").0, 422);
}

#[test]
fn a_page_holds_at_most_500() {
    let probe = probe();
    probe.lever("reset", &json!({"seed": "empty", "users": 501}));
    let (_, page) = probe.get("/api/v1/users?per_page=1000");
    assert_eq!(page["users"].as_array().unwrap().len(), 500);
    assert_eq!(page["meta"]["total_pages"], 2);
    probe.lever("mode", &json!({"per_page_over": "rejected"}));
    assert_eq!(probe.get("/api/v1/users?per_page=501").0, 422);
}

#[test]
fn a_taken_address_is_422_or_what_the_switch_says() {
    let probe = probe();
    let twice = json!({"email": "OWNER@example.com", "first_name": "A", "last_name": "B"});
    let taken = json!({"errors": [{"message": "Email has already been taken", "details": ""}]});
    assert_eq!(probe.ask("POST", USERS, &twice), (422, taken));
    assert_eq!(probe.ask("PUT", "/api/v1/users/2", &json!({"email": "owner@example.com"})).0, 422);
    probe.lever("mode", &json!({"duplicate_status": 409}));
    assert_eq!(probe.ask("POST", USERS, &twice).0, 409);
}

#[test]
fn names_are_required() {
    let (status, body) = probe().ask("POST", USERS, &json!({"email": "a@example.com"}));
    assert_eq!(status, 422);
    assert_eq!(body["errors"][0]["details"], "first_name can't be blank");
}

#[test]
fn a_put_changes_only_what_it_names() {
    let probe = probe();
    let (_, before) = probe.get("/api/v1/users/2");
    probe.lever("clock", &json!({"advance_s": 60}));
    let (_, after) = probe.ask("PUT", "/api/v1/users/2", &json!({"role": "admin"}));
    let mut expected = before;
    expected["role"] = json!("admin");
    expected["updated_at"] = json!("2024-01-15T10:01:00Z");
    assert_eq!(after, expected);
    probe.lever("mode", &json!({"partial_echo": true}));
    let (_, echo) = probe.ask("PUT", "/api/v1/users/2", &json!({"last_name": "Silva"}));
    assert_eq!(echo, json!({"id": 2, "email": "maria.santos@example.com", "role": "admin"}));
}

#[test]
fn active_is_honoured_ignored_or_rejected() {
    let probe = probe();
    let off = json!({"active": false});
    assert_eq!(probe.ask("PUT", "/api/v1/users/2", &off).1["active"], false);
    probe.lever("mode", &json!({"active_update": "ignored"}));
    assert_eq!(probe.ask("PUT", "/api/v1/users/3", &off).1["active"], true);
    probe.lever("mode", &json!({"active_update": "rejected"}));
    assert_eq!(probe.ask("PUT", "/api/v1/users/3", &off).0, 422);
}

#[test]
fn a_deleted_id_is_gone_and_the_address_starts_anew() {
    let probe = probe();
    assert_eq!(probe.ask("DELETE", "/api/v1/users/3", &Value::Null), (204, Value::Null));
    assert_eq!(probe.get("/api/v1/users/3"), (404, json!({"error": "Not found"})));
    assert_eq!(probe.ask("DELETE", "/api/v1/users/3", &Value::Null).0, 404);
    let again = json!({"email": "tom.fischer@example.com", "first_name": "Tom", "last_name": "Fischer"});
    assert_eq!(probe.ask("POST", USERS, &again).1["id"], 4);
}

#[test]
fn a_user_joins_and_leaves_a_team() {
    let probe = probe();
    let memberships = "/api/v1/teams/5/memberships";
    let joined = json!({"team_id": 5, "user_id": 3});
    assert_eq!(probe.ask("POST", memberships, &json!({"user_id": 3})), (201, joined.clone()));
    assert_eq!(probe.ask("POST", memberships, &json!({"user_id": 3})), (200, joined));
    assert_eq!(probe.get("/api/v1/users/3").1["team_ids"], json!([5]));
    assert_eq!(probe.ask("DELETE", "/api/v1/teams/5/memberships/3", &Value::Null).0, 204);
    assert_eq!(probe.ask("DELETE", "/api/v1/teams/5/memberships/3", &Value::Null).0, 404);
    assert_eq!(probe.ask("POST", memberships, &json!({"user_id": 99})).0, 404);
    assert_eq!(probe.ask("POST", memberships, &json!({"user_id": "3"})).0, 422);
    assert_eq!(probe.ask("POST", "/api/v1/teams/7/memberships", &json!({"user_id": 3})).0, 404);
    assert_eq!(probe.get("/api/v1/users/3").0, 200);
}

#[test]
fn the_guard_keeps_a_teams_last_member() {
    let probe = probe();
    probe.lever("mode", &json!({"last_member_guard": true}));
    assert_eq!(probe.ask("DELETE", "/api/v1/teams/6/memberships/1", &Value::Null).0, 422);
    assert_eq!(probe.ask("DELETE", "/api/v1/teams/5/memberships/1", &Value::Null).0, 204);
}

#[test]
fn seats_count_active_users_only() {
    let probe = probe();
    probe.lever("seats", &json!({"limit": 3}));
    assert_eq!(probe.ask("POST", USERS, &john()).0, 403);
    probe.ask("PUT", "/api/v1/users/3", &json!({"active": false}));
    assert_eq!(probe.ask("POST", USERS, &john()).0, 201);
    assert_eq!(probe.ask("PUT", "/api/v1/users/3", &json!({"active": true})).0, 403);
}

#[test]
fn what_the_guide_does_not_name_is_unknown_or_not_allowed() {
    let probe = probe();
    assert_eq!(probe.get("/api/v1/admin/users").0, 404);
    assert_eq!(probe.get("/users").0, 404);
    assert_eq!(probe.ask("POST", "/api/v1/teams", &json!({"name": "X"})).0, 405);
    assert_eq!(probe.ask("PATCH", "/api/v1/users/1", &json!({})).0, 405);
    assert_eq!(probe.get("/api/v1/users/one").0, 404);
    assert_eq!(probe.answer("POST", USERS, "application/json", "{").status, 400);
}
