use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::routing::{get, post};
use hyper::body::Frame;
use portcullis::http::Peer;
use portcullis::http::server::{Limits, ServerSettings, Timers};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::stage::{Listening, answer, open_for, rest};

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const GET_AND_CLOSE: &str = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// The usual timers, all of them longer than a test waits, less the one that is to be seen.
fn with(change: impl FnOnce(&mut Timers)) -> ServerSettings {
    let mut settings = ServerSettings::default();
    change(&mut settings.timers);
    settings
}

fn hello() -> Router {
    Router::new().fallback(|| async { "hello" })
}

/// Not before it was due, and not much later.
fn assert_due(open: Duration, after: Duration) {
    // The listener's clock may have started a little before ours.
    assert!(open + millis(20) >= after, "{open:?}, before {after:?}");
    assert!(open < after + Duration::from_secs(2), "{open:?}, long after {after:?}");
}

const DUE: Duration = Duration::from_millis(300);

#[tokio::test]
async fn a_silent_socket_is_closed_when_its_first_byte_is_due_and_not_before() {
    let listening = Listening::start(hello(), with(|timers| timers.first_byte = DUE)).await;
    assert_due(open_for(&mut listening.connect().await).await, DUE);
}

#[tokio::test]
async fn a_single_byte_does_not_buy_more_than_the_time_for_a_head() {
    let listening = Listening::start(hello(), with(|timers| timers.header = DUE)).await;
    let mut socket = listening.connect().await;
    socket.write_all(b"G").await.unwrap();
    assert_due(open_for(&mut socket).await, DUE);
}

#[tokio::test]
async fn half_a_head_is_closed_when_the_head_is_due() {
    let listening = Listening::start(hello(), with(|timers| timers.header = DUE)).await;
    let mut socket = listening.connect().await;
    socket.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nX-Half").await.unwrap();
    assert_due(open_for(&mut socket).await, DUE);
}

#[tokio::test]
async fn a_head_that_drips_is_closed_when_the_head_is_due() {
    let listening = Listening::start(hello(), with(|timers| timers.header = DUE)).await;
    let (mut reading, mut writing) = listening.connect().await.into_split();
    let drip = tokio::spawn(async move {
        let mut drops = tokio::time::interval(millis(30));
        writing.write_all(b"GET / HTTP/1.1\r\nX-Drip: ").await.unwrap();
        while writing.write_all(b"x").await.is_ok() {
            drops.tick().await;
        }
    });
    assert_due(open_for(&mut reading).await, DUE);
    drip.abort();
}

#[tokio::test]
async fn an_idle_socket_is_kept_for_its_time_and_then_closed() {
    let listening = Listening::start(hello(), with(|timers| timers.idle = DUE)).await;
    let mut socket = listening.connect().await;
    for _ in 0..2 {
        socket.write_all(GET.as_bytes()).await.unwrap();
        assert!(answer(&mut socket).await.ends_with("hello"));
    }
    assert_due(open_for(&mut socket).await, DUE);
}

#[tokio::test]
async fn an_answer_says_that_the_socket_ends_where_the_body_was_not_read() {
    let routes = hello().route("/read", post(|_: Bytes| async { "read" }));
    let listening = Listening::start(routes, ServerSettings::default()).await;
    let mut socket = listening.connect().await;
    for _ in 0..2 {
        socket.write_all(b"POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}").await.unwrap();
        assert!(!answer(&mut socket).await.to_lowercase().contains("connection: close"));
    }
    socket.write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n").await.unwrap();
    assert!(answer(&mut socket).await.to_lowercase().contains("connection: close"));
}

#[tokio::test]
async fn a_request_is_answered_beside_a_crowd_of_silent_ones() {
    let listening = Listening::start(hello(), ServerSettings::default()).await;
    let mut crowd = Vec::new();
    for number in 0..300 {
        let mut socket = listening.connect().await;
        if number % 2 == 0 {
            socket.write_all(b"GET / HTTP/1.1\r\nX-Half").await.unwrap();
        }
        crowd.push(socket);
    }
    assert!(listening.say(GET_AND_CLOSE).await.ends_with("hello"));
    drop(crowd);
    assert_eq!(listening.stop().await, 0);
}

