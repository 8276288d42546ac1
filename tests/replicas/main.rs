//! Several `portcullis serve` on one Postgres, in front of one simulated app: what races, what stops, what crashes.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot set its stage has failed")]
#![expect(clippy::print_stdout, reason = "long runs say what they saw")]

#[path = "../../bench/faults/harness/books.rs"]
mod books;
#[path = "../it/support/client.rs"]
#[allow(dead_code, reason = "other test binaries use the rest of it")]
mod client;
mod cluster;
mod crashes;
mod overtaken;
#[path = "../support_postgres/mod.rs"]
#[allow(dead_code, reason = "other test binaries use the rest of it")]
mod postgres;
mod races;
mod read_only;
mod restored;
mod shares;
#[path = "../cli/stage.rs"]
#[allow(dead_code, reason = "other test binaries use the rest of it")]
mod stage;
mod stops;

/// A number from the environment, for longer runs than the usual ones.
#[expect(clippy::disallowed_methods, reason = "how long to look is not a setting of the product")]
fn number(variable: &str, usual: usize) -> usize {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}
