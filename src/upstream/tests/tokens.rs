use futures_util::future::join_all;

use super::server::{Reply, Server, answer};
use super::*;

/// Grants the tokens `t0`, `t1`, … for ten minutes each, and lets in the ones that `valid` accepts.
async fn app(valid: impl Fn(usize, &str) -> bool + Send + Sync + 'static) -> Server {
    let granted = std::sync::atomic::AtomicUsize::new(0);
    Server::start(move |n, request| {
        if request.starts_with("POST /token") {
            let number = granted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            let body = format!(r#"{{"access_token":"t{number}","token_type":"bearer","expires_in":600}}"#);
            return answer(200, &[], body.as_bytes());
        }
        if valid(n, request) { answer(200, &[], b"{}") } else { answer(401, &[], b"{}") }
    })
    .await
}

fn with_client(server: &Server, wire: Wire) -> Upstream {
    let credential = Credential::Client(ClientCredentials {
        token_url: format!("{}/token", server.url),
        client_id: "gateway".to_owned(),
        client_secret: "hunter2".into(),
        scopes: vec!["users:read".to_owned(), "users:write".to_owned()],
    });
    client(&server.url, credential, wire)
}

#[tokio::test]
async fn fifty_requests_at_once_fetch_one_token() {
    let server = app(|_, request| request.contains("authorization: Bearer t0\r\n")).await;
    let upstream = with_client(&server, wire());
    let came = join_all((0..50).map(|_| upstream.send(Request::get("/users")))).await;
    assert!(came.iter().all(|came| came.as_ref().unwrap().status == 200));
    assert_eq!(server.count_of("POST /token"), 1);
    let fetch = server.requests.lock().unwrap()[0].clone();
    let form = "grant_type=client_credentials&client_id=gateway&client_secret=hunter2&scope=users%3Aread+users%3Awrite";
    assert!(fetch.ends_with(form), "{fetch}");
    assert!(!format!("{upstream:?}").contains("hunter2"));
    assert!(!format!("{upstream:?}").contains("t0"));
}

#[tokio::test]
async fn a_token_that_ends_in_the_middle_of_a_job_is_renewed_once() {
    let server = app(|_, request| request.contains("Bearer t1\r\n")).await;
    let upstream = with_client(&server, wire());
    let came = join_all((0..20).map(|_| upstream.send(Request::post("/users")))).await;
    assert!(came.iter().all(|came| came.as_ref().unwrap().status == 200), "{came:?}");
    assert_eq!(server.count_of("POST /token"), 2);
}

#[tokio::test]
async fn a_second_401_is_the_answer() {
    let server = app(|_, _| false).await;
    let response = with_client(&server, wire()).send(Request::get("/users")).await.unwrap();
    assert_eq!(response.status, 401);
    assert_eq!((server.count_of("POST /token"), server.count_of("GET /users")), (2, 2));
}

#[tokio::test]
async fn a_fixed_credential_is_not_tried_again_after_a_401() {
    let server = app(|_, _| false).await;
    let upstream = client(&server.url, Credential::Bearer("t".into()), wire());
    assert_eq!(upstream.send(Request::get("/users")).await.unwrap().status, 401);
    assert_eq!(server.count(), 1);
}

#[tokio::test]
async fn a_token_is_renewed_before_it_ends() {
    let server = app(|_, _| true).await;
    let clock = Arc::new(ManualClock::starting_at(NOW));
    let upstream = with_client(&server, Wire { clock: clock.clone(), ..wire() });
    for (later, fetched) in [(0, 1), (539, 1), (1, 2), (539, 2)] {
        clock.advance(Duration::from_secs(later));
        upstream.send(Request::get("/users")).await.unwrap();
        assert_eq!(server.count_of("POST /token"), fetched);
    }
}

#[tokio::test]
async fn a_refused_client_is_told_by_its_code_and_tried_anew_next_time() {
    let server = Server::start(|_, _| answer(401, &[], br#"{"error":"invalid_client"}"#)).await;
    let upstream = with_client(&server, wire());
    for fetched in 1..3 {
        let came = upstream.send(Request::post("/users")).await;
        assert_eq!(came.unwrap_err(), Failure::Refused("invalid_client".to_owned()));
        assert_eq!(server.count(), fetched);
    }
}

#[tokio::test]
async fn a_token_endpoint_in_trouble_means_nothing_was_sent() {
    let server = Server::start(|_, _| Reply::Hang).await;
    let came = with_client(&server, wire()).send(Request::post("/users")).await;
    assert!(matches!(came, Err(Failure::NotSent(_))), "{came:?}");
    assert_eq!((server.count_of("POST /token"), server.count_of("POST /users")), (2, 0));
}

#[tokio::test]
async fn fifty_requests_share_one_refusal() {
    let server = Server::start(|_, _| answer(400, &[], br#"{"error":"invalid_scope"}"#)).await;
    let upstream = with_client(&server, wire());
    let came = join_all((0..50).map(|_| upstream.send(Request::get("/users")))).await;
    assert!(came.iter().all(|came| matches!(came, Err(Failure::Refused(_)))));
    assert_eq!(server.count(), 1);
}

#[tokio::test]
async fn a_credential_that_cannot_be_sent_is_refused_without_being_shown() {
    let settings =
        |credential| Settings { base_url: "https://api.example.com".to_owned(), credential, wire: wire() };
    for credential in [
        Credential::Bearer("s3cret\r\nx: y".into()),
        Credential::Header { name: "x-key", value: "s3cret\n".into() },
    ] {
        let error = Upstream::new(settings(credential)).unwrap_err();
        assert!(!error.contains("s3cret"), "{error}");
    }
}
