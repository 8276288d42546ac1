//! `doctor`: whether each app is reachable and knows its credential, and which kind of key was mixed up.

use std::fs;

use portcullis::adapters::{hive, honeycomb, tines, workiva};
use serde_json::Value;
use tempfile::TempDir;

use crate::stage::{Place, Ran, Running, run};

/// The demo's configuration with one credential changed.
fn with_secret(demo: &Running, name: &str, secret: &str) -> Ran {
    let config = fs::read_to_string(demo.ready["config"].as_str().unwrap()).unwrap();
    let place = Place::with(&config);
    fs::create_dir(place.path("secrets")).unwrap();
    for (file, good) in [
        ("hive_api_key", hive::sim::ADMIN_KEY),
        ("honeycomb_api_key", honeycomb::sim::CONFIG_KEY),
        ("tines_api_token", tines::sim::ADMIN_TOKEN),
        ("workiva_client_secret", workiva::sim::CLIENT_SECRET),
    ] {
        fs::write(place.path("secrets").join(file), if file == name { secret } else { good }).unwrap();
    }
    place.run("doctor", &["--json"])
}

#[test]
fn a_healthy_gateway_is_told_so_with_what_to_know_besides() {
    let directory = TempDir::new().unwrap();
    let demo = Running::demo(directory.path(), &[]);
    let config = demo.ready["config"].as_str().unwrap();
    let told = run(&["doctor", "--config", config]).ok().stdout;
    for connection in ["hive", "honeycomb", "hotjar", "sandbox", "tines", "workiva"] {
        assert!(told.lines().any(|line| line.starts_with(&format!("{connection}: ok: "))), "{told}");
    }
    assert!(told.contains("honeycomb: note: a deactivation leaves `api-keys` behind"), "{told}");
    let reports = run(&["doctor", "--config", config, "--json"]).ok().json();
    let reports = reports.as_array().unwrap();
    assert_eq!(reports.len(), 6);
    assert!(reports.iter().all(|report| report["ok"] == true), "{reports:?}");
    for app in ["hive", "honeycomb", "tines", "workiva"] {
        let journal = demo.simulator(app).journal();
        let writes = journal.iter().filter(|entry| {
            entry["method"] != "GET" && !entry["path"].as_str().unwrap().ends_with("/oauth2/token")
        });
        assert_eq!(writes.count(), 0, "{app}: a check changes nothing");
    }
}

#[test]
fn a_key_of_the_wrong_kind_is_named() {
    let directory = TempDir::new().unwrap();
    let demo = Running::demo(directory.path(), &[]);
    for (file, secret, connection, words) in [
        ("honeycomb_api_key", honeycomb::sim::INGEST_KEY, "honeycomb", "Ingest"),
        ("honeycomb_api_key", honeycomb::sim::MANAGEMENT_KEY, "honeycomb", "Configuration"),
        ("hive_api_key", hive::sim::SCIM_TOKEN, "hive", "SCIM"),
        ("tines_api_token", tines::sim::SCIM_TOKEN, "tines", "SCIM"),
        ("workiva_client_secret", workiva::sim::SCIM_TOKEN, "workiva", "SCIM"),
    ] {
        let ran = with_secret(&demo, file, secret);
        assert_eq!(ran.code, 1, "{ran:?}");
        assert_eq!(ran.stderr, "error: 1 of 6 connections cannot work\n", "{secret}");
        assert!(!ran.stdout.contains(secret), "{ran:?}");
        let reports = ran.json();
        let broken: Vec<&Value> =
            reports.as_array().unwrap().iter().filter(|report| report["ok"] == false).collect();
        assert_eq!(broken.len(), 1, "{reports}");
        assert_eq!(broken[0]["connection"], connection);
        assert!(broken[0]["problem"].as_str().unwrap().contains(words), "{secret}: {}", broken[0]);
    }
}

#[test]
fn an_app_that_cannot_be_reached_is_named_and_ends_with_1() {
    let place = Place::with(
        "[connections.honeycomb]\napp = \"honeycomb\"\n[connections.honeycomb.rest]\nbase_url = \"http://127.0.0.1:1\"\nprivate = true\napi_key = { file = \"key\" }\n[connections.sandbox]\napp = \"sandbox\"\n",
    );
    fs::write(place.path("key"), "a-key").unwrap();
    let ran = place.run("doctor", &[]);
    assert_eq!((ran.code, ran.stderr.as_str()), (1, "error: 1 of 2 connections cannot work\n"), "{ran:?}");
    assert!(ran.stdout.starts_with("honeycomb: broken: "), "{ran:?}");
    assert!(ran.stdout.contains("\nsandbox: ok: "), "{ran:?}");
}
