//! What was asked, what was planned, which calls were made.

use serde_json::Value;

use super::Refused;
use super::lists::{connection, part, told};
use crate::base::clock::Timestamp;
use crate::http::query::Parameters;
use crate::provision::{Gateway, Portion, Trace, Traces};

/// Traces of one request at the most: it, and what was gone on with.
const OF_ONE: u64 = 1_000;

/// Traces, newest first: by `request`, `person`, `connection`, `since` and `until`.
pub(super) async fn list(gateway: &Gateway, parameters: &Parameters) -> Result<Value, Refused> {
    let part = part(parameters)?;
    let which = Traces {
        request_id: parameters.get("request"),
        subject: parameters.get("person"),
        connection: connection(gateway, parameters)?,
        since: moment(parameters, "since")?,
        until: moment(parameters, "until")?,
        before: part.after,
        limit: part.limit as u64 + 1,
    };
    let mut items = gateway.traces(&which).await?;
    let more = items.len() > part.limit;
    items.truncate(part.limit);
    let next = items.last().filter(|_| more).map(|last| last.id.clone());
    Ok(told(&Portion { items, next }, Trace::told))
}

/// The traces of one request.
pub(super) async fn of_request(gateway: &Gateway, request: String) -> Result<Value, Refused> {
    let which = Traces { request_id: Some(request), limit: OF_ONE, ..Traces::default() };
    let items = gateway.traces(&which).await?;
    if items.is_empty() {
        return Err(Refused::NotFound("traced request"));
    }
    Ok(told(&Portion { items, next: None }, Trace::told))
}

fn moment(parameters: &Parameters, name: &'static str) -> Result<Option<Timestamp>, Refused> {
    let Some(text) = parameters.get(name) else { return Ok(None) };
    // A `+` in a query is a space, unless it was escaped.
    let read = Timestamp::parse(&text.replace(' ', "+"));
    read.map(Some).ok_or(Refused::Parameter(name, "a moment such as `2026-01-31T08:00:00Z`"))
}
