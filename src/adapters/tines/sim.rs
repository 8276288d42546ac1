//! Tines, simulated: users, teams, memberships and SCIM as its user-management guide describes them.

mod refusals;
mod scim;
mod state;
mod teams;
#[cfg(test)]
mod tests;
mod users;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value, json};

use self::refusals::{not_found, refused};
use self::state::{Invitation, State};
use crate::adapters::simulator::{
    Answer, App, Call, Dialect, Holder, OutOfBand, OutOfBandOperation, Person, PlanChange, Refusal, Seed,
    SimulatedClock, Simulator, UnknownDialect, switched,
};
use crate::base::clock::{Clock, SharedClock};

/// REST token of the tenant's owner (`owner@example.com`); fails with 401 once they are deactivated or gone, and
/// with 403 once they are no admin.
pub const ADMIN_TOKEN: &str = "tines-admin-token";
/// REST token of a member: 403 on every user-management path.
pub const MEMBER_TOKEN: &str = "tines-member-token";
/// SCIM token, made in the SSO settings: 401 on every REST path.
pub const SCIM_TOKEN: &str = "tines-scim-token";

const NAME: &str = "tines";

/// The simulated tenant; fails for a dialect it does not speak.
pub fn simulator(dialect: Dialect, clock: SharedClock) -> Result<Simulator, UnknownDialect> {
    dialect.require_guide(NAME)?;
    Ok(Simulator::new(clock, Tines::new))
}

#[derive(Debug)]
struct Tines {
    clock: Arc<SimulatedClock>,
    state: Mutex<State>,
}

