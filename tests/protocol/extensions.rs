//! Schemas an administrator added, through the doors.

use portcullis::provision::Policy;
use portcullis::scim::extension::{self, Extension};
use portcullis::scim::schema::ResourceKind;
use serde_json::{Value, json};

use crate::stage::{Answer, Stage};

const BADGE: &str = "urn:acme:params:scim:schemas:extension:badge:2.0:User";
const TEAM: &str = "urn:acme:params:scim:schemas:extension:team:2.0:Group";
const GATEWAY: &str = "urn:portcullis:params:scim:schemas:extension:gateway:2.0:User";

fn extensions() -> Vec<Extension> {
    let badge = json!({ "id": BADGE, "name": "Badge", "attributes": [
        { "name": "number", "type": "string", "caseExact": true },
        { "name": "floor", "type": "integer" },
        { "name": "hired", "type": "dateTime", "mutability": "immutable" },
        { "name": "pin", "type": "string", "mutability": "writeOnly", "returned": "never" },
        { "name": "note", "type": "string", "returned": "request" },
        { "name": "kind", "type": "string", "returned": "always" },
        { "name": "printed", "type": "boolean", "mutability": "readOnly" },
        { "name": "site", "type": "complex", "subAttributes": [{ "name": "code", "type": "string" }] },
    ] });
    let team = json!({ "id": TEAM, "name": "Team", "attributes": [
        { "name": "budget", "type": "decimal", "required": true },
    ] });
    let of = |kind, required, document: Value| {
        let schema = extension::read(&document.to_string()).unwrap();
        Extension { kind, required, schema }
    };
    vec![of(ResourceKind::User, false, badge), of(ResourceKind::Group, true, team)]
}

async fn stage() -> Stage {
    Stage::with_policy(Policy { extensions: extensions(), ..Policy::default() }).await
}

fn path(answer: &Answer, collection: &str) -> String {
    format!("/{collection}/{}", answer.body["id"].as_str().unwrap())
}

async fn patch(stage: &Stage, path: &str, operation: Value) -> Answer {
    let body =
        json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [operation] });
    stage.ask("PATCH", path, &[], body).await
}

async fn anna(stage: &Stage, badge: Value) -> Answer {
    let made = stage.post("/Users", json!({ "userName": "anna", BADGE: badge })).await;
    assert_eq!(made.status, 201, "{}", made.body);
    made
}

#[tokio::test]
async fn discovery_shows_them_on_their_connection_only() {
    let (with, without) = (stage().await, Stage::sandbox().await);
    let schema = with.get(&format!("/Schemas/{BADGE}")).await;
    assert_eq!((schema.status, &schema.body["name"]), (200, &json!("Badge")));
    assert_eq!(without.get(&format!("/Schemas/{BADGE}")).await.status, 404);
    assert_eq!(with.get("/Schemas").await.body["totalResults"], 6);
    assert_eq!(without.get("/Schemas").await.body["totalResults"], 4);
    let last = |answer: Answer| answer.body["schemaExtensions"].as_array().unwrap().last().cloned();
    let user = last(with.get("/ResourceTypes/User").await);
    assert_eq!(user, Some(json!({ "schema": BADGE, "required": false })));
    let group = last(with.get("/ResourceTypes/Group").await);
    assert_eq!(group, Some(json!({ "schema": TEAM, "required": true })));
}

