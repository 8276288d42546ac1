//! Hotjar: no interface at all; every change is a task for a person, and nothing is ever called.

use serde_json::{Value, json};

use super::people::{
    GATEWAY, ada, add_members, at, entra_active, group_at, id, okta_active, patch, role, with,
};
use super::stage::{App, Demo};

/// `kind` and `person` of each open task.
fn open(demo: &Demo) -> Vec<(String, String)> {
    let text = |task: &Value, field: &str| task[field].as_str().unwrap().to_owned();
    demo.tasks("hotjar").iter().map(|task| (text(task, "kind"), text(task, "person"))).collect()
}

fn task(kind: &str) -> (String, String) {
    (kind.to_owned(), "ada.berg@example.com".to_owned())
}

fn nothing_was_called(app: &mut App) {
    assert_eq!(app.journal(), Vec::<String>::new());
    assert_eq!(app.state()["tripwire"]["count"], 0);
}

/// Ada was invited, and somebody has done it.
fn member(demo: &Demo, app: &mut App) -> Value {
    let person = app.joins(&ada());
    let [invitation] = &demo.tasks("hotjar")[..] else { panic!("not one task") };
    demo.complete(invitation["id"].as_str().unwrap());
    let read = app.get(&at(&person)).json();
    assert_eq!(read[GATEWAY]["fulfilmentState"], "done");
    read
}

#[test]
fn a_joiner_is_a_task_and_done_when_somebody_says_so() {
    let demo = Demo::start();
    let mut app = demo.app("hotjar");
    assert!(app.find("/Users", "userName", "ada.berg@example.com").is_empty());
    let person = app.joins(&ada());
    assert_eq!(person["active"], true);
    let extension = &person[GATEWAY];
    assert_eq!(
        (&extension["fulfilment"], &extension["fulfilmentState"]),
        (&json!("manual"), &json!("pending"))
    );
    let tasks = demo.tasks("hotjar");
    assert_eq!(open(&demo), [task("invite")]);
    assert_eq!(extension["ticketId"], tasks[0]["id"]);
    assert!(tasks[0]["instruction"].as_str().unwrap().contains("Read Only"), "{tasks:?}");
    assert_eq!(tasks[0]["owner"], "the Hotjar administrators");
    assert_eq!(app.post("/Users", &ada()).status, 409);
    assert_eq!(open(&demo).len(), 1);

    demo.complete(tasks[0]["id"].as_str().unwrap());
    let read = app.get(&at(&person)).json();
    assert_eq!((&read["active"], &read[GATEWAY]["fulfilmentState"]), (&json!(true), &json!("done")));
    assert_eq!(open(&demo), []);
    nothing_was_called(&mut app);
}

#[test]
fn a_leaver_stays_active_until_somebody_has_removed_them() {
    let demo = Demo::start();
    let mut app = demo.app("hotjar");
    let person = member(&demo, &mut app);
    for leave in [okta_active(false), entra_active(false)] {
        let answer = app.patch(&at(&person), &leave);
        assert_eq!(answer.status, 200, "{}", answer.json());
        let answer = answer.json();
        assert_eq!(
            (&answer["active"], &answer[GATEWAY]["pendingDeactivation"]),
            (&json!(true), &json!(true))
        );
        assert_eq!(open(&demo), [task("remove")]);
    }
    let put = app.put(&at(&person), &with(&ada(), &json!({ "active": false })));
    assert_eq!((put.status, &put.json()["active"]), (200, &json!(true)));
    let tasks = demo.tasks("hotjar");
    assert_eq!((tasks.len(), &tasks[0]["urgent"]), (1, &json!(true)));
    demo.complete(tasks[0]["id"].as_str().unwrap());
    let read = app.get(&at(&person)).json();
    assert_eq!((&read["active"], &read[GATEWAY]["pendingDeactivation"]), (&json!(false), &Value::Null));
    nothing_was_called(&mut app);
}

#[test]
fn a_leaver_who_comes_back_calls_the_removal_off() {
    let demo = Demo::start();
    let mut app = demo.app("hotjar");
    let person = member(&demo, &mut app);
    app.patch(&at(&person), &okta_active(false));
    let back = app.patch(&at(&person), &okta_active(true)).json();
    assert_eq!((&back["active"], &back[GATEWAY]["pendingDeactivation"]), (&json!(true), &Value::Null));
    assert_eq!(open(&demo), []);

    app.patch(&at(&person), &okta_active(false));
    demo.complete(demo.tasks("hotjar")[0]["id"].as_str().unwrap());
    let again = app.patch(&at(&person), &okta_active(true)).json();
    assert_eq!((&again["id"], &again["active"]), (&person["id"], &json!(true)));
    assert_eq!(open(&demo), [task("invite")]);
    nothing_was_called(&mut app);
}

