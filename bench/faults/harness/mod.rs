//! The crash and fault harness: identity providers, apps in processes of their own, a gateway that is killed, and a
//! checker that holds what each was told, did and remembers against the others.

#[path = "../../../tests/it/support/address.rs"]
mod address;
pub mod audit;
pub mod books;
pub mod checker;
#[path = "../../../tests/it/support/client.rs"]
#[allow(dead_code, reason = "the other test binaries use the rest of it")]
pub mod client;
pub mod crashes;
pub mod dice;
pub mod history;
pub mod idp;
pub mod inside;
pub mod kills;
pub mod ledger;
#[path = "../../../tests/support_postgres/mod.rs"]
#[allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a run without its server has failed; the tests of the store use the rest of it"
)]
pub mod postgres;
pub mod processes;
pub mod stage;
#[path = "../../../tests/support_rest/mod.rs"]
mod support;
pub mod targets;
pub mod wire;

use portcullis::base::clock::{Clock, SystemClock};

/// The present moment on the clock that the apps read too, in microseconds.
pub fn now() -> i64 {
    SystemClock.now().0
}
