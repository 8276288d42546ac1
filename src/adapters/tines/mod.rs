//! Tines (tines.com).

#[cfg(feature = "sim")]
pub mod sim;
