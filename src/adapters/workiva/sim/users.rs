//! `/platform/v1/users`: list, find, read, create, change, delete.

use std::ops::Bound;

use serde_json::{Map, Value, json};

use super::mode::{Mode, ReadOnlyFields};
use super::refusals::{invalid, refused, with_message};
use super::state::{State, User, Workspace};
use crate::adapters::simulator::{Answer, Call, whole_seconds};
use crate::base::clock::Timestamp;
use crate::base::id::Ids;

/// `GET /platform/v1/users`, page by page, or the one with `?email=`.
pub(super) fn list(state: &mut State, workspace: &str, ids: &Ids, call: &Call) -> Answer {
    let State { workspaces, cursors, mode, .. } = state;
    let Some(workspace) = workspaces.get(workspace) else { return refused(404) };
    let listing = format!("{}/users", workspace.id);
    let page = match cursors.page(mode, &listing, call) {
        Ok(page) => page,
        Err(answer) => return answer,
    };
    let view = if mode.brief_list { brief } else { User::to_json };
    if let Some(email) = call.parameter("email") {
        let found = workspace.by_email(&email).map(view).into_iter().collect();
        return Answer::json(200, &cursors.envelope(mode, ids, &listing, found, None));
    }
    let from = page.after.map_or(Bound::Unbounded, Bound::Excluded);
    let mut rest = workspace.users.range((from, Bound::Unbounded)).peekable();
    let mut data = Vec::new();
    let mut last = None;
    for (id, user) in rest.by_ref().take(page.size) {
        data.push(view(user));
        last = Some(id.clone());
    }
    let next = last.filter(|_| rest.peek().is_some());
    Answer::json(200, &cursors.envelope(mode, ids, &listing, data, next))
}

/// `GET /platform/v1/users/{id}`.
pub(super) fn read(workspace: &Workspace, id: &str) -> Answer {
    workspace.users.get(id).map_or_else(|| refused(404), |user| Answer::json(200, &user.to_json()))
}

/// `POST /platform/v1/users`.
pub(super) fn create(state: &mut State, workspace: &str, call: &Call, now: Timestamp) -> Answer {
    let Some(body) = call.object() else { return refused(400) };
    let id = state.mint_user();
    let (seats, status) = (state.seats, state.mode.created_status);
    let Some(workspace) = state.workspaces.get_mut(workspace) else { return refused(404) };
    let fields = match Fields::read(&body, workspace, &state.mode) {
        Ok(fields) => fields,
        Err(answer) => return answer,
    };
    let (Some(email), Some(first_name), Some(last_name)) =
        (fields.email, fields.first_name, fields.last_name)
    else {
        let required = ["email", "firstName", "lastName"];
        let missing = required.into_iter().find(|name| !body.contains_key(*name)).unwrap_or("email");
        return invalid(missing, &format!("{missing} is required"));
    };
    if workspace.by_email(&email).is_some() {
        return taken();
    }
    let active = fields.active.unwrap_or(true);
    if active && seats.is_some_and(|limit| workspace.active_users() >= limit) {
        return with_message(403, "License limit reached");
    }
    let user = User {
        id,
        email,
        display_name: fields.display_name.unwrap_or_else(|| format!("{first_name} {last_name}")),
        first_name,
        last_name,
        active,
        roles: fields.roles.unwrap_or_default(),
        created_at: now,
        updated_at: now,
        workspace_id: workspace.id,
        external_id: None,
    };
    let echo = json!({
        "id": user.id,
        "email": user.email,
        "active": user.active,
        "createdAt": whole_seconds(user.created_at),
    });
    workspace.insert(user);
    Answer::json(status, &echo)
}

