//! An app is asked no more than it has to be: the bench of `bench/calls` with few people.

#![expect(clippy::unwrap_used, reason = "a cycle that does not end well has failed")]
#![allow(dead_code, reason = "the bench prints more than is asserted here")]

#[path = "it/support/address.rs"]
mod address;
#[path = "../bench/calls/cycle.rs"]
mod cycle;
#[path = "../bench/calls/mode.rs"]
mod mode;
#[path = "../bench/calls/stage.rs"]
mod stage;

use std::path::Path;
use std::sync::Mutex;
use std::thread;

use cycle::Counted;
use mode::{MODES, Mode};

pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Runs every mode, four at a time, and tells of all that fail.
fn in_every_mode(check: impl Fn(&Path, &Mode) -> std::result::Result<(), String> + Send + Sync) {
    let program = Path::new(env!("CARGO_BIN_EXE_portcullis"));
    let (queue, failed) = (Mutex::new(MODES.iter()), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let Some(mode) = queue.lock().unwrap().next() else { break };
                    if let Err(problem) = check(program, mode) {
                        failed.lock().unwrap().push(format!("{} {}: {problem}", mode.app, mode.interface));
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn an_initial_cycle_makes_the_least_calls() {
    in_every_mode(|program, mode| {
        // However slow the machine is, the cycle is over before the app has to be listed again.
        let settings = format!("freshness = \"10m\"\n{}", mode.settings);
        let mode = Mode { settings: settings.leak(), ..*mode };
        let cycle = cycle::initial(program, &mode, 50).map_err(|error| error.to_string())?;
        if cycle.ratio() <= 1.02 {
            return Ok(());
        }
        Err(format!("{} calls where {} do: {:?}", cycle.calls, cycle.least, cycle.kinds))
    });
}

#[test]
fn one_member_of_a_large_group_is_one_write() {
    in_every_mode(|program, mode| {
        let one = cycle::one_of_many(program, mode, 200).map_err(|error| error.to_string())?;
        let by_people = mode.app == "manual";
        let added = Counted { writes: usize::from(!by_people), reads: 0 };
        // Whoever was taken out is looked for once, on every page.
        let pages = if mode.least.page == 0 { 1 } else { 200_usize.div_ceil(mode.least.page) };
        let removed = Counted { reads: if by_people { 0 } else { pages }, ..added };
        if (one.added, one.removed) == (added, removed) { Ok(()) } else { Err(format!("{one:?}")) }
    });
}
