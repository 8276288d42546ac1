//! What no caller should send: each is a SCIM error (RFC 7644 §3.12) with the right status, no app is asked, and the
//! process lives.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::client::Response;
use crate::stage::{Caller, Running, active, person};

const APPS: [&str; 4] = ["hive", "honeycomb", "tines", "workiva"];

/// Fails unless the answer is a SCIM error with this status and type.
#[track_caller]
fn assert_error(response: &Response, status: u16, scim_type: Option<&str>, claim: &str) {
    let body = response.json();
    assert_eq!(response.status, status, "{claim}: {body}");
    assert_eq!(response.header("Content-Type"), Some("application/scim+json"), "{claim}");
    assert_eq!(body["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:Error"]), "{claim}");
    assert_eq!(body["status"], status.to_string(), "{claim}");
    assert_eq!(body["scimType"].as_str(), scim_type, "{claim}: {body}");
    assert!(body["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{claim}: {body}");
}

fn text(text: &str) -> Option<Vec<u8>> {
    Some(text.as_bytes().to_vec())
}

fn deep_json(depth: usize) -> String {
    format!("{{\"userName\":\"a@example.com\",\"name\":{}1{}}}", "[".repeat(depth), "]".repeat(depth))
}

fn operations(operations: &Value) -> Option<Vec<u8>> {
    text(
        &json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations })
            .to_string(),
    )
}

/// What is wrong by itself: `(claim, method, path, body, status, scimType)`.
fn table() -> Vec<(&'static str, &'static str, String, Option<Vec<u8>>, u16, Option<&'static str>)> {
    let post = |claim, body, status, kind| (claim, "POST", "/Users".to_owned(), body, status, kind);
    let patch = |claim, body, status, kind| (claim, "PATCH", "/Users/1".to_owned(), body, status, kind);
    let get = |claim, path: String, status, kind| (claim, "GET", path, None, status, kind);
    let (syntax, value, filter) = (Some("invalidSyntax"), Some("invalidValue"), Some("invalidFilter"));
    let huge = format!("{{\"userName\":\"{}\"}}", "a".repeat(256 * 1024));
    let deep_filter = format!("/Users?filter={}active%20eq%20true{}", "(".repeat(500), ")".repeat(500));
    vec![
        post("no body", None, 400, syntax),
        post("an empty body", text(""), 400, syntax),
        post("JSON cut short", text("{\"userName\":"), 400, syntax),
        post("a list", text("[]"), 400, syntax),
        post("a text", text("\"ada@example.com\""), 400, syntax),
        post("not UTF-8", Some(b"{\"userName\":\"\xff\"}".to_vec()), 400, syntax),
        post("a key twice", text("{\"userName\":\"a\",\"userName\":\"b\"}"), 400, syntax),
        post("JSON too deep", text(&deep_json(200)), 400, syntax),
        post("JSON much too deep", text(&deep_json(100_000)), 400, syntax),
        post("a huge body", text(&huge), 413, None),
        post("no userName", text("{\"active\":true}"), 400, value),
        post("an empty userName", text("{\"userName\":\"\"}"), 400, value),
        post("a userName that is a number", text("{\"userName\":7}"), 400, value),
        post("a name that is a text", text("{\"userName\":\"a@example.com\",\"name\":\"Ada\"}"), 400, value),
        post("emails that are a number", text("{\"userName\":\"a@example.com\",\"emails\":7}"), 400, value),
        patch("no operations", text("{}"), 400, syntax),
        patch("operations that are a text", operations(&json!("remove")), 400, syntax),
        patch("an unknown operation", operations(&json!([{ "op": "move", "path": "active" }])), 400, syntax),
        patch(
            "a path that is none",
            operations(&json!([{ "op": "replace", "path": "emails[type eq", "value": 1 }])),
            400,
            Some("invalidPath"),
        ),
        get("a filter that is none", "/Users?filter=userName%20eq".to_owned(), 400, filter),
        get(
            "a filter with an unknown operator",
            "/Users?filter=userName%20is%20%22a%22".to_owned(),
            400,
            filter,
        ),
        get("a filter too deep", deep_filter, 400, filter),
        get("a path that is no endpoint", "/Widgets".to_owned(), 404, None),
        get("an id nobody has", "/Users/1".to_owned(), 404, None),
        get("a path too long", format!("/Users?filter={}", "a".repeat(9_000)), 414, None),
        ("a method the endpoint does not know", "DELETE", "/Users".to_owned(), None, 405, None),
        ("a bulk request", "POST", "/Bulk".to_owned(), text("{}"), 501, None),
        ("a search by POST", "POST", "/Users/.search".to_owned(), text("{}"), 501, None),
        get("oneself", "/Me".to_owned(), 501, None),
    ]
}

