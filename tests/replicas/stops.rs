//! A replica that stands still for longer than its lease, and one that is killed.

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::cluster::{Cluster, NAME, named, person};
use crate::number;
use crate::stage::{active, wait_for};

/// How long after it began an attempt is over, whatever stood still meanwhile: what a request may take, and some.
const OVER: Duration = Duration::from_secs(27);

/// What the app was asked to change, oldest first.
fn changes(cluster: &Cluster) -> Vec<Value> {
    let mut journal = cluster.app().journal();
    journal.retain(|entry| entry["method"] != "GET");
    journal
}

#[test]
fn a_replica_that_stood_still_beyond_its_lease_writes_nothing_late() {
    let cluster = Cluster::looking(2, "2s");
    // Of one change each: the create and the removal.
    let (mut asked_for, mut last) = (0, Instant::now());
    for round in 0..number("STOPS", 3) {
        let address = format!("p{round}@example.com");
        let created = cluster.caller(0).send("POST", "/Users", &person(&address));
        assert_eq!(created.status, 201);
        asked_for += 1;
        let path = format!("/Users/{}", created.json()["id"].as_str().unwrap());

        // The first replica waits for the app's answer to a look when it is stopped: nothing is changed yet.
        let mut app = cluster.app();
        app.send("DELETE", "/__sim/faults", &Value::Null);
        let order = json!({ "match": { "method": "GET" }, "delay_ms": 600, "times": 1 });
        assert!(app.send("POST", "/__sim/faults", &order).status < 300);
        let (mut slow, asked) = (cluster.caller(0), path.clone());
        let promoted = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [{ "op": "replace", "path": "roles", "value": [{ "value": "admin" }] }],
        });
        last = Instant::now();
        let late = thread::spawn(move || slow.send("PATCH", &asked, &promoted).status);
        wait_for("the look of the first replica", || {
            let faults = app.send("GET", "/__sim/faults", &Value::Null).json();
            (faults[0]["struck"].as_u64()? > 0).then_some(())
        });
        cluster.replicas[0].send_signal("-STOP");

        let began = Instant::now();
        let left = cluster.caller(1).send("PATCH", &path, &active(false));
        assert_eq!(left.status, 200, "{}\n{}", String::from_utf8_lossy(&left.body), cluster.logs());
        assert!(began.elapsed() >= Duration::from_secs(1), "the lease of the other one was waited for");
        assert!(!cluster.addresses().contains(&address));
        asked_for += 1;
        assert_eq!(changes(&cluster).len(), asked_for, "{:?}", changes(&cluster));

        cluster.replicas[0].send_signal("-CONT");
        let status = late.join().unwrap();
        assert!(status >= 500 || status == 429 || status == 412, "{status}");
        assert_eq!(changes(&cluster).len(), asked_for, "{:?}", changes(&cluster));
        assert!(!cluster.addresses().contains(&address));
        for replica in [0, 1] {
            let shown = cluster.caller(replica).send("GET", &path, &Value::Null).json();
            assert_eq!(shown["active"], false, "replica {replica}: {shown}");
        }
    }
    thread::sleep(OVER.saturating_sub(last.elapsed()));
    assert_eq!(changes(&cluster).len(), asked_for, "{:?}", changes(&cluster));
    cluster.is_accounted_for();
}

#[test]
fn a_create_whose_replica_stands_still_is_not_sent_again_by_another() {
    let cluster = Cluster::looking(2, "2s");
    let mut app = cluster.app();
    app.send("POST", "/__sim/mode", &json!({ "pending_in_list": true }));
    let mut last = Instant::now();
    for round in 0..number("STOPS", 3) {
        let address = format!("p{round}@example.com");
        app.send("DELETE", "/__sim/faults", &Value::Null);
        let order = json!({ "match": { "method": "POST" }, "delay_ms": 800, "commit": true, "times": 1 });
        assert!(app.send("POST", "/__sim/faults", &order).status < 300);
        let (mut slow, asked) = (cluster.caller(0), person(&address));
        last = Instant::now();
        let late = thread::spawn(move || {
            let answer = slow.send("POST", "/Users", &asked);
            (answer.status, answer.json())
        });
        wait_for("the create at the app", || (cluster.created(&address) > 0).then_some(()));
        cluster.replicas[0].send_signal("-STOP");
        // The account is there, and whoever asked for it cannot hear it.
        let found = wait_for("the account under the other replica", || {
            let answer = cluster.caller(1).send("POST", "/Users", &person(&address));
            matches!(answer.status, 201 | 409).then(|| (answer.status, answer.json()))
        });
        cluster.replicas[0].send_signal("-CONT");
        let late = late.join().unwrap();
        let mut ids = BTreeSet::new();
        for (status, body) in [found, late] {
            assert!(matches!(status, 201 | 409 | 412 | 429 | 500..), "{status} {body}");
            ids.extend((status == 201).then(|| body["id"].as_str().unwrap().to_owned()));
        }
        for replica in [0, 1] {
            let shown = cluster.caller(replica).send("GET", &named(&address), &Value::Null).json();
            assert_eq!(shown["totalResults"], 1, "replica {replica}: {shown}");
            ids.insert(shown["Resources"][0]["id"].as_str().unwrap().to_owned());
        }
        assert_eq!(ids.len(), 1, "{ids:?}");
    }
    thread::sleep(OVER.saturating_sub(last.elapsed()));
    for round in 0..number("STOPS", 3) {
        assert_eq!(cluster.created(&format!("p{round}@example.com")), 1, "{}", cluster.logs());
    }
    // Whoever was taken for dead tells what it had asked for when it wakes.
    cluster.is_accounted_for_after_a_pause();
}

