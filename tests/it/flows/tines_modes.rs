//! Tines by its SCIM server alone, and by both interfaces: SCIM for people and teams, REST for roles and for good.

use serde_json::{Value, json};

use super::people::{
    GATEWAY, ada, add_members, at, entra_active, group_at, id, named, okta_active, patch, remove_member,
    role, with,
};
use super::stage::{App, Served};

const ADA: &str = "ada.berg@example.com";
const USERS: &str = "/scim/v2/Users";
const GROUPS: &str = "/scim/v2/Groups";
const SCIM_TOKEN: &str = "tines-scim-token";
const REST_TOKEN: &str = "tines-admin-token";
const NOTHING: [&str; 0] = [];

/// `scim` or `hybrid`, with the SCIM token in the first line of `secrets`; `top` stands before the blocks.
fn served(mode: &str, secrets: &str, top: &str) -> Served {
    let mut settings = format!(
        "mode = \"{mode}\"\n{top}\n[connections.tines.scim]\nbase_url = \"SIM/scim/v2\"\ntoken = {{ file = \"secret\" }}\n\
         private = true\n"
    );
    if mode == "hybrid" {
        settings.push_str(
            "[connections.tines.rest]\nbase_url = \"SIM/api/v1\"\napi_token = { file = \"secret-2\" }\nprivate = true\n",
        );
    }
    Served::start("tines", secrets, &settings)
}

