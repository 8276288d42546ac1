//! Hive by SCIM alone and by both of its interfaces: whoever SCIM deactivates is out, and only REST knows roles.

use serde_json::{Value, json};

use super::people::{
    GATEWAY, ada, add_members, at, entra_active, group_at, id, named, okta_active, patch, remove_member,
    role, with,
};
use super::stage::{App, Served};

const USERS: &str = "/scim/v2/Users";
const GROUPS: &str = "/scim/v2/Groups";
const CONFIG: &str = "GET /scim/v2/ServiceProviderConfig";
const CORP: &str = "/api/v1/workspaces/ws_001/members";
const LABS: &str = "/api/v1/workspaces/ws_002/members";

const SCIM: &str = r#"
mode = "scim"
[connections.hive.scim]
base_url = "SIM/scim/v2"
token = { file = "secret" }
private = true
"#;

/// `head` is what stands before the blocks, `policy` below `[connections.hive.policy]`.
fn hybrid_with(secrets: &str, head: &str, policy: &str) -> Served {
    let settings = format!(
        r#"
mode = "hybrid"
{head}
[connections.hive.rest]
base_url = "SIM/api/v1"
api_key = {{ file = "secret-2" }}
private = true
[connections.hive.scim]
base_url = "SIM/scim/v2"
token = {{ file = "secret" }}
private = true
[connections.hive.policy]
{policy}
"#
    );
    Served::start("hive", secrets, &settings)
}

const SECRETS: &str = "hive-scim-token\nhive-admin-key";

fn scim() -> Served {
    Served::start("hive", "hive-scim-token", SCIM)
}

fn hybrid() -> Served {
    hybrid_with(SECRETS, "workspaces = [\"ws_001\"]", "")
}

/// Each mode, with what its reading of one account calls after SCIM's own.
fn modes() -> [(Served, Vec<String>); 2] {
    [(scim(), Vec::new()), (hybrid(), vec![CORP.to_owned()])]
}

/// The calls since the last look, as method and path.
fn calls(app: &mut App) -> Vec<String> {
    let short = |call: String| {
        let words: Vec<&str> = call.splitn(3, ' ').collect();
        format!("{} {}", words[0], words[1].split('?').next().unwrap())
    };
    app.journal().into_iter().map(short).collect()
}

fn account(person: &Value) -> String {
    person[GATEWAY]["accountId"].as_str().unwrap().to_owned()
}

fn membership(app: &mut App, workspace: &str, email: &str) -> Value {
    let state = app.state();
    let members = state["workspaces"][workspace].as_array().unwrap();
    members.iter().find(|member| member["email"] == email).cloned().unwrap_or_default()
}

const ADA: &str = "ada.berg@example.com";

#[test]
fn a_joiner_is_an_active_member_by_one_call() {
    for (served, _) in modes() {
        let mut app = served.app();
        app.warm_up();
        let person = app.joins(&ada());
        let sent = app.journal();
        assert_eq!(sent.len(), 1, "{sent:?}");
        assert!(sent[0].starts_with("POST /scim/v2/Users ") && !sent[0].contains("roles"), "{sent:?}");
        let there = membership(&mut app, "ws_001", ADA);
        assert_eq!(
            (&there["status"], &there["firstName"], &there["role"]),
            (&json!("active"), &json!("Ada"), &json!("member"))
        );
        assert_eq!(app.state()["emails_sent"], 0);
        assert_eq!(id(&app.person(ADA)), id(&person));
        assert_eq!(person["externalId"], ada()["externalId"]);
        assert_eq!(app.journal(), Vec::<String>::new());
    }
}

#[test]
fn a_mover_gets_new_names_and_a_new_address_at_hive_itself() {
    for (served, _) in modes() {
        let mut app = served.app();
        app.warm_up();
        let person = app.joins(&ada());
        app.journal();
        let user = format!("{USERS}/{}", account(&person));
        let married = patch(&json!({ "op": "replace", "value": { "name": { "familyName": "Lind" } } }));
        assert_eq!(app.patch(&at(&person), &married).json()["name"]["familyName"], "Lind");
        // Asked once whether PATCH is offered, which Hive does not say.
        assert_eq!(calls(&mut app), [CONFIG.to_owned(), format!("PATCH {user}")]);
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
        assert_eq!(calls(&mut app), [format!("GET {user}"), format!("PATCH {user}")]);
        let there = membership(&mut app, "ws_001", "ada.lind@example.com");
        assert_eq!((&there["id"], &there["lastName"]), (&json!(account(&person)), &json!("Lind")));
        assert_eq!(app.put(&at(&person), &moved).status, 200);
        assert_eq!(app.journal(), Vec::<String>::new());
    }
}

