//! Every app in every mode, as a test serves it.

use std::fmt::Write as _;

use super::stage::Served;
use super::there::PLAIN_INSTRUCTIONS;

/// One app in one mode.
pub struct Column {
    pub mode: &'static str,
    pub app: &'static str,
    /// The app that is simulated.
    pub simulator: &'static str,
    pub secrets: &'static str,
    blocks: &'static str,
    /// What makes the app offer what its guide leaves out.
    pub offers: &'static str,
    /// A group it has, a role that is not the default, and another.
    pub group: &'static str,
    pub role: &'static str,
    pub least: &'static str,
    /// Whether people accept before they are in, and whether groups can be made.
    pub invites: bool,
    pub makes_groups: bool,
    /// Whether the app has the names and the roles that it is given.
    pub holds_names: bool,
    pub holds_roles: bool,
}

const REST_KEY: &str = "private = true\nper_second = 100000\n";

const WORKIVA_SCIM: Column = Column {
    mode: "workiva scim",
    app: "workiva",
    simulator: "workiva",
    secrets: "workiva-scim-token",
    blocks: "mode = \"scim\"\n[scim]\nbase_url = \"SIM/scim/v2\"\ntoken = { file = \"secret\" }\n",
    offers: r#"{"scim":{"unclaimed_routes":true}}"#,
    group: "Finance Team",
    role: "Editor",
    least: "Viewer",
    invites: false,
    makes_groups: true,
    holds_names: true,
    holds_roles: false,
};

