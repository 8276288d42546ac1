//! The program under test as processes: started, watched, and killed as a power cut would.

use std::fs::File;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

pub use super::address::free_address;

/// How long a process may take until it listens.
const START: Duration = Duration::from_secs(30);

/// How `portcullis` is started.
#[derive(Debug, Clone)]
pub struct Program {
    pub path: PathBuf,
    /// Before the arguments of the command line.
    pub before: Vec<String>,
}

impl Program {
    /// The command with these arguments; only warnings are logged.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.path);
        command.args(&self.before).args(arguments).env("PORTCULLIS_LOG", "warn");
        command
    }

    /// Runs a command to its end and answers what it printed.
    ///
    /// # Errors
    /// What it said instead.
    pub fn run(&self, arguments: &[&str]) -> Result<String, String> {
        let output = self.command(arguments).output().map_err(|error| error.to_string())?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        Err(format!("{arguments:?}: {}", String::from_utf8_lossy(&output.stderr)))
    }

    /// Starts a server and waits until `address` takes connections.
    pub fn serve(&self, arguments: &[&str], address: &str, log: &Path) -> Result<Process, String> {
        let say = |error: std::io::Error| error.to_string();
        let log_file = File::options().create(true).append(true).open(log).map_err(say)?;
        let child = self
            .command(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log_file)
            .spawn()
            .map_err(say)?;
        let mut process = Process { child };
        let began = Instant::now();
        while began.elapsed() < START {
            if let Some(status) = process.ended() {
                let said = std::fs::read_to_string(log).unwrap_or_default();
                return Err(format!("{arguments:?} ended with {status}: {said}"));
            }
            if TcpStream::connect(address).is_ok() {
                return Ok(process);
            }
            thread::sleep(Duration::from_millis(2));
        }
        Err(format!("{arguments:?} does not listen"))
    }
}

/// A process that ends with the value.
#[derive(Debug)]
pub struct Process {
    child: Child,
}

/// What a process uses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Use {
    pub resident_kib: u64,
    pub files: u64,
}

impl Process {
    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends it at once and waits until it is gone.
    pub fn kill(&mut self) {
        let _ended_already = self.child.kill();
        let _reaped_already = self.child.wait();
    }

    /// Sends it a signal by name.
    pub fn signal(&self, name: &str) -> bool {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.id().to_string()]).status();
        sent.is_ok_and(|status| status.success())
    }

    /// What it uses now; nothing where the system does not tell.
    pub fn usage(&self) -> Use {
        let place = PathBuf::from(format!("/proc/{}", self.id()));
        let status = std::fs::read_to_string(place.join("status")).unwrap_or_default();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = resident.and_then(|line| line.split_whitespace().next()?.parse().ok());
        let files = std::fs::read_dir(place.join("fd")).map_or(0, Iterator::count);
        Use { resident_kib: number.unwrap_or(0), files: files as u64 }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
