//! What a connection is made from; what it then does is shown with the client of service providers.

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::adapters::settings::{Setting, Settings};
use crate::base::clock::SystemClock;
use crate::base::secret::SecretString;
use crate::contract::Delete;
use crate::upstream::{Wire, system_names};

fn built(mode: Mode, dialect: Dialect, settings: &Settings) -> Result<Arc<dyn Adapter>, String> {
    let wire = Wire {
        private: false,
        per_second: None,
        concurrency: 1,
        attempt: Duration::from_secs(1),
        total: Duration::from_secs(1),
        body_limit: 1,
        names: system_names(),
        clock: Arc::new(SystemClock),
    };
    build(&Blueprint { connection: "crm", mode, dialect, settings, wire })
}

fn told() -> Settings {
    let mut settings = Settings::default();
    settings.set("scim.base_url", Setting::Text("https://crm.example.com/scim/v2".to_owned()));
    settings.set("scim.token", Setting::Secret(SecretString::from("token")));
    settings
}

#[test]
fn it_is_built_from_an_address_and_a_token() {
    let adapter = built(Mode::Scim, Dialect::Guide, &told()).unwrap();
    let capabilities = adapter.capabilities();
    assert_eq!((capabilities.app, capabilities.mode), ("scim", Mode::Scim));
    assert_eq!((capabilities.delete, capabilities.accounts.external_id), (Delete::Permanent, Held::Yes));
    assert!(adapter.groups().is_some());
}

#[test]
fn what_is_missing_or_unknown_is_said_in_one_line() {
    let refused = |settings: &Settings| built(Mode::Scim, Dialect::Guide, settings).unwrap_err();
    assert_eq!(refused(&Settings::default()), "`scim.base_url` is missing");
    let mut settings = told();
    settings.set("scim.members", Setting::Text("bulk".to_owned()));
    assert_eq!(refused(&settings), "`scim.members` is `bulk`: `patch` or `put` expected");
}
