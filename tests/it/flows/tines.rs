//! Tines: accounts that can be disabled, one role, and teams.

use serde_json::{Value, json};

use super::people::{
    GATEWAY, ada, add_members, at, entra_active, group_at, id, okta_active, patch, remove_member,
    remove_members, replace_members, role, with,
};
use super::stage::{App, Demo};

const CREATE: &str = r#"POST /api/v1/users {"email":"ada.berg@example.com","first_name":"Ada","last_name":"Berg","role":"member"}"#;
const LIST: &str = "GET /api/v1/users?page=1&per_page=500";

fn joined(app: &mut App) -> Value {
    app.warm_up();
    let person = app.joins(&ada());
    app.journal();
    person
}

fn user(person: &Value) -> String {
    format!("/api/v1/users/{}", account(person))
}

fn account(person: &Value) -> &str {
    person[GATEWAY]["accountId"].as_str().unwrap()
}

fn stored(app: &mut App, email: &str) -> Vec<Value> {
    let state = app.state();
    let users = state["users"].as_array().unwrap();
    users.iter().filter(|user| user["email"] == email).cloned().collect()
}

#[test]
fn a_joiner_is_one_listing_and_one_create() {
    let demo = Demo::start();
    let mut app = demo.app("tines");
    assert!(app.find("/Users", "userName", "ada.berg@example.com").is_empty());
    assert_eq!(app.journal(), [LIST, "GET /api/v1/teams"]);
    let person = app.joins(&ada());
    assert_eq!(app.journal(), [CREATE]);
    assert_eq!(person["active"], true);
    assert_eq!(person["name"], json!({ "givenName": "Ada", "familyName": "Berg" }));
    assert_eq!(person[GATEWAY]["fulfilment"], "native");
    assert_eq!(id(&app.person("ada.berg@example.com")), id(&person));
    assert_eq!(app.get(&at(&person)).status, 200);
    assert_eq!(app.journal(), Vec::<String>::new());
    assert_eq!(app.state()["emails_sent"], 1);
}

#[test]
fn names_the_app_insists_on_are_derived() {
    let demo = Demo::start();
    let mut app = demo.app("tines");
    app.warm_up();
    let nameless = json!({ "userName": "ada.berg@example.com" });
    app.joins(&nameless);
    assert_eq!(app.journal(), [CREATE.replace("Ada", "ada").replace("Berg", "berg")]);
}

#[test]
fn somebody_inactive_from_the_start_is_not_mailed_until_they_are_activated() {
    let demo = Demo::start();
    let mut app = demo.app("tines");
    app.warm_up();
    let person = app.joins(&with(&ada(), &json!({ "active": false })));
    assert_eq!(person["active"], false);
    assert_eq!(app.state()["emails_sent"], 0);
    assert_eq!(app.patch(&at(&person), &okta_active(true)).json()["active"], true);
    assert_eq!(app.journal(), [CREATE]);
}

#[test]
fn a_mover_is_one_call_with_what_changed() {
    let demo = Demo::start();
    let mut app = demo.app("tines");
    let person = joined(&mut app);
    assert_eq!(app.patch(&at(&person), &role("admin")).status, 200);
    assert_eq!(app.journal(), [format!("PUT {} {{\"role\":\"admin\"}}", user(&person))]);
    let married = patch(&json!({ "op": "replace", "path": "name.familyName", "value": "Lind" }));
    assert_eq!(app.patch(&at(&person), &married).json()["name"]["familyName"], "Lind");
    assert_eq!(app.journal(), [format!("PUT {} {{\"last_name\":\"Lind\"}}", user(&person))]);
    let echoed = app.get(&at(&person)).json();
    assert_eq!(app.put(&at(&person), &echoed).status, 200);
    assert_eq!(app.journal(), Vec::<String>::new());
}

