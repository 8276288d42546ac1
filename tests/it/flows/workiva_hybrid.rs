//! Workiva by both interfaces: SCIM writes people, REST reads them and has roles and members; they are one account.

use std::fs;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::people::{
    GATEWAY, ada, add_members, at, entra_active, group_at, id, named, okta_active, patch, remove_member,
    role, with,
};
use super::stage::{App, Served, eventually, has_access};
use super::workiva_scim::patching;

const USERS: &str = "/platform/v1/users";
const THERE: &str = "/scim/v2/Users";

/// A connection with both credentials, the second in a folder of its own.
struct Both {
    served: Served,
    _secret: TempDir,
}

impl Both {
    fn start(policy: &str) -> Self {
        Self::with("workiva-client-secret", "workiva-scim-token", policy)
    }

    fn with(client: &str, token: &str, policy: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let second = folder.path().join("token");
        fs::write(&second, token).unwrap();
        let settings = format!(
            r#"mode = "hybrid"
[connections.workiva.rest]
base_url = "SIM/platform/v1"
token_url = "SIM/iam/v1/oauth2/token"
client_id = "workiva-client"
client_secret = {{ file = "secret" }}
private = true
[connections.workiva.scim]
base_url = "SIM/scim/v2"
token = {{ file = "{}" }}
private = true
{policy}"#,
            second.display()
        );
        Self { served: Served::start("workiva", client, &settings), _secret: folder }
    }
}

/// Ada has joined, and what that called is forgotten.
fn joined(app: &mut App) -> Value {
    app.warm_up();
    let person = app.joins(&ada());
    app.journal();
    person
}

fn account(person: &Value) -> &str {
    person[GATEWAY]["accountId"].as_str().unwrap()
}

fn read(person: &Value) -> String {
    format!("GET {USERS}/{}", account(person))
}

/// One value replaced by SCIM; `own` is what ids of SCIM's own begin with.
fn replaced(own: &str, person: &Value, path: &str, value: &Value) -> String {
    let operation = json!({ "op": "replace", "path": path, "value": value });
    format!("PATCH {THERE}/{own}{} {}", account(person), patching(&operation))
}

fn filter(address: &str) -> String {
    format!("GET {THERE}?filter=userName eq \"{address}\"&startIndex=1&count=100")
}

fn stored(app: &mut App, email: &str) -> Vec<Value> {
    let state = app.state();
    let users = state["workspaces"]["ws_1"]["users"].as_array().unwrap();
    users.iter().filter(|user| user["email"] == email).cloned().collect()
}

#[test]
fn a_joiner_is_created_by_scim_and_met_again_in_rest() {
    let both = Both::start("");
    let mut app = both.served.app();
    app.warm_up();
    let person = app.joins(&ada());
    let create = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": "ada.berg@example.com",
        "active": true,
        "name": { "givenName": "Ada", "familyName": "Berg" },
        "displayName": "Ada Berg",
    });
    let look = format!("GET {USERS}?email=ada.berg@example.com");
    assert_eq!(app.journal(), [format!("POST {THERE} {create}"), look]);
    assert_eq!(account(&person), stored(&mut app, "ada.berg@example.com")[0]["id"]);
    let taken = app.post("/Users", &named("maria.santos@example.com", "Maria", "Santos"));
    assert_eq!((taken.status, &taken.json()["scimType"]), (409, &json!("uniqueness")));
}

#[test]
fn a_joiner_with_a_role_gets_it_by_rest() {
    let both = Both::start("");
    let mut app = both.served.app();
    app.lever("POST", "mode", &json!({ "own_scim_ids": true }));
    app.warm_up();
    let person = app.joins(&with(&ada(), &json!({ "roles": [{ "value": "Editor" }] })));
    let writes: Vec<String> = app.journal().into_iter().filter(|call| !call.starts_with("GET ")).collect();
    assert!(writes[0].starts_with(&format!("POST {THERE} ")), "{writes:?}");
    assert_eq!(writes[1..], [format!("PATCH {USERS}/{} {{\"roles\":[\"role_editor\"]}}", account(&person))]);
    assert_eq!(stored(&mut app, "ada.berg@example.com")[0]["roles"], json!(["role_editor"]));
    let refused = app.post(
        "/Users",
        &with(&named("ben@example.com", "Ben", "Oak"), &json!({ "roles": [{ "value": "role_astronaut" }] })),
    );
    assert_eq!(refused.status, 400, "{}", refused.json());
    assert!(stored(&mut app, "ben@example.com").is_empty());
}

