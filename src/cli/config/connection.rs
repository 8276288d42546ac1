//! One `[connections.NAME]` block: its app, its identity provider, its policy.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::app;
use super::reader::Block;
use super::watch;
use crate::adapters::Blueprint;
use crate::base::fold::key;
use crate::contract::{Adapter, Dialect, Mode, Roles};
use crate::provision::{DeletePolicy, Idp, Policy, ReadOnly};

/// Names that stand beside the connections in the path.
const RESERVED: [&str; 8] = ["admin", "console", "healthz", "metrics", "oauth2", "readyz", "scim", "__sim"];

/// One checked connection.
#[derive(Debug)]
pub struct Connection {
    pub name: String,
    pub policy: Policy,
    /// Made from the settings of its app.
    pub adapter: Arc<dyn Adapter>,
}

/// Every connection without a problem.
pub fn read(root: &Block<'_>) -> Vec<Connection> {
    let Some(all) = root.block("connections") else {
        if !root.has("connections") {
            root.problem(
                "connections",
                "there are no connections",
                "add a block like [connections.hive] with app = \"hive\"",
            );
        }
        return Vec::new();
    };
    all.names().iter().filter_map(|name| connection(&all, name)).collect()
}

fn connection(all: &Block<'_>, name: &str) -> Option<Connection> {
    let before = all.problem_count();
    let block = all.block(name)?;
    check_name(all, name);
    let app = app::app(&block);
    let mode = block.choice(
        "mode",
        &[("rest", Mode::Rest), ("scim", Mode::Scim), ("hybrid", Mode::Hybrid), ("manual", Mode::Manual)],
    );
    let dialect = block
        .choice("dialect", &[("guide", Dialect::Guide), ("vendor", Dialect::Vendor)])
        .unwrap_or_default();
    let policy = policy(&block);
    // Which other keys there may be is the app's to say.
    let app = app?;
    let mode = mode.or_else(|| app.modes.first().map(|(mode, _)| *mode))?;
    app::check_mode(&block, app, mode, dialect);
    let (settings, wire) = app::settings(&block, app);
    block.finish();
    if all.problem_count() > before {
        return None;
    }
    let blueprint = Blueprint { connection: name, mode, dialect, settings: &settings, wire };
    let adapter = (app.build)(&blueprint)
        .map_err(|text| all.problem(name, text, "see the app's settings in docs/operating.md"))
        .ok()?;
    check_roles(&block, adapter.capabilities().roles);
    watch::check(&block, adapter.capabilities());
    Some(Connection { name: name.to_owned(), policy, adapter })
}

/// Notes each role that the app does not have.
fn check_roles(block: &Block<'_>, roles: Roles) {
    let (Roles::Fixed(fixed), Some(block)) = (roles, block.block("roles")) else { return };
    let check = |block: &Block<'_>, name: &str| {
        if let Some(role) = block.text(name).filter(|role| !fixed.contains(role)) {
            let text = format!("found `{role}`, which is no role of the app");
            block.problem(name, text, format!("write one of {}", fixed.join(", ")));
        }
    };
    check(&block, "default");
    if let Some(groups) = block.block("groups") {
        groups.names().iter().for_each(|name| check(&groups, name));
    }
}

fn check_name(all: &Block<'_>, name: &str) {
    let good = name.len() <= 63
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if RESERVED.contains(&name) {
        all.problem(
            name,
            "the name is reserved: it stands beside the connections in addresses",
            "choose another name",
        );
    } else if !good {
        all.problem(
            name,
            format!("`{name}` cannot be the name of a connection"),
            "use lower-case letters, digits and hyphens, beginning with a letter, 63 at the most",
        );
    }
}

fn policy(block: &Block<'_>) -> Policy {
    let idp = block
        .choice("idp", &[("generic", Idp::Generic), ("okta", Idp::Okta), ("entra", Idp::Entra)])
        .unwrap_or_default();
    let mut policy = Policy { idp, ..Policy::default() };
    if let Some(freshness) = block.duration("freshness", 0) {
        policy.freshness = freshness;
    }
    (policy.drift, policy.invitations) = watch::read(block);
    if let Some(block) = block.block("policy") {
        watch::read_policy(&block, &mut policy.drift, &mut policy.invitations);
        let readonly =
            [("shadow", ReadOnly::Shadow), ("ignore", ReadOnly::Ignore), ("reject", ReadOnly::Reject)];
        policy.readonly = block.choice("readonly", &readonly).unwrap_or_default();
        let delete = [
            ("deactivate", DeletePolicy::Deactivate),
            ("hard", DeletePolicy::Hard),
            ("reject", DeletePolicy::Reject),
        ];
        policy.delete = block.choice("delete", &delete).unwrap_or_default();
        policy.bulk = block.flag("bulk") || !block.has("bulk");
        policy.protected =
            block.texts("protected").unwrap_or_default().iter().map(|address| key(address)).collect();
        block.finish();
    }
    if let Some(block) = block.block("roles") {
        policy.default_role = block.text("default").map(str::to_owned);
        if let Some(groups) = block.block("groups") {
            policy.role_groups = role_groups(&groups);
        }
        block.finish();
    }
    policy
}

/// Group name to role; names that differ in case only are one name.
fn role_groups(block: &Block<'_>) -> BTreeMap<String, String> {
    let mut roles = BTreeMap::new();
    for name in block.names() {
        let Some(role) = block.text(&name) else { continue };
        if roles.insert(key(&name), role.to_owned()).is_some() {
            block.problem(&name, "the same name stands here twice, in another spelling", "leave one of them");
        }
    }
    roles
}
