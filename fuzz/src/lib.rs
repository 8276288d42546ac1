//! The protocol floor by itself, so that a target is built in a minute and its coverage counts nothing else.

pub mod base;
#[path = "../../src/scim/mod.rs"]
pub mod scim;

use base::fold;
use scim::filter::Lookup;
use scim::limits::{JsonLimits, check_json};
use serde_json::{Value, json};

/// A body as the doors read it: pre-scanned, then parsed. `None` where it is refused.
pub fn body(data: &[u8]) -> Option<Value> {
    check_json(data, &JsonLimits::default()).ok()?;
    serde_json::from_slice(data).ok()
}

/// Whether a resource is under a key that a filter names for it.
pub fn is_under(resource: &Value, lookup: &Lookup) -> bool {
    let text = |name: &str| resource[name].as_str();
    let key = |name: &str| text(name).map(fold::key);
    let values = |name: &str| resource[name].as_array().cloned().unwrap_or_default();
    match lookup {
        Lookup::Id(id) => text("id") == Some(id),
        Lookup::ExternalId(id) => text("externalId") == Some(id),
        Lookup::UserName(name) => key("userName") == Some(fold::key(name)),
        Lookup::DisplayName(name) => key("displayName") == Some(fold::key(name)),
        Lookup::UserNamePrefix(prefix) => key("userName").is_some_and(|key| key.starts_with(prefix)),
        Lookup::DisplayNamePrefix(prefix) => key("displayName").is_some_and(|key| key.starts_with(prefix)),
        Lookup::Email(email) => values("emails")
            .iter()
            .any(|each| each["value"].as_str().map(fold::key) == Some(fold::key(email))),
        Lookup::MemberValue(id) => values("members").iter().any(|each| each["value"].as_str() == Some(id)),
        Lookup::GroupValue(id) => values("groups").iter().any(|each| each["value"].as_str() == Some(id)),
        Lookup::Active(active) => resource["active"].as_bool() == Some(*active),
        Lookup::LastModified { from, to } => resource["meta"]["lastModified"]
            .as_str()
            .and_then(|at| at.parse::<jiff::Timestamp>().ok())
            .is_some_and(|at| (from.0..=to.0).contains(&at.as_microsecond())),
    }
}

/// A person with a value of every shape.
pub fn user() -> Value {
    json!({
        "schemas": [
            "urn:ietf:params:scim:schemas:core:2.0:User",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
        ],
        "id": "018f0000-0000-7000-8000-000000000001",
        "userName": "anna.berg@corp.example",
        "externalId": "00u1",
        "displayName": " Anna Straße",
        "name": { "givenName": "Anna", "familyName": "Straße" },
        "active": true,
        "emails": [
            { "value": "anna.berg@corp.example", "type": "work", "primary": true },
            { "value": "anna@home.example", "type": "home" },
        ],
        "roles": [{ "value": "admin", "display": "Administrator" }],
        "x509Certificates": [{ "value": "MIID" }],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {
            "department": "Sales",
            "manager": { "value": "018f0000-0000-7000-8000-000000000002" },
        },
        "meta": { "resourceType": "User", "lastModified": "2026-01-31T09:30:00Z", "version": "W/\"1\"" },
    })
}

/// A group, its members apart.
pub fn group() -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
        "id": "018f0000-0000-7000-8000-000000000003",
        "displayName": "Sales",
        "externalId": "g1",
        "meta": { "resourceType": "Group" },
    })
}
