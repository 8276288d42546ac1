//! Running the binary: once to its end, or beside the test until it is told to stop.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::client::{Client, Request, Response};

/// Longer than anything here takes; what takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a command said, and its exit code.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    /// Standard output as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Fails unless the command ended well.
    pub fn ok(self) -> Self {
        assert_eq!(self.code, 0, "{self:?}");
        self
    }
}

/// The binary, told nothing by the environment of the test.
fn portcullis(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.env_remove("PORTCULLIS_LOG").env("COLUMNS", "100").args(arguments);
    command
}

/// Runs a command to its end.
pub fn run(arguments: &[&str]) -> Ran {
    run_with(arguments, "")
}

/// Runs a command to its end, with something on standard input.
pub fn run_with(arguments: &[&str], input: &str) -> Ran {
    let pipe = Stdio::piped;
    let mut child = portcullis(arguments).stdin(pipe()).stdout(pipe()).stderr(pipe()).spawn().unwrap();
    // A command that does not read closes the pipe, which is no matter.
    drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A folder with a configuration in it.
#[derive(Debug)]
pub struct Place {
    directory: TempDir,
}

impl Place {
    /// A folder whose `portcullis.toml` is `text`.
    pub fn with(text: &str) -> Self {
        let place = Self { directory: TempDir::new().unwrap() };
        fs::write(place.path("portcullis.toml"), text).unwrap();
        place
    }

    /// A configuration with the connection `sandbox`, on a free port.
    pub fn sandbox() -> Self {
        Self::with("listen = \"127.0.0.1:0\"\n[connections.sandbox]\napp = \"sandbox\"\n")
    }

    /// A file in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The path of the configuration.
    pub fn config(&self) -> String {
        self.path("portcullis.toml").to_str().unwrap().to_owned()
    }

    /// Runs a command of two words or one, with `--config` and what follows.
    pub fn run(&self, command: &str, arguments: &[&str]) -> Ran {
        let config = self.config();
        let words: Vec<&str> = command.split(' ').collect();
        run(&[&words, ["--config", &config].as_slice(), arguments].concat())
    }
}

/// A process of the binary, ended with the value.
#[derive(Debug)]
pub struct Running {
    child: Child,
    log: PathBuf,
    pub stdout: PathBuf,
    pub ready: Value,
}

impl Running {
    /// Starts a command with `--ready-file` in `folder` and waits until the file is there.
    pub fn start(folder: &Path, arguments: &[&str]) -> Self {
        Self::start_logging(folder, arguments, "info")
    }

    fn start_logging(folder: &Path, arguments: &[&str], level: &str) -> Self {
        let file = folder.join(format!("ready-{}.json", number()));
        let arguments = [arguments, &["--ready-file", file.to_str().unwrap()]].concat();
        let mut running = Self::spawn(folder, &arguments, level);
        running.ready = running
            .wait_for("the ready file", |_| serde_json::from_str(&fs::read_to_string(&file).ok()?).ok());
        running
    }

    /// Starts the demo on free ports, its store in `folder/data`.
    pub fn demo(folder: &Path, arguments: &[&str]) -> Self {
        Self::demo_logging(folder, arguments, "info")
    }

    /// The same, with `PORTCULLIS_LOG` set to `level`.
    pub fn demo_logging(folder: &Path, arguments: &[&str], level: &str) -> Self {
        let data = folder.join("data");
        let standard = ["demo", "--listen", "127.0.0.1:0", "--sim-listen", "127.0.0.1:0", "--data-dir"];
        let arguments = [&standard, [data.to_str().unwrap()].as_slice(), arguments].concat();
        Self::start_logging(folder, &arguments, level)
    }

    /// Starts `serve`, which may not serve yet.
    pub fn begin(place: &Place) -> Self {
        Self::spawn(place.directory.path(), &["serve", "--config", &place.config()], "info")
    }

    /// Starts `serve` and waits until it serves; `ready` has the `gateway`'s address as the demo's has.
    pub fn serve(place: &Place) -> Self {
        let mut running = Self::begin(place);
        let address = running.wait_for("the line that it serves", |running| {
            let line = running.log_lines().into_iter().find(|line| line["message"] == "serving")?;
            line["address"].as_str().map(str::to_owned)
        });
        running.ready = serde_json::json!({ "gateway": format!("http://{address}") });
        running
    }

    fn spawn(folder: &Path, arguments: &[&str], level: &str) -> Self {
        let number = number();
        let (log, stdout) = (folder.join(format!("log-{number}")), folder.join(format!("out-{number}")));
        let child = portcullis(arguments)
            .env("PORTCULLIS_LOG", level)
            .stdin(Stdio::null())
            .stdout(File::create(&stdout).unwrap())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        Self { child, log, stdout, ready: Value::Null }
    }

    fn wait_for<T>(&mut self, what: &str, found: impl Fn(&Self) -> Option<T>) -> T {
        wait_for(what, || {
            if let Ok(Some(status)) = self.child.try_wait() {
                panic!("ended with {status} before {what}: {}", self.log());
            }
            found(self)
        })
    }

    /// Everything on standard error so far.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Each line of the log as JSON; a line that is none is a failure.
    pub fn log_lines(&self) -> Vec<Value> {
        let log = self.log();
        let whole = log.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let line = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        whole.lines().map(line).collect()
    }

    /// The line of the request with this id, once it is there.
    pub fn request_line(&self, id: &str) -> Value {
        wait_for("a log line", || {
            let is_of = |line: &Value| line["message"] == "request" && line["request_id"] == id;
            self.log_lines().into_iter().find(is_of)
        })
    }

    /// A caller of one connection with the token of the ready file.
    pub fn caller(&self, connection: &str) -> Caller {
        let token = self.ready["connections"][connection]["token"].as_str().unwrap_or_default();
        self.caller_with(connection, token)
    }

    /// A caller of one connection with a token of its own.
    pub fn caller_with(&self, connection: &str, token: &str) -> Caller {
        Caller {
            client: client_of(self.ready["gateway"].as_str().unwrap()),
            base_path: format!("/{connection}/scim/v2"),
            headers: vec![("Authorization".to_owned(), format!("Bearer {token}"))],
        }
    }

    /// A caller of the admin door.
    pub fn administrator(&self) -> Caller {
        self.administrator_with(self.ready["admin_token"].as_str().unwrap())
    }

    /// A caller of the admin door with a token of its own.
    pub fn administrator_with(&self, token: &str) -> Caller {
        Caller { base_path: "/admin/v1".to_owned(), ..self.caller_with("", token) }
    }

    /// A caller of one simulator of a demo, below its base.
    pub fn simulator(&self, app: &str) -> Caller {
        simulator(self.ready["simulators"][app].as_str().unwrap())
    }

    /// Sends a signal and waits for the end: the status, and how long it took.
    pub fn signal(&mut self, signal: &str) -> (ExitStatus, Duration) {
        self.send_signal(signal);
        let began = Instant::now();
        let status = wait_for("the end of the process", || self.child.try_wait().unwrap());
        (status, began.elapsed())
    }

    /// Sends a signal.
    pub fn send_signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Whether the process still runs.
    pub fn lives(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _reaped_already = self.child.wait();
    }
}

/// A client of one connection, or of one simulator.
#[derive(Debug)]
pub struct Caller {
    client: Client,
    base_path: String,
    /// Sent with every request.
    pub headers: Vec<(String, String)>,
}

impl Caller {
    /// Sends a JSON body, or none where it is null; `path` is relative to the base URL.
    pub fn send(&mut self, method: &str, path: &str, body: &Value) -> Response {
        let body = (!body.is_null()).then(|| body.to_string().into_bytes());
        self.send_bytes(method, path, &[], body)
    }

    /// Sends a body as it is, with further headers.
    pub fn send_bytes(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Vec<u8>>,
    ) -> Response {
        self.try_send(method, path, headers, body).unwrap()
    }

    /// The same to somebody who may be gone by now.
    pub fn try_send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Vec<u8>>,
    ) -> std::io::Result<Response> {
        let request = self.request(method, path, headers, body);
        self.client.send(&request)
    }

    /// Sends a request and hangs up after so long.
    #[allow(dead_code, reason = "the tests of replicas use it")]
    pub fn hang_up(&self, method: &str, path: &str, body: &Value, after: Duration) {
        let body = Some(body.to_string().into_bytes());
        self.client.hang_up(&self.request(method, path, &[], body), after).unwrap();
    }

    fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<Vec<u8>>) -> Request {
        let mut all = self.headers.clone();
        all.extend(headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        if body.is_some() {
            all.push(("Content-Type".to_owned(), "application/scim+json".to_owned()));
        }
        let target = format!("{}{path}", self.base_path);
        Request { method: method.to_owned(), target, headers: all, body }
    }

    /// Creates a person and answers the resource.
    pub fn create(&mut self, address: &str) -> Value {
        let response = self.send("POST", "/Users", &person(address));
        assert_eq!(response.status, 201, "{}", String::from_utf8_lossy(&response.body));
        response.json()
    }

    /// What a simulator was asked.
    pub fn journal(&mut self) -> Vec<Value> {
        self.send("GET", "/__sim/journal", &Value::Null).json().as_array().unwrap().clone()
    }
}

/// A caller of the simulator with this base URL.
pub fn simulator(url: &str) -> Caller {
    let path = url.trim_start_matches("http://").split_once('/').map_or("", |(_, path)| path);
    let base_path = if path.is_empty() { String::new() } else { format!("/{path}") };
    Caller { client: client_of(url), base_path, headers: Vec::new() }
}

fn client_of(url: &str) -> Client {
    Client::new(url.trim_start_matches("http://").split('/').next().unwrap())
}

/// A person as an identity provider sends them.
pub fn person(address: &str) -> Value {
    serde_json::json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": address,
        "name": { "givenName": "Ada", "familyName": "Lovelace" },
        "emails": [{ "value": address, "type": "work", "primary": true }],
        "active": true,
    })
}

/// A PATCH of `active`.
pub fn active(value: bool) -> Value {
    serde_json::json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{ "op": "replace", "path": "active", "value": value }],
    })
}

/// Asks again and again until there is an answer.
pub fn wait_for<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        if let Some(found) = found() {
            return found;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("{what} did not come within {} s", PATIENCE.as_secs());
}

/// A number nobody had before.
fn number() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