#[tokio::test]
async fn an_http_2_preface_is_refused_at_once() {
    let listening = Listening::start(hello(), ServerSettings::default()).await;
    let mut socket = listening.connect().await;
    socket.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    let began = std::time::Instant::now();
    let answer = rest(&mut socket).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert!(began.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn a_head_over_a_limit_is_431_or_414_and_the_answer_arrives() {
    let listening = Listening::start(hello(), ServerSettings::default()).await;
    let header = |bytes: usize| format!("GET / HTTP/1.1\r\nHost: a\r\nX-Long: {}\r\n\r\n", "x".repeat(bytes));
    let headers = |count: usize| format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(count));
    let uri = |bytes: usize| format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(bytes));
    for (request, expected) in [
        (header(17 * 1024), "HTTP/1.1 431"),
        (header(200 * 1024), "HTTP/1.1 431"),
        (headers(65), "HTTP/1.1 431"),
        (uri(8 * 1024), "HTTP/1.1 414"),
        (uri(200 * 1024), "HTTP/1.1 431"),
    ] {
        let answer = listening.say(&request).await;
        assert!(answer.starts_with(expected), "{expected}: {answer}");
    }
    let close = |request: String| request.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
    for request in [header(15 * 1024), uri(8 * 1024 - 1)] {
        let answer = listening.say(&close(request)).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
}

/// Head and JSON body of an answer.
fn error_of(answer: &str) -> (&str, serde_json::Value) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head, serde_json::from_str(body).unwrap())
}

#[tokio::test]
async fn a_head_that_cannot_be_read_is_answered_with_a_scim_error_and_an_id() {
    let listening = Listening::start(hello(), ServerSettings::default()).await;
    let large = format!("GET / HTTP/1.1\r\nX-Long: {}\r\n\r\n", "x".repeat(200 * 1024));
    let over = format!("GET / HTTP/1.1\r\nX-Long: {}\r\n\r\n", "x".repeat(17 * 1024));
    let long = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(8 * 1024));
    for (request, status) in [
        (large.as_str(), "431"),
        (over.as_str(), "431"),
        (long.as_str(), "414"),
        ("GET / HTTP/1.1\r\nno colon\r\n\r\n", "400"),
        ("GET /\u{1} HTTP/1.1\r\n\r\n", "400"),
        ("nonsense\r\n\r\n", "400"),
    ] {
        let answer = listening.say(request).await;
        let (head, error) = error_of(&answer);
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{head}");
        let head = head.to_lowercase();
        for header in
            ["content-type: application/scim+json", "x-request-id: 0", "connection: close", "date: "]
        {
            assert!(head.contains(&format!("\r\n{header}")), "{header}: {head}");
        }
        assert_eq!(error["schemas"], serde_json::json!(["urn:ietf:params:scim:api:messages:2.0:Error"]));
        assert_eq!(error["status"], status);
    }
    let to_head = listening.say(&large.replacen("GET", "HEAD", 1)).await;
    assert!(to_head.starts_with("HTTP/1.1 431") && to_head.ends_with("\r\n\r\n"), "{to_head}");
}

#[tokio::test]
async fn a_head_that_cannot_be_read_after_an_answer_is_answered_too() {
    let listening = Listening::start(hello(), ServerSettings::default()).await;
    let mut socket = listening.connect().await;
    socket.write_all(GET.as_bytes()).await.unwrap();
    assert!(answer(&mut socket).await.ends_with("hello"));
    socket.write_all(b"GET / HTTP/1.1\r\nno colon\r\n\r\n").await.unwrap();
    let refused = rest(&mut socket).await;
    assert_eq!(error_of(&refused).1["scimType"], "invalidSyntax");
    // Two at once: the second may be answered bare, and never in the middle of the first.
    let both = listening.say(&format!("{GET}GET / HTTP/1.1\r\nno colon\r\n\r\n")).await;
    let (first, second) = both.split_once("hello").unwrap();
    assert!(first.starts_with("HTTP/1.1 200") && second.starts_with("HTTP/1.1 400"), "{both}");
}

#[tokio::test]
async fn what_can_be_read_in_two_ways_ends_the_conversation() {
    let listening = Listening::start(hello(), ServerSettings::default()).await;
    let hidden = "GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n";
    for head in [
        "Content-Length: 4\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 4",
        "Content-Length: 4\r\nContent-Length: 5",
        "Content-Length: 4, 5",
        "Content-Length: +4",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding : chunked",
        "Content-Length: 4\r\n Content-Length: 5",
    ] {
        let answer =
            listening.say(&format!("POST / HTTP/1.1\r\nHost: a\r\n{head}\r\n\r\n0\r\n\r\n{hidden}")).await;
        assert!(answer.matches("HTTP/1.1 ").count() <= 1, "{head}: {answer}");
    }
}

