//! The app fails, the answer is lost, the caller hangs up, the gateway dies: a leaver still loses access.

use std::io::Write as _;
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use super::people::{
    GATEWAY, ada, add_members, at, entra_active, group_at, id, okta_active, remove_member, with,
};
use super::stage::{App, Demo, Served, WIRED, eventually, everywhere, has_access};

/// What the gateway may take by itself once the app is back.
const SOON: Duration = Duration::from_secs(15);

const HONEYCOMB: &str = r#"
[connections.honeycomb.rest]
base_url = "SIM"
api_key = { file = "secret" }
private = true
"#;

fn honeycomb() -> Served {
    Served::start("honeycomb", "honeycomb-config-key", HONEYCOMB)
}

fn creates(app: &mut App) -> usize {
    let calls = app.peek();
    calls.iter().filter(|call| call.starts_with("POST ") && !call.contains("/oauth2/token")).count()
}

/// Everything but the token endpoint.
fn app_paths() -> Value {
    json!({ "path_regex": "memberships|workspaces|users|groups|teams|roles" })
}

/// Sends a request and hangs up once the app has been called.
fn hang_up(app: &mut App, method: &str, target: &str, body: &Value, called: &str) {
    let address = app.address();
    let mut socket = TcpStream::connect(&address).unwrap();
    socket.write_all(&app.raw(&address, method, target, body)).unwrap();
    eventually(Duration::from_secs(5), "the app is called", || {
        app.peek().iter().any(|call| call.starts_with(called)).then_some(())
    });
}

#[test]
fn a_create_whose_answer_is_lost_is_looked_for_and_not_sent_again() {
    let demo = Demo::start();
    everywhere(&demo, |name, app| {
        if name == "honeycomb" {
            app.lever("POST", "mode", &json!({ "pending_in_list": true }));
        }
        app.warm_up();
        let matching = json!({ "method": "POST", "path_regex": "members|memberships|users$" });
        app.fault(&json!({ "match": matching, "commit": true, "drop_connection": true, "times": 1 }));
        let created = app.post("/Users", &ada());
        assert_eq!(created.status, 201, "{name}: {}", created.json());
        assert_eq!(creates(app), 1, "{name}");
        let found = app.person("ada.berg@example.com");
        assert_eq!(found["id"], created.json()["id"], "{name}");
        assert_ne!(found[GATEWAY]["accountId"], Value::Null, "{name}");
        assert_eq!(app.post("/Users", &ada()).status, 409, "{name}");
        assert_eq!(creates(app), 1, "{name}");
    });
}

/// A proxy before the app asks to come back after the app has created.
#[test]
fn a_create_that_is_done_though_the_answer_asks_to_come_back_is_not_sent_again() {
    let demo = Demo::start();
    everywhere(&demo, |name, app| {
        app.warm_up();
        let again = json!({ "Retry-After": "1" });
        let creating = json!({ "method": "POST", "path_regex": "members|memberships|users$" });
        app.fault(&json!({ "match": creating, "status": 503, "headers": again, "commit": true, "times": 1 }));
        let answer = app.post("/Users", &ada());
        assert_eq!(creates(app), 1, "{name}");
        // Honeycomb does not show whom it has invited.
        let (first, second) = if name == "honeycomb" { (503, 201) } else { (201, 409) };
        assert_eq!(answer.status, first, "{name}: {}", answer.json());
        if name == "honeycomb" {
            app.lever("POST", "invites/ada.berg@example.com/accept", &json!({}));
        }
        eventually(SOON, name, || app.find("/Users", "userName", "ada.berg@example.com").pop());
        assert_eq!(app.post("/Users", &ada()).status, second, "{name}");
        assert_eq!(app.find("/Users", "userName", "ada.berg@example.com").len(), 1, "{name}");
        assert_eq!(creates(app), 1, "{name}");
    });
}

#[test]
fn a_create_that_certainly_failed_is_told_and_can_be_repeated() {
    let demo = Demo::start();
    everywhere(&demo, |name, app| {
        app.warm_up();
        app.fault(&json!({ "match": { "method": "POST", "path_regex": "members|users$" }, "status": 429, "times": 9 }));
        let refused = app.post("/Users", &ada());
        assert_eq!(refused.status, 429, "{name}: {}", refused.json());
        assert!(refused.header("Retry-After").is_some(), "{name}");
        assert!(app.find("/Users", "userName", "ada.berg@example.com").is_empty(), "{name}");
        app.heal();
        assert_eq!(app.post("/Users", &ada()).status, 201, "{name}");
    });
}

