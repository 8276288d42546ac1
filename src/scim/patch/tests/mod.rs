mod dialects;
mod laws;
mod lists;
mod members;
mod values;

use serde_json::{Value, json};

use super::*;
use crate::scim::catalog::Catalog;
use crate::scim::error::ScimType;

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const GENERIC: Options = Options { replace_creates_missing: false };
const ENTRA: Options = Options { replace_creates_missing: true };

/// A user as most clients create it.
fn anna() -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "id": "0198c5a0-0000-7000-8000-000000000001",
        "externalId": "ext-anna",
        "userName": "anna.berg@corp.example",
        "name": {"familyName": "Berg", "givenName": "Anna"},
        "displayName": "Anna Berg",
        "active": true,
        "emails": [{"primary": true, "type": "work", "value": "anna.berg@corp.example"}],
        "meta": {"resourceType": "User"}
    })
}

/// `base` with some attributes set.
fn with(mut base: Value, attributes: &Value) -> Value {
    for (name, value) in attributes.as_object().unwrap() {
        base[name] = value.clone();
    }
    base
}

fn body(operations: &Value) -> Value {
    json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations})
}

fn user_patch(operations: &Value) -> Result<Patch> {
    Patch::parse(&body(operations), &Catalog::standard().user)
}

fn group_patch(operations: &Value) -> Result<Patch> {
    Patch::parse(&body(operations), &Catalog::standard().group)
}

/// The resource after the operations.
fn patched(resource: &Value, operations: &Value, options: Options) -> Value {
    let mut resource = resource.clone();
    user_patch(operations).unwrap().apply(&mut resource, &options).unwrap();
    resource
}

/// The keyword of the 400 the operations end with, in parsing or in applying; the resource must be untouched.
fn refusal(resource: &Value, operations: &Value, options: Options) -> ScimType {
    let mut after = resource.clone();
    let error = match user_patch(operations) {
        Ok(patch) => patch.apply(&mut after, &options).unwrap_err(),
        Err(error) => error,
    };
    assert_eq!(after.to_string(), resource.to_string());
    assert_eq!(error.status, 400);
    assert!(error.detail.starts_with("operation "), "{}", error.detail);
    error.scim_type.unwrap()
}
