//! What is known of a service provider beforehand, as its guide declares it.

use std::time::Duration;

use crate::contract::{
    Accounts, Capabilities, Create, Deactivate, Delete, Dialect, Fulfilment, GroupCapabilities, Held,
    Membership, Mode, Reactivate, Residual, Roles,
};

/// Whether the other side has a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offer {
    /// It is never called.
    No,
    /// Nobody says so: it is called, and 404, 405 or 501 means that it is not there; then it is not called again.
    Try,
    Yes,
}

impl Offer {
    fn may_work(self) -> bool {
        self != Self::No
    }
}

/// How a user is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Write {
    /// `PATCH /Users/{id}` with the values that change (RFC 7644 §3.5.2).
    Patch,
    /// `PUT /Users/{id}` with the whole resource as it was read, and the values that change (§3.5.1).
    Put,
    /// PATCH where `ServiceProviderConfig` does not deny it; PUT from then on where it is answered 404, 405 or 501.
    Either,
}

/// What `userName` is on the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Login {
    /// The e-mail address: both change together.
    Address,
    /// A name of its own, beside the address.
    Name,
}

/// Where a role is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoleAttribute {
    None,
    /// `roles`, a list of values.
    Roles,
    /// `userType`, one value.
    UserType,
}

/// How members of a group are changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberForm {
    /// PATCH: `add` to `members`, `remove` at `members[value eq "…"]`.
    Path,
    /// PATCH: `add` to `members`, `remove` at `members` with the members to go as its value.
    Value,
    /// PUT of the whole group as it was read, with the members that shall be in it.
    Put,
}

/// What the other side can do with groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupProfile {
    /// What the app calls them, in the plural.
    pub noun: &'static str,
    /// `GET /Groups/{id}`; without it a group is picked from the listing.
    pub by_id: Offer,
    pub create: Offer,
    /// PATCH of `displayName`, or PUT where `members` offers nothing but [`MemberForm::Put`].
    pub rename: Offer,
    pub delete: Offer,
    /// In the order in which they are tried: one that is refused as a form (400, 404, 405, 501) is not used again.
    pub members: &'static [MemberForm],
    /// The most members that one request names.
    pub at_once: usize,
}

/// What is known of a service provider beforehand.
#[derive(Debug, Clone, Copy)]
pub struct Profile {
    /// The app's name, in capabilities and errors.
    pub app: &'static str,
    /// Added to the message of a 401: which credential belongs where, and what gives exactly this answer.
    pub credential: &'static str,
    pub login: Login,
    /// Which attributes are sent and read; `by_id` and `by_email` are filled in.
    pub accounts: Accounts,
    pub role: RoleAttribute,
    pub roles: Roles,
    pub default_role: Option<&'static str>,
    pub admin_role: Option<&'static str>,
    pub write: Write,
    /// `filter=userName eq "…"`; without it everybody is listed.
    pub filter: Offer,
    /// `DELETE /Users/{id}`; without it an account can only be deactivated.
    pub delete: Offer,
    pub groups: Option<GroupProfile>,
    pub residual: &'static [Residual],
    pub settle: Duration,
    /// Resources asked for in one page; the other side may give fewer.
    pub page_size: u32,
}

impl Profile {
    /// What an adapter declares that is nothing but this provider; what is only tried is declared too.
    #[must_use]
    pub fn capabilities(&self, mode: Mode, dialect: Dialect) -> Capabilities {
        Capabilities {
            app: self.app,
            mode,
            dialect,
            accounts: Accounts {
                by_id: true,
                by_email: self.filter == Offer::Yes,
                user_name: if self.login == Login::Name { Held::Yes } else { Held::No },
                ..self.accounts
            },
            list: true,
            create: Create::Direct,
            deactivate: Deactivate::Native,
            reactivate: Reactivate::Native,
            delete: if self.delete.may_work() { Delete::Permanent } else { Delete::SameAsDeactivate },
            roles: self.roles,
            default_role: self.default_role,
            admin_role: self.admin_role,
            groups: self.groups.map(GroupProfile::capabilities).unwrap_or_default(),
            residual: self.residual,
            fulfilment: Fulfilment::Native,
            settle: self.settle,
            page_size: self.page_size,
        }
    }
}

impl GroupProfile {
    fn capabilities(self) -> GroupCapabilities {
        let members = !self.members.is_empty();
        GroupCapabilities {
            noun: self.noun,
            list: true,
            create: self.create.may_work(),
            rename: self.rename.may_work(),
            delete: self.delete.may_work(),
            add_member: members,
            remove_member: members,
            members_at_once: if members { self.at_once } else { 0 },
            membership: Membership::OnGroup,
            ..GroupCapabilities::default()
        }
    }
}