#[tokio::test]
async fn what_was_sent_comes_back_and_is_found() {
    let stage = stage().await;
    let sent =
        json!({ "number": "B-1", "floor": 3, "pin": "1234", "printed": true, "site": { "code": "HQ" } });
    let made = anna(&stage, sent).await;
    let kept = json!({ "number": "B-1", "floor": 3, "site": { "code": "HQ" } });
    assert_eq!(made.body[BADGE], kept);
    assert!(made.body["schemas"].as_array().unwrap().contains(&json!(BADGE)));
    // The sandbox holds everything.
    assert!(made.body[GATEWAY].get("shadowed").is_none());
    stage.person("boris").await;
    let anna = path(&made, "Users");
    assert_eq!(stage.get(&anna).await.body[BADGE], kept);
    for filter in ["number eq \"B-1\"", "floor ge 3", "site.code eq \"hq\"", "number pr"] {
        let found = stage.get(&format!("/Users?filter={}", encoded(&format!("{BADGE}:{filter}")))).await;
        assert_eq!(found.ids(), [made.body["id"].as_str().unwrap()], "{filter}");
    }
    for filter in ["number eq \"b-1\"", "pin pr"] {
        let found = stage.get(&format!("/Users?filter={}", encoded(&format!("{BADGE}:{filter}")))).await;
        assert!(found.ids().is_empty(), "{filter}");
    }
    let sorted = stage.get(&format!("/Users?sortBy={BADGE}:floor")).await;
    assert_eq!(sorted.body["Resources"][0]["userName"], "anna");
    let only = stage.get(&format!("{anna}?attributes={BADGE}:floor")).await;
    assert_eq!(only.body[BADGE], json!({ "floor": 3 }));
    let less = stage.get(&format!("{anna}?excludedAttributes={BADGE}:floor,{BADGE}:site")).await;
    assert_eq!(less.body[BADGE], json!({ "number": "B-1" }));
}

fn encoded(text: &str) -> String {
    text.replace(' ', "%20").replace('"', "%22")
}

#[tokio::test]
async fn every_form_of_a_patch_reaches_them() {
    let stage = stage().await;
    let anna = path(&anna(&stage, json!({ "number": "B-1" })).await, "Users");
    for (operation, expected) in [
        (
            json!({ "op": "Replace", "path": format!("{BADGE}:number"), "value": "B-2" }),
            json!({ "number": "B-2" }),
        ),
        (
            json!({ "op": "Add", "value": { format!("{BADGE}:site.code"): "HQ" } }),
            json!({ "number": "B-2", "site": { "code": "HQ" } }),
        ),
        (
            json!({ "op": "replace", "value": { BADGE: { "floor": 2 } } }),
            json!({ "number": "B-2", "site": { "code": "HQ" }, "floor": 2 }),
        ),
        (
            json!({ "op": "remove", "path": format!("{BADGE}:site.code") }),
            json!({ "number": "B-2", "floor": 2 }),
        ),
    ] {
        let patched = patch(&stage, &anna, operation).await;
        assert_eq!((patched.status, &patched.body[BADGE]), (200, &expected));
    }
    let version = stage.get(&anna).await.body["meta"]["version"].clone();
    let again =
        patch(&stage, &anna, json!({ "op": "add", "path": format!("{BADGE}:floor"), "value": 2 })).await;
    assert_eq!(again.body["meta"]["version"], version);
    let gone = patch(&stage, &anna, json!({ "op": "remove", "path": BADGE })).await;
    assert!(
        gone.body.get(BADGE).is_none() && !gone.body["schemas"].as_array().unwrap().contains(&json!(BADGE))
    );
    let read_only = json!({ "op": "add", "path": format!("{BADGE}:printed"), "value": true });
    assert_eq!(patch(&stage, &anna, read_only).await.error(), (400, "mutability"));
    let mistyped = json!({ "op": "add", "path": format!("{BADGE}:floor"), "value": "third" });
    assert_eq!(patch(&stage, &anna, mistyped).await.error(), (400, "invalidValue"));
}

