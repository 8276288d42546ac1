//! Apps without any user management interface, Hotjar first: people carry the changes out.

pub mod roster;
mod settings;
#[cfg(feature = "sim")]
pub mod sim;
mod tasks;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::{App, Blueprint};
use crate::contract::{
    Accounts, Adapter, Capabilities, Create, Deactivate, Delete, Dialect, Fulfilment, GroupCapabilities,
    Held, Membership, Mode, Reactivate, Roles,
};
use tasks::Tasks;

/// The registry entry.
pub static APP: App =
    App { name: "manual", modes: &[(Mode::Manual, Dialect::Guide)], fields: settings::FIELDS, build };

/// Hotjar's roles, least first.
const HOTJAR_ROLES: &[&str] = &["Read Only", "Read & Write", "Admin"];

fn build(blueprint: &Blueprint<'_>) -> Result<Arc<dyn Adapter>, String> {
    let settings = settings::read(blueprint.settings)?;
    let capabilities = capabilities(&settings.roles);
    Ok(Arc::new(Tasks::new(settings, capabilities)))
}

/// Own roles are [`Roles::Listed`]: the role groups are the list.
fn capabilities(roles: &[String]) -> Capabilities {
    let default_roles = roles.iter().eq(HOTJAR_ROLES);
    Capabilities {
        app: APP.name,
        mode: Mode::Manual,
        dialect: Dialect::Guide,
        accounts: Accounts {
            email: Held::AtCreate,
            roles: Held::Yes,
            email_required: true,
            email_unique: true,
            ..Accounts::default()
        },
        create: Create::Task,
        deactivate: Deactivate::Task,
        reactivate: Reactivate::Task,
        delete: Delete::Task,
        roles: if default_roles { Roles::Fixed(HOTJAR_ROLES) } else { Roles::Listed },
        default_role: default_roles.then(|| HOTJAR_ROLES.first().copied()).flatten(),
        groups: GroupCapabilities {
            noun: "roles",
            list: true,
            add_member: true,
            remove_member: true,
            membership: Membership::OnAccount,
            are_roles: true,
            ..GroupCapabilities::default()
        },
        fulfilment: Fulfilment::Manual,
        ..Capabilities::default()
    }
}
