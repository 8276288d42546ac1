use super::*;
use crate::adapters::simulator::probe::Probe;
use crate::base::clock::{ManualClock, Timestamp};

fn probe() -> Probe {
    let clock = Arc::new(ManualClock::starting_at(Timestamp(1_705_312_800_000_000)));
    Probe::new(&simulator(Dialect::Guide, clock).unwrap())
}

fn export(probe: &Probe, variant: &str) -> Vec<u8> {
    let answer = probe.answer("GET", &format!("/__sim/export.csv?variant={variant}"), "", "");
    assert_eq!(answer.status, 200);
    answer.body.to_vec()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

const PLAIN: &str = "email,name,role,status,last_seen\n\
    maria.santos@example.com,Maria Santos,Admin,active,2024-01-15T10:00:00Z\n\
    owner@example.com,Owner Example,Account Owner,active,2024-01-15T10:00:00Z\n\
    tom.fischer@example.com,Tom Fischer,Read Only,active,2024-01-15T10:00:00Z\n";

#[test]
fn the_export_lists_those_who_have_accepted() {
    let probe = probe();
    probe.lever("ui/invite", &json!({"email": "anna.berg@example.com", "role": "Read & Write"}));
    assert_eq!(text(&export(&probe, "plain")), PLAIN);
    probe.lever("ui/accept", &json!({"email": "Anna.Berg@example.com"}));
    let line = "anna.berg@example.com,Anna Berg,Read & Write,active,2024-01-15T10:00:00Z\n";
    assert!(text(&export(&probe, "plain")).contains(line));
}

#[test]
fn a_person_changes_a_role_and_removes_a_member() {
    let probe = probe();
    probe.lever("ui/set-role", &json!({"email": "tom.fischer@example.com", "role": "Admin"}));
    probe.lever("ui/remove", &json!({"email": "maria.santos@example.com"}));
    let (_, state) = probe.get("/__sim/state");
    let seats: Vec<_> = state["roster"].as_array().unwrap().iter().map(|seat| &seat["role"]).collect();
    assert_eq!(seats, ["Account Owner", "Admin"]);
}

#[test]
fn the_owner_can_be_neither_removed_nor_demoted() {
    let probe = probe();
    assert_eq!(probe.ask("POST", "/__sim/ui/remove", &json!({"email": "owner@example.com"})).0, 400);
    let demotion = json!({"email": "owner@example.com", "role": "Admin"});
    assert_eq!(probe.ask("POST", "/__sim/ui/set-role", &demotion).0, 400);
    let unknown = json!({"email": "tom.fischer@example.com", "role": "King"});
    assert_eq!(probe.ask("POST", "/__sim/ui/set-role", &unknown).0, 400);
    assert_eq!(probe.ask("POST", "/__sim/ui/remove", &json!({"email": "nobody@example.com"})).0, 404);
}

#[test]
fn the_export_comes_in_every_form_a_person_may_hand_over() {
    let probe = probe();
    assert!(export(&probe, "bom").starts_with(b"\xef\xbb\xbfemail,"));
    assert!(export(&probe, "semicolon").starts_with(b"email;name;"));
    assert!(export(&probe, "missing_column").starts_with(b"name,role,"));
    assert_eq!(text(&export(&probe, "duplicates")).matches("maria.santos@").count(), 2);
    let rename = json!({"op": "rename", "email": "tom.fischer@example.com", "name": "Tom Größer"});
    probe.lever("oob", &rename);
    assert!(export(&probe, "latin1").windows(4).any(|bytes| bytes == b"Gr\xf6\xdf"));
    probe.lever("reset", &json!({"seed": "empty", "users": 10_000}));
    assert_eq!(text(&export(&probe, "plain")).lines().count(), 10_001);
    assert_eq!(text(&export(&probe, "shrunk")).lines().count(), 2_001);
    assert_eq!(probe.answer("GET", "/__sim/export.csv?variant=xml", "", "").status, 400);
}

#[test]
fn a_call_to_a_namesake_of_user_management_trips_the_wire() {
    let probe = probe();
    assert_eq!(probe.ask("POST", "/v1/oauth/token", &json!({})).0, 404);
    assert_eq!(probe.ask("POST", "/v1/organizations/7/user-lookup", &json!({})).0, 404);
    assert_eq!(probe.get("/v2/teams/1/members").0, 404);
    assert_eq!(probe.get("/somewhere").0, 404);
    let calls = ["POST /v1/oauth/token", "POST /v1/organizations/7/user-lookup", "GET /v2/teams/1/members"];
    assert_eq!(probe.get("/__sim/tripwire").1, json!({"count": 3, "calls": calls}));
}

#[test]
fn the_sink_keeps_deliveries_and_fails_as_it_is_told() {
    let probe = probe();
    assert_eq!(probe.ask("POST", "/sink/tasks", &json!({"task": 1})).0, 204);
    probe.lever("mode", &json!({"sink": "gone"}));
    assert_eq!(probe.ask("POST", "/sink", &json!({"task": 2})).0, 410);
    probe.lever("mode", &json!({"sink": "fails", "sink_delay_ms": 1500}));
    let answer = probe.answer("POST", "/sink", "application/json", "{}");
    assert_eq!((answer.status, answer.delay), (500, Duration::from_millis(1500)));
    let (_, state) = probe.get("/__sim/state");
    assert_eq!(state["deliveries"][0]["body"], r#"{"task":1}"#);
    assert_eq!(state["deliveries"].as_array().unwrap().len(), 3);
}
