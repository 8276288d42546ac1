//! Workiva (workiva.com): the users and groups of one workspace, through the REST API and the SCIM server of the published
//! guide, alone or together.

mod accounts;
mod client;
mod error;
mod groups;
mod hybrid;
mod join;
mod roles;
mod scim;
mod settings;
#[cfg(feature = "sim")]
pub mod sim;
#[cfg(test)]
#[cfg(feature = "sim")]
mod tests;
mod wire;

use std::sync::Arc;

use super::provider::{self, Provider};
use super::{App, Blueprint};
use crate::contract::{
    Accounts, Adapter, Capabilities, Create, Deactivate, Delete, Dialect, Fulfilment, GroupCapabilities,
    Held, Membership, Mode, Reactivate, Residual, Roles,
};
use accounts::Workiva;
use client::Client;
use hybrid::Hybrid;
use join::Links;
use roles::KnownRoles;

/// Workiva.
pub static APP: App = App {
    name: "workiva",
    modes: &[(Mode::Rest, Dialect::Guide), (Mode::Scim, Dialect::Guide), (Mode::Hybrid, Dialect::Guide)],
    fields: settings::FIELDS,
    build,
};

/// What stays behind in every mode.
const RESIDUAL: &[Residual] = &[Residual {
    key: "document-permissions",
    instruction: "take the person out of the permissions of Workiva files and folders: a suspended account keeps them, \
                  and no interface of this connection removes them",
    link: "https://app.wdesk.com",
}];

/// Makes the adapter of one connection; fails with one line for the operator.
fn build(blueprint: &Blueprint<'_>) -> Result<Arc<dyn Adapter>, String> {
    Ok(match blueprint.mode {
        Mode::Scim => Arc::new(service_provider(blueprint, scim::PROFILE)?),
        Mode::Hybrid => Arc::new(Hybrid {
            capabilities: beside_scim(),
            rest: workspace(blueprint)?,
            scim: service_provider(blueprint, scim::BESIDE_REST)?,
            links: Links::default(),
        }),
        Mode::Rest | Mode::Manual => Arc::new(workspace(blueprint)?),
    })
}

fn workspace(blueprint: &Blueprint<'_>) -> Result<Workiva, String> {
    let settings = settings::read(blueprint.settings)?;
    let wire = blueprint.settings.wire("rest").unwrap_or(&blueprint.wire).clone();
    let roles = KnownRoles::new(wire.clock.clone());
    Ok(Workiva { client: Client::new(settings, wire)?, capabilities: capabilities(), roles })
}

fn service_provider(blueprint: &Blueprint<'_>, profile: provider::Profile) -> Result<Provider, String> {
    let upstream = provider::settings::read(blueprint.settings, blueprint.wire.clone())?;
    Provider::new(profile, blueprint.mode, blueprint.dialect, upstream)
}

/// What both interfaces can do together.
fn beside_scim() -> Capabilities {
    Capabilities { mode: Mode::Hybrid, ..capabilities() }
}

/// What the guide lets an OAuth client with all four scopes do.
fn capabilities() -> Capabilities {
    Capabilities {
        app: APP.name,
        mode: Mode::Rest,
        dialect: Dialect::Guide,
        accounts: Accounts {
            email: Held::Yes,
            given_name: Held::Yes,
            family_name: Held::Yes,
            display_name: Held::Yes,
            roles: Held::Yes,
            email_required: true,
            names_required: true,
            email_unique: true,
            by_id: true,
            by_email: true,
            create_inactive: true,
            many_roles: true,
            ..Accounts::default()
        },
        list: true,
        create: Create::Direct,
        deactivate: Deactivate::Native,
        reactivate: Reactivate::Native,
        delete: Delete::Permanent,
        roles: Roles::Listed,
        groups: GroupCapabilities {
            noun: "groups",
            list: true,
            create: true,
            rename: true,
            delete: true,
            add_member: true,
            remove_member: true,
            membership: Membership::OnGroup,
            ..GroupCapabilities::default()
        },
        residual: RESIDUAL,
        fulfilment: Fulfilment::Native,
        page_size: settings::LARGEST_PAGE,
        ..Capabilities::default()
    }
}
