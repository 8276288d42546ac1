//! The apps: one folder each, strangers to one another. Adding an app is adding a folder.

pub mod answer;
pub mod hive;
pub mod honeycomb;
pub mod manual;
pub mod provider;
pub mod sandbox;
pub mod scim;
pub mod settings;
#[cfg(feature = "sim")]
pub mod simulator;
pub mod tines;
pub mod workiva;

use std::sync::Arc;

use crate::contract::{Adapter, Dialect, Mode};
use crate::upstream::Wire;
use settings::{Field, Settings};

/// Every app, by name.
pub static APPS: &[&App] = &[
    // Written by tests/registry.rs from the folders.
    &hive::APP,
    &honeycomb::APP,
    &manual::APP,
    &sandbox::APP,
    &scim::APP,
    &tines::APP,
    &workiva::APP,
    // As far as it is written.
];

/// One app the gateway can speak to.
#[derive(Debug)]
pub struct App {
    /// The word after `app =`.
    pub name: &'static str,
    /// The modes and dialects that can be configured.
    pub modes: &'static [(Mode, Dialect)],
    pub fields: &'static [Field],
    /// Makes the adapter of one connection; fails with one line for the operator.
    pub build: fn(&Blueprint<'_>) -> Result<Arc<dyn Adapter>, String>,
}

/// What an adapter is made from.
#[derive(Debug)]
pub struct Blueprint<'a> {
    /// The connection's name.
    pub connection: &'a str,
    pub mode: Mode,
    pub dialect: Dialect,
    pub settings: &'a Settings,
    /// Of the block `rest`, or of `scim` in an app without one; an app with both asks [`Settings::wire`].
    pub wire: Wire,
}