#[test]
fn what_a_killed_replica_promised_is_done_by_another() {
    let mut cluster = Cluster::start(2, "2s");
    let created = cluster.caller(0).send("POST", "/Users", &person("leaver@example.com"));
    let path = format!("/Users/{}", created.json()["id"].as_str().unwrap());
    let mut app = cluster.app();
    let order = json!({ "match": { "method": "DELETE" }, "status": 503, "times": 1, "delay_ms": 5_000 });
    assert!(app.send("POST", "/__sim/faults", &order).status < 300);
    let (mut caller, asked) = (cluster.caller(0), path.clone());
    let asking = thread::spawn(move || {
        // The replica is killed before it answers.
        drop(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            caller.send("PATCH", &asked, &active(false))
        })));
    });
    wait_for("the removal at the app", || {
        let faults = app.send("GET", "/__sim/faults", &Value::Null).json();
        (faults[0]["struck"].as_u64()? > 0).then_some(())
    });
    cluster.replicas[0].signal("-KILL");
    asking.join().unwrap();
    let due = format!("UPDATE intents SET next_attempt_at = 0 WHERE connection = '{NAME}' AND sticky");
    cluster.server.sql(cluster.database_name(), &due);
    wait_for("the other replica to do it", || {
        (!cluster.addresses().contains(&"leaver@example.com".to_owned())).then_some(())
    });
    wait_for("it to be shown", || {
        let shown = cluster.caller(1).send("GET", &path, &Value::Null).json();
        (shown["active"] == false).then_some(())
    });
    cluster.is_accounted_for();
}

#[test]
fn what_a_killed_replica_had_put_off_is_tried_by_another_once_the_app_is_well() {
    let mut cluster = Cluster::start(2, "2s");
    let created = cluster.caller(0).send("POST", "/Users", &person("leaver@example.com"));
    let path = format!("/Users/{}", created.json()["id"].as_str().unwrap());
    let mut app = cluster.app();
    let order =
        json!({ "match": { "method": "DELETE" }, "status": 429, "headers": { "Retry-After": "3600" } });
    assert!(app.send("POST", "/__sim/faults", &order).status < 300);
    assert_eq!(cluster.caller(0).send("PATCH", &path, &active(false)).status, 503);
    cluster.replicas[0].signal("-KILL");
    // It is due in minutes, and whoever is left was never told by the app that it is busy.
    let due = "SELECT next_attempt_at > (extract(epoch FROM now()) + 60) * 1000000 FROM intents WHERE sticky";
    assert_eq!(cluster.server.sql(cluster.database_name(), due), "t");
    app.send("DELETE", "/__sim/faults", &Value::Null);
    let healed = Instant::now();
    wait_for("the other replica to do it", || {
        (!cluster.addresses().contains(&"leaver@example.com".to_owned())).then_some(())
    });
    assert!(healed.elapsed() < Duration::from_secs(10), "{:?}", healed.elapsed());
    cluster.is_accounted_for();
}

#[test]
fn replicas_that_are_told_to_end_finish_what_they_answer_and_keep_no_lease() {
    let mut cluster = Cluster::start(2, "30s");
    let order = json!({ "delay_ms": 40, "probability": 0.5, "commit": true });
    assert!(cluster.app().send("POST", "/__sim/faults", &order).status < 300);
    let callers: Vec<_> = (0..6)
        .map(|lane| {
            let mut caller = cluster.caller(lane % 2);
            thread::spawn(move || {
                let mut told = Vec::new();
                for number in 0.. {
                    let address = format!("p{lane}.{number}@example.com");
                    let body = Some(person(&address).to_string().into_bytes());
                    let answer = caller.try_send("POST", "/Users", &[], body).map(|answer| answer.status);
                    let over = answer.is_err();
                    told.push((address, answer.ok()));
                    if over {
                        break;
                    }
                }
                told
            })
        })
        .collect();
    wait_for("people", || (cluster.addresses().len() > 20).then_some(()));
    for replica in &mut cluster.replicas {
        let (status, took) = replica.signal("-TERM");
        assert!(status.success() && took < Duration::from_secs(30), "{status} after {took:?}");
    }
    assert_eq!(cluster.leases("true"), "0", "leases that nobody gave up");
    let present = cluster.addresses();
    let told: Vec<_> = callers.into_iter().flat_map(|caller| caller.join().unwrap()).collect();
    assert!(told.len() > 20, "{told:?}");
    for (address, answer) in told {
        assert!(matches!(answer, Some(201) | None), "{address}: {answer:?}");
        assert_eq!(present.contains(&address), answer == Some(201), "{address} was told {answer:?}");
    }
    cluster.is_accounted_for();
}
