//! Workiva, simulated: the token endpoint, users, groups, roles and SCIM as its user-management guide describes them.

mod groups;
mod mode;
mod pages;
mod refusals;
mod scim;
mod state;
#[cfg(test)]
mod tests;
mod tokens;
mod users;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value, json};

use self::refusals::refused;
use self::state::State;
use self::tokens::{GROUPS_READ, GROUPS_WRITE, USERS_READ, USERS_WRITE};
use crate::adapters::simulator::{
    Answer, App, Call, Dialect, Holder, OutOfBand, OutOfBandOperation, Person, PlanChange, Refusal, Seed,
    SimulatedClock, Simulator, UnknownDialect, switched,
};
use crate::base::clock::{Clock, SharedClock};
use crate::base::id::Ids;

/// OAuth client of workspace `ws_1` with all four scopes.
pub const CLIENT_ID: &str = "workiva-client";
/// Secret of [`CLIENT_ID`].
pub const CLIENT_SECRET: &str = "workiva-client-secret";
/// OAuth client of workspace `ws_1` that may only read.
pub const READ_ONLY_CLIENT_ID: &str = "workiva-readonly-client";
/// Secret of [`READ_ONLY_CLIENT_ID`].
pub const READ_ONLY_CLIENT_SECRET: &str = "workiva-readonly-secret";
/// OAuth client of workspace `ws_2` with all four scopes.
pub const OTHER_CLIENT_ID: &str = "workiva-audit-client";
/// Secret of [`OTHER_CLIENT_ID`].
pub const OTHER_CLIENT_SECRET: &str = "workiva-audit-secret";
/// Static SCIM bearer of workspace `ws_1`: 401 on every REST path.
pub const SCIM_TOKEN: &str = "workiva-scim-token";

const NAME: &str = "workiva";

/// The simulated Workiva with two workspaces; fails for a dialect it does not speak.
pub fn simulator(dialect: Dialect, clock: SharedClock) -> Result<Simulator, UnknownDialect> {
    dialect.require_guide(NAME)?;
    Ok(Simulator::new(clock, Workiva::new))
}

#[derive(Debug)]
struct Workiva {
    clock: Arc<SimulatedClock>,
    ids: Ids,
    state: Mutex<State>,
}

