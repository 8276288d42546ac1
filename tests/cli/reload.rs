//! A configuration that changes while the gateway serves.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use portcullis::adapters::honeycomb;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::stage::{Caller, Place, Running, active, simulator, wait_for};

/// Within which a change has to be seen.
const SEEN: Duration = Duration::from_secs(10);

const SANDBOX: &str = "listen = \"127.0.0.1:0\"\n[connections.sandbox]\napp = \"sandbox\"\n";

fn rewrite(place: &Place, text: &str) {
    fs::write(place.path("portcullis.toml"), text).unwrap();
}

fn caller(place: &Place, gateway: &Running, connection: &str) -> Caller {
    let made = place.run("token create", &["--connection", connection, "--json"]).ok().json();
    gateway.caller_with(connection, made["token"].as_str().unwrap())
}

fn told(gateway: &Running, message: &str) -> usize {
    gateway.log_lines().iter().filter(|line| line["message"] == message).count()
}

#[test]
fn a_connection_that_is_added_is_served_and_one_that_is_gone_is_not_within_ten_seconds() {
    let place = Place::with(SANDBOX);
    let gateway = Running::serve(&place);
    let mut old = caller(&place, &gateway, "sandbox");
    let ada = old.create("ada@example.com");
    rewrite(&place, &format!("{SANDBOX}[connections.second]\napp = \"sandbox\"\n"));
    let changed = Instant::now();
    let mut new = caller(&place, &gateway, "second");
    wait_for("the new connection", || (new.send("GET", "/Users", &Value::Null).status == 200).then_some(()));
    assert!(changed.elapsed() < SEEN, "{:?}", changed.elapsed());
    new.create("ada@example.com");
    assert_eq!(old.send("GET", &format!("/Users/{}", ada["id"].as_str().unwrap()), &Value::Null).status, 200);

    rewrite(&place, "listen = \"127.0.0.1:0\"\n[connections.second]\napp = \"sandbox\"\n");
    let changed = Instant::now();
    wait_for("the end of the old one", || {
        (old.send("GET", "/Users", &Value::Null).status == 404).then_some(())
    });
    assert!(changed.elapsed() < SEEN, "{:?}", changed.elapsed());
    assert_eq!(new.send("GET", "/Users", &Value::Null).json()["totalResults"], 1);
}

#[test]
fn a_file_that_cannot_be_used_changes_nothing_and_is_told_once_until_it_is_mended() {
    let place = Place::with(SANDBOX);
    let gateway = Running::serve(&place);
    let mut caller = caller(&place, &gateway, "sandbox");
    let wrong = "the configuration cannot be used; the gateway goes on with the one before";
    rewrite(&place, "[connections.sandbox]\napp = \"slack\"\n");
    wait_for("the complaint", || (told(&gateway, wrong) == 1).then_some(()));
    let lines = gateway.log_lines();
    let line = lines.iter().find(|line| line["message"] == wrong).unwrap();
    assert!(line["reason"].as_str().unwrap().contains("line 2: connections.sandbox.app"), "{line}");
    caller.create("ada@example.com");
    // What it names may appear later, without another change of the file itself.
    let hook =
        "[connections.sandbox.webhook]\nurl = \"https://hooks.example.com\"\nsecret = { file = \"hook\" }\n";
    rewrite(&place, &format!("{SANDBOX}{hook}"));
    wait_for("another complaint", || (told(&gateway, wrong) == 2).then_some(()));
    fs::write(place.path("hook"), "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3").unwrap();
    wait_for("the change", || (told(&gateway, "the configuration has changed") == 1).then_some(()));
    assert_eq!(told(&gateway, wrong), 2);
    caller.create("bob@example.com");
}

#[test]
fn a_hangup_has_it_read_at_once_and_what_needs_a_start_is_named() {
    let place = Place::with(SANDBOX);
    let mut gateway = Running::serve(&place);
    rewrite(&place, &SANDBOX.replace("127.0.0.1:0", "127.0.0.1:1"));
    let changed = Instant::now();
    gateway.send_signal("-HUP");
    let line = wait_for("the warning", || {
        let said = "these settings take effect with the next start";
        gateway.log_lines().into_iter().find(|line| line["message"] == said)
    });
    assert!(changed.elapsed() < Duration::from_secs(2), "{:?}", changed.elapsed());
    assert_eq!(line["keys"], "listen");
    assert!(gateway.lives());
}

