//! What the suite has to be told of each app beside its capabilities: how it is built and what stands on its other side.

use std::sync::Arc;
use std::time::Duration;

use portcullis::adapters::settings::{Setting, Settings};
use portcullis::adapters::simulator::{Dialect, Simulator, UnknownDialect};
use portcullis::adapters::{App, Blueprint, hive, honeycomb, manual, sandbox, tines, workiva};
use portcullis::base::clock::{SharedClock, SystemClock};
use portcullis::base::secret::SecretString;
use portcullis::contract::Dialect::Guide;
use portcullis::contract::{Adapter, Guarded, Mode};
use portcullis::upstream::{Wire, system_names};
use serde_json::{Value, json};

type MakeSimulator = fn(Dialect, SharedClock) -> Result<Simulator, UnknownDialect>;

/// One app on the bench.
pub struct Bench {
    pub app: &'static App,
    pub mode: Mode,
    /// `None`: the adapter calls nobody.
    pub simulator: Option<MakeSimulator>,
    /// The settings that lead to the simulator at this address, by path; secrets apart.
    address: &'static [(&'static str, &'static str)],
    texts: &'static [(&'static str, &'static str)],
    /// Each secret's path, the right one, and one of the wrong kind.
    secrets: &'static [(&'static str, &'static str, &'static str)],
    /// Two roles of the app, where its capabilities do not list them; the lesser first.
    pub roles: [&'static str; 2],
    /// Switches after which the simulator answers with no more than the guide's examples; empty where it always does.
    pub brief: &'static [&'static str],
}

/// Every app of the registry has a bench in each of its modes.
pub static BENCHES: &[Bench] = &[
    Bench {
        app: &hive::APP,
        mode: Mode::Rest,
        simulator: Some(hive::sim::simulator),
        address: &[("rest.base_url", "/api/v1")],
        texts: &[],
        secrets: &[("rest.api_key", hive::sim::ADMIN_KEY, hive::sim::SCIM_TOKEN)],
        roles: ["guest", "member"],
        brief: &["brief_members"],
    },
    Bench {
        app: &hive::APP,
        mode: Mode::Scim,
        simulator: Some(hive::sim::simulator),
        address: &[("scim.base_url", "/scim/v2")],
        texts: &[],
        secrets: &[("scim.token", hive::sim::SCIM_TOKEN, hive::sim::ADMIN_KEY)],
        roles: ["guest", "member"],
        brief: &[],
    },
    Bench {
        app: &hive::APP,
        mode: Mode::Hybrid,
        simulator: Some(hive::sim::simulator),
        address: &[("rest.base_url", "/api/v1"), ("scim.base_url", "/scim/v2")],
        texts: &[],
        secrets: &[
            ("rest.api_key", hive::sim::ADMIN_KEY, hive::sim::SCIM_TOKEN),
            ("scim.token", hive::sim::SCIM_TOKEN, hive::sim::ADMIN_KEY),
        ],
        roles: ["guest", "member"],
        brief: &["brief_members"],
    },
    Bench {
        app: &honeycomb::APP,
        mode: Mode::Rest,
        simulator: Some(honeycomb::sim::simulator),
        address: &[("rest.base_url", "")],
        texts: &[],
        secrets: &[("rest.api_key", honeycomb::sim::CONFIG_KEY, honeycomb::sim::INGEST_KEY)],
        roles: ["member", "admin"],
        brief: &[],
    },
    Bench {
        app: &manual::APP,
        mode: Mode::Manual,
        simulator: None,
        address: &[],
        texts: &[],
        secrets: &[],
        roles: ["Read Only", "Admin"],
        brief: &[],
    },
    Bench {
        app: &sandbox::APP,
        mode: Mode::Rest,
        simulator: None,
        address: &[],
        texts: &[],
        secrets: &[],
        roles: ["reader", "writer"],
        brief: &[],
    },
    Bench {
        app: &tines::APP,
        mode: Mode::Rest,
        simulator: Some(tines::sim::simulator),
        address: &[("rest.base_url", "/api/v1")],
        texts: &[],
        secrets: &[("rest.api_token", tines::sim::ADMIN_TOKEN, tines::sim::SCIM_TOKEN)],
        roles: ["member", "admin"],
        brief: &["brief_list", "partial_echo"],
    },
    Bench {
        app: &tines::APP,
        mode: Mode::Scim,
        simulator: Some(tines::sim::simulator),
        address: &[("scim.base_url", "/scim/v2")],
        texts: &[],
        secrets: &[("scim.token", tines::sim::SCIM_TOKEN, tines::sim::ADMIN_TOKEN)],
        roles: ["member", "admin"],
        brief: &[],
    },
    Bench {
        app: &tines::APP,
        mode: Mode::Hybrid,
        simulator: Some(tines::sim::simulator),
        address: &[("rest.base_url", "/api/v1"), ("scim.base_url", "/scim/v2")],
        texts: &[],
        secrets: &[
            ("rest.api_token", tines::sim::ADMIN_TOKEN, tines::sim::SCIM_TOKEN),
            ("scim.token", tines::sim::SCIM_TOKEN, tines::sim::ADMIN_TOKEN),
        ],
        roles: ["member", "admin"],
        brief: &["brief_list", "partial_echo"],
    },
    Bench {
        app: &workiva::APP,
        mode: Mode::Rest,
        simulator: Some(workiva::sim::simulator),
        address: &[("rest.base_url", "/platform/v1"), ("rest.token_url", "/iam/v1/oauth2/token")],
        texts: &[("rest.client_id", workiva::sim::CLIENT_ID)],
        secrets: &[("rest.client_secret", workiva::sim::CLIENT_SECRET, workiva::sim::SCIM_TOKEN)],
        roles: ["role_viewer", "role_editor"],
        brief: &["brief_list"],
    },
    Bench {
        app: &workiva::APP,
        mode: Mode::Scim,
        simulator: Some(workiva::sim::simulator),
        address: &[("scim.base_url", "/scim/v2")],
        texts: &[],
        secrets: &[("scim.token", workiva::sim::SCIM_TOKEN, workiva::sim::CLIENT_SECRET)],
        roles: ["role_viewer", "role_editor"],
        brief: &[],
    },
    Bench {
        app: &workiva::APP,
        mode: Mode::Hybrid,
        simulator: Some(workiva::sim::simulator),
        address: &[
            ("rest.base_url", "/platform/v1"),
            ("rest.token_url", "/iam/v1/oauth2/token"),
            ("scim.base_url", "/scim/v2"),
        ],
        texts: &[("rest.client_id", workiva::sim::CLIENT_ID)],
        secrets: &[
            ("rest.client_secret", workiva::sim::CLIENT_SECRET, workiva::sim::SCIM_TOKEN),
            ("scim.token", workiva::sim::SCIM_TOKEN, workiva::sim::CLIENT_SECRET),
        ],
        roles: ["role_viewer", "role_editor"],
        brief: &["brief_list"],
    },
];

