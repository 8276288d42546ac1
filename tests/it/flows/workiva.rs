//! Workiva: an OAuth client, accounts that can be disabled, listed roles, and groups that tell their members.

use serde_json::{Value, json};

use super::people::{
    GATEWAY, ada, add_members, at, entra_active, group_at, id, okta_active, patch, remove_member,
    remove_members, replace_members, role, with,
};
use super::stage::{App, Demo};

const USERS: &str = "/platform/v1/users";
const TOKEN: &str = "POST /iam/v1/oauth2/token";
const FINANCE: &str = "/platform/v1/groups/grp_1/members";

fn joined(app: &mut App) -> Value {
    app.warm_up();
    let person = app.joins(&ada());
    app.journal();
    person
}

fn account(person: &Value) -> &str {
    person[GATEWAY]["accountId"].as_str().unwrap()
}

fn user(person: &Value) -> String {
    format!("{USERS}/{}", account(person))
}

fn stored(app: &mut App, email: &str) -> Vec<Value> {
    let state = app.state();
    let users = state["workspaces"]["ws_1"]["users"].as_array().unwrap();
    users.iter().filter(|user| user["email"] == email).cloned().collect()
}

fn members(app: &mut App, group: &str) -> Vec<Value> {
    let state = app.state();
    let groups = state["workspaces"]["ws_1"]["groups"].as_array().unwrap();
    groups.iter().find(|each| each["id"] == group).unwrap()["members"].as_array().unwrap().clone()
}

#[test]
fn a_joiner_is_created_by_one_call_where_everybody_was_listed() {
    let demo = Demo::start();
    let mut app = demo.app("workiva");
    app.warm_up();
    let person = app.joins(&ada());
    let create = format!(
        r#"POST {USERS} {{"email":"ada.berg@example.com","firstName":"Ada","lastName":"Berg","displayName":"Ada Berg"}}"#
    );
    assert_eq!(app.journal(), [create]);
    assert_eq!(person["active"], true);
    assert_eq!(person["displayName"], "Ada Berg");
    assert_eq!(id(&app.person("ada.berg@example.com")), id(&person));
    assert_eq!(app.get(&at(&person)).status, 200);
    assert_eq!(app.journal(), Vec::<String>::new());
}

#[test]
fn everything_is_read_with_one_token() {
    let demo = Demo::start();
    let mut app = demo.app("workiva");
    app.find("/Users", "userName", "ada.berg@example.com");
    let calls = app.journal();
    assert_eq!(calls.iter().filter(|call| *call == TOKEN).count(), 1, "{calls:?}");
    assert_eq!(
        calls.iter().filter(|call| call.starts_with("GET /platform/v1/users")).count(),
        1,
        "{calls:?}"
    );
}

#[test]
fn a_mover_is_one_call_with_what_changed() {
    let demo = Demo::start();
    let mut app = demo.app("workiva");
    let person = joined(&mut app);
    let moved = app.patch(&at(&person), &role("Editor"));
    assert_eq!(moved.status, 200, "{}", moved.json());
    let calls: Vec<String> =
        app.journal().into_iter().filter(|call| call != "GET /platform/v1/roles").collect();
    assert_eq!(calls, [format!("PATCH {} {{\"roles\":[\"role_editor\"]}}", user(&person))]);
    let married = patch(&json!({ "op": "replace", "path": "name.familyName", "value": "Lind" }));
    assert_eq!(app.patch(&at(&person), &married).json()["name"]["familyName"], "Lind");
    assert_eq!(app.journal(), [format!("PATCH {} {{\"lastName\":\"Lind\"}}", user(&person))]);
    let echoed = app.get(&at(&person)).json();
    assert_eq!(app.put(&at(&person), &echoed).status, 200);
    assert_eq!(app.journal(), Vec::<String>::new());
    let refused = app.patch(&at(&person), &role("role_astronaut"));
    assert_eq!((refused.status, &refused.json()["scimType"]), (400, &json!("invalidValue")));
}

#[test]
fn a_new_address_is_one_call_and_finds_the_same_person() {
    let demo = Demo::start();
    let mut app = demo.app("workiva");
    let person = joined(&mut app);
    let renamed = with(
        &ada(),
        &json!({
            "userName": "ada.lind@example.com",
            "emails": [{ "value": "ada.lind@example.com", "type": "work", "primary": true }],
        }),
    );
    assert_eq!(app.put(&at(&person), &renamed).json()["id"], person["id"]);
    assert_eq!(app.journal(), [format!("PATCH {} {{\"email\":\"ada.lind@example.com\"}}", user(&person))]);
    assert_eq!(id(&app.person("ada.lind@example.com")), id(&person));
    assert!(app.find("/Users", "userName", "ada.berg@example.com").is_empty());
}

