//! Hive: members of two workspaces, invited with a role that no call changes, removed workspace by workspace.

use serde_json::{Value, json};

use super::people::{
    GATEWAY, ada, add_members, at, entra_active, group_at, id, okta_active, patch, remove_member,
    remove_members, replace_members, role, with,
};
use super::stage::{App, Demo};

const CORP: &str = "/api/v1/workspaces/ws_001/members";
const LABS: &str = "/api/v1/workspaces/ws_002/members";

fn invite(workspace: &str, role: &str) -> String {
    format!(r#"POST {workspace} {{"email":"ada.berg@example.com","role":"{role}"}}"#)
}

/// Ada is a member of the first workspace who has accepted; nothing is in the journal.
fn accepted(app: &mut App, person: &Value) -> Value {
    app.warm_up();
    let person = app.joins(person);
    app.lever("POST", "invites/ada.berg@example.com/accept", &json!({}));
    app.journal();
    person
}

fn account(person: &Value) -> &str {
    person[GATEWAY]["accountId"].as_str().unwrap()
}

fn is_member(app: &mut App, workspace: &str) -> bool {
    let state = app.state();
    let members = state["workspaces"][workspace].as_array().unwrap();
    members.iter().any(|member| member["email"] == "ada.berg@example.com")
}

#[test]
fn a_joiner_is_looked_for_in_every_workspace_and_invited_into_the_first() {
    let demo = Demo::start();
    let mut app = demo.app("hive");
    assert!(app.find("/Users", "userName", "ada.berg@example.com").is_empty());
    let listing: Vec<String> = app.journal().into_iter().filter(|call| call.ends_with("/members")).collect();
    assert_eq!(listing, [format!("GET {CORP}"), format!("GET {LABS}")]);

    let person = app.joins(&ada());
    assert_eq!(app.journal(), [invite(CORP, "member")]);
    assert_eq!((&person["active"], &person[GATEWAY]["invitationStatus"]), (&json!(true), &json!("pending")));
    assert_eq!(person["name"]["givenName"], "Ada");
    let shadowed = person[GATEWAY]["shadowed"].as_array().unwrap();
    assert!(shadowed.contains(&json!("name.givenName")), "{person}");
    assert_eq!(app.state()["emails_sent"], 1);
    assert_eq!(id(&app.person("ada.berg@example.com")), id(&person));
    assert_eq!(app.get(&at(&person)).status, 200);
    assert_eq!(app.journal(), Vec::<String>::new());
}

#[test]
fn an_accepted_invitation_shows_with_the_next_listing() {
    let demo = Demo::with(&["--freshness", "0s"]);
    let mut app = demo.app("hive");
    let person = accepted(&mut app, &ada());
    assert_eq!(app.get(&at(&person)).json()[GATEWAY]["invitationStatus"], "accepted");
    assert_eq!(app.person("ada.berg@example.com")[GATEWAY]["invitationStatus"], "accepted");
}

#[test]
fn a_role_is_given_with_the_invitation_and_refused_later() {
    let demo = Demo::start();
    let mut app = demo.app("hive");
    app.warm_up();
    let guest = with(&ada(), &json!({ "roles": [{ "value": "guest", "primary": true }] }));
    let person = app.joins(&guest);
    assert_eq!(app.journal(), [invite(CORP, "guest")]);
    let refused = app.patch(&at(&person), &role("admin"));
    assert_eq!((refused.status, &refused.json()["scimType"]), (400, &json!("mutability")));
    assert_eq!(app.patch(&at(&person), &role("guest")).status, 200);
    let unknown =
        with(&guest, &json!({ "userName": "x@example.com", "emails": [], "roles": [{ "value": "boss" }] }));
    assert_eq!(app.post("/Users", &unknown).status, 400);
    assert_eq!(app.journal(), Vec::<String>::new());
}

#[test]
fn new_names_are_kept_by_the_gateway_and_a_new_address_is_refused() {
    let demo = Demo::start();
    let mut app = demo.app("hive");
    let person = accepted(&mut app, &ada());
    let married = patch(&json!({ "op": "replace", "value": { "name": { "familyName": "Lind" } } }));
    assert_eq!(app.patch(&at(&person), &married).json()["name"]["familyName"], "Lind");
    let address = patch(&json!({
        "op": "replace", "path": "emails[type eq \"work\"].value", "value": "ada.lind@example.com",
    }));
    let refused = app.patch(&at(&person), &address);
    assert_eq!((refused.status, &refused.json()["scimType"]), (400, &json!("mutability")));
    assert_eq!(app.journal(), Vec::<String>::new());
}

#[test]
fn a_leaver_is_out_of_every_workspace_and_looked_for_before_the_answer() {
    for leave in ["okta", "entra", "put", "delete"] {
        let demo = Demo::start();
        let mut app = demo.app("hive");
        let person = accepted(&mut app, &ada());
        let labs = app.group("Acme Labs");
        assert_eq!(app.patch(&group_at(&labs), &add_members(&[id(&person)])).status, 204);
        app.journal();
        let answer = match leave {
            "okta" => app.patch(&at(&person), &okta_active(false)),
            "entra" => app.patch(&at(&person), &entra_active(false)),
            "put" => app.put(&at(&person), &with(&ada(), &json!({ "active": false }))),
            _ => app.delete(&at(&person)),
        };
        assert_eq!(answer.status, if leave == "delete" { 204 } else { 200 }, "{leave}: {}", answer.json());
        let called = account(&person);
        let expected = [
            format!("DELETE {CORP}/{called}"),
            format!("DELETE {LABS}/{called}"),
            format!("GET {CORP}/{called}"),
            format!("GET {LABS}/{called}"),
        ];
        assert_eq!(app.journal(), expected, "{leave}");
        assert!(!is_member(&mut app, "ws_001") && !is_member(&mut app, "ws_002"));

        let tasks = demo.tasks("hive");
        assert_eq!(tasks.len(), 2, "{tasks:?}");
        assert!(tasks.iter().all(|task| task["kind"] == "residual_access"), "{tasks:?}");
        let read = app.get(&at(&person));
        if leave == "delete" {
            assert_eq!(read.status, 404);
        } else {
            assert_eq!(answer.json()["active"], false);
            assert_eq!(answer.json()[GATEWAY]["residualAccess"], true);
            assert_eq!((&read.json()["active"], &read.json()["groups"]), (&json!(false), &Value::Null));
        }
        assert_eq!(app.journal(), Vec::<String>::new());
    }
}

#[test]
fn a_rehire_is_invited_into_the_workspaces_they_left_with_their_role() {
    let demo = Demo::start();
    let mut app = demo.app("hive");
    let guest = with(&ada(), &json!({ "roles": [{ "value": "guest", "primary": true }] }));
    let person = accepted(&mut app, &guest);
    let labs = app.group("Acme Labs");
    app.patch(&group_at(&labs), &add_members(&[id(&person)]));
    assert_eq!(app.patch(&at(&person), &okta_active(false)).status, 200);
    app.journal();
    let back = app.patch(&at(&person), &okta_active(true)).json();
    assert_eq!(app.journal(), [invite(CORP, "guest"), invite(LABS, "guest")]);
    assert_eq!((&back["id"], &back["active"]), (&person["id"], &json!(true)));
    assert_eq!(back[GATEWAY]["invitationStatus"], "pending");
    assert_eq!(back[GATEWAY]["residualAccess"], false);
    assert_eq!(demo.tasks("hive"), Vec::<Value>::new());
}

#[test]
fn a_workspace_is_a_group_to_be_invited_into_and_removed_from() {
    let demo = Demo::start();
    let mut app = demo.app("hive");
    let person = accepted(&mut app, &ada());
    let labs = app.group("Acme Labs");
    let maria = app.person("maria.santos@example.com");
    let owner = app.person("owner@example.com");
    let called = account(&person).to_owned();

    assert_eq!(app.patch(&group_at(&labs), &add_members(&[id(&person)])).status, 204);
    assert_eq!(app.journal(), [invite(LABS, "member")]);
    assert!(is_member(&mut app, "ws_002"));
    assert_eq!(app.patch(&group_at(&labs), &add_members(&[id(&person)])).status, 204);
    assert_eq!(app.journal(), Vec::<String>::new());

    assert_eq!(app.patch(&group_at(&labs), &remove_member(id(&person))).status, 204);
    let read_back = || format!("GET {LABS}");
    assert_eq!(app.journal(), [format!("DELETE {LABS}/{called}"), read_back()]);
    assert!(is_member(&mut app, "ws_001") && !is_member(&mut app, "ws_002"));

    let swap = replace_members(&[id(&owner), id(&person)]);
    assert_eq!(app.patch(&group_at(&labs), &swap).status, 204);
    let swapped = [format!("DELETE {LABS}/{}", account(&maria)), read_back(), invite(LABS, "member")];
    assert_eq!(app.journal(), swapped);
    assert_eq!(app.patch(&group_at(&labs), &remove_members(&[id(&person)])).status, 204);
    assert_eq!(app.journal(), [format!("DELETE {LABS}/{called}"), read_back()]);
    assert_eq!(app.get(&at(&person)).json()["groups"].as_array().unwrap().len(), 1);
}

#[test]
fn removed_from_the_last_workspace_means_no_access() {
    let demo = Demo::with(&["--freshness", "0s"]);
    let mut app = demo.app("hive");
    let person = accepted(&mut app, &ada());
    let corp = app.group("Acme Corp");
    assert_eq!(app.patch(&group_at(&corp), &remove_member(id(&person))).status, 204);
    assert_eq!(app.get(&at(&person)).json()["active"], false);
}

#[test]
fn a_removal_that_says_success_false_is_no_success() {
    let demo = Demo::start();
    let mut app = demo.app("hive");
    let person = accepted(&mut app, &ada());
    app.fault(&json!({ "match": { "method": "DELETE" }, "status": 200, "body": { "success": false } }));
    let refused = app.patch(&at(&person), &okta_active(false));
    assert!(refused.status >= 400, "{} {}", refused.status, refused.json());
    assert!(is_member(&mut app, "ws_001"));
}

#[test]
fn a_workspace_cannot_be_made_renamed_or_deleted() {
    let demo = Demo::start();
    let mut app = demo.app("hive");
    app.warm_up();
    let labs = app.group("Acme Labs");
    let made = app.post("/Groups", &json!({ "displayName": "Astronauts" }));
    let renamed =
        app.patch(&group_at(&labs), &patch(&json!({ "op": "replace", "path": "displayName", "value": "x" })));
    let deleted = app.delete(&group_at(&labs));
    assert_eq!([made.status, renamed.status, deleted.status], [501; 3]);
    assert_eq!(app.journal(), Vec::<String>::new());
}

#[test]
fn a_workspace_joined_or_left_just_now_is_not_forgotten_by_the_next_change() {
    let demo = Demo::start();
    let mut app = demo.app("hive");
    let person = accepted(&mut app, &ada());
    let labs = app.group("Acme Labs");
    let title = |text: &str| patch(&json!({ "op": "replace", "path": "title", "value": text }));
    let groups = |app: &mut App| app.get(&at(&person)).json()["groups"].as_array().unwrap().len();
    app.patch(&group_at(&labs), &add_members(&[id(&person)]));
    assert_eq!(app.patch(&at(&person), &title("Pilot")).status, 200);
    assert_eq!(groups(&mut app), 2);
    app.patch(&group_at(&labs), &remove_member(id(&person)));
    assert_eq!(app.patch(&at(&person), &title("Captain")).status, 200);
    assert_eq!(groups(&mut app), 1);
}
