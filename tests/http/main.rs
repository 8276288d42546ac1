//! The listener and its doors in this process: no binary, no app.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot set its stage has failed")]

mod admin;
mod doors;
mod sockets;
mod stage;
mod tls;
