//! What an administrator decided for one connection.

use std::collections::BTreeMap;
use std::time::Duration;

use super::drift::DriftPolicy;
use super::invitations::InvitationPolicy;

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

/// The decisions of `[connections.NAME]` that no adapter needs to know.
#[derive(Debug, Clone)]
pub struct Policy {
    pub idp: Idp,
    pub readonly: ReadOnly,
    pub delete: DeletePolicy,
    /// Folded addresses that are never deactivated, deleted or demoted.
    pub protected: Vec<String>,
    /// The role of an account nobody gave one.
    pub default_role: Option<String>,
    /// Folded group name → role, on apps whose groups are roles.
    pub role_groups: BTreeMap<String, String>,
    /// Whether many operations may be sent in one request.
    pub bulk: bool,
    /// How old a listing may be before a read asks the app again.
    pub freshness: Duration,
    /// How long a caller waits for the app before it is told to come back.
    pub budget: Duration,
    /// How what was changed outside of the gateway is looked for.
    pub drift: DriftPolicy,
    /// How invitations are followed.
    pub invitations: InvitationPolicy,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            idp: Idp::Generic,
            readonly: ReadOnly::Shadow,
            delete: DeletePolicy::Deactivate,
            protected: Vec::new(),
            default_role: None,
            role_groups: BTreeMap::new(),
            bulk: true,
            freshness: Duration::from_secs(30),
            budget: Duration::from_secs(25),
            drift: DriftPolicy::default(),
            invitations: InvitationPolicy::default(),
        }
    }
}