/// How a connection is told to behave.
#[derive(Debug, Clone, Copy)]
pub struct Temper {
    /// With a credential of the wrong kind.
    pub wrong_secret: bool,
    /// How long all attempts at one request may take.
    pub patience: Duration,
}

impl Default for Temper {
    fn default() -> Self {
        Self { wrong_secret: false, patience: Duration::from_secs(20) }
    }
}

impl Bench {
    /// The app and its mode: `hive rest`.
    pub fn name(&self) -> String {
        format!("{} {:?}", self.app.name, self.mode).to_lowercase()
    }

    /// Switches under which the simulator does what its guide does not claim and the connection tries.
    pub fn tried(&self) -> Option<Value> {
        let tries = matches!(self.app.name, "hive" | "tines") && self.mode != Mode::Rest;
        tries.then(|| json!({ "scim": { "unclaimed_routes": true } }))
    }

    /// The simulated app, where there is one.
    pub fn simulated(&self) -> Option<Simulator> {
        self.simulator.map(|make| make(Dialect::Guide, Arc::new(SystemClock)).unwrap())
    }

    /// A connection to the simulator at `url`, behind the guard.
    pub fn connect(&self, url: &str, temper: Temper) -> Arc<dyn Adapter> {
        let mut settings = Settings::default();
        for (path, suffix) in self.address {
            settings.set(*path, Setting::Text(format!("{url}{suffix}")));
        }
        for (path, text) in self.texts {
            settings.set(*path, Setting::Text((*text).to_owned()));
        }
        for (path, right, wrong) in self.secrets {
            let secret = *if temper.wrong_secret { wrong } else { right };
            settings.set(*path, Setting::Secret(SecretString::from(secret)));
        }
        Arc::new(Guarded::new(self.built(&settings, temper.patience)))
    }

    fn built(&self, settings: &Settings, total: Duration) -> Arc<dyn Adapter> {
        let wire = Wire {
            private: true,
            per_second: None,
            concurrency: 8,
            attempt: Duration::from_secs(10),
            total,
            body_limit: 8 << 20,
            names: system_names(),
            clock: Arc::new(SystemClock),
        };
        let blueprint =
            Blueprint { connection: "conformance", mode: self.mode, dialect: Guide, settings, wire };
        self.app.adapter(&blueprint).unwrap()
    }
}
