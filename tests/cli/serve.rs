//! `serve` as a process: alone on its data, and gone when told, with what runs finished.

use std::fs;
use std::net::TcpListener;
use std::time::Duration;

use portcullis::adapters::honeycomb;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::stage::{Place, Running, active, person, run, simulator, wait_for};
use crate::tines::{Tines, hire};

fn token(place: &Place, connection: &str) -> String {
    let made = place.run("token create", &["--connection", connection, "--json"]).ok().json();
    made["token"].as_str().unwrap().to_owned()
}

#[test]
fn a_second_gateway_on_the_same_data_is_refused_with_78() {
    let place = Place::sandbox();
    let mut first = Running::serve(&place);
    let second = place.run("serve", &[]);
    assert_eq!(second.code, 78, "{second:?}");
    assert_eq!(
        second.stderr,
        format!(
            "error: `{}` is held by another running portcullis: stop that one, or give this one a data directory of its own\n",
            place.path("portcullis.lock").display()
        )
    );
    for signal in ["-TERM", "-INT"] {
        assert_eq!(first.signal(signal).0.code(), Some(0), "{}", first.log());
        first = Running::serve(&place);
    }
}

#[test]
fn a_port_that_is_taken_ends_with_1() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let place = Place::with(&format!("listen = \"{address}\"\n[connections.sandbox]\napp = \"sandbox\"\n"));
    let ran = place.run("serve", &[]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.contains(&format!("error: `{address}` cannot be listened on: ")), "{ran:?}");
}

#[test]
fn a_connection_that_no_token_opens_is_logged() {
    let place = Place::sandbox();
    let gateway = Running::serve(&place);
    let lines = gateway.log_lines();
    let warned = lines.iter().filter(|line| line["level"] == "WARN").collect::<Vec<_>>();
    assert_eq!(warned.len(), 1, "{lines:?}");
    assert_eq!(warned[0]["connection"], "sandbox");
}

#[test]
fn what_runs_when_the_signal_comes_is_finished_and_kept() {
    let directory = TempDir::new().unwrap();
    let sim = Running::start(directory.path(), &["sim", "honeycomb", "--listen", "127.0.0.1:0"]);
    let url = sim.ready["url"].as_str().unwrap();
    let place = Place::with(&format!(
        "listen = \"127.0.0.1:0\"\n[connections.honeycomb]\napp = \"honeycomb\"\n[connections.honeycomb.rest]\nbase_url = \"{url}\"\nprivate = true\napi_key = {{ file = \"key\" }}\n"
    ));
    fs::write(place.path("key"), honeycomb::sim::CONFIG_KEY).unwrap();
    let token = token(&place, "honeycomb");
    let mut gateway = Running::serve(&place);

    let mut honeycomb = simulator(url);
    let order = json!({ "match": { "method": "POST" }, "delay_ms": 1_000 });
    assert!(honeycomb.send("POST", "/__sim/faults", &order).status < 300);
    let mut caller = gateway.caller_with("honeycomb", &token);
    let running = std::thread::spawn(move || caller.send("POST", "/Users", &person("ada@example.com")));
    wait_for("the request at the app", || {
        let faults = honeycomb.send("GET", "/__sim/faults", &Value::Null).json();
        (faults[0]["struck"].as_u64()? > 0).then_some(())
    });
    let (status, _) = gateway.signal("-TERM");
    assert_eq!(status.code(), Some(0), "{}", gateway.log());
    let created = running.join().unwrap();
    assert_eq!(created.status, 201);

    let gateway = Running::serve(&place);
    let path = format!("/Users/{}", created.json()["id"].as_str().unwrap());
    let kept = gateway.caller_with("honeycomb", &token).send("GET", &path, &Value::Null);
    assert_eq!((kept.status, &kept.json()["userName"]), (200, &"ada@example.com".into()));
}

#[test]
fn what_the_gateway_does_by_itself_when_the_signal_comes_is_finished_too() {
    let tines = Tines::with("");
    let (mut gateway, mut idp) = tines.serve();
    let leaver = hire(&mut idp, "leaver@example.com", "member");
    let mut app = tines.app();
    for order in [
        json!({ "match": { "method": "PUT" }, "status": 500, "times": 2 }),
        json!({ "match": { "method": "PUT" }, "delay_ms": 4_000 }),
    ] {
        assert!(app.send("POST", "/__sim/faults", &order).status < 300);
    }
    assert_eq!(idp.send("PATCH", &format!("/Users/{leaver}"), &active(false)).status, 503);
    wait_for("another attempt", || {
        let faults = app.send("GET", "/__sim/faults", &Value::Null).json();
        (faults[1]["struck"].as_u64()? > 0).then_some(())
    });
    let (status, took) = gateway.signal("-TERM");
    assert!(status.success() && took < Duration::from_secs(30), "{status} after {took:?}");
    assert!(!gateway.log().contains("work is still under way"), "{}", gateway.log());
    assert_eq!(tines.account("leaver@example.com")["active"], false);
    let audit = tines.place.run("audit export", &["--connection", "tines"]).ok().stdout;
    let last = audit.lines().last().unwrap();
    assert!(last.contains("\"deactivate\"") && last.contains("\"confirmed\""), "{audit}");
}

#[test]
fn a_store_elsewhere_is_made_with_its_folder() {
    let place = Place::with(
        "listen = \"127.0.0.1:0\"\n[store]\nurl = \"sqlite://data/inner/store.db\"\n[connections.sandbox]\napp = \"sandbox\"\n",
    );
    token(&place, "sandbox");
    assert!(place.path("data/inner/store.db").exists());
    assert_eq!(
        run(&["token", "list", "--config", &place.config(), "--json"]).ok().json()[0]["state"],
        "live"
    );
}
