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

/// A request that is wrong by itself.
struct Wrong {
    claim: &'static str,
    method: &'static str,
    path: String,
    body: Option<Vec<u8>>,
    status: u16,
    scim_type: Option<&'static str>,
}

fn deep_json(depth: usize) -> String {
    format!("{{\"userName\":\"a@example.com\",\"name\":{}1{}}}", "[".repeat(depth), "]".repeat(depth))
}

fn operations(operations: &Value) -> String {
    json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations })
        .to_string()
}

fn table() -> Vec<Wrong> {
    let wrong = |claim, method, path: &str, body: Option<&str>, status, scim_type| {
        let body = body.map(|body| body.as_bytes().to_vec());
        Wrong { claim, method, path: path.to_owned(), body, status, scim_type }
    };
    let post = |claim, body: &str, kind| wrong(claim, "POST", "/Users", Some(body), 400, kind);
    let patch = |claim, body: &str, kind| wrong(claim, "PATCH", "/Users/1", Some(body), 400, kind);
    let get = |claim, path: &str, status, kind| wrong(claim, "GET", path, None, status, kind);
    let (syntax, value, filter) = (Some("invalidSyntax"), Some("invalidValue"), Some("invalidFilter"));
    let huge = format!("{{\"userName\":\"{}\"}}", "a".repeat(256 * 1024));
    let deep_filter = format!("/Users?filter={}active%20eq%20true{}", "(".repeat(500), ")".repeat(500));
    let not_utf8 = Some(b"{\"userName\":\"\xff\"}".to_vec());
    vec![
        wrong("no body", "POST", "/Users", None, 400, syntax),
        Wrong { body: not_utf8, ..post("not UTF-8", "", syntax) },
        Wrong { status: 413, ..post("a huge body", &huge, None) },
        post("an empty body", "", syntax),
        post("JSON cut short", "{\"userName\":", syntax),
        post("a list", "[]", syntax),
        post("a text", "\"ada@example.com\"", syntax),
        post("a key twice", "{\"userName\":\"a\",\"userName\":\"b\"}", syntax),
        post("JSON too deep", &deep_json(200), syntax),
        post("JSON much too deep", &deep_json(100_000), syntax),
        post("no userName", "{\"active\":true}", value),
        post("an empty userName", "{\"userName\":\"\"}", value),
        post("a userName that is a number", "{\"userName\":7}", value),
        post("a name that is a text", "{\"userName\":\"a@example.com\",\"name\":\"Ada\"}", value),
        post("emails that are a number", "{\"userName\":\"a@example.com\",\"emails\":7}", value),
        patch("no operations", "{}", syntax),
        patch("operations that are a text", &operations(&json!("remove")), syntax),
        patch("an unknown operation", &operations(&json!([{ "op": "move", "path": "active" }])), syntax),
        patch(
            "a path that is none",
            &operations(&json!([{ "op": "replace", "path": "emails[type eq", "value": 1 }])),
            Some("invalidPath"),
        ),
        get("a filter that is none", "/Users?filter=userName%20eq", 400, filter),
        get("a filter with an unknown operator", "/Users?filter=userName%20is%20%22a%22", 400, filter),
        get("a filter too deep", &deep_filter, 400, filter),
        get("a path that is no endpoint", "/Widgets", 404, None),
        get("an id nobody has", "/Users/1", 404, None),
        get("a path too long", &format!("/Users?filter={}", "a".repeat(9_000)), 414, None),
        wrong("a method the endpoint does not know", "DELETE", "/Users", None, 405, None),
        get("oneself", "/Me", 501, None),
    ]
}

#[test]
fn what_is_wrong_by_itself_is_refused_and_no_app_is_asked() {
    let directory = TempDir::new().unwrap();
    let mut demo = Running::demo(directory.path(), &[]);
    for connection in ["hive", "honeycomb", "hotjar", "sandbox", "tines", "workiva"] {
        let mut caller = demo.caller(connection);
        for Wrong { claim, method, path, body, status, scim_type } in table() {
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
