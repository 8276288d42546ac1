//! Apps without a user API, fulfilled by people (Hotjar).

#[cfg(feature = "sim")]
pub mod sim;
