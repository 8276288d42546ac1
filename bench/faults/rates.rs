//! How many creates a second one replica makes on Postgres and how many two, with everything on the same cores.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::client::{Client, Request};
use crate::harness::idp::person::Person;
use crate::harness::processes::{Process, Program, free_address};
use crate::harness::stage::{Keeps, Stage};
use crate::harness::wire::Door;

const SPAN: Duration = Duration::from_secs(2);
/// How many spans each is measured for, by turns: what else the machine does falls on both.
const ROUNDS: usize = 12;

/// Creates a second with one replica and with two, for so many callers at the same time.
///
/// # Errors
/// The stage cannot be set, or somebody was not created.
pub fn run(program: &Program, folder: &Path, callers: usize) -> Result<[u128; 2], String> {
    let one = Replicas::start(program, &folder.join("one"), 1)?;
    let two = Replicas::start(program, &folder.join("two"), 2)?;
    let mut counts = [(one, 0, 0), (two, 0, 0)];
    for round in 0..=ROUNDS {
        for (replicas, made, took) in &mut counts {
            let begin = Instant::now();
            let count = replicas.create(callers, round)?;
            // What comes first opens sessions, and the server plans.
            if round > 0 {
                *made += count;
                *took += begin.elapsed().as_micros();
            }
        }
    }
    Ok(counts.map(|(_, made, took)| made * 1_000_000 / took.max(1)))
}

/// The gateways of one database, and the apps behind them.
struct Replicas {
    doors: Vec<Door>,
    _others: Vec<Process>,
    _stage: Stage,
}

impl Replicas {
    fn start(program: &Program, folder: &Path, replicas: usize) -> Result<Self, String> {
        let mut stage = Stage::set_on(program, folder, 0, Keeps::Postgres)?;
        let config = fs::read_to_string(stage.config()).map_err(|error| error.to_string())?;
        let config = with(
            &config,
            &[
                ("per_second = 2000", "per_second = 100000"),
                ("freshness = \"1s\"", "freshness = \"1h\""),
                ("lease = \"2s\"", "lease = \"30s\""),
            ],
        )?;
        fs::write(stage.config(), &config).map_err(|error| error.to_string())?;
        stage.start()?;
        let app =
            stage.apps.iter().find(|app| app.target.name == "honeycomb").ok_or("there is no honeycomb")?;
        for kept in ["journal", "ledger"] {
            app.lever("POST", kept, &json!({ "enabled": false }))?;
        }
        let mut doors = vec![app.connection.clone()];
        let mut others = Vec::new();
        for number in 1..replicas {
            let (process, address) = another(program, folder, &config, &stage.address, number)?;
            others.push(process);
            doors.push(Door { address, ..app.connection.clone() });
        }
        Ok(Self { doors, _others: others, _stage: stage })
    }

    /// How many people so many callers create in a span.
    fn create(&self, callers: usize, round: usize) -> Result<u128, String> {
        let until = Instant::now() + SPAN;
        thread::scope(|scope| {
            let callers: Vec<_> = (0..callers)
                .zip(self.doors.iter().cycle())
                .map(|(number, door)| scope.spawn(move || create(door, &format!("p{round}-{number}"), until)))
                .collect();
            let join =
                |caller: thread::ScopedJoinHandle<'_, _>| caller.join().map_err(|_| "a caller panicked")?;
            callers.into_iter().map(join).sum()
        })
    }
}

/// The configuration with the second of each pair in place of the first, which has to be there.
fn with(config: &str, changes: &[(&str, &str)]) -> Result<String, String> {
    changes.iter().try_fold(config.to_owned(), |config, (stands, wanted)| {
        let other = config.replace(stands, wanted);
        if other == config { Err(format!("the stage has no `{stands}`")) } else { Ok(other) }
    })
}

/// One more replica of the gateway at `first`.
fn another(
    program: &Program,
    folder: &Path,
    config: &str,
    first: &str,
    number: usize,
) -> Result<(Process, String), String> {
    let (address, own) = (free_address(), format!("data-{number}"));
    let folder_of_its_own = format!("folder = \"{own}\"");
    let config = with(config, &[(first, &address), ("folder = \"data\"", &folder_of_its_own)])?;
    let file = folder.join(format!("{own}.toml"));
    fs::create_dir_all(folder.join(&own)).map_err(|error| error.to_string())?;
    fs::write(&file, config).map_err(|error| error.to_string())?;
    let file = file.display().to_string();
    let process =
        program.serve(&["serve", "--config", &file], &address, &folder.join(format!("{own}.log")))?;
    Ok((process, address))
}

/// Creates one person after another on one connection, which providers and load balancers keep too.
fn create(door: &Door, name: &str, until: Instant) -> Result<u128, String> {
    let mut client = Client::new(&door.address);
    let token = door.token.as_deref().unwrap_or_default();
    let headers =
        [("Authorization", format!("Bearer {token}")), ("Content-Type", "application/scim+json".to_owned())]
            .map(|(name, value)| (name.to_owned(), value));
    let mut made = 0;
    while Instant::now() < until {
        let person = Person::new(format!("{name}-{made}@example.com"));
        let answer = client.send(&Request {
            method: "POST".to_owned(),
            target: format!("{}/Users", door.base),
            headers: headers.to_vec(),
            body: Some(person.resource(true).to_string().into_bytes()),
        });
        match answer {
            Ok(answer) if answer.status == 201 => made += 1,
            other => return Err(format!("a create was answered {other:?}")),
        }
    }
    Ok(made)
}
