//! One person of a directory, and what their identity provider believes of them.

use std::time::Instant;

use serde_json::{Value, json};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// A person as the directory has them, and as the identity provider last heard.
#[derive(Debug, Clone)]
pub struct Person {
    pub address: String,
    /// Assigned to the app.
    pub wanted: bool,
    /// Once out, deleted for good.
    pub to_delete: bool,
    /// The number in the family name; goes up with every change of it.
    pub tag: u32,
    /// In the group that is pushed.
    pub in_group: bool,
    /// Never assigned again.
    pub retired: bool,
    pub told: Told,
    /// Not before.
    pub until: Instant,
    /// Waits for an administrator who sends the task again.
    pub stuck: bool,
    pub failures: u32,
    /// What the last failure was.
    pub failure: String,
    /// Every id there was.
    pub ids: Vec<String>,
}

/// What the identity provider believes.
#[derive(Debug, Clone, Default)]
pub struct Told {
    pub id: Option<String>,
    pub active: bool,
    /// A deactivation was sent and not answered as done.
    pub doubtful: bool,
    pub tag: u32,
    pub in_group: bool,
}

impl Person {
    /// Somebody nobody has assigned yet.
    pub fn new(address: String) -> Self {
        Self {
            address,
            wanted: false,
            to_delete: false,
            tag: 1,
            in_group: false,
            retired: false,
            told: Told::default(),
            until: Instant::now(),
            stuck: false,
            failures: 0,
            failure: String::new(),
            ids: Vec::new(),
        }
    }

    /// The whole resource.
    pub fn resource(&self, active: bool) -> Value {
        let address = &self.address;
        json!({
            "schemas": [USER],
            "externalId": format!("hr-{address}"),
            "userName": address,
            "name": { "givenName": "Ada", "familyName": format!("Berg-{}", self.tag) },
            "displayName": format!("Ada Berg-{}", self.tag),
            "emails": [{ "value": address, "type": "work", "primary": true }],
            "active": active,
        })
    }

    /// The family name, as Entra patches it.
    pub fn renaming(&self) -> Value {
        patch(&json!({ "op": "Replace", "path": "name.familyName", "value": format!("Berg-{}", self.tag) }))
    }

    /// The number in a name of ours; `None` for any other.
    pub fn tag_of(name: &str) -> Option<u32> {
        name.rsplit_once("Berg-")?.1.trim().parse().ok()
    }
}

/// `active` as Okta patches it: without a path, a boolean.
pub fn okta_active(active: bool) -> Value {
    patch(&json!({ "op": "replace", "value": { "active": active } }))
}

/// `active` as Entra patches it: a capital verb, a text.
pub fn entra_active(active: bool) -> Value {
    patch(&json!({ "op": "Replace", "path": "active", "value": if active { "True" } else { "False" } }))
}

/// A member put into a group or taken out of it.
pub fn member(id: &str, joins: bool) -> Value {
    if joins {
        patch(&json!({ "op": "add", "path": "members", "value": [{ "value": id }] }))
    } else {
        patch(&json!({ "op": "remove", "path": format!("members[value eq \"{id}\"]") }))
    }
}

fn patch(operation: &Value) -> Value {
    json!({ "schemas": [PATCH], "Operations": [operation] })
}
