//! The apps, each in a process of its own so that they survive the gateway, and the gateway before them.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use super::audit::Database;
use super::postgres::Server;
use super::processes::{Process, Program, Use, free_address};
use super::targets::{Flavour, TARGETS, Target};
use super::wire::Door;

/// How long a lever may take.
const LEVER: Duration = Duration::from_secs(20);

/// How long a gateway may take until it serves.
const READY: Duration = Duration::from_secs(20);

/// What the gateway keeps its memory in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeps {
    Sqlite,
    /// A server of the run's own, with so many replicas of the gateway before it.
    Postgres(usize),
}

/// One gateway: a process with a configuration and a folder of its own.
#[derive(Debug)]
struct Replica {
    address: String,
    config: PathBuf,
    process: Option<Process>,
}

/// One app of the stage.
#[derive(Debug)]
pub struct Simulated {
    pub target: Target,
    pub flavour: Flavour,
    pub connection: Door,
    levers: Door,
    _process: Process,
}

impl Simulated {
    /// Moves a lever of the app's control plane.
    pub fn lever(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        let target = format!("/__sim/{path}");
        let body = (method != "GET").then_some(body);
        let answer = self.levers.send(method, &target, body, LEVER);
        match answer {
            Ok(answer) if answer.status == 200 => Ok(answer.json()),
            other => Err(format!("{} {method} {path}: {other:?}", self.target.name)),
        }
    }

    /// Orders faults in place of those there are.
    pub fn plague(&self, orders: &Value) -> Result<(), String> {
        self.heal()?;
        self.lever("POST", "faults", orders).map(|_| ())
    }

    /// Every fault is over.
    pub fn heal(&self) -> Result<(), String> {
        self.lever("DELETE", "faults", &json!({})).map(|_| ())
    }
}

/// All of it, in a folder that is kept where something went wrong.
#[derive(Debug)]
pub struct Stage {
    pub program: Program,
    pub folder: PathBuf,
    pub apps: Vec<Simulated>,
    replicas: Vec<Replica>,
    database: Database,
    _server: Option<Server>,
    pub starts: u64,
    /// The most a gateway ever used.
    pub most: Use,
}

impl Stage {
    /// Starts the apps and writes the configuration, with SQLite as the store; the gateway is not started yet. Odd seeds
    /// change which identity provider is before which app.
    pub fn set(program: &Program, folder: &Path, seed: u64) -> Result<Self, String> {
        Self::set_on(program, folder, seed, Keeps::Sqlite)
    }

    /// [`Stage::set`] on this store.
    pub fn set_on(program: &Program, folder: &Path, seed: u64, keeps: Keeps) -> Result<Self, String> {
        let say = |error: std::io::Error| error.to_string();
        fs::create_dir_all(folder.join("data")).map_err(say)?;
        let (database, server, many) = match keeps {
            Keeps::Sqlite => (Database::File(folder.join("data/portcullis.db")), None, 1),
            Keeps::Postgres(many) => {
                let server = Server::start(true);
                (Database::Server(server.database()), Some(server), many)
            }
        };
        let (mut connections, mut started) = (String::new(), Vec::new());
        for (number, target) in TARGETS.into_iter().enumerate() {
            let okta = (number as u64 + seed).is_multiple_of(2);
            let flavour = if okta { Flavour::Okta } else { Flavour::Entra };
            let simulator = free_address();
            connections.push_str(&target.connection(flavour, &simulator));
            fs::write(folder.join(format!("{}.secret", target.name)), target.secret()).map_err(say)?;
            let log = folder.join(format!("{}.log", target.name));
            let process = program.serve(&["sim", target.name, "--listen", &simulator], &simulator, &log)?;
            started.push((target, flavour, simulator, process));
        }
        let replicas = (0..many)
            .map(|number| {
                let (address, own) =
                    (free_address(), if number == 0 { String::new() } else { format!("-{number}") });
                let store = match &database {
                    Database::File(path) => format!("url = \"sqlite://{}\"", path.display()),
                    // What a killed process held is waited for no longer than this.
                    Database::Server(url) => {
                        format!("url = \"{url}\"\nfolder = \"data{own}\"\nlease = \"2s\"")
                    }
                };
                let config = folder.join(format!("portcullis{own}.toml"));
                fs::create_dir_all(folder.join(format!("data{own}")))?;
                fs::write(&config, format!("listen = \"{address}\"\n[store]\n{store}\n{connections}"))?;
                Ok(Replica { address, config, process: None })
            })
            .collect::<Result<Vec<_>, _>>()
            .map_err(say)?;
        let mut stage = Self {
            program: program.clone(),
            folder: folder.to_owned(),
            apps: Vec::new(),
            replicas,
            database,
            _server: server,
            starts: 0,
            most: Use::default(),
        };
        for (target, flavour, simulator, process) in started {
            let token = stage.token(target.name)?;
            let base = format!("/{}/scim/v2", target.name);
            let addresses = stage.replicas.iter().map(|replica| replica.address.clone()).collect();
            let connection = Door { addresses, base, token: Some(token) };
            let levers = Door { addresses: vec![simulator], base: String::new(), token: None };
            let app = Simulated { target, flavour, connection, levers, _process: process };
            app.lever("POST", "ledger", &json!({ "enabled": true }))?;
            if target.name == "honeycomb" {
                // What the app does not show cannot be read back: the unit tests have that.
                app.lever("POST", "mode", &json!({ "pending_in_list": true }))?;
            }
            stage.apps.push(app);
        }
        Ok(stage)
    }

