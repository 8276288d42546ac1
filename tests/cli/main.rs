//! The built binary as an operator has it: its commands, their exit codes, its processes, its logs.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot set its stage has failed")]

mod administration;
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
mod tokens;
mod traces;
mod webhooks;
