//! Honeycomb, simulated: team memberships as its user-management guide describes them.

mod keys;
mod members;
mod problems;
mod state;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value, json};

use self::problems::{listed, refused, unknown_key};
use self::state::State;
use crate::adapters::simulator::{
    Answer, App, Call, Dialect, Holder, OutOfBand, OutOfBandOperation, Person, PlanChange, Refusal, Seed,
    SimulatedClock, Simulator, UnknownDialect, switched,
};
use crate::base::clock::{Clock, SharedClock};

/// Configuration key of team `acme`: may manage members.
pub const CONFIG_KEY: &str = "honeycomb-config-key";
/// Ingest key of team `acme`: 401 on every management path.
pub const INGEST_KEY: &str = "honeycomb-ingest-key";
/// Configuration key of team `globex`, whose members `acme` never sees.
pub const OTHER_TEAM_CONFIG_KEY: &str = "honeycomb-globex-config-key";
/// A configuration key of team `acme` that has been revoked.
pub const REVOKED_KEY: &str = "honeycomb-revoked-key";
/// Management key of team `acme` for `/2`, as `Authorization: Bearer` carries it.
pub const MANAGEMENT_KEY: &str = "hcxmk_sim:honeycomb-management-secret";

const NAME: &str = "honeycomb";
const TEAM_HEADER: &str = "x-honeycomb-team";

/// The simulated Honeycomb with two teams; fails for a dialect it does not speak.
pub fn simulator(dialect: Dialect, clock: SharedClock) -> Result<Simulator, UnknownDialect> {
    dialect.require_guide(NAME)?;
    Ok(Simulator::new(clock, Honeycomb::new))
}

/// What a key may do, and for which team.
#[derive(Debug, Clone, Copy)]
struct Credential {
    kind: &'static str,
    team: &'static str,
}

fn credential(value: &str) -> Option<Credential> {
    let (kind, team) = match value {
        CONFIG_KEY => ("config", "acme"),
        OTHER_TEAM_CONFIG_KEY => ("config", "globex"),
        INGEST_KEY => ("ingest", "acme"),
        MANAGEMENT_KEY => ("management", "acme"),
        REVOKED_KEY => ("revoked", "acme"),
        _ => return None,
    };
    Some(Credential { kind, team })
}

#[derive(Debug)]
struct Honeycomb {
    clock: Arc<SimulatedClock>,
    state: Mutex<State>,
}

impl Honeycomb {
    fn new(clock: Arc<SimulatedClock>) -> Self {
        let state = Mutex::new(State::seeded(Seed::default(), clock.now()));
        Self { clock, state }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The team whose members this call may manage.
    fn managed_team(&self, call: &Call) -> Result<&'static str, Answer> {
        let known = call.header(TEAM_HEADER).and_then(credential).ok_or_else(unknown_key)?;
        match known.kind {
            "config" => Ok(known.team),
            "ingest" if self.lock().mode.wrong_key_status == 403 => Err(refused(403, None)),
            _ => Err(unknown_key()),
        }
    }

    fn version_one(&self, call: &Call, method: &str, path: &[&str]) -> Result<Answer, Answer> {
        if path == ["auth"] {
            if method != "GET" {
                return Err(refused(405, None));
            }
            let known = call.header(TEAM_HEADER).and_then(credential);
            let known = known.filter(|known| ["config", "ingest"].contains(&known.kind));
            return Ok(keys::describe(&self.lock(), known.ok_or_else(unknown_key)?));
        }
        if path.first() != Some(&"team_memberships") || !self.lock().mode.membership_api {
            return Err(refused(404, None));
        }
        match (method, path) {
            ("GET", [_]) => {
                let team = self.managed_team(call)?;
                Ok(members::list(&self.lock(), team))
            }
            ("POST", [_]) => {
                let team = self.managed_team(call)?;
                Ok(members::invite(&mut self.lock(), team, call, self.clock.now()))
            }
            ("PUT", [_, id]) if !id.is_empty() => {
                let team = self.managed_team(call)?;
                Ok(members::change_role(&mut self.lock(), team, id, call))
            }
            ("DELETE", [_, id]) if !id.is_empty() => {
                let team = self.managed_team(call)?;
                Ok(members::remove(&mut self.lock(), team, id))
            }
            (_, [_]) => Err(refused(405, None)),
            (_, [_, id]) if !id.is_empty() => Err(refused(405, None)),
            _ => Err(refused(404, None)),
        }
    }

    fn version_two(&self, call: &Call, method: &str, path: &[&str]) -> Result<Answer, Answer> {
        let known = call.bearer().and_then(credential).filter(|known| known.kind == "management");
        let known = || known.ok_or_else(|| listed(401, "unauthenticated/invalid-key", "invalid API key"));
        match (method, path) {
            ("GET", ["auth"]) => Ok(keys::describe_management(known()?)),
            ("GET" | "PATCH" | "DELETE", ["teams", slug, "api-keys", rest @ ..]) => {
                let known = known()?;
                let mut state = self.lock();
                let team = state.teams.get_mut(*slug).filter(|team| team.slug == known.team);
                let team = team.ok_or_else(keys::not_found)?;
                match (method, rest) {
                    ("GET", []) => Ok(keys::list(team, call)),
                    ("PATCH", [id]) => Ok(keys::change(team, id, call)),
                    ("DELETE", [id]) => Ok(keys::remove(team, id)),
                    (_, [] | [_]) => Err(listed(405, "method-not-allowed", "the method is not allowed")),
                    _ => Err(keys::not_found()),
                }
            }
            (_, ["auth"] | ["teams", _, "api-keys"]) => {
                Err(listed(405, "method-not-allowed", "the method is not allowed"))
            }
            _ => Err(keys::not_found()),
        }
    }
}

