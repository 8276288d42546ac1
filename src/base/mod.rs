//! What every floor may use: clock, ids, jitter, secrets, folding, the context of one request.

pub mod clock;
pub mod context;
pub mod fold;
pub mod id;
pub mod jitter;
pub mod secret;
