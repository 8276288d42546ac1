//! The SCIM protocol (RFC 7643, RFC 7644), pure: no async, no clock, no I/O.
//!
//! Resources are schema-checked JSON objects: a value comes back exactly as it was sent.

pub mod catalog;
pub mod error;
pub mod filter;
pub mod limits;
pub mod patch;
pub mod path;
pub mod schema;