#[tokio::test]
async fn what_is_returned_on_request_is_shown_to_its_writer_and_on_request() {
    let stage = stage().await;
    let made = anna(&stage, json!({ "number": "B-1", "note": "blue", "kind": "staff" })).await;
    assert_eq!(made.body[BADGE]["note"], "blue");
    let anna = path(&made, "Users");
    assert!(stage.get(&anna).await.body[BADGE].get("note").is_none());
    assert_eq!(stage.get(&format!("{anna}?attributes={BADGE}:note")).await.body[BADGE]["note"], "blue");
    // `always`: whatever is asked for.
    assert_eq!(
        stage.get(&format!("{anna}?attributes=userName")).await.body[BADGE],
        json!({ "kind": "staff" })
    );
    assert_eq!(
        stage.get(&format!("{anna}?excludedAttributes={BADGE}")).await.body[BADGE],
        json!({ "kind": "staff" })
    );
    let other =
        patch(&stage, &anna, json!({ "op": "add", "path": format!("{BADGE}:floor"), "value": 1 })).await;
    assert!(other.body[BADGE].get("note").is_none());
    let own =
        patch(&stage, &anna, json!({ "op": "add", "path": format!("{BADGE}:note"), "value": "red" })).await;
    assert_eq!(own.body[BADGE]["note"], "red");
}

#[tokio::test]
async fn an_immutable_value_is_given_once() {
    let stage = stage().await;
    let anna = path(&anna(&stage, json!({ "number": "B-1" })).await, "Users");
    let hired = |day: &str| json!({ "op": "add", "path": format!("{BADGE}:hired"), "value": format!("2026-01-{day}T00:00:00Z") });
    assert_eq!(patch(&stage, &anna, hired("31")).await.status, 200);
    assert_eq!(patch(&stage, &anna, hired("31")).await.status, 200);
    assert_eq!(patch(&stage, &anna, hired("30")).await.error(), (400, "mutability"));
    let put = |badge: Value| json!({ "userName": "anna", BADGE: badge });
    let kept = stage.ask("PUT", &anna, &[], put(json!({ "floor": 1 }))).await;
    assert_eq!(kept.body[BADGE], json!({ "floor": 1, "hired": "2026-01-31T00:00:00Z" }));
    let other = stage.ask("PUT", &anna, &[], put(json!({ "hired": "2026-01-30T00:00:00Z" }))).await;
    assert_eq!(other.error(), (400, "mutability"));
    // Who loses access is not held up by it.
    let mut leaves = put(json!({ "hired": "2026-01-30T00:00:00Z" }));
    leaves["active"] = json!(false);
    let left = stage.ask("PUT", &anna, &[], leaves).await;
    assert_eq!((left.status, &left.body["active"]), (200, &json!(false)));
    assert_eq!(left.body[BADGE]["hired"], "2026-01-31T00:00:00Z");
}

#[tokio::test]
async fn a_group_carries_its_own_and_a_required_one_must_be_there() {
    let stage = stage().await;
    let bare = stage.post("/Groups", json!({ "displayName": "Staff" })).await;
    assert_eq!(bare.error(), (400, "invalidValue"));
    let made = stage.post("/Groups", json!({ "displayName": "Staff", format!("{TEAM}:budget"): 1.5 })).await;
    assert_eq!((made.status, &made.body[TEAM]), (201, &json!({ "budget": 1.5 })));
    let staff = path(&made, "Groups");
    let patched =
        patch(&stage, &staff, json!({ "op": "replace", "path": format!("{TEAM}:budget"), "value": 2 })).await;
    assert_eq!(patched.status, 204);
    let shown = stage.get(&staff).await;
    assert_eq!(
        (&shown.body[TEAM], shown.body["schemas"].as_array().map(Vec::len)),
        (&json!({ "budget": 2 }), Some(2))
    );
    let removed = patch(&stage, &staff, json!({ "op": "remove", "path": format!("{TEAM}:budget") })).await;
    assert_eq!(removed.error(), (400, "mutability"));
    let put = stage.ask("PUT", &staff, &[], json!({ "displayName": "Staff" })).await;
    assert_eq!(put.error(), (400, "invalidValue"));
    let found = stage.get(&format!("/Groups?filter={}", encoded(&format!("{TEAM}:budget gt 1.9")))).await;
    assert_eq!(found.ids().len(), 1);
    // An extension of groups is none of people, and the reverse.
    let person = stage.post("/Users", json!({ "userName": "anna", TEAM: { "budget": 1 } })).await;
    assert_eq!((person.status, person.body.get(TEAM)), (201, None));
}
