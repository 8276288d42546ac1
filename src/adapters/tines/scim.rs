//! What the guide claims of the tenant's SCIM server.

use std::time::Duration;

use crate::adapters::provider::{GroupProfile, Login, MemberForm, Offer, Profile, RoleAttribute, Write};
use crate::contract::{Accounts, Held, Roles};

/// The guide claims every call for users, and for groups (which are teams) listing, POST, PATCH of the members and
/// DELETE. It says nothing of filters, of a group by its id, of renaming one, of roles.
pub(super) const PROFILE: Profile = Profile {
    app: "tines",
    credential: "the SCIM token of the admin SSO settings is expected in `scim.token`, and a REST API token gives \
                 exactly this",
    login: Login::Address,
    accounts: Accounts {
        external_id: Held::Yes,
        email: Held::Yes,
        given_name: Held::Yes,
        family_name: Held::Yes,
        email_required: true,
        names_required: true,
        email_unique: true,
        create_inactive: true,
        ..Accounts::NONE
    },
    role: RoleAttribute::None,
    roles: Roles::None,
    default_role: None,
    admin_role: None,
    write: Write::Patch,
    filter: Offer::Try,
    delete: Offer::Yes,
    groups: Some(GroupProfile {
        noun: "teams",
        by_id: Offer::Try,
        create: Offer::Yes,
        rename: Offer::Try,
        delete: Offer::Yes,
        members: &[MemberForm::Path, MemberForm::Value],
        at_once: 100,
    }),
    residual: &[],
    settle: Duration::ZERO,
    page_size: 100,
};
