//! What every floor may use: clock, ids, jitter, lanes, secrets, base64, folding, the context of one request, what is counted.

pub mod base64;
pub mod clock;
pub mod context;
pub mod fold;
pub mod id;
pub mod jitter;
pub mod lane;
pub mod metrics;
pub mod names;
pub mod secret;
