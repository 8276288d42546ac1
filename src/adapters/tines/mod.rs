//! Tines (tines.com): the users and teams of one tenant, through the REST API of the published guide, its SCIM server,
//! or both.

mod accounts;
mod client;
mod error;
mod hybrid;
mod join;
mod scim;
mod settings;
#[cfg(feature = "sim")]
pub mod sim;
mod teams;
#[cfg(test)]
#[cfg(feature = "sim")]
mod tests;
mod wire;

use std::sync::Arc;

use super::provider::{self, Provider};
use super::{App, Blueprint};
use crate::contract::{
    Accounts, Adapter, Capabilities, Create, Deactivate, Delete, Dialect, Fulfilment, GroupCapabilities,
    Held, Membership, Mode, Reactivate, Roles,
};
use accounts::Tines;
use client::Client;
use hybrid::Hybrid;

/// Tines.
pub static APP: App = App {
    name: "tines",
    modes: &[(Mode::Rest, Dialect::Guide), (Mode::Scim, Dialect::Guide), (Mode::Hybrid, Dialect::Guide)],
    fields: settings::FIELDS,
    build,
};

/// Makes the adapter of one connection; fails with one line for the operator.
fn build(blueprint: &Blueprint<'_>) -> Result<Arc<dyn Adapter>, String> {
    Ok(match blueprint.mode {
        Mode::Rest | Mode::Manual => Arc::new(rest(blueprint)?),
        Mode::Scim => Arc::new(service_provider(blueprint, scim::PROFILE)?),
        Mode::Hybrid => {
            Arc::new(Hybrid::new(rest(blueprint)?, service_provider(blueprint, scim::BESIDE_REST)?))
        }
    })
}

fn rest(blueprint: &Blueprint<'_>) -> Result<Tines, String> {
    let settings = settings::read(blueprint.settings)?;
    let wire = blueprint.settings.wire("rest").cloned().unwrap_or_else(|| blueprint.wire.clone());
    let client = Client::new(&settings, wire)?;
    let capabilities = capabilities(&settings.default_role);
    Ok(Tines { client, capabilities, settings })
}

fn service_provider(blueprint: &Blueprint<'_>, profile: provider::Profile) -> Result<Provider, String> {
    let upstream = provider::settings::read(blueprint.settings, blueprint.wire.clone())?;
    Provider::new(profile, blueprint.mode, blueprint.dialect, upstream)
}

/// What the guide lets an admin's API token do. Its roles are examples (`e.g. admin, member`), so any is let through.
fn capabilities(default_role: &str) -> Capabilities {
    Capabilities {
        app: APP.name,
        mode: Mode::Rest,
        dialect: Dialect::Guide,
        accounts: Accounts {
            email: Held::Yes,
            given_name: Held::Yes,
            family_name: Held::Yes,
            roles: Held::Yes,
            email_required: true,
            names_required: true,
            email_unique: true,
            by_id: true,
            ..Accounts::default()
        },
        list: true,
        create: Create::Direct,
        deactivate: Deactivate::Native,
        reactivate: Reactivate::Native,
        delete: Delete::Permanent,
        roles: Roles::Any,
        default_role: [ADMIN, "member"].into_iter().find(|known| *known == default_role),
        admin_role: Some(ADMIN),
        groups: GroupCapabilities {
            noun: "teams",
            list: true,
            add_member: true,
            remove_member: true,
            membership: Membership::OnAccount,
            ..GroupCapabilities::default()
        },
        fulfilment: Fulfilment::Native,
        page_size: settings::LARGEST_PAGE,
        ..Capabilities::default()
    }
}

const ADMIN: &str = "admin";
