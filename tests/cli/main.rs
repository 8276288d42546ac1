//! The built binary as an operator has it: its commands, their exit codes, its processes, its logs.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot set its stage has failed")]

mod administration;
mod approvals;
mod audit;
mod bad_input;
#[path = "../it/support/client.rs"]
#[allow(dead_code, reason = "the other test binary uses the rest of it")]
mod client;
mod configuration;
mod demo;
mod doctor;
mod help;
mod links;
mod logs;
mod reload;
mod roster;
mod safe_mode;
mod serve;
mod simulators;
mod stage;
mod tasks;
mod teams;
mod tines;
mod tokens;
mod traces;
mod upgrades;
mod webhooks;

/// A number from the environment, for longer runs than the usual ones.
#[expect(clippy::disallowed_methods, reason = "how long to look is not a setting of the product")]
fn number(variable: &str, usual: u32) -> u32 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}
