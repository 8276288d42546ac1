//! The control plane under `/__sim`: how a test or a demonstration moves an app's levers.

use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::Simulator;
use super::app::{OutOfBand, PlanChange, Refusal, Seed};
use super::call::{Answer, Call};
use super::faults::Fault;
use super::time::whole_seconds;
use crate::base::clock::Clock;

const PATHS: [&str; 12] = [
    "reset", "state", "journal", "ledger", "faults", "seats", "invites", "tokens", "plan", "oob", "clock",
    "mode",
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Seats {
    limit: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    advance_s: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Recording {
    enabled: bool,
}

/// Answers a request whose first path segment is `__sim`.
///
/// 200 with JSON, 400 for what makes no sense, 404 for what is not there, 405 for a known path with another
/// method; errors read `{"error": "…"}`.
pub(super) fn answer(simulator: &Simulator, call: &Call) -> Answer {
    let (method, path) = call.route();
    let [_, path @ ..] = path.as_slice() else { return refusal(404, "no such control path") };
    if let Some(answer) = simulator.app().control(method, path, call) {
        return answer;
    }
    match dispatch(simulator, method, path, call) {
        Some(Ok(body)) => Answer::json(200, &body),
        Some(Err(refusal)) => refusal.answer(),
        None if path.first().is_some_and(|first| PATHS.contains(first)) => {
            refusal(405, "this control path has another method or form")
        }
        None => refusal(404, "no such control path"),
    }
}

fn refusal(status: u16, message: &str) -> Answer {
    Answer::json(status, &json!({ "error": message }))
}

fn dispatch(
    simulator: &Simulator,
    method: &str,
    path: &[&str],
    call: &Call,
) -> Option<Result<Value, Refusal>> {
    let app = simulator.app();
    Some(match (method, path) {
        ("POST", ["reset"]) => read::<Seed>(call).map(|seed| {
            simulator.reset(seed);
            json!({ "reset": app.name() })
        }),
        ("GET", ["state"]) => Ok(app.state()),
        ("GET", ["journal"]) => Ok(Value::Array(simulator.journal())),
        ("DELETE", ["journal"]) => {
            simulator.with_journal(super::journal::Journal::clear);
            Ok(json!({}))
        }
        ("POST", ["journal"]) => read::<Recording>(call).map(|recording| {
            simulator.with_journal(|journal| journal.enable(recording.enabled));
            json!({ "enabled": recording.enabled })
        }),
        ("GET", ["ledger"]) => {
            let after = call.parameter("after").and_then(|after| after.parse().ok()).unwrap_or(0);
            Ok(simulator.with_ledger(|ledger| ledger.listing(after)))
        }
        ("POST", ["ledger"]) => read::<Recording>(call).map(|recording| {
            simulator.with_ledger(|ledger| ledger.keep(recording.enabled, app.holders()));
            json!({ "enabled": recording.enabled })
        }),
        ("GET", ["faults"]) => Ok(simulator.with_faults(|faults| faults.listing())),
        ("POST", ["faults"]) => order_faults(simulator, call),
        ("DELETE", ["faults"]) => {
            simulator.with_faults(super::faults::Faults::clear);
            Ok(json!({}))
        }
        ("POST", ["seats"]) => read::<Seats>(call).and_then(|seats| app.set_seats(seats.limit)),
        ("POST", ["invites", email, "accept"]) => app.accept_invite(email),
        ("POST", ["invites", email, "expire"]) => app.expire_invite(email),
        ("POST", ["tokens", "expire"]) => app.expire_tokens(),
        ("POST", ["plan"]) => read::<PlanChange>(call).and_then(|plan| app.set_plan(plan)),
        ("POST", ["oob"]) => read::<OutOfBand>(call).and_then(|change| app.out_of_band(&change)),
        ("GET", ["clock"]) => Ok(json!({ "now": whole_seconds(simulator.clock().now()) })),
        ("POST", ["clock"]) => read::<Advance>(call).map(|advance| {
            simulator.clock().advance(Duration::from_secs(advance.advance_s));
            json!({ "now": whole_seconds(simulator.clock().now()) })
        }),
        ("GET", ["mode"]) => Ok(app.mode()),
        ("POST", ["mode"]) => read::<Map<String, Value>>(call).and_then(|change| app.set_mode(&change)),
        _ => return None,
    })
}

fn order_faults(simulator: &Simulator, call: &Call) -> Result<Value, Refusal> {
    let orders: Vec<Fault> = match read::<Value>(call)? {
        Value::Array(orders) => orders.into_iter().map(parsed).collect::<Result<_, _>>()?,
        order => vec![parsed(order)?],
    };
    simulator.with_faults(|faults| {
        orders.into_iter().try_for_each(|order| faults.order(order))?;
        Ok(faults.listing())
    })
}

/// The body, or `{}` when there is none.
pub fn read<T: DeserializeOwned>(call: &Call) -> Result<T, Refusal> {
    if call.body.is_empty() {
        return parsed(json!({}));
    }
    serde_json::from_slice(&call.body).map_err(|error| Refusal::invalid(error.to_string()))
}

fn parsed<T: DeserializeOwned>(value: Value) -> Result<T, Refusal> {
    serde_json::from_value(value).map_err(|error| Refusal::invalid(error.to_string()))
}
