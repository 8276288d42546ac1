//! `/platform/v1/groups`, their members, and `/platform/v1/roles`.

use std::ops::Bound;

use serde_json::{Map, Value, json};

use super::mode::MemberShape;
use super::refusals::{invalid, refused, with_message};
use super::state::{Group, State, Workspace};
use crate::adapters::simulator::{Answer, Call};
use crate::base::id::Ids;

/// `GET /platform/v1/groups`.
pub(super) fn list(state: &mut State, workspace: &str, ids: &Ids, call: &Call) -> Answer {
    let State { workspaces, cursors, mode, .. } = state;
    let Some(workspace) = workspaces.get(workspace) else { return refused(404) };
    let listing = format!("{}/groups", workspace.id);
    let page = match cursors.page(mode, &listing, call) {
        Ok(page) => page,
        Err(answer) => return answer,
    };
    let from = page.after.map_or(Bound::Unbounded, Bound::Excluded);
    let mut rest = workspace.groups.range((from, Bound::Unbounded)).peekable();
    let shown: Vec<&Group> = rest.by_ref().take(page.size).map(|(_, group)| group).collect();
    let next = shown.last().map(|group| group.id.clone()).filter(|_| rest.peek().is_some());
    let data = shown.into_iter().map(to_json).collect();
    Answer::json(200, &cursors.envelope(mode, ids, &listing, data, next))
}

/// `GET /platform/v1/groups/{id}`.
pub(super) fn read(workspace: &Workspace, id: &str) -> Answer {
    workspace.groups.get(id).map_or_else(|| refused(404), |group| Answer::json(200, &to_json(group)))
}

/// `POST /platform/v1/groups` with `{name}`.
pub(super) fn create(state: &mut State, workspace: &str, call: &Call) -> Answer {
    let name = match name_of(call) {
        Ok(name) => name,
        Err(answer) => return answer,
    };
    let known = state.workspaces.get(workspace).map(|workspace| has_name(workspace, &name, None));
    match known {
        None => refused(404),
        Some(true) => with_message(409, "A group with this name already exists"),
        Some(false) => Answer::json(201, &to_json(&state.add_group(workspace, &name))),
    }
}

/// `PATCH /platform/v1/groups/{id}` with `{name}`.
pub(super) fn rename(workspace: &mut Workspace, id: &str, call: &Call) -> Answer {
    if !workspace.groups.contains_key(id) {
        return refused(404);
    }
    let name = match name_of(call) {
        Ok(name) => name,
        Err(answer) => return answer,
    };
    if has_name(workspace, &name, Some(id)) {
        return with_message(409, "A group with this name already exists");
    }
    let Some(group) = workspace.groups.get_mut(id) else { return refused(404) };
    group.name = name;
    Answer::json(200, &to_json(group))
}

/// `DELETE /platform/v1/groups/{id}`; its members stay in the workspace.
pub(super) fn delete(workspace: &mut Workspace, id: &str) -> Answer {
    if workspace.groups.remove(id).is_some() { Answer::empty(204) } else { refused(404) }
}

/// `GET /platform/v1/groups/{id}/members`.
pub(super) fn members(state: &mut State, workspace: &str, id: &str, ids: &Ids, call: &Call) -> Answer {
    let State { workspaces, cursors, mode, .. } = state;
    let Some(group) = workspaces.get(workspace).and_then(|workspace| workspace.groups.get(id)) else {
        return refused(404);
    };
    let listing = format!("{workspace}/groups/{id}/members");
    let page = match cursors.page(mode, &listing, call) {
        Ok(page) => page,
        Err(answer) => return answer,
    };
    let from = page.after.map_or(Bound::Unbounded, Bound::Excluded);
    let mut rest = group.members.range((from, Bound::Unbounded)).peekable();
    let shown: Vec<&String> = rest.by_ref().take(page.size).collect();
    let next = shown.last().map(|id| (*id).clone()).filter(|_| rest.peek().is_some());
    let field = match mode.member_shape {
        MemberShape::UserId => "userId",
        MemberShape::Id => "id",
    };
    let member = |id: &String| Value::Object(Map::from_iter([(field.to_owned(), json!(id))]));
    let data = shown.into_iter().map(member).collect();
    Answer::json(200, &cursors.envelope(mode, ids, &listing, data, next))
}

/// `POST /platform/v1/groups/{id}/members` with `{userId}`; the user must exist in the workspace.
pub(super) fn add_member(state: &mut State, workspace: &str, id: &str, call: &Call) -> Answer {
    let (unknown, already) = (state.mode.unknown_member_status, state.mode.already_member_status);
    let Some(workspace) = state.workspaces.get_mut(workspace) else { return refused(404) };
    let Some(group) = workspace.groups.get_mut(id) else { return refused(404) };
    let Some(body) = call.object() else { return refused(400) };
    let Some(user) = body.get("userId").and_then(Value::as_str) else {
        return invalid("userId", "userId is required");
    };
    if !workspace.users.contains_key(user) {
        return refused(unknown);
    }
    let answer = json!({ "groupId": id, "userId": user });
    if !group.members.insert(user.to_owned()) && already != 201 {
        return with_message(already, "The user is already a member of this group");
    }
    Answer::json(201, &answer)
}

/// `DELETE /platform/v1/groups/{id}/members/{userId}`; the user stays active.
pub(super) fn remove_member(workspace: &mut Workspace, id: &str, user: &str) -> Answer {
    let removed = workspace.groups.get_mut(id).is_some_and(|group| group.members.remove(user));
    if removed { Answer::empty(204) } else { refused(404) }
}

/// `GET /platform/v1/roles`: the roles of this workspace.
pub(super) fn roles(workspace: &Workspace) -> Answer {
    let data: Vec<Value> =
        workspace.roles.iter().map(|(id, name)| json!({ "id": id, "name": name })).collect();
    Answer::json(200, &json!({ "data": data }))
}

fn to_json(group: &Group) -> Value {
    json!({ "id": group.id, "name": group.name, "memberCount": group.members.len() })
}

fn has_name(workspace: &Workspace, name: &str, except: Option<&str>) -> bool {
    workspace.groups.values().any(|group| group.name == name && Some(group.id.as_str()) != except)
}

fn name_of(call: &Call) -> Result<String, Answer> {
    let body = call.object().ok_or_else(|| refused(400))?;
    let name = body.get("name").and_then(Value::as_str).map(str::trim).filter(|name| !name.is_empty());
    name.map(str::to_owned).ok_or_else(|| invalid("name", "name is required"))
}
