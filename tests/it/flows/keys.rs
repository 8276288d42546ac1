//! A credential of the wrong kind: said by name, as the operator's problem, and never as the provider's.

use serde_json::Value;

use super::people::ada;
use super::stage::Served;

/// `rest` with the credential under `key`, taken from the file `secret`.
fn rest(app: &str, path: &str, key: &str) -> String {
    let base = if app == "workiva" {
        "token_url = \"SIM/iam/v1/oauth2/token\"\nclient_id = \"workiva-client\"\n"
    } else {
        ""
    };
    format!(
        "[connections.{app}.rest]\nbase_url = \"SIM{path}\"\n{base}{key} = {{ file = \"secret\" }}\nprivate = true\n"
    )
}

/// What a lookup and a create are told on a connection with this credential.
fn told(app: &'static str, secret: &str, settings: &str) -> Vec<(u16, String)> {
    let served = Served::start(app, secret, settings);
    let mut app = served.app();
    let lookup = app.get("/Users?filter=userName%20eq%20%22ada.berg@example.com%22");
    let create = app.post("/Users", &ada());
    let answers = [lookup, create].map(|answer| {
        let detail = answer.json()["detail"].as_str().unwrap_or_default().to_owned();
        assert!(!detail.contains(secret), "the credential is in the answer");
        assert_eq!(answer.json()["scimType"], Value::Null);
        (answer.status, detail)
    });
    let calls = app.journal();
    let creates = calls.iter().filter(|call| call.starts_with("POST ") && !call.contains("/oauth2/token"));
    assert!(creates.count() <= 1, "{calls:?}");
    answers.into()
}

fn every(answers: &[(u16, String)], status: u16, words: &[&str]) {
    for (found, detail) in answers {
        assert_eq!(*found, status, "{detail}");
        for word in words {
            assert!(detail.contains(word), "`{word}` is not in: {detail}");
        }
    }
}

#[test]
fn an_ingest_key_of_honeycomb_is_told_from_a_configuration_key() {
    let settings = rest("honeycomb", "", "api_key");
    every(&told("honeycomb", "honeycomb-ingest-key", &settings), 503, &["Ingest", "Configuration"]);
    every(&told("honeycomb", "honeycomb-revoked-key", &settings), 503, &["401"]);
}

#[test]
fn a_scim_token_of_hive_is_told_from_an_api_key() {
    let settings = rest("hive", "/api/v1", "api_key");
    every(&told("hive", "hive-scim-token", &settings), 503, &["API key", "SCIM"]);
}

#[test]
fn a_scim_token_of_tines_is_told_from_an_api_token() {
    let settings = rest("tines", "/api/v1", "api_token");
    every(&told("tines", "tines-scim-token", &settings), 503, &["SCIM"]);
    every(&told("tines", "tines-member-token", &settings), 403, &["admin"]);
}

#[test]
fn a_wrong_client_of_workiva_is_told_as_what_it_is() {
    let settings = rest("workiva", "/platform/v1", "client_secret");
    every(&told("workiva", "workiva-scim-token", &settings), 503, &["client"]);
}

#[test]
fn a_client_without_the_write_scope_reads_and_cannot_create() {
    let settings =
        rest("workiva", "/platform/v1", "client_secret").replace("workiva-client", "workiva-readonly-client");
    let served = Served::start("workiva", "workiva-readonly-secret", &settings);
    let mut app = served.app();
    assert_eq!(app.person("maria.santos@example.com")["active"], true);
    let refused = app.post("/Users", &ada());
    assert_eq!(refused.status, 403, "{}", refused.json());
    assert!(refused.json()["detail"].as_str().unwrap().contains("iam:users:write"), "{}", refused.json());
}

#[test]
fn a_member_of_hive_reads_and_cannot_create() {
    let served = Served::start("hive", "hive-member-key", &rest("hive", "/api/v1", "api_key"));
    let mut app = served.app();
    assert_eq!(app.person("maria.santos@example.com")["active"], true);
    let refused = app.post("/Users", &ada());
    assert_eq!(refused.status, 403, "{}", refused.json());
    assert!(
        refused.json()["detail"].as_str().unwrap().to_lowercase().contains("admin"),
        "{}",
        refused.json()
    );
}
