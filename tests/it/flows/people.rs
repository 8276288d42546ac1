//! Bodies as identity providers send them.

use serde_json::{Value, json};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
/// The gateway's own extension.
pub const GATEWAY: &str = "urn:portcullis:params:scim:schemas:extension:gateway:2.0:User";

/// Ada Berg, as both Okta and Entra send a joiner.
pub fn ada() -> Value {
    named("ada.berg@example.com", "Ada", "Berg")
}

/// A joiner of this name.
pub fn named(address: &str, given: &str, family: &str) -> Value {
    json!({
        "schemas": [USER],
        "externalId": format!("hr-{address}"),
        "userName": address,
        "name": { "givenName": given, "familyName": family },
        "displayName": format!("{given} {family}"),
        "emails": [{ "value": address, "type": "work", "primary": true }],
        "active": true,
    })
}

/// The person with some attributes changed.
pub fn with(person: &Value, changes: &Value) -> Value {
    let mut other = person.clone();
    for (attribute, value) in changes.as_object().unwrap() {
        other[attribute] = value.clone();
    }
    other
}

/// One operation in a PatchOp.
pub fn patch(operation: &Value) -> Value {
    json!({ "schemas": [PATCH], "Operations": [operation] })
}

/// `active` as Okta patches it: without a path, a boolean.
pub fn okta_active(active: bool) -> Value {
    patch(&json!({ "op": "replace", "value": { "active": active } }))
}

/// `active` as Entra patches it: a capital verb, a text.
pub fn entra_active(active: bool) -> Value {
    patch(&json!({ "op": "Replace", "path": "active", "value": if active { "True" } else { "False" } }))
}

/// One role, as Entra's single role mapping sets it.
pub fn role(role: &str) -> Value {
    patch(&json!({ "op": "replace", "path": "roles", "value": [{ "value": role, "primary": true }] }))
}

/// Members added to a group.
pub fn add_members(ids: &[&str]) -> Value {
    patch(&json!({ "op": "add", "path": "members", "value": values(ids) }))
}

/// A member taken out, as Okta does it.
pub fn remove_member(id: &str) -> Value {
    patch(&json!({ "op": "remove", "path": format!("members[value eq \"{id}\"]") }))
}

/// Members taken out, as Entra does it.
pub fn remove_members(ids: &[&str]) -> Value {
    patch(&json!({ "op": "Remove", "path": "members", "value": values(ids) }))
}

/// All members replaced.
pub fn replace_members(ids: &[&str]) -> Value {
    patch(&json!({ "op": "replace", "path": "members", "value": values(ids) }))
}

fn values(ids: &[&str]) -> Vec<Value> {
    ids.iter().map(|id| json!({ "value": id })).collect()
}

/// `/Users/ID` of a resource.
pub fn at(resource: &Value) -> String {
    format!("/Users/{}", id(resource))
}

/// `/Groups/ID` of a resource.
pub fn group_at(resource: &Value) -> String {
    format!("/Groups/{}", id(resource))
}

/// The id of a resource.
pub fn id(resource: &Value) -> &str {
    resource["id"].as_str().unwrap()
}
