//! What the guide claims of the tenant's SCIM server.

use std::time::Duration;

use crate::adapters::provider::{GroupProfile, Login, MemberForm, Offer, Profile, RoleAttribute, Write};
use crate::contract::{Accounts, Held, Residual, Roles};

/// The guide claims every call for users, and for groups (which are teams) listing, POST, PATCH of the members and
/// DELETE. It says nothing of filters, of a group by its id, of renaming one, of roles: these are tried.
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
        roles: Held::Tried,
        email_unique: true,
        create_inactive: true,
        ..Accounts::NONE
    },
    role: RoleAttribute::Roles,
    roles: Roles::Any,
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
    residual: &[Residual {
        key: "disabled-account",
        instruction: "delete the person in Tines where nothing of theirs is to stay: SCIM only disables the account",
        link: "",
    }],
    settle: Duration::ZERO,
    page_size: 100,
};

/// The same beside the REST API, which has the roles and deletes for good.
pub(super) const BESIDE_REST: Profile = Profile {
    role: RoleAttribute::None,
    roles: Roles::None,
    accounts: Accounts { roles: Held::No, ..PROFILE.accounts },
    residual: &[],
    ..PROFILE
};
