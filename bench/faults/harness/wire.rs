//! One request on one connection, never sent twice: what becomes of it is what is tested.

use std::io::{BufReader, ErrorKind, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::Value;

pub use super::client::Response;
use super::client::read_response;

/// How long the rest of an answer may take that has begun.
const WHOLE: Duration = Duration::from_secs(5);

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
    /// Several where a load balancer would choose: each request goes to any that listens.
    pub addresses: Vec<String>,
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
        let mut stream = self.connect().ok_or(Silence::Refused)?;
        let broken = |error: std::io::Error| match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => Silence::HungUp,
            _ => Silence::Broken,
        };
        stream.set_nodelay(true).map_err(broken)?;
        stream.write_all(&self.bytes(method, target, body)).map_err(broken)?;
        let left = patience.saturating_sub(began.elapsed()).max(Duration::from_millis(1));
        stream.set_read_timeout(Some(left)).map_err(broken)?;
        if let Err(late) = stream.peek(&mut [0]) {
            // What came while it hung up was heard: nobody else could tell.
            stream.set_read_timeout(Some(Duration::from_millis(1))).map_err(broken)?;
            stream.peek(&mut [0]).map_err(|_| broken(late))?;
        }
        stream.set_read_timeout(Some(WHOLE)).map_err(broken)?;
        read_response(&mut BufReader::new(stream)).map_err(broken)
    }

    fn connect(&self) -> Option<TcpStream> {
        let many = self.addresses.len();
        let chance = usize::try_from(super::now()).unwrap_or(0);
        (0..many).find_map(|place| TcpStream::connect(&self.addresses[(chance + place) % many]).ok())
    }

    fn bytes(&self, method: &str, target: &str, body: Option<&Value>) -> Vec<u8> {
        let mut head = vec![format!("{method} {}{target} HTTP/1.1", self.base)];
        head.extend([format!("Host: {}", self.addresses[0]), "Connection: close".to_owned()]);
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
