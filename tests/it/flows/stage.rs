//! The product on a stage: its processes, a client of one connection, and the levers of the app behind it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::address::free_address;
use crate::support::client::{Client, Request, Response};

/// How long a process may take until it serves.
const START: Duration = Duration::from_secs(30);

/// The token of every connection of the demo.
const TOKEN: &str = "demo-token";

/// A process that ends with the value.
#[derive(Debug)]
pub struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts the binary under test with its log in `folder`.
    pub fn start(folder: &Path, name: &str, arguments: &[String]) -> Self {
        let log = folder.join(format!("{name}.log"));
        let child = Command::new(env!("CARGO_BIN_EXE_portcullis"))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        Self { child, log }
    }

    /// What `ready` answers once it answers something; fails when the process ends or takes too long.
    pub fn wait<T>(&mut self, mut ready: impl FnMut() -> Option<T>) -> T {
        let started = Instant::now();
        while started.elapsed() < START {
            if let Some(ready) = ready() {
                return ready;
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                panic!("ended with {status}: {}", fs::read_to_string(&self.log).unwrap_or_default());
            }
            thread::sleep(Duration::from_millis(10));
        }
        panic!("does not serve: {}", fs::read_to_string(&self.log).unwrap_or_default());
    }

    /// Ends it as a power cut would.
    pub fn kill(&mut self) {
        let _ended_already = self.child.kill();
        let _reaped_already = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// `portcullis demo` with a data directory of its own.
#[derive(Debug)]
pub struct Demo {
    _process: Process,
    ready: Value,
    directory: TempDir,
}

impl Demo {
    /// Starts it as it comes.
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// Starts it with further options.
    pub fn with(options: &[&str]) -> Self {
        let directory = TempDir::new().unwrap();
        let ready_file = directory.path().join("ready.json");
        let (data, ready_path) = (text(&directory.path().join("data")), text(&ready_file));
        let fixed = ["demo", "--listen", "127.0.0.1:0", "--sim-listen", "127.0.0.1:0", "--token", TOKEN];
        let named = ["--data-dir", &data, "--ready-file", &ready_path];
        let arguments: Vec<String> =
            fixed.iter().chain(&named).chain(options).map(|argument| (*argument).to_owned()).collect();
        let mut process = Process::start(directory.path(), "demo", &arguments);
        let ready = process.wait(|| read_json(&ready_file));
        Self { _process: process, ready, directory }
    }

    /// A client of one connection and the app behind it.
    pub fn app(&self, name: &str) -> App {
        App::new(
            self.ready["connections"][name]["base_url"].as_str().unwrap(),
            TOKEN,
            self.ready["simulators"][name].as_str().unwrap_or("http://127.0.0.1:9/none"),
        )
    }

    /// The SCIM address of one connection and the token that opens it.
    pub fn scim(&self, name: &str) -> (&str, &str) {
        (self.ready["connections"][name]["base_url"].as_str().unwrap(), TOKEN)
    }

    /// The configuration the demo wrote for the commands beside it.
    fn config(&self) -> String {
        text(&self.directory.path().join("data/portcullis.toml"))
    }

    /// What waits for a person on one connection, as the command line lists it.
    pub fn tasks(&self, connection: &str) -> Vec<Value> {
        let listed =
            run(&["tasks", "list", "--config", &self.config(), "--connection", connection, "--json"]);
        serde_json::from_str(&listed).unwrap()
    }

    /// Looks for drift on one connection, under `policy` in TOML, and answers the report.
    pub fn drift(&self, connection: &str, policy: &str) -> Value {
        let (code, report) = self.drift_result(connection, policy);
        assert_eq!(code, 0, "{report}");
        report
    }

    /// The same, with the code the command ended with.
    pub fn drift_result(&self, connection: &str, policy: &str) -> (i32, Value) {
        let config = fs::read_to_string(self.config()).unwrap();
        let own = self.directory.path().join("data/drift.toml");
        fs::write(&own, format!("{config}\n[connections.{connection}.policy]\n{policy}\n")).unwrap();
        let arguments = ["drift", "--config", &text(&own), "--connection", connection, "--now", "--json"];
        let output = Command::new(env!("CARGO_BIN_EXE_portcullis")).args(arguments).output().unwrap();
        let told: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
        (output.status.code().unwrap(), told[0]["report"].clone())
    }

    /// Completes a task of the `hotjar` connection, as an operator does.
    pub fn complete(&self, task: &str) {
        run(&["tasks", "complete", "--config", &self.config(), "--by", "operator", task]);
    }
}

/// `portcullis serve` for one connection, and the app behind it in a process of its own, so that either can go down
/// without the other.
#[derive(Debug)]
pub struct Served {
    gateway: Process,
    /// `None` where the app is none of the simulated ones.
    simulator: Option<Process>,
    folder: TempDir,
    simulated: &'static str,
    name: &'static str,
    gateway_address: String,
    simulator_address: String,
    token: String,
}

impl Served {
    /// Serves `app` as a connection of the same name. `settings` is what stands below `[connections.APP]`, with `SIM`
    /// for the address of the app; `secret` is what the file `secret` holds, and each further line of it the file
    /// `secret-2` and so on.
    pub fn start(app: &'static str, secret: &str, settings: &str) -> Self {
        Self::start_before(app, app, app, secret, settings)
    }

    /// The same as the connection `name`, before the app `simulated`.
    pub fn start_before(
        app: &'static str,
        name: &'static str,
        simulated: &'static str,
        secret: &str,
        settings: &str,
    ) -> Self {
        let address = free_address();
        let settings = settings.replace("SIM", &format!("http://{address}"));
        let mut served = Self { simulated, ..Self::before(app, name, secret, &settings, &address) };
        served.restart_simulator();
        served
    }

    /// The same as the connection `name`, before an app that is there already; `simulator_address` is where its levers
    /// are.
    pub fn before(
        app: &'static str,
        name: &'static str,
        secret: &str,
        settings: &str,
        simulator_address: &str,
    ) -> Self {
        let folder = TempDir::new().unwrap();
        for (at, secret) in secret.lines().enumerate() {
            let name = if at == 0 { "secret".to_owned() } else { format!("secret-{}", at + 1) };
            fs::write(folder.path().join(name), secret).unwrap();
        }
        let (gateway_address, simulator_address) = (free_address(), simulator_address.to_owned());
        let store = folder.path().join("data/portcullis.db");
        let config = folder.path().join("portcullis.toml");
        let head =
            format!("listen = \"{gateway_address}\"\n[store]\nurl = \"sqlite://{}\"\n", store.display());
        fs::write(&config, format!("{head}[connections.{name}]\napp = \"{app}\"\n{settings}")).unwrap();
        let made = run(&["token", "create", "--config", &text(&config), "--connection", name, "--json"]);
        let token = serde_json::from_str::<Value>(&made).unwrap()["token"].as_str().unwrap().to_owned();
        let gateway = start_gateway(folder.path(), &gateway_address);
        Self {
            gateway,
            simulator: None,
            folder,
            simulated: app,
            name,
            gateway_address,
            simulator_address,
            token,
        }
    }

    /// A client of the connection and the app behind it.
    pub fn app(&self) -> App {
        let base_url = format!("http://{}/{}/scim/v2", self.gateway_address, self.name);
        App::new(&base_url, &self.token, &format!("http://{}", self.simulator_address))
    }

    /// What waits for a person, as the command line lists it.
    pub fn tasks(&self) -> Vec<Value> {
        let config = text(&self.folder.path().join("portcullis.toml"));
        serde_json::from_str(&run(&["tasks", "list", "--config", &config, "--json"])).unwrap()
    }

    /// Completes a task, as an operator does.
    pub fn complete(&self, task: &str) {
        let config = text(&self.path("portcullis.toml"));
        run(&["tasks", "complete", "--config", &config, "--by", "operator", task]);
    }

    /// Imports a roster, as an operator does.
    pub fn import_roster(&self, csv: &str) {
        let (config, roster) = (text(&self.path("portcullis.toml")), self.path("roster.csv"));
        fs::write(&roster, csv).unwrap();
        run(&["roster", "import", "--config", &config, "--connection", self.name, &text(&roster)]);
    }

    /// A file beside the configuration.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a command about the links of the connection to its end and answers what it printed.
    pub fn links(&self, arguments: &[&str]) -> String {
        let [command, rest @ ..] = arguments else { panic!("no command") };
        let config = text(&self.path("portcullis.toml"));
        run(&[&["links", command, "--config", &config, "--connection", self.name], rest].concat())
    }

    /// Ends the gateway as a power cut would.
    pub fn kill_gateway(&mut self) {
        self.gateway.kill();
    }

    /// Starts the gateway again, on what it left behind.
    pub fn restart_gateway(&mut self) {
        self.gateway = start_gateway(self.folder.path(), &self.gateway_address);
    }

    /// Ends the app: nobody listens at its address.
    pub fn kill_simulator(&mut self) {
        self.simulator = None;
    }

    /// Starts the app again, as it first was.
    pub fn restart_simulator(&mut self) {
        self.simulator = Some(start_simulator(self.folder.path(), self.simulated, &self.simulator_address));
    }
}

fn start_simulator(folder: &Path, app: &str, address: &str) -> Process {
    let arguments = ["sim", app, "--listen", address].map(str::to_owned);
    let mut process = Process::start(folder, "simulator", &arguments);
    process.wait(|| std::net::TcpStream::connect(address).ok());
    process
}

fn start_gateway(folder: &Path, address: &str) -> Process {
    let config = text(&folder.join("portcullis.toml"));
    let mut process = Process::start(folder, "gateway", &["serve", "--config", &config].map(str::to_owned));
    process.wait(|| std::net::TcpStream::connect(address).ok());
    process
}

/// Runs a command of the binary under test to its end and answers what it printed.
fn run(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_portcullis")).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

fn read_json(path: &Path) -> Option<Value> {
    serde_json::from_str(&fs::read_to_string(path).ok()?).ok()
}

/// One connection, seen from both ends.
#[derive(Debug)]
pub struct App {
    connection: Client,
    /// The path of the SCIM base URL.
    base: String,
    token: String,
    simulator: Client,
    /// The path the app is mounted under.
    mount: String,
}

impl App {
    fn new(base_url: &str, token: &str, simulator_url: &str) -> Self {
        let parted = |url: &str| {
            let rest = url.strip_prefix("http://").unwrap();
            let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
            (host.to_owned(), if path.is_empty() { String::new() } else { format!("/{path}") })
        };
        let ((gateway, base), (simulator, mount)) = (parted(base_url), parted(simulator_url));
        Self {
            connection: Client::new(gateway),
            base,
            token: token.to_owned(),
            simulator: Client::new(simulator),
            mount,
        }
    }

    /// The `host:port` of the gateway and the bytes of a request to the connection, for a caller who hangs up.
    pub fn raw(&self, address: &str, method: &str, target: &str, body: &Value) -> Vec<u8> {
        let body = body.to_string();
        format!(
            "{method} {}{target} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\nContent-Type: \
             application/scim+json\r\nContent-Length: {}\r\n\r\n{body}",
            self.base,
            self.token,
            body.len()
        )
        .into_bytes()
    }

    /// Where the gateway listens.
    pub fn address(&self) -> String {
        self.connection.address().to_owned()
    }

    /// Sends one request to the connection.
    pub fn send(&mut self, method: &str, target: &str, body: Option<&Value>) -> Response {
        let request = Request {
            method: method.to_owned(),
            target: format!("{}{target}", self.base),
            headers: vec![
                ("Authorization".to_owned(), format!("Bearer {}", self.token)),
                ("Content-Type".to_owned(), "application/scim+json".to_owned()),
            ],
            body: body.map(|body| body.to_string().into_bytes()),
        };
        self.connection.send(&request).unwrap()
    }

    pub fn get(&mut self, target: &str) -> Response {
        self.send("GET", target, None)
    }

    pub fn post(&mut self, target: &str, body: &Value) -> Response {
        self.send("POST", target, Some(body))
    }

    pub fn put(&mut self, target: &str, body: &Value) -> Response {
        self.send("PUT", target, Some(body))
    }

    pub fn patch(&mut self, target: &str, body: &Value) -> Response {
        self.send("PATCH", target, Some(body))
    }

    pub fn delete(&mut self, target: &str) -> Response {
        self.send("DELETE", target, None)
    }

    /// The people or groups one attribute finds, as identity providers look them up.
    pub fn find(&mut self, endpoint: &str, attribute: &str, value: &str) -> Vec<Value> {
        let value = value.replace(' ', "%20").replace('&', "%26");
        let joint = if endpoint.contains('?') { "" } else { "?" };
        let found = self.get(&format!("{endpoint}{joint}filter={attribute}%20eq%20%22{value}%22"));
        assert_eq!(found.status, 200, "{}", found.json());
        found.json()["Resources"].as_array().cloned().unwrap_or_default()
    }

    /// The one person called `user_name`.
    pub fn person(&mut self, user_name: &str) -> Value {
        one(&self.find("/Users", "userName", user_name))
    }

    /// The one group called `name`, without its members, as Entra looks for it.
    pub fn group(&mut self, name: &str) -> Value {
        one(&self.find("/Groups?excludedAttributes=members&", "displayName", name))
    }

    /// Creates a person and answers the resource.
    pub fn joins(&mut self, person: &Value) -> Value {
        let created = self.post("/Users", person);
        assert_eq!(created.status, 201, "{}", created.json());
        created.json()
    }

    /// Looks at everything once, as the first cycle of an identity provider does, and forgets what that called.
    pub fn warm_up(&mut self) {
        assert_eq!(self.get("/Users?count=1").status, 200);
        assert_eq!(self.get("/Groups?count=1&excludedAttributes=members").status, 200);
        self.journal();
    }

    /// Moves a lever of the app.
    pub fn lever(&mut self, method: &str, path: &str, body: &Value) -> Value {
        let answer = self.try_lever(method, path, body);
        assert_eq!(answer.status, 200, "{method} {path}: {}", answer.json());
        answer.json()
    }

    /// The same where there may be nothing to move.
    pub fn try_lever(&mut self, method: &str, path: &str, body: &Value) -> Response {
        let request = Request {
            method: method.to_owned(),
            target: format!("{}/__sim/{path}", self.mount),
            headers: vec![("Content-Type".to_owned(), "application/json".to_owned())],
            body: (method != "GET").then(|| body.to_string().into_bytes()),
        };
        self.simulator.send(&request).unwrap()
    }

    /// Orders a fault; see the control plane.
    pub fn fault(&mut self, order: &Value) {
        self.lever("POST", "faults", order);
    }

    /// Every fault is over.
    pub fn heal(&mut self) {
        self.lever("DELETE", "faults", &json!({}));
    }

    /// Everything the app holds.
    pub fn state(&mut self) -> Value {
        self.lever("GET", "state", &json!({}))
    }

    /// The calls the app got since the last look: `METHOD path?query body`, credentials left out.
    pub fn journal(&mut self) -> Vec<String> {
        let calls = self.peek();
        self.lever("DELETE", "journal", &json!({}));
        calls
    }

    /// The same without forgetting them.
    pub fn peek(&mut self) -> Vec<String> {
        let entries = self.lever("GET", "journal", &json!({}));
        entries.as_array().unwrap().iter().map(told).collect()
    }

    /// The statuses the app answered with since the last look, in order; 0 where the connection was dropped.
    pub fn statuses(&mut self) -> Vec<u64> {
        let entries = self.lever("GET", "journal", &json!({}));
        entries.as_array().unwrap().iter().map(|entry| entry["status"].as_u64().unwrap_or(0)).collect()
    }
}

fn one(found: &[Value]) -> Value {
    let [one] = found else { panic!("not one but {}: {found:?}", found.len()) };
    one.clone()
}

fn told(entry: &Value) -> String {
    let mut call = format!("{} {}", entry["method"].as_str().unwrap(), entry["path"].as_str().unwrap());
    let query: Vec<String> = entry["query"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| format!("{name}={}", value.as_str().unwrap_or_default()))
        .collect();
    if !query.is_empty() {
        call = format!("{call}?{}", query.join("&"));
    }
    match &entry["body"] {
        Value::Null => call,
        body if body.get("client_secret").is_some() => call,
        body => format!("{call} {body}"),
    }
}

/// Waits until `look` answers something; fails after `limit` with what was waited for.
pub fn eventually<T>(limit: Duration, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(started.elapsed() < limit, "not within {} s: {what}", limit.as_secs());
        thread::sleep(Duration::from_millis(50));
    }
}

/// Whether the app gives this address access.
pub fn has_access(app: &mut App, name: &str, email: &str) -> bool {
    let state = app.state();
    let people = match name {
        "hive" => &state["workspaces"]["ws_001"],
        "honeycomb" => &state["teams"]["acme"]["members"],
        "tines" => &state["users"],
        _ => &state["workspaces"]["ws_1"]["users"],
    };
    let people = people.as_array().unwrap();
    people.iter().any(|person| person["email"] == email && person["active"] != false)
}

/// The apps that are called; Hotjar has nothing to call, the sandbox nobody to be called.
pub const WIRED: [&str; 4] = ["hive", "honeycomb", "tines", "workiva"];

/// Tells the same story of every app that is called, all at once.
pub fn everywhere(demo: &Demo, story: impl Fn(&str, &mut App) + Send + Sync) {
    thread::scope(|scope| {
        let story = &story;
        for name in WIRED {
            let mut app = demo.app(name);
            scope.spawn(move || story(name, &mut app));
        }
    });
}
