//! Inbound HTTP: the listener, who is let in, what a request asks for, and how the answer is written.
//!
//! Nothing here decides anything about an account: a request becomes a [`work::Work`], provision carries it out, and
//! the outcome becomes an answer.

mod admin;
mod admission;
mod answer;
mod auth;
mod body;
mod error;
mod intake;
mod log;
mod peer;
mod query;
mod route;
mod router;
pub mod server;
#[cfg(test)]
mod tests;
mod work;

pub use admission::AdmissionLimits;
pub use auth::FailureLimit;
pub use peer::Peer;
pub use router::{RouterSettings, router};
pub use server::serve;
