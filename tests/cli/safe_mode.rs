//! An older database put back under a gateway: it knows, gives nobody access, and everybody still leaves.

use std::fs;
use std::thread;

use serde_json::{Value, json};

use crate::stage::{Caller, Place, active, person, wait_for};
use crate::tines::{Tines, hire};

const CORRECT: &str = "[connections.tines.policy]\ndrift = \"correct\"\n";

/// The database of a gateway that has ended, as a backup has it.
fn saved(place: &Place) -> Vec<u8> {
    fs::read(place.path("portcullis.db")).unwrap()
}

fn put_back(place: &Place, backup: Vec<u8>) {
    fs::write(place.path("portcullis.db"), backup).unwrap();
    for log in ["portcullis.db-wal", "portcullis.db-shm"] {
        drop(fs::remove_file(place.path(log)));
    }
}

fn demote(idp: &mut Caller, id: &str) -> u16 {
    let roles = json!([{ "value": "member", "primary": true }]);
    let body = json!({ "Operations": [{ "op": "replace", "path": "roles", "value": roles }] });
    idp.send("PATCH", &format!("/Users/{id}"), &body).status
}

/// What a look for drift found, and how it ended.
fn found<'a>(reports: &'a Value) -> Vec<(&'a str, &'a str)> {
    let findings = reports[0]["report"]["findings"].as_array().unwrap();
    let word = |finding: &'a Value, key: &str| finding[key].as_str().unwrap();
    findings.iter().map(|finding| (word(finding, "what"), word(finding, "state"))).collect()
}

#[test]
fn an_older_database_is_recognised_and_gives_nobody_access_until_an_operator_has_looked() {
    let tines = Tines::with("");
    let place = &tines.place;
    let (mut gateway, mut idp) = tines.serve();
    let stays = hire(&mut idp, "stays@example.com", "member");
    let leaves = hire(&mut idp, "leaves@example.com", "member");
    gateway.signal("-TERM");
    let backup = saved(place);

    let (mut gateway, mut idp) = tines.serve();
    assert_eq!(idp.send("PATCH", &format!("/Users/{leaves}"), &active(false)).status, 200);
    assert_eq!(place.run("safe-mode status", &[]).ok().stdout, "not in safe mode\n");
    gateway.signal("-TERM");

    put_back(place, backup);
    let (_gateway, mut idp) = tines.serve();
    let told = place.run("safe-mode status", &["--json"]).ok().json();
    assert_eq!(told["safe_mode"], true, "{told}");
    let before = tines.writes();
    let held = idp.send("POST", "/Users", &person("new@example.com"));
    assert_eq!(held.status, 503);
    assert!(held.json()["detail"].as_str().unwrap().contains("safe-mode leave"), "{held:?}");
    assert_eq!(idp.send("PATCH", &format!("/Users/{leaves}"), &active(true)).status, 503);
    assert_eq!(tines.writes(), before, "nobody got anything");
    let left = idp.send("PATCH", &format!("/Users/{stays}"), &active(false));
    assert_eq!(left.status, 200, "whoever leaves, leaves");

    assert_eq!(place.run("safe-mode leave", &[]).code, 1, "nobody has looked");
    let seen = place.run("safe-mode review", &["--json"]).ok().json();
    assert_eq!(seen[0]["without_access"][0]["id"], leaves.as_str(), "{seen}");
    place.run("safe-mode leave", &[]).ok();
    assert_eq!(place.run("safe-mode status", &[]).ok().stdout, "not in safe mode\n");
    wait_for("the end of safe mode", || {
        (idp.send("POST", "/Users", &person("new@example.com")).status == 201).then_some(())
    });
    let gone = idp.send("GET", &format!("/Users/{leaves}"), &Value::Null);
    assert_eq!(gone.json()["active"], false);
}

#[test]
fn a_look_for_drift_that_comes_first_after_a_restore_gives_nobody_anything() {
    let tines = Tines::with(CORRECT);
    let place = &tines.place;
    let (mut gateway, mut idp) = tines.serve();
    let stays = hire(&mut idp, "stays@example.com", "admin");
    let leaves = hire(&mut idp, "leaves@example.com", "member");
    gateway.signal("-TERM");
    let backup = saved(place);

    let (mut gateway, mut idp) = tines.serve();
    assert_eq!(demote(&mut idp, &stays), 200);
    assert_eq!(idp.send("PATCH", &format!("/Users/{leaves}"), &active(false)).status, 200);
    gateway.signal("-TERM");

    put_back(place, backup);
    let before = tines.writes();
    let reports = place.run("drift", &["--now", "--json"]).ok().json();
    let mut told = found(&reports);
    told.sort_unstable();
    assert_eq!(told, [("deactivated", "reported"), ("role_changed", "under_way")], "{reports}");
    assert_eq!(tines.writes(), before, "nobody got anything");
    let told = place.run("safe-mode status", &["--json"]).ok().json();
    assert_eq!(told["safe_mode"], true, "{told}");
}

#[test]
fn a_look_for_drift_that_is_under_way_gives_nothing_once_safe_mode_has_begun() {
    let tines = Tines::with(CORRECT);
    let place = &tines.place;
    let (mut gateway, mut idp) = tines.serve();
    hire(&mut idp, "stays@example.com", "admin");
    gateway.signal("-TERM");
    let mut app = tines.app();
    let by_hand = json!({ "op": "set_role", "email": "stays@example.com", "role": "member" });
    assert!(app.send("POST", "/__sim/oob", &by_hand).status < 300);
    let slow = json!({ "match": { "method": "GET" }, "delay_ms": 7_000, "times": 1 });
    assert!(app.send("POST", "/__sim/faults", &slow).status < 300);
    let (before, asked) = (tines.writes(), app.journal().len());
    let reports = thread::scope(|scope| {
        let looking = scope.spawn(|| place.run("drift", &["--now", "--json"]).ok().json());
        wait_for("the listing", || (app.journal().len() > asked).then_some(()));
        place.run("safe-mode enter", &[]).ok();
        looking.join().unwrap()
    });
    assert_eq!(found(&reports), [("role_changed", "under_way")], "{reports}");
    assert_eq!(tines.writes(), before, "nobody got anything");
}
