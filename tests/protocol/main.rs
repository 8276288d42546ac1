//! The protocol as a caller meets it: the doors, over a store on disk and an app in the process.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod bulk;
mod cursors;
mod extensions;
mod gated;
mod listings;
mod preconditions;
mod random;
mod schemas;
mod searches;
mod stage;
mod writes;
