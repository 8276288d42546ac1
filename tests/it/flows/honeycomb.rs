//! Honeycomb: an invitation, one role, and a removal that the app does not remember.

use std::time::Duration;

use serde_json::{Value, json};

use super::people::{
    GATEWAY, ada, add_members, at, entra_active, group_at, id, named, okta_active, patch, remove_member,
    replace_members, role, with,
};
use super::stage::{App, Demo, eventually};

const INVITE: &str = r#"POST /1/team_memberships {"email":"ada.berg@example.com","role":"member"}"#;
const LIST: &str = "GET /1/team_memberships";

/// Ada is a member who has accepted; nothing is in the journal.
fn accepted(app: &mut App) -> Value {
    app.warm_up();
    let person = app.joins(&ada());
    app.lever("POST", "invites/ada.berg@example.com/accept", &json!({}));
    app.journal();
    person
}

fn membership(person: &Value) -> &str {
    person[GATEWAY]["accountId"].as_str().unwrap()
}

fn emails(app: &mut App) -> Vec<String> {
    let state = app.state();
    let members = state["teams"]["acme"]["members"].as_array().unwrap();
    members.iter().map(|member| member["email"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_joiner_is_one_listing_and_one_invitation() {
    let demo = Demo::start();
    let mut app = demo.app("honeycomb");
    assert!(app.find("/Users", "userName", "ada.berg@example.com").is_empty());
    assert_eq!(app.journal(), [LIST]);

    let person = app.joins(&ada());
    assert_eq!(app.journal(), [INVITE]);
    assert_eq!(person["active"], true);
    assert_eq!(person["userName"], "ada.berg@example.com");
    assert_eq!(person["externalId"], "hr-ada.berg@example.com");
    assert_eq!(person["name"]["familyName"], "Berg");
    let extension = &person[GATEWAY];
    assert_eq!(extension["app"], "honeycomb");
    assert_eq!(extension["invitationStatus"], "pending");
    assert_eq!(extension["fulfilment"], "emulated");
    assert_eq!(extension["residualAccess"], false);
    let shadowed = extension["shadowed"].as_array().unwrap();
    for attribute in ["name.givenName", "name.familyName"] {
        assert!(shadowed.contains(&json!(attribute)), "{attribute} is not shadowed: {extension}");
    }
    assert_eq!(app.state()["emails_sent"], 1);

    assert_eq!(app.get(&at(&person)).json()["id"], person["id"]);
    assert_eq!(id(&app.person("ADA.BERG@example.com")), id(&person));
    assert_eq!(app.journal(), Vec::<String>::new());
}

#[test]
fn a_pending_joiner_stays_while_the_listing_does_not_show_them() {
    let demo = Demo::with(&["--freshness", "0s"]);
    let mut app = demo.app("honeycomb");
    let person = app.joins(&ada());
    let read = app.person("ada.berg@example.com");
    assert_eq!((&read["active"], &read[GATEWAY]["invitationStatus"]), (&json!(true), &json!("pending")));
    app.lever("POST", "invites/ada.berg@example.com/accept", &json!({}));
    let read = app.get(&at(&person)).json();
    assert_eq!((&read["active"], &read[GATEWAY]["invitationStatus"]), (&json!(true), &json!("accepted")));
}

#[test]
fn a_mover_is_one_call_and_the_same_role_again_is_none() {
    let demo = Demo::start();
    let mut app = demo.app("honeycomb");
    let person = accepted(&mut app);
    let moved = app.patch(&at(&person), &role("admin"));
    assert_eq!(moved.status, 200);
    assert_eq!(moved.json()["roles"], json!([{ "value": "admin", "primary": true }]));
    let put = format!("PUT /1/team_memberships/{} {{\"role\":\"admin\"}}", membership(&person));
    assert_eq!(app.journal(), [put]);

    assert_eq!(app.patch(&at(&person), &role("admin")).status, 200);
    let echoed = app.get(&at(&person)).json();
    assert_eq!(app.put(&at(&person), &echoed).status, 200);
    assert_eq!(app.journal(), Vec::<String>::new());
}

#[test]
fn a_role_nobody_knows_is_refused_before_any_call() {
    let demo = Demo::start();
    let mut app = demo.app("honeycomb");
    let person = accepted(&mut app);
    let refused = app.patch(&at(&person), &role("superuser"));
    assert_eq!((refused.status, &refused.json()["scimType"]), (400, &json!("invalidValue")));
    assert_eq!(app.journal(), Vec::<String>::new());
}

#[test]
fn new_names_are_kept_by_the_gateway_and_a_new_address_is_refused() {
    let demo = Demo::start();
    let mut app = demo.app("honeycomb");
    let person = accepted(&mut app);
    let married = patch(&json!({ "op": "replace", "path": "name.familyName", "value": "Lind" }));
    let renamed = app.patch(&at(&person), &married);
    assert_eq!(renamed.status, 200);
    assert_eq!(renamed.json()["name"]["familyName"], "Lind");
    let moved = with(
        &ada(),
        &json!({
            "userName": "ada.lind@example.com",
            "emails": [{ "value": "ada.lind@example.com", "type": "work", "primary": true }],
        }),
    );
    let refused = app.put(&at(&person), &moved);
    assert_eq!((refused.status, &refused.json()["scimType"]), (400, &json!("mutability")));
    assert_eq!(app.person("ada.berg@example.com")["name"]["familyName"], "Lind");
    assert_eq!(app.journal(), Vec::<String>::new());
}

#[test]
fn a_leaver_is_gone_and_looked_for_before_the_answer() {
    for leave in ["okta", "entra", "put", "delete"] {
        let demo = Demo::start();
        let mut app = demo.app("honeycomb");
        let person = accepted(&mut app);
        let answer = match leave {
            "okta" => app.patch(&at(&person), &okta_active(false)),
            "entra" => app.patch(&at(&person), &entra_active(false)),
            "put" => app.put(&at(&person), &with(&ada(), &json!({ "active": false }))),
            _ => app.delete(&at(&person)),
        };
        let (deleted, body) = (leave == "delete", answer.json());
        assert_eq!(answer.status, if deleted { 204 } else { 200 }, "{leave}: {body}");
        let removal = format!("DELETE /1/team_memberships/{}", membership(&person));
        assert_eq!(app.journal(), [removal, LIST.to_owned()]);
        assert!(!emails(&mut app).contains(&"ada.berg@example.com".to_owned()));

        let tasks = demo.tasks("honeycomb");
        let told: Vec<_> = tasks.iter().map(|task| (&task["kind"], &task["person"])).collect();
        assert_eq!(told, [(&json!("residual_access"), &json!("ada.berg@example.com"))]);
        let read = app.get(&at(&person));
        if deleted {
            assert_eq!(read.status, 404);
            assert!(app.find("/Users", "userName", "ada.berg@example.com").is_empty());
            assert_eq!(app.delete(&at(&person)).status, 404);
        } else {
            assert_eq!((&body["active"], &body["id"]), (&json!(false), &person["id"]));
            assert_eq!(body[GATEWAY]["residual"], json!(["api-keys"]));
            assert_eq!(read.json()["active"], false);
            assert_eq!(app.patch(&at(&person), &okta_active(false)).status, 200);
        }
        // Whoever is out is looked at before that is said again.
        let looks = if deleted { Vec::new() } else { vec![LIST.to_owned()] };
        assert_eq!(app.journal(), looks);
    }
}

#[test]
fn a_rehire_has_the_same_id_and_the_role_they_left_with() {
    let demo = Demo::start();
    let mut app = demo.app("honeycomb");
    let person = accepted(&mut app);
    app.patch(&at(&person), &role("admin"));
    app.patch(&at(&person), &okta_active(false));
    app.journal();
    let back = app.patch(&at(&person), &entra_active(true));
    assert_eq!(back.status, 200, "{}", back.json());
    let back = back.json();
    assert_eq!(app.journal(), [INVITE.replace("\"member\"", "\"admin\"")]);
    assert_eq!((&back["id"], &back["active"]), (&person["id"], &json!(true)));
    assert_eq!(back["roles"], json!([{ "value": "admin", "primary": true }]));
    assert_eq!(back[GATEWAY]["invitationStatus"], "pending");
    assert_eq!(back[GATEWAY]["residualAccess"], false);
    assert_ne!(back[GATEWAY]["accountId"], person[GATEWAY]["accountId"]);
    assert_eq!(demo.tasks("honeycomb"), Vec::<Value>::new());
}

#[test]
fn somebody_deleted_can_be_created_again() {
    let demo = Demo::start();
    let mut app = demo.app("honeycomb");
    let person = accepted(&mut app);
    app.delete(&at(&person));
    app.journal();
    let again = app.joins(&ada());
    assert_eq!(app.journal(), [INVITE]);
    assert_eq!(again["active"], true);
}

#[test]
fn a_role_group_gives_and_takes_the_role_with_one_call_each() {
    let demo = Demo::start();
    let mut app = demo.app("honeycomb");
    let person = accepted(&mut app);
    let (admins, members) = (app.group("admin"), app.group("member"));
    let path = format!("/1/team_memberships/{}", membership(&person));

    assert_eq!(app.patch(&group_at(&admins), &add_members(&[id(&person)])).status, 204);
    assert_eq!(app.journal(), [format!("PUT {path} {{\"role\":\"admin\"}}")]);
    let read = app.get(&at(&person)).json();
    assert_eq!(read["roles"], json!([{ "value": "admin", "primary": true }]));
    assert_eq!(read["groups"][0]["value"], admins["id"]);
    assert_eq!(read["groups"].as_array().unwrap().len(), 1);

    assert_eq!(app.patch(&group_at(&admins), &remove_member(id(&person))).status, 204);
    let read_back = || "GET /1/team_memberships".to_owned();
    assert_eq!(app.journal(), [format!("PUT {path} {{\"role\":\"member\"}}"), read_back()]);
    let read = app.get(&at(&person)).json();
    assert_eq!(read["groups"][0]["value"], members["id"]);

    let owner = app.person("owner@example.com");
    let both = replace_members(&[id(&owner), id(&person)]);
    assert_eq!(app.patch(&group_at(&admins), &both).status, 204);
    assert_eq!(app.journal(), [format!("PUT {path} {{\"role\":\"admin\"}}")]);
    assert_eq!(app.patch(&group_at(&admins), &replace_members(&[id(&owner)])).status, 204);
    assert_eq!(app.journal(), [format!("PUT {path} {{\"role\":\"member\"}}"), read_back()]);
}

#[test]
fn nobody_is_taken_out_of_the_lowest_role() {
    let demo = Demo::start();
    let mut app = demo.app("honeycomb");
    let person = accepted(&mut app);
    let members = app.group("member");
    let refused = app.patch(&group_at(&members), &remove_member(id(&person)));
    assert_eq!((refused.status, &refused.json()["scimType"]), (400, &json!("mutability")));
    assert_eq!(demo.tasks("honeycomb"), Vec::<Value>::new());
    assert_eq!(app.journal(), Vec::<String>::new());
}

#[test]
fn the_last_administrator_is_not_taken_away() {
    let demo = Demo::start();
    let mut app = demo.app("honeycomb");
    app.warm_up();
    let owner = app.person("owner@example.com");
    let admins = app.group("admin");
    let maria = app.person("maria.santos@example.com");
    let refusals = [
        app.patch(&at(&owner), &okta_active(false)),
        app.patch(&at(&owner), &role("member")),
        app.delete(&at(&owner)),
        app.patch(&group_at(&admins), &remove_member(id(&owner))),
        app.patch(&group_at(&admins), &replace_members(&[])),
    ];
    for refused in refusals {
        assert!([403, 409].contains(&refused.status), "{} {}", refused.status, refused.json());
    }
    assert_eq!(app.journal(), Vec::<String>::new());
    let handed_over = app.patch(&group_at(&admins), &replace_members(&[id(&maria)]));
    assert_eq!(handed_over.status, 204, "{}", handed_over.json());
    let state = app.state();
    let of = |email: &str| {
        let members = state["teams"]["acme"]["members"].as_array().unwrap();
        members.iter().find(|member| member["email"] == email).unwrap()["role"].clone()
    };
    assert_eq!((of("owner@example.com"), of("maria.santos@example.com")), (json!("member"), json!("admin")));
}

#[test]
fn a_group_cannot_be_made_renamed_or_deleted() {
    let demo = Demo::start();
    let mut app = demo.app("honeycomb");
    app.warm_up();
    let admins = app.group("admin");
    let made = app.post("/Groups", &json!({ "displayName": "Astronauts" }));
    let renamed = app
        .patch(&group_at(&admins), &patch(&json!({ "op": "replace", "path": "displayName", "value": "x" })));
    let deleted = app.delete(&group_at(&admins));
    assert_eq!([made.status, renamed.status, deleted.status], [501; 3]);
    let taken = app.post("/Groups", &json!({ "displayName": "Admin" }));
    assert_eq!((taken.status, &taken.json()["scimType"]), (409, &json!("uniqueness")));
    assert_eq!(app.journal(), Vec::<String>::new());
}

#[test]
fn two_joiners_at_once_are_two_invitations() {
    let demo = Demo::start();
    let mut app = demo.app("honeycomb");
    app.warm_up();
    let callers = ["ada.berg@example.com", "bo.carl@example.com"].map(|address| {
        let mut app = demo.app("honeycomb");
        std::thread::spawn(move || app.post("/Users", &named(address, "Some", "Body")).status)
    });
    assert_eq!(callers.map(|caller| caller.join().unwrap()), [201, 201]);
    assert_eq!(app.journal().len(), 2);
}

#[test]
fn an_invitation_the_team_does_not_list_is_withdrawn_through_an_outage() {
    let demo = Demo::start();
    let mut app = demo.app("honeycomb");
    app.warm_up();
    let person = app.joins(&ada());
    app.fault(&json!({ "match": { "method": "DELETE" }, "status": 503, "times": 4 }));
    assert_eq!(app.patch(&at(&person), &okta_active(false)).status, 503);
    assert!(emails(&mut app).contains(&"ada.berg@example.com".to_owned()), "she is still invited");
    eventually(Duration::from_mins(1), "the invitation is withdrawn", || {
        (app.get(&at(&person)).json()["active"] == false).then_some(())
    });
    assert!(!emails(&mut app).contains(&"ada.berg@example.com".to_owned()));
}
