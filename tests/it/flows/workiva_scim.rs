//! Workiva by SCIM alone: its own accounts and groups, no roles, and nothing taken for granted that its guide leaves out.

use serde_json::{Value, json};

use super::people::{
    GATEWAY, ada, add_members, at, entra_active, group_at, id, named, okta_active, patch, remove_member,
    role, with,
};
use super::stage::{App, Served, has_access};

const USERS: &str = "/scim/v2/Users";
const GROUPS: &str = "/scim/v2/Groups";

fn served(policy: &str) -> Served {
    with_token("workiva-scim-token", policy)
}

fn with_token(token: &str, policy: &str) -> Served {
    let scim = "[connections.workiva.scim]\nbase_url = \"SIM/scim/v2\"\ntoken = { file = \"secret\" }\nprivate = true\n";
    Served::start("workiva", token, &format!("mode = \"scim\"\n{scim}{policy}"))
}

/// The body of a PATCH with one operation.
pub fn patching(operation: &Value) -> String {
    json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [operation] })
        .to_string()
}

fn replacing(path: &str, value: &Value) -> String {
    patching(&json!({ "op": "replace", "path": path, "value": value }))
}

fn user(person: &Value) -> String {
    format!("{USERS}/{}", person[GATEWAY]["accountId"].as_str().unwrap())
}

/// Ada has joined, and what that called is forgotten.
fn joined(app: &mut App) -> Value {
    app.warm_up();
    let person = app.joins(&ada());
    app.journal();
    person
}

#[test]
fn a_joiner_is_created_with_one_call() {
    let served = served("");
    let mut app = served.app();
    joined(&mut app);
    let ben = app.joins(&named("ben.oak@example.com", "Ben", "Oak"));
    let create = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": "ben.oak@example.com",
        "active": true,
        "name": { "givenName": "Ben", "familyName": "Oak" },
        "displayName": "Ben Oak",
        "emails": [{ "value": "ben.oak@example.com", "type": "work", "primary": true }],
    });
    assert_eq!(
        app.journal(),
        [format!("POST {USERS} {create}")],
        "the listing of a moment ago says who is there"
    );
    assert_eq!((&ben["active"], &ben["externalId"]), (&json!(true), &json!("hr-ben.oak@example.com")));
    let taken = app.post("/Users", &named("maria.santos@example.com", "Maria", "Santos"));
    assert_eq!((taken.status, &taken.json()["scimType"]), (409, &json!("uniqueness")));
}

#[test]
fn a_mover_is_one_call_and_roles_are_not_the_apps() {
    let served = served("");
    let mut app = served.app();
    let person = joined(&mut app);
    let married = patch(&json!({ "op": "replace", "path": "name.familyName", "value": "Lind" }));
    assert_eq!(app.patch(&at(&person), &married).json()["name"]["familyName"], "Lind");
    let expected = format!("PATCH {} {}", user(&person), replacing("name.familyName", &json!("Lind")));
    assert_eq!(app.journal(), [expected]);
    app.patch(&at(&person), &role("role_editor"));
    assert_eq!(app.journal(), Vec::<String>::new());
    let renamed = with(
        &ada(),
        &json!({
            "userName": "ada.lind@example.com",
            "name": { "givenName": "Ada", "familyName": "Lind" },
            "emails": [{ "value": "ada.lind@example.com", "type": "work", "primary": true }],
        }),
    );
    assert_eq!(app.put(&at(&person), &renamed).json()["id"], person["id"]);
    let writes = app.journal().iter().filter(|call| !call.starts_with("GET ")).count();
    assert_eq!(writes, 1);
    assert!(has_access(&mut app, "workiva", "ada.lind@example.com"));
    assert_eq!(id(&app.person("ada.lind@example.com")), id(&person));
}

#[test]
fn a_leaver_is_disabled_and_read_back_and_comes_back() {
    for leave in ["okta", "entra", "delete"] {
        let served = served("");
        let mut app = served.app();
        let person = joined(&mut app);
        let answer = match leave {
            "okta" => app.patch(&at(&person), &okta_active(false)),
            "entra" => app.patch(&at(&person), &entra_active(false)),
            _ => app.delete(&at(&person)),
        };
        assert!(answer.status < 300, "{leave}: {}", answer.json());
        let off = format!("PATCH {} {}", user(&person), replacing("active", &json!(false)));
        assert_eq!(app.journal(), [off, format!("GET {}", user(&person))], "{leave}");
        assert!(!has_access(&mut app, "workiva", "ada.berg@example.com"));
        if leave == "delete" {
            let again = app.joins(&ada());
            assert_eq!(again[GATEWAY]["accountId"], person[GATEWAY]["accountId"]);
        } else {
            let back = app.patch(&at(&person), &okta_active(true)).json();
            assert_eq!((&back["active"], &back["id"]), (&json!(true), &person["id"]));
            let on = format!("PATCH {} {}", user(&person), replacing("active", &json!(true)));
            assert_eq!(app.journal(), [on]);
        }
        assert!(has_access(&mut app, "workiva", "ada.berg@example.com"), "{leave}");
    }
}

