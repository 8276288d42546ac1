//! What is refused, and that nothing was called for it; what is there already, and that it is not made twice.

use std::time::Duration;

use serde_json::{Value, json};

use super::people::{
    GATEWAY, ada, add_members, at, group_at, id, named, okta_active, remove_members, replace_members, role,
    with,
};
use super::stage::{App, Demo, Served, WIRED, eventually, everywhere};

/// The name of a group each app has from the start.
fn some_group(app: &str) -> &'static str {
    match app {
        "hive" => "Acme Labs",
        "honeycomb" => "admin",
        "tines" => "IT",
        _ => "Legal",
    }
}

fn writes(app: &mut App) -> Vec<String> {
    let reads = |call: &String| call.starts_with("GET ") || call.contains("/oauth2/token");
    app.journal().into_iter().filter(|call| !reads(call)).collect()
}

#[test]
fn a_second_create_is_a_duplicate_and_calls_nothing() {
    let demo = Demo::start();
    for name in WIRED.into_iter().chain(["hotjar", "sandbox"]) {
        let mut app = demo.app(name);
        app.joins(&ada());
        if name != "sandbox" {
            app.journal();
        }
        let spelled = with(&ada(), &json!({ "userName": "ADA.Berg@example.com", "externalId": "hr-2" }));
        for again in [ada(), spelled] {
            let refused = app.post("/Users", &again);
            assert_eq!((refused.status, &refused.json()["scimType"]), (409, &json!("uniqueness")), "{name}");
        }
        if name != "sandbox" {
            assert_eq!(app.journal(), Vec::<String>::new(), "{name}");
        }
    }
}

#[test]
fn somebody_the_app_has_already_is_a_duplicate_and_gets_no_invitation() {
    let demo = Demo::start();
    everywhere(&demo, |name, app| {
        let refused = app.post("/Users", &named("Maria.Santos@example.com", "Maria", "Santos"));
        assert_eq!((refused.status, &refused.json()["scimType"]), (409, &json!("uniqueness")), "{name}");
        assert_eq!(writes(app), Vec::<String>::new(), "{name}");
        assert_eq!(app.person("maria.santos@example.com")["active"], true, "{name}");
    });
}

#[test]
fn the_same_create_from_two_callers_at_once_is_one_account() {
    let demo = Demo::start();
    for name in WIRED {
        demo.app(name).warm_up();
        let callers = [(), ()].map(|()| {
            let mut app = demo.app(name);
            std::thread::spawn(move || app.post("/Users", &ada()).status)
        });
        let mut statuses = callers.map(|caller| caller.join().unwrap());
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409], "{name}");
        assert_eq!(writes(&mut demo.app(name)).len(), 1, "{name}");
    }
}

#[test]
fn somebody_removed_in_the_app_itself_shows_as_inactive_and_can_leave_and_come_back() {
    let demo = Demo::with(&["--freshness", "1s"]);
    everywhere(&demo, |name, app| {
        let tom = app.person("tom.fischer@example.com");
        app.lever("POST", "oob", &json!({ "op": "remove", "email": "tom.fischer@example.com" }));
        eventually(Duration::from_secs(5), name, || {
            (app.person("tom.fischer@example.com")["active"] == false).then_some(())
        });
        assert_eq!(app.get(&at(&tom)).json()["active"], false, "{name}");
        app.journal();
        let left = app.patch(&at(&tom), &okta_active(false));
        assert_eq!((left.status, &left.json()["active"]), (200, &json!(false)), "{name}");
        assert_eq!(writes(app), Vec::<String>::new(), "{name}");
        let back = app.patch(&at(&tom), &okta_active(true));
        assert_eq!((back.status, &back.json()["active"]), (200, &json!(true)), "{name} {}", back.json());
        assert_eq!(back.json()["id"], tom["id"]);
        let calls = writes(app);
        assert!(!calls.is_empty() && calls.iter().all(|call| call.starts_with("POST ")), "{name}: {calls:?}");
    });
}

#[test]
fn somebody_removed_in_the_app_a_moment_ago_can_still_leave() {
    let demo = Demo::start();
    everywhere(&demo, |name, app| {
        let tom = app.person("tom.fischer@example.com");
        app.lever("POST", "oob", &json!({ "op": "remove", "email": "tom.fischer@example.com" }));
        let left = app.patch(&at(&tom), &okta_active(false));
        assert_eq!((left.status, &left.json()["active"]), (200, &json!(false)), "{name}: {}", left.json());
    });
}

#[test]
fn an_update_of_somebody_who_is_gone_is_not_found() {
    let demo = Demo::start();
    for name in ["honeycomb", "tines", "workiva"] {
        let mut app = demo.app(name);
        let tom = app.person("tom.fischer@example.com");
        app.lever("POST", "oob", &json!({ "op": "remove", "email": "tom.fischer@example.com" }));
        let role_name = if name == "workiva" { "role_editor" } else { "admin" };
        assert_eq!(app.patch(&at(&tom), &role(role_name)).status, 404, "{name}");
        assert_eq!(app.get(&at(&tom)).json()["active"], false, "{name}");
    }
}

