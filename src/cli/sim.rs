//! `portcullis sim`: one simulated app in a process of its own.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{Failure, Outcome, files, print, serve};
use crate::adapters::simulator::{self, Dialect, Simulator};
use crate::adapters::{hive, honeycomb, manual, tines, workiva};
use crate::base::clock::{SharedClock, SystemClock};

/// The simulated apps, by the name of the vendor.
pub const NAMES: [&str; 5] = ["hive", "honeycomb", "tines", "workiva", "hotjar"];

#[derive(Debug, Args)]
pub struct Arguments {
    /// Which app
    #[arg(value_parser = NAMES)]
    app: String,
    /// Address and port to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8090")]
    listen: SocketAddr,
    /// Written once it serves: app and url as JSON
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
}

/// Serves one simulator at the root until SIGTERM or Ctrl-C.
pub async fn run(arguments: Arguments) -> Outcome {
    let simulator = simulator(&arguments.app)?;
    let listener = serve::bind(arguments.listen).await?;
    let address = serve::address(&listener)?;
    let stop = CancellationToken::new();
    serve::until_signal(stop.clone())?;
    print::line(&format!(
        "{} simulated at http://{address}, control plane at http://{address}/__sim",
        arguments.app
    ))?;
    if let Some(path) = &arguments.ready_file {
        write_ready(path, &json!({ "app": arguments.app, "url": format!("http://{address}") }))?;
    }
    simulator::serve(listener, simulator.router(), stop).await;
    Ok(())
}

/// The simulator of one app.
pub fn simulator(app: &str) -> Result<Simulator, Failure> {
    let clock: SharedClock = Arc::new(SystemClock);
    let made = match app {
        "hive" => hive::sim::simulator(Dialect::Guide, clock),
        "honeycomb" => honeycomb::sim::simulator(Dialect::Guide, clock),
        "tines" => tines::sim::simulator(Dialect::Guide, clock),
        "workiva" => workiva::sim::simulator(Dialect::Guide, clock),
        _ => manual::sim::simulator(Dialect::Guide, clock),
    };
    made.map_err(|error| Failure::new(error.to_string()))
}

/// Writes a ready file, which may hold tokens.
pub fn write_ready(path: &Path, content: &serde_json::Value) -> Outcome {
    files::write(path, &format!("{content}\n"))
        .map_err(|error| Failure::new(format!("`{}` cannot be written: {error}", path.display())))
}
