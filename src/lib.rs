//! Portcullis: a SCIM 2.0 gateway that shows every app as a clean `/Users` and `/Groups`.
//!
//! The floors, top to bottom: `cli`, `http`, `provision`, `adapters`, then `store` and `contract`,
//! `upstream` and `scim`, and `base`. What may use what is proved by `tests/floors.rs`.

pub mod adapters;
pub mod base;
pub mod cli;
pub mod contract;
pub mod http;
pub mod provision;
pub mod scim;
pub mod store;
pub mod upstream;
