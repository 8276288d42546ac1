//! Deletions that the brake held back: listed, approved, rejected.

use serde_json::{Value, json};

use super::Refused;
use super::lists::{connection, task};
use crate::http::query::Parameters;
use crate::provision::{Completion, Gateway};

/// Who decides where the request names nobody.
const NOBODY_NAMED: &str = "admin";

/// The deletions that wait for a person's word, all in one part.
pub(super) async fn list(gateway: &Gateway, parameters: &Parameters) -> Result<Value, Refused> {
    let connection = connection(gateway, parameters)?;
    let waiting = gateway.approvals(connection.as_deref()).await?;
    Ok(json!({ "items": waiting.iter().map(task).collect::<Vec<_>>(), "next": null }))
}

/// The word on one of them: `by` and `note` are kept with it.
pub(super) async fn decide(
    gateway: &Gateway,
    parameters: &Parameters,
    id: &str,
    approve: bool,
) -> Result<Value, Refused> {
    let word = Completion {
        by: parameters.get("by").unwrap_or_else(|| NOBODY_NAMED.to_owned()),
        note: parameters.get("note"),
        evidence: None,
    };
    Ok(task(&gateway.decide(id, approve, word).await?))
}
