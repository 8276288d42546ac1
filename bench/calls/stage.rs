//! A gateway with one connection and the simulated app behind it, each in a process of its own, and clients of both.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::Result;
use super::address::free_address;
use super::mode::Mode;

/// How long a process may take until it serves.
const START: Duration = Duration::from_mins(1);
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// A process that ends with the value.
#[derive(Debug)]
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Both processes; they end when this is dropped.
#[derive(Debug)]
pub struct Stage {
    _gateway: Process,
    _simulator: Process,
    _folder: TempDir,
    gateway: String,
    simulator: String,
    token: String,
}

impl Stage {
    /// Starts the app with `people` generated people in it, and a gateway that has never seen it.
    pub fn start(program: &Path, mode: &Mode, people: usize) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let (gateway, simulator) = (free_address(), free_address());
        let running = start(program, &["sim", mode.simulator, "--listen", &simulator], &simulator)?;
        let mut levers = Client::connect(&simulator)?;
        levers.expect(200, "POST", "/__sim/reset", "", Some(&json!({ "users": people })))?;
        if let Some(switches) = mode.switches {
            let switches: Value = serde_json::from_str(switches)?;
            levers.expect(200, "POST", "/__sim/mode", "", Some(&switches))?;
        }
        for (name, secret) in mode.secrets {
            fs::write(folder.path().join(name), secret)?;
        }
        let store = folder.path().join("data/portcullis.db");
        let config = folder.path().join("portcullis.toml");
        let head = format!("listen = \"{gateway}\"\n[store]\nurl = \"sqlite://{}\"\n", store.display());
        let settings = mode.settings.replace("SIM", &format!("http://{simulator}"));
        fs::write(&config, format!("{head}[connections.bench]\napp = \"{}\"\n{settings}", mode.app))?;
        let config = config.to_string_lossy().into_owned();
        let created = Command::new(program)
            .args(["token", "create", "--connection", "bench", "--json", "--config", &config])
            .output()?;
        let created: Value = serde_json::from_slice(&created.stdout)
            .map_err(|_| format!("no token: {}", String::from_utf8_lossy(&created.stderr)))?;
        let token = created["token"].as_str().ok_or("no token")?.to_owned();
        let serving = start(program, &["serve", "--config", &config], &gateway)?;
        Ok(Self { _gateway: serving, _simulator: running, _folder: folder, gateway, simulator, token })
    }

    /// A client of the connection, as an identity provider is one.
    pub fn idp(&self) -> Result<Idp> {
        Ok(Idp { client: Client::connect(&self.gateway)?, token: self.token.clone() })
    }

    /// The calls the app got since the last look: method and path.
    pub fn calls(&self) -> Result<Vec<Call>> {
        let mut levers = Client::connect(&self.simulator)?;
        let entries = levers.expect(200, "GET", "/__sim/journal", "", None)?;
        levers.expect(200, "DELETE", "/__sim/journal", "", None)?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let call = |entry: &Value| Call { method: text(&entry["method"]), path: text(&entry["path"]) };
        Ok(entries.as_array().ok_or("no journal")?.iter().map(call).collect())
    }
}

/// One call the app got.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Call {
    pub method: String,
    pub path: String,
}

impl Call {
    /// Whether it was to change something.
    pub fn writes(&self) -> bool {
        self.method != "GET" && !self.path.contains("oauth2")
    }
}

/// A client of the connection.
#[derive(Debug)]
pub struct Idp {
    client: Client,
    token: String,
}

impl Idp {
    /// Sends one request, which has to be answered `status`.
    pub fn send(&mut self, status: u16, method: &str, target: &str, body: Option<&Value>) -> Result<Value> {
        let target = format!("/bench/scim/v2{target}");
        self.client.expect(status, method, &target, &self.token, body)
    }
}

/// One kept-alive connection.
#[derive(Debug)]
struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    fn connect(address: &str) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    fn expect(
        &mut self,
        status: u16,
        method: &str,
        target: &str,
        token: &str,
        body: Option<&Value>,
    ) -> Result<Value> {
        let body = body.map(Value::to_string).unwrap_or_default();
        let message = format!(
            "{method} {target} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nContent-Type: \
             application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.stream.get_mut().write_all(message.as_bytes())?;
        let (found, body) = self.read()?;
        if found != status {
            return Err(format!("{method} {target}: {found}, {status} expected: {body}").into());
        }
        Ok(body)
    }

    fn read(&mut self) -> Result<(u16, Value)> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let status = line.split(' ').nth(1).ok_or("the connection was closed")?.parse()?;
        let mut length = 0;
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            let Some((name, value)) = line.trim().split_once(':') else { break };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse()?;
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok((status, if body.is_empty() { Value::Null } else { serde_json::from_slice(&body)? }))
    }
}

fn start(program: &Path, arguments: &[&str], address: &str) -> Result<Process> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let child =
        command.spawn().map_err(|error| format!("`{}` cannot be started: {error}", program.display()))?;
    let mut process = Process(child);
    let began = Instant::now();
    while TcpStream::connect(address).is_err() {
        if began.elapsed() > START || process.0.try_wait()?.is_some() {
            return Err(format!("`{}` does not serve", arguments.join(" ")).into());
        }
        thread::sleep(Duration::from_millis(5));
    }
    Ok(process)
}
