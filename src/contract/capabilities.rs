//! What an app can do through a connection. The default of everything is "cannot".
//!
//! Four readers: the guard, the planner, the conformance suite and the generated documentation.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Which of the app's interfaces a connection speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    #[default]
    Rest,
    Scim,
    Hybrid,
    /// No interface at all: people do the work.
    Manual,
}

/// Which description of the interface it follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dialect {
    /// The published user management guide.
    #[default]
    Guide,
    /// The vendor's own documentation.
    Vendor,
}

/// How an account comes into being.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Create {
    #[default]
    No,
    /// It is there at once.
    Direct,
    /// By an invitation that a person accepts.
    Invite,
    Task,
}

/// How access is taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Deactivate {
    #[default]
    No,
    /// The app has a disabled state.
    Native,
    /// The app has none: the account is removed and remembered on our side.
    ByRemoval,
    Task,
}

/// How access is given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reactivate {
    #[default]
    No,
    Native,
    /// By inviting again with what was remembered; the app may give a new id.
    ByInvitation,
    Task,
}

/// Whether an account can be removed for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Delete {
    #[default]
    No,
    /// At once and for ever.
    Permanent,
    /// Removal is the same as deactivation: there is nothing more to remove.
    SameAsDeactivate,
    Task,
}

/// Whether the app holds an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Held {
    /// Kept on our side only.
    #[default]
    No,
    /// Given at creation, fixed from then on.
    AtCreate,
    /// The app tells it and lets nobody change it through its API.
    ReadOnly,
    /// Nobody says that the app takes it: it is tried, refused where the app refuses it, and kept on our side until it is
    /// taken. Of roles only.
    Tried,
    Yes,
}

/// Which attributes of an account the app holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Accounts {
    /// A login name of its own; `No` where the address is the login.
    pub user_name: Held,
    /// What the caller's side calls the person (RFC 7643 §3.1 `externalId`).
    pub external_id: Held,
    pub email: Held,
    pub given_name: Held,
    pub family_name: Held,
    pub display_name: Held,
    pub roles: Held,
    /// All other attributes too: nothing is shadowed.
    pub everything: bool,
    /// An account needs an e-mail address.
    pub email_required: bool,
    /// An account needs a given and a family name.
    pub names_required: bool,
    /// The app refuses a second account with the same address.
    pub email_unique: bool,
    /// An account can be looked up by its id without listing all.
    pub by_id: bool,
    /// An account can be looked up by its address without listing all.
    pub by_email: bool,
    /// The app's reads show an invitation before it is accepted; where they need not, not being shown says nothing.
    pub shows_invited: bool,
    /// A new account can be created deactivated.
    pub create_inactive: bool,
    /// How many roles an account has.
    pub many_roles: bool,
}

impl Accounts {
    /// An app that holds nothing, as [`Default`] has it: what a constant is built on.
    pub const NONE: Self = Self {
        user_name: Held::No,
        external_id: Held::No,
        email: Held::No,
        given_name: Held::No,
        family_name: Held::No,
        display_name: Held::No,
        roles: Held::No,
        everything: false,
        email_required: false,
        names_required: false,
        email_unique: false,
        by_id: false,
        by_email: false,
        shows_invited: false,
        create_inactive: false,
        many_roles: false,
    };
}

/// Which role values the app knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Roles {
    /// It has none.
    #[default]
    None,
    /// Always the same.
    Fixed(&'static [&'static str]),
    /// The app is asked.
    Listed,
    /// Any text.
    Any,
}

/// Where the app tells who is in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Membership {
    /// With each account ([`crate::contract::Account::groups`]).
    #[default]
    OnAccount,
    /// With each group, in a call of its own.
    OnGroup,
}

/// What the app's groups can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GroupCapabilities {
    /// What the app calls them: `workspaces`, `roles`, `teams`; empty where it has none.
    pub noun: &'static str,
    pub list: bool,
    pub create: bool,
    pub rename: bool,
    pub delete: bool,
    pub add_member: bool,
    pub remove_member: bool,
    /// The most members one call brings in or takes out; 0 where each takes a call of its own.
    pub members_at_once: usize,
    pub membership: Membership,
    /// A group is a role: joining it changes the role, and there are no others.
    pub are_roles: bool,
    /// Joining a group invites the account into it, by address.
    pub add_invites: bool,
    /// The id of the group nobody can be taken out of, where groups are roles and every account has one at least.
    pub floor: Option<&'static str>,
}

/// Who carries changes out, as the gateway extension tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fulfilment {
    #[default]
    Native,
    Emulated,
    Manual,
}

/// Something that may still give access after a deactivation, and that no API removes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Residual {
    /// Short name shown on the resource: `api-keys`.
    pub key: &'static str,
    /// What a person has to do, in one imperative line.
    pub instruction: &'static str,
    /// The page of the app where it is done or begins; empty where each customer has an own one.
    pub link: &'static str,
}

/// All that an app can do through one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Capabilities {
    /// The app's name: `honeycomb`.
    pub app: &'static str,
    pub mode: Mode,
    pub dialect: Dialect,
    pub accounts: Accounts,
    pub list: bool,
    pub create: Create,
    pub deactivate: Deactivate,
    pub reactivate: Reactivate,
    pub delete: Delete,
    pub roles: Roles,
    /// The role an account gets when nobody says otherwise.
    pub default_role: Option<&'static str>,
    /// The role whose last holder must not lose it: without one the app locks everybody out.
    pub admin_role: Option<&'static str>,
    pub groups: GroupCapabilities,
    pub residual: &'static [Residual],
    pub fulfilment: Fulfilment,
    /// How long a change may take to show in the app's own listing.
    pub settle: Duration,
    /// Largest page of the app's listing; 0 where it does not page.
    pub page_size: u32,
}
