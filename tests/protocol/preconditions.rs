use serde_json::{Value, json};

use crate::stage::{BASE, Stage};

/// What each method sends to change a person.
fn change(method: &str) -> Value {
    match method {
        "PUT" => json!({ "userName": "anna", "title": "changed" }),
        "PATCH" => json!({ "Operations": [{ "op": "replace", "path": "title", "value": "changed" }] }),
        _ => Value::Null,
    }
}

#[tokio::test]
async fn a_condition_that_does_not_hold_is_412_and_changes_nothing() {
    let stage = Stage::sandbox().await;
    let anna = stage.person("anna").await;
    let path = format!("/Users/{}", anna["id"].as_str().unwrap());
    let version = anna["meta"]["version"].as_str().unwrap();
    for method in ["PUT", "PATCH", "DELETE"] {
        for headers in [
            ("if-match", "W/\"stale\""),
            ("if-match", "\"\""),
            ("if-match", "W/\"98\", \"99\""),
            ("if-none-match", "*"),
            ("if-none-match", version),
        ] {
            let refused = stage.ask(method, &path, &[headers], change(method)).await;
            assert_eq!(refused.status, 412, "{method} {headers:?}");
            assert_eq!(refused.body["status"], "412");
            assert_eq!(stage.get(&path).await.body, anna, "{method} {headers:?}");
        }
    }
}

#[tokio::test]
async fn a_condition_that_holds_lets_the_change_through() {
    for method in ["PUT", "PATCH", "DELETE"] {
        for matching in ["*", "W/\"VERSION\"", "\"VERSION\"", "\"x\", W/\"VERSION\""] {
            let stage = Stage::sandbox().await;
            let anna = stage.person("anna").await;
            let path = format!("/Users/{}", anna["id"].as_str().unwrap());
            let version = anna["meta"]["version"].as_str().unwrap();
            let number = version.trim_matches(['W', '/', '"']);
            let header = matching.replace("VERSION", number);
            let headers = [("if-match", header.as_str()), ("if-none-match", "W/\"98\"")];
            let changed = stage.ask(method, &path, &headers, change(method)).await;
            assert!(changed.status < 300, "{method} {header}: {}", changed.body);
            if method != "DELETE" {
                assert_ne!(changed.header("etag"), version, "{method} {header}");
                assert_eq!(changed.body["meta"]["version"], changed.header("etag"));
            }
        }
    }
}

#[tokio::test]
async fn a_reader_who_has_the_version_gets_304_without_a_body() {
    let stage = Stage::sandbox().await;
    let anna = stage.person("anna").await;
    let path = format!("/Users/{}", anna["id"].as_str().unwrap());
    let version = anna["meta"]["version"].as_str().unwrap();
    let lists = format!("\"x\", {version}");
    for method in ["GET", "HEAD"] {
        for header in ["*", version, &lists] {
            let known = stage.ask(method, &path, &[("if-none-match", header)], Value::Null).await;
            assert_eq!((known.status, known.header("etag"), &known.body), (304, version, &Value::Null));
        }
        let unknown = stage.ask(method, &path, &[("if-none-match", "W/\"98\"")], Value::Null).await;
        assert_eq!((unknown.status, unknown.header("etag")), (200, version));
        let outdated = stage.ask(method, &path, &[("if-match", "W/\"98\"")], Value::Null).await;
        assert_eq!(outdated.status, 412);
        let fresh = stage.ask(method, &path, &[("if-match", version)], Value::Null).await;
        assert_eq!(fresh.status, 200);
    }
}

#[tokio::test]
async fn a_condition_on_nothing_is_404() {
    let stage = Stage::sandbox().await;
    for method in ["GET", "PUT", "PATCH", "DELETE"] {
        let missing = stage.ask(method, "/Users/nobody", &[("if-match", "*")], change(method)).await;
        assert_eq!(missing.status, 404, "{method}");
    }
}

#[tokio::test]
async fn a_create_takes_no_notice_of_conditions() {
    let stage = Stage::sandbox().await;
    let headers = [("if-none-match", "*"), ("if-match", "W/\"98\"")];
    let created = stage.ask("POST", "/Users", &headers, json!({ "userName": "anna" })).await;
    assert_eq!(created.status, 201);
}

#[tokio::test]
async fn every_answer_with_one_resource_carries_its_version() {
    let stage = Stage::sandbox().await;
    let anna = stage.person("anna").await;
    let group = stage.group("team", &[]).await;
    let (user, group) = (
        format!("/Users/{}", anna["id"].as_str().unwrap()),
        format!("/Groups/{}", group["id"].as_str().unwrap()),
    );
    let rename = json!({ "Operations": [{ "op": "replace", "path": "displayName", "value": "crew" }] });
    for (method, path, body) in [
        ("POST", "/Users", json!({ "userName": "boris" })),
        ("POST", "/Groups", json!({ "displayName": "others" })),
        ("GET", &user, Value::Null),
        ("GET", &group, Value::Null),
        ("PUT", &user, change("PUT")),
        ("PATCH", &user, change("PATCH")),
        ("PUT", &group, json!({ "displayName": "the team" })),
        ("PATCH", &format!("{group}?attributes=displayName,meta"), rename.clone()),
    ] {
        let answer = stage.ask(method, path, &[], body).await;
        assert!(answer.status < 300, "{method} {path}: {}", answer.body);
        assert!(answer.header("etag").starts_with("W/\""), "{method} {path}");
        assert_eq!(answer.body["meta"]["version"], answer.header("etag"), "{method} {path}");
        assert!(answer.header("location").starts_with(BASE), "{method} {path}");
    }
    let quiet = stage.ask("PATCH", &group, &[], rename).await;
    assert_eq!((quiet.status, quiet.body), (204, Value::Null));
}

#[tokio::test]
async fn head_and_options_tell_what_get_would_and_what_may_be_done() {
    let stage = Stage::sandbox().await;
    let anna = stage.person("anna").await;
    let path = format!("/Users/{}", anna["id"].as_str().unwrap());
    for path in [path.as_str(), "/Users", "/Users?filter=id%20pr", "/Users/nobody"] {
        let (get, head) = (stage.get(path).await, stage.ask("HEAD", path, &[], Value::Null).await);
        assert_eq!((head.status, &head.body), (get.status, &Value::Null), "{path}");
        for header in ["etag", "content-type", "content-length", "location"] {
            assert_eq!(head.header(header), get.header(header), "{path} {header}");
        }
    }
    let options = stage.ask("OPTIONS", &path, &[], Value::Null).await;
    assert_eq!((options.status, options.header("allow")), (204, "GET, HEAD, PUT, PATCH, DELETE, OPTIONS"));
    let options = stage.ask("OPTIONS", "/.search", &[], Value::Null).await;
    assert_eq!((options.status, options.header("allow")), (204, "POST, OPTIONS"));
}

#[tokio::test]
async fn me_is_501_by_every_method() {
    let stage = Stage::sandbox().await;
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
        let answer = stage.ask(method, "/Me", &[], Value::Null).await;
        assert_eq!(answer.status, 501, "{method}");
        assert!(answer.body["detail"].as_str().unwrap().contains("not to a person"), "{method}");
    }
}