impl Workiva {
    fn new(clock: Arc<SimulatedClock>) -> Self {
        let state = Mutex::new(State::seeded(Seed::default(), clock.now()));
        Self { ids: Ids::new(clock.clone()), clock, state }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The methods of a path with the scope each needs; `None` for an unknown path.
fn methods(state: &State, path: &[&str]) -> Option<Vec<(&'static str, Option<&'static str>)>> {
    let mode = &state.mode;
    Some(match path {
        ["users"] => vec![("GET", Some(USERS_READ)), ("POST", Some(USERS_WRITE))],
        ["users", _] => {
            vec![("GET", Some(USERS_READ)), ("PATCH", Some(USERS_WRITE)), ("DELETE", Some(USERS_WRITE))]
        }
        ["groups"] if mode.scope_table_routes => {
            vec![("GET", Some(GROUPS_READ)), ("POST", Some(GROUPS_WRITE))]
        }
        ["groups"] => vec![("GET", Some(GROUPS_READ))],
        ["groups", _] => {
            let mut methods = Vec::new();
            if mode.scope_table_routes {
                methods.extend([("GET", Some(GROUPS_READ)), ("PATCH", Some(GROUPS_WRITE))]);
            }
            if mode.group_delete {
                methods.push(("DELETE", Some(GROUPS_WRITE)));
            }
            methods
        }
        ["groups", _, "members"] => vec![("GET", Some(GROUPS_READ)), ("POST", Some(GROUPS_WRITE))],
        ["groups", _, "members", _] => vec![("DELETE", Some(GROUPS_WRITE))],
        // The guide names no scope for it; any living token will do.
        ["roles"] => vec![("GET", None)],
        _ => return None,
    })
}

impl App for Workiva {
    fn name(&self) -> &'static str {
        NAME
    }

    fn answer(&self, call: &Call) -> Answer {
        let (method, path) = call.route();
        let now = self.clock.now();
        let mut state = self.lock();
        if path == ["iam", "v1", "oauth2", "token"] {
            return match method {
                "POST" => tokens::issue(&mut state, &self.ids, call, now),
                _ => refused(405),
            };
        }
        if scim::is_for(call) {
            return scim::answer(&mut state, call, now);
        }
        let ["platform", "v1", path @ ..] = path.as_slice() else { return refused(404) };
        let Some(methods) = methods(&state, path) else { return refused(404) };
        let Some((_, scope)) = methods.into_iter().find(|(known, _)| *known == method) else {
            return refused(405);
        };
        let name = match tokens::opened(&state, call, scope, now) {
            Ok(name) => name,
            Err(answer) => return answer,
        };
        match (method, path) {
            ("GET", ["users"]) => return users::list(&mut state, name, &self.ids, call),
            ("POST", ["users"]) => return users::create(&mut state, name, call, now),
            ("PATCH", ["users", id]) => return users::change(&mut state, name, id, call, now),
            ("GET", ["groups"]) => return groups::list(&mut state, name, &self.ids, call),
            ("POST", ["groups"]) => return groups::create(&mut state, name, call),
            ("GET", ["groups", id, _]) => return groups::members(&mut state, name, id, &self.ids, call),
            ("POST", ["groups", id, _]) => return groups::add_member(&mut state, name, id, call),
            _ => {}
        }
        let Some(workspace) = state.workspaces.get_mut(name) else { return refused(404) };
        match (method, path) {
            ("GET", ["users", id]) => users::read(workspace, id),
            ("DELETE", ["users", id]) => users::delete(workspace, id),
            ("GET", ["groups", id]) => groups::read(workspace, id),
            ("PATCH", ["groups", id]) => groups::rename(workspace, id, call),
            ("DELETE", ["groups", id]) => groups::delete(workspace, id),
            ("DELETE", ["groups", id, _, user]) => groups::remove_member(workspace, id, user),
            _ => groups::roles(workspace),
        }
    }

    fn error(&self, status: u16) -> Answer {
        refused(status)
    }

    fn error_for(&self, call: &Call, status: u16) -> Answer {
        if scim::is_for(call) { scim::refused(status) } else { refused(status) }
    }

    fn credential_kind(&self, value: &str) -> &'static str {
        if value == SCIM_TOKEN {
            return "scim";
        }
        match self.lock().tokens.get(value) {
            Some(access) if access.expires > self.clock.now() => "oauth",
            Some(_) => "expired",
            None => "unknown",
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

    /// Counts the active users of one workspace.
    fn set_seats(&self, limit: Option<u64>) -> Result<Value, Refusal> {
        self.lock().seats = limit;
        Ok(json!({ "limit": limit }))
    }

    fn accept_invite(&self, _email: &str) -> Result<Value, Refusal> {
        Err(Refusal::missing("users of `workiva` are not invited"))
    }

    fn expire_invite(&self, _email: &str) -> Result<Value, Refusal> {
        Err(Refusal::missing("users of `workiva` are not invited"))
    }

    fn expire_tokens(&self) -> Result<Value, Refusal> {
        let mut state = self.lock();
        let now = self.clock.now();
        let mut expired = 0;
        for access in state.tokens.values_mut().filter(|access| access.expires > now) {
            access.expires = now;
            expired += 1;
        }
        Ok(json!({ "expired": expired }))
    }

    fn set_plan(&self, plan: PlanChange) -> Result<Value, Refusal> {
        let mut state = self.lock();
        state.plan.apply(plan);
        Ok(json!(state.plan))
    }

    /// Works in `ws_1`; `group` is a group's id, `role` a role's id.
    fn out_of_band(&self, change: &OutOfBand) -> Result<Value, Refusal> {
        let mut state = self.lock();
        let now = self.clock.now();
        let known = state.workspaces.get("ws_1").is_some_and(|one| one.by_email(&change.email).is_some());
        match (change.op, known) {
            (OutOfBandOperation::Add, true) => {
                return Err(Refusal::invalid("there is such a user already"));
            }
            (OutOfBandOperation::Add, false) => {
                let roles: Vec<&str> = change.role.as_deref().into_iter().collect();
                state.join("ws_1", &Person::from_email(&change.email), &roles, now);
            }
            (_, false) => return Err(Refusal::missing("no such user")),
            (_, true) => {}
        }
        let workspace =
            state.workspaces.get_mut("ws_1").ok_or_else(|| Refusal::missing("no such workspace"))?;
        let id = workspace.id_of(&change.email).ok_or_else(|| Refusal::missing("no such user"))?;
        if change.group.as_ref().is_some_and(|group| !workspace.groups.contains_key(group)) {
            return Err(Refusal::missing("no such group"));
        }
        if let Some(user) = workspace.by_email_mut(&change.email) {
            user.updated_at = now;
            match change.op {
                OutOfBandOperation::SetActive => {
                    user.active = *change.needed("active", change.active.as_ref())?;
                }
                OutOfBandOperation::SetRole => {
                    user.roles = vec![change.needed("role", change.role.as_ref())?.clone()];
                }
                OutOfBandOperation::Rename => {
                    change.needed("name", change.name.as_ref())?.clone_into(&mut user.display_name);
                }
                OutOfBandOperation::Add => {
                    user.active = change.active.unwrap_or(true);
                    change.name.iter().for_each(|name| user.display_name.clone_from(name));
                }
                OutOfBandOperation::Remove
                | OutOfBandOperation::SetEmail
                | OutOfBandOperation::AddToGroup
                | OutOfBandOperation::RemoveFromGroup => {}
            }
        }
        match change.op {
            OutOfBandOperation::Remove => drop(workspace.remove(&id)),
            OutOfBandOperation::SetEmail => {
                workspace.rename_email(&id, change.needed("to", change.to.as_ref())?);
            }
            OutOfBandOperation::AddToGroup | OutOfBandOperation::RemoveFromGroup => {
                let group = change.needed("group", change.group.as_ref())?;
                if let Some(group) = workspace.groups.get_mut(group) {
                    if change.op == OutOfBandOperation::AddToGroup {
                        group.members.insert(id.clone());
                    } else {
                        group.members.remove(&id);
                    }
                }
            }
            OutOfBandOperation::Add
            | OutOfBandOperation::Rename
            | OutOfBandOperation::SetActive
            | OutOfBandOperation::SetRole => {}
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
