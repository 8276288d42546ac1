//! The gateway as its clients see it: the built binary, over HTTP.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot read its fixtures has failed")]

mod flows;
mod idp_cases;
mod idp_stories;
mod openapi;
mod support;
