//! Hotjar, simulated: a dashboard a person works with, because there is no user-management API.
//!
//! The only paths below the app itself are a sink for webhooks and a tripwire over the API calls that look like user
//! management and are not.

mod roster;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use self::roster::{OWNER, ROLES, Roster};
use crate::adapters::simulator::{
    Answer, App, Call, Dialect, OutOfBand, OutOfBandOperation, Person, PlanChange, Refusal, Seed,
    SimulatedClock, Simulator, UnknownDialect, read, switched,
};
use crate::base::clock::{Clock, SharedClock};

const NAME: &str = "hotjar";

/// The simulated dashboard; fails for a dialect it does not speak.
pub fn simulator(dialect: Dialect, clock: SharedClock) -> Result<Simulator, UnknownDialect> {
    dialect.require_guide(NAME)?;
    Ok(Simulator::new(clock, Dashboard::new))
}

/// The switches of `POST /__sim/mode`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Mode {
    /// How the sink answers.
    sink: Sink,
    /// How long the sink takes to answer.
    sink_delay_ms: u64,
    /// Whether the export lists invited people.
    export_pending: bool,
}

#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Sink {
    /// 204.
    #[default]
    Accepts,
    /// 500.
    Fails,
    /// 410.
    Gone,
}

#[derive(Debug, Default)]
struct State {
    roster: Roster,
    mode: Mode,
    /// Calls to what must never be called: `METHOD path`.
    tripped: Vec<String>,
    /// What arrived at the sink: path, headers and the body as it was signed.
    deliveries: Vec<Value>,
}

#[derive(Debug)]
struct Dashboard {
    clock: Arc<SimulatedClock>,
    state: Mutex<State>,
}

/// What a person does in the dashboard.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Action {
    email: String,
    role: Option<String>,
}

impl Dashboard {
    fn new(clock: Arc<SimulatedClock>) -> Self {
        let state = State { roster: Roster::seeded(Seed::default(), clock.now()), ..State::default() };
        Self { clock, state: Mutex::new(state) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `POST /__sim/ui/{invite|accept|remove|set-role}`.
    fn act(&self, action: &str, call: &Call) -> Result<Value, Refusal> {
        let Action { email, role } = read(call)?;
        let mut state = self.lock();
        let now = self.clock.now();
        let missing = || Refusal::missing("nobody of that address is in the roster");
        match action {
            "invite" => {
                let role = known_role(role.as_deref().unwrap_or("Read Only"))?;
                if state.roster.get(&email).is_some() {
                    return Err(Refusal::invalid("there is such a member or invitation already"));
                }
                state.roster.invite(&email, role);
            }
            "accept" => {
                state.roster.accept(&email, now).then_some(()).ok_or_else(missing)?;
            }
            "remove" => {
                let seat = state.roster.get(&email).ok_or_else(missing)?;
                if seat.role == OWNER {
                    return Err(Refusal::invalid("the account owner must transfer ownership first"));
                }
                state.roster.remove(&email);
            }
            _ => {
                let role = role.as_deref().ok_or_else(|| Refusal::invalid("`role` is missing"))?;
                let role = known_role(role)?;
                let seat = state.roster.get_mut(&email).ok_or_else(missing)?;
                if seat.role == OWNER {
                    return Err(Refusal::invalid("the account owner must transfer ownership first"));
                }
                role.clone_into(&mut seat.role);
            }
        }
        Ok(json!({ "email": email }))
    }

    /// `GET /__sim/export.csv?variant=`.
    fn export(&self, call: &Call) -> Answer {
        let state = self.lock();
        let variant = call.parameter("variant").unwrap_or_else(|| "plain".to_owned());
        match state.roster.export(&variant, state.mode.export_pending) {
            Some(bytes) => Answer::text(200, "text/csv", bytes),
            None => refused(400, "no such variant of the export"),
        }
    }

    fn sink(&self, call: &Call) -> Answer {
        let mut state = self.lock();
        let headers: Map<String, Value> = call
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), json!(value.to_str().unwrap_or_default())))
            .collect();
        let body = String::from_utf8_lossy(&call.body);
        state.deliveries.push(json!({ "path": call.path, "headers": headers, "body": body }));
        let answer = match state.mode.sink {
            Sink::Accepts => Answer::empty(204),
            Sink::Fails => refused(500, "internal error"),
            Sink::Gone => refused(410, "gone"),
        };
        answer.delayed(Duration::from_millis(state.mode.sink_delay_ms))
    }
}

fn known_role(role: &str) -> Result<&str, Refusal> {
    if ROLES.contains(&role) {
        return Ok(role);
    }
    Err(Refusal::invalid(format!("`role` is `{role}`, expected one of {}", ROLES.join(", "))))
}

fn refused(status: u16, message: &str) -> Answer {
    Answer::json(status, &json!({ "error": message }))
}

