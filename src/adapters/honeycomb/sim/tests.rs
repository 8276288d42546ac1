use super::*;
use crate::adapters::simulator::probe::Probe;
use crate::base::clock::{ManualClock, Timestamp};

const MEMBERS: &str = "/1/team_memberships";

fn probe() -> Probe {
    let clock = Arc::new(ManualClock::starting_at(Timestamp(1_705_312_800_000_000)));
    Probe::new(&simulator(Dialect::Guide, clock).unwrap()).with(TEAM_HEADER, CONFIG_KEY)
}

#[test]
fn the_list_is_a_bare_array_of_the_guides_five_fields() {
    let (status, body) = probe().get(MEMBERS);
    assert_eq!(status, 200);
    assert_eq!(
        body[0],
        json!({
            "id": "mbr000001", "email": "owner@example.com", "name": "Owner Example", "role": "admin",
            "created_at": "2024-01-15T10:00:00Z",
        })
    );
    assert_eq!(body.as_array().unwrap().len(), 3);
}

#[test]
fn only_a_configuration_key_in_its_own_header_manages_members() {
    let probe = probe();
    let unknown = json!({"error": "unknown API key - check your credentials"});
    for wrong in [
        probe.with(TEAM_HEADER, INGEST_KEY),
        probe.with(TEAM_HEADER, REVOKED_KEY),
        probe.with(TEAM_HEADER, MANAGEMENT_KEY),
        probe.with(TEAM_HEADER, "guess"),
        probe.bearer(CONFIG_KEY),
        probe.with("x-honeycomb-key", CONFIG_KEY),
    ] {
        assert_eq!(wrong.get(MEMBERS), (401, unknown.clone()));
    }
    probe.lever("mode", &json!({"wrong_key_status": 403}));
    assert_eq!(probe.with(TEAM_HEADER, INGEST_KEY).get(MEMBERS).0, 403);
}

#[test]
fn the_version_prefix_is_required_and_there_is_no_read_by_id() {
    let probe = probe();
    assert_eq!(probe.get("/team_memberships").0, 404);
    assert_eq!(probe.get("/1/team_memberships/").0, 404);
    assert_eq!(probe.get("/1/team_memberships/mbr000001").0, 405);
    assert_eq!(probe.ask("PATCH", MEMBERS, &json!({})).0, 405);
}

#[test]
fn an_invited_person_is_listed_once_they_accept_and_keeps_the_id() {
    let probe = probe();
    let (status, invited) =
        probe.ask("POST", MEMBERS, &json!({"email": "Anna.Berg@example.com", "role": "admin"}));
    assert_eq!(status, 201);
    let expected = json!({
        "id": "mbr000005", "email": "Anna.Berg@example.com", "role": "admin", "created_at": "2024-01-15T10:00:00Z",
    });
    assert_eq!(invited, expected);
    assert_eq!(probe.get(MEMBERS).1.as_array().unwrap().len(), 3);
    probe.lever("mode", &json!({"pending_in_list": true}));
    assert_eq!(probe.get(MEMBERS).1[3], expected);
    probe.lever("invites/anna.berg@example.com/accept", &Value::Null);
    assert_eq!(probe.get(MEMBERS).1[3]["name"], "Anna Berg");
    assert_eq!(probe.get(MEMBERS).1[3]["id"], "mbr000005");
}

#[test]
fn an_invitation_without_a_role_or_with_a_wrong_one_is_422() {
    let probe = probe();
    let (status, body) = probe.ask("POST", MEMBERS, &json!({"email": "a@example.com"}));
    assert_eq!(status, 422);
    assert_eq!(
        body["type_detail"],
        json!([{"field": "role", "code": "missing", "description": "role is required"}])
    );
    let (_, body) = probe.ask("POST", MEMBERS, &json!({"email": "a@example.com", "role": "owner"}));
    assert_eq!(body["type_detail"][0]["code"], "invalid");
    let (_, body) = probe.ask("POST", MEMBERS, &json!({"role": "admin"}));
    assert_eq!(body["type_detail"][0]["field"], "email");
    assert_eq!(probe.answer("POST", MEMBERS, "application/json", "{").status, 400);
}

#[test]
fn a_member_is_invited_again_only_after_removal_and_under_a_new_id() {
    let probe = probe();
    let again = json!({"email": "TOM.fischer@example.com", "role": "member"});
    assert_eq!(probe.ask("POST", MEMBERS, &again).0, 409);
    assert_eq!(probe.ask("DELETE", "/1/team_memberships/mbr000003", &Value::Null), (204, Value::Null));
    assert_eq!(probe.ask("DELETE", "/1/team_memberships/mbr000003", &Value::Null).0, 404);
    assert_eq!(probe.ask("POST", MEMBERS, &again).1["id"], "mbr000005");
}

