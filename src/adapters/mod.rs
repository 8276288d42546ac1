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
    /// Makes the adapter of one connection in a mode that is offered; [`App::adapter`] sees to that.
    pub build: fn(&Blueprint<'_>) -> Result<Arc<dyn Adapter>, String>,
}

/// A mode and dialect that an app cannot be spoken to in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotOffered {
    /// The setting to change: `mode` or `dialect`.
    pub key: &'static str,
    pub found: String,
    /// What can be written in its place.
    pub instead: String,
}

impl App {
    /// Whether the app can be spoken to in this way.
    ///
    /// # Errors
    /// [`NotOffered`], with everything that is offered.
    pub fn offers(&self, mode: Mode, dialect: Dialect) -> Result<(), NotOffered> {
        if self.modes.contains(&(mode, dialect)) {
            return Ok(());
        }
        let spelt = |(mode, dialect): &(Mode, Dialect)| {
            format!("mode = \"{mode:?}\" and dialect = \"{dialect:?}\"").to_lowercase()
        };
        let known: Vec<String> = self.modes.iter().map(spelt).collect();
        let has_mode = self.modes.iter().any(|(known, _)| *known == mode);
        Err(NotOffered {
            key: if has_mode { "dialect" } else { "mode" },
            found: format!("{}, which {} does not have", spelt(&(mode, dialect)), self.name),
            instead: known.join(", or "),
        })
    }

    /// Makes the adapter of one connection.
    ///
    /// # Errors
    /// One line for the operator: a mode or dialect that is not offered, or a setting that is missing or wrong.
    pub fn adapter(&self, blueprint: &Blueprint<'_>) -> Result<Arc<dyn Adapter>, String> {
        self.offers(blueprint.mode, blueprint.dialect)
            .map_err(|NotOffered { found, instead, .. }| format!("found {found}: write {instead}"))?;
        (self.build)(blueprint)
    }
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::base::clock::SystemClock;

    #[test]
    fn a_mode_or_dialect_an_app_does_not_have_is_refused_with_what_it_has() {
        for app in APPS {
            let settings = Settings::default();
            for mode in [Mode::Rest, Mode::Scim, Mode::Hybrid, Mode::Manual] {
                for dialect in [Dialect::Guide, Dialect::Vendor] {
                    let offered = app.modes.contains(&(mode, dialect));
                    assert_eq!(
                        app.offers(mode, dialect).is_ok(),
                        offered,
                        "{} {mode:?} {dialect:?}",
                        app.name
                    );
                    let wire = Wire {
                        private: false,
                        per_second: None,
                        concurrency: 1,
                        attempt: Duration::from_secs(1),
                        total: Duration::from_secs(1),
                        body_limit: 1,
                        names: crate::upstream::system_names(),
                        clock: Arc::new(SystemClock),
                    };
                    let blueprint = Blueprint { connection: "x", mode, dialect, settings: &settings, wire };
                    let refused = app.adapter(&blueprint).is_err_and(|text| text.contains("does not have"));
                    assert_eq!(refused, !offered, "{} {mode:?} {dialect:?}", app.name);
                }
            }
        }
        let refused = honeycomb::APP.offers(Mode::Rest, Dialect::Vendor).unwrap_err();
        assert_eq!(refused.key, "dialect");
        assert_eq!(refused.found, "mode = \"rest\" and dialect = \"vendor\", which honeycomb does not have");
        assert_eq!(refused.instead, "mode = \"rest\" and dialect = \"guide\"");
        assert_eq!(honeycomb::APP.offers(Mode::Scim, Dialect::Guide).unwrap_err().key, "mode");
    }
}
