//! What is logged: one line a request, and nothing that is anybody's.

use portcullis::adapters::{hive, honeycomb, tines, workiva};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::stage::{Running, active, person, run};

#[test]
fn a_request_has_one_line_under_the_id_its_caller_gave() {
    let directory = TempDir::new().unwrap();
    let demo = Running::demo(directory.path(), &[]);
    let mut caller = demo.caller("honeycomb");
    let body = person("ada@example.com").to_string().into_bytes();
    let created = caller.send_bytes("POST", "/Users", &[("X-Request-Id", "okta-4711.a_B")], Some(body));
    assert_eq!((created.status, created.header("X-Request-Id")), (201, Some("okta-4711.a_B")));
    let line = demo.request_line("okta-4711.a_B");
    let of = |key: &str| line[key].clone();
    assert_eq!(
        [of("connection"), of("operation"), of("status"), of("outcome"), of("level")],
        [json!("honeycomb"), json!("users.create"), json!(201), json!("answered"), json!("INFO")]
    );
    let asked = demo.simulator("honeycomb").journal().len();
    assert_eq!(line["upstream_calls"], asked, "{line}");
    assert!(line["duration_ms"].is_u64() && line["timestamp"].is_string(), "{line}");

    let missing = caller.send_bytes("GET", "/Users/nobody", &[("X-Request-Id", "two words")], None);
    let id = missing.header("X-Request-Id").unwrap().to_owned();
    assert_ne!(id, "two words");
    let line = demo.request_line(&id);
    assert_eq!((&line["status"], &line["outcome"]), (&json!(404), &json!("refused")));

    let stranger = demo.caller_with("honeycomb", "wrong").send("GET", "/Users", &Value::Null);
    let line = demo.request_line(stranger.header("X-Request-Id").unwrap());
    assert_eq!((&line["connection"], &line["status"]), (&json!(""), &json!(401)), "{line}");
    let requests = demo.log_lines().iter().filter(|line| line["message"] == "request").count();
    assert_eq!(requests, 3);
}

#[test]
fn nothing_personal_and_no_secret_is_logged_over_a_whole_session() {
    session("info");
    session("trace");
}

/// Drives every app through a life, with faults; then nothing that was planted stands in the log.
fn session(level: &str) {
    let directory = TempDir::new().unwrap();
    let mut demo = Running::demo_logging(directory.path(), &[], level);
    let mut secrets = Vec::new();
    for connection in ["hive", "honeycomb", "tines", "workiva", "hotjar", "sandbox"] {
        secrets.push(demo.ready["connections"][connection]["token"].as_str().unwrap().to_owned());
        live(&demo, connection);
    }
    // Refused credentials are not repeated either.
    for token in ["canary-token-of-a-stranger", "portcullis_0011223344556677_canary-secret"] {
        assert_eq!(demo.caller_with("hive", token).send("GET", "/Users", &Value::Null).status, 401);
    }
    let config = demo.ready["config"].as_str().unwrap();
    let roster = directory.path().join("members.csv");
    std::fs::write(&roster, "email,name\ncanary-roster@example.com,Canary Roster\n").unwrap();
    run(&[
        "roster",
        "import",
        "--config",
        config,
        "--connection",
        "hotjar",
        "--force",
        roster.to_str().unwrap(),
    ])
    .ok();
    assert_eq!(demo.signal("-TERM").0.code(), Some(0));

    let log = demo.log();
    assert!(demo.log_lines().len() > 60, "{log}");
    let folded = log.to_lowercase();
    let app_secrets = [
        hive::sim::ADMIN_KEY,
        honeycomb::sim::CONFIG_KEY,
        tines::sim::ADMIN_TOKEN,
        workiva::sim::CLIENT_SECRET,
    ];
    let planted = ["canary", "example.com", "@", "%40", "bearer", "basic "];
    let whole = secrets.iter().map(String::as_str).chain(app_secrets).chain(planted);
    for word in whole {
        let line = folded.lines().find(|line| line.contains(&word.to_lowercase()));
        assert_eq!(line, None, "`{word}` is in the log");
    }
    for token in &secrets {
        let secret = token.rsplit('_').next().unwrap();
        assert!(!log.contains(secret), "the secret part of a token is in the log");
    }
}

/// Joiner, look-up, mover, leaver, returner, deletion, groups; refusals and an app that fails.
pub(crate) fn live(demo: &Running, connection: &str) {
    let mut caller = demo.caller(connection);
    let address = format!("canary-{connection}@example.com");
    let mut joiner = person(&address);
    joiner["name"] = json!({ "givenName": "Canary-Given", "familyName": "Canary-Family" });
    joiner["displayName"] = json!("Canary Display");
    joiner["phoneNumbers"] = json!([{ "value": "+49 30 canary", "type": "work" }]);
    joiner["password"] = json!("canary-password");
    let created = caller.send("POST", "/Users", &joiner);
    assert_eq!(created.status, 201, "{connection}: {}", created.json());
    let id = created.json()["id"].as_str().unwrap().to_owned();
    let user = format!("/Users/{id}");
    assert_eq!(caller.send("POST", "/Users", &joiner).status, 409, "{connection}");
    let filter = format!("/Users?filter=userName%20eq%20%22{address}%22");
    assert_eq!(caller.send("GET", &filter, &Value::Null).json()["totalResults"], 1, "{connection}");
    assert_eq!(caller.send("GET", &user, &Value::Null).status, 200, "{connection}");
    let rename = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{ "op": "replace", "path": "name.familyName", "value": "Canary-Married" },
                       { "op": "replace", "path": "userName", "value": format!("canary-2-{connection}@example.com") }],
    });
    caller.send("PATCH", &user, &rename);
    caller.send("PATCH", &user, &json!({ "Operations": [{ "op": "canary-op", "path": "canary[" }] }));
    caller.send("PUT", &user, &joiner);
    caller.send("POST", "/Users", &json!({ "userName": ["canary-list@example.com"] }));
    caller.send("GET", "/Users?filter=emails%5Bvalue%20eq%20%22canary%40example.com", &Value::Null);
    caller.send("GET", "/Users/canary-id@example.com", &Value::Null);
    caller.send("GET", "/canary@example.com", &Value::Null);
    caller.send("GET", "/Groups", &Value::Null);
    caller.send("POST", "/Groups", &json!({ "displayName": "Canary Group", "members": [{ "value": id }] }));
    if demo.ready["simulators"][connection].is_string() {
        for (method, status, times) in [("POST", 400, 1), ("POST", 403, 1), ("GET", 500, 1)] {
            let order = json!({
                "match": { "method": method, "path_regex": "(?i)users|members|memberships" },
                "status": status,
                "body": { "error": "canary-fault@example.com" },
                "times": times,
            });
            assert!(demo.simulator(connection).send("POST", "/__sim/faults", &order).status < 300);
        }
        caller.send("POST", "/Users", &person("canary-fault@example.com"));
        caller.send("POST", "/Users", &person("canary-fault@example.com"));
        assert!(demo.simulator(connection).send("DELETE", "/__sim/faults", &Value::Null).status < 300);
    }
    caller.send("PATCH", &user, &active(false));
    caller.send("PATCH", &user, &active(true));
    caller.send("DELETE", &user, &Value::Null);
}
