//! How many creates a second one replica makes on Postgres and how many two, with everything on the same cores.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::idp::person::Person;
use crate::harness::processes::{Process, Program, free_address};
use crate::harness::stage::{Keeps, Stage};
use crate::harness::wire::Door;

/// What comes before: sessions are opened, and the server plans.
const WARM: Duration = Duration::from_secs(2);
const SPAN: Duration = Duration::from_secs(5);
/// How often one replica and two are measured, by turns; the rate in the middle is told.
const ROUNDS: usize = 5;
const PATIENCE: Duration = Duration::from_secs(40);

/// Creates a second in the middle, with one replica and with two, for so many callers at the same time.
///
/// # Errors
/// The stage cannot be set, or somebody was not created.
pub fn run(program: &Program, folder: &Path, callers: usize) -> Result<[u128; 2], String> {
    let mut rates = [Vec::new(), Vec::new()];
    for round in 0..ROUNDS {
        for (replicas, rates) in [1, 2].into_iter().zip(&mut rates) {
            rates.push(rate(program, &folder.join(format!("{round}-{replicas}")), replicas, callers)?);
        }
    }
    Ok(rates.map(|mut rates| {
        rates.sort_unstable();
        rates.get(ROUNDS / 2).copied().unwrap_or_default()
    }))
}

fn rate(program: &Program, folder: &Path, replicas: usize, callers: usize) -> Result<u128, String> {
    let mut stage = Stage::set_on(program, folder, 0, Keeps::Postgres)?;
    let config = fs::read_to_string(stage.config()).map_err(|error| error.to_string())?;
    let config = config
        .replace("per_second = 2000", "per_second = 100000")
        .replace("freshness = \"1s\"", "freshness = \"30s\"")
        .replace("lease = \"2s\"", "lease = \"30s\"");
    fs::write(stage.config(), &config).map_err(|error| error.to_string())?;
    stage.start()?;
    let app = stage.apps.iter().find(|app| app.target.name == "honeycomb").ok_or("there is no honeycomb")?;
    app.lever("POST", "journal", &json!({ "enabled": false }))?;
    let mut doors = vec![app.connection.clone()];
    let mut others = Vec::new();
    for number in 1..replicas {
        let (process, address) = another(program, folder, &config, &stage.address, number)?;
        others.push(process);
        doors.push(Door { address, ..app.connection.clone() });
    }
    let begin = Instant::now() + WARM;
    let made: Result<u128, String> = thread::scope(|scope| {
        let callers: Vec<_> = (0..callers)
            .zip(doors.iter().cycle())
            .map(|(number, door)| scope.spawn(move || create(door, number, begin)))
            .collect();
        let join =
            |caller: thread::ScopedJoinHandle<'_, _>| caller.join().map_err(|_| "a caller panicked")?;
        callers.into_iter().map(join).sum()
    });
    Ok(made? * 1_000_000 / begin.elapsed().as_micros())
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
    let config = config.replace(first, &address).replace("folder = \"data\"", &format!("folder = \"{own}\""));
    let file = folder.join(format!("{own}.toml"));
    fs::create_dir_all(folder.join(&own)).map_err(|error| error.to_string())?;
    fs::write(&file, config).map_err(|error| error.to_string())?;
    let file = file.display().to_string();
    let process =
        program.serve(&["serve", "--config", &file], &address, &folder.join(format!("{own}.log")))?;
    Ok((process, address))
}

/// Creates one person after another; how many were made in the time that counts.
fn create(door: &Door, caller: usize, begin: Instant) -> Result<u128, String> {
    let mut made = 0;
    for number in 0.. {
        if Instant::now() >= begin + SPAN {
            break;
        }
        let person = Person::new(format!("p{caller}-{number}@example.com"));
        match door.send("POST", "/Users", Some(&person.resource(true)), PATIENCE) {
            Ok(answer) if answer.status == 201 => made += u128::from(Instant::now() >= begin),
            other => return Err(format!("a create was answered {other:?}")),
        }
    }
    Ok(made)
}
