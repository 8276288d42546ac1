//! `/api/v1/users`: list, read, create, update, delete.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::refusals::{invalid, not_found, refused, with_message};
use super::state::{ActiveUpdate, Invitation, PerPageOver, State, User};
use crate::adapters::simulator::{Answer, Call};
use crate::base::clock::Timestamp;

const PER_PAGE: u64 = 20;
const PER_PAGE_MAX: u64 = 500;

/// `GET /api/v1/users?page=&per_page=`, in the order of the ids; a page beyond the end is empty.
pub(super) fn list(state: &State, call: &Call) -> Answer {
    let number = |name: &str, otherwise: u64| match call.parameter(name) {
        None => Ok(otherwise),
        Some(text) => match text.parse::<u64>() {
            Ok(number) if number > 0 => Ok(number),
            _ => Err(invalid(&format!("{name} must be a positive number"))),
        },
    };
    let (page, per_page) = match (number("page", 1), number("per_page", PER_PAGE)) {
        (Ok(page), Ok(per_page)) => (page, per_page),
        (Err(answer), _) | (_, Err(answer)) => return answer,
    };
    if per_page > PER_PAGE_MAX && state.mode.per_page_over == PerPageOver::Rejected {
        return invalid("per_page must be at most 500");
    }
    let per_page = per_page.min(PER_PAGE_MAX);
    let total_pages = (state.users.len() as u64).div_ceil(per_page).max(1);
    let skipped = usize::try_from((page - 1).saturating_mul(per_page)).unwrap_or(usize::MAX);
    let size = usize::try_from(per_page).unwrap_or(usize::MAX);
    let view = if state.mode.brief_list { brief } else { User::to_json };
    let users: Vec<Value> = state.users.values().skip(skipped).take(size).map(view).collect();
    let meta = json!({ "current_page": page, "total_pages": total_pages });
    Answer::json(200, &json!({ "users": users, "meta": meta }))
}

/// `GET /api/v1/users/{id}`.
pub(super) fn read(state: &State, id: u64) -> Answer {
    match state.users.get(&id) {
        Some(user) => Answer::json(200, &user.to_json()),
        None => not_found(state.mode.not_found_as_array),
    }
}

/// `POST /api/v1/users`: every success sends a mail.
pub(super) fn create(state: &mut State, call: &Call, now: Timestamp) -> Answer {
    let Some(body) = call.object() else { return refused(400) };
    let fields = match Fields::read(&body, state) {
        Ok(fields) => fields,
        Err(answer) => return answer,
    };
    let (Some(email), Some(first_name), Some(last_name)) =
        (fields.email, fields.first_name, fields.last_name)
    else {
        let missing = ["email", "first_name", "last_name"];
        let missing = missing.into_iter().find(|name| !body.contains_key(*name)).unwrap_or("email");
        return invalid(&format!("{missing} can't be blank"));
    };
    if state.id_of(&email).is_some() {
        return with_message(state.mode.duplicate_status, "Email has already been taken");
    }
    let active = fields.active.unwrap_or(true);
    if active && state.is_full() {
        return with_message(state.mode.seat_status, "Seat limit reached");
    }
    let id = state.mint();
    let user = User {
        id,
        email,
        first_name,
        last_name,
        role: fields.role.unwrap_or_else(|| "member".to_owned()),
        active,
        team_ids: fields.team_ids.unwrap_or_default(),
        created_at: now,
        updated_at: now,
        invitation: Invitation::Pending,
        external_id: None,
    };
    let answer = Answer::json(state.mode.created_status, &user.to_json());
    state.insert(user);
    state.emails_sent += 1;
    answer
}

