//! The gateway stops at every commit and at every call; `PORTCULLIS_POINTS` says how many are tried, 0 that all are.

use crate::harness::crashes::run;
use crate::harness::stage::Keeps;
use crate::setting;

/// A sample of another seed at each run; the long run has them all.
const POINTS: u64 = 250;
const POINTS_POSTGRES: u64 = 40;

#[expect(clippy::print_stdout, reason = "its figures are what it is run for")]
fn stop(keeps: Keeps, points: u64) {
    let seed = setting("PORTCULLIS_SEED", u64::from(std::process::id()));
    let sample = (points > 0).then(|| usize::try_from(points).unwrap());
    println!("seed {seed}");
    let (run, found) = run(seed, keeps, sample, 16).unwrap();
    println!("{run} crash points");
    assert!(found.is_empty(), "seed {seed}, {} of {run}:\n{}", found.len(), found.join("\n"));
    assert!(run as u64 >= points.max(30), "only {run} crash points were found");
}

#[test]
fn whatever_commit_or_call_it_stops_at_the_next_one_goes_on_and_nothing_is_lost() {
    stop(Keeps::Sqlite, setting("PORTCULLIS_POINTS", POINTS));
}

#[test]
fn whatever_commit_or_call_it_stops_at_another_one_on_the_same_database_goes_on() {
    stop(Keeps::Postgres(1), setting("PORTCULLIS_POINTS_POSTGRES", POINTS_POSTGRES));
}
