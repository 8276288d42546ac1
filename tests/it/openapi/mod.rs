//! `openapi/portcullis.json` is the SCIM surface as the catalog and the doors have it.

mod document;
mod operations;
mod shapes;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::Value;

use self::operations::OPERATIONS;
use crate::support::client::Request;
use crate::support::gateway::{Gateway, TOKEN};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi/portcullis.json");

#[test]
fn the_description_is_what_the_catalog_and_the_doors_give() {
    let rendered = format!("{:#}\n", document::render());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(FILE, &rendered).unwrap();
    }
    let written = fs::read_to_string(Path::new(FILE)).unwrap_or_default();
    assert!(
        written == rendered,
        "`openapi/portcullis.json` is out of date: UPDATE_DOCS=1 cargo test --test it openapi"
    );
}

#[test]
fn every_reference_leads_somewhere_and_every_part_is_used() {
    let document = document::render();
    let mut referred = BTreeSet::new();
    references(&document, &mut referred);
    for reference in &referred {
        assert!(document.pointer(&reference.replacen('#', "", 1)).is_some(), "`{reference}` leads nowhere");
    }
    for kind in ["schemas", "responses", "parameters", "headers"] {
        for name in document["components"][kind].as_object().unwrap().keys() {
            assert!(referred.contains(&format!("#/components/{kind}/{name}")), "`{kind}/{name}` is not used");
        }
    }
}

fn references(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            into.extend(object.get("$ref").and_then(Value::as_str).map(str::to_owned));
            object.values().for_each(|value| references(value, into));
        }
        Value::Array(items) => items.iter().for_each(|value| references(value, into)),
        _ => {}
    }
}

/// The doors name their methods themselves, so a method that is not described, or described and not there, shows.
#[test]
fn the_described_methods_are_those_the_doors_answer_to() {
    let mut described: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for operation in OPERATIONS {
        described.entry(operation.path).or_insert_with(|| ["OPTIONS"].into()).insert(operation.method);
        if operation.method == "GET" {
            described.entry(operation.path).or_default().insert("HEAD");
        }
    }
    let mut gateway = Gateway::start("generic").unwrap();
    for (path, methods) in described {
        let target = path.replace("{id}", "1").replace("{name}", "User").replace("{urn}", "urn:x");
        let response = gateway
            .send(
                Request {
                    method: "OPTIONS".to_owned(),
                    target,
                    headers: vec![("Authorization".to_owned(), format!("Bearer {TOKEN}"))],
                    body: None,
                },
                &[204],
            )
            .unwrap();
        let allowed: BTreeSet<&str> =
            response.header("Allow").unwrap_or_default().split(',').map(str::trim).collect();
        assert_eq!((response.status, allowed), (204, methods), "{path}");
    }
}
