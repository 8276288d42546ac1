//! The SCIM server of a workspace, as far as the published guide describes it.

use std::time::Duration;

use super::{APP, RESIDUAL};
use crate::adapters::provider::{GroupProfile, Login, MemberForm, Offer, Profile, RoleAttribute, Write};
use crate::contract::{Accounts, Held, Roles};

/// Roles are a step of their own, which SCIM does not take, so that giving one is refused; a filter is nowhere promised, nor a group by its id.
pub(super) const PROFILE: Profile = Profile {
    app: APP.name,
    credential: "the SCIM bearer token made under Admin > Security > SCIM Provisioning is expected in `scim.token`: the \
                 secret or an access token of an OAuth client, which belong to the REST API, give exactly this answer",
    login: Login::Address,
    accounts: Accounts {
        email: Held::Yes,
        given_name: Held::Yes,
        family_name: Held::Yes,
        display_name: Held::Yes,
        email_required: true,
        names_required: true,
        roles: Held::Tried,
        email_unique: true,
        create_inactive: true,
        many_roles: true,
        ..Accounts::NONE
    },
    role: RoleAttribute::None,
    roles: Roles::Any,
    default_role: None,
    admin_role: None,
    write: Write::Patch,
    filter: Offer::Try,
    delete: Offer::Yes,
    groups: Some(GroupProfile {
        noun: "groups",
        by_id: Offer::Try,
        create: Offer::Yes,
        rename: Offer::Try,
        delete: Offer::Yes,
        members: &[MemberForm::Path, MemberForm::Value],
        at_once: 100,
    }),
    residual: RESIDUAL,
    settle: Duration::ZERO,
    page_size: 100,
};

/// The same beside the REST API: the address is written once, as `userName`.
pub(super) const BESIDE_REST: Profile = Profile {
    accounts: Accounts { email: Held::No, roles: Held::No, ..PROFILE.accounts },
    roles: Roles::None,
    ..PROFILE
};