#[test]
fn what_is_wrong_by_itself_is_refused_and_no_app_is_asked() {
    let directory = TempDir::new().unwrap();
    let mut demo = Running::demo(directory.path(), &[]);
    for connection in ["hive", "honeycomb", "hotjar", "sandbox", "tines", "workiva"] {
        let mut caller = demo.caller(connection);
        for (claim, method, path, body, status, scim_type) in table() {
            let response = caller.send_bytes(method, &path, &[], body);
            assert_error(&response, status, scim_type, &format!("{connection}: {claim}"));
        }
        let body = person("ada@example.com").to_string().into_bytes();
        let packed = caller.send_bytes("POST", "/Users", &[("Content-Encoding", "gzip")], Some(body));
        assert_error(&packed, 415, None, connection);
    }
    assert_untouched(&mut demo);
}

#[test]
fn who_is_not_let_in_learns_nothing_and_no_app_is_asked() {
    let directory = TempDir::new().unwrap();
    let mut demo = Running::demo(directory.path(), &[]);
    for connection in APPS {
        let mut nobody = demo.caller(connection);
        nobody.headers.clear();
        let refused = nobody.send("POST", "/Users", &person("ada@example.com"));
        assert_error(&refused, 401, None, connection);
        assert!(refused.header("WWW-Authenticate").is_some_and(|value| value.starts_with("Bearer")));
        let refused = demo.caller_with(connection, "wrong").send("GET", "/Users", &Value::Null);
        assert_error(&refused, 401, None, connection);
        let own = demo.ready["connections"]["sandbox"]["token"].as_str().unwrap();
        let refused = demo.caller_with(connection, own).send("GET", "/Users", &Value::Null);
        assert_error(&refused, 404, None, connection);
        let unknown = demo.caller_with("slack", own).send("GET", "/Users", &Value::Null);
        assert_eq!(unknown.body, refused.body, "an unknown connection cannot be told from a foreign one");
    }
    assert_untouched(&mut demo);
}

#[test]
fn an_id_of_another_connection_is_nobody_here() {
    let directory = TempDir::new().unwrap();
    let mut demo = Running::demo(directory.path(), &[]);
    let created = demo.caller("sandbox").create("ada@example.com");
    let user = format!("/Users/{}", created["id"].as_str().unwrap());
    for connection in APPS {
        let mut caller = demo.caller(connection);
        let mut replaced = person("ada@example.com");
        replaced["id"] = created["id"].clone();
        for (method, body) in
            [("GET", Value::Null), ("PUT", replaced), ("PATCH", active(false)), ("DELETE", Value::Null)]
        {
            let response = caller.send(method, &user, &body);
            assert_error(&response, 404, None, &format!("{connection}: {method}"));
        }
    }
    assert_eq!(demo.caller("sandbox").send("GET", &user, &Value::Null).json()["active"], true);
    assert_untouched(&mut demo);
}

#[test]
fn an_operation_the_app_has_no_call_for_is_501_and_says_why() {
    let directory = TempDir::new().unwrap();
    let mut demo = Running::demo(directory.path(), &[]);
    for connection in ["hive", "honeycomb", "hotjar", "tines"] {
        let group =
            json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Readers" });
        let response = demo.caller(connection).send("POST", "/Groups", &group);
        assert_error(&response, 501, None, connection);
    }
    for app in APPS {
        let writes = |entry: &&Value| {
            entry["method"] != "GET" && !entry["path"].as_str().unwrap().ends_with("/oauth2/token")
        };
        let journal = demo.simulator(app).journal();
        assert_eq!(journal.iter().find(writes), None, "{app}");
    }
    assert!(demo.lives());
}

#[test]
fn a_filter_over_an_attribute_nobody_has_matches_nothing() {
    let directory = TempDir::new().unwrap();
    let demo = Running::demo(directory.path(), &[]);
    for connection in ["hive", "honeycomb", "hotjar", "sandbox", "tines", "workiva"] {
        let mut caller: Caller = demo.caller(connection);
        let found = caller.send("GET", "/Users?filter=shoeSize%20eq%20%2242%22", &Value::Null);
        assert_eq!((found.status, &found.json()["totalResults"]), (200, &0.into()), "{connection}");
    }
}

/// The process lives and answers, and no simulator was asked anything.
fn assert_untouched(demo: &mut Running) {
    assert!(demo.lives(), "{}", demo.log());
    assert_eq!(demo.caller("sandbox").send("GET", "/ServiceProviderConfig", &Value::Null).status, 200);
    for app in APPS {
        assert_eq!(demo.simulator(app).journal(), Vec::<Value>::new(), "{app}");
    }
    assert!(!demo.log().contains("a panic"), "{}", demo.log());
}
