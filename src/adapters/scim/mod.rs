//! Any app with a SCIM 2.0 server of its own that keeps to RFC 7643 and RFC 7644.

mod settings;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use super::provider::{
    self, GroupProfile, Login, MemberForm, Offer, Profile, Provider, RoleAttribute, Write,
};
use super::{App, Blueprint};
use crate::contract::{Accounts, Adapter, Dialect, Held, Mode, Roles};

/// The app as the configuration names it.
pub static APP: App =
    App { name: "scim", modes: &[(Mode::Scim, Dialect::Guide)], fields: settings::FIELDS, build };

/// Makes the adapter of one connection; fails with one line for the operator.
fn build(blueprint: &Blueprint<'_>) -> Result<Arc<dyn Adapter>, String> {
    let members = settings::members(blueprint.settings)?;
    let profile = Profile { groups: Some(GroupProfile { members, ..GROUPS }), ..PROFILE };
    let upstream = provider::settings::read(blueprint.settings, blueprint.wire.clone())?;
    Ok(Arc::new(Provider::new(profile, blueprint.mode, blueprint.dialect, upstream)?))
}

const GROUPS: GroupProfile = GroupProfile {
    noun: "groups",
    by_id: Offer::Yes,
    create: Offer::Yes,
    rename: Offer::Yes,
    delete: Offer::Yes,
    members: &[MemberForm::Path, MemberForm::Value, MemberForm::Put],
    at_once: 100,
};

/// What RFC 7643 and RFC 7644 ask of every server, and PUT where PATCH is not offered. A server may ignore what it does not
/// know (RFC 7644 §3.3), and many know no roles: these count where the server shows them.
const PROFILE: Profile = Profile {
    app: "scim",
    credential: "a bearer token for its SCIM interface is expected in `scim.token`",
    login: Login::Name,
    accounts: Accounts {
        user_name: Held::Yes,
        external_id: Held::Yes,
        email: Held::Yes,
        given_name: Held::Yes,
        family_name: Held::Yes,
        display_name: Held::Yes,
        roles: Held::Tried,
        shows_invited: true,
        create_inactive: true,
        many_roles: true,
        ..Accounts::NONE
    },
    role: RoleAttribute::Roles,
    roles: Roles::Any,
    default_role: None,
    admin_role: None,
    write: Write::Either,
    filter: Offer::Yes,
    delete: Offer::Yes,
    groups: Some(GROUPS),
    residual: &[],
    settle: Duration::ZERO,
    page_size: 100,
};
