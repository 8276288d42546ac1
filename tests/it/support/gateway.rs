//! The gateway under test: the built binary in demo mode, with a directory of its own, ended with the value.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use super::client::{Client, Request, Response};

/// How long the gateway may take until it serves.
const START: Duration = Duration::from_secs(30);

/// How often a request is sent again when the gateway asks for patience.
const ATTEMPTS: u32 = 20;

/// How many pages of resources are cleared at the most.
const PAGES: u32 = 10;

/// The token of every connection.
pub const TOKEN: &str = "demo-token";

/// A running gateway and a client of one of its connections.
#[derive(Debug)]
pub struct Gateway {
    child: Child,
    client: Client,
    /// The path of the connection's SCIM base URL.
    base_path: String,
    _directory: TempDir,
}

impl Gateway {
    /// Starts `portcullis demo --idp IDP` on free ports and waits until it serves; the client is of `sandbox`.
    pub fn start(idp: &str) -> Result<Self, String> {
        Self::start_on(idp, "sandbox")
    }

    /// The same with a client of `connection`, whose app has nobody.
    pub fn start_on(idp: &str, connection: &str) -> Result<Self, String> {
        let directory = TempDir::new().map_err(|error| error.to_string())?;
        let ready_file = directory.path().join("ready.json");
        let log_file = directory.path().join("log");
        let log = File::create(&log_file).map_err(|error| error.to_string())?;
        let mut child = Command::new(env!("CARGO_BIN_EXE_portcullis"))
            .args([
                "demo",
                "--listen",
                "127.0.0.1:0",
                "--sim-listen",
                "127.0.0.1:0",
                "--token",
                TOKEN,
                "--idp",
                idp,
            ])
            .arg("--data-dir")
            .arg(directory.path().join("data"))
            .arg("--ready-file")
            .arg(&ready_file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(|error| error.to_string())?;
        let ready = wait(&mut child, &ready_file).map_err(|reason| {
            end(&mut child);
            format!("{reason}: {}", fs::read_to_string(&log_file).unwrap_or_default())
        });
        let ready = ready?;
        let base_url = ready["connections"][connection]["base_url"].as_str().unwrap_or_default().to_owned();
        let Some((address, path)) = base_url.strip_prefix("http://").and_then(|rest| rest.split_once('/'))
        else {
            end(&mut child);
            return Err(format!("the ready file has no base URL of `{connection}`: {ready}"));
        };
        let (client, base_path) = (Client::new(address), format!("/{}", path.trim_end_matches('/')));
        if let Some(simulator) = ready["simulators"][connection].as_str() {
            empty(simulator)?;
        }
        Ok(Self { child, client, base_path, _directory: directory })
    }

    /// Sends a request to the connection, `path` being relative to its base URL, and again as long as the answer
    /// asks to come back later although nobody expects that.
    pub fn send(&mut self, mut request: Request, expected: &[u16]) -> Result<Response, String> {
        request.target = format!("{}{}", self.base_path, request.target);
        for _ in 1..ATTEMPTS {
            let response = self.client.send(&request).map_err(|error| error.to_string())?;
            if response.status != 429 || expected.contains(&429) {
                return Ok(response);
            }
            let seconds = response.header("Retry-After").and_then(|value| value.parse().ok()).unwrap_or(1);
            thread::sleep(Duration::from_secs(seconds).min(Duration::from_secs(5)));
        }
        self.client.send(&request).map_err(|error| error.to_string())
    }

    /// Deletes every user of the connection, and tells whether every group is one the app has from the start.
    pub fn clear_users(&mut self, groups: u64) -> Result<bool, String> {
        self.clear_all("/Users")?;
        let left = self.plain("GET", "/Groups?count=0", &[200])?.json();
        Ok(left["totalResults"] == groups)
    }

    /// Deletes every group and every user of the connection; an error where some do not go.
    pub fn clear(&mut self) -> Result<(), String> {
        self.clear_all("/Groups")?;
        self.clear_all("/Users")
    }

    fn clear_all(&mut self, endpoint: &str) -> Result<(), String> {
        let mut pages = 0;
        while let Some(ids) = self.ids(endpoint)? {
            pages += 1;
            if pages > PAGES {
                return Err(format!("clearing: {endpoint} still lists what was deleted"));
            }
            for id in ids {
                self.plain("DELETE", &format!("{endpoint}/{id}"), &[204])?;
            }
        }
        Ok(())
    }

    /// The ids of the first page; `None` where it is empty.
    fn ids(&mut self, endpoint: &str) -> Result<Option<Vec<String>>, String> {
        let page = self.plain("GET", &format!("{endpoint}?attributes=id&count=200"), &[200])?.json();
        let resources = page["Resources"].as_array().map(Vec::as_slice).unwrap_or_default();
        let ids: Vec<String> =
            resources.iter().filter_map(|each| each["id"].as_str()).map(str::to_owned).collect();
        Ok((!ids.is_empty()).then_some(ids))
    }

    fn plain(&mut self, method: &str, target: &str, expected: &[u16]) -> Result<Response, String> {
        let request = Request {
            method: method.to_owned(),
            target: target.to_owned(),
            headers: vec![("Authorization".to_owned(), format!("Bearer {TOKEN}"))],
            body: None,
        };
        let response = self.send(request, expected)?;
        if expected.contains(&response.status) {
            return Ok(response);
        }
        Err(format!("clearing: {method} {target} answered {}", response.status))
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// What the ready file says, once it is whole.
fn wait(child: &mut Child, ready_file: &Path) -> Result<Value, String> {
    let started = Instant::now();
    while started.elapsed() < START {
        let text = fs::read_to_string(ready_file).unwrap_or_default();
        if let Ok(ready) = serde_json::from_str(&text) {
            return Ok(ready);
        }
        if let Ok(Some(status)) = child.try_wait() {
            return Err(format!("the gateway ended with {status} before it served"));
        }
        thread::sleep(Duration::from_millis(10));
    }
    Err(format!("the gateway did not serve within {} s", START.as_secs()))
}

/// Takes everybody out of a simulated app.
fn empty(simulator: &str) -> Result<(), String> {
    let (address, path) = simulator
        .strip_prefix("http://")
        .and_then(|rest| rest.split_once('/'))
        .ok_or_else(|| format!("`{simulator}` is no address"))?;
    let request = Request {
        method: "POST".to_owned(),
        target: format!("/{path}/__sim/reset"),
        headers: Vec::new(),
        body: Some(br#"{"seed": "empty"}"#.to_vec()),
    };
    let response = Client::new(address).send(&request).map_err(|error| error.to_string())?;
    if response.status == 200 { Ok(()) } else { Err(format!("emptying: {}", response.json())) }
}

/// Ends the process; one that has ended already is left alone.
fn end(child: &mut Child) {
    let _ended_already = child.kill();
    let _reaped_already = child.wait();
}
