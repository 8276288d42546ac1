//! A small load generator: requests over kept-alive HTTP/1.1 connections, one at a time on each.

use std::cell::Cell;
use std::fmt;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Result;

/// Connections at once.
const CONNECTIONS: usize = 64;

/// How much to ask for, and what the answers must be.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    pub expected: u16,
    /// Requests at the most.
    pub most: usize,
    /// Time at the most.
    pub span: Duration,
}

/// What came of a load.
#[derive(Debug)]
pub struct Rate {
    pub answers: usize,
    pub took: Duration,
    /// Slowest of the fastest half, and of all but a hundredth.
    pub half: Duration,
    pub most: Duration,
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = |duration: Duration| duration.as_secs_f64() * 1_000.0;
        #[expect(clippy::cast_precision_loss, reason = "no run answers more than 2^52 times")]
        let rate = self.answers as f64 / self.took.as_secs_f64();
        write!(f, "{rate:.0} a second (p50 {:.1} ms, p99 {:.1} ms)", millis(self.half), millis(self.most))
    }
}

/// Sends what `request` makes of the numbers from 0 on, until the load is done.
pub async fn run(address: SocketAddr, load: Load, request: impl Fn(usize) -> Vec<u8>) -> Result<Rate> {
    let (next, began) = (Cell::new(0), Instant::now());
    let workers = (0..CONNECTIONS).map(|_| worker(address, load, began, &next, &request));
    let mut times = Vec::new();
    for worker in futures_util::future::join_all(workers).await {
        times.extend(worker?);
    }
    let took = began.elapsed();
    times.sort_unstable();
    let share = |of: usize| times.get(times.len() * of / 100).copied().unwrap_or_default();
    Ok(Rate { answers: times.len(), took, half: share(50), most: share(99) })
}

async fn worker(
    address: SocketAddr,
    load: Load,
    began: Instant,
    next: &Cell<usize>,
    request: &impl Fn(usize) -> Vec<u8>,
) -> Result<Vec<Duration>> {
    let mut client = Client::connect(address).await?;
    let mut times = Vec::new();
    while next.get() < load.most && began.elapsed() < load.span {
        let number = next.replace(next.get() + 1);
        let message = request(number);
        let sent = Instant::now();
        let (status, body) =
            client.ask(&message).await.map_err(|error| format!("request {number}: {error}"))?;
        times.push(sent.elapsed());
        if status != load.expected {
            let said = String::from_utf8_lossy(body);
            return Err(format!("request {number}: {status}, {} expected: {said}", load.expected).into());
        }
    }
    Ok(times)
}

/// One kept-alive connection.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    pub async fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(16 * 1024) })
    }

    /// Sends a whole request and answers status and body; the body must come with its length.
    pub async fn ask(&mut self, request: &[u8]) -> Result<(u16, &[u8])> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let head = loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err("the connection was closed".into());
            }
            if let Some(end) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
        };
        let (status, length) = read_head(self.buffer.get(..head).unwrap_or_default())?;
        while self.buffer.len() < head + length {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err("the connection was closed".into());
            }
        }
        Ok((status, self.buffer.get(head..head + length).unwrap_or_default()))
    }
}

fn read_head(head: &[u8]) -> Result<(u16, usize)> {
    let head = std::str::from_utf8(head)?;
    let status = head.split(' ').nth(1).ok_or("no status")?.parse()?;
    let length = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .map_or(Ok(0), |(_, value)| value.trim().parse())?;
    Ok((status, length))
}

/// A request with a bearer token, and a JSON body where there is one.
pub fn message(method: &str, path: &str, token: &str, body: &str) -> Vec<u8> {
    let content = if body.is_empty() {
        String::new()
    } else {
        format!("Content-Type: application/scim+json\r\nContent-Length: {}\r\n", body.len())
    };
    format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n{content}\r\n{body}"
    )
    .into_bytes()
}
