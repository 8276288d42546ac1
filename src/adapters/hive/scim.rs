//! Hive's SCIM server, as far as the published guide describes it.

use std::time::Duration;

use super::APP;
use crate::adapters::provider::{
    self, GroupProfile, Login, MemberForm, Offer, Profile, Provider, RoleAttribute, Write,
};
use crate::adapters::{Blueprint, settings};
use crate::contract::{Accounts, Held, Residual, Roles};

/// Users are created, read, listed, replaced and deactivated, groups created, listed and their members changed: that is
/// claimed. Filters, a group by its id, renaming and deleting a group, and roles, which are nowhere mentioned, are tried.
pub(super) const PROFILE: Profile = Profile {
    app: APP.name,
    credential: "the SCIM token from the settings of the Hive workspace in which SCIM is enabled is expected in \
                 `scim.token`: a personal API key, which belongs in `rest.api_key`, gives exactly this answer",
    login: Login::Address,
    accounts: Accounts {
        external_id: Held::Yes,
        email: Held::Yes,
        given_name: Held::Yes,
        family_name: Held::Yes,
        email_required: true,
        roles: Held::Tried,
        email_unique: true,
        shows_invited: true,
        ..Accounts::NONE
    },
    role: RoleAttribute::Roles,
    roles: Roles::Any,
    default_role: None,
    admin_role: None,
    write: Write::Either,
    filter: Offer::Try,
    delete: Offer::No,
    groups: Some(GroupProfile {
        noun: "groups",
        by_id: Offer::Try,
        create: Offer::Yes,
        rename: Offer::Try,
        delete: Offer::Try,
        members: &[MemberForm::Path, MemberForm::Value],
        at_once: 100,
    }),
    residual: &[Residual {
        key: "other-workspaces",
        instruction: "remove the person from the Hive workspaces that SCIM is not enabled in",
        link: "https://app.hive.com",
    }],
    settle: Duration::ZERO,
    page_size: 100,
};

/// The same beside the REST API, which has the roles.
pub(super) const BESIDE_REST: Profile = Profile {
    role: RoleAttribute::None,
    roles: Roles::None,
    accounts: Accounts { roles: Held::No, ..PROFILE.accounts },
    ..PROFILE
};

/// The client of the SCIM server; fails with one line for the operator.
///
/// By SCIM alone there are no workspaces to choose from: the token is of one.
pub(super) fn provider(blueprint: &Blueprint<'_>, profile: Profile) -> Result<Provider, String> {
    let upstream = provider::settings::read(blueprint.settings, blueprint.wire.clone())?;
    Provider::new(profile, blueprint.mode, blueprint.dialect, upstream)
}

/// Where the SCIM server is.
pub(super) const BASE_URL: settings::Field =
    provider::settings::base_url(Some("https://app.hive.com/scim/v2"), "where Hive's SCIM server is");
/// What opens it.
pub(super) const TOKEN: settings::Field = provider::settings::token(
    "Hive SCIM token",
    "the SCIM token from the settings of the workspace in which SCIM is enabled; not a personal API key",
);
