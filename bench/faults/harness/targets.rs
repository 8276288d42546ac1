//! The apps of a run: how each is connected, which identity provider is in front of it, and what it can hold.

/// Which identity provider sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    Okta,
    Entra,
}

impl Flavour {
    /// As the configuration names it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Okta => "okta",
            Self::Entra => "entra",
        }
    }
}

/// One app.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    pub name: &'static str,
    /// What stands below `[connections.NAME.rest]`, with `SIM` for the app's address.
    pub rest: &'static str,
    pub secret: &'static str,
    /// Deactivation leaves the account there.
    pub keeps_accounts: bool,
    /// Whether the app holds a name that can be changed.
    pub holds_names: bool,
    /// A group people are put into: as SCIM calls it, and its id in the app.
    pub group: Option<(&'static str, &'static str)>,
}

/// The four apps that are called.
pub const TARGETS: [Target; 4] = [
    Target {
        name: "hive",
        rest: "base_url = \"SIM/api/v1\"\napi_key = { file = \"hive.secret\" }",
        secret: "hive-admin-key",
        keeps_accounts: false,
        holds_names: false,
        group: Some(("Acme Labs", "ws_002")),
    },
    Target {
        name: "honeycomb",
        rest: "base_url = \"SIM\"\napi_key = { file = \"honeycomb.secret\" }",
        secret: "honeycomb-config-key",
        keeps_accounts: false,
        holds_names: false,
        group: None,
    },
    Target {
        name: "tines",
        rest: "base_url = \"SIM/api/v1\"\napi_token = { file = \"tines.secret\" }",
        secret: "tines-admin-token",
        keeps_accounts: true,
        holds_names: true,
        group: Some(("Security Ops", "5")),
    },
    Target {
        name: "workiva",
        rest: "base_url = \"SIM/platform/v1\"\ntoken_url = \"SIM/iam/v1/oauth2/token\"\nclient_id = \"WORKIVA_ID\"\n\
               client_secret = { file = \"workiva.secret\" }",
        secret: "WORKIVA_SECRET",
        keeps_accounts: true,
        holds_names: true,
        group: Some(("Finance Team", "grp_1")),
    },
];

impl Target {
    /// The configuration of the connection before an app at `simulator`.
    pub fn connection(&self, flavour: Flavour, simulator: &str) -> String {
        let rest = self
            .rest
            .replace("SIM", &format!("http://{simulator}"))
            .replace("WORKIVA_ID", portcullis::adapters::workiva::sim::CLIENT_ID);
        format!(
            "[connections.{0}]\napp = \"{0}\"\nidp = \"{1}\"\nfreshness = \"1s\"\n[connections.{0}.rest]\n{rest}\n\
             private = true\nper_second = 2000\nconcurrency = 32\ntimeout = \"2s\"\n",
            self.name,
            flavour.word()
        )
    }

    /// What the file of its secret holds.
    pub fn secret(&self) -> &'static str {
        match self.secret {
            "WORKIVA_SECRET" => portcullis::adapters::workiva::sim::CLIENT_SECRET,
            secret => secret,
        }
    }
}