impl Tines {
    fn new(clock: Arc<SimulatedClock>) -> Self {
        let state = Mutex::new(State::seeded(Seed::default(), clock.now()));
        Self { clock, state }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets an admin's token pass.
fn admitted(state: &State, call: &Call) -> Result<(), Answer> {
    match call.bearer() {
        Some(ADMIN_TOKEN) => match state.token_owner {
            None => Ok(()),
            Some(owner) => match state.users.get(&owner) {
                Some(user) if user.active && user.role == "admin" => Ok(()),
                Some(user) if user.active => Err(refused(403)),
                _ => Err(refused(401)),
            },
        },
        Some(MEMBER_TOKEN) => Err(refused(403)),
        _ => Err(refused(401)),
    }
}

impl App for Tines {
    fn name(&self) -> &'static str {
        NAME
    }

    fn answer(&self, call: &Call) -> Answer {
        let (method, path) = call.route();
        let mut state = self.lock();
        let now = self.clock.now();
        if scim::is_for(call) {
            return scim::answer(&mut state, call, now);
        }
        let ["api", "v1", path @ ..] = path.as_slice() else { return refused(404) };
        let methods: &[&str] = match path {
            ["users"] => &["GET", "POST"],
            ["users", _] => &["GET", "PUT", "DELETE"],
            ["teams"] => &["GET"],
            ["teams", _, "memberships"] => &["POST"],
            ["teams", _, "memberships", _] => &["DELETE"],
            _ => return refused(404),
        };
        if !methods.contains(&method) {
            return refused(405);
        }
        if let Err(answer) = admitted(&state, call) {
            return answer;
        }
        let numbers: Option<Vec<u64>> =
            path.iter().skip(1).step_by(2).map(|segment| segment.parse().ok()).collect();
        let Some(numbers) = numbers else { return not_found(state.mode.not_found_as_array) };
        match (method, path, numbers.as_slice()) {
            ("GET", ["users"], _) => users::list(&state, call),
            ("POST", ["users"], _) => users::create(&mut state, call, now),
            ("GET", ["users", _], [id]) => users::read(&state, *id),
            ("PUT", ["users", _], [id]) => users::update(&mut state, *id, call, now),
            ("DELETE", ["users", _], [id]) => users::delete(&mut state, *id),
            ("GET", ["teams"], _) => teams::list(&state),
            ("POST", _, [team]) => teams::add(&mut state, *team, call, now),
            (_, _, [team, id]) => teams::remove(&mut state, *team, *id, now),
            _ => refused(404),
        }
    }

    fn error(&self, status: u16) -> Answer {
        refused(status)
    }

    fn error_for(&self, call: &Call, status: u16) -> Answer {
        if scim::is_for(call) { scim::refused(status) } else { refused(status) }
    }

    fn credential_kind(&self, value: &str) -> &'static str {
        match value {
            ADMIN_TOKEN => "admin",
            MEMBER_TOKEN => "member",
            SCIM_TOKEN => "scim",
            _ => "unknown",
        }
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

    /// Changes nothing that the API shows: a Tines user is active from the start.
    fn accept_invite(&self, email: &str) -> Result<Value, Refusal> {
        self.settle_invitation(email, Invitation::Accepted)
    }

    fn expire_invite(&self, email: &str) -> Result<Value, Refusal> {
        self.settle_invitation(email, Invitation::Expired)
    }

    fn set_plan(&self, plan: PlanChange) -> Result<Value, Refusal> {
        let mut state = self.lock();
        state.plan.apply(plan);
        Ok(json!(state.plan))
    }

    /// `group` is a team's id.
    fn out_of_band(&self, change: &OutOfBand) -> Result<Value, Refusal> {
        let mut state = self.lock();
        let now = self.clock.now();
        if change.op == OutOfBandOperation::Add {
            if state.id_of(&change.email).is_some() {
                return Err(Refusal::invalid("there is such a user already"));
            }
            let role = change.role.as_deref().unwrap_or("member");
            state.join(&Person::from_email(&change.email), role, now);
        }
        let team = match change.group.as_deref().map(str::parse::<u64>) {
            None => None,
            Some(Ok(team)) if state.teams.contains_key(&team) => Some(team),
            Some(_) => return Err(Refusal::missing("no such team")),
        };
        let user = state.by_email_mut(&change.email).ok_or_else(|| Refusal::missing("no such user"))?;
        let id = user.id;
        user.updated_at = now;
        match change.op {
            OutOfBandOperation::Add => {
                user.team_ids.extend(team);
                user.active = change.active.unwrap_or(true);
                if let Some(name) = &change.name {
                    (user.first_name, user.last_name) = split(name);
                }
            }
            OutOfBandOperation::Remove => drop(state.remove(id)),
            OutOfBandOperation::Rename => {
                (user.first_name, user.last_name) = split(change.needed("name", change.name.as_ref())?);
            }
            OutOfBandOperation::SetEmail => {
                let to = change.needed("to", change.to.as_ref())?;
                state.rename_email(id, to);
            }
            OutOfBandOperation::SetActive => {
                user.active = *change.needed("active", change.active.as_ref())?;
            }
            OutOfBandOperation::SetRole => {
                change.needed("role", change.role.as_ref())?.clone_into(&mut user.role);
            }
            OutOfBandOperation::AddToGroup => {
                user.team_ids.insert(*change.needed("group", team.as_ref())?);
            }
            OutOfBandOperation::RemoveFromGroup => {
                user.team_ids.remove(change.needed("group", team.as_ref())?);
            }
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

impl Tines {
    fn settle_invitation(&self, email: &str, settled: Invitation) -> Result<Value, Refusal> {
        let mut state = self.lock();
        let user = state.by_email_mut(email).filter(|user| user.invitation == Invitation::Pending);
        let user = user.ok_or_else(|| Refusal::missing("nobody of that address is invited"))?;
        user.invitation = settled;
        Ok(json!({ "id": user.id }))
    }
}

/// First and last name of a full name: the last word is the last name.
fn split(name: &str) -> (String, String) {
    let (first, last) = name.trim().rsplit_once(' ').unwrap_or((name.trim(), ""));
    (first.to_owned(), last.to_owned())
}
