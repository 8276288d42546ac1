//! Traces: what was asked, what was planned, which calls were made, how it was answered.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::base::clock::Timestamp;
use crate::base::context::Call;

/// One request, or one piece of our own work. Holds ids and words, and no personal data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    /// UUIDv7: traces are listed in its order, newest first.
    pub id: String,
    pub request_id: String,
    pub connection: String,
    /// When it began.
    pub at: Timestamp,
    /// `request`, `after_answer` for what a request went on with, `gateway` for what nobody asked for just then.
    pub origin: String,
    /// Of the request; empty for our own work.
    pub method: String,
    /// `users.patch`; for our own work what it is: `deactivate`, `take_back` …
    pub operation: String,
    /// The SCIM id the request named.
    pub resource: Option<String>,
    /// SCIM ids of whom and what it is about.
    pub subjects: Vec<String>,
    /// The steps in words: `create_account`.
    pub plan: Vec<String>,
    pub calls: Vec<TracedCall>,
    /// Calls beyond those that are kept.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub calls_left_out: usize,
    /// Of the answer; `None` where nobody waited for it, and for our own work.
    pub status: Option<u16>,
    /// How our own work ended: `done`, or the status a caller would have been told.
    pub outcome: Option<String>,
    pub duration_ms: u64,
}

/// One call to the app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TracedCall {
    pub at: Timestamp,
    pub method: String,
    /// Redacted, without query.
    pub path: String,
    /// `None` when no answer came.
    pub status: Option<u16>,
    /// From 1, within the operation.
    pub attempt: u32,
    pub duration_ms: u64,
}

impl From<&Call> for TracedCall {
    fn from(call: &Call) -> Self {
        Self {
            at: call.at,
            method: call.method.clone(),
            path: call.path.clone(),
            status: call.status,
            attempt: call.attempt,
            duration_ms: u64::try_from(call.duration.as_millis()).unwrap_or(u64::MAX),
        }
    }
}

impl Trace {
    /// As it is told to administrators: moments as text, calls one by one.
    #[must_use]
    pub fn told(&self) -> Value {
        let call = |call: &TracedCall| {
            json!({
                "at": call.at.to_string(),
                "method": call.method,
                "path": call.path,
                "status": call.status,
                "attempt": call.attempt,
                "duration_ms": call.duration_ms,
            })
        };
        json!({
            "id": self.id,
            "request_id": self.request_id,
            "connection": self.connection,
            "at": self.at.to_string(),
            "origin": self.origin,
            "method": self.method,
            "operation": self.operation,
            "resource": self.resource,
            "subjects": self.subjects,
            "plan": self.plan,
            "calls": self.calls.iter().map(call).collect::<Vec<_>>(),
            "calls_left_out": self.calls_left_out,
            "status": self.status,
            "outcome": self.outcome,
            "duration_ms": self.duration_ms,
        })
    }
}

/// Which traces to read; all that is set holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Traces {
    pub request_id: Option<String>,
    /// A SCIM id.
    pub subject: Option<String>,
    pub connection: Option<String>,
    /// Begun then or later.
    pub since: Option<Timestamp>,
    /// Begun before.
    pub until: Option<Timestamp>,
    /// Older than the trace with this id, which need not be there any more.
    pub before: Option<String>,
    /// The most there are.
    pub limit: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}