#[test]
fn a_leaver_whose_answer_is_lost_is_done_all_the_same() {
    let demo = Demo::start();
    everywhere(&demo, |name, app| {
        let maria = app.person("maria.santos@example.com");
        let tom = app.person("tom.fischer@example.com");
        for (person, leave) in [(&maria, "patch"), (&tom, "delete")] {
            let writing =
                json!({ "match": app_paths(), "commit": true, "drop_connection": true, "times": 1 });
            app.fault(&writing);
            let answer = match leave {
                "patch" => app.patch(&at(person), &entra_active(false)),
                _ => app.delete(&at(person)),
            };
            assert!([200, 204].contains(&answer.status), "{name}: {} {}", answer.status, answer.json());
            let email = person["userName"].as_str().unwrap();
            assert!(!has_access(app, name, email), "{name}");
        }
    });
}

/// A gateway before the app has lost its route and says 404 of everybody, as if they were gone.
#[test]
fn nobody_is_out_because_a_route_to_the_app_is_lost() {
    let demo = Demo::start();
    everywhere(&demo, |name, app| {
        let leavers = [
            ("maria.santos@example.com", json!({ "message": "no Route matched with those values" })),
            ("tom.fischer@example.com", json!("default backend - 404")),
        ];
        for (address, body) in leavers {
            let person = app.person(address);
            app.fault(&json!({ "match": app_paths(), "status": 404, "body": body }));
            let answer = app.patch(&at(&person), &entra_active(false));
            assert_eq!(answer.status, 503, "{name}: {}", answer.json());
            app.heal();
            eventually(SOON, "the leaver is out", || (!has_access(app, name, address)).then_some(()));
        }
    });
}

#[test]
fn a_leaver_is_finished_by_the_gateway_itself_after_an_outage() {
    let idps = [("generic", 503), ("entra", 503), ("okta", 429)]
        .map(|(idp, status)| std::thread::spawn(move || outlived(idp, status)));
    for idp in idps {
        idp.join().unwrap();
    }
}

/// One outage under one identity provider, which is told `status`.
fn outlived(idp: &str, status: u16) {
    let demo = Demo::with(&["--idp", idp, "--freshness", "1s"]);
    let leavers = WIRED.map(|name| {
        let mut app = demo.app(name);
        app.warm_up();
        let maria = app.person("maria.santos@example.com");
        app.fault(&json!({ "match": app_paths(), "status": 503 }));
        (name, app, maria)
    });
    let leavers = leavers.map(|(name, mut app, maria)| {
        std::thread::spawn(move || {
            let refused = app.patch(&at(&maria), &okta_active(false));
            assert_eq!(refused.status, status, "{name}: {}", refused.json());
            let wait: u64 = refused.header("Retry-After").unwrap().parse().unwrap();
            assert!((1..=300).contains(&wait), "{name}: {wait}");

            let read = app.person("maria.santos@example.com");
            assert_eq!((&read["id"], &read["active"]), (&maria["id"], &json!(true)), "{name}");
            assert!(read[GATEWAY]["lastObserved"].is_string(), "{name}");
            assert_eq!(app.get(&at(&maria)).status, 200, "{name}");
            assert_eq!(app.get("/Users").json()["totalResults"], 3, "{name}");
            assert!(has_access(&mut app, name, "maria.santos@example.com"), "{name}");

            app.heal();
            eventually(SOON, name, || {
                (!has_access(&mut app, name, "maria.santos@example.com")).then_some(())
            });
            eventually(SOON, name, || (app.get(&at(&maria)).json()["active"] == false).then_some(()));
        })
    });
    for leaver in leavers {
        leaver.join().unwrap();
    }
}

#[test]
fn a_deleted_leaver_is_finished_by_the_gateway_itself_after_an_outage() {
    let demo = Demo::start();
    let mut app = demo.app("honeycomb");
    let maria = app.person("maria.santos@example.com");
    app.fault(&json!({ "match": { "method": "DELETE" }, "status": 500 }));
    assert_eq!(app.delete(&at(&maria)).status, 503);
    assert_eq!(app.get(&at(&maria)).status, 200);
    app.heal();
    eventually(SOON, "deleted", || (app.get(&at(&maria)).status == 404).then_some(()));
    assert!(!has_access(&mut app, "honeycomb", "maria.santos@example.com"));
}

#[test]
fn somebody_the_provider_wants_back_is_not_removed_when_the_app_returns() {
    let demo = Demo::start();
    let mut app = demo.app("tines");
    let maria = app.person("maria.santos@example.com");
    app.fault(&json!({ "match": { "method": "PUT" }, "status": 503 }));
    assert_eq!(app.patch(&at(&maria), &okta_active(false)).status, 503);
    let back = app.patch(&at(&maria), &okta_active(true));
    assert_eq!((back.status, &back.json()["active"]), (200, &json!(true)), "{}", back.json());
    app.heal();
    app.journal();
    app.fault(&json!({ "match": { "method": "PUT" }, "delay_ms": 1 }));
    std::thread::sleep(Duration::from_secs(3));
    assert!(has_access(&mut app, "tines", "maria.santos@example.com"));
}