#[tokio::test]
async fn one_address_has_no_more_than_its_share_of_sockets() {
    let limits = Limits { sockets_per_address: 2, ..Limits::default() };
    let listening = Listening::start(hello(), ServerSettings { limits, ..ServerSettings::default() }).await;
    let mut kept = Vec::new();
    for _ in 0..2 {
        let mut socket = listening.connect().await;
        socket.write_all(GET.as_bytes()).await.unwrap();
        assert!(answer(&mut socket).await.ends_with("hello"));
        kept.push(socket);
    }
    assert_eq!(rest(&mut listening.connect().await).await, "");
    let mut leaving = kept.pop().unwrap();
    leaving.write_all(GET_AND_CLOSE.as_bytes()).await.unwrap();
    assert!(rest(&mut leaving).await.ends_with("hello"));
    drop(leaving);
    // The place is free a moment after the socket is closed.
    loop {
        let mut socket = listening.connect().await;
        if socket.write_all(GET_AND_CLOSE.as_bytes()).await.is_ok()
            && rest(&mut socket).await.ends_with("hello")
        {
            break;
        }
    }
}

#[tokio::test]
async fn more_sockets_than_there_are_places_wait_their_turn() {
    let limits = Limits { sockets: 1, ..Limits::default() };
    let listening =
        Listening::start(hello(), ServerSettings { limits, ..with(|timers| timers.first_byte = DUE) }).await;
    let silent = listening.connect().await;
    assert!(listening.say(GET_AND_CLOSE).await.ends_with("hello"));
    drop(silent);
}

#[tokio::test]
async fn a_request_knows_where_it_comes_from() {
    let tell = |request: Request| async move { request.extensions().get::<Peer>().unwrap().0.to_string() };
    let listening = Listening::start(Router::new().fallback(tell), ServerSettings::default()).await;
    assert!(listening.say(GET_AND_CLOSE).await.ends_with("127.0.0.1"));
}

/// A body without end that tells when it is dropped.
struct Endless {
    _dropped: DropGuard,
}

impl hyper::body::Body for Endless {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[0; 8_192])))))
    }
}

#[tokio::test]
async fn an_answer_nobody_reads_is_given_up() {
    let dropped = CancellationToken::new();
    let body = dropped.clone();
    let routes = Router::new().fallback(async move || Body::new(Endless { _dropped: body.drop_guard() }));
    let listening = Listening::start(routes, with(|timers| timers.write = DUE)).await;
    let mut socket = listening.connect().await;
    socket.write_all(GET.as_bytes()).await.unwrap();
    assert_ne!(socket.read_u8().await.unwrap(), 0);
    tokio::time::timeout(Duration::from_secs(5), dropped.cancelled()).await.unwrap();
}

/// `/held` answers once `release` is notified and tells through `arrived` that it runs.
fn held(arrived: &'static Notify, release: &'static Notify) -> Router {
    let handler = move || async move {
        arrived.notify_one();
        release.notified().await;
        "done"
    };
    hello().route("/held", get(handler))
}

fn notify() -> &'static Notify {
    Box::leak(Box::new(Notify::new()))
}

#[tokio::test]
async fn a_shutdown_lets_the_running_request_finish_and_says_that_the_socket_ends() {
    let (arrived, release) = (notify(), notify());
    let listening = Listening::start(held(arrived, release), ServerSettings::default()).await;
    let mut idle = listening.connect().await;
    idle.write_all(GET.as_bytes()).await.unwrap();
    assert!(answer(&mut idle).await.ends_with("hello"));
    let mut silent = listening.connect().await;
    let mut busy = listening.connect().await;
    busy.write_all(b"GET /held HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    arrived.notified().await;
    listening.shutdown.cancel();
    assert_eq!(rest(&mut idle).await, "");
    assert_eq!(rest(&mut silent).await, "");
    assert!(tokio::net::TcpStream::connect(listening.address).await.is_err());
    release.notify_one();
    let answer = rest(&mut busy).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("done"), "{answer}");
    assert!(answer.contains("connection: close"), "{answer}");
    assert_eq!(listening.stop().await, 0);
}

#[tokio::test]
async fn a_request_that_never_ends_is_dropped_when_the_drain_is_over() {
    let (arrived, release) = (notify(), notify());
    let listening = Listening::start(held(arrived, release), with(|timers| timers.drain = DUE)).await;
    let mut busy = listening.connect().await;
    busy.write_all(b"GET /held HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    arrived.notified().await;
    let began = std::time::Instant::now();
    assert_eq!(listening.stop().await, 1);
    assert_due(began.elapsed(), DUE);
    assert_eq!(rest(&mut busy).await, "");
}
