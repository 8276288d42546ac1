//! Bulk (RFC 7644 §3.7): many operations in one request, done in an order in which each finds what it refers to.

use serde_json::Value;

use super::error::ScimError;
use super::schema::ResourceKind;

mod job;
mod read;
mod references;
#[cfg(test)]
mod tests;

pub use job::Job;

/// Operations of one request.
pub const MAX_OPERATIONS: usize = 100;

/// Bytes of one request.
pub const MAX_PAYLOAD: usize = 2 * 1024 * 1024;

/// One thing to be done now. Every `bulkId` in it has been replaced by the id it stands for.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    Create {
        kind: ResourceKind,
        data: Value,
    },
    Replace {
        kind: ResourceKind,
        id: String,
        data: Value,
        /// The value of `If-Match`.
        when: Option<String>,
    },
    Patch {
        kind: ResourceKind,
        id: String,
        data: Value,
        when: Option<String>,
    },
    Delete {
        kind: ResourceKind,
        id: String,
        when: Option<String>,
    },
}

/// How a step ended well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// The resource it was about.
    pub id: String,
    /// The entity tag, where there is a resource still.
    pub version: Option<String>,
    pub status: u16,
}

/// Why a step failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub error: ScimError,
    /// Whole seconds after which it may be sent again: what `Retry-After` says of a request of its own.
    pub retry_after: Option<u64>,
}

impl From<ScimError> for Failure {
    fn from(error: ScimError) -> Self {
        Self { error, retry_after: None }
    }
}

/// One operation as it was sent.
#[derive(Debug, Clone)]
struct Operation {
    /// In upper case, for the answer.
    method: String,
    /// What its path names, where it names anything.
    place: Option<(ResourceKind, Option<Target>)>,
    bulk_id: Option<String>,
    version: Option<String>,
    /// What it asks for, or why it fails without having been tried.
    asked: Result<Asked, ScimError>,
}

/// What an operation asks for.
#[derive(Debug, Clone)]
enum Asked {
    Create { kind: ResourceKind, data: Value },
    Replace { kind: ResourceKind, on: Target, data: Value },
    Patch { kind: ResourceKind, on: Target, data: Value },
    Delete { kind: ResourceKind, on: Target },
}

/// Which resource a path names.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Target {
    Id(String),
    /// The one the operation with this `bulkId` is about.
    BulkId(String),
}

impl Asked {
    fn target(&self) -> Option<&Target> {
        match self {
            Self::Create { .. } => None,
            Self::Replace { on, .. } | Self::Patch { on, .. } | Self::Delete { on, .. } => Some(on),
        }
    }

    fn data(&self) -> Option<&Value> {
        match self {
            Self::Create { data, .. } | Self::Replace { data, .. } | Self::Patch { data, .. } => Some(data),
            Self::Delete { .. } => None,
        }
    }
}
