//! `/1/team_memberships`: list, invite, change the role, remove.

use serde_json::{Map, Value, json};

use super::problems::{invalid_field, refused};
use super::state::{Member, PendingDuplicate, PutEmail, State};
use crate::adapters::simulator::{Answer, Call, whole_seconds};
use crate::base::clock::Timestamp;

const ROLES: [&str; 2] = ["admin", "member"];

/// `GET /1/team_memberships`: all members in one array, without pages.
pub(super) fn list(state: &State, team: &str) -> Answer {
    let with_pending = state.mode.pending_in_list;
    let members: Vec<Value> = state
        .teams
        .get(team)
        .map(|team| team.members.values())
        .into_iter()
        .flatten()
        .filter(|member| with_pending || !member.pending)
        .map(listed)
        .collect();
    Answer::json(200, &members)
}

/// `POST /1/team_memberships` with `{email, role}`.
pub(super) fn invite(state: &mut State, team: &str, call: &Call, now: Timestamp) -> Answer {
    let Some(body) = call.object() else { return refused(400, None) };
    let email = match text(&body, "email") {
        Ok(Some(email)) if email.contains('@') => email.trim().to_owned(),
        Ok(Some(_)) => return invalid_field("email", "invalid", "email is not an e-mail address"),
        Ok(None) => return invalid_field("email", "missing", "email is required"),
        Err(answer) => return answer,
    };
    let role = match role_of(&body) {
        Ok(role) => role,
        Err(answer) => return answer,
    };
    let domain = email.rsplit('@').next().unwrap_or_default().to_ascii_lowercase();
    if !state.mode.allowed_domains.is_empty() && !state.mode.allowed_domains.contains(&domain) {
        return invalid_field("email", "invalid", "email domain is not allowed for this team");
    }
    let (status, seats, resend) =
        (state.mode.invite_status, state.seats, state.mode.pending_duplicate == PendingDuplicate::Resent);
    let taken = state.teams.get(team).map_or(0, |team| team.members.len() as u64);
    if let Some(known) = state.teams.get(team).and_then(|team| team.by_email(&email)) {
        if known.pending && resend {
            let answer = Answer::json(status, &invited(known));
            state.emails_sent += 1;
            return answer;
        }
        return refused(409, Some("user is already a member of this team"));
    }
    if seats.is_some_and(|limit| taken >= limit) {
        return refused(403, Some("seat limit reached for this team"));
    }
    let member = Member { id: state.mint(), email, name: None, role, created_at: now, pending: true };
    let answer = Answer::json(status, &invited(&member));
    state.emails_sent += 1;
    if let Some(team) = state.teams.get_mut(team) {
        team.insert(member);
    }
    answer
}

/// `PUT /1/team_memberships/{id}` with `{role}`; nothing else can be changed.
pub(super) fn change_role(state: &mut State, team: &str, id: &str, call: &Call) -> Answer {
    let Some(body) = call.object() else { return refused(400, None) };
    let (put_email, guarded) = (state.mode.put_email, state.mode.last_admin_guard);
    let Some(team) = state.teams.get_mut(team) else { return refused(404, None) };
    if !team.members.contains_key(id) {
        return refused(404, None);
    }
    if body.contains_key("email") && put_email == PutEmail::Rejected {
        return invalid_field("email", "invalid", "email cannot be changed");
    }
    let role = match role_of(&body) {
        Ok(role) => role,
        Err(answer) => return answer,
    };
    if guarded && role != "admin" && team.is_last_admin(id) {
        return refused(409, Some("a team must have at least one admin"));
    }
    let Some(member) = team.members.get_mut(id) else { return refused(404, None) };
    member.role = role;
    Answer::json(200, &json!({ "id": member.id, "email": member.email, "role": member.role }))
}

/// `DELETE /1/team_memberships/{id}`: at once and for good; a pending invitation is withdrawn.
pub(super) fn remove(state: &mut State, team: &str, id: &str) -> Answer {
    let guarded = state.mode.last_admin_guard;
    let Some(team) = state.teams.get_mut(team) else { return refused(404, None) };
    if guarded && team.is_last_admin(id) {
        return refused(409, Some("a team must have at least one admin"));
    }
    match team.remove(id) {
        Some(_) => Answer::empty(204),
        None => refused(404, None),
    }
}

fn listed(member: &Member) -> Value {
    let mut object = Map::new();
    object.insert("id".into(), json!(member.id));
    object.insert("email".into(), json!(member.email));
    if let Some(name) = &member.name {
        object.insert("name".into(), json!(name));
    }
    object.insert("role".into(), json!(member.role));
    object.insert("created_at".into(), json!(whole_seconds(member.created_at)));
    Value::Object(object)
}

fn invited(member: &Member) -> Value {
    json!({
        "id": member.id,
        "email": member.email,
        "role": member.role,
        "created_at": whole_seconds(member.created_at),
    })
}

fn role_of(body: &Map<String, Value>) -> Result<String, Answer> {
    match text(body, "role")? {
        Some(role) if ROLES.contains(&role) => Ok(role.to_owned()),
        Some(_) => Err(invalid_field("role", "invalid", "role must be one of: admin, member")),
        None => Err(invalid_field("role", "missing", "role is required")),
    }
}

/// A text field; `None` when absent, null or blank.
fn text<'a>(body: &'a Map<String, Value>, field: &str) -> Result<Option<&'a str>, Answer> {
    match body.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(value)) => Ok(Some(value.as_str()).filter(|value| !value.trim().is_empty())),
        Some(_) => Err(invalid_field(field, "incorrect_type", &format!("{field} must be a string"))),
    }
}