#[test]
fn a_leaver_is_deactivated_and_read_back_on_every_side() {
    for leave in ["okta", "entra", "put", "delete"] {
        for (served, sides) in modes() {
            let mut app = served.app();
            app.warm_up();
            let person = app.joins(&ada());
            app.journal();
            let answer = match leave {
                "okta" => app.patch(&at(&person), &okta_active(false)),
                "entra" => app.patch(&at(&person), &entra_active(false)),
                "put" => app.put(&at(&person), &with(&ada(), &json!({ "active": false }))),
                _ => app.delete(&at(&person)),
            };
            assert_eq!(
                answer.status,
                if leave == "delete" { 204 } else { 200 },
                "{leave}: {}",
                answer.json()
            );
            let called = account(&person);
            let mut expected =
                vec![CONFIG.to_owned(), format!("PATCH {USERS}/{called}"), format!("GET {USERS}/{called}")];
            expected.extend(sides.iter().map(|side| format!("GET {side}/{called}")));
            assert_eq!(calls(&mut app), expected, "{leave}");
            assert_eq!(membership(&mut app, "ws_001", ADA)["status"], "deactivated");
            let read = app.get(&at(&person));
            if leave == "delete" {
                assert_eq!(read.status, 404);
            } else {
                assert_eq!(read.json()["active"], false);
                assert_eq!(read.json()[GATEWAY]["residualAccess"], true);
            }
        }
    }
}

#[test]
fn a_rehire_is_the_same_account_with_the_same_role() {
    for (served, _) in modes() {
        let mut app = served.app();
        app.warm_up();
        let person = app.joins(&ada());
        assert_eq!(app.patch(&at(&person), &okta_active(false)).status, 200);
        app.journal();
        let back = app.patch(&at(&person), &okta_active(true)).json();
        assert_eq!(calls(&mut app), [format!("PATCH {USERS}/{}", account(&person))]);
        assert_eq!((&back["id"], &back["active"]), (&person["id"], &json!(true)));
        assert_eq!(account(&back), account(&person));
        assert_eq!(back[GATEWAY]["residualAccess"], false);
        assert_eq!(membership(&mut app, "ws_001", ADA)["status"], "active");
        assert_eq!(app.delete(&at(&person)).status, 204);
        let again = app.joins(&ada());
        assert_eq!(account(&again), account(&person));
        assert_eq!(membership(&mut app, "ws_001", ADA)["status"], "active");
    }
}

#[test]
fn a_leaver_is_taken_out_of_the_workspaces_that_scim_does_not_speak_for() {
    let served = hybrid_with(SECRETS, "workspaces = [\"ws_001\", \"ws_002\"]", "");
    let mut app = served.app();
    app.warm_up();
    let person = app.joins(&ada());
    app.lever("POST", "oob", &json!({ "op": "add_to_group", "email": ADA, "group": "ws_002" }));
    app.journal();
    let answer = app.patch(&at(&person), &okta_active(false));
    assert_eq!((answer.status, &answer.json()["active"]), (200, &json!(false)), "{}", answer.json());
    let called = account(&person);
    let expected = [
        CONFIG.to_owned(),
        format!("PATCH {USERS}/{called}"),
        format!("GET {CORP}/{called}"),
        format!("GET {LABS}/{called}"),
        format!("DELETE {LABS}/{called}"),
        format!("GET {USERS}/{called}"),
        format!("GET {CORP}/{called}"),
        format!("GET {LABS}/{called}"),
    ];
    assert_eq!(calls(&mut app), expected);
    assert_eq!(membership(&mut app, "ws_001", ADA)["status"], "deactivated");
    assert_eq!(membership(&mut app, "ws_002", ADA), Value::Null);
}

