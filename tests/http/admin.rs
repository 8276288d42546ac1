//! The admin door: who is let in, what it answers to, how it says no.

use std::collections::BTreeSet;

use serde_json::json;

use crate::doors::{Answer, ask, doors};
use crate::stage::{ADMIN_TOKEN, EXPIRED_TOKEN, REVOKED_ADMIN_TOKEN, REVOKED_TOKEN, TOKEN};

const ENDPOINTS: &[&str] = &["/connections", "/tasks", "/intents", "/approvals"];
const METHODS: &[&str] = &["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"];

async fn administer(method: &str, path: &str) -> Answer {
    ask(&doors(10), method, &format!("/admin/v1{path}"), &[&format!("Bearer {ADMIN_TOKEN}")], "").await
}

fn assert_error(answer: &Answer, status: u16, what: &str) {
    assert_eq!((answer.status, answer.header("content-type")), (status, "application/json"), "{what}");
    let error = answer.json();
    let keys: Vec<&str> = error.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!((keys, &error["status"]), (vec!["status", "detail"], &json!(status)), "{what}");
    assert!(error["detail"].is_string(), "{what}");
}

#[tokio::test]
async fn every_bad_credential_is_one_and_the_same_401_whatever_is_asked_for() {
    let (doors, mut bodies) = (doors(u32::MAX), BTreeSet::new());
    for endpoint in ENDPOINTS.iter().chain(&["", "/nothing", "/connections/1"]) {
        for method in METHODS.iter().filter(|method| **method != "HEAD") {
            for credentials in [
                &[][..],
                &["Bearer wrong"],
                &["Basic YWRtaW46YWRtaW4="],
                &[REVOKED_ADMIN_TOKEN],
                &[REVOKED_TOKEN],
                &[EXPIRED_TOKEN],
                &[ADMIN_TOKEN, ADMIN_TOKEN],
            ] {
                let what = format!("{method} {endpoint} {credentials:?}");
                let answer = ask(&doors, method, &format!("/admin/v1{endpoint}"), credentials, "").await;
                assert_error(&answer, 401, &what);
                assert!(answer.header("www-authenticate").starts_with("Bearer"), "{what}");
                bodies.insert(answer.json()["detail"].to_string());
            }
        }
    }
    assert_eq!(bodies.len(), 1, "{bodies:?}");
}

#[tokio::test]
async fn a_token_of_the_wrong_kind_is_a_401_that_names_the_kind_and_is_no_failure() {
    let doors = doors(1);
    for _ in 0..3 {
        let answer = ask(&doors, "GET", "/admin/v1/connections", &[TOKEN], "").await;
        assert_error(&answer, 401, "a token of a connection");
        assert!(answer.json()["detail"].as_str().unwrap().contains("the token of a connection"));
        assert!(answer.header("www-authenticate").starts_with("Bearer"));
        for connection in ["hive", "nowhere"] {
            let answer =
                ask(&doors, "GET", &format!("/{connection}/scim/v2/Users"), &[ADMIN_TOKEN], "").await;
            assert_eq!(answer.status, 401, "{connection}");
            answer.assert_scim_error(connection);
            assert!(answer.json()["detail"].as_str().unwrap().contains("a token of the admin door"));
            assert!(answer.header("www-authenticate").starts_with("Bearer"));
        }
    }
}

#[tokio::test]
async fn a_wrong_token_that_is_tried_too_often_is_told_to_wait() {
    let doors = doors(1);
    assert_eq!(ask(&doors, "GET", "/admin/v1/tasks", &["wrong"], "").await.status, 401);
    let answer = ask(&doors, "GET", "/admin/v1/tasks", &["wrong"], "").await;
    assert_error(&answer, 429, "the second failure");
    assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1);
    assert_eq!(ask(&doors, "GET", "/admin/v1/tasks", &[ADMIN_TOKEN], "").await.status, 200);
}

#[tokio::test]
async fn lists_are_read_and_nothing_else() {
    for endpoint in ENDPOINTS {
        let answer = administer("GET", endpoint).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"), "{endpoint}");
        assert!(answer.json()["items"].is_array() && answer.json()["next"].is_null(), "{endpoint}");
        let options = administer("OPTIONS", endpoint).await;
        assert_eq!((options.status, options.header("allow")), (204, "GET, HEAD, OPTIONS"), "{endpoint}");
        for method in ["POST", "PUT", "PATCH", "DELETE", "TRACE"] {
            let answer = administer(method, endpoint).await;
            assert_error(&answer, 405, &format!("{method} {endpoint}"));
            assert_eq!(answer.header("allow"), "GET, HEAD, OPTIONS");
        }
    }
    for endpoint in ["", "/", "/nothing", "/connections/hive"] {
        assert_error(&administer("GET", endpoint).await, 404, endpoint);
    }
}

#[tokio::test]
async fn connections_are_told_by_name_with_what_stands_behind_them() {
    let items = administer("GET", "/connections").await.json()["items"].clone();
    let names: Vec<&str> =
        items.as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["hive", "tines"]);
    let keys: Vec<&String> = items[0].as_object().unwrap().keys().collect();
    assert_eq!(
        keys,
        [
            "name",
            "app",
            "mode",
            "fulfilment",
            "base_url",
            "open_intents",
            "oldest_intent",
            "open_tasks",
            "listed_at"
        ]
    );
    assert_eq!(items[0]["base_url"], "http://localhost/hive/scim/v2");
}

#[tokio::test]
async fn a_parameter_that_cannot_be_read_is_a_400_that_names_it() {
    for (query, name) in [
        ("/tasks?limit=0", "limit"),
        ("/tasks?limit=1001", "limit"),
        ("/intents?limit=many", "limit"),
        ("/tasks?state=closed", "state"),
        ("/tasks?connection=nowhere", "connection"),
        ("/intents?connection=nowhere", "connection"),
    ] {
        let answer = administer("GET", query).await;
        assert_error(&answer, 400, query);
        assert!(
            answer.json()["detail"].as_str().unwrap().starts_with(&format!("`{name}` is not ")),
            "{query}"
        );
    }
    for query in ["/tasks?limit=1000&state=all&connection=hive", "/intents?limit=1&cursor=zzz"] {
        assert_eq!(administer("GET", query).await.status, 200, "{query}");
    }
}

#[tokio::test]
async fn the_word_on_a_deletion_is_posted_and_one_that_does_not_wait_is_404() {
    for word in ["approve", "reject"] {
        let path = format!("/approvals/0199aa00-0000-7000-8000-000000000000/{word}");
        assert_error(&administer("POST", &path).await, 404, word);
        let read = administer("GET", &path).await;
        assert_error(&read, 405, word);
        assert_eq!(read.header("allow"), "POST, OPTIONS");
    }
    assert_eq!(administer("POST", "/approvals/1/forget").await.status, 404);
}
