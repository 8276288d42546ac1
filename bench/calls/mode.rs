//! The apps in the modes they are spoken to, each with the least calls its guide allows for a cycle.

/// Groups that are pushed where the app lets groups be made.
pub const MADE: usize = 20;

/// One app in one mode.
#[derive(Debug)]
pub struct Mode {
    /// The word after `app =`.
    pub app: &'static str,
    /// The word after `mode =`.
    pub interface: &'static str,
    /// The app that is simulated.
    pub simulator: &'static str,
    /// What stands below `[connections.bench]`, with `SIM` for the address of the app.
    pub settings: &'static str,
    /// Files beside the configuration.
    pub secrets: &'static [(&'static str, &'static str)],
    /// Levers of the simulator, as JSON.
    pub switches: Option<&'static str>,
    pub groups: Groups,
    pub least: Least,
}

/// Where the members of a cycle go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Groups {
    /// [`MADE`] groups are made as they are pushed, with one in so many people in each.
    Made,
    /// The app has its own, which are linked by name; one in so many people is pushed into each.
    Linked { names: &'static [&'static str], one_in: usize },
}

impl Groups {
    /// How many are pushed.
    pub fn count(self) -> usize {
        match self {
            Self::Made => MADE,
            Self::Linked { names, .. } => names.len(),
        }
    }
}

/// The least calls to an app, and why fewer would not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Least {
    /// Once: a token where tokens are fetched, each listing of people and of groups there are to read (the lookups of
    /// the identity provider are answered from it), and the names of roles where people have some. A SCIM listing of
    /// several resources whose total is no more than its page is asked once behind its end: nobody promises that the
    /// total counts more than the page.
    pub once: usize,
    /// For a person: the call that creates them, and where that is the SCIM server's while people are known by their id
    /// in REST, the lookup of that id.
    pub person: usize,
    /// For a group that is made: the call that makes it, and the listing that tells its id where the other interface
    /// has ids of its own.
    pub group: usize,
    pub members: Members,
    /// Members on a page of those of one group, 0 where they come in one answer: that is what reads a removal back.
    pub page: usize,
}

/// How members come into a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Members {
    /// A call for each: the guide names no other.
    Each,
    /// A PATCH takes all that the identity provider sends at once.
    Together,
    /// A person does it.
    Never,
}

/// What a cycle asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Work {
    pub people: usize,
    pub made_groups: usize,
    /// Requests of the identity provider that put members into groups.
    pub pushes: usize,
    /// Members in all of them.
    pub members: usize,
}

impl Least {
    /// The least calls for some work.
    pub fn calls(&self, work: Work) -> usize {
        let members = match self.members {
            Members::Each => work.members,
            Members::Together => work.pushes,
            Members::Never => 0,
        };
        self.once + self.person * work.people + self.group * work.made_groups + members
    }
}

macro_rules! wire {
    () => {
        "private = true\nper_second = 100000\nconcurrency = 64\n"
    };
}

const HIVE_REST: &str = concat!(
    "mode = \"rest\"\n[connections.bench.rest]\nbase_url = \"SIM/api/v1\"\napi_key = { file = \"rest\" }\n",
    wire!()
);
const HIVE_SCIM: &str = concat!(
    "mode = \"scim\"\n[connections.bench.scim]\nbase_url = \"SIM/scim/v2\"\ntoken = { file = \"scim\" }\n",
    wire!()
);
const HIVE_HYBRID: &str = concat!(
    "mode = \"hybrid\"\nworkspaces = [\"ws_001\"]\n[connections.bench.rest]\nbase_url = \"SIM/api/v1\"\n",
    "api_key = { file = \"rest\" }\n",
    wire!(),
    "[connections.bench.scim]\nbase_url = \"SIM/scim/v2\"\ntoken = { file = \"scim\" }\n",
    wire!()
);
const HONEYCOMB: &str =
    concat!("[connections.bench.rest]\nbase_url = \"SIM\"\napi_key = { file = \"rest\" }\n", wire!());
const TINES_REST: &str = concat!(
    "mode = \"rest\"\n[connections.bench.rest]\nbase_url = \"SIM/api/v1\"\napi_token = { file = \"rest\" }\n",
    wire!()
);
const TINES_HYBRID: &str = concat!(
    "mode = \"hybrid\"\n[connections.bench.rest]\nbase_url = \"SIM/api/v1\"\napi_token = { file = \"rest\" }\n",
    wire!(),
    "[connections.bench.scim]\nbase_url = \"SIM/scim/v2\"\ntoken = { file = \"scim\" }\n",
    wire!()
);
const WORKIVA_REST: &str = concat!(
    "mode = \"rest\"\n[connections.bench.rest]\nbase_url = \"SIM/platform/v1\"\n",
    "token_url = \"SIM/iam/v1/oauth2/token\"\nclient_id = \"workiva-client\"\nclient_secret = { file = \"rest\" }\n",
    wire!()
);
const WORKIVA_HYBRID: &str = concat!(
    "mode = \"hybrid\"\n[connections.bench.rest]\nbase_url = \"SIM/platform/v1\"\n",
    "token_url = \"SIM/iam/v1/oauth2/token\"\nclient_id = \"workiva-client\"\nclient_secret = { file = \"rest\" }\n",
    wire!(),
    "[connections.bench.scim]\nbase_url = \"SIM/scim/v2\"\ntoken = { file = \"scim\" }\n",
    wire!()
);

