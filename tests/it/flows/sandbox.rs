//! The sandbox: a whole life with nothing outside to fail.

use serde_json::{Value, json};

use super::people::{
    ada, add_members, at, entra_active, group_at, id, okta_active, patch, remove_member, replace_members,
    role, with,
};
use super::stage::Demo;

#[test]
fn a_whole_life_keeps_one_id() {
    let demo = Demo::start();
    let mut app = demo.app("sandbox");
    let person = app.joins(&ada());
    let place = at(&person);
    let crew = app.post("/Groups", &json!({ "displayName": "Crew", "members": [{ "value": id(&person) }] }));
    assert_eq!(crew.status, 201, "{}", crew.json());
    let crew = crew.json();
    assert_eq!(crew["members"][0]["value"], person["id"]);

    assert_eq!(app.patch(&place, &role("pilot")).json()["roles"][0]["value"], "pilot");
    let renamed = app.put(&place, &with(&ada(), &json!({ "userName": "ada.lind@example.com" }))).json();
    assert_eq!((&renamed["id"], &renamed["userName"]), (&person["id"], &json!("ada.lind@example.com")));
    assert!(app.find("/Users", "userName", "ada.berg@example.com").is_empty());

    assert_eq!(app.patch(&place, &entra_active(false)).json()["active"], false);
    assert_eq!(app.person("ada.lind@example.com")["active"], false);
    let back = app.patch(&place, &okta_active(true)).json();
    assert_eq!((&back["id"], &back["active"]), (&person["id"], &json!(true)));
    assert_eq!(back["groups"][0]["value"], crew["id"]);

    assert_eq!(app.patch(&group_at(&crew), &remove_member(id(&person))).status, 204);
    assert_eq!(app.get(&place).json()["groups"], Value::Null);
    assert_eq!(app.patch(&group_at(&crew), &add_members(&[id(&person)])).status, 204);
    assert_eq!(app.patch(&group_at(&crew), &replace_members(&[])).status, 204);
    let rename = patch(&json!({ "op": "replace", "path": "displayName", "value": "Pilots" }));
    assert_eq!(app.patch(&group_at(&crew), &rename).status, 204);
    assert_eq!(id(&app.group("Pilots")), id(&crew));
    assert_eq!(app.delete(&group_at(&crew)).status, 204);

    assert_eq!(app.delete(&place).status, 204);
    assert_eq!((app.get(&place).status, app.delete(&place).status), (404, 404));
    assert_ne!(app.joins(&ada())["id"], person["id"]);
}
