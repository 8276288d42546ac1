//! One `[connections.NAME]` block: its app, its identity provider, its policy.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::reader::Block;
use super::{app, brake, extensions, watch, webhook};
use crate::adapters::Blueprint;
use crate::base::fold::key;
use crate::contract::{Adapter, Capabilities, Delete, Dialect, Mode, Roles};
use crate::provision::{AdoptExisting, DeletePolicy, Idp, Orphans, Policy, ReadOnly, Receiver};

/// Names that stand beside the connections in the path.
const RESERVED: [&str; 8] = ["admin", "console", "healthz", "metrics", "oauth2", "readyz", "scim", "__sim"];

/// One checked connection.
#[derive(Debug)]
pub struct Connection {
    pub name: String,
    /// Where the app is: the address of each API that is spoken to.
    pub addresses: Vec<String>,
    pub policy: Policy,
    /// Made from the settings of its app.
    pub adapter: Arc<dyn Adapter>,
    /// Who is told what happens to its tasks.
    pub receiver: Option<Arc<dyn Receiver>>,
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
    let (added, of_groups) = extensions::read(&block);
    let policy = Policy { extensions: added, ..policy(&block) };
    let receiver = webhook::read(&block);
    // Which other keys there may be is the app's to say.
    let app = app?;
    let mode = mode.or_else(|| app.modes.first().map(|(mode, _)| *mode))?;
    app::check_mode(&block, app, mode, dialect);
    let (settings, wire) = app::settings(&block, app, mode);
    block.finish();
    if all.problem_count() > before {
        return None;
    }
    let blueprint = Blueprint { connection: name, mode, dialect, settings: &settings, wire };
    let adapter = app
        .adapter(&blueprint)
        .map_err(|text| all.problem(name, text, "see the app's settings in docs/operating.md"))
        .ok()?;
    check_roles(&block, adapter.capabilities().roles);
    check_residual(&block, adapter.capabilities());
    check_delete(&block, policy.delete, adapter.capabilities());
    watch::check(&block, adapter.capabilities());
    if !adapter.capabilities().groups.list {
        of_groups.iter().for_each(extensions::note_no_groups);
    }
    let addresses = ["rest.base_url", "scim.base_url"].iter().filter_map(|path| settings.text(path));
    let addresses = addresses.map(str::to_owned).collect();
    Some(Connection { name: name.to_owned(), addresses, policy, adapter, receiver })
}

/// Notes each role that the app does not have.
fn check_roles(block: &Block<'_>, roles: Roles) {
    let (Roles::Fixed(fixed), Some(block)) = (roles, block.block("roles")) else { return };
    let check = |block: &Block<'_>, name: &str| {
        if let Some(role) = block.text(name).filter(|role| !fixed.iter().any(|known| key(known) == key(role)))
        {
            let text = format!("found `{role}`, which is no role of the app");
            block.problem(name, text, format!("write one of {}", fixed.join(", ")));
        }
    };
    check(&block, "default");
    if let Some(groups) = block.block("groups") {
        groups.names().iter().for_each(|name| check(&groups, name));
    }
}

/// Notes that people are to be deleted for good where the app deletes nobody.
fn check_delete(block: &Block<'_>, policy: DeletePolicy, capabilities: &Capabilities) {
    let Some(block) = block.block("policy") else { return };
    if policy == DeletePolicy::Hard && capabilities.delete != Delete::Permanent {
        let text = format!("found `hard`, and {} deletes nobody for good in this mode", capabilities.app);
        block.problem("delete", text, "write delete = \"deactivate\"");
    }
}

/// Notes what is accepted to be left behind and is not.
fn check_residual(block: &Block<'_>, capabilities: &Capabilities) {
    let Some(block) = block.block("policy") else { return };
    let known: Vec<&str> = capabilities.residual.iter().map(|residual| residual.key).collect();
    for key in block.texts("accept_residual").unwrap_or_default() {
        if !known.contains(&key.as_str()) {
            let text = format!("found `{key}`, which {} does not leave behind", capabilities.app);
            let remedy = match known.as_slice() {
                [] => "remove the key".to_owned(),
                known => format!("write one of {}", known.join(", ")),
            };
            block.problem("accept_residual", text, remedy);
        }
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
    policy.owner = who(block, "owner");
    if let Some(freshness) = block.duration("freshness", 0) {
        policy.freshness = freshness;
    }
    (policy.drift, policy.invitations) = watch::read(block);
    policy.brake = brake::read(block);
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
        let orphans = [("report", Orphans::Report), ("suspend", Orphans::Suspend)];
        policy.orphans = block.choice("orphans", &orphans).unwrap_or_default();
        let adopt_existing = [
            ("lookup", AdoptExisting::Lookup),
            ("match", AdoptExisting::Match),
            ("explicit", AdoptExisting::Explicit),
        ];
        policy.adopt_existing = block.choice("adopt_existing", &adopt_existing).unwrap_or_default();
        policy.bulk = block.flag("bulk") || !block.has("bulk");
        let without = "deactivate_without_journal";
        policy.deactivate_without_journal = block.flag(without) || !block.has(without);
        policy.residual_owner = who(&block, "residual_owner");
        let link =
            block.text("residual_link").and_then(|url| app::checked_url(&block, "residual_link", url, false));
        policy.residual_link = link;
        policy.accept_residual = block.texts("accept_residual").unwrap_or_default();
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

/// Somebody tasks are given to.
fn who(block: &Block<'_>, name: &str) -> Option<String> {
    let text = block.text(name)?;
    if text.trim().is_empty() || text.chars().any(char::is_control) {
        let remedy = format!("write {name} = \"…\" as your people call the person or team");
        block.problem(name, "found no line of text, expected one", remedy);
        return None;
    }
    Some(text.trim().to_owned())
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
