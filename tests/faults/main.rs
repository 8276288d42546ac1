//! The product under crashes and faults, in the sizes of the gate; `cargo run --release --example long-run` runs more.

#![expect(clippy::unwrap_used, reason = "a test that cannot set its stage has failed")]

mod crashes;
mod damage;
mod endings;
mod full_disk;
#[path = "../../bench/faults/harness/mod.rs"]
mod harness;
mod kills;

/// A number from the environment of the test.
#[expect(clippy::disallowed_methods, reason = "sizes and seeds of tests are no settings of the product")]
fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}