#[test]
fn a_mover_is_one_call_to_the_interface_that_has_what_changes() {
    let both = Both::start("");
    let mut app = both.served.app();
    let person = joined(&mut app);
    assert_eq!(app.patch(&at(&person), &role("role_editor")).status, 200);
    let calls: Vec<String> =
        app.journal().into_iter().filter(|call| call != "GET /platform/v1/roles").collect();
    assert_eq!(calls, [format!("PATCH {USERS}/{} {{\"roles\":[\"role_editor\"]}}", account(&person))]);
    let married = patch(&json!({ "op": "replace", "path": "name.familyName", "value": "Lind" }));
    assert_eq!(app.patch(&at(&person), &married).json()["name"]["familyName"], "Lind");
    assert_eq!(app.journal(), [replaced("", &person, "name.familyName", &json!("Lind"))]);
    let renamed = with(
        &ada(),
        &json!({
            "userName": "ada.lind@example.com",
            "name": { "givenName": "Ada", "familyName": "Lind" },
            "emails": [{ "value": "ada.lind@example.com", "type": "work", "primary": true }],
            "roles": [{ "value": "role_editor" }],
        }),
    );
    assert_eq!(app.put(&at(&person), &renamed).json()["id"], person["id"]);
    assert_eq!(app.journal(), [replaced("", &person, "userName", &json!("ada.lind@example.com"))]);
    assert_eq!(id(&app.person("ada.lind@example.com")), id(&person));
}

#[test]
fn a_leaver_is_disabled_by_scim_and_read_back_by_rest() {
    for leave in ["okta", "entra", "delete"] {
        let both = Both::start("");
        let mut app = both.served.app();
        let person = joined(&mut app);
        let answer = match leave {
            "okta" => app.patch(&at(&person), &okta_active(false)),
            "entra" => app.patch(&at(&person), &entra_active(false)),
            _ => app.delete(&at(&person)),
        };
        assert!(answer.status < 300, "{leave}: {}", answer.json());
        let off = replaced("", &person, "active", &json!(false));
        assert_eq!(app.journal(), [off, read(&person)], "{leave}");
        assert!(!has_access(&mut app, "workiva", "ada.berg@example.com"));
        if leave == "delete" {
            assert_eq!(account(&app.joins(&ada())), account(&person));
        } else {
            assert_eq!(app.patch(&at(&person), &okta_active(true)).json()["id"], person["id"]);
            assert_eq!(app.journal(), [replaced("", &person, "active", &json!(true))]);
        }
        assert!(has_access(&mut app, "workiva", "ada.berg@example.com"), "{leave}");
    }
}

#[test]
fn somebody_who_was_there_before_is_joined_by_their_address_once_and_again_after_a_restart() {
    let mut both = Both::start("");
    let mut app = both.served.app();
    app.lever("POST", "mode", &json!({ "own_scim_ids": true }));
    let (maria, tom) = (app.person("maria.santos@example.com"), app.person("tom.fischer@example.com"));
    assert_eq!(app.patch(&at(&maria), &okta_active(false)).status, 200);
    app.journal();
    assert_eq!(app.patch(&at(&tom), &okta_active(false)).status, 200);
    let found = [filter("tom.fischer@example.com"), format!("GET {USERS}?email=tom.fischer@example.com")];
    let off = [replaced("scim_", &tom, "active", &json!(false)), read(&tom)];
    assert_eq!(app.journal(), [found, off].concat());
    assert_eq!(app.patch(&at(&tom), &okta_active(true)).status, 200);
    assert_eq!(app.journal(), [replaced("scim_", &tom, "active", &json!(true))]);
    both.served.kill_gateway();
    both.served.restart_gateway();
    let mut app = both.served.app();
    assert_eq!(app.patch(&at(&tom), &okta_active(false)).status, 200);
    let calls = app.journal();
    assert!(calls.contains(&replaced("scim_", &tom, "active", &json!(false))), "{calls:?}");
    assert!(!has_access(&mut app, "workiva", "tom.fischer@example.com"));
    assert!(!has_access(&mut app, "workiva", "maria.santos@example.com"));
}

