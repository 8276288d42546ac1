//! Whole lives of people, from the identity provider's request to the app's journal, through real sockets.

mod adoptions;
mod cells;
mod drift;
mod flood;
mod hive;
mod hive_modes;
mod honeycomb;
mod hotjar;
mod keys;
mod laws;
mod lookups;
mod matrix;
mod outages;
mod people;
mod refusals;
mod replay;
mod sandbox;
mod scim;
mod spellings;
mod stage;
mod tines;
mod tines_modes;
mod workiva;
mod workiva_hybrid;
mod workiva_scim;
