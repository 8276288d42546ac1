//! Deletions that the brake held back: listed, approved, rejected.

use serde_json::Value;

use super::Refused;
use super::lists::{connection, told};
use crate::http::query::Parameters;
use crate::provision::{Completion, Gateway, Portion, Task};

/// Who decides where the request names nobody.
const NOBODY_NAMED: &str = "admin";

/// The deletions that wait for a person's word, all in one part.
pub(super) async fn list(gateway: &Gateway, parameters: &Parameters) -> Result<Value, Refused> {
    let connection = connection(gateway, parameters)?;
    let items = gateway.approvals(connection.as_deref()).await?;
    Ok(told(&Portion { items, next: None }, Task::told))
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
    Ok(gateway.decide(id, approve, word).await?.told())
}