#[test]
fn a_leaver_is_disabled_and_read_back_before_the_answer() {
    for leave in ["okta", "entra", "put", "delete"] {
        let demo = Demo::start();
        let mut app = demo.app("workiva");
        let person = joined(&mut app);
        let answer = match leave {
            "okta" => app.patch(&at(&person), &okta_active(false)),
            "entra" => app.patch(&at(&person), &entra_active(false)),
            "put" => app.put(&at(&person), &with(&ada(), &json!({ "active": false }))),
            _ => app.delete(&at(&person)),
        };
        assert_eq!(answer.status, if leave == "delete" { 204 } else { 200 }, "{leave}: {}", answer.json());
        let path = user(&person);
        assert_eq!(app.journal(), [format!("PATCH {path} {{\"active\":false}}"), format!("GET {path}")]);
        assert_eq!(stored(&mut app, "ada.berg@example.com")[0]["active"], false);
        let [left] = &demo.tasks("workiva")[..] else { panic!("{leave}: not one task") };
        assert_eq!(
            (&left["kind"], &left["link"]),
            (&json!("residual_access"), &json!("https://app.wdesk.com")),
            "{leave}"
        );
        let read = app.get(&at(&person));
        if leave == "delete" {
            assert_eq!(read.status, 404);
        } else {
            assert_eq!((&answer.json()["active"], &read.json()["active"]), (&json!(false), &json!(false)));
            assert_eq!(read.json()[GATEWAY]["residual"], json!(["document-permissions"]));
            assert_eq!(app.patch(&at(&person), &okta_active(false)).status, 200);
        }
        // Whoever is out is looked at before that is said again.
        let looks = if leave == "delete" { Vec::new() } else { vec![format!("GET {path}")] };
        assert_eq!(app.journal(), looks);
    }
}

#[test]
fn a_rehire_is_enabled_again_with_groups_and_roles() {
    let demo = Demo::start();
    let mut app = demo.app("workiva");
    let person = joined(&mut app);
    let legal = app.group("Legal");
    assert_eq!(app.patch(&group_at(&legal), &add_members(&[id(&person)])).status, 204);
    app.patch(&at(&person), &role("role_viewer"));
    assert_eq!(app.patch(&at(&person), &okta_active(false)).status, 200);
    app.journal();
    let back = app.patch(&at(&person), &entra_active(true)).json();
    assert_eq!(app.journal(), [format!("PATCH {} {{\"active\":true}}", user(&person))]);
    assert_eq!((&back["id"], &back["active"]), (&person["id"], &json!(true)));
    assert_eq!(back["roles"][0]["value"], "role_viewer");
    assert_eq!(back["groups"][0]["value"], legal["id"]);
}

#[test]
fn somebody_deleted_and_created_again_has_the_old_account() {
    let demo = Demo::start();
    let mut app = demo.app("workiva");
    let person = joined(&mut app);
    assert_eq!(app.delete(&at(&person)).status, 204);
    let again = app.joins(&ada());
    assert_eq!(account(&again), account(&person));
    let stored = stored(&mut app, "ada.berg@example.com");
    assert_eq!((stored.len(), &stored[0]["active"]), (1, &json!(true)));
}

#[test]
fn members_nobody_has_read_yet_are_taken_out_all_the_same() {
    for remove in ["okta", "entra", "replace", "put"] {
        let demo = Demo::start();
        let mut app = demo.app("workiva");
        app.warm_up();
        let (owner, maria) = (app.person("owner@example.com"), app.person("maria.santos@example.com"));
        let tom = app.person("tom.fischer@example.com");
        let finance = app.group("Finance Team");
        let rest = [id(&owner), id(&tom)];
        let answer = match remove {
            "okta" => app.patch(&group_at(&finance), &remove_member(id(&maria))),
            "entra" => app.patch(&group_at(&finance), &remove_members(&[id(&maria)])),
            "replace" => app.patch(&group_at(&finance), &replace_members(&rest)),
            _ => {
                let members = rest.map(|member| json!({ "value": member }));
                app.put(&group_at(&finance), &json!({ "displayName": "Finance Team", "members": members }))
            }
        };
        assert!(answer.status < 300, "{remove}: {}", answer.json());
        let left = members(&mut app, "grp_1");
        assert!(!left.contains(&maria[GATEWAY]["accountId"]), "{remove}: a 2xx, and still a member");
        assert_eq!(left.len(), 2, "{remove}");
        let writes: Vec<String> =
            app.journal().into_iter().filter(|call| !call.starts_with("GET ")).collect();
        assert_eq!(writes, [format!("DELETE {FINANCE}/{}", account(&maria))], "{remove}");
    }
}

