//! Every way to write "this person has left" is either carried out at the app or refused: there is no silent 2xx.

use serde_json::{Value, json};

use super::people::{ada, at, okta_active, patch, with};
use super::stage::{App, Demo};

const VERBS: [&str; 5] = ["replace", "Replace", "REPLACE", "add", "Add"];
const PATHS: [Option<&str>; 5] = [
    Some("active"),
    Some("Active"),
    Some("urn:ietf:params:scim:schemas:core:2.0:User:active"),
    Some("urn:ietf:params:scim:schemas:core:2.0:user:ACTIVE"),
    None,
];

/// Values that say `false` wherever `active` takes them.
fn plain() -> Vec<Value> {
    vec![json!(false), json!("False"), json!("false"), json!("FALSE")]
}

/// Values that may be understood, and if not have to be refused.
fn odd() -> Vec<Value> {
    vec![
        json!({ "active": false }),
        json!({ "active": "False" }),
        json!({ "Active": false }),
        json!([{ "value": "False" }]),
        json!([false]),
        json!(0),
        json!("0"),
        json!("no"),
        json!("inactive"),
        json!(""),
        json!({}),
        Value::Null,
    ]
}

fn operation(verb: &str, path: Option<&str>, value: &Value) -> Value {
    match path {
        Some(path) => json!({ "op": verb, "path": path, "value": value }),
        None => json!({ "op": verb, "value": { "active": value } }),
    }
}

/// Whether Ada can get in, as the app has it.
fn has_access(app: &mut App) -> bool {
    let users = app.state()["users"].clone();
    let ada = |user: &&Value| user["email"] == "ada.berg@example.com";
    users.as_array().unwrap().iter().find(ada).is_some_and(|user| user["active"] == true)
}

/// Sends one spelling, holds the answer against the app, and brings Ada back. Tells whether it was carried out.
fn is_carried_out(
    app: &mut App,
    place: &str,
    what: &str,
    send: impl FnOnce(&mut App) -> (u16, Value),
) -> bool {
    let (status, told) = send(app);
    let (done, access) = ((200..300).contains(&status), has_access(app));
    assert_eq!(done, !access, "{what}: answered {status}, and access is {access}: {told}");
    assert!(done || (400..500).contains(&status), "{what}: answered {status}: {told}");
    assert_eq!(app.get(place).json()["active"], access, "{what}");
    if done {
        assert_eq!(app.patch(place, &okta_active(true)).status, 200, "{what}");
    }
    done
}

fn patched(app: &mut App, place: &str, body: &Value) -> (u16, Value) {
    let answer = app.patch(place, body);
    (answer.status, answer.json())
}

/// The same in a bulk request, whose inner status counts.
fn in_bulk(app: &mut App, place: &str, body: &Value) -> (u16, Value) {
    by_bulk(app, &json!({ "method": "PATCH", "path": place, "data": body }))
}

fn by_bulk(app: &mut App, operation: &Value) -> (u16, Value) {
    let bulk = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
        "Operations": [operation],
    });
    let answer = app.post("/Bulk", &bulk).json();
    (answer["Operations"][0]["status"].as_str().unwrap().parse().unwrap(), answer)
}

#[test]
fn no_spelling_of_a_patch_is_a_silent_success() {
    let demo = Demo::start();
    let mut app = demo.app("tines");
    let place = at(&app.joins(&ada()));
    for send in [patched, in_bulk] {
        for verb in VERBS {
            for path in PATHS {
                for value in plain() {
                    let body = patch(&operation(verb, path, &value));
                    let what = body["Operations"][0].to_string();
                    assert!(
                        is_carried_out(&mut app, &place, &what, |app| send(app, &place, &body)),
                        "{what} is not understood"
                    );
                }
                for value in odd() {
                    let body = patch(&operation(verb, path, &value));
                    let what = body["Operations"][0].to_string();
                    is_carried_out(&mut app, &place, &what, |app| send(app, &place, &body));
                }
            }
        }
    }
}

#[test]
fn no_spelling_of_a_replacement_is_a_silent_success() {
    let demo = Demo::start();
    let mut app = demo.app("tines");
    let place = at(&app.joins(&ada()));
    for value in plain() {
        let body = with(&ada(), &json!({ "active": value }));
        let what = format!("PUT {value}");
        assert!(is_carried_out(&mut app, &place, &what, |app| {
            let answer = app.put(&place, &body);
            (answer.status, answer.json())
        }));
        let operation = json!({ "method": "PUT", "path": place, "data": body });
        assert!(is_carried_out(&mut app, &place, &format!("{what} in bulk"), |app| by_bulk(app, &operation)));
    }
    for value in [json!(0), json!("no"), json!([false]), json!({ "value": false }), json!("")] {
        let body = with(&ada(), &json!({ "active": value }));
        let what = format!("PUT {value}");
        assert!(!is_carried_out(&mut app, &place, &what, |app| {
            let answer = app.put(&place, &body);
            (answer.status, answer.json())
        }));
    }
}

#[test]
fn no_spelling_of_a_delete_is_a_silent_success() {
    let demo = Demo::start();
    let mut app = demo.app("tines");
    for method in ["DELETE", "delete", "Delete", "bulk DELETE", "bulk delete"] {
        let created = app.post("/Users", &ada());
        assert_eq!(created.status, 201, "{method}: {}", created.json());
        let place = at(&created.json());
        assert!(has_access(&mut app), "{method}");
        let status = match method.strip_prefix("bulk ") {
            Some(method) => by_bulk(&mut app, &json!({ "method": method, "path": place })).0,
            None => app.send(method, &place, None).status,
        };
        let done = (200..300).contains(&status);
        assert!(done || (400..600).contains(&status), "{method}: {status}");
        assert_eq!(done, !has_access(&mut app), "{method}: answered {status}");
        assert_eq!(app.get(&place).status, if done { 404 } else { 200 }, "{method}");
        if !done {
            assert_eq!(app.delete(&place).status, 204, "{method}");
        }
    }
}