#[test]
fn a_put_changes_the_role_and_ignores_the_address() {
    let probe = probe();
    let target = "/1/team_memberships/mbr000002";
    let change = json!({"role": "admin", "email": "new@example.com"});
    let answer = json!({"id": "mbr000002", "email": "maria.santos@example.com", "role": "admin"});
    assert_eq!(probe.ask("PUT", target, &change), (200, answer));
    probe.lever("mode", &json!({"put_email": "rejected"}));
    assert_eq!(probe.ask("PUT", target, &change).0, 422);
    assert_eq!(probe.ask("PUT", "/1/team_memberships/nobody", &json!({"role": "admin"})).0, 404);
}

#[test]
fn the_guard_keeps_the_last_admin() {
    let probe = probe();
    let (owner, demotion) = ("/1/team_memberships/mbr000001", json!({"role": "member"}));
    probe.lever("mode", &json!({"last_admin_guard": true}));
    assert_eq!(probe.ask("PUT", owner, &demotion).0, 409);
    assert_eq!(probe.ask("DELETE", owner, &Value::Null).0, 409);
    probe.lever("mode", &json!({"last_admin_guard": false}));
    assert_eq!(probe.ask("PUT", owner, &demotion).0, 200);
}

#[test]
fn a_full_team_takes_nobody() {
    let probe = probe();
    probe.lever("seats", &json!({"limit": 3}));
    let (status, body) = probe.ask("POST", MEMBERS, &json!({"email": "a@example.com", "role": "member"}));
    assert_eq!((status, &body["error"]), (403, &json!("seat limit reached for this team")));
}

#[test]
fn one_teams_key_never_reaches_another_team() {
    let other = probe().with(TEAM_HEADER, OTHER_TEAM_CONFIG_KEY);
    assert_eq!(other.get(MEMBERS).1.as_array().unwrap().len(), 1);
    assert_eq!(other.ask("DELETE", "/1/team_memberships/mbr000001", &Value::Null).0, 404);
}

#[test]
fn the_auth_path_tells_the_kinds_of_keys_apart() {
    let probe = probe();
    assert_eq!(probe.get("/1/auth").1["type"], "configuration");
    assert_eq!(probe.with(TEAM_HEADER, INGEST_KEY).get("/1/auth").1["type"], "ingest");
    assert_eq!(probe.with(TEAM_HEADER, REVOKED_KEY).get("/1/auth").0, 401);
}

#[test]
fn a_management_key_lists_and_disables_keys_by_creator() {
    let probe = probe().bearer(MANAGEMENT_KEY);
    let keys = "/2/teams/acme/api-keys";
    let (_, page) = probe.get(&format!("{keys}?filter[type]=configuration"));
    assert_eq!(page["data"][0]["relationships"]["creator"]["data"]["id"], "hcxus_000002");
    let target = format!("{keys}/{}", page["data"][0]["id"].as_str().unwrap());
    let change = json!({"data": {"attributes": {"disabled": true}}}).to_string();
    assert_eq!(probe.answer("PATCH", &target, "application/json", &change).status, 415);
    assert_eq!(probe.answer("PATCH", &target, "application/vnd.api+json", &change).status, 200);
    assert_eq!(probe.get(keys).1["data"][1]["attributes"]["disabled"], true);
    let (_, first) = probe.get(&format!("{keys}?page[size]=1"));
    assert_eq!(probe.get(first["links"]["next"].as_str().unwrap()).1["links"]["next"], Value::Null);
    assert_eq!(probe.get("/2/teams/globex/api-keys").0, 404);
    assert_eq!(probe.bearer(CONFIG_KEY).get(keys).0, 401);
}

#[test]
fn without_the_membership_api_its_path_is_unknown() {
    let probe = probe();
    probe.lever("mode", &json!({"membership_api": false}));
    assert_eq!(probe.get(MEMBERS).0, 404);
    assert_eq!(probe.get("/1/auth").0, 200);
}

#[test]
fn changes_in_the_user_interface_show_in_the_list() {
    let probe = probe();
    probe.lever("oob", &json!({"op": "rename", "email": "tom.fischer@example.com", "name": "Tom F."}));
    probe.lever("oob", &json!({"op": "remove", "email": "maria.santos@example.com"}));
    probe.lever("oob", &json!({"op": "add", "email": "eva@example.com", "role": "admin"}));
    let (_, list) = probe.get(MEMBERS);
    let names: Vec<_> =
        list.as_array().unwrap().iter().map(|member| member["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["Owner Example", "Tom F.", "Eva Example"]);
}

#[test]
fn an_unknown_switch_is_refused() {
    assert_eq!(probe().ask("POST", "/__sim/mode", &json!({"pending": true})).0, 400);
}
