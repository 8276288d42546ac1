use serde_json::{Value, json};

use super::stage::{Stage, id, is_active, native, person, removing};
use crate::provision::{Policy, ReadOnly};
use crate::scim::extension::{self, Extension};
use crate::scim::schema::{GATEWAY_USER, ResourceKind, USER};

const BADGE: &str = "urn:acme:badge:2.0:User";

/// A policy with one extension of people that has these attributes.
fn with(required: bool, attributes: &Value) -> Policy {
    let document = json!({ "id": BADGE, "name": "Badge", "attributes": attributes });
    let schema = extension::read(&document.to_string()).unwrap();
    Policy { extensions: vec![Extension { kind: ResourceKind::User, required, schema }], ..Policy::default() }
}

fn anna() -> Value {
    let mut anna = person("anna@corp.example");
    anna[BADGE] = json!({ "floor": "ground", "number": "B-1" });
    anna
}

#[tokio::test(start_paused = true)]
async fn what_the_app_cannot_hold_is_kept_by_the_gateway_and_told() {
    let policy =
        with(false, &json!([{ "name": "floor", "type": "string" }, { "name": "number", "type": "string" }]));
    let stage = Stage::with(native(), policy).await;
    let made = stage.post(anna()).await.unwrap();
    assert_eq!(made.resource[BADGE], json!({ "floor": "ground", "number": "B-1" }));
    assert_eq!(made.resource["schemas"], json!([USER, BADGE, GATEWAY_USER]));
    assert_eq!(made.resource[GATEWAY_USER]["shadowed"], json!([BADGE]));
    let patched = stage.patch(&id(&made), json!({ format!("{BADGE}:floor"): "first" })).await.unwrap();
    assert_eq!(patched.resource[BADGE]["floor"], "first");
    let again = stage.restarted().await;
    let shown = again.get(ResourceKind::User, &id(&made)).await.unwrap();
    assert_eq!(shown.resource[BADGE], json!({ "floor": "first", "number": "B-1" }));
}

#[tokio::test(start_paused = true)]
async fn a_leaver_goes_whatever_became_of_the_configuration() {
    let stage = Stage::with(
        native(),
        with(false, &json!([{ "name": "floor", "type": "string" }, { "name": "number", "type": "string" }])),
    )
    .await;
    let anna = id(&stage.post(anna()).await.unwrap());
    // Another type, an attribute less, and one that nobody has yet.
    let other = json!([{ "name": "floor", "type": "integer" }, { "name": "desk", "type": "string", "required": true }]);
    let stage = stage.restarted_with(with(true, &other)).await;
    let shown = stage.get(ResourceKind::User, &anna).await.unwrap();
    assert!(shown.resource.get(BADGE).is_none() && shown.resource[GATEWAY_USER].get("shadowed").is_none());
    let refused = stage.put(&anna, person("anna@corp.example")).await.unwrap_err();
    assert_eq!(refused.error.status, 400);
    let mut leaves = person("anna@corp.example");
    leaves["active"] = json!(false);
    assert!(!is_active(&stage.put(&anna, leaves).await.unwrap()));
    let stage = stage.restarted_with(Policy::default()).await;
    assert!(is_active(&stage.activate(&anna).await.unwrap()));
    assert!(!is_active(&stage.deactivate(&anna).await.unwrap()));
}

#[tokio::test(start_paused = true)]
async fn discovery_tells_what_the_app_limits() {
    let stage = Stage::with(removing(), Policy { readonly: ReadOnly::Reject, ..Policy::default() }).await;
    let user = stage.connection.schemas(Some(USER)).unwrap();
    let of = |name: &str, sub: &str| {
        let found = |list: &Value, name: &str| {
            list.as_array().unwrap().iter().find(|each| each["name"] == name).cloned().unwrap()
        };
        found(&found(&user["attributes"], name)["subAttributes"], sub)
    };
    assert_eq!(of("emails", "value")["mutability"], "immutable");
    assert_eq!(of("emails", "type")["mutability"], "readWrite");
    assert_eq!(of("roles", "value")["canonicalValues"], json!(["admin", "member"]));
    assert_eq!(of("roles", "value")["mutability"], "readWrite");
}
