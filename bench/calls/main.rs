//! Counts the calls an app gets for what an identity provider does at first, and holds them to the least there could
//! be: `cargo build --release && cargo run --release --example calls [PROGRAM [APP]]`.
//!
//! Everything goes through real sockets. Too many calls, or calls and time that grow faster than the people, end the
//! program with 1.

#[path = "../../tests/it/support/address.rs"]
mod address;
mod cycle;
mod mode;
mod stage;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use cycle::Cycle;
use mode::{MODES, Mode};

pub(crate) type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Calls for each that has to be made.
const MOST_RATIO: f64 = 1.02;
const PEOPLE: usize = 1_000;
/// How many more people come the second time, and how many times the calls and the time they may take.
const MORE: u32 = 10;
const MOST_GROWTH: f64 = 11.0;
const MEMBERS: usize = 5_000;
/// The modes that are held to their growth: one of each app, the one that has most to join.
const GROWING: [(&str, &str); 6] = [
    ("hive", "hybrid"),
    ("honeycomb", "rest"),
    ("tines", "hybrid"),
    ("workiva", "hybrid"),
    ("scim", "scim"),
    ("manual", "manual"),
];

fn main() -> Result<ExitCode> {
    let program =
        std::env::args_os().nth(1).map_or_else(|| "target/release/portcullis".into(), PathBuf::from);
    let app = std::env::args().nth(2);
    let mut broken = Vec::new();
    line(&format!(
        "| app | mode | calls for {PEOPLE} | least | ratio | calls for {} | times | time | one more of {MEMBERS} | one less |",
        PEOPLE * MORE as usize
    ));
    line("|---|---|---|---|---|---|---|---|---|---|");
    for mode in MODES.iter().filter(|mode| app.as_ref().is_none_or(|app| app == mode.app)) {
        line(&row(&program, mode, &mut broken)?);
    }
    for problem in &broken {
        line(problem);
    }
    Ok(if broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Measures one mode; what is too much is added to `broken`.
fn row(program: &Path, mode: &Mode, broken: &mut Vec<String>) -> Result<String> {
    let name = format!("{} {}", mode.app, mode.interface);
    let few = cycle::initial(program, mode, PEOPLE)?;
    if few.ratio() > MOST_RATIO {
        broken.push(format!("{name}: {} calls where {} do: {:?}", few.calls, few.least, few.kinds));
    }
    let grown = if GROWING.contains(&(mode.app, mode.interface)) {
        let (few_took, many) = cycle::growing(program, mode, PEOPLE, MORE)?;
        let (few_took, many_took) = (few_took.as_secs_f64(), many.took.as_secs_f64());
        let (calls, time) = (times(few.calls, many.calls), many_took / few_took);
        if calls > MOST_GROWTH || time > MOST_GROWTH {
            broken.push(format!(
                "{name}: {MORE} times the people take {calls:.1} times the calls, {time:.1} times the time"
            ));
        }
        format!("{} | {calls:.2} | {few_took:.1} s → {many_took:.1} s = {time:.1}", many.calls)
    } else {
        format!("| | {:.1} s", few.took.as_secs_f64())
    };
    let one = cycle::one_of_many(program, mode, MEMBERS)?;
    for counted in [one.added, one.removed] {
        if counted.writes > 1 {
            broken.push(format!("{name}: {} writes for one member", counted.writes));
        }
    }
    let told = |counted: cycle::Counted| format!("{} + {}", counted.writes, counted.reads);
    let Cycle { calls, least, .. } = few;
    Ok(format!(
        "| {} | {} | {calls} | {least} | {:.3} | {grown} | {} | {} |",
        mode.app,
        mode.interface,
        few.ratio(),
        told(one.added),
        told(one.removed)
    ))
}

#[expect(clippy::cast_precision_loss, reason = "no cycle makes more than 2^52 calls")]
fn times(few: usize, many: usize) -> f64 {
    if few == 0 { 1.0 } else { many as f64 / few as f64 }
}

#[expect(clippy::print_stdout, reason = "the table is what this program is for")]
fn line(text: &str) {
    println!("{text}");
}
