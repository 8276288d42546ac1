//! Workiva (workiva.com).

#[cfg(feature = "sim")]
pub mod sim;
