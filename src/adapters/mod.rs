//! The apps, one folder each, strangers to one another.

pub mod hive;
pub mod honeycomb;
pub mod manual;
#[cfg(feature = "sim")]
pub mod simulator;
pub mod tines;
pub mod workiva;