/// `PATCH /platform/v1/users/{id}` with a merge body; answers `{id, active, updatedAt}`.
pub(super) fn change(state: &mut State, workspace: &str, id: &str, call: &Call, now: Timestamp) -> Answer {
    let seats = state.seats;
    let Some(workspace) = state.workspaces.get_mut(workspace) else { return refused(404) };
    let Some(before) = workspace.users.get(id) else { return refused(404) };
    let was_active = before.active;
    let Some(body) = call.object() else { return refused(400) };
    let fields = match Fields::read(&body, workspace, &state.mode) {
        Ok(fields) => fields,
        Err(answer) => return answer,
    };
    let clash = |email: &String| workspace.by_email(email).is_some_and(|holder| holder.id != id);
    if fields.email.as_ref().is_some_and(clash) {
        return taken();
    }
    let rises = fields.active == Some(true) && !was_active;
    if rises && seats.is_some_and(|limit| workspace.active_users() >= limit) {
        return with_message(403, "License limit reached");
    }
    if let Some(email) = &fields.email {
        workspace.rename_email(id, email);
    }
    let Some(user) = workspace.users.get_mut(id) else { return refused(404) };
    fields.first_name.into_iter().for_each(|value| user.first_name = value);
    fields.last_name.into_iter().for_each(|value| user.last_name = value);
    fields.display_name.into_iter().for_each(|value| user.display_name = value);
    fields.active.into_iter().for_each(|value| user.active = value);
    fields.roles.into_iter().for_each(|value| user.roles = value);
    user.updated_at = now;
    let echo = json!({ "id": user.id, "active": user.active, "updatedAt": whole_seconds(now) });
    Answer::json(200, &echo)
}

/// `DELETE /platform/v1/users/{id}`: for good.
pub(super) fn delete(workspace: &mut Workspace, id: &str) -> Answer {
    if workspace.remove(id).is_some() { Answer::empty(204) } else { refused(404) }
}

fn taken() -> Answer {
    with_message(409, "A user with this email already exists")
}

/// The four fields of the guide's list example.
fn brief(user: &User) -> Value {
    json!({
        "id": user.id,
        "email": user.email,
        "firstName": user.first_name,
        "active": user.active,
    })
}

/// What a body says about a user; unknown fields are passed over.
struct Fields {
    email: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    display_name: Option<String>,
    active: Option<bool>,
    roles: Option<Vec<String>>,
}

impl Fields {
    fn read(body: &Map<String, Value>, workspace: &Workspace, mode: &Mode) -> Result<Self, Answer> {
        let read_only = ["id", "createdAt", "updatedAt", "workspaceId"];
        let touched = read_only.into_iter().find(|name| body.contains_key(*name));
        if let (Some(name), ReadOnlyFields::Rejected) = (touched, mode.read_only_fields) {
            return Err(invalid(name, &format!("{name} is read-only")));
        }
        let email = text(body, "email")?;
        if email.as_ref().is_some_and(|email| !email.contains('@')) {
            return Err(invalid("email", "email is not an e-mail address"));
        }
        let active = match body.get("active") {
            None => None,
            Some(Value::Bool(active)) => Some(*active),
            Some(_) => return Err(invalid("active", "active must be a boolean")),
        };
        Ok(Self {
            email,
            first_name: text(body, "firstName")?,
            last_name: text(body, "lastName")?,
            display_name: text(body, "displayName")?,
            active,
            roles: roles(body, workspace)?,
        })
    }
}

/// A text field; `None` when absent, refused when null, blank or no text.
fn text(body: &Map<String, Value>, field: &str) -> Result<Option<String>, Answer> {
    match body.get(field) {
        None => Ok(None),
        Some(Value::String(value)) if !value.trim().is_empty() => Ok(Some(value.trim().to_owned())),
        Some(_) => Err(invalid(field, &format!("{field} must be a text that is not empty"))),
    }
}

fn roles(body: &Map<String, Value>, workspace: &Workspace) -> Result<Option<Vec<String>>, Answer> {
    let Some(value) = body.get("roles") else { return Ok(None) };
    let named = value.as_array().and_then(|roles| {
        roles.iter().map(|role| role.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
    });
    let named = named.ok_or_else(|| invalid("roles", "roles must be an array of role ids"))?;
    match named.iter().find(|role| !workspace.has_role(role)) {
        None => Ok(Some(named)),
        Some(_) => Err(invalid("roles", "roles names a role that this workspace does not have")),
    }
}