#[test]
fn a_new_address_is_one_call_and_finds_the_same_person() {
    let demo = Demo::start();
    let mut app = demo.app("tines");
    let person = joined(&mut app);
    let renamed = with(
        &ada(),
        &json!({
            "userName": "ada.lind@example.com",
            "emails": [{ "value": "ada.lind@example.com", "type": "work", "primary": true }],
        }),
    );
    let answer = app.put(&at(&person), &renamed);
    assert_eq!((answer.status, &answer.json()["id"]), (200, &person["id"]));
    assert_eq!(app.journal(), [format!("PUT {} {{\"email\":\"ada.lind@example.com\"}}", user(&person))]);
    assert_eq!(id(&app.person("ada.lind@example.com")), id(&person));
    assert!(app.find("/Users", "userName", "ada.berg@example.com").is_empty());
    let taken = with(&renamed, &json!({ "userName": "maria.santos@example.com" }));
    let refused = app.put(&at(&person), &taken);
    assert_eq!((refused.status, &refused.json()["scimType"]), (409, &json!("uniqueness")));
    assert_eq!(app.journal(), Vec::<String>::new());
}

#[test]
fn a_leaver_is_disabled_and_read_back_before_the_answer() {
    for leave in ["okta", "entra", "put", "delete"] {
        let demo = Demo::start();
        let mut app = demo.app("tines");
        let person = joined(&mut app);
        let answer = match leave {
            "okta" => app.patch(&at(&person), &okta_active(false)),
            "entra" => app.patch(&at(&person), &entra_active(false)),
            "put" => app.put(&at(&person), &with(&ada(), &json!({ "active": false }))),
            _ => app.delete(&at(&person)),
        };
        assert_eq!(answer.status, if leave == "delete" { 204 } else { 200 }, "{leave}: {}", answer.json());
        let path = user(&person);
        assert_eq!(app.journal(), [format!("PUT {path} {{\"active\":false}}"), format!("GET {path}")]);
        assert_eq!(stored(&mut app, "ada.berg@example.com")[0]["active"], false);
        assert_eq!(demo.tasks("tines"), Vec::<Value>::new());
        let read = app.get(&at(&person));
        if leave == "delete" {
            assert_eq!(read.status, 404);
        } else {
            assert_eq!((&answer.json()["active"], &read.json()["active"]), (&json!(false), &json!(false)));
            assert_eq!(app.patch(&at(&person), &okta_active(false)).status, 200);
            assert_eq!(app.delete(&at(&person)).status, 204);
        }
        // Whoever is out is looked at before that is said again.
        let looks =
            if leave == "delete" { Vec::new() } else { vec![format!("GET {path}"), format!("GET {path}")] };
        assert_eq!(app.journal(), looks);
    }
}

#[test]
fn a_rehire_is_enabled_again_with_teams_and_role() {
    let demo = Demo::start();
    let mut app = demo.app("tines");
    let person = joined(&mut app);
    let team = app.group("IT");
    app.patch(&group_at(&team), &add_members(&[id(&person)]));
    app.patch(&at(&person), &role("admin"));
    assert_eq!(app.patch(&at(&person), &okta_active(false)).status, 200);
    app.journal();
    let back = app.patch(&at(&person), &entra_active(true)).json();
    assert_eq!(app.journal(), [format!("PUT {} {{\"active\":true}}", user(&person))]);
    assert_eq!((&back["id"], &back["active"]), (&person["id"], &json!(true)));
    assert_eq!(back["roles"], json!([{ "value": "admin", "primary": true }]));
    assert_eq!(back["groups"][0]["value"], team["id"]);
    assert_eq!(app.state()["emails_sent"], 1);
}

#[test]
fn somebody_deleted_and_created_again_has_the_old_account() {
    let demo = Demo::start();
    let mut app = demo.app("tines");
    let person = joined(&mut app);
    assert_eq!(app.delete(&at(&person)).status, 204);
    let again = app.joins(&ada());
    assert_eq!(account(&again), account(&person));
    let stored = stored(&mut app, "ada.berg@example.com");
    assert_eq!((stored.len(), &stored[0]["active"]), (1, &json!(true)));
    assert_eq!(app.state()["emails_sent"], 1);
}

