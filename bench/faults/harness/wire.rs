//! Requests that are never sent twice: what becomes of each is what is tested.

use std::io::{BufReader, ErrorKind, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::Value;

pub use super::client::Response;
use super::client::read_response;

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Silence {
    /// Nobody listened: certainly not done.
    Refused,
    /// The connection broke before the answer was whole.
    Broken,
    /// Whoever asked had waited long enough and hung up.
    HungUp,
}

/// A place requests go to: `host:port`, a prefix of every path, and a bearer token where there is one.
#[derive(Debug, Clone)]
pub struct Door {
    pub address: String,
    pub base: String,
    pub token: Option<String>,
}

impl Door {
    /// Sends one request and reads the answer, or hangs up after `patience`.
    pub fn send(
        &self,
        method: &str,
        target: &str,
        body: Option<&Value>,
        patience: Duration,
    ) -> Result<Response, Silence> {
        let began = Instant::now();
        let mut line = self.line()?;
        let bytes = self.bytes("close", method, target, body);
        line.exchange(&bytes, patience.saturating_sub(began.elapsed()))
    }

    /// A connection for one request after another.
    pub fn line(&self) -> Result<Line, Silence> {
        let stream = TcpStream::connect(&self.address).map_err(|_| Silence::Refused)?;
        stream.set_nodelay(true).map_err(|error| silence(&error))?;
        Ok(Line { door: self.clone(), stream: BufReader::new(stream) })
    }

    fn bytes(&self, connection: &str, method: &str, target: &str, body: Option<&Value>) -> Vec<u8> {
        let mut head = vec![format!("{method} {}{target} HTTP/1.1", self.base)];
        head.extend([format!("Host: {}", self.address), format!("Connection: {connection}")]);
        if let Some(token) = &self.token {
            head.push(format!("Authorization: Bearer {token}"));
            head.push("Content-Type: application/scim+json".to_owned());
        }
        let body = body.map(Value::to_string).unwrap_or_default();
        if !body.is_empty() || method != "GET" {
            head.push(format!("Content-Length: {}", body.len()));
        }
        format!("{}\r\n\r\n{body}", head.join("\r\n")).into_bytes()
    }
}

/// A connection that is kept.
#[derive(Debug)]
pub struct Line {
    door: Door,
    stream: BufReader<TcpStream>,
}

impl Line {
    /// [`Door::send`] on this connection.
    #[allow(dead_code, reason = "only what measures keeps connections")]
    pub fn send(
        &mut self,
        method: &str,
        target: &str,
        body: Option<&Value>,
        patience: Duration,
    ) -> Result<Response, Silence> {
        let bytes = self.door.bytes("keep-alive", method, target, body);
        self.exchange(&bytes, patience)
    }

    fn exchange(&mut self, bytes: &[u8], patience: Duration) -> Result<Response, Silence> {
        let stream = self.stream.get_mut();
        stream.write_all(bytes).map_err(|error| silence(&error))?;
        let patience = patience.max(Duration::from_millis(1));
        stream.set_read_timeout(Some(patience)).map_err(|error| silence(&error))?;
        read_response(&mut self.stream).map_err(|error| silence(&error))
    }
}

fn silence(error: &std::io::Error) -> Silence {
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => Silence::HungUp,
        _ => Silence::Broken,
    }
}