#[test]
fn somebody_who_leaves_before_they_were_invited_leaves_no_invitation_behind() {
    let demo = Demo::start();
    let mut app = demo.app("hotjar");
    let person = app.joins(&ada());
    assert_eq!(app.patch(&at(&person), &okta_active(false)).status, 200);
    let open = open(&demo);
    assert!(!open.contains(&task("invite")), "{open:?}");
    nothing_was_called(&mut app);
}

#[test]
fn a_deleted_person_is_hidden_and_the_removal_stays_open() {
    let demo = Demo::start();
    let mut app = demo.app("hotjar");
    let person = member(&demo, &mut app);
    assert_eq!(app.delete(&at(&person)).status, 204);
    assert_eq!(app.get(&at(&person)).status, 404);
    assert!(app.find("/Users", "userName", "ada.berg@example.com").is_empty());
    assert_eq!(open(&demo), [task("remove")]);
    nothing_was_called(&mut app);
}

#[test]
fn a_new_role_is_shown_when_somebody_has_given_it() {
    let demo = Demo::start();
    let mut app = demo.app("hotjar");
    let person = member(&demo, &mut app);
    let moved = app.patch(&at(&person), &role("Admin"));
    assert_eq!(moved.status, 200, "{}", moved.json());
    assert_eq!(moved.json()["roles"][0]["value"], "Read Only");
    assert_eq!(moved.json()[GATEWAY]["desiredRole"], "Admin");
    assert_eq!(open(&demo), [task("change_role")]);
    demo.complete(demo.tasks("hotjar")[0]["id"].as_str().unwrap());
    assert_eq!(app.get(&at(&person)).json()["roles"][0]["value"], "Admin");
    nothing_was_called(&mut app);
}

#[test]
fn a_role_group_makes_a_task_too() {
    let demo = Demo::start();
    let mut app = demo.app("hotjar");
    let person = member(&demo, &mut app);
    let admins = app.group("Admin");
    assert_eq!(app.patch(&group_at(&admins), &add_members(&[id(&person)])).status, 204);
    assert_eq!(open(&demo), [task("change_role")]);
    demo.complete(demo.tasks("hotjar")[0]["id"].as_str().unwrap());
    let read = app.get(&at(&person)).json();
    assert_eq!(read["groups"][0]["value"], admins["id"]);
    let made = app.post("/Groups", &json!({ "displayName": "Astronauts" }));
    let rename = patch(&json!({ "op": "replace", "path": "displayName", "value": "x" }));
    let renamed = app.patch(&group_at(&admins), &rename);
    let deleted = app.delete(&group_at(&admins));
    assert_eq!([made.status, renamed.status, deleted.status], [501; 3]);
    nothing_was_called(&mut app);
}

#[test]
fn names_are_kept_without_a_task_and_a_new_address_is_refused() {
    let demo = Demo::start();
    let mut app = demo.app("hotjar");
    let person = member(&demo, &mut app);
    let married = patch(&json!({ "op": "replace", "path": "name.familyName", "value": "Lind" }));
    assert_eq!(app.patch(&at(&person), &married).json()["name"]["familyName"], "Lind");
    let emails = json!([{ "value": "ada.lind@example.com", "type": "work", "primary": true }]);
    let refused = app.put(&at(&person), &with(&ada(), &json!({ "emails": emails.clone() })));
    assert_eq!((refused.status, &refused.json()["scimType"]), (400, &json!("mutability")));
    assert_eq!(open(&demo), []);
    let invited =
        app.joins(&with(&ada(), &json!({ "userName": "bo", "emails": [{ "value": "bo@example.com" }] })));
    let refused = app.put(&at(&invited), &with(&ada(), &json!({ "userName": "bo", "emails": emails })));
    assert_eq!((refused.status, &refused.json()["scimType"]), (400, &json!("mutability")));
    nothing_was_called(&mut app);
}

#[test]
fn an_invitation_with_another_role_leaves_no_change_of_the_role_behind() {
    let demo = Demo::start();
    let mut app = demo.app("hotjar");
    let person = app.joins(&ada());
    let admins = app.group("Admin");
    assert_eq!(app.patch(&group_at(&admins), &add_members(&[id(&person)])).status, 204);
    assert_eq!(app.patch(&at(&person), &role("Admin")).status, 200);
    assert_eq!(open(&demo), [task("invite")]);
    let tasks = demo.tasks("hotjar");
    assert!(tasks[0]["instruction"].as_str().unwrap().contains("`Admin`"), "{tasks:?}");
    demo.complete(tasks[0]["id"].as_str().unwrap());
    let read = app.get(&at(&person)).json();
    assert_eq!((&read["roles"][0]["value"], &read["groups"][0]["value"]), (&json!("Admin"), &admins["id"]));
    nothing_was_called(&mut app);
}
