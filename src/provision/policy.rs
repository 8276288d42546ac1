//! What an administrator decided for one connection.

use std::collections::BTreeMap;
use std::time::Duration;

use super::brake::BrakePolicy;
use super::drift::DriftPolicy;
use super::invitations::InvitationPolicy;
use crate::contract::Capabilities;
use crate::scim::extension::Extension;

/// Which identity provider's needs win where they conflict with the letter of the RFC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Idp {
    #[default]
    Generic,
    /// 429 where others get 503; a Replace whose value filter matches nothing creates the element.
    Okta,
    /// A Replace whose value filter matches nothing creates the element.
    Entra,
}

/// What happens to a change of an attribute that the app holds and lets nobody change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReadOnly {
    /// Kept on our side, returned as sent, listed under `shadowed`.
    #[default]
    Shadow,
    /// Dropped; the value that stands is returned.
    Ignore,
    /// 400 `mutability`.
    Reject,
}

/// What a SCIM DELETE of a person does at the app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeletePolicy {
    /// The best reversible deactivation; the resource is gone for callers.
    #[default]
    Deactivate,
    /// Removal for good, where the app can.
    Hard,
    /// 403.
    Reject,
}

/// What happens to an account that was created and whose caller never came back for the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Orphans {
    /// A person is told.
    #[default]
    Report,
    /// A person is told, and access is taken away.
    Suspend,
}

/// Who may take over an account that was in the app before any caller asked for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AdoptExisting {
    /// A caller who found the account with a filter and changes it by its id; a create with its address is 409.
    #[default]
    Lookup,
    /// That, and a create with the address of the account: 201 with the account's resource.
    Match,
    /// An operator, with `portcullis links`; callers read the account and change nothing about it.
    Explicit,
}

/// The decisions of `[connections.NAME]` that no adapter needs to know.
#[derive(Debug, Clone)]
pub struct Policy {
    pub idp: Idp,
    pub readonly: ReadOnly,
    pub delete: DeletePolicy,
    pub orphans: Orphans,
    pub adopt_existing: AdoptExisting,
    /// Folded addresses that are never deactivated, deleted, demoted or taken over.
    pub protected: Vec<String>,
    /// The role of an account nobody gave one.
    pub default_role: Option<String>,
    /// Folded group name → role, on apps whose groups are roles.
    pub role_groups: BTreeMap<String, String>,
    /// Schemas beside those every connection knows.
    pub extensions: Vec<Extension>,
    /// Who does what waits for a person, where nobody nearer is named.
    pub owner: Option<String>,
    /// Who takes away what a deactivation leaves behind.
    pub residual_owner: Option<String>,
    /// Where that is done, in place of the app's own page.
    pub residual_link: Option<String>,
    /// Whether access is taken away even while the journal cannot be written.
    pub deactivate_without_journal: bool,
    /// What a deactivation may leave behind without a task for it, by its short name; the resource says so all the same.
    pub accept_residual: Vec<String>,
    /// Whether many operations may be sent in one request.
    pub bulk: bool,
    /// How old a listing may be before a read asks the app again.
    pub freshness: Duration,
    /// How long a caller waits for the app before it is told to come back.
    pub budget: Duration,
    /// How many may lose access at once.
    pub brake: BrakePolicy,
    /// Open intents that take no access away; above that no other is taken on.
    pub most_open: usize,
    /// How what was changed outside of the gateway is looked for.
    pub drift: DriftPolicy,
    /// How invitations are followed.
    pub invitations: InvitationPolicy,
}

impl Policy {
    /// The role of whoever asks for none: the connection's, else the app's.
    pub(super) fn usual_role(&self, capabilities: &Capabilities) -> Option<String> {
        self.default_role.clone().or_else(|| capabilities.default_role.map(str::to_owned))
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            idp: Idp::Generic,
            readonly: ReadOnly::Shadow,
            delete: DeletePolicy::Deactivate,
            orphans: Orphans::Report,
            adopt_existing: AdoptExisting::Lookup,
            protected: Vec::new(),
            default_role: None,
            role_groups: BTreeMap::new(),
            extensions: Vec::new(),
            owner: None,
            residual_owner: None,
            residual_link: None,
            deactivate_without_journal: true,
            accept_residual: Vec::new(),
            bulk: true,
            freshness: Duration::from_secs(30),
            budget: Duration::from_secs(25),
            brake: BrakePolicy::default(),
            most_open: 10_000,
            drift: DriftPolicy::default(),
            invitations: InvitationPolicy::default(),
        }
    }
}
