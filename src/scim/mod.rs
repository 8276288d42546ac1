//! The SCIM protocol (RFC 7643, RFC 7644), pure: no async, no clock, no I/O.
//!
//! Resources are schema-checked JSON objects: a value comes back exactly as it was sent.

pub mod bulk;
pub mod catalog;
mod coerce;
pub mod cursor;
pub mod decode;
pub mod discovery;
pub mod error;
pub mod etag;
pub mod extension;
pub mod filter;
pub mod leaving;
pub mod limits;
pub mod list;
pub mod member;
pub mod patch;
pub mod path;
pub mod project;
pub mod schema;
pub mod search;
pub mod sort;