#[test]
fn a_full_plan_is_told_as_what_it_is() {
    let demo = Demo::start();
    everywhere(&demo, |name, app| {
        app.warm_up();
        app.lever("POST", "seats", &json!({ "limit": 1 }));
        let refused = app.post("/Users", &ada());
        assert_eq!(refused.status, 403, "{name}: {}", refused.json());
        let refused = refused.json();
        assert!(refused["detail"].as_str().unwrap().to_lowercase().contains("seat"), "{name}: {refused}");
        assert_eq!(refused["scimType"], Value::Null, "{name}");
        assert!(app.find("/Users", "userName", "ada.berg@example.com").is_empty(), "{name}");
        app.lever("POST", "seats", &json!({ "limit": null }));
        assert_eq!(app.post("/Users", &ada()).status, 201, "{name}");
    });
}

#[test]
fn a_member_nobody_knows_is_refused_before_any_call() {
    let demo = Demo::start();
    let stranger = "01890000-0000-7000-8000-000000000000";
    everywhere(&demo, |name, app| {
        app.warm_up();
        let maria = app.person("maria.santos@example.com");
        let group = app.group(some_group(name));
        app.journal();
        let put = json!({ "displayName": some_group(name), "members": [{ "value": stranger }] });
        for refused in [
            app.patch(&group_at(&group), &add_members(&[stranger])),
            app.patch(&group_at(&group), &add_members(&[id(&maria), stranger])),
            app.patch(&group_at(&group), &replace_members(&[stranger])),
            app.put(&group_at(&group), &put),
        ] {
            let body = refused.json();
            assert_eq!((refused.status, &body["scimType"]), (400, &json!("invalidValue")), "{name}: {body}");
        }
        assert_eq!(app.patch(&group_at(&group), &remove_members(&[stranger])).status, 204, "{name}");
        assert_eq!(writes(app), Vec::<String>::new(), "{name}");
    });
}

#[test]
fn somebody_deactivated_is_not_put_into_a_group() {
    let demo = Demo::start();
    everywhere(&demo, |name, app| {
        let maria = app.person("maria.santos@example.com");
        assert_eq!(app.patch(&at(&maria), &okta_active(false)).status, 200, "{name}");
        let group = app.group(some_group(name));
        app.journal();
        let refused = app.patch(&group_at(&group), &add_members(&[id(&maria)]));
        assert_eq!(refused.status, 409, "{name}: {}", refused.json());
        assert_eq!(writes(app), Vec::<String>::new(), "{name}");
    });
}

#[test]
fn protected_people_keep_access_and_role() {
    let served = Served::start(
        "honeycomb",
        "honeycomb-config-key",
        r#"
[connections.honeycomb.rest]
base_url = "SIM"
api_key = { file = "secret" }
private = true
[connections.honeycomb.policy]
protected = ["Owner@example.com"]
"#,
    );
    let mut app = served.app();
    let owner = app.person("owner@example.com");
    let maria = app.person("maria.santos@example.com");
    assert_eq!(app.patch(&at(&maria), &role("admin")).status, 200);
    let (admins, members) = (app.group("admin"), app.group("member"));
    app.journal();
    for refused in [
        app.patch(&at(&owner), &okta_active(false)),
        app.delete(&at(&owner)),
        app.patch(&at(&owner), &role("member")),
        app.patch(&group_at(&admins), &remove_members(&[id(&owner)])),
        app.patch(&group_at(&admins), &replace_members(&[id(&maria)])),
        app.patch(&group_at(&members), &add_members(&[id(&owner)])),
    ] {
        assert_eq!(refused.status, 403, "{}", refused.json());
    }
    assert_eq!(writes(&mut app), Vec::<String>::new());
    let read = app.get(&at(&owner)).json();
    assert_eq!((&read["active"], &read[GATEWAY]["upstreamRole"]), (&json!(true), &json!("admin")));
}

#[test]
fn an_unknown_active_is_refused_and_never_a_silent_success() {
    let demo = Demo::start();
    everywhere(&demo, |name, app| {
        let maria = app.person("maria.santos@example.com");
        app.journal();
        for value in [json!("maybe"), json!(7), json!({ "x": 1 })] {
            let body = super::people::patch(&json!({ "op": "replace", "path": "active", "value": value }));
            let refused = app.patch(&at(&maria), &body);
            assert_eq!(
                (refused.status, &refused.json()["scimType"]),
                (400, &json!("invalidValue")),
                "{name}"
            );
        }
        assert_eq!(app.journal(), Vec::<String>::new(), "{name}");
    });
}