/// Both modes, before a tenant whose SCIM server has ids of its own.
fn modes() -> [(&'static str, Served, App); 2] {
    ["scim", "hybrid"].map(|mode| {
        let (served, app) = in_mode(mode, "");
        (mode, served, app)
    })
}

fn in_mode(mode: &str, top: &str) -> (Served, App) {
    let served = served(mode, &format!("{SCIM_TOKEN}\n{REST_TOKEN}"), top);
    let mut app = served.app();
    app.lever("POST", "mode", &json!({ "own_scim_ids": true }));
    app.warm_up();
    (served, app)
}

/// The calls since the last look, as method and path; pages of one listing are one.
fn calls(app: &mut App) -> Vec<String> {
    let short = |call: String| {
        let words: Vec<&str> = call.splitn(3, ' ').collect();
        format!("{} {}", words[0], words[1].split('?').next().unwrap())
    };
    let mut calls: Vec<String> = app.journal().into_iter().map(short).collect();
    calls.dedup();
    calls
}

fn joined(app: &mut App) -> Value {
    let person = app.joins(&ada());
    app.journal();
    person
}

fn user(person: &Value) -> String {
    format!("{USERS}/{}", person[GATEWAY]["accountId"].as_str().unwrap())
}

/// The account as the app holds it; null where it has none.
fn there(app: &mut App, email: &str) -> Value {
    let state = app.state();
    let users = state["users"].as_array().unwrap();
    users.iter().find(|user| user["email"] == email).cloned().unwrap_or_default()
}

#[test]
fn a_joiner_is_one_create_that_mails_nobody() {
    for (_, _served, mut app) in modes() {
        let person = app.joins(&ada());
        let sent = app.journal();
        assert!(sent.len() == 1 && sent[0].starts_with("POST /scim/v2/Users "), "{sent:?}");
        assert!(sent[0].contains("\"externalId\":\"hr-ada.berg@example.com\""), "{sent:?}");
        assert_eq!((&person["active"], &person["externalId"]), (&json!(true), &ada()["externalId"]));
        assert_eq!(person[GATEWAY]["fulfilment"], "native");
        assert_eq!(user(&person), format!("{USERS}/scim-00000004"));
        assert_eq!(
            (&there(&mut app, ADA)["first_name"], &app.state()["emails_sent"]),
            (&json!("Ada"), &json!(0))
        );
        assert_eq!(id(&app.person(ADA)), id(&person));
        let again = app.post("/Users", &with(&ada(), &json!({ "userName": "ADA.Berg@example.com" })));
        assert_eq!((again.status, &again.json()["scimType"]), (409, &json!("uniqueness")));
        app.joins(&with(&named("ben@example.com", "Ben", "Oak"), &json!({ "active": false })));
        assert_eq!(there(&mut app, "ben@example.com")["active"], false);
        assert_eq!(calls(&mut app), [format!("POST {USERS}")]);
    }
}

#[test]
fn a_mover_is_one_call_and_a_new_address_is_written_over_what_was_read() {
    for (_, _served, mut app) in modes() {
        let person = joined(&mut app);
        let married = patch(&json!({ "op": "replace", "path": "name.familyName", "value": "Lind" }));
        assert_eq!(app.patch(&at(&person), &married).json()["name"]["familyName"], "Lind");
        assert_eq!(calls(&mut app), [format!("PATCH {}", user(&person))]);
        let moved = with(
            &ada(),
            &json!({
                "userName": "ada.lind@example.com",
                "name": { "givenName": "Ada", "familyName": "Lind" },
                "emails": [{ "value": "ada.lind@example.com", "type": "work", "primary": true }],
            }),
        );
        let answer = app.put(&at(&person), &moved);
        assert_eq!((answer.status, &answer.json()["id"]), (200, &person["id"]), "{}", answer.json());
        assert_eq!(calls(&mut app), [format!("GET {}", user(&person)), format!("PATCH {}", user(&person))]);
        assert_eq!(there(&mut app, "ada.lind@example.com")["last_name"], "Lind");
        assert_eq!(app.put(&at(&person), &moved).status, 200);
        assert_eq!(calls(&mut app), NOTHING);
    }
}

#[test]
fn a_leaver_is_deactivated_and_read_back_in_both_and_a_rehire_is_the_same_account() {
    for leave in ["okta", "entra", "put", "delete"] {
        for (mode, _served, mut app) in modes() {
            let person = joined(&mut app);
            let answer = match leave {
                "okta" => app.patch(&at(&person), &okta_active(false)),
                "entra" => app.patch(&at(&person), &entra_active(false)),
                "put" => app.put(&at(&person), &with(&ada(), &json!({ "active": false }))),
                _ => app.delete(&at(&person)),
            };
            assert_eq!(answer.status, if leave == "delete" { 204 } else { 200 }, "{}", answer.json());
            let mut expected = vec![format!("PATCH {}", user(&person)), format!("GET {}", user(&person))];
            if mode == "hybrid" {
                expected.push("GET /api/v1/users".to_owned());
            }
            assert_eq!(calls(&mut app), expected, "{leave} {mode}");
            assert_eq!(there(&mut app, ADA)["active"], false);
            let back = if leave == "delete" {
                assert_eq!(app.get(&at(&person)).status, 404);
                app.joins(&ada())
            } else {
                let back = app.patch(&at(&person), &entra_active(true)).json();
                assert_eq!(calls(&mut app), [format!("PATCH {}", user(&person))]);
                back
            };
            assert_eq!((&back["active"], user(&back)), (&json!(true), user(&person)));
            assert_eq!(there(&mut app, ADA)["active"], true);
        }
    }
}

#[test]
fn a_deactivation_scim_pretends_is_never_a_success() {
    for (mode, _served, mut app) in modes() {
        let person = joined(&mut app);
        app.lever("POST", "mode", &json!({ "scim": { "active_change": "pretended" } }));
        let answer = app.patch(&at(&person), &okta_active(false));
        assert!(answer.status >= 500, "{mode}: {} {}", answer.status, answer.json());
        assert_eq!(there(&mut app, ADA)["active"], true);
    }
}

#[test]
fn teams_are_groups_that_scim_makes_fills_and_deletes() {
    for (mode, _served, mut app) in modes() {
        let person = joined(&mut app);
        let crew = app.post("/Groups", &json!({ "displayName": "Crew" })).json();
        let group = format!("{GROUPS}/7");
        assert_eq!(calls(&mut app), [format!("POST {GROUPS}")], "{mode}");
        let added = app.patch(&group_at(&crew), &add_members(&[id(&person)]));
        assert_eq!(added.status, 204, "{mode}");
        assert_eq!(calls(&mut app), [format!("PATCH {group}")], "{mode}");
        assert_eq!(there(&mut app, ADA)["team_ids"], json!([7]));
        assert_eq!(app.get(&group_at(&crew)).json()["members"][0]["value"], person["id"]);
        app.journal();
        assert_eq!(app.patch(&group_at(&crew), &remove_member(id(&person))).status, 204);
        // Asked once for the group itself, which nobody says that it can be.
        assert_eq!(
            calls(&mut app),
            [format!("PATCH {group}"), format!("GET {group}"), format!("GET {GROUPS}")]
        );
        let rename = patch(&json!({ "op": "replace", "path": "displayName", "value": "Pilots" }));
        assert_eq!(app.patch(&group_at(&crew), &rename).status, 501);
        app.journal();
        assert_eq!(app.patch(&group_at(&crew), &rename).status, 501);
        assert_eq!(calls(&mut app), NOTHING);
        assert_eq!(app.delete(&group_at(&crew)).status, 204);
        assert_eq!(app.state()["teams"].as_array().unwrap().len(), 2);
    }
}

#[test]
fn a_role_is_rests_and_tried_by_scim_alone() {
    let (_served, mut app) = in_mode("scim", "");
    let person = joined(&mut app);
    // Tried once, since nobody says that SCIM takes it.
    assert_eq!(app.patch(&at(&person), &role("admin")).status, 501);
    assert_eq!(calls(&mut app), [format!("PATCH {}", user(&person))]);
    assert_eq!(app.patch(&at(&person), &role("admin")).status, 501);
    assert_eq!(calls(&mut app), NOTHING);
    assert_eq!(there(&mut app, ADA)["role"], "member");
    let ben = with(&named("ben@example.com", "Ben", "Oak"), &json!({ "roles": [{ "value": "admin" }] }));
    let ben = app.joins(&ben);
    assert_eq!(ben[GATEWAY]["shadowed"], json!(["displayName", "roles"]));
    let named = patch(&json!({ "op": "replace", "path": "name.familyName", "value": "Elm" }));
    assert_eq!(app.patch(&at(&ben), &named).status, 200, "a role that is kept here holds up nothing else");

    let (_served, mut app) = in_mode("hybrid", "");
    let admin = with(&ada(), &json!({ "roles": [{ "value": "admin", "primary": true }] }));
    let person = app.joins(&admin);
    let listing = "GET /api/v1/users".to_owned();
    assert_eq!(calls(&mut app), [format!("POST {USERS}"), listing, "PUT /api/v1/users/4".to_owned()]);
    assert_eq!(
        (&person["roles"][0]["value"], &there(&mut app, ADA)["role"]),
        (&json!("admin"), &json!("admin"))
    );
    assert_eq!(app.patch(&at(&person), &role("member")).status, 200);
    assert_eq!(app.journal(), ["PUT /api/v1/users/4 {\"role\":\"member\"}"]);
    let owner = app.person("owner@example.com");
    assert_eq!(owner["roles"][0]["value"], "admin");
    assert!([403, 409].contains(&app.patch(&at(&owner), &role("member")).status));
    assert_eq!(app.journal(), NOTHING);
}

#[test]
fn a_role_the_app_refuses_leaves_nobody_behind() {
    let (_served, mut app) = in_mode("hybrid", "");
    let vizier = with(&ada(), &json!({ "roles": [{ "value": "grand-vizier", "primary": true }] }));
    assert_eq!(app.post("/Users", &vizier).status, 400);
    assert_eq!(there(&mut app, ADA), Value::Null);
    assert_eq!(app.joins(&ada())["active"], true);
}

#[test]
fn a_hard_deletion_is_scims_alone_and_rests_in_both() {
    for (mode, last) in
        [("scim", "DELETE /scim/v2/Users/scim-00000004"), ("hybrid", "DELETE /api/v1/users/4")]
    {
        let (_served, mut app) = in_mode(mode, "[connections.tines.policy]\ndelete = \"hard\"");
        let person = joined(&mut app);
        assert_eq!(app.delete(&at(&person)).status, 204, "{mode}");
        let sent = calls(&mut app);
        assert_eq!(sent.iter().filter(|call| call.starts_with("DELETE")).collect::<Vec<_>>(), [last]);
        let is_off_first = sent.iter().any(|call| *call == format!("PATCH {}", user(&person)));
        assert_eq!(is_off_first, mode == "hybrid", "{sent:?}");
        assert_eq!(there(&mut app, ADA), Value::Null);
        assert_eq!(app.get(&at(&person)).status, 404);
    }
}

#[test]
fn who_was_taken_away_in_tines_itself_has_no_access_and_a_new_role_is_seen() {
    for mode in ["scim", "hybrid"] {
        let (_served, mut app) = in_mode(mode, "freshness = \"0s\"");
        let person = joined(&mut app);
        if mode == "hybrid" {
            app.lever("POST", "oob", &json!({ "op": "set_role", "email": ADA, "role": "admin" }));
            assert_eq!(app.get(&at(&person)).json()["roles"][0]["value"], "admin");
        }
        app.lever("POST", "oob", &json!({ "op": "set_active", "email": ADA, "active": false }));
        assert_eq!(app.get(&at(&person)).json()["active"], false, "{mode}");
        app.lever("POST", "oob", &json!({ "op": "remove", "email": ADA }));
        assert_eq!(app.get(&at(&person)).json()["active"], false, "{mode}");
    }
}

#[test]
fn each_token_of_the_wrong_kind_is_named() {
    let told = |mode: &str, secrets: &str| {
        let served = served(mode, secrets, "");
        let mut app = served.app();
        let lookup = app.get("/Users?filter=userName%20eq%20%22ada.berg@example.com%22");
        let create = app.post("/Users", &ada());
        assert_eq!((lookup.status, create.status), (503, 503), "{}", create.json());
        [lookup, create].map(|answer| answer.json()["detail"].as_str().unwrap().to_owned()).join("\n")
    };
    let scim = told("scim", REST_TOKEN);
    assert!(scim.contains("scim.token") && scim.contains("REST API token"), "{scim}");
    let swapped = told("hybrid", &format!("{REST_TOKEN}\n{SCIM_TOKEN}"));
    assert!(swapped.contains("rest.api_token"), "{swapped}");
    let rest_wrong = told("hybrid", &format!("{SCIM_TOKEN}\n{SCIM_TOKEN}"));
    assert!(rest_wrong.contains("rest.api_token") && !rest_wrong.contains("scim.token"), "{rest_wrong}");
}

#[test]
fn a_create_whose_answer_is_lost_is_found_and_sent_once() {
    for (mode, _served, mut app) in modes() {
        let lost =
            json!({ "match": { "method": "POST" }, "drop_connection": true, "commit": true, "times": 1 });
        app.fault(&lost);
        let person = app.joins(&ada());
        let sent = calls(&mut app);
        assert_eq!(sent.iter().filter(|call| call.starts_with("POST")).count(), 1, "{mode}: {sent:?}");
        assert_eq!(user(&person), format!("{USERS}/scim-00000004"));
    }
}

#[test]
fn while_tines_is_down_reads_go_on_and_nobody_is_said_to_have_left() {
    for (mode, mut served, mut app) in modes() {
        let person = joined(&mut app);
        served.kill_simulator();
        assert_eq!(app.get(&at(&person)).json()["active"], true, "{mode}");
        let leaver = app.patch(&at(&person), &okta_active(false));
        assert!([429, 503].contains(&leaver.status), "{mode}: {}", leaver.status);
    }
}

#[test]
fn whoever_is_created_again_is_shown_in_the_teams_that_the_app_kept_them_in() {
    for (mode, _served, mut app) in modes() {
        let person = joined(&mut app);
        let crew = app.post("/Groups", &json!({ "displayName": "Crew" })).json();
        assert_eq!(app.patch(&group_at(&crew), &add_members(&[id(&person)])).status, 204);
        assert_eq!(app.delete(&at(&person)).status, 204);
        let shown = app.get(&group_at(&crew)).json();
        assert!(shown["members"].as_array().is_none_or(Vec::is_empty), "{mode}: {shown}");
        let again = app.joins(&ada());
        assert_eq!(there(&mut app, ADA)["team_ids"], json!([7]), "{mode}");
        assert_eq!(app.get(&group_at(&crew)).json()["members"][0]["value"], again["id"], "{mode}");
        assert_eq!(app.patch(&group_at(&crew), &remove_member(id(&again))).status, 204);
        assert_eq!(there(&mut app, ADA)["team_ids"], json!([]), "{mode}");
    }
}