#[test]
fn a_change_that_is_only_pretended_is_found_out() {
    let served = served("");
    let mut app = served.app();
    let person = joined(&mut app);
    app.lever("POST", "mode", &json!({ "scim": { "active_change": "pretended" } }));
    let answer = app.patch(&at(&person), &okta_active(false));
    assert!(answer.status >= 500, "{}", answer.json());
}

#[test]
fn a_hard_deletion_is_for_good() {
    let served = served("[connections.workiva.policy]\ndelete = \"hard\"\n");
    let mut app = served.app();
    let person = joined(&mut app);
    assert_eq!(app.delete(&at(&person)).status, 204);
    let calls: Vec<String> = app.journal().into_iter().filter(|call| !call.starts_with("GET ")).collect();
    assert_eq!(calls, [format!("DELETE {}", user(&person))]);
    let state = app.state();
    let users = state["workspaces"]["ws_1"]["users"].as_array().unwrap();
    assert!(users.iter().all(|user| user["email"] != "ada.berg@example.com"));
}

#[test]
fn a_group_is_made_filled_renamed_and_deleted() {
    let served = served("");
    let mut app = served.app();
    let person = joined(&mut app);
    let made = app.post("/Groups", &json!({ "displayName": "Astronauts" }));
    assert_eq!(made.status, 201, "{}", made.json());
    let made = made.json();
    app.journal();
    let writes = |app: &mut App| -> Vec<String> {
        app.journal().into_iter().filter(|call| !call.starts_with("GET ")).collect()
    };
    let account = person[GATEWAY]["accountId"].as_str().unwrap();
    assert_eq!(app.patch(&group_at(&made), &add_members(&[id(&person)])).status, 204);
    let added = writes(&mut app);
    let group = added[0].split(' ').nth(1).unwrap().to_owned();
    assert!(group.starts_with(GROUPS));
    let add = json!({ "op": "add", "path": "members", "value": [{ "value": account }] });
    assert_eq!(added, [format!("PATCH {group} {}", patching(&add))]);
    assert_eq!(app.get(&group_at(&made)).json()["members"][0]["value"], person["id"]);
    app.journal();
    assert_eq!(app.patch(&group_at(&made), &remove_member(id(&person))).status, 204);
    let remove = json!({ "op": "remove", "path": format!("members[value eq \"{account}\"]") });
    assert_eq!(writes(&mut app), [format!("PATCH {group} {}", patching(&remove))]);
    let rename = patch(&json!({ "op": "replace", "path": "displayName", "value": "Pilots" }));
    assert_eq!(app.patch(&group_at(&made), &rename).status, 204);
    assert_eq!(writes(&mut app), [format!("PATCH {group} {}", replacing("displayName", &json!("Pilots")))]);
    assert_eq!(app.delete(&group_at(&made)).status, 204);
    assert_eq!(writes(&mut app), [format!("DELETE {group}")]);
}

#[test]
fn somebody_removed_in_the_app_can_still_leave() {
    let served = served("");
    let mut app = served.app();
    let tom = app.person("tom.fischer@example.com");
    app.lever("POST", "oob", &json!({ "op": "remove", "email": "tom.fischer@example.com" }));
    let left = app.patch(&at(&tom), &okta_active(false));
    assert_eq!((left.status, &left.json()["active"]), (200, &json!(false)), "{}", left.json());
}

#[test]
fn a_create_whose_answer_is_lost_is_looked_for_and_not_sent_again() {
    let served = served("");
    let mut app = served.app();
    app.warm_up();
    let create = json!({ "method": "POST", "path_regex": "/scim/v2/Users$" });
    app.fault(&json!({ "match": create, "commit": true, "drop_connection": true, "times": 1 }));
    let created = app.post("/Users", &ada());
    assert_eq!(created.status, 201, "{}", created.json());
    let posts = app.journal().iter().filter(|call| call.starts_with("POST ")).count();
    assert_eq!(posts, 1);
}

#[test]
fn an_oauth_secret_is_told_from_the_scim_token() {
    let served = with_token("workiva-client-secret", "");
    let mut app = served.app();
    let refused = app.post("/Users", &ada());
    assert_eq!(refused.status, 503, "{}", refused.json());
    let detail = refused.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("`scim.token`") && detail.contains("OAuth"), "{detail}");
    assert!(!detail.contains("workiva-client-secret"), "the credential is in the answer");
}

#[test]
fn without_the_enterprise_plan_the_plan_is_named() {
    let served = served("");
    let mut app = served.app();
    app.warm_up();
    app.lever("POST", "plan", &json!({ "scim": false }));
    let refused = app.post("/Users", &ada());
    assert_eq!(refused.status, 403, "{}", refused.json());
    assert!(refused.json()["detail"].as_str().unwrap().contains("Enterprise"), "{}", refused.json());
}
