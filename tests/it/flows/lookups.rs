//! How often the app is read: once a freshness window, however many ask.

use std::time::Duration;

use serde_json::{Value, json};

use super::people::{GATEWAY, add_members, at, group_at, id, named};
use super::stage::{App, Demo, eventually, everywhere};

/// Forgets the default people and has `count` generated ones instead of them.
fn crowd(app: &mut App, count: u32) {
    app.lever("POST", "reset", &json!({ "seed": "default", "users": count }));
}

/// The calls that begin a listing of people.
fn listings(calls: &[String]) -> usize {
    let begins = |call: &&String| {
        call.ends_with("ws_001/members")
            || call.as_str() == "GET /1/team_memberships"
            || call.contains("/users?page=1&")
            || call.as_str() == "GET /platform/v1/users?pageSize=100"
    };
    calls.iter().filter(begins).count()
}

#[test]
fn a_thousand_lookups_are_one_listing() {
    let demo = Demo::start();
    everywhere(&demo, |name, app| {
        crowd(app, 300);
        // Once is enough for the thousand; the others show that they do not differ.
        for number in 1..=if name == "honeycomb" { 250 } else { 50 } {
            let address = format!("user{number:05}@example.com");
            assert_eq!(app.find("/Users", "userName", &address).len(), 1, "{name} {address}");
            assert!(app.find("/Users", "userName", &format!("nobody{number}@example.com")).is_empty());
            assert_eq!(app.find("/Users", "emails.value", &address).len(), 1, "{name} {address}");
            let found = app.find("/Users", "userName", &address.to_uppercase());
            assert_eq!(app.get(&at(&found[0])).status, 200);
        }
        let calls = app.journal();
        assert_eq!(listings(&calls), 1, "{name}: {calls:?}");
        let pages = if name == "workiva" { 10 } else { 6 };
        assert!(calls.len() <= pages, "{name}: {calls:?}");
    });
}

#[test]
fn many_who_ask_at_once_share_one_listing() {
    let demo = Demo::start();
    everywhere(&demo, |name, app| {
        app.fault(&json!({ "match": { "method": "GET" }, "delay_ms": 200 }));
        let askers: Vec<_> = (0..8)
            .map(|_| {
                let mut app = demo.app(name);
                std::thread::spawn(move || app.find("/Users", "userName", "maria.santos@example.com").len())
            })
            .collect();
        for asker in askers {
            assert_eq!(asker.join().unwrap(), 1, "{name}");
        }
        let calls = app.journal();
        assert_eq!(listings(&calls), 1, "{name}: {calls:?}");
    });
}

#[test]
fn the_first_cycle_of_a_provider_is_one_listing_and_a_create_for_each_joiner() {
    let demo = Demo::start();
    everywhere(&demo, |name, app| {
        for number in 0..20 {
            let address = format!("joiner{number}@example.com");
            assert!(app.find("/Users", "userName", &address).is_empty(), "{name}");
            app.joins(&named(&address, "Some", &format!("Body{number}")));
        }
        let calls = app.journal();
        let created =
            calls.iter().filter(|call| call.starts_with("POST ") && call.contains("joiner")).count();
        assert_eq!((listings(&calls), created), (1, 20), "{name}: {calls:?}");
        assert_eq!(app.get("/Users?count=1").json()["totalResults"], 23, "{name}");
    });
}

#[test]
fn a_change_in_the_app_shows_within_the_freshness_window() {
    let demo = Demo::with(&["--freshness", "1s"]);
    everywhere(&demo, |name, app| {
        app.warm_up();
        app.lever("POST", "oob", &json!({ "op": "add", "email": "new.comer@example.com" }));
        let found = eventually(Duration::from_secs(5), name, || {
            app.find("/Users", "userName", "new.comer@example.com").pop()
        });
        assert_eq!(found["active"], true, "{name}");
        let before = found[GATEWAY]["lastObserved"].as_str().unwrap().to_owned();
        eventually(Duration::from_secs(5), name, || {
            let now =
                app.person("new.comer@example.com")[GATEWAY]["lastObserved"].as_str().unwrap().to_owned();
            (now > before).then_some(())
        });
    });
}

#[test]
fn a_half_read_listing_makes_nobody_vanish() {
    let demo = Demo::with(&["--freshness", "1s"]);
    for (name, second_page) in [("tines", "users"), ("workiva", "users")] {
        let mut app = demo.app(name);
        crowd(&mut app, 600);
        let total = app.get("/Users?count=1").json()["totalResults"].as_u64().unwrap();
        assert_eq!(total, 603, "{name}");
        app.journal();
        let matching = json!({ "method": "GET", "path_regex": format!("{second_page}$") });
        app.fault(&json!({ "match": matching.clone(), "delay_ms": 0, "times": 1 }));
        app.fault(&json!({ "match": matching, "status": 500 }));
        // A listing counts for as many seconds as it has pages, and may for twenty.
        eventually(Duration::from_secs(30), name, || {
            assert_eq!(app.get("/Users?count=1").json()["totalResults"], 603, "{name}");
            app.statuses().contains(&500).then_some(())
        });
        assert_eq!(app.person("user00600@example.com")["active"], true, "{name}");
        app.heal();
    }
}

#[test]
fn a_listing_that_lacks_most_people_is_not_believed() {
    let demo = Demo::with(&["--freshness", "1s"]);
    let mut app = demo.app("honeycomb");
    crowd(&mut app, 40);
    app.warm_up();
    app.fault(&json!({ "match": { "method": "GET" }, "status": 200, "body": [] }));
    eventually(Duration::from_secs(8), "listed twice", || {
        assert_eq!(app.person("user00001@example.com")["active"], true);
        (app.peek().len() >= 2).then_some(())
    });
}

#[test]
fn fifty_members_in_one_request_are_one_call_each() {
    let demo = Demo::start();
    let mut app = demo.app("tines");
    crowd(&mut app, 50);
    app.warm_up();
    let people = app.get("/Users?count=100").json()["Resources"].clone();
    let people: Vec<&Value> = people.as_array().unwrap().iter().collect();
    let ids: Vec<&str> = people
        .iter()
        .filter(|each| each["userName"].as_str().unwrap().starts_with("user"))
        .map(|p| id(p))
        .collect();
    let team = app.group("IT");
    assert_eq!(app.patch(&group_at(&team), &add_members(&ids)).status, 204);
    let calls = app.journal();
    assert_eq!((ids.len(), calls.len()), (50, 50), "{calls:?}");
}
