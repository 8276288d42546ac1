//! Workiva (workiva.com): the users and groups of one workspace, through the REST API of the published guide.

mod accounts;
mod client;
mod error;
mod groups;
mod roles;
mod settings;
#[cfg(feature = "sim")]
pub mod sim;
#[cfg(test)]
#[cfg(feature = "sim")]
mod tests;
mod wire;

use std::sync::Arc;

use super::{App, Blueprint};
use crate::contract::{
    Accounts, Adapter, Capabilities, Create, Deactivate, Delete, Dialect, Fulfilment, GroupCapabilities,
    Held, Membership, Mode, Reactivate, Residual, Roles,
};
use accounts::Workiva;
use client::Client;
use roles::KnownRoles;

/// Workiva.
pub static APP: App =
    App { name: "workiva", modes: &[(Mode::Rest, Dialect::Guide)], fields: settings::FIELDS, build };

/// Makes the adapter of one connection; fails with one line for the operator.
fn build(blueprint: &Blueprint<'_>) -> Result<Arc<dyn Adapter>, String> {
    let settings = settings::read(blueprint.settings)?;
    let roles = KnownRoles::new(blueprint.wire.clock.clone());
    let client = Client::new(settings, blueprint.wire.clone())?;
    Ok(Arc::new(Workiva { client, capabilities: capabilities(), roles }))
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
            add_member: true,
            remove_member: true,
            membership: Membership::OnGroup,
            ..GroupCapabilities::default()
        },
        residual: &[Residual {
            key: "document-permissions",
            instruction: "take the person out of the permissions of Workiva files and folders: a suspended account \
                          keeps them, and no interface of this connection removes them",
            link: "https://app.wdesk.com",
        }],
        fulfilment: Fulfilment::Native,
        page_size: settings::LARGEST_PAGE,
        ..Capabilities::default()
    }
}
