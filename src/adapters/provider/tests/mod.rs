//! The client against servers that keep to the RFC and servers that do not.

mod changes;
mod groups;
mod listings;
mod lookups;
mod roles;
mod server;
