//! The long runs of the crash and fault harness: `cargo run --release --example long-run -- --kills 10000`.

#![expect(clippy::print_stdout, reason = "its figures are what it is run for")]

#[allow(dead_code, reason = "the tests use the rest of it")]
mod harness;
mod leavers;
mod rates;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;

use harness::kills::{self, Plan};
use harness::processes::Program;
use harness::stage::Keeps;

const HELP: &str = "\
usage: long-run [--kills N] [--seed N] [--at-once N] [--faults PERCENT] [--store sqlite|postgres]
       long-run --points N [--seed N] [--at-once N] [--store sqlite|postgres]
       long-run --leavers N [--store sqlite|postgres]
       long-run --replicas N

  --kills N         how often the gateway is killed (10000)
  --seed N          the same chances as another run; printed by each
  --at-once N       requests at the same time for each connection (2)
  --faults PERCENT  calls the apps spoil (10)
  --store NAME      what the gateway keeps its memory in: sqlite, or postgres, a server of the run's own (sqlite)
  --points N        instead of kills: N crash points of the seed's choice, 0 for all there are
  --leavers N       instead of kills: how soon leavers are out after an outage, after a restart with N of them owed,
                    and under a flood of joiners
  --replicas N      instead of kills: creates a second on Postgres, with one replica and with two, for N callers

Ends with 1 where something was found that must not be, or a figure misses what it is held to.";

/// The word after which this program is the gateway, or an app: so it needs no other binary.
const AS_PRODUCT: &str = "as-portcullis";

/// What was measured, what it is held to, and whether it keeps to it.
struct Row {
    what: &'static str,
    target: String,
    figure: String,
    kept: bool,
}

impl Row {
    /// Held to nothing.
    fn free(what: &'static str, figure: String) -> Self {
        Self { what, target: String::new(), figure, kept: true }
    }

    /// A time that may be as long as `limit`.
    fn within(what: &'static str, limit: Duration, took: Duration) -> Self {
        Self { target: format!("<= {} s", limit.as_secs()), kept: took <= limit, ..Self::took(what, took) }
    }

    fn took(what: &'static str, took: Duration) -> Self {
        Self::free(what, format!("{:.2} s", took.as_secs_f64()))
    }

    /// Prints it; answers whether it keeps to what it is held to.
    fn told(&self) -> bool {
        println!("| {:<40} | {:>7} | {:>10} |", self.what, self.target, self.figure);
        self.kept
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == AS_PRODUCT) {
        return portcullis::cli::main_with(arguments);
    }
    match run(&arguments) {
        Ok(code) => code,
        Err(text) => {
            println!("{text}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &[String]) -> Result<ExitCode, String> {
    let mut told = BTreeMap::new();
    let mut rest = arguments.iter();
    while let Some(name) = rest.next() {
        let known =
            ["--kills", "--seed", "--at-once", "--faults", "--store", "--points", "--leavers", "--replicas"];
        let value = rest.next().filter(|_| known.contains(&name.as_str())).ok_or(HELP)?;
        told.insert(name.as_str(), value.as_str());
    }
    let plan_of = match told.get("--store").copied() {
        None | Some("sqlite") => Plan::of,
        Some("postgres") => Plan::on_postgres,
        Some(other) => return Err(format!("`--store {other}`: expected `sqlite` or `postgres`")),
    };
    let number = |name: &str, default: u64| match told.get(name) {
        None => Ok(default),
        Some(text) => text.parse().map_err(|_| format!("`{name} {text}`: expected a number")),
    };
    let seed = number("--seed", harness::now().unsigned_abs() / 1_000)?;
    if let Some(points) = told.get("--points") {
        let points: usize = points.parse().map_err(|_| format!("`--points {points}`: expected a number"))?;
        let at_once = usize::try_from(number("--at-once", 16)?).unwrap_or(16);
        return stop_everywhere(seed, plan_of(seed, 0).keeps, (points > 0).then_some(points), at_once);
    }
    let path = std::env::current_exe().map_err(|error| error.to_string())?;
    let program = Program { path, before: vec![AS_PRODUCT.to_owned()] };
    if let Some(many) = told.get("--leavers") {
        let many = many.parse().map_err(|_| format!("`--leavers {many}`: expected a number"))?;
        let place = kills::folder("leavers", seed);
        let mut kept = true;
        // Of several the others would answer for the one that is killed.
        let keeps = match plan_of(seed, 0).keeps {
            Keeps::Postgres(_) => Keeps::Postgres(1),
            Keeps::Sqlite => Keeps::Sqlite,
        };
        leavers::run(&program, &place, keeps, many, |row| kept &= row.told())?;
        std::fs::remove_dir_all(&place).map_err(|error| error.to_string())?;
        return Ok(code(kept));
    }
    if told.contains_key("--replicas") {
        let callers = usize::try_from(number("--replicas", 16)?).unwrap_or(16);
        let place = kills::folder("replicas", seed);
        let rows = rates::run(&program, &place, callers)?;
        let missed = rows.iter().filter(|row| !row.told()).count();
        std::fs::remove_dir_all(&place).map_err(|error| error.to_string())?;
        return Ok(code(missed == 0));
    }
    let mut plan = plan_of(seed, number("--kills", 10_000)?);
    plan.at_once = usize::try_from(number("--at-once", plan.at_once as u64)?).unwrap_or(plan.at_once);
    plan.faults = f64::from(u32::try_from(number("--faults", 10)?).unwrap_or(10));
    let place = kills::folder("kills", seed);
    println!("seed {seed}, in {}", place.display());
    let figures = kills::run(&program, &place, &plan)?;
    for (what, figure) in figures.rows() {
        println!("| {what:<34} | {figure:>12} |");
    }
    for violation in &figures.violations {
        println!("{violation}");
    }
    if figures.violations.is_empty() {
        std::fs::remove_dir_all(&place).map_err(|error| error.to_string())?;
        return Ok(ExitCode::SUCCESS);
    }
    Ok(ExitCode::FAILURE)
}

fn stop_everywhere(
    seed: u64,
    keeps: Keeps,
    sample: Option<usize>,
    at_once: usize,
) -> Result<ExitCode, String> {
    let began = harness::now();
    let (run, found) = harness::crashes::run(seed, keeps, sample, at_once)?;
    let took = (harness::now() - began) / 1_000_000;
    for (what, figure) in [("seed", seed.to_string()), ("crash points", run.to_string())] {
        println!("| {what:<34} | {figure:>12} |");
    }
    println!("| {:<34} | {:>12} |", "took", format!("{took} s"));
    println!("| {:<34} | {:>12} |", "violations", found.len());
    for violation in &found {
        println!("{violation}");
    }
    Ok(code(found.is_empty()))
}

fn code(well: bool) -> ExitCode {
    if well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
