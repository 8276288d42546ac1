//! `token`: made once, two at a time, revoked by id; a running gateway follows.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::stage::{Place, Running, wait_for};

/// How soon a running gateway has to know of a change.
const SOON: Duration = Duration::from_secs(10);

const SANDBOX: [&str; 2] = ["--connection", "sandbox"];

fn create(place: &Place) -> (String, String) {
    let made = place.run("token create", &["--connection", "sandbox", "--json"]).ok().json();
    let text = |key: &str| made[key].as_str().unwrap().to_owned();
    (text("id"), text("token"))
}

#[test]
fn a_new_token_is_shown_once_with_its_id_and_its_end() {
    let place = Place::sandbox();
    let made = place.run("token create", &["--connection", "sandbox", "--days", "30", "--json"]).ok().json();
    let keys: Vec<&String> = made.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["id", "token", "expires_at"]);
    let (id, token) = (made["id"].as_str().unwrap(), made["token"].as_str().unwrap());
    assert!(token.starts_with(&format!("portcullis_{id}_")), "{token}");

    let listed = place.run("token list", &["--json"]).ok();
    assert!(!listed.stdout.contains(token), "{listed:?}");
    let listed = listed.json();
    assert_eq!(listed.as_array().unwrap().len(), 1, "{listed}");
    assert_eq!(
        (&listed[0]["id"], &listed[0]["connection"], &listed[0]["state"], &listed[0]["expires_at"]),
        (&made["id"], &Value::from("sandbox"), &Value::from("live"), &made["expires_at"])
    );

    let shown = place.run("token create", &SANDBOX).ok().stdout;
    let starts: Vec<&str> = shown.lines().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(starts, ["token:", "id:", "expires:", "It"], "{shown}");
}

#[test]
fn a_connection_has_two_live_tokens_at_the_most() {
    let place = Place::sandbox();
    let (first, _) = create(&place);
    create(&place);
    let third = place.run("token create", &SANDBOX);
    assert_eq!((third.code, third.stdout.as_str()), (1, ""), "{third:?}");
    assert_eq!(
        third.stderr,
        format!(
            "error: the connection has two live tokens; revoke the one that is no longer used\n\
             hint: portcullis token list --config {} --connection sandbox\n",
            place.config()
        )
    );
    let revoked = place.run("token revoke", &["--connection", "sandbox", &first, "--json"]).ok().json();
    assert_eq!(revoked, serde_json::json!({ "id": first, "revoked": true }));
    create(&place);
    let table = place.run("token list", &SANDBOX).ok().stdout;
    let states: Vec<&str> = table.lines().map(|line| line.split_whitespace().nth(2).unwrap()).collect();
    assert_eq!(states, ["STATE", "revoked", "live", "live"], "{table}");
}

#[test]
fn a_token_or_connection_nobody_knows_ends_with_1_and_what_to_type() {
    let place = Place::sandbox();
    let ran = place.run("token revoke", &["--connection", "sandbox", "0011223344556677"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{ran:?}");
    assert_eq!(
        ran.stderr,
        format!(
            "error: `sandbox` has no token `0011223344556677`\nhint: portcullis token list --config {}\n",
            place.config()
        )
    );
    for (command, arguments) in [
        ("token create", &["--connection", "hive"][..]),
        ("token list", &["--connection", "hive"]),
        ("token revoke", &["--connection", "hive", "id"]),
        ("tasks list", &["--connection", "hive"]),
        ("roster import", &["--connection", "hive", "members.csv"]),
    ] {
        let ran = place.run(command, arguments);
        assert_eq!(ran.code, 1, "{command}: {ran:?}");
        assert_eq!(
            ran.stderr, "error: there is no connection `hive`\nhint: the connections are sandbox\n",
            "{command}"
        );
    }
}

#[test]
fn a_running_gateway_follows_within_ten_seconds() {
    let place = Place::sandbox();
    let (first, first_token) = create(&place);
    let mut gateway = Running::serve(&place);
    let mut old = gateway.caller_with("sandbox", &first_token);
    assert_eq!(old.send("GET", "/Users", &Value::Null).status, 200);

    let (_, second_token) = create(&place);
    place.run("token revoke", &["--connection", "sandbox", &first]).ok();
    let began = Instant::now();
    let mut new = gateway.caller_with("sandbox", &second_token);
    // Ten refusals in a minute are answered, further ones are told to wait: not asked too often.
    let pause = Duration::from_secs(1);
    let mut asked = began;
    wait_for("the new token", || {
        if asked.elapsed() < pause {
            return None;
        }
        asked = Instant::now();
        (new.send("GET", "/Users", &Value::Null).status == 200).then_some(())
    });
    assert_eq!(old.send("GET", "/Users", &Value::Null).status, 401);
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    assert!(gateway.lives());
}

#[test]
fn a_token_of_the_admin_door_is_made_listed_and_revoked_under_no_connection() {
    let place = Place::sandbox();
    let made = place.run("token create", &["--admin", "--json"]).ok().json();
    create(&place);
    let listed = place.run("token list", &["--admin", "--json"]).ok().json();
    assert_eq!(listed.as_array().unwrap().len(), 1, "{listed}");
    assert_eq!((&listed[0]["id"], &listed[0]["connection"]), (&made["id"], &Value::from("admin")));
    let ran = place.run("token revoke", &["--connection", "sandbox", made["id"].as_str().unwrap()]);
    assert_eq!(ran.code, 1, "{ran:?}");
    place.run("token create", &["--admin"]).ok();
    let third = place.run("token create", &["--admin"]);
    assert_eq!(
        third.stderr,
        format!(
            "error: the admin door has two live tokens; revoke the one that is no longer used\n\
             hint: portcullis token list --config {} --admin\n",
            place.config()
        )
    );
    place.run("token revoke", &["--admin", made["id"].as_str().unwrap()]).ok();
    place.run("token create", &["--admin"]).ok();
    for arguments in [&[][..], &["--admin", "--connection", "sandbox"]] {
        assert_eq!(place.run("token create", arguments).code, 2, "{arguments:?}");
    }
}