#[test]
fn a_hard_deletion_deactivates_and_then_ends_the_membership() {
    let served = hybrid_with(SECRETS, "workspaces = [\"ws_001\"]", "delete = \"hard\"");
    let mut app = served.app();
    app.warm_up();
    let person = app.joins(&ada());
    app.journal();
    assert_eq!(app.delete(&at(&person)).status, 204);
    let called = account(&person);
    let expected = [
        CONFIG.to_owned(),
        format!("PATCH {USERS}/{called}"),
        format!("DELETE {CORP}/{called}"),
        format!("GET {USERS}/{called}"),
        format!("GET {CORP}/{called}"),
    ];
    assert_eq!(calls(&mut app), expected);
    assert_eq!(membership(&mut app, "ws_001", ADA), Value::Null);
    assert_eq!(app.get(&at(&person)).status, 404);
}

#[test]
fn another_role_than_member_is_given_by_an_invitation_that_scim_then_completes() {
    let served = hybrid();
    let mut app = served.app();
    app.warm_up();
    let guest = with(&ada(), &json!({ "roles": [{ "value": "guest", "primary": true }] }));
    let person = app.joins(&guest);
    let expected = [
        format!("POST {CORP}"),
        format!("POST {USERS}"),
        CONFIG.to_owned(),
        format!("GET {USERS}"),
        format!("PATCH {USERS}/{}", account(&person)),
    ];
    assert_eq!(calls(&mut app), expected);
    let there = membership(&mut app, "ws_001", ADA);
    assert_eq!(
        (&there["status"], &there["role"], &there["lastName"]),
        (&json!("invited"), &json!("guest"), &json!("Berg"))
    );
    assert_eq!((&person["active"], &person[GATEWAY]["invitationStatus"]), (&json!(true), &json!("pending")));
    assert_eq!(person["roles"][0]["value"], "guest");
    let refused = app.patch(&at(&person), &role("admin"));
    assert_eq!((refused.status, &refused.json()["scimType"]), (400, &json!("mutability")));
    assert_eq!(app.journal(), Vec::<String>::new());
}

#[test]
fn groups_are_those_of_scim_and_what_nobody_promised_is_tried_once() {
    for (served, _) in modes() {
        let mut app = served.app();
        app.warm_up();
        let person = app.joins(&ada());
        app.journal();
        let crew = app.post("/Groups", &json!({ "displayName": "Crew" })).json();
        let there = app.state()["groups"][1]["id"].as_str().unwrap().to_owned();
        let (group, listing) = (format!("{GROUPS}/{there}"), format!("GET {GROUPS}"));
        assert_eq!(calls(&mut app), [format!("POST {GROUPS}")]);
        assert_eq!(app.patch(&group_at(&crew), &add_members(&[id(&person)])).status, 204);
        assert_eq!(calls(&mut app), [format!("PATCH {group}")]);
        assert_eq!(app.get(&group_at(&crew)).json()["members"][0]["value"], person["id"]);
        app.journal();
        assert_eq!(app.patch(&group_at(&crew), &remove_member(id(&person))).status, 204);
        // Whoever was taken out is looked for: the group is asked for once, which nobody says that it can be.
        assert_eq!(calls(&mut app), [format!("PATCH {group}"), format!("GET {group}"), listing]);
        let rename = patch(&json!({ "op": "replace", "path": "displayName", "value": "Pilots" }));
        assert_eq!(app.patch(&group_at(&crew), &rename).status, 501);
        assert_eq!(app.delete(&group_at(&crew)).status, 501);
        app.journal();
        assert_eq!(app.patch(&group_at(&crew), &rename).status, 501);
        assert_eq!(app.delete(&group_at(&crew)).status, 501);
        assert_eq!(app.journal(), Vec::<String>::new());
    }
}

#[test]
fn somebody_who_is_there_is_a_duplicate_before_any_call() {
    for (served, _) in modes() {
        let mut app = served.app();
        app.warm_up();
        let person = app.joins(&ada());
        app.journal();
        let again = with(&ada(), &json!({ "userName": "ADA.Berg@example.com" }));
        let taken = app.post("/Users", &again);
        assert_eq!((taken.status, &taken.json()["scimType"]), (409, &json!("uniqueness")));
        assert_eq!(app.journal(), Vec::<String>::new());
        assert_eq!(id(&app.person(ADA)), id(&person));
    }
}