    /// The path of the configuration; of the first replica's.
    pub fn config(&self) -> String {
        self.replicas[0].config.display().to_string()
    }

    /// Changes the configuration of every replica, from the next start on.
    pub fn configure(&self, change: impl Fn(String) -> Result<String, String>) -> Result<(), String> {
        let say = |error: std::io::Error| error.to_string();
        self.replicas.iter().try_for_each(|replica| {
            let changed = change(fs::read_to_string(&replica.config).map_err(say)?)?;
            fs::write(&replica.config, changed).map_err(say)
        })
    }

    /// How many gateways there are.
    pub fn replicas(&self) -> usize {
        self.replicas.len()
    }

    /// Where the gateway keeps its memory.
    pub fn database(&self) -> &Database {
        &self.database
    }

    fn token(&self, connection: &str) -> Result<String, String> {
        let config = self.config();
        let arguments = ["token", "create", "--config", &config, "--connection", connection, "--json"];
        let made: Value =
            serde_json::from_str(&self.program.run(&arguments)?).map_err(|error| error.to_string())?;
        made["token"].as_str().map(str::to_owned).ok_or_else(|| "no token was made".to_owned())
    }

    /// Starts every gateway that does not run, on what it left behind.
    pub fn start(&mut self) -> Result<(), String> {
        let log = self.folder.join("gateway.log");
        for replica in &mut self.replicas {
            if replica.process.as_mut().is_some_and(|process| process.ended().is_none()) {
                continue;
            }
            let arguments = ["serve", "--config", &replica.config.display().to_string()];
            replica.process = Some(self.program.serve(&arguments, &replica.address, &log)?);
            self.starts += 1;
        }
        Ok(())
    }

    /// Waits until every gateway serves.
    pub fn until_ready(&self) -> Result<(), String> {
        self.replicas.iter().try_for_each(|replica| {
            let (addresses, base) = (vec![replica.address.clone()], String::new());
            match (Door { addresses, base, token: None }).send("GET", "/readyz", None, READY) {
                Ok(answer) if answer.status == 200 => Ok(()),
                other => Err(format!("a gateway is not ready: {other:?}")),
            }
        })
    }

    /// Kills a gateway.
    ///
    /// # Errors
    /// It had ended by itself.
    pub fn kill(&mut self, number: usize) -> Result<(), String> {
        self.measure();
        let Some(mut gateway) = self.replicas[number].process.take() else { return Ok(()) };
        if let Some(status) = gateway.ended() {
            return Err(format!("the gateway ended by itself with {status}: {}", self.log()));
        }
        gateway.kill();
        Ok(())
    }

    /// Looks at what the gateways use now.
    pub fn measure(&mut self) -> Use {
        for gateway in self.replicas.iter().filter_map(|replica| replica.process.as_ref()) {
            let used = gateway.usage();
            self.most.resident_kib = self.most.resident_kib.max(used.resident_kib);
            self.most.files = self.most.files.max(used.files);
        }
        self.most
    }

    /// The first gateway's process, where it runs.
    pub fn gateway(&mut self) -> Option<&mut Process> {
        self.replicas[0].process.as_mut()
    }

    /// The first secret, or address of somebody, in a text that must have none.
    pub fn gives_away(&self, text: &str) -> Option<String> {
        let secrets =
            self.apps.iter().flat_map(|app| [Some(app.target.secret()), app.connection.token.as_deref()]);
        let mut hidden = secrets.flatten().chain(["@example.com"]);
        let found = hidden.find(|hidden| text.contains(hidden))?;
        let line = text.lines().find(|line| line.contains(found)).unwrap_or_default();
        Some(format!("`{found}` in `{line}`"))
    }

    /// What the gateways have logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("gateway.log")).unwrap_or_default()
    }
}