const SCIM: Least = Least { once: 4, person: 1, group: 1, members: Members::Together, page: 0 };

/// Every app in every mode.
pub const MODES: [Mode; 12] = [
    Mode {
        app: "hive",
        interface: "rest",
        simulator: "hive",
        settings: HIVE_REST,
        secrets: &[("rest", "hive-admin-key")],
        switches: None,
        groups: Groups::Linked { names: &["Acme Labs"], one_in: 5 },
        // The names of the workspaces, and the members of both.
        least: Least { once: 3, person: 1, group: 0, members: Members::Each, page: 0 },
    },
    Mode {
        app: "hive",
        interface: "scim",
        simulator: "hive",
        settings: HIVE_SCIM,
        secrets: &[("scim", "hive-scim-token")],
        switches: None,
        groups: Groups::Made,
        // One group is there, so that there is nothing behind it.
        least: Least { once: 3, ..SCIM },
    },
    Mode {
        app: "hive",
        interface: "hybrid",
        simulator: "hive",
        settings: HIVE_HYBRID,
        secrets: &[("scim", "hive-scim-token"), ("rest", "hive-admin-key")],
        switches: None,
        groups: Groups::Made,
        // As by SCIM, and the members of the workspace.
        least: SCIM,
    },
    Mode {
        app: "honeycomb",
        interface: "rest",
        simulator: "honeycomb",
        settings: HONEYCOMB,
        secrets: &[("rest", "honeycomb-config-key")],
        switches: None,
        groups: Groups::Linked { names: &["admin"], one_in: 10 },
        // Its groups are its two roles, which are no call.
        least: Least { once: 1, person: 1, group: 0, members: Members::Each, page: 0 },
    },
    Mode {
        app: "tines",
        interface: "rest",
        simulator: "tines",
        settings: TINES_REST,
        secrets: &[("rest", "tines-admin-token")],
        switches: None,
        groups: Groups::Linked { names: &["Security Ops", "IT"], one_in: 2 },
        least: Least { once: 2, person: 1, group: 0, members: Members::Each, page: 0 },
    },
    Mode {
        app: "tines",
        interface: "scim",
        simulator: "tines",
        settings: HIVE_SCIM,
        secrets: &[("scim", "tines-scim-token")],
        switches: None,
        groups: Groups::Made,
        least: SCIM,
    },
    Mode {
        app: "tines",
        interface: "hybrid",
        simulator: "tines",
        settings: TINES_HYBRID,
        secrets: &[("scim", "tines-scim-token"), ("rest", "tines-admin-token")],
        switches: None,
        groups: Groups::Made,
        // As by SCIM, and the people of REST.
        least: Least { once: 5, ..SCIM },
    },
    Mode {
        app: "workiva",
        interface: "rest",
        simulator: "workiva",
        settings: WORKIVA_REST,
        secrets: &[("rest", "workiva-client-secret")],
        switches: None,
        groups: Groups::Made,
        // A token, people, the names of their roles, groups.
        least: Least { once: 4, person: 1, group: 1, members: Members::Each, page: 100 },
    },
    Mode {
        app: "workiva",
        interface: "scim",
        simulator: "workiva",
        settings: HIVE_SCIM,
        secrets: &[("scim", "workiva-scim-token")],
        switches: None,
        groups: Groups::Made,
        least: SCIM,
    },
    Mode {
        app: "workiva",
        interface: "hybrid",
        simulator: "workiva",
        settings: WORKIVA_HYBRID,
        secrets: &[("scim", "workiva-scim-token"), ("rest", "workiva-client-secret")],
        switches: None,
        groups: Groups::Made,
        least: Least { once: 4, person: 2, group: 2, members: Members::Each, page: 100 },
    },
    Mode {
        app: "scim",
        interface: "scim",
        simulator: "tines",
        settings: HIVE_SCIM,
        secrets: &[("scim", "tines-scim-token")],
        switches: Some(r#"{"scim":{"unclaimed_routes":true}}"#),
        groups: Groups::Made,
        least: SCIM,
    },
    Mode {
        app: "manual",
        interface: "manual",
        simulator: "hotjar",
        settings: "mode = \"manual\"\n",
        secrets: &[],
        switches: None,
        groups: Groups::Linked { names: &["Admin"], one_in: 10 },
        least: Least { once: 0, person: 0, group: 0, members: Members::Never, page: 0 },
    },
];
