use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::Router;
use axum::response::IntoResponse;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::*;
use crate::http::body::object;
use crate::http::error::Refused;
use crate::http::server::{ServerSettings, Timers, serve};

/// A listener that reads a JSON object of up to 1 MiB and answers with it.
async fn echo(timers: Timers) -> (SocketAddr, DropGuard) {
    async fn read(request: Request) -> Result<String, Refused> {
        let (head, body) = request.into_parts();
        Ok(object(&head.headers, body, 1024 * 1024).await?.to_string())
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    let routes = Router::new().fallback(|request: Request| async { read(request).await.into_response() });
    let settings = ServerSettings { timers, ..ServerSettings::default() };
    tokio::spawn(serve(listener, routes, settings, shutdown.clone()));
    (address, shutdown.drop_guard())
}

async fn answer(socket: &mut TcpStream) -> String {
    let mut answer = String::new();
    tokio::time::timeout(Duration::from_secs(5), socket.read_to_string(&mut answer)).await.unwrap().unwrap();
    answer
}

#[tokio::test]
async fn a_body_announced_too_large_is_413_before_it_is_sent() {
    let (address, _running) = echo(Timers::default()).await;
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1073741824\r\n\r\n").await.unwrap();
    let answer = answer(&mut socket).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert!(answer.contains("connection: close"), "{answer}");
}

#[tokio::test]
async fn an_unannounced_body_is_413_once_it_is_too_large_and_the_answer_arrives() {
    let (address, _running) = echo(Timers::default()).await;
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").await.unwrap();
    let chunk = [&b"10000\r\n"[..], &vec![b' '; 0x10000], b"\r\n"].concat();
    for _ in 0..32 {
        socket.write_all(&chunk).await.unwrap();
    }
    let answer = answer(&mut socket).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
}

#[tokio::test]
async fn a_body_that_pauses_is_408() {
    let timers = Timers { body_pause: Duration::from_millis(200), ..Timers::default() };
    let (address, _running) = echo(timers).await;
    let mut socket = TcpStream::connect(address).await.unwrap();
    let began = Instant::now();
    socket.write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\n{\"a\":").await.unwrap();
    let answer = answer(&mut socket).await;
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("connection: close"), "{answer}");
    assert!(began.elapsed() >= Duration::from_millis(200));
}

#[tokio::test]
async fn a_body_that_drips_is_408_when_its_time_is_over() {
    let timers = Timers {
        body: Duration::from_millis(400),
        body_pause: Duration::from_millis(300),
        ..Timers::default()
    };
    let (address, _running) = echo(timers).await;
    let socket = TcpStream::connect(address).await.unwrap();
    let (mut reading, mut writing) = socket.into_split();
    let began = Instant::now();
    let drip = tokio::spawn(async move {
        writing.write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2000\r\n\r\n").await.unwrap();
        let mut drops = tokio::time::interval(Duration::from_millis(20));
        while writing.write_all(b" ").await.is_ok() {
            drops.tick().await;
        }
    });
    let mut answer = vec![0; 12];
    reading.read_exact(&mut answer).await.unwrap();
    drip.abort();
    assert_eq!(&answer[..], b"HTTP/1.1 408");
    assert!(began.elapsed() >= Duration::from_millis(400));
}

#[tokio::test]
async fn a_body_cut_off_by_its_sender_is_not_read_as_whole() {
    let (address, _running) = echo(Timers::default()).await;
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\n{}").await.unwrap();
    socket.shutdown().await.unwrap();
    let answer = answer(&mut socket).await;
    assert!(!answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn a_socket_serves_the_next_request_after_a_bad_body() {
    let (address, _running) = echo(Timers::default()).await;
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n{").await.unwrap();
    socket
        .write_all(b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}")
        .await
        .unwrap();
    let answer = answer(&mut socket).await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert!(answer.contains("HTTP/1.1 200"), "{answer}");
}