#[test]
fn an_address_that_went_to_somebody_else_takes_no_access_from_them() {
    let both = Both::start("");
    let mut app = both.served.app();
    app.lever("POST", "mode", &json!({ "own_scim_ids": true }));
    let tom = app.person("tom.fischer@example.com");
    for (email, to) in [
        ("tom.fischer@example.com", "tom@example.com"),
        ("maria.santos@example.com", "tom.fischer@example.com"),
    ] {
        app.lever("POST", "oob", &json!({ "op": "set_email", "email": email, "to": to }));
    }
    app.patch(&at(&tom), &okta_active(false));
    assert!(has_access(&mut app, "workiva", "tom.fischer@example.com"), "another person lost access");
    assert!(!has_access(&mut app, "workiva", "tom@example.com"), "the leaver has access still");
}

#[test]
fn nobody_is_picked_where_several_have_the_address() {
    let both = Both::start("");
    let mut app = both.served.app();
    let tom = app.person("tom.fischer@example.com");
    let user = |id: &str| json!({ "id": id, "userName": "Tom.Fischer@example.com", "active": true });
    let two = json!({ "totalResults": 2, "Resources": [user("a"), user("b")] });
    app.fault(
        &json!({ "match": { "method": "GET", "path_regex": "/scim/v2/Users" }, "status": 200, "body": two }),
    );
    app.journal();
    let refused = app.patch(&at(&tom), &okta_active(false));
    assert!(refused.status >= 400, "{}", refused.json());
    assert!(app.journal().iter().all(|call| call.starts_with("GET ")));
    app.heal();
    assert!(has_access(&mut app, "workiva", "tom.fischer@example.com"));
}

#[test]
fn who_scim_does_not_show_is_disabled_by_rest() {
    let both = Both::start("");
    let mut app = both.served.app();
    let tom = app.person("tom.fischer@example.com");
    let nobody = json!({ "totalResults": 0, "Resources": [] });
    app.fault(
        &json!({ "match": { "method": "GET", "path_regex": "/scim/v2/Users" }, "status": 200, "body": nobody }),
    );
    app.journal();
    assert_eq!(app.patch(&at(&tom), &okta_active(false)).status, 200);
    let writes: Vec<String> = app.journal().into_iter().filter(|call| call.starts_with("PATCH ")).collect();
    assert_eq!(writes, [format!("PATCH {USERS}/{} {{\"active\":false}}", account(&tom))]);
    app.heal();
    assert!(!has_access(&mut app, "workiva", "tom.fischer@example.com"));
}

#[test]
fn a_hard_deletion_is_by_rest() {
    let both = Both::start("[connections.workiva.policy]\ndelete = \"hard\"\n");
    let mut app = both.served.app();
    let person = joined(&mut app);
    assert_eq!(app.delete(&at(&person)).status, 204);
    let calls: Vec<String> = app.journal().into_iter().filter(|call| !call.starts_with("GET ")).collect();
    assert_eq!(calls, [format!("DELETE {USERS}/{}", account(&person))]);
    assert!(stored(&mut app, "ada.berg@example.com").is_empty());
}

#[test]
fn a_group_is_made_and_deleted_by_scim_and_filled_by_rest() {
    let both = Both::start("");
    let mut app = both.served.app();
    app.lever("POST", "mode", &json!({ "own_scim_ids": true }));
    let person = joined(&mut app);
    let made = app.post("/Groups", &json!({ "displayName": "Astronauts" }));
    assert_eq!(made.status, 201, "{}", made.json());
    let made = made.json();
    let writes = |app: &mut App| -> Vec<String> {
        app.journal().into_iter().filter(|call| !call.starts_with("GET ")).collect()
    };
    let create = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Astronauts",
    });
    assert_eq!(writes(&mut app), [format!("POST /scim/v2/Groups {create}")]);
    let members = format!("/platform/v1/groups/{}/members", made_at(&mut app, "Astronauts"));
    assert_eq!(app.patch(&group_at(&made), &add_members(&[id(&person)])).status, 204);
    assert_eq!(writes(&mut app), [format!("POST {members} {{\"userId\":\"{}\"}}", account(&person))]);
    assert_eq!(app.patch(&group_at(&made), &remove_member(id(&person))).status, 204);
    assert_eq!(writes(&mut app), [format!("DELETE {members}/{}", account(&person))]);
    let group = made_at(&mut app, "Astronauts");
    assert_eq!(app.delete(&group_at(&made)).status, 204);
    assert_eq!(writes(&mut app), [format!("DELETE /scim/v2/Groups/scim_{group}")]);
}