/// Whether a path is one that looks like user management: the visitors' API, or anything about members.
fn is_tripwire(path: &[&str]) -> bool {
    matches!(path, ["v1", "oauth", "token"] | ["v1", "organizations", _, "user-lookup"])
        || path.contains(&"members")
}

impl App for Dashboard {
    fn name(&self) -> &'static str {
        NAME
    }

    fn answer(&self, call: &Call) -> Answer {
        let (method, path) = call.route();
        if is_tripwire(&path) {
            self.lock().tripped.push(format!("{method} {}", call.path));
            return refused(404, "not found");
        }
        match (method, path.as_slice()) {
            ("POST", ["sink", ..]) => self.sink(call),
            (_, ["sink", ..]) => refused(405, "method not allowed"),
            _ => refused(404, "not found"),
        }
    }

    fn error(&self, status: u16) -> Answer {
        refused(status, "the request could not be completed")
    }

    fn credential_kind(&self, _value: &str) -> &'static str {
        "present"
    }

    fn reset(&self, seed: Seed) {
        *self.lock() = State { roster: Roster::seeded(seed, self.clock.now()), ..State::default() };
    }

    /// `{roster, tripwire: {count, calls}, deliveries, mode}`.
    fn state(&self) -> Value {
        let state = self.lock();
        json!({
            "roster": state.roster.to_json(),
            "tripwire": { "count": state.tripped.len(), "calls": state.tripped },
            "deliveries": state.deliveries,
            "mode": state.mode,
        })
    }

    fn set_seats(&self, _limit: Option<u64>) -> Result<Value, Refusal> {
        Err(Refusal::missing("members of `hotjar` cost no seats"))
    }

    fn accept_invite(&self, email: &str) -> Result<Value, Refusal> {
        let accepted = self.lock().roster.accept(email, self.clock.now());
        let refusal = || Refusal::missing("nobody of that address is invited");
        accepted.then(|| json!({ "email": email })).ok_or_else(refusal)
    }

    fn expire_invite(&self, email: &str) -> Result<Value, Refusal> {
        let mut state = self.lock();
        if state.roster.get(email).is_none_or(|seat| !seat.pending) {
            return Err(Refusal::missing("nobody of that address is invited"));
        }
        state.roster.remove(email);
        Ok(json!({ "email": email }))
    }

    fn set_plan(&self, _plan: PlanChange) -> Result<Value, Refusal> {
        Err(Refusal::missing("no plan of `hotjar` changes what can be simulated"))
    }

    fn out_of_band(&self, change: &OutOfBand) -> Result<Value, Refusal> {
        let mut state = self.lock();
        let role = change.role.as_deref().map(known_role).transpose()?;
        if change.op == OutOfBandOperation::Add {
            let person = Person::from_email(&change.email);
            state.roster.join(&person, role.unwrap_or("Read Only"), self.clock.now());
        }
        let seat = state.roster.get_mut(&change.email);
        let seat = seat.ok_or_else(|| Refusal::missing("nobody of that address is in the roster"))?;
        match change.op {
            OutOfBandOperation::Add => {
                change.name.iter().for_each(|name| seat.name.clone_from(name));
            }
            OutOfBandOperation::Rename => {
                change.needed("name", change.name.as_ref())?.clone_into(&mut seat.name);
            }
            OutOfBandOperation::SetRole => change.needed("role", role)?.clone_into(&mut seat.role),
            OutOfBandOperation::Remove => drop(state.roster.remove(&change.email)),
            OutOfBandOperation::SetEmail
            | OutOfBandOperation::SetActive
            | OutOfBandOperation::AddToGroup
            | OutOfBandOperation::RemoveFromGroup => return Err(change.not_offered()),
        }
        Ok(json!({ "email": change.email }))
    }

    fn mode(&self) -> Value {
        json!(self.lock().mode)
    }

    fn set_mode(&self, change: &Map<String, Value>) -> Result<Value, Refusal> {
        let mut state = self.lock();
        state.mode = switched(&state.mode, change)?;
        Ok(json!(state.mode))
    }

    /// `POST ui/{invite|accept|remove|set-role}`, `GET export.csv`, `GET tripwire`.
    fn control(&self, method: &str, path: &[&str], call: &Call) -> Option<Answer> {
        match (method, path) {
            ("POST", ["ui", action @ ("invite" | "accept" | "remove" | "set-role")]) => Some(
                self.act(action, call)
                    .map_or_else(|refusal| refusal.answer(), |body| Answer::json(200, &body)),
            ),
            ("GET", ["export.csv"]) => Some(self.export(call)),
            ("GET", ["tripwire"]) => {
                let state = self.lock();
                Some(Answer::json(200, &json!({ "count": state.tripped.len(), "calls": state.tripped })))
            }
            _ => None,
        }
    }
}