impl App for Honeycomb {
    fn name(&self) -> &'static str {
        NAME
    }

    fn answer(&self, call: &Call) -> Answer {
        let (method, path) = call.route();
        let answered = match path.as_slice() {
            ["1", rest @ ..] => self.version_one(call, method, rest),
            ["2", rest @ ..] => self.version_two(call, method, rest),
            _ => Err(refused(404, None)),
        };
        answered.unwrap_or_else(|refusal| refusal)
    }

    fn error(&self, status: u16) -> Answer {
        refused(status, None)
    }

    fn credential_kind(&self, value: &str) -> &'static str {
        credential(value).map_or("unknown", |known| known.kind)
    }

    fn reset(&self, seed: Seed) {
        *self.lock() = State::seeded(seed, self.clock.now());
    }

    fn state(&self) -> Value {
        self.lock().to_json()
    }

    fn holders(&self) -> Vec<Holder> {
        self.lock().holders()
    }

    fn set_seats(&self, limit: Option<u64>) -> Result<Value, Refusal> {
        self.lock().seats = limit;
        Ok(json!({ "limit": limit }))
    }

    /// The membership keeps its id; the name is the one the address suggests.
    fn accept_invite(&self, email: &str) -> Result<Value, Refusal> {
        let mut state = self.lock();
        let pending = state.teams.values_mut().find_map(|team| {
            team.by_email(email)
                .is_some_and(|member| member.pending)
                .then(|| team.by_email_mut(email))
                .flatten()
        });
        let member = pending.ok_or_else(|| Refusal::missing("nobody of that address is invited"))?;
        member.pending = false;
        member.name = Some(Person::from_email(&member.email).full_name());
        Ok(json!({ "id": member.id }))
    }

    fn expire_invite(&self, email: &str) -> Result<Value, Refusal> {
        let mut state = self.lock();
        let lapsed = state.teams.values_mut().find_map(|team| {
            let id = team.by_email(email).filter(|member| member.pending)?.id.clone();
            team.remove(&id)
        });
        let member = lapsed.ok_or_else(|| Refusal::missing("nobody of that address is invited"))?;
        Ok(json!({ "id": member.id }))
    }

    fn set_plan(&self, plan: PlanChange) -> Result<Value, Refusal> {
        let mut state = self.lock();
        state.plan.apply(plan);
        Ok(json!(state.plan))
    }

    /// `group` is the slug of a team, `acme` when absent. `add` joins at once, without an invitation.
    fn out_of_band(&self, change: &OutOfBand) -> Result<Value, Refusal> {
        let mut state = self.lock();
        let slug = change.group.as_deref().unwrap_or("acme");
        let now = self.clock.now();
        if !state.teams.contains_key(slug) {
            return Err(Refusal::missing("no such team"));
        }
        if change.op == OutOfBandOperation::Add {
            if state.teams.get(slug).is_some_and(|team| team.by_email(&change.email).is_some()) {
                return Err(Refusal::invalid("there is such a member already"));
            }
            let role = change.role.as_deref().unwrap_or("member");
            state.join(slug, &Person::from_email(&change.email), role, now);
        }
        let team = state.teams.get_mut(slug).ok_or_else(|| Refusal::missing("no such team"))?;
        let member = team.by_email_mut(&change.email).ok_or_else(|| Refusal::missing("no such member"))?;
        let id = member.id.clone();
        match change.op {
            OutOfBandOperation::Add => {
                if let Some(name) = &change.name {
                    member.name = Some(name.clone());
                }
            }
            OutOfBandOperation::Remove => drop(team.remove(&id)),
            OutOfBandOperation::Rename => {
                member.name = Some(change.needed("name", change.name.as_ref())?.clone());
            }
            OutOfBandOperation::SetRole => {
                change.needed("role", change.role.as_ref())?.clone_into(&mut member.role);
            }
            OutOfBandOperation::SetEmail => {
                let to = change.needed("to", change.to.as_ref())?.clone();
                if let Some(mut member) = team.remove(&id) {
                    member.email = to;
                    team.insert(member);
                }
            }
            OutOfBandOperation::SetActive
            | OutOfBandOperation::AddToGroup
            | OutOfBandOperation::RemoveFromGroup => return Err(change.not_offered()),
        }
        Ok(json!({ "id": id }))
    }

    fn mode(&self) -> Value {
        json!(self.lock().mode)
    }

    fn set_mode(&self, change: &Map<String, Value>) -> Result<Value, Refusal> {
        let mut state = self.lock();
        state.mode = switched(&state.mode, change)?;
        Ok(json!(state.mode))
    }
}
