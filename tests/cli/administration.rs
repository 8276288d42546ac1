//! The admin door of a running gateway.

use serde_json::Value;
use tempfile::TempDir;

use crate::stage::{Running, active};

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
