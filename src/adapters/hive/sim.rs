//! Hive, simulated: workspaces, their members and SCIM as its user-management guide describes them.

mod keys;
mod members;
mod scim;
mod state;
#[cfg(test)]
mod tests;

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value, json};

use self::keys::Key;
use self::state::{State, Status};
use crate::adapters::simulator::{
    Answer, App, Call, Dialect, Holder, OutOfBand, OutOfBandOperation, Person, PlanChange, Refusal, Seed,
    Simulator, UnknownDialect, switched,
};
use crate::base::clock::SharedClock;

/// API key of `owner@example.com`, admin of `ws_001` and `ws_002`; may do what they may do at that moment.
pub const ADMIN_KEY: &str = "hive-admin-key";
/// API key of `maria.santos@example.com`, a member: reads, but 403 on every write.
pub const MEMBER_KEY: &str = "hive-member-key";
/// SCIM token of the settings of `ws_001`: 401 on every REST path.
pub const SCIM_TOKEN: &str = "hive-scim-token";
/// The workspace SCIM is set up for, and that generated people go to.
pub const WORKSPACE: &str = "ws_001";

const NAME: &str = "hive";

/// The simulated Hive with two workspaces to manage and one that is out of sight; fails for a dialect it does not
/// speak.
pub fn simulator(dialect: Dialect, clock: SharedClock) -> Result<Simulator, UnknownDialect> {
    dialect.require_guide(NAME)?;
    Ok(Simulator::new(clock, |_clock| Hive { state: Mutex::new(State::seeded(Seed::default())) }))
}

/// Hive prints no time anywhere, so it has no clock.
#[derive(Debug)]
struct Hive {
    state: Mutex<State>,
}

impl Hive {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The workspace in which somebody is invited, with the account's id.
    fn invited(state: &State, email: &str) -> Result<(String, String), Refusal> {
        let id = state.id_of(email);
        let found = id.and_then(|id| {
            let of = |workspace: &state::Workspace| workspace.members.get(&id).map(|member| member.status);
            let mut invited = state.workspaces.iter().filter(|(_, one)| of(one) == Some(Status::Invited));
            invited.next().map(|(workspace, _)| (workspace.clone(), id.clone()))
        });
        found.ok_or_else(|| Refusal::missing("nobody of that address is invited"))
    }
}

/// The app's own body `{error, message}` for a status.
fn refused(status: u16, message: Option<&str>) -> Answer {
    let message = message.unwrap_or(match status {
        400 => "Invalid request.",
        401 => "Invalid API Key.",
        403 => "Admin permission required.",
        404 => "Not found.",
        405 => "Method not allowed.",
        413 => "Request too large.",
        429 => "Too many requests.",
        500.. => "Internal error",
        _ => "Request failed.",
    });
    Answer::json(status, &json!({ "error": status, "message": message }))
}

