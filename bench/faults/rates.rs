//! How many creates a second one replica makes on Postgres and how many two, with everything on the same cores.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::Row;
use crate::harness::client::{Client, Request};
use crate::harness::idp::person::Person;
use crate::harness::processes::Program;
use crate::harness::stage::{Keeps, Stage};
use crate::harness::wire::Door;

const SPAN: Duration = Duration::from_secs(2);
/// How many spans each is measured for, by turns: what else the machine does falls on both.
const ROUNDS: usize = 12;

/// Creates a second with one replica and with two, for so many callers at the same time.
///
/// # Errors
/// The stage cannot be set, or somebody was not created.
pub fn run(program: &Program, folder: &Path, callers: usize) -> Result<[Row; 3], String> {
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
    let [one, two] = counts.map(|(_, made, took)| made * 1_000_000 / took.max(1));
    Ok([
        Row::free("creates a second with one replica", one.to_string()),
        Row { target: ">= one".to_owned(), kept: two >= one, ..Row::free("… with two", two.to_string()) },
        Row::free("… of one", format!("{} %", two * 100 / one.max(1))),
    ])
}

/// The gateways of one database, and the apps behind them.
struct Replicas {
    doors: Vec<Door>,
    _stage: Stage,
}

impl Replicas {
    fn start(program: &Program, folder: &Path, replicas: usize) -> Result<Self, String> {
        let mut stage = Stage::set_on(program, folder, 0, Keeps::Postgres(replicas))?;
        stage.configure(|config| {
            let changes = [
                ("per_second = 2000", "per_second = 100000"),
                ("freshness = \"1s\"", "freshness = \"1h\""),
                ("lease = \"2s\"", "lease = \"30s\""),
            ];
            with(&config, &changes)
        })?;
        stage.start()?;
        let app =
            stage.apps.iter().find(|app| app.target.name == "honeycomb").ok_or("there is no honeycomb")?;
        for kept in ["journal", "ledger"] {
            app.lever("POST", kept, &json!({ "enabled": false }))?;
        }
        let of = |address: &String| Door { addresses: vec![address.clone()], ..app.connection.clone() };
        let doors = app.connection.addresses.iter().map(of).collect();
        Ok(Self { doors, _stage: stage })
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

/// Creates one person after another on one connection, which providers and load balancers keep too.
fn create(door: &Door, name: &str, until: Instant) -> Result<u128, String> {
    let mut client = Client::new(&door.addresses[0]);
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
