//! The gateway stops at every commit and at every call; `PORTCULLIS_POINTS` says how many are tried, 0 that all are.

use crate::harness::crashes::run;
use crate::setting;

/// A sample of another seed at each run; the long run has them all.
const POINTS: u64 = 250;

#[test]
fn whatever_commit_or_call_it_stops_at_the_next_one_goes_on_and_nothing_is_lost() {
    let seed = setting("PORTCULLIS_SEED", u64::from(std::process::id()));
    let points = setting("PORTCULLIS_POINTS", POINTS);
    let sample = (points > 0).then(|| usize::try_from(points).unwrap());
    println!("seed {seed}");
    let (run, found) = run(seed, sample, 16).unwrap();
    println!("{run} crash points");
    assert!(found.is_empty(), "seed {seed}, {} of {run}:\n{}", found.len(), found.join("\n"));
    assert!(run > 100, "only {run} crash points were found");
}
