use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method};
use http_body_util::BodyExt;
use portcullis::base::secret::Token;
use portcullis::http::{FailureLimit, Peer, RouterSettings, router};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::stage::{EXPIRED_TOKEN, Listening, OTHER_TOKEN, REVOKED_TOKEN, TOKEN, gateway};

/// Every kind of endpoint below a base URL, and the methods it answers to.
const ENDPOINTS: &[(&str, &str)] = &[
    ("/ServiceProviderConfig", "GET, HEAD, OPTIONS"),
    ("/ResourceTypes", "GET, HEAD, OPTIONS"),
    ("/ResourceTypes/User", "GET, HEAD, OPTIONS"),
    ("/Schemas", "GET, HEAD, OPTIONS"),
    ("/Schemas/urn:ietf:params:scim:schemas:core:2.0:User", "GET, HEAD, OPTIONS"),
    ("/Users", "GET, HEAD, POST, OPTIONS"),
    ("/Users/", "GET, HEAD, POST, OPTIONS"),
    ("/Users/1", "GET, HEAD, PUT, PATCH, DELETE, OPTIONS"),
    ("/Groups", "GET, HEAD, POST, OPTIONS"),
    ("/Groups/1", "GET, HEAD, PUT, PATCH, DELETE, OPTIONS"),
    ("/.search", "POST, OPTIONS"),
    ("/Users/.search", "POST, OPTIONS"),
    ("/Groups/.search", "POST, OPTIONS"),
    ("/Bulk", "POST, OPTIONS"),
    ("/Me", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"),
    ("/Widgets", ""),
    ("", ""),
];

const METHODS: &[&str] = &["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PURGE"];

pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Asserts the form of RFC 7644 §3.12.
    pub(crate) fn assert_scim_error(&self, what: &str) {
        assert_eq!(self.header("content-type"), "application/scim+json", "{what}");
        let error = self.json();
        assert_eq!(error["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:Error"]), "{what}");
        assert_eq!(error["status"], self.status.to_string(), "{what}");
        assert!(error["detail"].is_string(), "{what}");
    }
}

pub(crate) fn doors(failures: u32) -> Router {
    let failures = FailureLimit { failures, ..FailureLimit::default() };
    router(gateway(), RouterSettings { failures, ..RouterSettings::default() })
}

