//! What is listed: connections, tasks, open intents. Each list is told in parts: `{"items": […], "next": "…"}`.

use serde_json::{Value, json};

use super::Refused;
use crate::base::clock::Timestamp;
use crate::http::query::Parameters;
use crate::provision::{Gateway, Intent, Part, Portion, Task};

const DEFAULT_LIMIT: usize = 100;
const MAX_LIMIT: usize = 1_000;

/// Which part of a list is asked for: `limit` and `cursor`.
pub(super) fn part(parameters: &Parameters) -> Result<Part, Refused> {
    let limit = match parameters.get("limit") {
        None => DEFAULT_LIMIT,
        Some(text) => text
            .parse()
            .ok()
            .filter(|limit| (1..=MAX_LIMIT).contains(limit))
            .ok_or(Refused::Parameter("limit", "a whole number from 1 to 1000"))?,
    };
    Ok(Part { after: parameters.get("cursor").filter(|cursor| !cursor.is_empty()), limit })
}

/// The connection that is asked for, where one is.
pub(super) fn connection(gateway: &Gateway, parameters: &Parameters) -> Result<Option<String>, Refused> {
    let name = parameters.get("connection");
    let is_known = name.as_ref().is_none_or(|name| gateway.connection(name).is_some());
    if is_known { Ok(name) } else { Err(Refused::Parameter("connection", "the name of a connection")) }
}

/// A part of a list as it is told.
pub(super) fn told<T>(portion: &Portion<T>, show: impl Fn(&T) -> Value) -> Value {
    json!({ "items": portion.items.iter().map(show).collect::<Vec<_>>(), "next": portion.next })
}

fn moment(at: Option<Timestamp>) -> Option<String> {
    at.map(|at| at.to_string())
}

/// Every connection and how it stands.
pub(super) async fn connections(gateway: &Gateway) -> Result<Value, Refused> {
    let items = gateway.connection_states().await?;
    let show = |state: &crate::provision::ConnectionState| {
        json!({
            "name": state.name,
            "app": state.app,
            "mode": state.mode,
            "fulfilment": state.fulfilment,
            "base_url": state.base_url,
            "open_intents": state.open_intents,
            "oldest_intent": moment(state.oldest_intent),
            "open_tasks": state.open_tasks,
            "listed_at": moment(state.listed_at),
        })
    };
    Ok(told(&Portion { items, next: None }, show))
}

/// Tasks: open ones, or with `state=all` closed ones too.
pub(super) async fn tasks(gateway: &Gateway, parameters: &Parameters) -> Result<Value, Refused> {
    let connection = connection(gateway, parameters)?;
    let open_only = match parameters.get("state").as_deref() {
        None | Some("open") => true,
        Some("all") => false,
        Some(_) => return Err(Refused::Parameter("state", "`open` or `all`")),
    };
    let portion = gateway.tasks(connection.as_deref(), open_only, &part(parameters)?).await?;
    Ok(told(&portion, Task::told))
}

/// Open intents. Their plans are not told: they hold resources.
pub(super) async fn intents(gateway: &Gateway, parameters: &Parameters) -> Result<Value, Refused> {
    let connection = connection(gateway, parameters)?;
    let portion = gateway.open_intents(connection.as_deref(), &part(parameters)?).await?;
    Ok(told(&portion, intent))
}

fn intent(intent: &Intent) -> Value {
    json!({
        "id": intent.id,
        "connection": intent.connection,
        "kind": intent.kind,
        "resource": intent.resource,
        "operation": intent.operation,
        "generation": intent.generation,
        "sticky": intent.sticky,
        "state": intent.state,
        "attempts": intent.attempts,
        "next_attempt_at": intent.next_attempt_at.to_string(),
        "request_id": intent.request_id,
        "created_at": intent.created_at.to_string(),
        "updated_at": intent.updated_at.to_string(),
        "outcome": intent.outcome,
    })
}
