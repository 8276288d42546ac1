//! A Postgres server of the tests' own: made in a temporary folder, on a port of its own, gone at the end.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use tempfile::TempDir;

/// A running server.
#[derive(Debug)]
pub struct Server {
    folder: TempDir,
    bin: PathBuf,
    port: u16,
    databases: AtomicUsize,
}

impl Server {
    /// Makes and starts a server. With `durable` it writes to disk as a real one does; without, faster.
    ///
    /// Panics with what to install where there is no Postgres.
    pub fn start(durable: bool) -> Self {
        let folder = TempDir::with_prefix("portcullis-postgres-").unwrap();
        // Postgres does not run as root, and the user it runs as has to come in here.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server = Self { folder, bin: binaries(), port, databases: AtomicUsize::new(0) };
        let data = server.data();
        server.run(
            "initdb",
            &["-D", &data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N"],
        );
        let mut settings = format!(
            "port = {port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = ''\nmax_connections = 200\n"
        );
        if !durable {
            settings.push_str("fsync = off\nfull_page_writes = off\n");
        }
        let file = Path::new(&data).join("postgresql.auto.conf");
        let written = if is_root() {
            as_postgres(&["tee", file.to_str().unwrap()], Some(&settings))
        } else {
            fs::write(&file, &settings).unwrap();
            true
        };
        assert!(written, "`{}` cannot be written", file.display());
        server.control(&["start"]);
        server
    }

    fn data(&self) -> String {
        self.folder.path().join("data").to_str().unwrap().to_owned()
    }

    /// The address of a new, empty database.
    pub fn database(&self) -> String {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        let name = format!("test_{number}");
        self.sql("postgres", &format!("CREATE DATABASE {name}"));
        self.url(&name)
    }

    /// The address of a new, empty schema in a database that others use too: made sooner than a database.
    pub fn schema(&self) -> String {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        self.sql("postgres", &format!("CREATE SCHEMA test_{number}"));
        format!("{}?options=-csearch_path%3Dtest_{number}", self.url("postgres"))
    }

    /// The address of a database with this name.
    pub fn url(&self, name: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{name}", self.port)
    }

    /// Runs a statement as the superuser; answers what it prints.
    pub fn sql(&self, database: &str, statement: &str) -> String {
        let port = self.port.to_string();
        let arguments = [
            "-h",
            "127.0.0.1",
            "-p",
            &port,
            "-U",
            "postgres",
            "-d",
            database,
            "-XAtq",
            "-v",
            "ON_ERROR_STOP=1",
            "-c",
        ];
        let output = Command::new(self.bin.join("psql")).args(arguments).arg(statement).output().unwrap();
        assert!(output.status.success(), "{statement}: {output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Stops the server as a crash would and starts it again.
    pub fn crash_and_restart(&self) {
        self.control(&["restart", "-m", "immediate"]);
    }

    fn control(&self, words: &[&str]) {
        let (data, log) = (self.data(), self.folder.path().join("data/log.txt"));
        let arguments = [&["-D", &data, "-w", "-t", "60", "-l", log.to_str().unwrap()], words].concat();
        self.run("pg_ctl", &arguments);
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let program = self.bin.join(program);
        let all = [&[program.to_str().unwrap()], arguments].concat();
        let ran = if is_root() {
            as_postgres(&all, None)
        } else {
            finished(Command::new(all[0]).args(&all[1..]).stdin(Stdio::null()).stdout(Stdio::null()).output())
        };
        assert!(ran, "`{}` failed", all.join(" "));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.control(&["stop", "-m", "immediate"]);
        if is_root() {
            // What the other user wrote is taken away by that user; the folder itself is ours.
            as_postgres(&["rm", "-rf", &self.data()], None);
        }
    }
}

/// Runs a command as the user Postgres runs as.
fn as_postgres(command: &[&str], input: Option<&str>) -> bool {
    use std::io::Write;
    let mut child = Command::new("runuser")
        .args(["-u", "postgres", "--"])
        .args(command)
        .current_dir("/")
        .stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() })
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("`runuser`: {error}"));
    if let (Some(text), Some(mut pipe)) = (input, child.stdin.take()) {
        pipe.write_all(text.as_bytes()).unwrap();
    }
    // `pg_ctl start` leaves a server behind that keeps standard error open: its end is not waited for.
    let status = child.wait().unwrap();
    status.success()
}

fn finished(output: std::io::Result<Output>) -> bool {
    output.is_ok_and(|output| output.status.success())
}

fn is_root() -> bool {
    let told = Command::new("id").arg("-u").output().unwrap();
    told.stdout.trim_ascii() == b"0"
}

/// Where `initdb` is; the newest release where there are several.
fn binaries() -> PathBuf {
    let told = Command::new("pg_config").arg("--bindir").output().ok();
    let told =
        told.and_then(|output| String::from_utf8(output.stdout).ok()).map(|text| PathBuf::from(text.trim()));
    let installed = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = installed.map(|entry| entry.path().join("bin")).collect();
    found.sort();
    found.into_iter().rev().chain(told).find(|bin| bin.join("initdb").exists()).unwrap_or_else(|| {
        panic!(
            "these tests need a Postgres server, 15 or later: install it with `apt-get install postgresql`"
        )
    })
}
