//! Decides what should happen at the app and sees that it did. Knows SCIM and the treaty; knows no vendor and no HTTP.

mod administration;
mod admission;
mod adoption;
mod apply;
mod approvals;
mod audit;
mod brake;
mod bulk;
mod clockwork;
mod confirm;
mod conflict;
mod connection;
mod drift;
mod gateway;
mod groups;
mod import;
mod invitations;
mod joining;
mod lanes;
mod leading;
mod leaving;
mod ledger;
mod links;
mod listing;
mod made;
mod mapping;
mod members;
mod notices;
mod orphans;
mod plan;
mod policy;
mod promises;
mod reading;
mod recover;
mod refuse;
mod removals;
mod roles;
mod roster;
mod safe_mode;
mod show;
mod standing;
mod surface;
mod tasks;
#[cfg(test)]
mod tests;
mod tracer;
mod turn;
mod unwritten;
mod upkeep;
mod users;
mod watch;
mod window;

pub use administration::{ConnectionState, Part, Portion};
pub use audit::{Broken, Finding as AuditFinding, HeadsFile, Notary, SignedHeads, Verified};
pub use brake::BrakePolicy;
pub use connection::{Connection, Shared};
pub use drift::{Correction, DriftPolicy, Finding, Report, What};
pub use gateway::{ADMIN, Gateway};
pub use import::{Difference, Differs, PersonDifference};
pub use invitations::{InvitationPolicy, Overdue};
pub use leading::Leading;
pub use links::{Adoption, Link, LinkRow, LinkState, Unlinking};
pub use notices::Receiver;
pub use policy::{AdoptExisting, DeletePolicy, Idp, Orphans, Policy, ReadOnly};
pub use safe_mode::{Review, Reviewed, SafeMode};
pub use tasks::Completion;

pub use crate::store::audit::{Entry as AuditEntry, Link as AuditLink, Mutation as AuditCall};
pub use crate::store::trace::{Trace, Traces};
pub use crate::store::{Intent, IntentState, Task};
pub use tracer::{Answered, Tracer};

use std::time::Duration;

use serde_json::Value;

use crate::scim::error::ScimError;

/// Records read at a time while all of them are looked at.
const STRIDE: u64 = 1_000;

/// A refusal as the caller reads it, and when to come back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub error: ScimError,
    /// Sent as `Retry-After` in whole seconds.
    pub retry_after: Option<Duration>,
}

impl From<ScimError> for Refusal {
    fn from(error: ScimError) -> Self {
        Self { error, retry_after: None }
    }
}

/// The result of every request.
pub type Result<T> = std::result::Result<T, Refusal>;

/// Why a request was not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denied {
    /// No token, or one that opens nothing: 401.
    Unauthorized,
    /// A good token, but not for this connection, or there is no such connection: 404.
    UnknownConnection,
    /// A good token of the admin door where one of a connection is needed: 401.
    AdminToken,
    /// A good token of a connection where one of the admin door is needed: 401.
    ConnectionToken,
    /// The tokens cannot be read: 503.
    Unavailable,
}

/// A resource as it is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    /// Complete, with `id` and `meta`, after projection.
    pub resource: Value,
    /// `meta.location`.
    pub location: String,
    /// The entity tag, `W/"3"`.
    pub etag: String,
}

/// How a patch ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Patched {
    Shown(Shown),
    /// A group whose caller did not ask to see it: 204, so that its members are not read to be thrown away.
    Unshown {
        /// `meta.location`.
        location: String,
        /// The entity tag.
        etag: String,
    },
}

/// `attributes` and `excludedAttributes` as they came (RFC 7644 §3.9).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct View {
    pub attributes: Option<String>,
    pub excluded: Option<String>,
}

/// The parameters of a listing as they came (RFC 7644 §3.4.2, RFC 9865 §2); unknown ones are ignored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListQuery {
    pub filter: Option<String>,
    pub start_index: Option<String>,
    pub count: Option<String>,
    pub sort_by: Option<String>,
    pub sort_order: Option<String>,
    /// Empty for the first page (RFC 9865 §2).
    pub cursor: Option<String>,
    pub view: View,
}

/// The preconditions of a request as they came (RFC 7644 §3.14).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Preconditions {
    pub if_match: Option<String>,
    pub if_none_match: Option<String>,
}

/// How a read ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Read {
    Found(Shown),
    /// `If-None-Match` named the present version: 304 with this entity tag.
    NotModified(String),
}