#[test]
fn who_was_removed_in_hive_itself_has_no_access() {
    for settings in [SCIM.to_string(), String::new()] {
        let served = if settings.is_empty() {
            hybrid_with(SECRETS, "freshness = \"0s\"", "")
        } else {
            Served::start(
                "hive",
                "hive-scim-token",
                &settings.replacen("mode", "freshness = \"0s\"\nmode", 1),
            )
        };
        let mut app = served.app();
        app.warm_up();
        let person = app.joins(&ada());
        app.lever("POST", "oob", &json!({ "op": "remove", "email": ADA }));
        assert_eq!(app.get(&at(&person)).json()["active"], false);
    }
}

#[test]
fn each_credential_of_the_wrong_kind_is_named() {
    let words = |served: &Served| {
        let mut app = served.app();
        let refused = app.get("/Users?filter=userName%20eq%20%22ada.berg@example.com%22");
        (refused.status, refused.json()["detail"].as_str().unwrap_or_default().to_owned())
    };
    let only = Served::start("hive", "hive-admin-key", SCIM);
    let swapped = hybrid_with("hive-admin-key\nhive-scim-token", "", "");
    for served in [only, swapped] {
        let (status, detail) = words(&served);
        assert_eq!(status, 503);
        assert!(detail.contains("`scim.token`") && detail.contains("personal API key"), "{detail}");
    }
    let (status, detail) = words(&hybrid_with("hive-scim-token\nhive-scim-token", "", ""));
    assert_eq!(status, 503);
    assert!(detail.contains("does not know the API key") && detail.contains("SCIM token"), "{detail}");
}

#[test]
fn a_create_whose_answer_is_lost_is_looked_for_and_not_sent_again() {
    for (served, _) in modes() {
        for role in ["member", "guest"] {
            let mut app = served.app();
            app.warm_up();
            let who = format!("{role}@example.com");
            let person = with(
                &ada(),
                &json!({
                    "userName": who, "externalId": role, "roles": [{ "value": role, "primary": true }],
                    "emails": [{ "value": who, "type": "work", "primary": true }],
                }),
            );
            let lost = json!({ "method": "POST", "path_regex": "scim/v2/Users$" });
            app.fault(&json!({ "match": lost, "commit": true, "drop_connection": true, "times": 1 }));
            let created = app.post("/Users", &person);
            assert_eq!(created.status, 201, "{role}: {}", created.json());
            let posts = calls(&mut app).into_iter().filter(|call| call == &format!("POST {USERS}")).count();
            assert_eq!(posts, 1, "{role}");
            assert_eq!(id(&app.person(&who)), id(&created.json()));
            assert_ne!(membership(&mut app, "ws_001", &who), Value::Null);
        }
    }
}

#[test]
fn while_hive_is_down_people_are_read_and_nobody_is_said_to_have_left() {
    for (mut served, _) in modes() {
        let mut app = served.app();
        app.warm_up();
        let maria = app.person("maria.santos@example.com");
        served.kill_simulator();
        assert_eq!(app.get(&at(&maria)).json()["active"], true);
        let refused = app.patch(&at(&maria), &okta_active(false));
        assert_eq!(refused.status, 503, "{}", refused.json());
        served.restart_simulator();
        let mut app = served.app();
        super::stage::eventually(std::time::Duration::from_secs(30), "the leaver is out", || {
            let status = membership(&mut app, "ws_001", "maria.santos@example.com")["status"].clone();
            (status == "deactivated").then_some(())
        });
    }
}

#[test]
fn both_sides_are_joined_again_after_a_restart() {
    let mut served = hybrid();
    let mut app = served.app();
    // SCIM calls people by ids of its own, so that only their address says who they are.
    app.lever("POST", "mode", &json!({ "own_scim_ids": true }));
    app.warm_up();
    let person = app.joins(&ada());
    served.kill_gateway();
    served.restart_gateway();
    let mut app = served.app();
    assert_eq!(app.get(&at(&person)).json()["roles"][0]["value"], "member");
    app.journal();
    assert_eq!(app.patch(&at(&person), &okta_active(false)).status, 200);
    assert_eq!(membership(&mut app, "ws_001", ADA)["status"], "deactivated");
    assert!(account(&person).starts_with("scim_"), "{person}");
}

