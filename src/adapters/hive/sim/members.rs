//! `/api/v1/workspaces` and their members: list, read, invite, remove.

use serde_json::{Value, json};

use super::keys::Key;
use super::refused;
use super::state::{ReinvitedId, State, Status};
use crate::adapters::simulator::{Answer, Call};

const ROLES: [&str; 3] = ["admin", "member", "guest"];

/// `GET /api/v1/workspaces`: those the owner of the key is in.
pub(super) fn workspaces(state: &State, key: Key) -> Answer {
    let visible = state.workspaces.iter().filter(|(id, _)| key.sees(state, id));
    let workspaces: Vec<Value> =
        visible.map(|(id, workspace)| json!({ "id": id, "name": workspace.name })).collect();
    Answer::json(200, &workspaces)
}

/// `GET /api/v1/workspaces/{workspace}/members`: all of them in one array.
pub(super) fn list(state: &State, workspace: &str, key: Key) -> Answer {
    let mut members = state.members(workspace);
    if state.mode.partial_list && !key.is_admin(state, workspace) {
        let own = key.owner(state);
        members.retain(|member| member["role"] == "admin" || member["id"].as_str() == own.as_deref());
    }
    Answer::json(200, &members)
}

/// `GET /api/v1/workspaces/{workspace}/members/{id}`.
pub(super) fn read(state: &State, workspace: &str, id: &str) -> Answer {
    match state.member(workspace, id) {
        Some(member) => Answer::json(200, &member),
        None => refused(404, Some("User not found")),
    }
}

/// `POST /api/v1/workspaces/{workspace}/members` with `{email, role}`; without a role they become `member`.
pub(super) fn invite(state: &mut State, workspace: &str, call: &Call) -> Answer {
    let Some(body) = call.object() else { return refused(400, None) };
    let email = match body.get("email") {
        Some(Value::String(email)) if email.contains('@') => email.trim().to_owned(),
        Some(Value::String(email)) if !email.trim().is_empty() => {
            return refused(400, Some("Email is invalid."));
        }
        _ => return refused(400, Some("Email is required.")),
    };
    let role = match body.get("role") {
        None => "member",
        Some(role) => match role.as_str().filter(|role| ROLES.contains(role)) {
            Some(role) => role,
            None => return refused(400, Some("Role is invalid.")),
        },
    };
    let Some(members) = state.workspaces.get(workspace).map(|workspace| &workspace.members) else {
        return refused(404, Some("Workspace not found."));
    };
    let known = state.id_of(&email);
    let membership = known.as_ref().and_then(|id| members.get(id));
    if let (Some(id), Some(membership)) = (&known, membership) {
        return match state.mode.duplicate_status {
            200 => Answer::json(200, &json!({ "id": id, "email": email, "status": membership.status })),
            status => refused(status, Some("User is already a member of this workspace.")),
        };
    }
    if state.is_full(workspace) {
        return refused(state.mode.seat_status, Some("Seat limit reached for this plan."));
    }
    let id = match (known, state.mode.reinvited_id) {
        (Some(id), ReinvitedId::Same) => id,
        _ => state.open_account(&email, "", ""),
    };
    state.join(workspace, &id, role, Status::Invited);
    state.emails_sent += 1;
    Answer::json(state.mode.invite_status, &json!({ "id": id, "email": email, "status": "invited" }))
}

/// `DELETE /api/v1/workspaces/{workspace}/members/{id}`; the account and its other workspaces stay.
pub(super) fn remove(state: &mut State, workspace: &str, id: &str) -> Answer {
    match state.leave(workspace, id) {
        Some(_) => Answer::json(200, &json!({ "success": true })),
        None => refused(404, Some("User not found")),
    }
}
