//! From a resource in the schema's own words to what the app is asked for.

use serde_json::{Map, Value, json};

use super::directory::{Group, GroupDraft, User, UserDraft};
use super::problem::Problem;
use crate::base::fold;

impl User {
    /// The user as PATCH sees them: what can be written, and nothing else.
    pub(super) fn writable(&self) -> Map<String, Value> {
        let mut resource = Map::new();
        resource.insert("userName".into(), json!(self.user_name));
        resource.extend(self.external_id.iter().map(|id| ("externalId".to_owned(), json!(id))));
        resource
            .insert("name".into(), json!({ "givenName": self.given_name, "familyName": self.family_name }));
        resource.insert("displayName".into(), json!(self.display_name));
        resource.insert("emails".into(), self.emails());
        resource.insert("active".into(), json!(self.active));
        resource
    }

    /// The one address, as a work address.
    pub(super) fn emails(&self) -> Value {
        json!([{ "value": self.user_name, "type": "work", "primary": true }])
    }
}

impl UserDraft {
    /// Reads a resource; `before` is who they are so far.
    ///
    /// 400 `invalidValue` where `userName` is missing or no address, where it and the primary e-mail are to be two
    /// different addresses, and where a name is missing that the app needs.
    pub(super) fn read(
        resource: &Map<String, Value>,
        before: Option<&User>,
        names_required: bool,
    ) -> Result<Self, Problem> {
        let name = |part: &str| {
            let text = resource.get("name").and_then(|name| name.get(part)).and_then(Value::as_str);
            match text.map(str::trim).filter(|text| !text.is_empty()) {
                None if names_required => Err(Problem::value(format!("name.{part} is required"))),
                text => Ok(text.unwrap_or_default().to_owned()),
            }
        };
        let active = resource.get("active").and_then(Value::as_bool);
        let display_name = text(resource, "displayName");
        Ok(Self {
            user_name: address(resource, before)?,
            external_id: text(resource, "externalId"),
            given_name: name("givenName")?,
            family_name: name("familyName")?,
            display_name,
            active: active.unwrap_or_else(|| before.is_none_or(|before| before.active)),
        })
    }
}

/// The address `userName` and `emails` agree on: the one of the two that changes, where only one does.
fn address(resource: &Map<String, Value>, before: Option<&User>) -> Result<String, Problem> {
    let user_name = text(resource, "userName").ok_or_else(|| Problem::value("userName is required"))?;
    let email = primary(resource)?.unwrap_or_else(|| user_name.clone());
    let same = |one: &str, other: &str| fold::key(one) == fold::key(other);
    let unchanged = |address: &str| before.is_some_and(|before| same(address, &before.user_name));
    let chosen = if same(&user_name, &email) || unchanged(&email) {
        user_name
    } else if unchanged(&user_name) {
        email
    } else {
        return Err(Problem::value("userName and the primary e-mail address must be the same"));
    };
    let is_address =
        chosen.split_once('@').is_some_and(|(local, host)| !local.is_empty() && !host.is_empty());
    if is_address { Ok(chosen) } else { Err(Problem::value("userName must be an e-mail address")) }
}

/// The primary address, or the first.
fn primary(resource: &Map<String, Value>) -> Result<Option<String>, Problem> {
    let emails = resource.get("emails").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut primaries = emails.iter().filter(|email| email["primary"] == true);
    let chosen = primaries.next().or(emails.first());
    if primaries.next().is_some() {
        return Err(Problem::value("only one of emails can be primary"));
    }
    match chosen.map(|email| email["value"].as_str().map(str::trim).filter(|value| !value.is_empty())) {
        None => Ok(None),
        Some(None) => Err(Problem::value("emails.value is required")),
        Some(Some(value)) => Ok(Some(value.to_owned())),
    }
}

impl Group {
    /// The group as PATCH sees it.
    pub(super) fn writable(&self) -> Map<String, Value> {
        let mut resource = Map::new();
        resource.insert("displayName".into(), json!(self.display_name));
        resource.extend(self.external_id.iter().map(|id| ("externalId".to_owned(), json!(id))));
        let members = self.members.iter().map(|id| json!({ "value": id }));
        resource.insert("members".into(), Value::Array(members.collect()));
        resource
    }
}

impl GroupDraft {
    /// Reads a resource; 400 `invalidValue` where `displayName` or a member's `value` is missing. Who is named twice
    /// is a member once.
    pub(super) fn read(resource: &Map<String, Value>) -> Result<Self, Problem> {
        let named = resource.get("members").and_then(Value::as_array).into_iter().flatten();
        let mut members: Vec<String> = Vec::new();
        for member in named {
            let id =
                text_of(member.get("value")).ok_or_else(|| Problem::value("members.value is required"))?;
            if !members.contains(&id) {
                members.push(id);
            }
        }
        Ok(Self {
            display_name: text(resource, "displayName")
                .ok_or_else(|| Problem::value("displayName is required"))?,
            external_id: text(resource, "externalId"),
            members,
        })
    }
}

fn text(resource: &Map<String, Value>, name: &str) -> Option<String> {
    text_of(resource.get(name))
}

/// A text without the space around it; `None` when nothing is left.
fn text_of(value: Option<&Value>) -> Option<String> {
    value.and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}
