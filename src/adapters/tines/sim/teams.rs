//! `/api/v1/teams` and its memberships.

use serde_json::{Value, json};

use super::refusals::{invalid, not_found, refused, with_message};
use super::state::State;
use crate::adapters::simulator::{Answer, Call};
use crate::base::clock::Timestamp;

/// `GET /api/v1/teams`: all of them; the guide shows no pages here.
pub(super) fn list(state: &State) -> Answer {
    let teams: Vec<Value> =
        state.teams.iter().map(|(id, team)| json!({ "id": id, "name": team.name })).collect();
    Answer::json(200, &json!({ "teams": teams }))
}

/// `POST /api/v1/teams/{team}/memberships` with `{user_id}`; the user must exist in the tenant.
pub(super) fn add(state: &mut State, team: u64, call: &Call, now: Timestamp) -> Answer {
    let Some(body) = call.object() else { return refused(400) };
    if !state.teams.contains_key(&team) {
        return not_found(state.mode.not_found_as_array);
    }
    let id = match body.get("user_id") {
        Some(id) => id.as_u64().ok_or_else(|| invalid("user_id must be an integer")),
        None => Err(invalid("user_id can't be blank")),
    };
    let id = match id {
        Ok(id) => id,
        Err(answer) => return answer,
    };
    let (already, created) = (state.mode.already_member_status, state.mode.created_status);
    let Some(user) = state.users.get_mut(&id) else {
        return match state.mode.unknown_member_status {
            404 => not_found(state.mode.not_found_as_array),
            status => with_message(status, "User must exist"),
        };
    };
    let answer = json!({ "team_id": team, "user_id": id });
    if !user.team_ids.insert(team) {
        return match already {
            200 => Answer::json(200, &answer),
            status => with_message(status, "User is already a member of this team"),
        };
    }
    user.updated_at = now;
    Answer::json(created, &answer)
}

/// `DELETE /api/v1/teams/{team}/memberships/{user}`; the user stays in the tenant.
pub(super) fn remove(state: &mut State, team: u64, id: u64, now: Timestamp) -> Answer {
    let is_member = state.users.get(&id).is_some_and(|user| user.team_ids.contains(&team));
    if !is_member {
        return not_found(state.mode.not_found_as_array);
    }
    let mut members = state.users.values().filter(|user| user.team_ids.contains(&team));
    if state.mode.last_member_guard && members.nth(1).is_none() {
        return with_message(422, "The last member of a team cannot be removed");
    }
    if let Some(user) = state.users.get_mut(&id) {
        user.team_ids.remove(&team);
        user.updated_at = now;
    }
    Answer::empty(204)
}