pub const COLUMNS: [Column; 12] = [
    Column {
        mode: "hive rest",
        app: "hive",
        simulator: "hive",
        secrets: "hive-admin-key",
        blocks: "mode = \"rest\"\nworkspaces = [\"ws_001\", \"ws_002\"]\n[rest]\nbase_url = \"SIM/api/v1\"\napi_key = { file = \"secret\" }\n",
        offers: "{}",
        group: "Acme Labs",
        role: "guest",
        least: "member",
        invites: true,
        makes_groups: false,
        holds_names: false,
        holds_roles: true,
    },
    Column {
        mode: "hive scim",
        app: "hive",
        simulator: "hive",
        secrets: "hive-scim-token",
        blocks: "mode = \"scim\"\n[scim]\nbase_url = \"SIM/scim/v2\"\ntoken = { file = \"secret\" }\n",
        offers: r#"{"scim":{"unclaimed_routes":true}}"#,
        group: "Design",
        role: "guest",
        least: "member",
        invites: false,
        makes_groups: true,
        holds_names: true,
        holds_roles: false,
    },
    Column {
        mode: "hive hybrid",
        app: "hive",
        simulator: "hive",
        secrets: "hive-scim-token\nhive-admin-key",
        blocks: "mode = \"hybrid\"\nworkspaces = [\"ws_001\"]\n[scim]\nbase_url = \"SIM/scim/v2\"\ntoken = { file = \"secret\" }\n[rest]\nbase_url = \"SIM/api/v1\"\napi_key = { file = \"secret-2\" }\n",
        offers: r#"{"scim":{"unclaimed_routes":true}}"#,
        group: "Design",
        role: "guest",
        least: "member",
        invites: false,
        makes_groups: true,
        holds_names: true,
        holds_roles: true,
    },
    Column {
        mode: "honeycomb rest",
        app: "honeycomb",
        simulator: "honeycomb",
        secrets: "honeycomb-config-key",
        blocks: "[rest]\nbase_url = \"SIM\"\napi_key = { file = \"secret\" }\n",
        offers: "{}",
        group: "admin",
        role: "admin",
        least: "member",
        invites: true,
        makes_groups: false,
        holds_names: false,
        holds_roles: true,
    },
    Column {
        mode: "tines rest",
        app: "tines",
        simulator: "tines",
        secrets: "tines-admin-token",
        blocks: "mode = \"rest\"\n[rest]\nbase_url = \"SIM/api/v1\"\napi_token = { file = \"secret\" }\n",
        offers: "{}",
        group: "IT",
        role: "admin",
        least: "member",
        invites: false,
        makes_groups: false,
        holds_names: true,
        holds_roles: true,
    },
    Column {
        mode: "tines scim",
        app: "tines",
        simulator: "tines",
        secrets: "tines-scim-token",
        blocks: "mode = \"scim\"\n[scim]\nbase_url = \"SIM/scim/v2\"\ntoken = { file = \"secret\" }\n",
        offers: r#"{"scim":{"unclaimed_routes":true}}"#,
        group: "IT",
        role: "admin",
        least: "member",
        invites: false,
        makes_groups: true,
        holds_names: true,
        holds_roles: false,
    },
    Column {
        mode: "tines hybrid",
        app: "tines",
        simulator: "tines",
        secrets: "tines-scim-token\ntines-admin-token",
        blocks: "mode = \"hybrid\"\n[scim]\nbase_url = \"SIM/scim/v2\"\ntoken = { file = \"secret\" }\n[rest]\nbase_url = \"SIM/api/v1\"\napi_token = { file = \"secret-2\" }\n",
        offers: r#"{"scim":{"unclaimed_routes":true}}"#,
        group: "IT",
        role: "admin",
        least: "member",
        invites: false,
        makes_groups: true,
        holds_names: true,
        holds_roles: true,
    },
    Column {
        mode: "workiva rest",
        app: "workiva",
        simulator: "workiva",
        secrets: "workiva-client-secret",
        blocks: "mode = \"rest\"\n[rest]\nbase_url = \"SIM/platform/v1\"\ntoken_url = \"SIM/iam/v1/oauth2/token\"\nclient_id = \"workiva-client\"\nclient_secret = { file = \"secret\" }\n",
        offers: r#"{"group_delete":true}"#,
        group: "Finance Team",
        role: "Editor",
        least: "Viewer",
        invites: false,
        makes_groups: true,
        holds_names: true,
        holds_roles: true,
    },
    WORKIVA_SCIM,
    Column {
        mode: "workiva hybrid",
        app: "workiva",
        simulator: "workiva",
        secrets: "workiva-scim-token\nworkiva-client-secret",
        blocks: "mode = \"hybrid\"\n[scim]\nbase_url = \"SIM/scim/v2\"\ntoken = { file = \"secret\" }\n[rest]\nbase_url = \"SIM/platform/v1\"\ntoken_url = \"SIM/iam/v1/oauth2/token\"\nclient_id = \"workiva-client\"\nclient_secret = { file = \"secret-2\" }\n",
        offers: r#"{"group_delete":true}"#,
        group: "Finance Team",
        role: "Editor",
        least: "Viewer",
        invites: false,
        makes_groups: true,
        holds_names: true,
        holds_roles: true,
    },
    // The same server, by an adapter that knows no vendor.
    Column { mode: "scim scim", app: "scim", ..WORKIVA_SCIM },
    Column {
        mode: "hotjar manual",
        app: "manual",
        simulator: "hotjar",
        secrets: "none",
        blocks: "mode = \"manual\"\n",
        offers: "{}",
        group: "Admin",
        role: "Admin",
        least: "Read Only",
        invites: false,
        makes_groups: false,
        holds_names: false,
        holds_roles: true,
    },
];

impl Column {
    /// The settings of the connection, which asks the app again after `freshness`; `policy` is what stands in the table
    /// of that name.
    pub fn settings(&self, freshness: &str, policy: &str) -> String {
        let mut settings = format!("freshness = \"{freshness}\"\n");
        for line in self.blocks.lines() {
            match line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                Some(block) => write!(settings, "[connections.{}.{block}]\n{REST_KEY}", self.name()).unwrap(),
                None => writeln!(settings, "{line}").unwrap(),
            }
        }
        if self.is_by_people() {
            settings.push_str(PLAIN_INSTRUCTIONS);
        }
        if !policy.is_empty() {
            write!(settings, "[connections.{}.policy]\n{policy}\n", self.name()).unwrap();
        }
        settings
    }

    /// What the connection is called.
    pub fn name(&self) -> &'static str {
        if self.app == "scim" { "crm" } else { self.app }
    }

    pub fn is_by_people(&self) -> bool {
        self.app == "manual"
    }

    /// The gateway before this app in this mode, and the app.
    pub fn serve(&self, settings: &str) -> Served {
        Served::start_before(self.app, self.name(), self.simulator, self.secrets, settings)
    }
}