#[test]
fn a_member_taken_out_during_an_outage_is_taken_out_after_it() {
    for (name, group) in [("hive", "Acme Labs"), ("tines", "Security Ops"), ("workiva", "Finance Team")] {
        let demo = Demo::start();
        let mut app = demo.app(name);
        let maria = app.person("maria.santos@example.com");
        let group = app.group(group);
        app.fault(&json!({ "match": { "method": "DELETE" }, "status": 503 }));
        let refused = app.patch(&group_at(&group), &remove_member(id(&maria)));
        assert_eq!(refused.status, 503, "{name}: {}", refused.json());
        app.heal();
        eventually(SOON, name, || {
            let members = app.get(&group_at(&group)).json()["members"].clone();
            let held = members.as_array().is_some_and(|all| all.iter().any(|m| m["value"] == maria["id"]));
            (!held).then_some(())
        });
        let leaves = app.peek().into_iter().filter(|call| call.starts_with("DELETE ")).count();
        assert!(leaves >= 2, "{name}: {:?}", app.peek());
    }
}

#[test]
fn a_member_added_again_during_an_outage_stays() {
    let demo = Demo::start();
    let mut app = demo.app("tines");
    let maria = app.person("maria.santos@example.com");
    let team = app.group("Security Ops");
    app.fault(&json!({ "match": { "method": "DELETE" }, "status": 503 }));
    assert_eq!(app.patch(&group_at(&team), &remove_member(id(&maria))).status, 503);
    assert_eq!(app.patch(&group_at(&team), &add_members(&[id(&maria)])).status, 204);
    app.heal();
    app.journal();
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(app.journal(), Vec::<String>::new());
    let state = app.state();
    let users = state["users"].as_array().unwrap();
    let stored = users.iter().find(|user| user["email"] == "maria.santos@example.com").unwrap();
    assert_eq!(stored["team_ids"], json!([5]));
}

#[test]
fn an_app_that_was_never_reached_is_not_an_empty_one() {
    let demo = Demo::start();
    everywhere(&demo, |name, app| {
        app.fault(&json!({ "match": app_paths(), "status": 503 }));
        let refused = app.get("/Users?filter=userName%20eq%20%22ada.berg@example.com%22");
        assert_eq!(refused.status, 503, "{name}: {}", refused.json());
        assert!(refused.header("Retry-After").is_some(), "{name}");
        let refused = app.post("/Users", &ada());
        assert!(refused.status >= 500, "{name}: {} {}", refused.status, refused.json());
        app.heal();
        eventually(Duration::from_secs(5), name, || (app.get("/Users").status == 200).then_some(()));
    });
}

#[test]
fn a_leaver_survives_the_death_of_the_app_and_of_the_gateway() {
    let mut served = honeycomb();
    let mut app = served.app();
    let maria = app.person("maria.santos@example.com");
    served.kill_simulator();
    assert_eq!(app.patch(&at(&maria), &okta_active(false)).status, 503);
    assert_eq!(app.person("maria.santos@example.com")["id"], maria["id"]);
    served.kill_gateway();
    served.restart_simulator();
    let mut app = served.app();
    assert!(has_access(&mut app, "honeycomb", "maria.santos@example.com"));
    served.restart_gateway();
    eventually(SOON, "removed after the restart", || {
        (!has_access(&mut app, "honeycomb", "maria.santos@example.com")).then_some(())
    });
    eventually(SOON, "shown", || (app.get(&at(&maria)).json()["active"] == false).then_some(()));
}

#[test]
fn a_leaver_under_way_when_the_gateway_dies_is_finished_by_the_next() {
    let mut served = honeycomb();
    let mut app = served.app();
    let maria = app.person("maria.santos@example.com");
    app.fault(&json!({ "match": { "method": "DELETE" }, "delay_ms": 20_000, "status": 503 }));
    hang_up(&mut app, "PATCH", &at(&maria), &okta_active(false), "DELETE ");
    served.kill_gateway();
    app.heal();
    assert!(has_access(&mut app, "honeycomb", "maria.santos@example.com"));
    served.restart_gateway();
    eventually(SOON, "removed after the restart", || {
        (!has_access(&mut app, "honeycomb", "maria.santos@example.com")).then_some(())
    });
    let mut app = served.app();
    eventually(SOON, "shown", || (app.get(&at(&maria)).json()["active"] == false).then_some(()));
}

