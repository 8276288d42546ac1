//! Hive (hive.com).

#[cfg(feature = "sim")]
pub mod sim;
