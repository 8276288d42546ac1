use std::sync::Arc;

use super::*;
use crate::adapters::simulator::probe::Probe;
use crate::base::clock::ManualClock;

const MEMBERS: &str = "/api/v1/workspaces/ws_001/members";

fn probe() -> Probe {
    let clock = Arc::new(ManualClock::default());
    Probe::new(&simulator(Dialect::Guide, clock).unwrap()).bearer(ADMIN_KEY)
}

fn anna() -> Value {
    json!({"email": "anna.berg@example.com", "role": "member"})
}

#[test]
fn members_are_a_bare_array_with_status() {
    let probe = probe();
    let (status, list) = probe.get(MEMBERS);
    assert_eq!(status, 200);
    assert_eq!(
        list[2],
        json!({
            "id": "usr_000003", "email": "tom.fischer@example.com", "firstName": "Tom", "lastName": "Fischer",
            "role": "guest", "status": "active", "workspaceId": "ws_001",
        })
    );
    assert_eq!(probe.get("/api/v1/workspaces/ws_001/members/usr_000003").1, list[2]);
    probe.lever("mode", &json!({"brief_members": true}));
    let brief = json!({
        "id": "usr_000003", "email": "tom.fischer@example.com", "firstName": "Tom", "lastName": "Fischer",
        "role": "guest",
    });
    assert_eq!(probe.get(MEMBERS).1[2], brief);
}

#[test]
fn only_an_api_key_as_bearer_opens_the_door() {
    let probe = probe();
    let refused = json!({"error": 401, "message": "Invalid API Key."});
    for wrong in [probe.bearer("guess"), probe.bearer(SCIM_TOKEN), probe.with("api_key", ADMIN_KEY)] {
        assert_eq!(wrong.get(MEMBERS), (401, refused.clone()));
    }
}

#[test]
fn a_member_reads_and_may_not_write() {
    let member = probe().bearer(MEMBER_KEY);
    assert_eq!(member.get(MEMBERS).1.as_array().unwrap().len(), 3);
    let refused = (403, json!({"error": 403, "message": "Admin permission required."}));
    assert_eq!(member.ask("POST", MEMBERS, &anna()), refused);
    assert_eq!(member.ask("DELETE", "/api/v1/workspaces/ws_001/members/usr_000003", &Value::Null), refused);
    member.lever("mode", &json!({"partial_list": true}));
    assert_eq!(member.get(MEMBERS).1.as_array().unwrap().len(), 2);
}

#[test]
fn a_key_follows_its_owners_rights() {
    let probe = probe();
    probe.lever("oob", &json!({"op": "set_role", "email": "owner@example.com", "role": "member"}));
    assert_eq!(probe.ask("POST", MEMBERS, &anna()).0, 403);
    probe.lever("oob", &json!({"op": "remove", "email": "owner@example.com"}));
    assert_eq!(probe.get(MEMBERS), (404, json!({"error": 404, "message": "Workspace not found."})));
    assert_eq!(probe.get("/api/v1/workspaces").1, json!([{"id": "ws_002", "name": "Acme Labs"}]));
}

#[test]
fn workspaces_out_of_sight_are_not_found() {
    let probe = probe();
    let visible = json!([{"id": "ws_001", "name": "Acme Corp"}, {"id": "ws_002", "name": "Acme Labs"}]);
    assert_eq!(probe.get("/api/v1/workspaces"), (200, visible));
    assert_eq!(probe.get("/api/v1/workspaces/ws_900/members").0, 404);
    assert_eq!(probe.get("/api/v1/workspaces/ws_404/members").0, 404);
}

#[test]
fn an_invited_person_is_listed_without_names_until_they_accept() {
    let probe = probe();
    let invited = json!({"id": "usr_000005", "email": "anna.berg@example.com", "status": "invited"});
    assert_eq!(probe.ask("POST", MEMBERS, &anna()), (200, invited));
    let target = "/api/v1/workspaces/ws_001/members/usr_000005";
    let (_, pending) = probe.get(target);
    assert_eq!((&pending["status"], &pending["firstName"]), (&json!("invited"), &json!("")));
    probe.lever("invites/ANNA.berg@example.com/accept", &Value::Null);
    let (_, accepted) = probe.get(target);
    assert_eq!((&accepted["status"], &accepted["lastName"]), (&json!("active"), &json!("Berg")));
    assert_eq!(probe.ask("POST", "/__sim/invites/anna.berg@example.com/expire", &Value::Null).0, 404);
}