#[test]
fn a_group_is_joined_with_one_call_and_left_with_one_and_a_reading() {
    let demo = Demo::start();
    let mut app = demo.app("workiva");
    let person = joined(&mut app);
    let finance = app.group("Finance Team");
    assert_eq!(app.get(&group_at(&finance)).json()["members"].as_array().unwrap().len(), 3);
    app.journal();
    let join = format!("POST {FINANCE} {{\"userId\":\"{}\"}}", account(&person));
    let leave = format!("DELETE {FINANCE}/{}", account(&person));
    assert_eq!(app.patch(&group_at(&finance), &add_members(&[id(&person)])).status, 204);
    assert_eq!(app.journal(), [join]);
    assert_eq!(app.get(&group_at(&finance)).json()["members"].as_array().unwrap().len(), 4);
    assert_eq!(app.patch(&group_at(&finance), &remove_member(id(&person))).status, 204);
    assert_eq!(app.journal(), [leave, format!("GET {FINANCE}")]);
    assert_eq!(app.patch(&group_at(&finance), &remove_member(id(&person))).status, 204);
    assert_eq!(app.journal(), [format!("GET {FINANCE}")], "somebody may have been let in meanwhile");
}

#[test]
fn a_group_is_made_filled_and_renamed_but_not_deleted() {
    let demo = Demo::start();
    let mut app = demo.app("workiva");
    let person = joined(&mut app);
    let made = app.post(
        "/Groups",
        &json!({ "displayName": "Astronauts", "externalId": "g-1", "members": [{ "value": id(&person) }] }),
    );
    assert_eq!(made.status, 201, "{}", made.json());
    let made = made.json();
    let writes: Vec<String> = app.journal().into_iter().filter(|call| !call.starts_with("GET ")).collect();
    let group = &writes[1].split('/').nth(4).unwrap().to_owned();
    assert_eq!(
        writes,
        [
            r#"POST /platform/v1/groups {"name":"Astronauts"}"#.to_owned(),
            format!("POST /platform/v1/groups/{group}/members {{\"userId\":\"{}\"}}", account(&person)),
        ]
    );
    assert_eq!(made["members"][0]["value"], person["id"]);
    let rename = patch(&json!({ "op": "replace", "path": "displayName", "value": "Pilots" }));
    assert_eq!(app.patch(&group_at(&made), &rename).status, 204);
    assert_eq!(app.journal(), [format!("PATCH /platform/v1/groups/{group} {{\"name\":\"Pilots\"}}")]);
    assert_eq!(id(&app.group("Pilots")), id(&made));
    let twice = app.post("/Groups", &json!({ "displayName": "pilots" }));
    assert_eq!((twice.status, &twice.json()["scimType"]), (409, &json!("uniqueness")));
    assert_eq!(app.delete(&group_at(&made)).status, 501);
    assert_eq!(app.journal(), [format!("DELETE /platform/v1/groups/{group}")]);
}

#[test]
fn a_token_that_ends_in_mid_job_is_fetched_once_more() {
    let demo = Demo::start();
    let mut app = demo.app("workiva");
    let person = joined(&mut app);
    app.lever("POST", "tokens/expire", &json!({}));
    assert_eq!(app.patch(&at(&person), &okta_active(false)).status, 200);
    assert_eq!(app.statuses(), [401, 200, 200, 200]);
    let path = user(&person);
    let deactivation = format!("PATCH {path} {{\"active\":false}}");
    assert_eq!(app.journal(), [deactivation.clone(), TOKEN.into(), deactivation, format!("GET {path}")]);

    app.lever("POST", "tokens/expire", &json!({}));
    app.joins(&with(
        &ada(),
        &json!({ "userName": "bo@example.com", "emails": [{ "value": "bo@example.com" }] }),
    ));
    // What was answered 401 was not done, and is sent again: that is one account.
    assert_eq!(app.statuses(), [401, 200, 201]);
    let calls = app.journal();
    assert_eq!(calls.iter().filter(|call| *call == TOKEN).count(), 1, "{calls:?}");
    assert_eq!(stored(&mut app, "bo@example.com").len(), 1);
}

#[test]
fn somebody_created_again_is_as_the_provider_says_now() {
    let demo = Demo::start();
    let mut app = demo.app("workiva");
    let person = joined(&mut app);
    app.patch(&at(&person), &role("role_admin"));
    assert_eq!(app.delete(&at(&person)).status, 204);
    let again = app.joins(&with(
        &ada(),
        &json!({ "active": false, "name": { "givenName": "Eda", "familyName": "Berg" } }),
    ));
    assert_eq!((&again["active"], &again["name"]["givenName"]), (&json!(false), &json!("Eda")));
    let stored = stored(&mut app, "ada.berg@example.com");
    assert_eq!(stored.len(), 1);
    assert_eq!(stored[0]["active"], false);
    assert_eq!(app.patch(&at(&again), &okta_active(true)).json()["active"], true);
    assert_eq!(app.get(&at(&again)).json()["name"]["givenName"], "Eda");
}