pub(crate) async fn ask(
    doors: &Router,
    method: &str,
    path: &str,
    credentials: &[&str],
    body: &str,
) -> Answer {
    let mut request = Request::builder().method(method).uri(path).body(Body::from(body.to_owned())).unwrap();
    for value in credentials {
        let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
        request.headers_mut().append("authorization", value);
    }
    let (head, body) = doors.clone().oneshot(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes().to_vec();
    Answer { status: head.status.as_u16(), headers: head.headers, body }
}

async fn ask_well(method: &str, path: &str, body: &str) -> Answer {
    ask(&doors(10), method, path, &[&format!("Bearer {TOKEN}")], body).await
}

#[tokio::test]
async fn every_endpoint_and_method_answers_one_and_the_same_401_to_every_bad_credential() {
    let good_elsewhere = format!("Basic {TOKEN}");
    let revoked = format!("Bearer {REVOKED_TOKEN}");
    let expired = format!("Bearer {EXPIRED_TOKEN}");
    let nearly = format!("Bearer {TOKEN}x");
    let twice = format!("Bearer {TOKEN} {TOKEN}");
    let long = format!("Bearer {}", "x".repeat(600));
    let bad: [&[&str]; 18] = [
        &[],
        &[""],
        &[" "],
        &["Bearer"],
        &["Bearer "],
        &["bearer    "],
        &["Basic YWRtaW46YWRtaW4="],
        &["Basic"],
        &["Digest username=\"admin\""],
        &["wrong"],
        &["Bearer wrong"],
        &["Bearer na\u{ef}ve"],
        &[&good_elsewhere],
        &[&revoked],
        &[&expired],
        &[&nearly],
        &[&twice],
        &[&long],
    ];
    let (doors, mut bodies) = (doors(u32::MAX), BTreeSet::new());
    for (endpoint, _) in ENDPOINTS {
        for connection in ["hive", "nowhere"] {
            for method in METHODS {
                for credentials in bad {
                    let path = format!("/{connection}/scim/v2{endpoint}");
                    let answer = ask(&doors, method, &path, credentials, "{").await;
                    let what = format!("{method} {path} {credentials:?}");
                    assert_eq!(answer.status, 401, "{what}");
                    assert!(answer.header("www-authenticate").starts_with("Bearer"), "{what}");
                    if *method != "HEAD" {
                        answer.assert_scim_error(&what);
                        bodies.insert(answer.body);
                    }
                }
            }
        }
    }
    assert_eq!(bodies.len(), 1);
}

#[tokio::test]
async fn a_good_token_with_another_beside_it_is_401() {
    let good = format!("Bearer {TOKEN}");
    let answer = ask(&doors(10), "GET", "/hive/scim/v2/Users", &[&good, &good], "").await;
    assert_eq!(answer.status, 401);
}

#[tokio::test]
async fn a_token_opens_its_connection_with_any_spelling_of_the_scheme_and_without_one() {
    for scheme in ["Bearer ", "bearer ", "BEARER  ", ""] {
        let credentials = format!("{scheme}{TOKEN}");
        let answer = ask(&doors(10), "GET", "/hive/scim/v2/ServiceProviderConfig", &[&credentials], "").await;
        assert_eq!(answer.status, 200, "`{scheme}`");
        assert_eq!(answer.header("content-type"), "application/scim+json");
    }
}

#[tokio::test]
async fn a_connection_of_others_and_one_that_is_not_there_cannot_be_told_apart() {
    let (doors, mut bodies) = (doors(10), BTreeSet::new());
    for (endpoint, _) in ENDPOINTS {
        for method in METHODS.iter().filter(|method| **method != "HEAD") {
            for (connection, token) in [("hive", OTHER_TOKEN), ("nowhere", TOKEN), ("tines", TOKEN)] {
                let path = format!("/{connection}/scim/v2{endpoint}");
                let answer = ask(&doors, method, &path, &[token], "{}").await;
                assert_eq!(answer.status, 404, "{method} {path}");
                answer.assert_scim_error(&path);
                bodies.insert(answer.body);
            }
        }
    }
    assert_eq!(bodies.len(), 1);
}

#[tokio::test]
async fn the_eleventh_wrong_credential_in_a_minute_is_429_and_a_good_one_still_200() {
    let doors = doors(10);
    for _ in 0..10 {
        assert_eq!(ask(&doors, "GET", "/hive/scim/v2/Users", &["Bearer wrong"], "").await.status, 401);
    }
    let answer = ask(&doors, "GET", "/hive/scim/v2/Users", &["Bearer wrong"], "").await;
    assert_eq!(answer.status, 429);
    answer.assert_scim_error("429");
    assert!((1..=60).contains(&answer.header("retry-after").parse::<u64>().unwrap()));
    assert_eq!(ask(&doors, "GET", "/hive/scim/v2/Schemas", &[TOKEN], "").await.status, 200);
}

#[tokio::test]
async fn a_wrong_method_is_405_with_the_methods_that_are_right() {
    for (endpoint, allowed) in ENDPOINTS.iter().filter(|(_, allowed)| !allowed.is_empty()) {
        let path = format!("/hive/scim/v2{endpoint}");
        for method in METHODS.iter().filter(|method| !allowed.split(", ").any(|right| right == **method)) {
            let answer = ask_well(method, &path, "{}").await;
            assert_eq!((answer.status, answer.header("allow")), (405, *allowed), "{method} {path}");
            if *method != "HEAD" {
                answer.assert_scim_error(&path);
            }
        }
        let options = ask_well("OPTIONS", &path, "").await;
        assert_eq!((options.status, options.header("allow")), (204, *allowed), "{path}");
        assert!(options.body.is_empty());
    }
}

#[tokio::test]
async fn what_is_not_there_is_a_scim_404() {
    let below = ["/hive/scim/v2/Widgets", "/hive/scim/v2/Users/1/2", "/hive/scim/v2/Schemas/urn:x"];
    for path in ["/", "/favicon.ico", "/hive/scim/v1/Users", "/healthz/deep"].iter().chain(&below) {
        let answer = ask_well("GET", path, "").await;
        assert_eq!(answer.status, 404, "{path}");
        answer.assert_scim_error(path);
    }
}

#[tokio::test]
async fn head_answers_like_get_without_the_body() {
    for path in ["/healthz", "/hive/scim/v2/Schemas", "/hive/scim/v2/Widgets"] {
        let (get, head) = (ask_well("GET", path, "").await, ask_well("HEAD", path, "").await);
        assert_eq!((head.status, head.body.len()), (get.status, 0), "{path}");
        assert_eq!(head.header("content-type"), get.header("content-type"), "{path}");
        assert_eq!(head.header("content-length"), get.body.len().to_string(), "{path}");
    }
}

#[tokio::test]
async fn probes_need_no_token_and_answer_plain_json() {
    for path in ["/healthz", "/readyz", "/healthz/"] {
        let answer = ask(&doors(10), "GET", path, &[], "").await;
        assert_eq!((answer.status, answer.json()), (200, json!({"status": "ok"})), "{path}");
        assert_eq!(answer.header("content-type"), "application/json");
        let wrong = ask(&doors(10), "POST", path, &[], "").await;
        assert_eq!((wrong.status, wrong.header("allow")), (405, "GET, HEAD, OPTIONS"), "{path}");
    }
}

/// `/metrics` of a gateway, asked from this address.
async fn watch(settings: RouterSettings, from: &str, credentials: &[&str]) -> Answer {
    let mut request = Request::builder().uri("/metrics").body(Body::empty()).unwrap();
    request.extensions_mut().insert(Peer(from.parse().unwrap()));
    for value in credentials {
        request.headers_mut().append("authorization", HeaderValue::from_str(value).unwrap());
    }
    let (head, body) = router(gateway(), settings).oneshot(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes().to_vec();
    Answer { status: head.status.as_u16(), headers: head.headers, body }
}

#[tokio::test]
async fn without_a_token_of_its_own_metrics_are_told_on_this_machine_only() {
    let open = RouterSettings::default();
    for near in ["127.0.0.1", "::1", "::ffff:127.0.0.1"] {
        let answer = watch(open, near, &[]).await;
        assert_eq!(answer.status, 200, "{near}");
        assert_eq!(
            answer.header("content-type"),
            "application/openmetrics-text; version=1.0.0; charset=utf-8"
        );
        assert!(answer.body.ends_with(b"# EOF\n"));
    }
    let proxied = RouterSettings { behind_proxy: true, ..open };
    for (settings, from) in [(open, "192.0.2.7"), (open, "10.0.0.1"), (proxied, "127.0.0.1")] {
        let answer = watch(settings, from, &[]).await;
        answer.assert_scim_error(from);
        assert_eq!(answer.status, 404, "{from}");
    }
}

#[tokio::test]
async fn with_a_token_of_its_own_metrics_are_told_to_whoever_has_it() {
    let own = Token::parse("a-token-of-those-who-watch").unwrap();
    let settings =
        RouterSettings { metrics_token: Some(own.hash()), behind_proxy: true, ..RouterSettings::default() };
    let answer = watch(settings, "192.0.2.7", &["Bearer a-token-of-those-who-watch"]).await;
    assert_eq!(answer.status, 200);
    let of_a_connection = format!("Bearer {TOKEN}");
    for credentials in [&[][..], &["Bearer wrong"], &[&of_a_connection]] {
        assert_eq!(watch(settings, "127.0.0.1", credentials).await.status, 401, "{credentials:?}");
    }
    let doors = router(gateway(), settings);
    let elsewhere =
        ask(&doors, "GET", "/hive/scim/v2/Users", &["Bearer a-token-of-those-who-watch"], "").await;
    assert_eq!(elsewhere.status, 401, "it opens nothing else");
}

#[tokio::test]
async fn requests_are_counted_by_connection_and_operation_and_never_by_path() {
    let doors = doors(1_000);
    let good = format!("Bearer {TOKEN}");
    for number in 0..50 {
        ask(&doors, "GET", &format!("/hive/scim/v2/Schemas/urn:{number}"), &[&good], "").await;
        ask(&doors, "GET", &format!("/unknown-{number}/scim/v2/Users"), &[&good], "").await;
        ask(&doors, "GET", &format!("/nowhere/{number}"), &[], "").await;
    }
    let mut request = Request::builder().uri("/metrics").body(Body::empty()).unwrap();
    request.extensions_mut().insert(Peer([127, 0, 0, 1].into()));
    let body = doors.oneshot(request).await.unwrap().into_body().collect().await.unwrap().to_bytes();
    let text = String::from_utf8(body.to_vec()).unwrap();
    let counted: Vec<&str> =
        text.lines().filter(|line| line.starts_with("portcullis_requests_total")).collect();
    assert_eq!(counted.len(), 3, "{counted:?}");
    for line in [
        "portcullis_requests_total{connection=\"hive\",operation=\"schemas.read\",outcome=\"refused\"} 50",
        "portcullis_requests_total{connection=\"\",operation=\"users.list\",outcome=\"refused\"} 50",
        "portcullis_requests_total{connection=\"\",operation=\"unknown\",outcome=\"refused\"} 50",
    ] {
        assert!(counted.contains(&line), "`{line}` in {counted:?}");
    }
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_refused_before_anything_is_done() {
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
    for body in ["", "[]", "{\"userName\":", "userName=anna", &deep] {
        for (method, path) in [
            ("POST", "/hive/scim/v2/Users"),
            ("PUT", "/hive/scim/v2/Users/1"),
            ("PATCH", "/hive/scim/v2/Groups/1"),
        ] {
            let answer = ask_well(method, path, body).await;
            assert_eq!(answer.status, 400, "{method} {path}");
            answer.assert_scim_error(path);
            assert_eq!(answer.json()["scimType"], "invalidSyntax");
            assert!(!answer.json()["detail"].as_str().unwrap().contains("userName"));
        }
    }
}

#[tokio::test]
async fn the_me_endpoint_is_501_and_says_why() {
    let answer = ask_well("GET", "/hive/scim/v2/Me", "").await;
    assert_eq!(answer.status, 501);
    answer.assert_scim_error("/Me");
    assert!(answer.json()["detail"].as_str().unwrap().contains("/Me"));
}

#[tokio::test]
async fn a_missing_resource_is_404_and_an_empty_listing_is_200() {
    let missing = ask_well("GET", "/hive/scim/v2/Users/010101001010101011001010101011", "").await;
    assert_eq!(missing.status, 404);
    missing.assert_scim_error("missing");
    let patched = ask_well(
        Method::PATCH.as_str(),
        "/hive/scim/v2/Users/6f1d6a9e-0000-4000-8000-000000000000",
        "{\"schemas\":[\"urn:ietf:params:scim:api:messages:2.0:PatchOp\"],\
         \"Operations\":[{\"op\":\"replace\",\"value\":{\"active\":false}}]}",
    )
    .await;
    assert_eq!(patched.status, 404);
    patched.assert_scim_error("patched");
}

#[tokio::test]
async fn a_query_with_raw_quotes_gets_through_the_listener() {
    let listening = Listening::start(doors(10), portcullis::http::server::ServerSettings::default()).await;
    let ask = |query: &'static str| {
        let path = format!("/hive/scim/v2/Schemas?{query}");
        format!("GET {path} HTTP/1.1\r\nHost: a\r\nAuthorization: {TOKEN}\r\nConnection: close\r\n\r\n")
    };
    let answer = listening.say(&ask("aadOptscim062020&x=userName+eq+\"dale.mohr%40romaguera.uk\"")).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let answer = listening.say(&ask("filter=id+eq+\"x\"")).await;
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
}

thread_local! {
    static LOGGED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Keeps what is logged apart by thread: each test has one of its own.
struct OfThisThread;

impl io::Write for OfThisThread {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOGGED.with_borrow_mut(|logged| logged.extend_from_slice(bytes));
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_request_leaves_one_line_without_query_token_or_body() {
    let subscriber = tracing_subscriber::fmt().json().with_writer(|| OfThisThread).finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let mut request = Request::builder().method("PATCH").uri("/hive/scim/v2/Users/1?attributes=secret-query");
    request = request.header("authorization", format!("Bearer {TOKEN}")).header("x-request-id", "req-1");
    doors(10).oneshot(request.body(Body::from("secret body")).unwrap()).await.unwrap();
    let text = String::from_utf8(LOGGED.take()).unwrap();
    assert!(!text.contains("secret") && !text.contains(TOKEN), "{text}");
    let [line] = text.lines().collect::<Vec<_>>()[..] else { panic!("{text}") };
    let mut fields = serde_json::from_str::<Value>(line).unwrap()["fields"].clone();
    assert!(fields.as_object_mut().unwrap().remove("duration_ms").unwrap().is_u64());
    assert_eq!(
        fields,
        json!({
            "message": "request",
            "request_id": "req-1",
            "connection": "hive",
            "operation": "users.patch",
            "status": 400,
            "outcome": "refused",
            "upstream_calls": 0,
        })
    );
}