#[test]
fn a_team_is_joined_with_one_call_and_left_with_one_and_a_reading() {
    let demo = Demo::start();
    let mut app = demo.app("tines");
    let person = joined(&mut app);
    let team = app.group("Security Ops");
    let (owner, maria) = (app.person("owner@example.com"), app.person("maria.santos@example.com"));
    let join = format!("POST /api/v1/teams/5/memberships {{\"user_id\":{}}}", account(&person));
    let leave = format!("DELETE /api/v1/teams/5/memberships/{}", account(&person));
    let read_back = |person: &Value| format!("GET /api/v1/users/{}", account(person));

    assert_eq!(app.patch(&group_at(&team), &add_members(&[id(&person), id(&maria)])).status, 204);
    assert_eq!(app.journal(), std::slice::from_ref(&join));
    assert_eq!(app.get(&at(&person)).json()["groups"][0]["display"], "Security Ops");
    assert_eq!(app.patch(&group_at(&team), &remove_member(id(&person))).status, 204);
    assert_eq!(app.journal(), [leave.clone(), read_back(&person)]);
    assert_eq!(app.patch(&group_at(&team), &remove_member(id(&person))).status, 204);
    assert_eq!(app.journal(), [read_back(&person)], "somebody may have been let in meanwhile");

    assert_eq!(app.patch(&group_at(&team), &replace_members(&[id(&owner), id(&person)])).status, 204);
    let maria_leaves = format!("DELETE /api/v1/teams/5/memberships/{}", account(&maria));
    assert_eq!(app.journal(), [maria_leaves, read_back(&maria), join]);
    assert_eq!(app.patch(&group_at(&team), &remove_members(&[id(&person), id(&maria)])).status, 204);
    assert_eq!(app.journal(), [read_back(&maria), leave, read_back(&person)]);
    let read = app.get(&group_at(&team)).json();
    assert_eq!(read["members"].as_array().unwrap().len(), 1);
    assert_eq!(read["members"][0]["value"], owner["id"]);
}

#[test]
fn the_last_administrator_is_not_taken_away() {
    let demo = Demo::start();
    let mut app = demo.app("tines");
    let person = joined(&mut app);
    let owner = app.person("owner@example.com");
    let refusals = [
        app.patch(&at(&owner), &okta_active(false)),
        app.patch(&at(&owner), &role("member")),
        app.delete(&at(&owner)),
    ];
    for refused in refusals {
        assert!([403, 409].contains(&refused.status), "{} {}", refused.status, refused.json());
    }
    assert_eq!(app.journal(), Vec::<String>::new());
    assert_eq!(app.patch(&at(&person), &role("admin")).status, 200);
    assert_eq!(app.patch(&at(&owner), &role("member")).status, 200);
}

#[test]
fn a_deactivation_the_app_ignores_is_never_a_success() {
    let demo = Demo::start();
    let mut app = demo.app("tines");
    let person = joined(&mut app);
    for behaviour in ["ignored", "rejected"] {
        app.lever("POST", "mode", &json!({ "active_update": behaviour }));
        for answer in [
            app.patch(&at(&person), &okta_active(false)),
            app.put(&at(&person), &with(&ada(), &json!({ "active": false }))),
            app.delete(&at(&person)),
        ] {
            assert_eq!(answer.status, 501, "{behaviour}: {}", answer.json());
            assert!(answer.json()["detail"].as_str().unwrap().contains("Tines"), "{}", answer.json());
        }
        let read = app.get(&at(&person));
        assert_eq!((read.status, &read.json()["active"]), (200, &json!(true)));
    }
}

#[test]
fn a_team_cannot_be_made_renamed_or_deleted() {
    let demo = Demo::start();
    let mut app = demo.app("tines");
    app.warm_up();
    let team = app.group("IT");
    let made = app.post("/Groups", &json!({ "displayName": "Astronauts" }));
    let renamed =
        app.patch(&group_at(&team), &patch(&json!({ "op": "replace", "path": "displayName", "value": "x" })));
    let deleted = app.delete(&group_at(&team));
    assert_eq!([made.status, renamed.status, deleted.status], [501; 3]);
    assert_eq!(app.journal(), Vec::<String>::new());
}

#[test]
fn somebody_created_again_is_as_the_provider_says_now() {
    let demo = Demo::start();
    let mut app = demo.app("tines");
    let person = joined(&mut app);
    app.patch(&at(&person), &role("admin"));
    assert_eq!(app.delete(&at(&person)).status, 204);
    let again = app.joins(&with(
        &ada(),
        &json!({ "active": false, "name": { "givenName": "Eda", "familyName": "Berg" } }),
    ));
    assert_eq!((&again["active"], &again["name"]["givenName"]), (&json!(false), &json!("Eda")));
    let stored = stored(&mut app, "ada.berg@example.com");

    assert_eq!(stored[0]["active"], false);
    assert_eq!(app.patch(&at(&again), &okta_active(true)).json()["active"], true);
    assert_eq!(app.get(&at(&again)).json()["name"]["givenName"], "Eda");
}
