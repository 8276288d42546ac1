//! What every floor may use: clocks, ids, jitter, lanes, secrets, signatures, base64, hexadecimal digits, folding, the context of one request, what is counted.

pub mod base64;
pub mod clock;
pub mod context;
pub mod fold;
pub mod hex;
pub mod hold;
pub mod id;
pub mod jitter;
pub mod lane;
pub mod metrics;
pub mod names;
pub mod secret;
pub mod signing;
pub mod steady;
