//! The admin door of a running gateway.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::stage::{Caller, Running, active, wait_for};

#[test]
fn an_administrator_sees_connections_tasks_and_what_is_open_in_parts() {
    let directory = TempDir::new().unwrap();
    let demo = Running::demo(directory.path(), &[]);
    let mut admin = demo.administrator();
    let mut get = |path: &str| {
        let response = admin.send("GET", path, &Value::Null);
        assert_eq!(response.status, 200, "{path}: {}", String::from_utf8_lossy(&response.body));
        response.json()
    };
    // Hotjar is carried out by people: each of these waits for one.
    let mut hotjar = demo.caller("hotjar");
    let people =
        ["ada", "ben", "cyd"].map(|name| hotjar.create(&format!("{name}@example.com"))["id"].clone());
    let gone = format!("/Users/{}", people[0].as_str().unwrap());
    assert_eq!(hotjar.send("PATCH", &gone, &active(false)).status, 200);

    let connections = get("/connections");
    let hotjar =
        connections["items"].as_array().unwrap().iter().find(|item| item["name"] == "hotjar").unwrap();
    assert_eq!(
        (&hotjar["mode"], &hotjar["open_tasks"]),
        (&Value::from("manual"), &Value::from(3)),
        "{hotjar}"
    );

    let whole = get("/tasks?connection=hotjar");
    let ids = |list: &Value| -> Vec<Value> {
        list["items"].as_array().unwrap().iter().map(|item| item["id"].clone()).collect()
    };
    let first = get("/tasks?connection=hotjar&limit=2");
    let rest = get(&format!("/tasks?connection=hotjar&limit=2&cursor={}", first["next"].as_str().unwrap()));
    assert_eq!([ids(&first), ids(&rest)].concat(), ids(&whole));
    assert_eq!((whole["next"].is_null(), rest["next"].is_null()), (true, true));
    assert_eq!(get("/tasks?connection=hotjar&state=all")["items"].as_array().unwrap().len(), 4);
    assert!(get("/tasks?connection=sandbox")["items"].as_array().unwrap().is_empty());
    assert!(get("/intents")["items"].as_array().unwrap().is_empty());

    // Neither kind of token opens the other door.
    assert_eq!(
        demo.caller_with("hotjar", demo.ready["admin_token"].as_str().unwrap())
            .send("GET", "/Users", &Value::Null)
            .status,
        401
    );
    let mut stranger = demo.administrator();
    let token = demo.ready["connections"]["hotjar"]["token"].as_str().unwrap();
    stranger.headers = vec![("Authorization".to_owned(), format!("Bearer {token}"))];
    assert_eq!(stranger.send("GET", "/connections", &Value::Null).status, 401);
}

/// `openapi/admin.yaml`.
fn description() -> Value {
    serde_norway::from_str(include_str!("../../openapi/admin.yaml")).unwrap()
}

/// Asks, and holds the answer to what the description says of it.
fn as_described(admin: &mut Caller, described: &Value, path: &str, status: u16, shape: &str) -> Value {
    let answer = admin.send("GET", path, &Value::Null);
    assert_eq!(answer.status, status, "{path}: {}", String::from_utf8_lossy(&answer.body));
    let schema = json!({
        "$ref": format!("#/components/schemas/{shape}"),
        "components": described["components"],
    });
    let told = answer.json();
    let found: Vec<String> = jsonschema::validator_for(&schema)
        .unwrap()
        .iter_errors(&told)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(found.is_empty(), "{path}: {found:?} in {told}");
    told
}

#[test]
fn the_door_answers_as_it_is_described() {
    let described = description();
    let directory = TempDir::new().unwrap();
    let demo = Running::demo(directory.path(), &[]);
    let mut admin = demo.administrator();
    for (path, item) in described["paths"].as_object().unwrap() {
        let target = path.replace("{id}", "1").replace("{request}", "1");
        let answer = admin.send("OPTIONS", &target, &Value::Null);
        let allowed: BTreeSet<&str> = answer.header("allow").unwrap().split(", ").collect();
        let methods: BTreeSet<&str> = if item["get"].is_object() {
            ["GET", "HEAD", "OPTIONS"].into()
        } else {
            ["POST", "OPTIONS"].into()
        };
        assert_eq!(allowed, methods, "{path}");
    }
    // A task, a promise that is open, and traces of both.
    let ada = demo.caller("hotjar").create("ada@example.com");
    let mut tines = demo.caller("tines");
    let ben = tines.create("ben@example.com");
    let faults = json!({ "status": 503 });
    assert!(demo.simulator("tines").send("POST", "/__sim/faults", &faults).status < 300);
    assert_eq!(
        tines.send("PATCH", &format!("/Users/{}", ben["id"].as_str().unwrap()), &active(false)).status,
        503
    );
    // Traces are written a moment after the answer.
    let mut filled = |path: &str, shape: &str| {
        wait_for(path, || {
            let told = as_described(&mut admin, &described, path, 200, shape);
            (!told["items"].as_array().unwrap().is_empty()).then_some(told)
        })
    };
    filled("/connections", "Connections");
    filled("/tasks", "Tasks");
    filled("/intents", "Intents");
    let traces = filled(&format!("/traces?person={}", ada["id"].as_str().unwrap()), "Traces");
    filled(&format!("/traces/{}", traces["items"][0]["request_id"].as_str().unwrap()), "Traces");
    filled("/traces?connection=tines", "Traces");
    as_described(&mut admin, &described, "/approvals", 200, "Tasks");
    as_described(&mut admin, &described, "/traces/unheard-of", 404, "Refusal");
    as_described(&mut admin, &described, "/tasks?limit=0", 400, "Refusal");
    as_described(&mut admin, &described, "/approvals/1/approve", 405, "Refusal");
    admin.headers.clear();
    as_described(&mut admin, &described, "/connections", 401, "Refusal");
}