/// `PUT /api/v1/users/{id}`: only the fields in the body change.
pub(super) fn update(state: &mut State, id: u64, call: &Call, now: Timestamp) -> Answer {
    let Some(body) = call.object() else { return refused(400) };
    let Some(before) = state.users.get(&id) else { return not_found(state.mode.not_found_as_array) };
    let was_active = before.active;
    let mut fields = match Fields::read(&body, state) {
        Ok(fields) => fields,
        Err(answer) => return answer,
    };
    match state.mode.active_update {
        ActiveUpdate::Rejected if fields.active.is_some() => {
            return invalid("active cannot be changed");
        }
        ActiveUpdate::Ignored => fields.active = None,
        ActiveUpdate::Honoured | ActiveUpdate::Rejected => {}
    }
    let clash = |email: &String| state.id_of(email).is_some_and(|holder| holder != id);
    if fields.email.as_ref().is_some_and(clash) {
        return with_message(state.mode.duplicate_status, "Email has already been taken");
    }
    if fields.active == Some(true) && !was_active && state.is_full() {
        return with_message(state.mode.seat_status, "Seat limit reached");
    }
    if let Some(email) = &fields.email {
        state.rename_email(id, email);
    }
    let partial = state.mode.partial_echo;
    let Some(user) = state.users.get_mut(&id) else { return refused(404) };
    fields.first_name.into_iter().for_each(|value| user.first_name = value);
    fields.last_name.into_iter().for_each(|value| user.last_name = value);
    fields.role.into_iter().for_each(|value| user.role = value);
    fields.active.into_iter().for_each(|value| user.active = value);
    fields.team_ids.into_iter().for_each(|value| user.team_ids = value);
    user.updated_at = now;
    if partial {
        return Answer::json(200, &json!({ "id": user.id, "email": user.email, "role": user.role }));
    }
    Answer::json(200, &user.to_json())
}

/// `DELETE /api/v1/users/{id}`: for good, memberships included.
pub(super) fn delete(state: &mut State, id: u64) -> Answer {
    match state.remove(id) {
        Some(_) => Answer::empty(204),
        None => not_found(state.mode.not_found_as_array),
    }
}

/// The four fields of the guide's list example.
fn brief(user: &User) -> Value {
    json!({
        "id": user.id,
        "email": user.email,
        "first_name": user.first_name,
        "last_name": user.last_name,
    })
}

/// What a body says about a user; read-only and unknown fields are passed over.
struct Fields {
    email: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    role: Option<String>,
    active: Option<bool>,
    team_ids: Option<BTreeSet<u64>>,
}

impl Fields {
    fn read(body: &Map<String, Value>, state: &State) -> Result<Self, Answer> {
        let email = text(body, "email")?;
        if email.as_ref().is_some_and(|email| !email.contains('@')) {
            return Err(invalid("email is invalid"));
        }
        let role = text(body, "role")?;
        if role.as_ref().is_some_and(|role| !state.mode.roles.contains(role)) {
            return Err(invalid("role is not included in the list"));
        }
        let active = match body.get("active") {
            None => None,
            Some(Value::Bool(active)) => Some(*active),
            Some(_) => return Err(invalid("active must be a boolean")),
        };
        Ok(Self {
            email,
            first_name: text(body, "first_name")?,
            last_name: text(body, "last_name")?,
            role,
            active,
            team_ids: team_ids(body, state)?,
        })
    }
}

/// A text field; `None` when absent, refused when null, blank or no text.
fn text(body: &Map<String, Value>, field: &str) -> Result<Option<String>, Answer> {
    match body.get(field) {
        None => Ok(None),
        Some(Value::String(value)) if !value.trim().is_empty() => Ok(Some(value.trim().to_owned())),
        Some(Value::String(_) | Value::Null) => Err(invalid(&format!("{field} can't be blank"))),
        Some(_) => Err(invalid(&format!("{field} must be a string"))),
    }
}

fn team_ids(body: &Map<String, Value>, state: &State) -> Result<Option<BTreeSet<u64>>, Answer> {
    let Some(value) = body.get("team_ids") else { return Ok(None) };
    let ids = value.as_array().and_then(|ids| ids.iter().map(Value::as_u64).collect::<Option<_>>());
    let ids: BTreeSet<u64> = ids.ok_or_else(|| invalid("team_ids must be an array of integers"))?;
    if ids.iter().all(|id| state.teams.contains_key(id)) {
        Ok(Some(ids))
    } else {
        Err(invalid("team_ids names a team that does not exist"))
    }
}