impl App for Hive {
    fn name(&self) -> &'static str {
        NAME
    }

    fn answer(&self, call: &Call) -> Answer {
        if scim::is_for(call) {
            return scim::answer(&mut self.lock(), call);
        }
        let (method, path) = call.route();
        let ["api", "v1", "workspaces", path @ ..] = path.as_slice() else { return refused(404, None) };
        let methods: &[&str] = match path {
            [] => &["GET"],
            [_, "members"] => &["GET", "POST"],
            [_, "members", id] if !id.is_empty() => &["GET", "DELETE"],
            _ => return refused(404, None),
        };
        if !methods.contains(&method) {
            return refused(405, None);
        }
        let Some(key) = Key::of(call) else { return refused(401, None) };
        let mut state = self.lock();
        let [workspace, _, rest @ ..] = path else { return members::workspaces(&state, key) };
        if !key.sees(&state, workspace) {
            return refused(404, Some("Workspace not found."));
        }
        if method != "GET" && !key.is_admin(&state, workspace) {
            return refused(403, None);
        }
        match (method, rest) {
            ("GET", []) => members::list(&state, workspace, key),
            ("GET", [id, ..]) => members::read(&state, workspace, id),
            (_, []) => members::invite(&mut state, workspace, call),
            (_, [id, ..]) => members::remove(&mut state, workspace, id),
        }
    }

    fn error(&self, status: u16) -> Answer {
        refused(status, None)
    }

    fn error_for(&self, call: &Call, status: u16) -> Answer {
        if scim::is_for(call) { scim::refused(status) } else { refused(status, None) }
    }

    fn credential_kind(&self, value: &str) -> &'static str {
        match value {
            ADMIN_KEY => "admin",
            MEMBER_KEY => "member",
            SCIM_TOKEN => "scim",
            _ => "unknown",
        }
    }

    fn reset(&self, seed: Seed) {
        *self.lock() = State::seeded(seed);
    }

    fn state(&self) -> Value {
        self.lock().to_json()
    }

    fn holders(&self) -> Vec<Holder> {
        self.lock().holders()
    }

    /// Counts the members of one workspace, invited ones included.
    fn set_seats(&self, limit: Option<u64>) -> Result<Value, Refusal> {
        self.lock().seats = limit;
        Ok(json!({ "limit": limit }))
    }

    /// The person becomes active in the first workspace they are invited to and fills in the names their address
    /// suggests.
    fn accept_invite(&self, email: &str) -> Result<Value, Refusal> {
        let mut state = self.lock();
        let (workspace, id) = Self::invited(&state, email)?;
        if let Some(account) = state.accounts.get_mut(&id).filter(|account| account.first_name.is_empty()) {
            let person = Person::from_email(&account.email);
            (account.first_name, account.last_name) = (person.first, person.last);
        }
        let members = state.workspaces.get_mut(&workspace).map(|one| &mut one.members);
        if let Some(member) = members.and_then(|members| members.get_mut(&id)) {
            member.status = Status::Active;
        }
        Ok(json!({ "id": id, "workspace": workspace }))
    }

    fn expire_invite(&self, email: &str) -> Result<Value, Refusal> {
        let mut state = self.lock();
        let (workspace, id) = Self::invited(&state, email)?;
        state.leave(&workspace, &id);
        Ok(json!({ "id": id, "workspace": workspace }))
    }

    fn set_plan(&self, plan: PlanChange) -> Result<Value, Refusal> {
        let mut state = self.lock();
        state.plan.apply(plan);
        Ok(json!(state.plan))
    }

    /// `group` is a workspace's id, `ws_001` when absent.
    fn out_of_band(&self, change: &OutOfBand) -> Result<Value, Refusal> {
        let mut state = self.lock();
        let workspace = change.group.as_deref().unwrap_or(WORKSPACE);
        if !state.workspaces.contains_key(workspace) {
            return Err(Refusal::missing("no such workspace"));
        }
        if matches!(change.op, OutOfBandOperation::Add | OutOfBandOperation::AddToGroup) {
            let id = state.account_for(&Person::from_email(&change.email));
            state.join(workspace, &id, change.role.as_deref().unwrap_or("member"), Status::Active);
        }
        let id = state.id_of(&change.email).ok_or_else(|| Refusal::missing("no such account"))?;
        let members = state.workspaces.get_mut(workspace).map(|one| &mut one.members);
        let members = members.ok_or_else(|| Refusal::missing("no such workspace"))?;
        let member = members.get_mut(&id).ok_or_else(|| Refusal::missing("no such member"))?;
        match change.op {
            OutOfBandOperation::Add | OutOfBandOperation::AddToGroup | OutOfBandOperation::Rename => {
                if change.op == OutOfBandOperation::Rename {
                    change.needed("name", change.name.as_ref())?;
                }
                if let (Some(name), Some(account)) = (&change.name, state.accounts.get_mut(&id)) {
                    let (first, last) = name.trim().rsplit_once(' ').unwrap_or((name.trim(), ""));
                    (account.first_name, account.last_name) = (first.to_owned(), last.to_owned());
                }
            }
            OutOfBandOperation::Remove | OutOfBandOperation::RemoveFromGroup => {
                state.leave(workspace, &id);
            }
            OutOfBandOperation::SetEmail => {
                state.rename_email(&id, change.needed("to", change.to.as_ref())?);
            }
            OutOfBandOperation::SetActive => {
                let active = *change.needed("active", change.active.as_ref())?;
                member.status = if active { Status::Active } else { Status::Deactivated };
            }
            OutOfBandOperation::SetRole => {
                change.needed("role", change.role.as_ref())?.clone_into(&mut member.role);
            }
        }
        Ok(json!({ "id": id, "workspace": workspace }))
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