/// Somebody was added by hand to the workspace that SCIM does not speak for.
fn add_by_hand(app: &mut App, address: &str) {
    for (op, group) in
        [("add", None), ("add_to_group", Some("ws_002")), ("remove_from_group", Some("ws_001"))]
    {
        app.lever("POST", "oob", &json!({ "op": op, "email": address, "group": group }));
    }
    assert_eq!(membership(app, "ws_001", address), Value::Null);
    assert_eq!(membership(app, "ws_002", address)["status"], "active");
}

#[test]
fn a_member_whom_scim_does_not_show_is_listed_and_taken_out_when_deactivated() {
    let served = hybrid_with(SECRETS, "workspaces = [\"ws_001\", \"ws_002\"]", "");
    let mut app = served.app();
    let address = "by.hand@example.com";
    add_by_hand(&mut app, address);
    let person = app.person(address);
    assert_eq!((&person["active"], &person["roles"][0]["value"]), (&json!(true), &json!("member")));
    let called = account(&person);
    app.journal();
    let answer = app.patch(&at(&person), &okta_active(false));
    assert_eq!((answer.status, &answer.json()["active"]), (200, &json!(false)), "{}", answer.json());
    let expected = [
        format!("DELETE {CORP}/{called}"),
        format!("DELETE {LABS}/{called}"),
        format!("GET {USERS}/{called}"),
        format!("GET {CORP}/{called}"),
        format!("GET {LABS}/{called}"),
    ];
    assert_eq!(calls(&mut app), expected);
    assert_eq!(membership(&mut app, "ws_002", address), Value::Null);
}

#[test]
fn a_member_whom_scim_does_not_show_is_taken_out_after_a_restart_too() {
    let mut served = hybrid_with(SECRETS, "workspaces = [\"ws_001\", \"ws_002\"]", "");
    let mut app = served.app();
    let address = "by.hand@example.com";
    add_by_hand(&mut app, address);
    let person = app.person(address);
    served.kill_gateway();
    served.restart_gateway();
    let mut app = served.app();
    let answer = app.patch(&at(&person), &okta_active(false));
    assert_eq!((answer.status, &answer.json()["active"]), (200, &json!(false)), "{}", answer.json());
    assert_eq!(membership(&mut app, "ws_002", address), Value::Null);
}

#[test]
fn a_member_whom_scim_does_not_show_gets_into_scim_with_the_first_change() {
    let served = hybrid_with(SECRETS, "workspaces = [\"ws_001\", \"ws_002\"]", "");
    let mut app = served.app();
    // SCIM calls people by ids of its own, so that the account gets another id.
    app.lever("POST", "mode", &json!({ "own_scim_ids": true }));
    let address = "by.hand@example.com";
    add_by_hand(&mut app, address);
    let person = app.person(address);
    let taken = app.post("/Users", &named(address, "By", "Hand"));
    assert_eq!((taken.status, &taken.json()["scimType"]), (409, &json!("uniqueness")));
    let matched = patch(&json!({ "op": "Add", "path": "externalId", "value": "hr-7" }));
    let answer = app.patch(&at(&person), &matched);
    assert_eq!((answer.status, &answer.json()["externalId"]), (200, &json!("hr-7")), "{}", answer.json());
    assert_eq!(account(&answer.json()), format!("scim_{}", account(&person)));
    assert_eq!(membership(&mut app, "ws_001", address)["status"], "active");

    let answer = app.patch(&at(&person), &okta_active(false));
    assert_eq!((answer.status, &answer.json()["active"]), (200, &json!(false)), "{}", answer.json());
    assert_eq!(membership(&mut app, "ws_001", address)["status"], "deactivated");
    assert_eq!(membership(&mut app, "ws_002", address), Value::Null);
}

#[test]
fn a_member_whom_scim_does_not_show_comes_back_by_scim() {
    let served = hybrid_with(SECRETS, "workspaces = [\"ws_001\", \"ws_002\"]", "");
    let mut app = served.app();
    let address = "by.hand@example.com";
    add_by_hand(&mut app, address);
    let person = app.person(address);
    assert_eq!(app.patch(&at(&person), &okta_active(false)).status, 200);
    let back = app.patch(&at(&person), &okta_active(true));
    assert_eq!((back.status, &back.json()["active"]), (200, &json!(true)), "{}", back.json());
    assert_eq!(membership(&mut app, "ws_001", address)["status"], "active");
    assert_eq!(membership(&mut app, "ws_002", address), Value::Null);
}
