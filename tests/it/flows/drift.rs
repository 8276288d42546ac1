//! What somebody does in an app's own pages, and what becomes of invitations, seen from both ends.

use std::time::Duration;

use serde_json::{Value, json};

use super::people::{GATEWAY, ada, add_members, at, group_at, id, okta_active, with};
use super::stage::{App, Demo, Served, WIRED, eventually};

const ADA: &str = "ada.berg@example.com";
const CORRECT: &str = "drift = \"correct\"";
const SOON: Duration = Duration::from_secs(20);

/// What each finding is and how it ended.
fn findings(report: &Value) -> Vec<(String, String)> {
    let word = |finding: &Value, key: &str| finding[key].as_str().unwrap().to_owned();
    let all = report["findings"].as_array().unwrap();
    all.iter().map(|finding| (word(finding, "what"), word(finding, "state"))).collect()
}

fn pair(what: &str, state: &str) -> (String, String) {
    (what.to_owned(), state.to_owned())
}

/// Somebody does something in the app's own pages.
fn by_hand(app: &mut App, change: &Value) {
    app.lever("POST", "oob", change);
    app.journal();
}

/// The calls that would change something.
fn writes(app: &mut App) -> Vec<String> {
    let reads = |call: &String| call.starts_with("GET ") || call.contains("/oauth2/token");
    app.journal().into_iter().filter(|call| !reads(call)).collect()
}

/// Ada is a member with this role, and the first look for drift has found nothing.
fn settled(demo: &Demo, name: &str, role: &str) -> (App, Value) {
    let mut app = demo.app(name);
    app.warm_up();
    let roles = if role.is_empty() { json!([]) } else { json!([{ "value": role, "primary": true }]) };
    let person = app.joins(&with(&ada(), &json!({ "roles": roles })));
    if ["hive", "honeycomb"].contains(&name) {
        app.lever("POST", &format!("invites/{ADA}/accept"), &json!({}));
    }
    let report = demo.drift(name, "drift = \"report\"");
    assert_eq!((report["listing"].clone(), findings(&report)), (json!("complete"), vec![]), "{name}");
    app.journal();
    (app, person)
}

fn has_access(app: &mut App, name: &str) -> bool {
    let state = app.state();
    let people = match name {
        "hive" => &state["workspaces"]["ws_001"],
        "honeycomb" => &state["teams"]["acme"]["members"],
        "tines" => &state["users"],
        _ => &state["workspaces"]["ws_1"]["users"],
    };
    let works = |person: &Value| {
        person["email"] == ADA && person["active"] != false && person["status"] != "deactivated"
    };
    people.as_array().unwrap().iter().any(works)
}

#[test]
fn a_leaver_who_was_let_in_again_is_told_and_taken_out_where_the_policy_says_so() {
    for name in WIRED {
        let demo = Demo::start();
        let (mut app, person) = settled(&demo, name, "");
        assert_eq!(app.patch(&at(&person), &okta_active(false)).status, 200, "{name}");
        let again = if ["hive", "honeycomb"].contains(&name) {
            json!({ "op": "add", "email": ADA })
        } else {
            json!({ "op": "set_active", "email": ADA, "active": true })
        };
        by_hand(&mut app, &again);

        let report = demo.drift(name, "drift = \"report\"");
        assert_eq!(findings(&report), [pair("reactivated", "reported")], "{name}");
        assert_eq!(writes(&mut app), Vec::<String>::new(), "{name}");
        assert!(has_access(&mut app, name), "{name}");
        let open = |demo: &Demo| {
            let tasks = demo.tasks(name);
            tasks.into_iter().filter(|task| task["kind"] == "drift").collect::<Vec<_>>()
        };
        assert_eq!((open(&demo).len(), &open(&demo)[0]["urgent"]), (1, &json!(true)), "{name}");

        let report = demo.drift(name, CORRECT);
        assert_eq!(findings(&report), [pair("reactivated", "corrected")], "{name}");
        let workspaces = if name == "hive" { 2 } else { 1 };
        assert_eq!(writes(&mut app).len(), workspaces, "{name}");
        assert!(!has_access(&mut app, name), "{name}");
        assert!(open(&demo).is_empty(), "{name}");
        assert_eq!(app.get(&at(&person)).json()["active"], false, "{name}");
        assert_eq!(findings(&demo.drift(name, CORRECT)), vec![], "{name}");
    }
}

