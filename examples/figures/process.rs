//! The program under measurement: `portcullis demo` on ports of its own.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::load::{self, Client, Load, Rate, message};
use crate::{APP, Result};

const TOKEN: &str = "figures";
const ANY: &str = "127.0.0.1:0";
const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);
const PATIENCE: Duration = Duration::from_secs(30);

/// A running demo; it ends when this is dropped.
#[derive(Debug)]
pub struct Demo {
    child: Child,
    /// Its data; goes after the process.
    folder: TempDir,
    pub address: SocketAddr,
    simulators: SocketAddr,
    /// From the start of the process to its first 200 to a request with a token.
    pub started_in: Duration,
}

impl Demo {
    /// Starts the demo and waits for its ready file and its first 200.
    pub async fn start(program: &Path) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut command = Command::new(program);
        command
            .args(["demo", "--token", TOKEN, "--listen", ANY, "--sim-listen", ANY, "--data-dir"])
            .arg(folder.path())
            .arg("--ready-file")
            .arg(folder.path().join("ready.json"))
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let began = Instant::now();
        let child =
            command.spawn().map_err(|error| format!("`{}` cannot be started: {error}", program.display()))?;
        let mut demo =
            Self { child, folder, address: NOWHERE, simulators: NOWHERE, started_in: Duration::ZERO };
        let ready = demo.ready(began).await?;
        demo.address = address(&ready["gateway"])?;
        demo.simulators = address(&ready["simulators"][APP])?;
        let mut client = Client::connect(demo.address).await?;
        match client.ask(&get("ServiceProviderConfig")).await? {
            (200, _) => demo.started_in = began.elapsed(),
            (status, _) => return Err(format!("the first request was answered {status}").into()),
        }
        Ok(demo)
    }

    async fn ready(&mut self, began: Instant) -> Result<Value> {
        let file = self.folder.path().join("ready.json");
        loop {
            let written = std::fs::read(&file).ok();
            if let Some(ready) = written.and_then(|text| serde_json::from_slice(&text).ok()) {
                return Ok(ready);
            }
            if began.elapsed() > PATIENCE || self.child.try_wait()?.is_some() {
                return Err("the demo does not get ready".into());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Requests that are answered 200, for as long as `span`.
    pub async fn load(&self, span: Duration, request: impl Fn(usize) -> Vec<u8>) -> Result<Rate> {
        self.run(Load { expected: 200, most: usize::MAX, span }, request).await
    }

    /// Any load.
    pub async fn run(&self, load: Load, request: impl Fn(usize) -> Vec<u8>) -> Result<Rate> {
        load::run(self.address, load, request).await
    }

    /// Moves a lever of a simulated app.
    pub async fn control(&self, app: &str, lever: &str, body: &Value) -> Result<()> {
        let path = format!("/{app}/__sim/{lever}");
        let mut client = Client::connect(self.simulators).await?;
        match client.ask(&message("POST", &path, TOKEN, &body.to_string())).await? {
            (200, _) => Ok(()),
            (status, _) => Err(format!("`{path}` was answered {status}").into()),
        }
    }

    /// What a simulated app holds.
    pub async fn state(&self, app: &str) -> Result<Value> {
        let mut client = Client::connect(self.simulators).await?;
        let (_, body) = client.ask(&message("GET", &format!("/{app}/__sim/state"), TOKEN, "")).await?;
        Ok(serde_json::from_slice(body)?)
    }

    /// Resident memory of the process in kilobytes (`VmRSS`, Linux).
    pub fn memory(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no `VmRSS`")?;
        Ok(line.trim().trim_end_matches("kB").trim().parse()?)
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // A process that has ended already is what is wanted.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A GET below the base URL of the app's connection.
pub fn get(path: &str) -> Vec<u8> {
    message("GET", &format!("/{APP}/scim/v2/{path}"), TOKEN, "")
}

/// A POST below the base URL of the app's connection.
pub fn post(path: &str, body: &Value) -> Vec<u8> {
    message("POST", &format!("/{APP}/scim/v2/{path}"), TOKEN, &body.to_string())
}

/// The address in `http://ADDRESS:PORT` and whatever path follows.
fn address(url: &Value) -> Result<SocketAddr> {
    let url = url.as_str().unwrap_or_default();
    let address = url.trim_start_matches("http://").split('/').next().unwrap_or_default();
    Ok(address.parse()?)
}