#[test]
fn an_app_that_still_owes_a_removal_is_not_exchanged_for_another_one() {
    let directory = TempDir::new().unwrap();
    let start = || Running::start(directory.path(), &["sim", "honeycomb", "--listen", "127.0.0.1:0"]);
    let (one, other) = (start(), start());
    let config = |sim: &Running| {
        format!(
            "listen = \"127.0.0.1:0\"\n[connections.honeycomb]\napp = \"honeycomb\"\n[connections.honeycomb.rest]\n\
             base_url = \"{}\"\nprivate = true\napi_key = {{ file = \"key\" }}\n",
            sim.ready["url"].as_str().unwrap()
        )
    };
    let place = Place::with(&config(&one));
    fs::write(place.path("key"), honeycomb::sim::CONFIG_KEY).unwrap();
    let gateway = Running::serve(&place);
    let mut caller = caller(&place, &gateway, "honeycomb");
    let ada = caller.create("ada@example.com");
    let mut app = simulator(one.ready["url"].as_str().unwrap());
    let order = json!({ "status": 503, "times": 1000 });
    assert!(app.send("POST", "/__sim/faults", &order).status < 300);
    let id = ada["id"].as_str().unwrap();
    assert_eq!(caller.send("PATCH", &format!("/Users/{id}"), &active(false)).status, 503);

    rewrite(&place, &config(&other));
    let wrong = "the configuration cannot be used; the gateway goes on with the one before";
    let line =
        wait_for("the complaint", || gateway.log_lines().into_iter().find(|line| line["message"] == wrong));
    assert!(line["reason"].as_str().unwrap().contains("connections.honeycomb: 1 removals"), "{line}");
    let people = |app: &mut Caller| app.send("GET", "/__sim/state", &Value::Null).json().to_string();
    assert!(people(&mut app).contains("ada@example.com"));
    assert!(app.send("DELETE", "/__sim/faults", &Value::Null).status < 300);
    wait_for("the change", || (told(&gateway, "the configuration has changed") == 1).then_some(()));
    assert!(!people(&mut app).contains("ada@example.com"), "{}", people(&mut app));
}

/// A key that is changed in its file while people are created and leave: nothing fails, and the new key is used.
#[test]
fn a_new_key_is_taken_up_under_load_and_no_request_fails() {
    let directory = TempDir::new().unwrap();
    let sim = Running::start(directory.path(), &["sim", "honeycomb", "--listen", "127.0.0.1:0"]);
    let url = sim.ready["url"].as_str().unwrap();
    let config = format!(
        "listen = \"127.0.0.1:0\"\n[connections.honeycomb]\napp = \"honeycomb\"\n[connections.honeycomb.rest]\n\
         base_url = \"{url}\"\nprivate = true\nper_second = 1000\napi_key = {{ file = \"key\" }}\n"
    );
    let place = Place::with(&config);
    fs::write(place.path("key"), honeycomb::sim::CONFIG_KEY).unwrap();
    let gateway = Running::serve(&place);
    let mut caller = caller(&place, &gateway, "honeycomb");
    let over = AtomicBool::new(false);
    let asked = thread::scope(|scope| {
        let load = scope.spawn(|| {
            let mut asked = 0;
            while !over.load(Ordering::SeqCst) {
                let person = caller.create(&format!("p{asked}@example.com"));
                let id = person["id"].as_str().unwrap();
                let left = caller.send("PATCH", &format!("/Users/{id}"), &active(false));
                assert!([200, 204].contains(&left.status), "{}", left.json());
                asked += 1;
            }
            asked
        });
        for round in 1..=3 {
            // The same key written otherwise: its ends are trimmed.
            fs::write(place.path("key"), format!("{}{}", honeycomb::sim::CONFIG_KEY, "\n".repeat(round)))
                .unwrap();
            wait_for("the change", || {
                (told(&gateway, "the configuration has changed") == round).then_some(())
            });
        }
        over.store(true, Ordering::SeqCst);
        load.join().unwrap()
    });
    assert!(asked > 10, "{asked}");
}
