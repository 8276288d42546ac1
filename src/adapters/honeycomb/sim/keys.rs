//! Who a key is (`/1/auth`, `/2/auth`) and version 2's key management, used to close keys a leaver made.

use serde_json::{Value, json};

use super::Credential;
use super::problems::listed;
use super::state::{ManagedKey, State, Team};
use crate::adapters::simulator::{Answer, Call};

const JSON_API: &str = "application/vnd.api+json";
const PAGE_SIZE: usize = 20;
const PAGE_SIZE_MAX: usize = 100;

/// `GET /1/auth`: works with ingest and configuration keys and so tells them apart.
pub(super) fn describe(state: &State, credential: Credential) -> Answer {
    let configuration = credential.kind == "config";
    let team = state.teams.get(credential.team);
    Answer::json(
        200,
        &json!({
            "id": if configuration { "hcxlk_sim" } else { "hcxik_sim" },
            "type": if configuration { "configuration" } else { "ingest" },
            "api_key_access": {
                "events": true,
                "markers": configuration,
                "boards": configuration,
                "createDatasets": configuration,
            },
            "environment": { "name": "Production", "slug": "production" },
            "team": { "name": team.map(|team| team.name), "slug": team.map(|team| team.slug) },
        }),
    )
}

/// `GET /2/auth`.
pub(super) fn describe_management(credential: Credential) -> Answer {
    json_api(
        200,
        &json!({ "data": {
            "id": "hcxmk_sim",
            "type": "api-keys",
            "attributes": { "name": "management", "key_type": "management", "disabled": false,
                "scopes": ["api-keys:read", "api-keys:write"] },
            "relationships": { "team": { "data": { "type": "teams", "id": credential.team } } },
        } }),
    )
}

/// `GET /2/teams/{slug}/api-keys`, with `filter[type]`, `page[size]` (20, at most 100) and `page[after]`.
pub(super) fn list(team: &Team, call: &Call) -> Answer {
    let size = call.parameter("page[size]").map_or(Some(PAGE_SIZE), |size| size.parse().ok());
    let Some(size) = size.filter(|size| (1..=PAGE_SIZE_MAX).contains(size)) else {
        return listed(400, "invalid-page", "page[size] must be between 1 and 100");
    };
    let (wanted, after) = (call.parameter("filter[type]"), call.parameter("page[after]"));
    let mut rest = team
        .keys
        .values()
        .filter(|key| wanted.as_ref().is_none_or(|wanted| key.key_type == wanted))
        .filter(|key| after.as_ref().is_none_or(|after| key.id > *after));
    let page: Vec<&ManagedKey> = rest.by_ref().take(size).collect();
    let next = page
        .last()
        .filter(|_| rest.next().is_some())
        .map(|last| format!("/2/teams/{}/api-keys?page[size]={size}&page[after]={}", team.slug, last.id));
    let data: Vec<Value> = page.into_iter().map(resource).collect();
    json_api(200, &json!({ "data": data, "links": { "next": next } }))
}

/// `PATCH /2/teams/{slug}/api-keys/{id}`: `name` and `disabled`.
pub(super) fn change(team: &mut Team, id: &str, call: &Call) -> Answer {
    if call.content_type() != JSON_API {
        return listed(415, "unsupported-media-type", "the content type must be application/vnd.api+json");
    }
    let Some(body) = call.json() else { return listed(400, "unparseable", "the body is not JSON") };
    let Some(key) = team.keys.get_mut(id) else { return not_found() };
    let attributes = body.pointer("/data/attributes").and_then(Value::as_object);
    let Some(attributes) = attributes else {
        return listed(422, "validation-failed", "data.attributes is required");
    };
    if let Some(name) = attributes.get("name").and_then(Value::as_str) {
        name.clone_into(&mut key.name);
    }
    if let Some(disabled) = attributes.get("disabled").and_then(Value::as_bool) {
        key.disabled = disabled;
    }
    json_api(200, &json!({ "data": resource(key) }))
}

/// `DELETE /2/teams/{slug}/api-keys/{id}`.
pub(super) fn remove(team: &mut Team, id: &str) -> Answer {
    if team.keys.remove(id).is_some() { Answer::empty(204) } else { not_found() }
}

pub(super) fn not_found() -> Answer {
    listed(404, "not-found", "the requested resource cannot be found")
}

fn resource(key: &ManagedKey) -> Value {
    json!({
        "id": key.id,
        "type": "api-keys",
        "attributes": { "name": key.name, "key_type": key.key_type, "disabled": key.disabled },
        "relationships": { "creator": { "data": { "type": "users", "id": key.creator_id } } },
    })
}

fn json_api(status: u16, body: &Value) -> Answer {
    Answer::json(status, body).with_header("content-type", JSON_API)
}