#[test]
fn another_role_is_put_back_where_the_app_lets_it_be() {
    let cases = [
        ("honeycomb", "member", "admin", "corrected"),
        ("tines", "member", "editor", "corrected"),
        ("workiva", "role_viewer", "role_editor", "corrected"),
        ("hive", "member", "guest", "reported"),
    ];
    for (name, asked, set, ended) in cases {
        let demo = Demo::start();
        let (mut app, _) = settled(&demo, name, asked);
        by_hand(&mut app, &json!({ "op": "set_role", "email": ADA, "role": set }));
        assert_eq!(findings(&demo.drift(name, CORRECT)), [pair("role_changed", ended)], "{name}");
        assert_eq!(writes(&mut app).len(), usize::from(ended == "corrected"), "{name}");
    }
}

#[test]
fn a_removed_person_is_reported_and_not_given_back() {
    for name in WIRED {
        let demo = Demo::start();
        let (mut app, _) = settled(&demo, name, "");
        by_hand(&mut app, &json!({ "op": "remove", "email": ADA }));
        assert_eq!(findings(&demo.drift(name, CORRECT)), [pair("removed", "reported")], "{name}");
        assert_eq!(writes(&mut app), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn a_stranger_is_reported_and_left_alone() {
    for name in WIRED {
        let demo = Demo::start();
        let (mut app, _) = settled(&demo, name, "");
        by_hand(&mut app, &json!({ "op": "add", "email": "new.comer@example.com" }));
        let report = demo.drift(name, CORRECT);
        assert_eq!(findings(&report), [pair("added", "reported")], "{name}");
        assert_eq!(report["findings"][0]["person"], "new.comer@example.com", "{name}");
        assert_eq!(writes(&mut app), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn a_new_name_is_put_back_where_the_app_holds_names() {
    for name in ["tines", "workiva"] {
        let demo = Demo::start();
        let (mut app, _) = settled(&demo, name, "");
        by_hand(&mut app, &json!({ "op": "rename", "email": ADA, "name": "Ada Lind" }));
        assert_eq!(findings(&demo.drift(name, CORRECT)), [pair("renamed", "corrected")], "{name}");
        assert_eq!(writes(&mut app).len(), 1, "{name}");
    }
}

#[test]
fn a_membership_a_caller_asked_for_is_put_back() {
    for (name, label, group) in [("tines", "IT", "6"), ("workiva", "", "grp_1")] {
        let demo = Demo::start();
        let (mut app, person) = settled(&demo, name, "");
        let scim = if label.is_empty() {
            let all = app.get("/Groups?excludedAttributes=members").json();
            let all = all["Resources"].as_array().unwrap().clone();
            all.into_iter().min_by_key(|group| group["displayName"].to_string()).unwrap()
        } else {
            app.group(label)
        };
        assert_eq!(app.patch(&group_at(&scim), &add_members(&[id(&person)])).status, 204, "{name}");
        let groups = app.journal();
        let group =
            groups.iter().find_map(|call| call.split("/groups/").nth(1)?.split('/').next()).unwrap_or(group);
        by_hand(&mut app, &json!({ "op": "remove_from_group", "email": ADA, "group": group }));
        assert_eq!(findings(&demo.drift(name, CORRECT)), [pair("membership_removed", "corrected")], "{name}");
        let wrote = writes(&mut app);
        assert!(matches!(wrote.as_slice(), [only] if only.starts_with("POST ")), "{name}: {wrote:?}");
    }
}

#[test]
fn a_listing_that_fails_or_shrinks_counts_for_nothing() {
    let demo = Demo::start();
    let (mut app, person) = settled(&demo, "honeycomb", "member");
    app.lever("POST", "reset", &json!({ "seed": "empty" }));
    let data = demo.drift_result("honeycomb", CORRECT);
    assert_eq!((data.0, &data.1["listing"]), (1, &json!("doubtful")), "{}", data.1);
    assert_eq!(writes(&mut app), Vec::<String>::new());
    assert_eq!(app.get(&at(&person)).json()["active"], true);
    app.fault(&json!({ "match": { "method": "GET" }, "status": 400 }));
    let data = demo.drift_result("honeycomb", CORRECT);
    assert_eq!((data.0, &data.1["listing"]), (1, &json!("failed")), "{}", data.1);
}

/// A gateway that looks at its invitations every second.
fn inviting(app: &'static str, secret: &str, policy: &str) -> Served {
    let base = if app == "hive" { "SIM/api/v1" } else { "SIM" };
    let settings = format!(
        "freshness = \"1s\"\n[connections.{app}.invitations]\nevery = \"1s\"\n[connections.{app}.policy]\n{policy}\n\
         [connections.{app}.rest]\nbase_url = \"{base}\"\napi_key = {{ file = \"secret\" }}\nprivate = true\n"
    );
    Served::start(app, secret, &settings)
}

fn invitation(app: &mut App, person: &Value) -> Value {
    app.get(&at(person)).json()[GATEWAY]["invitationStatus"].clone()
}

fn mails(app: &mut App) -> u64 {
    app.state()["emails_sent"].as_u64().unwrap()
}

#[test]
fn an_acceptance_is_looked_for_while_it_is_pending_and_no_longer() {
    for (name, secret) in [("hive", "hive-admin-key"), ("honeycomb", "honeycomb-config-key")] {
        let served = inviting(name, secret, "");
        let mut app = served.app();
        app.warm_up();
        let person = app.joins(&ada());
        assert_eq!((&person["active"], mails(&mut app)), (&json!(true), 1), "{name}");
        app.journal();
        eventually(SOON, "the app is listed", || (!app.peek().is_empty()).then_some(()));
        app.lever("POST", &format!("invites/{ADA}/accept"), &json!({}));
        eventually(SOON, "accepted", || (invitation(&mut app, &person) == "accepted").then_some(()));
        assert_eq!(mails(&mut app), 1, "{name}");
    }
}

#[test]
fn an_expired_invitation_of_hive_is_told_or_sent_again() {
    for (policy, status, sent) in [("", "expired", 1), ("invitations = \"resend\"", "pending", 2)] {
        let served = inviting("hive", "hive-admin-key", policy);
        let mut app = served.app();
        app.warm_up();
        let person = app.joins(&ada());
        app.lever("POST", &format!("invites/{ADA}/expire"), &json!({}));
        eventually(SOON, status, || {
            (invitation(&mut app, &person) == status && mails(&mut app) == sent).then_some(())
        });
        let told = usize::from(status == "expired");
        eventually(SOON, "the task", || {
            let tasks = served.tasks();
            (tasks.iter().filter(|task| task["kind"] == "invitation").count() == told).then_some(())
        });
    }
}

#[test]
fn an_invitation_of_honeycomb_accepted_after_the_person_left_is_taken_back() {
    let served = inviting("honeycomb", "honeycomb-config-key", "");
    let mut app = served.app();
    app.warm_up();
    let person = app.joins(&ada());
    // The team says that it withdrew the invitation, and did not.
    app.fault(&json!({ "match": { "method": "DELETE" }, "status": 204, "times": 1 }));
    assert_eq!(app.patch(&at(&person), &okta_active(false)).status, 200);
    assert_eq!(app.get(&at(&person)).json()["active"], false);
    assert!(has_access(&mut app, "honeycomb"), "she is still invited");
    app.lever("POST", &format!("invites/{ADA}/accept"), &json!({}));
    eventually(SOON, "taken back", || (!has_access(&mut app, "honeycomb")).then_some(()));
    eventually(SOON, "shown", || (app.get(&at(&person)).json()["active"] == false).then_some(()));
}