/// The id in REST of the group of this name.
fn made_at(app: &mut App, name: &str) -> String {
    let state = app.state();
    let groups = state["workspaces"]["ws_1"]["groups"].as_array().unwrap();
    groups.iter().find(|group| group["name"] == name).unwrap()["id"].as_str().unwrap().to_owned()
}

#[test]
fn somebody_removed_in_the_app_can_still_leave() {
    let both = Both::start("");
    let mut app = both.served.app();
    let person = joined(&mut app);
    let tom = app.person("tom.fischer@example.com");
    for (gone, email) in [(&person, "ada.berg@example.com"), (&tom, "tom.fischer@example.com")] {
        app.lever("POST", "oob", &json!({ "op": "remove", "email": email }));
        let left = app.patch(&at(gone), &okta_active(false));
        assert_eq!((left.status, &left.json()["active"]), (200, &json!(false)), "{}", left.json());
    }
}

#[test]
fn a_create_whose_answer_is_lost_is_looked_for_and_finished() {
    for lost in ["/scim/v2/Users$", "/platform/v1/users/"] {
        let both = Both::start("");
        let mut app = both.served.app();
        app.warm_up();
        let faulty = json!({ "path_regex": lost });
        app.fault(&json!({ "match": faulty, "commit": true, "drop_connection": true, "times": 1 }));
        let created = app.post("/Users", &with(&ada(), &json!({ "roles": [{ "value": "role_editor" }] })));
        assert_eq!(created.status, 201, "{lost}: {}", created.json());
        let posts = app.journal().iter().filter(|call| call.starts_with("POST /scim")).count();
        assert_eq!(posts, 1, "{lost}");
        let stored = stored(&mut app, "ada.berg@example.com");
        assert_eq!((stored.len(), &stored[0]["roles"]), (1, &json!(["role_editor"])), "{lost}");
    }
}

#[test]
fn a_leaver_is_finished_when_either_interface_is_back() {
    for down in ["/scim/v2/", "/platform/v1/"] {
        let both = Both::start("");
        let mut app = both.served.app();
        let person = joined(&mut app);
        app.fault(&json!({ "match": { "path_regex": down }, "status": 503 }));
        let refused = app.patch(&at(&person), &okta_active(false));
        assert_eq!(refused.status, 503, "{down}: {}", refused.json());
        assert_eq!(app.get(&at(&person)).status, 200, "{down}: reads go on");
        app.heal();
        eventually(Duration::from_secs(15), down, || {
            (app.get(&at(&person)).json()["active"] == false).then_some(())
        });
        assert!(!has_access(&mut app, "workiva", "ada.berg@example.com"), "{down}");
    }
}

#[test]
fn swapped_credentials_are_each_told_as_what_they_are() {
    let detail = |client: &str, token: &str| {
        let both = Both::with(client, token, "");
        let mut app = both.served.app();
        let refused = app.post("/Users", &ada());
        assert_eq!(refused.status, 503, "{}", refused.json());
        refused.json()["detail"].as_str().unwrap().to_owned()
    };
    let of_rest = detail("workiva-scim-token", "workiva-client-secret");
    assert!(of_rest.contains("`rest.client_secret`") && of_rest.contains("SCIM bearer token"), "{of_rest}");
    let of_scim = detail("workiva-client-secret", "workiva-client-secret");
    assert!(of_scim.contains("`scim.token`") && of_scim.contains("OAuth client"), "{of_scim}");
}
