//! What the process tests share: the gateway under test, an outside client, and the case files' little language.

pub mod address;
pub mod assert;
pub mod cases;
pub mod client;
pub mod fixtures;
pub mod gateway;
pub mod path;
pub mod template;
