//! How users and groups look on the wire.

use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::{Map, Value, json};

use super::directory::{Group, User};
use super::schema::{GROUP_URN, USER_URN};
use crate::adapters::simulator::{Call, whole_seconds};

/// What every resource of one answer is shown by.
#[derive(Debug)]
pub(super) struct Frame {
    base: String,
    versioned: bool,
    wanted: Vec<String>,
    unwanted: Vec<String>,
}

impl Frame {
    /// Everything is shown. Locations begin with the host that was asked; the prefix a simulator is mounted under is
    /// not known to it.
    pub(super) fn whole(call: &Call, versioned: bool) -> Self {
        let base = format!("http://{}/scim/v2", call.header("host").unwrap_or("localhost"));
        Self { base, versioned, wanted: Vec::new(), unwanted: Vec::new() }
    }

    /// Shows what `attributes` and `excludedAttributes` leave.
    pub(super) fn of(call: &Call, versioned: bool) -> Self {
        let names = |parameter: &str| {
            let text = call.parameter(parameter).unwrap_or_default();
            let first = |name: &str| name.trim().split('.').next().unwrap_or_default().to_ascii_lowercase();
            text.split(',').map(first).filter(|name| !name.is_empty()).collect()
        };
        let (wanted, unwanted) = (names("attributes"), names("excludedAttributes"));
        Self { wanted, unwanted, ..Self::whole(call, versioned) }
    }

    /// A user with everything the app knows; what it does not know is left out.
    pub(super) fn user(&self, user: &User) -> Value {
        let mut shown = Map::new();
        shown.insert("schemas".into(), json!([USER_URN]));
        shown.insert("id".into(), json!(user.id));
        shown.extend(user.external_id.iter().map(|id| ("externalId".to_owned(), json!(id))));
        shown.insert("userName".into(), json!(user.user_name));
        let name = name_of(user);
        if !name.is_empty() {
            shown.insert("name".into(), Value::Object(name));
        }
        if !user.display_name.is_empty() {
            shown.insert("displayName".into(), json!(user.display_name));
        }
        shown.insert("emails".into(), user.emails());
        shown.insert("active".into(), json!(user.active));
        let mut meta = Map::from_iter([("resourceType".to_owned(), json!("User"))]);
        if let Some((created, modified)) = user.times {
            meta.insert("created".into(), json!(whole_seconds(created)));
            meta.insert("lastModified".into(), json!(whole_seconds(modified)));
        }
        self.finished(shown, meta, &format!("Users/{}", user.id))
    }

    /// A group with its members' ids.
    pub(super) fn group(&self, group: &Group) -> Value {
        let mut shown = Map::new();
        shown.insert("schemas".into(), json!([GROUP_URN]));
        shown.insert("id".into(), json!(group.id));
        shown.extend(group.external_id.iter().map(|id| ("externalId".to_owned(), json!(id))));
        shown.insert("displayName".into(), json!(group.display_name));
        let member = |id: &String| json!({ "value": id, "$ref": format!("{}/Users/{id}", self.base) });
        shown.insert("members".into(), group.members.iter().map(member).collect());
        let meta = Map::from_iter([("resourceType".to_owned(), json!("Group"))]);
        self.finished(shown, meta, &format!("Groups/{}", group.id))
    }

    /// Adds `meta` and leaves out what was not asked for; `id` and `schemas` always stay (RFC 7643 §7).
    fn finished(&self, mut shown: Map<String, Value>, mut meta: Map<String, Value>, place: &str) -> Value {
        if self.versioned {
            let mut hasher = DefaultHasher::new();
            Value::Object(shown.clone()).to_string().hash(&mut hasher);
            meta.insert("version".into(), json!(format!("W/\"{:016x}\"", hasher.finish())));
        }
        meta.insert("location".into(), json!(format!("{}/{place}", self.base)));
        shown.insert("meta".into(), Value::Object(meta));
        shown.retain(|name, _| {
            let name = name.to_ascii_lowercase();
            let asked = self.wanted.is_empty() || self.wanted.contains(&name);
            ["id", "schemas"].contains(&name.as_str()) || asked && !self.unwanted.contains(&name)
        });
        Value::Object(shown)
    }
}

fn name_of(user: &User) -> Map<String, Value> {
    let mut name = Map::new();
    for (part, text) in [("givenName", &user.given_name), ("familyName", &user.family_name)] {
        if !text.is_empty() {
            name.insert(part.into(), json!(text));
        }
    }
    if !name.is_empty() {
        let formatted = format!("{} {}", user.given_name, user.family_name);
        name.insert("formatted".into(), json!(formatted.trim()));
    }
    name
}
