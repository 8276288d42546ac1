//! Deletions for good above the brake, decided at both doors of an operator: what the app then has, and what a second
//! word is answered.

use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::stage::{Caller, Running, wait_for};
use crate::tines::{Tines, hire};

const PEOPLE: [&str; 3] = ["goes@example.com", "approved@example.com", "rejected@example.com"];

/// The brake lets one deletion through: the first of the people is gone for good, the others are deactivated.
fn held() -> (Tines, Running, Caller) {
    let tines = Tines::with(
        "[connections.tines.policy]\ndelete = \"hard\"\n[connections.tines.brake]\ndeactivations = 1\n",
    );
    let (gateway, mut idp) = tines.serve();
    for id in PEOPLE.map(|address| hire(&mut idp, address, "member")) {
        assert_eq!(idp.send("DELETE", &format!("/Users/{id}"), &Value::Null).status, 204);
    }
    let [gone, approved, rejected] = PEOPLE.map(|address| tines.account(address));
    assert_eq!((gone, &approved["active"], &rejected["active"]), (json!(null), &json!(false), &json!(false)));
    (tines, gateway, idp)
}

/// The ids of what waits: the deletion to approve, and the one to reject.
fn waiting(listed: &[Value]) -> [String; 2] {
    let of = |address: &str| {
        let task = listed.iter().find(|task| task["person"] == address).unwrap();
        assert_eq!((&task["connection"], &task["urgent"]), (&json!("tines"), &json!(true)), "{task}");
        task["id"].as_str().unwrap().to_owned()
    };
    assert_eq!(listed.len(), 2, "{listed:?}");
    [of(PEOPLE[1]), of(PEOPLE[2])]
}

/// Both were decided: one account is deleted, once, and the other stays as it was however long one waits.
fn decided(tines: &Tines, before: &[String], approved: &Value) {
    wait_for("the deletion", || tines.account(PEOPLE[1]).is_null().then_some(()));
    // Longer than the gateway takes to see what was decided.
    thread::sleep(Duration::from_secs(2));
    assert_eq!(tines.account(PEOPLE[2])["active"], false);
    let delete = format!("DELETE /api/v1/users/{}", approved["id"]);
    assert_eq!(tines.writes().split_off(before.len()), [delete]);
}

#[test]
fn deletions_are_approved_and_rejected_by_command() {
    let (tines, _gateway, mut idp) = held();
    let place = &tines.place;
    let listed = place.run("approvals list", &["--json"]).ok().json();
    let [approve, reject] = waiting(listed.as_array().unwrap());
    let (before, account) = (tines.writes(), tines.account(PEOPLE[1]));

    let told = place.run("approvals approve", &["--by", "kim", "--json", &approve]).ok().json();
    assert_eq!((&told["state"], &told["closed_by"]), (&json!("done"), &json!("kim")), "{told}");
    let told = place.run("approvals reject", &["--note", "wrong export", &reject]).ok().stdout;
    assert_eq!(told, format!("deletion {reject} is rejected: the account stays deactivated\n"));
    decided(&tines, &before, &account);

    assert_eq!(place.run("approvals list", &["--json"]).ok().json(), json!([]));
    for (word, id) in [("approve", &approve), ("reject", &approve), ("approve", &reject)] {
        let again = place.run(&format!("approvals {word}"), &[id]);
        assert_eq!(again.code, 1, "{again:?}");
        assert!(again.stderr.contains("no deletion waits for approval under this id"), "{again:?}");
        assert!(again.stderr.contains("hint: portcullis approvals list"), "{again:?}");
    }
    let shown = String::from_utf8(idp.send("GET", "/Users", &Value::Null).body).unwrap();
    assert!(PEOPLE.iter().all(|address| !shown.contains(address)), "gone for callers: {shown}");
}

#[test]
fn deletions_are_approved_and_rejected_at_the_admin_door() {
    let (tines, gateway, _idp) = held();
    let token = tines.place.run("token create", &["--admin", "--json"]).ok().json();
    let mut admin = gateway.administrator_with(token["token"].as_str().unwrap());
    let mut ask = |method: &str, path: &str| {
        let answer = admin.send(method, path, &Value::Null);
        (answer.status, answer.json())
    };
    // A new token is known within seconds.
    let (_, listed) =
        wait_for("the list", || Some(ask("GET", "/approvals")).filter(|(status, _)| *status == 200));
    let [approve, reject] = waiting(listed["items"].as_array().unwrap());
    let (before, account) = (tines.writes(), tines.account(PEOPLE[1]));

    let (status, told) = ask("POST", &format!("/approvals/{approve}/approve?by=kim"));
    assert_eq!((status, &told["state"], &told["closed_by"]), (200, &json!("done"), &json!("kim")), "{told}");
    let (status, told) = ask("POST", &format!("/approvals/{reject}/reject?note=wrong"));
    let expected = (200, &json!("cancelled"), &json!("admin"), &json!("wrong"));
    assert_eq!((status, &told["state"], &told["closed_by"], &told["note"]), expected, "{told}");
    decided(&tines, &before, &account);

    assert_eq!(ask("GET", "/approvals").1["items"], json!([]));
    for path in [format!("{approve}/approve"), format!("{approve}/reject"), format!("{reject}/approve")] {
        let (status, told) = ask("POST", &format!("/approvals/{path}"));
        assert_eq!(status, 404, "{told}");
    }
}