#[test]
fn an_expired_invitation_is_gone() {
    let probe = probe();
    probe.ask("POST", MEMBERS, &anna());
    probe.lever("invites/anna.berg@example.com/expire", &Value::Null);
    assert_eq!(probe.get("/api/v1/workspaces/ws_001/members/usr_000005").0, 404);
}

#[test]
fn an_invitation_needs_an_address_and_a_known_role() {
    let probe = probe();
    let required = json!({"error": 400, "message": "Email is required."});
    assert_eq!(probe.ask("POST", MEMBERS, &json!({"role": "member"})), (400, required));
    assert_eq!(probe.ask("POST", MEMBERS, &json!({"email": "a@example.com", "role": "boss"})).0, 400);
    assert_eq!(probe.answer("POST", MEMBERS, "application/json", "{").status, 400);
}

#[test]
fn a_second_invitation_is_refused_or_does_nothing() {
    let probe = probe();
    let twice = json!({"email": "TOM.fischer@example.com", "role": "admin"});
    let refused = json!({"error": 409, "message": "User is already a member of this workspace."});
    assert_eq!(probe.ask("POST", MEMBERS, &twice), (409, refused));
    probe.lever("mode", &json!({"duplicate_status": 200}));
    let (status, body) = probe.ask("POST", MEMBERS, &twice);
    assert_eq!((status, &body["id"], &body["status"]), (200, &json!("usr_000003"), &json!("active")));
    assert_eq!(probe.get("/__sim/state").1["emails_sent"], 0);
}

#[test]
fn a_removed_member_keeps_the_account_and_other_workspaces() {
    let probe = probe();
    let maria = "/api/v1/workspaces/ws_001/members/usr_000002";
    assert_eq!(probe.ask("DELETE", maria, &Value::Null), (200, json!({"success": true})));
    let gone = (404, json!({"error": 404, "message": "User not found"}));
    assert_eq!(probe.ask("DELETE", maria, &Value::Null), gone);
    assert_eq!(probe.get(maria), gone);
    assert_eq!(probe.get("/api/v1/workspaces/ws_002/members/usr_000002").0, 200);
}

#[test]
fn a_person_invited_again_has_the_same_id_or_a_new_one() {
    let probe = probe();
    let tom = json!({"email": "tom.fischer@example.com"});
    let leave = |id: &str| probe.ask("DELETE", &format!("{MEMBERS}/{id}"), &Value::Null).0;
    assert_eq!(leave("usr_000003"), 200);
    assert_eq!(probe.ask("POST", MEMBERS, &tom).1["id"], "usr_000003");
    assert_eq!(leave("usr_000003"), 200);
    probe.lever("mode", &json!({"reinvited_id": "new"}));
    assert_eq!(probe.ask("POST", MEMBERS, &tom).1["id"], "usr_000005");
}

#[test]
fn a_full_workspace_takes_nobody() {
    let probe = probe();
    probe.lever("seats", &json!({"limit": 3}));
    let full = json!({"error": 403, "message": "Seat limit reached for this plan."});
    assert_eq!(probe.ask("POST", MEMBERS, &anna()), (403, full));
    probe.lever("mode", &json!({"seat_status": 402}));
    assert_eq!(probe.ask("POST", MEMBERS, &anna()).0, 402);
    assert_eq!(probe.ask("POST", "/api/v1/workspaces/ws_002/members", &anna()).0, 200);
}

#[test]
fn a_member_deactivated_elsewhere_shows_it() {
    let probe = probe();
    probe.lever("oob", &json!({"op": "set_active", "email": "tom.fischer@example.com", "active": false}));
    assert_eq!(probe.get(MEMBERS).1[2]["status"], "deactivated");
}

#[test]
fn an_app_seeded_empty_can_still_be_managed() {
    let probe = probe();
    probe.lever("reset", &json!({"seed": "empty"}));
    assert_eq!(probe.get(MEMBERS), (200, json!([])));
    assert_eq!(probe.ask("POST", MEMBERS, &anna()).1["id"], "usr_000001");
}

#[test]
fn what_the_guide_does_not_name_is_unknown_or_not_allowed() {
    let probe = probe();
    let unknown = (404, json!({"error": 404, "message": "Not found."}));
    assert_eq!(probe.get("/api/v1/workspaces/ws_001/users"), unknown);
    assert_eq!(probe.get("/workspaces"), unknown);
    assert_eq!(probe.ask("PUT", "/api/v1/workspaces/ws_001/members/usr_000003", &json!({})).0, 405);
    assert_eq!(probe.ask("POST", "/api/v1/workspaces", &json!({})).0, 405);
}
