//! What a person has to do.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::base::clock::Timestamp;

/// Something a person has to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    pub id: String,
    pub connection: String,
    /// The SCIM id of the person or group it is about.
    pub resource: String,
    /// `invite`, `remove`, `change_role`, `residual_access`, `attention` …
    pub kind: String,
    /// One open task at the most has this key; recording another with it changes nothing.
    pub dedupe: String,
    /// What to do, in one imperative line.
    pub instruction: String,
    /// Whom it is about, as the app knows the person. Shown to operators, never logged.
    pub person: String,
    pub urgent: bool,
    /// Who is to do it, as the configuration names them.
    pub owner: Option<String>,
    /// Where it is done.
    pub link: Option<String>,
    pub state: TaskState,
    pub created_at: Timestamp,
    pub closed_at: Option<Timestamp>,
    pub closed_by: Option<String>,
    pub note: Option<String>,
    /// What shows that it is done: an address, or a text.
    pub evidence: Option<String>,
}

/// The states of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskState {
    Open,
    Done,
    Cancelled,
}

impl Task {
    /// As it is told to administrators: moments as text.
    #[must_use]
    pub fn told(&self) -> Value {
        json!({
            "id": self.id,
            "connection": self.connection,
            "resource": self.resource,
            "kind": self.kind,
            "instruction": self.instruction,
            "person": self.person,
            "urgent": self.urgent,
            "owner": self.owner,
            "link": self.link,
            "state": self.state,
            "created_at": self.created_at.to_string(),
            "closed_at": self.closed_at.map(|at| at.to_string()),
            "closed_by": self.closed_by,
            "note": self.note,
            "evidence": self.evidence,
        })
    }
}
