use axum::http::HeaderValue;

use super::*;
use crate::http::router::layered;

/// Credentials in which no token can be found.
const UNREADABLE: &[&[&str]] = &[
    &[],
    &[""],
    &[" "],
    &["Bearer"],
    &["Bearer "],
    &["bearer    "],
    &["Basic YWRtaW46YWRtaW4="],
    &["Basic"],
    &["Digest username=\"admin\""],
    &["Negotiate abc"],
    &["Bearer two words"],
    &["Bearer null, Bearer null"],
    &["Bearer one", "Bearer two"],
    &["Bearer na\u{ef}ve"],
];

#[tokio::test]
async fn every_endpoint_and_method_answers_one_and_the_same_401_to_every_bad_credential() {
    let doors = doors(u32::MAX);
    let mut bodies = std::collections::BTreeSet::new();
    for endpoint in ENDPOINTS {
        for method in METHODS {
            for credentials in UNREADABLE {
                let mut request = request(method, &format!("/hive/scim/v2{endpoint}"), &[]);
                for value in *credentials {
                    let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
                    // `Basic` alone has the form of a bare token; it must not open anything either way.
                    request.headers_mut().append("authorization", value);
                }
                let (status, headers, body) = ask(&doors, request).await;
                if *credentials == ["Basic"] {
                    assert!([401, 404].contains(&status.as_u16()), "{method} {endpoint}");
                    continue;
                }
                assert_eq!(status, 401, "{method} {endpoint} {credentials:?}");
                assert!(headers["www-authenticate"].to_str().unwrap().starts_with("Bearer"));
                if *method != Method::HEAD {
                    scim_error(401, &headers, &body);
                    bodies.insert(body);
                }
            }
        }
    }
    assert_eq!(bodies.len(), 1);
}

#[tokio::test]
async fn a_token_without_its_connection_is_the_same_404_on_every_endpoint() {
    let doors = doors(10);
    let mut bodies = std::collections::BTreeSet::new();
    for endpoint in ENDPOINTS {
        let path = format!("/nowhere/scim/v2{endpoint}");
        let (status, headers, body) =
            ask(&doors, request(&Method::GET, &path, &[("authorization", "Bearer abc")])).await;
        assert_eq!(status, 404, "{endpoint}");
        scim_error(404, &headers, &body);
        bodies.insert(body);
    }
    assert_eq!(bodies.len(), 1);
}

#[tokio::test]
async fn the_eleventh_wrong_credential_in_a_minute_is_429_with_whole_seconds() {
    let doors = doors(10);
    for _ in 0..10 {
        let (status, ..) = ask(&doors, request(&Method::GET, "/hive/scim/v2/Users", &[])).await;
        assert_eq!(status, 401);
    }
    let (status, headers, body) = ask(&doors, request(&Method::GET, "/hive/scim/v2/Users", &[])).await;
    assert_eq!(status, 429);
    scim_error(429, &headers, &body);
    let wait: u64 = headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
}

#[tokio::test]
async fn probes_need_no_token_and_answer_plain_json() {
    for path in ["/healthz", "/readyz", "/healthz/"] {
        let (status, headers, body) = ask(&doors(10), request(&Method::GET, path, &[])).await;
        assert_eq!((status.as_u16(), &body[..]), (200, &b"{\"status\":\"ok\"}"[..]), "{path}");
        assert_eq!(headers["content-type"], "application/json");
        let (status, headers, _) = ask(&doors(10), request(&Method::POST, path, &[])).await;
        assert_eq!(
            (status.as_u16(), &headers["allow"]),
            (405, &HeaderValue::from_static("GET, HEAD, OPTIONS"))
        );
    }
}

#[tokio::test]
async fn what_lies_outside_every_base_url_is_a_scim_404() {
    for path in ["/", "/favicon.ico", "/hive/scim/v1/Users", "/hive/Users", "/healthz/deep"] {
        let (status, headers, body) = ask(&doors(10), request(&Method::GET, path, &[])).await;
        assert_eq!(status, 404, "{path}");
        scim_error(404, &headers, &body);
    }
}

#[tokio::test]
async fn head_answers_like_get_without_the_body() {
    let (_, expected, body) = ask(&doors(10), request(&Method::GET, "/healthz", &[])).await;
    let (status, headers, nothing) = ask(&doors(10), request(&Method::HEAD, "/healthz", &[])).await;
    assert_eq!((status.as_u16(), nothing.len()), (200, 0));
    assert_eq!(headers["content-type"], expected["content-type"]);
    assert_eq!(headers["content-length"], body.len().to_string());
}

#[tokio::test]
async fn a_sane_request_id_comes_back_and_another_is_replaced() {
    let long = "x".repeat(129);
    for (given, kept) in
        [("req-1_a.B", true), ("", false), ("two words", false), ("a;b", false), (&long, false)]
    {
        let (_, headers, _) =
            ask(&doors(10), request(&Method::GET, "/healthz", &[("x-request-id", given)])).await;
        let id = headers["x-request-id"].to_str().unwrap();
        assert_eq!(id == given, kept, "`{given}` became `{id}`");
        assert!(!id.is_empty());
    }
}

#[tokio::test]
async fn a_panic_is_a_500_that_does_not_tell_its_message() {
    async fn breaks() {
        panic!("the token is abc");
    }
    let doors = layered(Router::new().fallback(breaks), door());
    let (status, headers, body) =
        ask(&doors, request(&Method::GET, "/hive/scim/v2/Users", &[("x-request-id", "req-1")])).await;
    assert_eq!(status, 500);
    assert_eq!(headers["x-request-id"], "req-1");
    assert!(!scim_error(500, &headers, &body).to_string().contains("abc"));
}

#[tokio::test]
async fn a_handler_runs_inside_the_context_of_its_request() {
    async fn tells() -> String {
        crate::base::context::current().unwrap().request_id
    }
    let doors = layered(Router::new().fallback(tells), door());
    let (_, _, body) = ask(&doors, request(&Method::GET, "/", &[("x-request-id", "req-7")])).await;
    assert_eq!(&body[..], b"req-7");
}
