use std::sync::atomic::Ordering;

use futures_util::future::join_all;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use super::server::{Reply, Server, answer};
use super::*;
use crate::base::context::Context;
use crate::base::lane::Lane;

/// 100 KiB of zeros, as `gzip -9` packs them.
const BOMB: &str = "1f8b08000000000002ffedc101010000008220ffaf6e4840010000000000000000000000000000000000000000000000\
    000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000\
    0000000000000000000000000000000000000000000000000000007c186185f84a00900100";

fn bomb() -> Vec<u8> {
    let digits: Vec<u8> =
        BOMB.chars().map(|digit| u8::try_from(digit.to_digit(16).unwrap()).unwrap()).collect();
    digits.chunks(2).map(|pair| pair[0] * 16 + pair[1]).collect()
}

#[tokio::test]
async fn a_request_arrives_as_it_was_put_together() {
    let server = Server::start(|_, _| answer(201, &[], br#"{"id":1}"#)).await;
    let key = Credential::Header { name: "X-Key", value: "s3cret".into() };
    let upstream = client(&format!("{}/v1/", server.url), key, wire());
    let request = Request::post(format!("/users/{}", segment("a/b")))
        .query("q", "x y&z")
        .json(json!({"b": 1, "a": 2}))
        .media("application/scim+json");
    let context = Context::new("r-1", Duration::from_secs(25));
    let response = context.clone().scope(upstream.send(request)).await.unwrap();
    assert_eq!((response.status, response.body.as_slice()), (201, br#"{"id":1}"#.as_slice()));

    let seen = server.requests.lock().unwrap()[0].to_lowercase();
    assert!(seen.starts_with("post /v1/users/a%2fb?q=x+y%26z http/1.1\r\n"), "{seen}");
    assert!(seen.contains("x-key: s3cret\r\n") && seen.contains("content-type: application/scim+json\r\n"));
    assert!(seen.ends_with(r#"{"b":1,"a":2}"#), "{seen}");
    let calls = context.calls();
    assert_eq!(calls.len(), 1);
    assert_eq!(
        (calls[0].path.as_str(), calls[0].status, calls[0].attempt),
        ("/v1/users/a%2Fb", Some(201), 1)
    );
    assert!(!format!("{upstream:?}").contains("s3cret"));
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_where_twice_is_harmless() {
    for request in [Request::get("/a"), Request::put("/a"), Request::post("/a").safety(Safety::Idempotent)] {
        let server = Server::start(|n, _| if n == 0 { Reply::Hang } else { answer(200, &[], b"{}") }).await;
        assert_eq!(open(&server.url).send(request).await.unwrap().status, 200);
        assert_eq!(server.count(), 2);
    }
}

#[tokio::test]
async fn a_refusal_of_the_second_attempt_says_nothing_of_the_first() {
    for (request, is_lost) in [(Request::put("/a"), true), (Request::get("/a"), false)] {
        let server = Server::start(|n, _| if n == 0 { Reply::Hang } else { answer(429, &[], b"{}") }).await;
        let came = open(&server.url).send(request).await;
        assert_eq!(matches!(came, Err(Failure::Lost(_))), is_lost, "{came:?}");
        assert!(server.count() > 1);
    }
}

#[tokio::test]
async fn a_create_is_never_sent_again_after_its_answer_was_lost() {
    for reply in [|| Reply::Hang, || Reply::Bytes(b"HTTP/1.1 201 x\r\ncontent-length: 9\r\n\r\n{".to_vec())] {
        let server = Server::start(move |_, _| reply()).await;
        let came = open(&server.url).send(Request::post("/users").json(json!({}))).await;
        assert!(matches!(came, Err(Failure::Lost(_))), "{came:?}");
        assert_eq!(server.count(), 1);
    }
    for status in [500, 502, 503, 504] {
        let server = Server::start(move |_, _| answer(status, &[], b"")).await;
        assert_eq!(open(&server.url).send(Request::post("/users")).await.unwrap().status, status);
        assert_eq!(server.count(), 1, "{status}");
    }
    let server = Server::start(|_, _| answer(503, &["Retry-After: 1"], b"")).await;
    let response = open(&server.url).send(Request::post("/users")).await.unwrap();
    assert_eq!(
        (response.status, server.count()),
        (503, 1),
        "a proxy says so, too, after the app has created"
    );
}

#[tokio::test]
async fn a_create_that_was_not_let_in_is_sent_again() {
    let server =
        Server::start(|n, _| if n < 4 { answer(429, &[], b"") } else { answer(201, &[], b"") }).await;
    assert_eq!(open(&server.url).send(Request::post("/users")).await.unwrap().status, 201);
    assert_eq!(server.count(), 5);
}

#[tokio::test]
async fn without_a_connection_nothing_was_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let context = Context::new("r-1", Duration::from_secs(25));
    let upstream = open(&format!("http://{address}"));
    let came = context.clone().scope(upstream.send(Request::post("/users"))).await;
    assert!(matches!(came, Err(Failure::NotSent(_))), "{came:?}");
    let attempts: Vec<_> = context.calls().iter().map(|call| (call.attempt, call.status)).collect();
    assert_eq!(attempts, [(1, None), (2, None)]);
}

#[tokio::test]
async fn a_handshake_that_fails_sent_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let upstream = open(&format!("https://{}", listener.local_addr().unwrap()));
    let answering = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _gone = stream.write_all(b"HTTP/1.1 400 not tls\r\n\r\n").await;
        }
    });
    let came = upstream.send(Request::post("/users")).await;
    assert!(matches!(came, Err(Failure::NotSent(_))), "{came:?}");
    answering.abort();
}

#[tokio::test]
async fn a_wait_that_outlasts_the_caller_is_handed_on() {
    let cases = [
        (429, "Retry-After: 60", 60),
        (503, "Retry-After: Tue, 14 Nov 2023 22:14:50 GMT", 90),
        (429, "RateLimit: limit=50, remaining=0, reset=45", 45),
    ];
    for (status, header, seconds) in cases {
        let server = Server::start(move |_, _| answer(status, &[header], b"")).await;
        let response = open(&server.url).send(Request::post("/users")).await.unwrap();
        assert_eq!((response.status, response.retry_after), (status, Some(Duration::from_secs(seconds))));
        assert_eq!(server.count(), 1);
    }
}

#[tokio::test]
async fn the_caller_s_deadline_ends_the_attempts() {
    let server = Server::start(|_, _| Reply::Stall(Vec::new())).await;
    let context = Context::new("r-1", Duration::from_secs(4));
    let (upstream, scope) = (open(&server.url), context.clone());
    let asked = tokio::spawn(async move { scope.scope(upstream.send(Request::get("/users"))).await });
    // The clock stands still until the request is there, and from then on only waiting moves it.
    server.arrived.notified().await;
    tokio::time::pause();
    let came = asked.await.unwrap();
    assert!(matches!(came, Err(Failure::Lost(_))), "{came:?}");
    assert_eq!(server.count(), 1);
    let over = Context::new("r-2", Duration::ZERO);
    let came = over.scope(open(&server.url).send(Request::get("/users"))).await;
    assert!(matches!(came, Err(Failure::NotSent(_))), "{came:?}");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let other = Server::start(|_, _| answer(200, &[], b"{}")).await;
    for status in [301, 302, 307, 308] {
        let location = format!("location: {}/metadata", other.url);
        let server = Server::start(move |_, _| answer(status, &[&location], b"")).await;
        let came = open(&server.url).send(Request::get("/users")).await;
        assert!(matches!(came, Err(Failure::Redirected(_))), "{came:?}");
        assert_eq!(server.count(), 1);
    }
    assert_eq!(other.count(), 0);
}

#[tokio::test]
async fn an_answer_over_the_limit_is_unusable_however_it_is_packed() {
    let packed = || answer(200, &["content-encoding: gzip"], &bomb());
    let plain = || answer(200, &[], &[b' '; 1_025]);
    let endless = || Reply::Endless(b"HTTP/1.1 200 x\r\ntransfer-encoding: chunked\r\n\r\n".to_vec());
    for reply in [packed, plain, endless] {
        let server = Server::start(move |_, _| reply()).await;
        let came = open(&server.url).send(Request::get("/users")).await;
        assert_eq!(came.unwrap_err(), Failure::Unusable("over 1024 bytes".to_owned()));
        assert_eq!(server.count(), 1);
    }
    assert!(bomb().len() < 1_024);
    let server = Server::start(|_, _| answer(200, &[], &[b' '; 1_024])).await;
    assert_eq!(open(&server.url).send(Request::get("/users")).await.unwrap().body.len(), 1_024);
}

#[tokio::test]
async fn a_packed_answer_is_unpacked() {
    let server = Server::start(|_, _| answer(200, &["content-encoding: gzip"], &bomb())).await;
    let wide = Wire { body_limit: 200_000, ..wire() };
    let response = client(&server.url, Credential::None, wide).send(Request::get("/users")).await.unwrap();
    assert_eq!(response.body, vec![0; 102_400]);
}

#[tokio::test]
async fn a_body_that_stalls_is_lost_but_a_refusal_needs_none() {
    let quick = || Wire { attempt: Duration::from_millis(60), ..wire() };
    let head = |status: u16| format!("HTTP/1.1 {status} x\r\ncontent-length: 9\r\n\r\n{{").into_bytes();
    let server = Server::start(move |_, _| Reply::Stall(head(201))).await;
    let came = client(&server.url, Credential::None, quick()).send(Request::post("/users")).await;
    assert!(matches!(came, Err(Failure::Lost(_))), "{came:?}");
    assert_eq!(server.count(), 1);

    let server = Server::start(move |_, _| Reply::Bytes(head(404))).await;
    let response = open(&server.url).send(Request::get("/users/1")).await.unwrap();
    assert_eq!((response.status, response.body.as_slice()), (404, b"{".as_slice()));
}

#[tokio::test]
async fn a_name_for_a_private_address_is_not_dialled() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let upstream = client(&url, Credential::None, Wire { private: false, ..wire() });
    let came = upstream.send(Request::get("/users")).await;
    assert!(matches!(&came, Err(Failure::NotSent(text)) if text.contains("no public address")), "{came:?}");
    let dialled = tokio::time::timeout(Duration::from_millis(20), listener.accept()).await;
    assert!(dialled.is_err());
}

#[tokio::test]
async fn no_more_requests_are_under_way_than_allowed() {
    let server = Server::start(|_, _| answer(200, &[], b"{}")).await;
    let upstream = client(&server.url, Credential::None, Wire { concurrency: 3, ..wire() });
    let came = join_all((0..30).map(|_| upstream.send(Request::get("/users")))).await;
    assert!(came.iter().all(Result::is_ok));
    assert!((2..=3).contains(&server.most_at_once.load(Ordering::SeqCst)));
}

#[tokio::test]
async fn whoever_does_not_leave_holds_back_after_a_429() {
    let server =
        Server::start(|n, _| if n < 5 { answer(429, &[], b"{}") } else { answer(200, &[], b"{}") }).await;
    let upstream = client(&server.url, Credential::None, Wire { concurrency: 16, ..wire() });
    assert_eq!(upstream.send(Request::get("/users")).await.unwrap().status, 429);
    let most_of = async |lane: Lane| {
        server.most_at_once.store(0, Ordering::SeqCst);
        let sent = (0..10).map(|_| lane.scope(upstream.send(Request::get("/users"))));
        assert!(join_all(sent).await.iter().flatten().all(|came| came.status == 200));
        server.most_at_once.load(Ordering::SeqCst)
    };
    assert!((1..=4).contains(&most_of(Lane::Update).await));
    assert!(most_of(Lane::Leave).await > 4);
}

#[tokio::test]
async fn a_path_that_would_leave_the_base_is_not_sent() {
    let server = Server::start(|_, _| answer(200, &[], b"{}")).await;
    let came = open(&server.url).send(Request::delete(format!("/users/{}", segment("..")))).await;
    assert!(matches!(came, Err(Failure::NotSent(_))), "{came:?}");
    assert_eq!(server.count(), 0);
}

/// A name that nobody ever answers.
#[derive(Debug)]
struct Silent;

#[async_trait::async_trait]
impl Names for Silent {
    async fn addresses(&self, _host: &str) -> std::io::Result<Vec<std::net::SocketAddr>> {
        std::future::pending().await
    }
}

#[tokio::test]
async fn what_never_got_a_connection_was_not_sent_however_short_the_attempt() {
    let attempt = Duration::from_millis(400);
    let hurried = Wire { names: Arc::new(Silent), attempt, total: 3 * attempt, ..wire() };
    let upstream = client("http://app.test", Credential::None, hurried);
    let came = upstream.send(Request::post("/users")).await;
    assert!(matches!(came, Err(Failure::NotSent(_))), "{came:?}");
}
