//! Honeycomb (honeycomb.io).

#[cfg(feature = "sim")]
pub mod sim;
