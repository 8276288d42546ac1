//! The command line: the only floor that knows every part.

mod approvals;
mod assemble;
mod audit;
mod chronicle;
pub mod config;
#[cfg(feature = "sim")]
mod demo;
mod doctor;
mod drift;
mod files;
mod links;
mod moment;
mod print;
mod reload;
mod roster;
mod safe_mode;
mod serve;
#[cfg(feature = "sim")]
mod sim;
mod tasks;
mod telemetry;
mod token;
mod trace;
mod webhook;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::provision::Refusal;
use crate::store;

/// Why a command failed: one line for the operator, and what to type next.
#[derive(Debug)]
pub struct Failure {
    text: String,
    hint: Option<String>,
    code: u8,
}

impl Failure {
    /// A failure that ends the program with code 1.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), hint: None, code: 1 }
    }

    /// The same, with something to type.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same, with another exit code.
    #[must_use]
    pub fn code(mut self, code: u8) -> Self {
        self.code = code;
        self
    }
}

impl From<store::Error> for Failure {
    fn from(error: store::Error) -> Self {
        Self::new(error.to_string())
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal.error.detail)
    }
}

/// How every command ends.
pub type Outcome = Result<(), Failure>;

const AFTER_HELP: &str = "\
Exit codes:
  0   done; `demo`, `serve` and `sim`: ended by SIGTERM or Ctrl-C
  1   not done; standard error says why
  2   the command line cannot be understood
  78  the configuration or the store cannot be used

Environment:
  PORTCULLIS_LOG  what is logged on standard error: error, warn, info (the default), debug, or for
                  one part, such as portcullis::upstream=debug";

/// A SCIM 2.0 gateway for apps that speak no SCIM, or half of it
///
/// An identity provider speaks SCIM to it; it calls each app's own API, and says that something is done when it is.
/// Begin with `portcullis demo`, which needs no account anywhere.
#[derive(Debug, Parser)]
#[command(name = "portcullis", version, max_term_width = 100, after_long_help = AFTER_HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start five simulated apps and a gateway in front of them, and print what to try
    ///
    /// Connections: hive, honeycomb, tines, workiva, hotjar (carried out by people) and sandbox (holds everything,
    /// touches nothing). Its configuration is portcullis.toml in the data directory: with it the other commands work
    /// beside the demo. Ends on SIGTERM or Ctrl-C.
    #[cfg(feature = "sim")]
    Demo(demo::Arguments),
    /// Serve the connections of a configuration file
    ///
    /// Ends on SIGTERM or Ctrl-C after the requests under way, within 30 seconds. What was promised and is not done
    /// yet goes on at the next start.
    Serve(ConfigFile),
    /// Check a configuration file and name every problem with its line
    ///
    /// Secrets are looked up; no app is asked and no store is opened. Exits with 78 when there is a problem.
    CheckConfig(ConfigFile),
    /// Ask each app of a configuration whether it is reachable and knows its credential
    ///
    /// Makes the cheapest read there is and changes nothing. A note is something to know though nothing is broken.
    /// Exits with 1 when a connection cannot work.
    Doctor(doctor::Arguments),
    /// Make, list and end the bearer tokens that identity providers use
    #[command(subcommand)]
    Token(token::Command),
    /// Show what was changed in the apps outside of the gateway
    ///
    /// Prints the last report of each connection, or makes one now. Corrects only what policy.drift = "correct" says.
    /// Exits with 1 when an app could not be listed.
    Drift(drift::Arguments),
    /// List, approve and reject deletions that the brake held back
    #[command(subcommand)]
    Approvals(approvals::Command),
    /// Show what was asked, what was planned, which calls were made and how it was answered
    ///
    /// Newest first: every request that writes, every reading that called an app, and what the gateway did on its own
    /// account. Bodies, queries and addresses are not kept.
    Trace(trace::Arguments),
    /// Check and export the record of every change at an app
    #[command(subcommand)]
    Audit(audit::Command),
    /// List and complete what waits for a person
    #[command(subcommand)]
    Tasks(tasks::Command),
    /// Take in the member list of an app that has no interface
    #[command(subcommand)]
    Roster(roster::Command),
    /// Say whose the accounts are that an app had before, in a CSV file
    #[command(subcommand)]
    Links(links::Command),
    /// See to it that nobody gets access after an older database was put back
    #[command(subcommand)]
    SafeMode(safe_mode::Command),
    /// Run one simulated app in a process of its own
    ///
    /// It answers at the root as the app does. Below /__sim it tells what it was asked (journal) and what it holds
    /// (state), and takes orders to fail (faults) or to begin anew (reset). Ends on SIGTERM or Ctrl-C.
    #[cfg(feature = "sim")]
    Sim(sim::Arguments),
}

/// Which configuration to use.
#[derive(Debug, Args)]
pub struct ConfigFile {
    /// The configuration file (TOML)
    #[arg(long, value_name = "FILE", default_value = "portcullis.toml")]
    pub config: PathBuf,
}

/// Runs the program and answers its exit code.
#[must_use]
pub fn main() -> ExitCode {
    main_with(std::env::args_os())
}

/// The same with other arguments than those of the process; the first is the program's own name.
#[must_use]
pub fn main_with(arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> ExitCode {
    let cli = Cli::parse_from(arguments);
    telemetry::start();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return report(&Failure::new(format!("the runtime could not be started: {error}"))),
    };
    let outcome = runtime.block_on(async {
        match cli.command {
            #[cfg(feature = "sim")]
            Command::Demo(arguments) => demo::run(arguments).await,
            Command::Serve(file) => serve::run(&file).await,
            Command::CheckConfig(file) => check_config(&file),
            Command::Doctor(arguments) => doctor::run(&arguments).await,
            Command::Token(command) => token::run(command).await,
            Command::Drift(arguments) => drift::run(&arguments).await,
            Command::Approvals(command) => approvals::run(command).await,
            Command::Trace(arguments) => trace::run(&arguments).await,
            Command::Audit(command) => audit::run(command).await,
            Command::Tasks(command) => tasks::run(command).await,
            Command::Roster(command) => roster::run(command).await,
            Command::Links(command) => links::run(command).await,
            Command::SafeMode(command) => safe_mode::run(command).await,
            #[cfg(feature = "sim")]
            Command::Sim(arguments) => sim::run(arguments).await,
        }
    });
    runtime.shutdown_timeout(std::time::Duration::from_millis(200));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => report(&failure),
    }
}

fn check_config(file: &ConfigFile) -> Outcome {
    let config = assemble::load(&file.config)?;
    let count = config.connections.len();
    let noun = if count == 1 { "connection" } else { "connections" };
    print::line(&format!("{}: ok, {count} {noun}", file.config.display()))
}

fn report(failure: &Failure) -> ExitCode {
    print::error(&failure.text, failure.hint.as_deref());
    ExitCode::from(failure.code)
}
