//! An HTTP client that sends what it is given: no header of its own but `Host` and the length, no re-encoding.
//!
//! Identity providers leave out `Accept`, send empty values and put bare quotes into queries; a library would
//! tidy that up.

use std::io::{BufRead, BufReader, Error, ErrorKind, Result, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

/// How long one exchange may take: what Okta waits.
const PATIENCE: Duration = Duration::from_mins(1);

/// One client with one connection, kept open between requests.
#[derive(Debug)]
pub struct Client {
    address: String,
    stream: Option<BufReader<TcpStream>>,
}

/// One request, ready to be sent as it stands.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: String,
    /// Path and query.
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: Option<Vec<u8>>,
}

/// One answer.
#[derive(Debug, Clone)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Response {
    /// The value of a header, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The body as JSON; null where there is none or where it is something else.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
}

impl Client {
    /// A client of the server at `address` (`host:port`).
    pub fn new(address: impl Into<String>) -> Self {
        Self { address: address.into(), stream: None }
    }

    /// The `host:port` it talks to.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Sends one request and hangs up after so long, whatever comes.
    #[allow(dead_code, reason = "the tests of replicas use it")]
    pub fn hang_up(&self, request: &Request, after: Duration) -> Result<()> {
        let mut stream = TcpStream::connect(&self.address)?;
        stream.write_all(&self.bytes(request))?;
        std::thread::sleep(after);
        Ok(())
    }

    /// Sends one request; once more on a fresh connection where the kept one turned out to be closed.
    pub fn send(&mut self, request: &Request) -> Result<Response> {
        if let Some(stream) = self.stream.take() {
            match self.exchange(stream, request) {
                Err(error) if is_stale(&error) => {}
                other => return other,
            }
        }
        let stream = TcpStream::connect(&self.address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        self.exchange(BufReader::new(stream), request)
    }

    fn exchange(&mut self, mut stream: BufReader<TcpStream>, request: &Request) -> Result<Response> {
        // A server may answer and close before it has read a body it refuses: the answer is what counts.
        let written = stream.get_mut().write_all(&self.bytes(request));
        let response = match (read_response(&mut stream), written) {
            (Err(_), Err(error)) => return Err(error),
            (response, _) => response?,
        };
        if !response.header("Connection").is_some_and(|value| value.eq_ignore_ascii_case("close")) {
            self.stream = Some(stream);
        }
        Ok(response)
    }

    fn bytes(&self, request: &Request) -> Vec<u8> {
        let mut bytes =
            format!("{} {} HTTP/1.1\r\nHost: {}\r\n", request.method, request.target, self.address)
                .into_bytes();
        for (name, value) in &request.headers {
            bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        if let Some(body) = &request.body {
            bytes.extend_from_slice(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
            bytes.extend_from_slice(body);
        } else {
            bytes.extend_from_slice(b"\r\n");
        }
        bytes
    }
}

/// Whether the error is that of a connection the server closed while it lay idle.
fn is_stale(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::UnexpectedEof
            | ErrorKind::ConnectionReset
            | ErrorKind::BrokenPipe
            | ErrorKind::ConnectionAborted
    )
}

/// Reads the final answer; interim ones are passed over.
pub fn read_response(stream: &mut impl BufRead) -> Result<Response> {
    loop {
        let status = status_code(&line(stream)?)?;
        let mut headers = Vec::new();
        loop {
            let line = line(stream)?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').ok_or_else(|| malformed("a header without a colon"))?;
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
        if status < 200 {
            continue;
        }
        let mut response = Response { status, headers, body: Vec::new() };
        response.body = read_body(stream, &response)?;
        return Ok(response);
    }
}

fn read_body(stream: &mut impl BufRead, response: &Response) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    if matches!(response.status, 204 | 304) {
        return Ok(body);
    }
    if response.header("Transfer-Encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
        loop {
            let size = line(stream)?;
            let size = usize::from_str_radix(size.split(';').next().unwrap_or_default().trim(), 16)
                .map_err(|_| malformed("a chunk without a size"))?;
            let start = body.len();
            body.resize(start + size, 0);
            stream.read_exact(&mut body[start..])?;
            while !line(stream)?.is_empty() {}
            if size == 0 {
                return Ok(body);
            }
        }
    }
    match response.header("Content-Length") {
        Some(length) => {
            let length = length.parse().map_err(|_| malformed("a length that is no number"))?;
            body.resize(length, 0);
            stream.read_exact(&mut body)?;
        }
        None => {
            stream.read_to_end(&mut body)?;
        }
    }
    Ok(body)
}

fn line(stream: &mut impl BufRead) -> Result<String> {
    let mut line = String::new();
    if stream.read_line(&mut line)? == 0 {
        return Err(Error::new(ErrorKind::UnexpectedEof, "the connection closed before the answer"));
    }
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

fn status_code(line: &str) -> Result<u16> {
    let code = line.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.split(' ').next());
    code.and_then(|code| code.parse().ok()).ok_or_else(|| malformed("a status line that is none"))
}

fn malformed(what: &str) -> Error {
    Error::new(ErrorKind::InvalidData, what.to_owned())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    #[test]
    fn answers_of_every_framing_are_read() {
        let read = |text: &str| read_response(&mut text.as_bytes()).unwrap();
        let sized = read(
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\nETag: W/\"1\"\r\n\r\n{}more",
        );
        assert_eq!(
            (sized.status, sized.body.as_slice(), sized.header("etag")),
            (200, b"{}".as_slice(), Some("W/\"1\""))
        );
        let chunked = read(
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{\"\r\n4;x\r\na\":1\r\n1\r\n}\r\n0\r\n\r\n",
        );
        assert_eq!(chunked.json()["a"], 1);
        assert!(read("HTTP/1.1 204 No Content\r\n\r\n").body.is_empty());
        assert_eq!(read("HTTP/1.1 200 OK\r\n\r\nto the end").body, b"to the end");
        assert!(read_response(&mut "".as_bytes()).is_err());
    }

    #[test]
    fn a_request_arrives_as_it_was_given_and_a_closed_connection_is_replaced() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = Client::new(listener.local_addr().unwrap().to_string());
        let server = thread::spawn(move || {
            let answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
            let heads: Vec<String> = (0..2)
                .map(|_| {
                    let mut stream = BufReader::new(listener.accept().unwrap().0);
                    let first = line(&mut stream).unwrap();
                    while !line(&mut stream).unwrap().is_empty() {}
                    stream.get_mut().write_all(answer.as_bytes()).unwrap();
                    first
                })
                .collect();
            heads
        });
        let request = Request {
            method: "GET".to_owned(),
            target: "/Users?filter=userName+eq+\"a%40b\"".to_owned(),
            headers: vec![("User-Agent".to_owned(), String::new())],
            body: None,
        };
        assert_eq!(client.send(&request).unwrap().status, 200);
        assert_eq!(client.send(&request).unwrap().status, 200);
        let line = "GET /Users?filter=userName+eq+\"a%40b\" HTTP/1.1";
        assert_eq!(server.join().unwrap(), [line, line]);
    }
}