#[test]
fn a_create_under_way_when_the_gateway_dies_is_one_account() {
    let mut served = Served::start(
        "tines",
        "tines-admin-token",
        "[connections.tines.rest]\nbase_url = \"SIM/api/v1\"\napi_token = { file = \"secret\" }\nprivate = true\n",
    );
    let mut app = served.app();
    app.warm_up();
    app.fault(&json!({ "match": { "method": "POST" }, "delay_ms": 20_000, "commit": true }));
    hang_up(&mut app, "POST", "/Users", &ada(), "POST ");
    served.kill_gateway();
    app.heal();
    served.restart_gateway();
    let mut app = served.app();
    let again = app.post("/Users", &ada());
    let found = eventually(SOON, "found", || app.find("/Users", "userName", "ada.berg@example.com").pop());
    assert!([201, 503].contains(&again.status), "{} {}", again.status, again.json());
    assert_eq!(creates(&mut app), 1);
    assert_eq!(found["active"], true);
}

#[test]
fn a_caller_who_hangs_up_stops_nothing() {
    let demo = Demo::start();
    everywhere(&demo, |name, app| {
        let maria = app.person("maria.santos@example.com");
        let verb = if name == "tines" {
            "PUT "
        } else if name == "workiva" {
            "PATCH "
        } else {
            "DELETE "
        };
        let method = verb.trim();
        app.fault(&json!({ "match": { "method": method }, "delay_ms": 1_500 }));
        hang_up(app, "PATCH", &at(&maria), &okta_active(false), verb);
        eventually(SOON, name, || (app.get(&at(&maria)).json()["active"] == false).then_some(()));
        assert!(!has_access(app, name, "maria.santos@example.com"), "{name}");
    });
}

#[test]
fn a_create_nobody_waited_for_is_answered_to_whoever_repeats_it() {
    let demo = Demo::start();
    everywhere(&demo, |name, app| {
        app.warm_up();
        app.fault(&json!({ "match": { "method": "POST" }, "delay_ms": 1_000, "times": 1 }));
        hang_up(app, "POST", "/Users", &ada(), "POST ");
        let found = eventually(SOON, name, || app.find("/Users", "userName", "ada.berg@example.com").pop());
        let again = app.post("/Users", &ada());
        assert_eq!((again.status, &again.json()["id"]), (201, &found["id"]), "{name}: {}", again.json());
        assert_eq!(creates(app), 1, "{name}");
        assert_eq!(app.post("/Users", &ada()).status, 409, "{name}");
    });
}

#[test]
fn a_success_the_app_does_not_mean_is_never_passed_on() {
    let demo = Demo::start();
    let liars = WIRED.map(|name| {
        let mut app = demo.app(name);
        std::thread::spawn(move || {
            let maria = app.person("maria.santos@example.com");
            let called = maria[GATEWAY]["accountId"].clone();
            let lie = match name {
                "hive" => json!({ "match": { "method": "DELETE" }, "status": 200, "body": { "success": true } }),
                "honeycomb" => json!({ "match": { "method": "DELETE" }, "status": 204, "body": "" }),
                "tines" => json!({ "match": { "method": "PUT" }, "status": 200, "body": { "id": 2, "email": "maria.santos@example.com", "active": false } }),
                _ => json!({ "match": { "method": "PATCH" }, "status": 200, "body": { "id": called, "active": false } }),
            };
            app.fault(&lie);
            let refused = app.patch(&at(&maria), &entra_active(false));
            assert_eq!(refused.status, 503, "{name}: {}", refused.json());
            assert!(refused.header("Retry-After").is_some(), "{name}");
            assert_eq!(app.get(&at(&maria)).json()["active"], true, "{name}");
            app.heal();
            eventually(SOON, name, || (!has_access(&mut app, name, "maria.santos@example.com")).then_some(()));
        })
    });
    for liar in liars {
        liar.join().unwrap();
    }
}

#[test]
fn a_create_the_app_hides_is_not_sent_again() {
    let demo = Demo::start();
    let mut app = demo.app("honeycomb");
    app.warm_up();
    app.fault(&json!({ "match": { "method": "POST" }, "commit": true, "drop_connection": true, "times": 1 }));
    let unsure = app.post("/Users", &with(&ada(), &json!({ "title": "Pilot" })));
    assert!(unsure.status == 503, "{} {}", unsure.status, unsure.json());
    assert_eq!(creates(&mut app), 1);
    app.lever("POST", "invites/ada.berg@example.com/accept", &json!({}));
    let found = eventually(SOON, "adopted", || app.find("/Users", "userName", "ada.berg@example.com").pop());
    assert_eq!(found["title"], "Pilot");
    assert_eq!(creates(&mut app), 1);
}
