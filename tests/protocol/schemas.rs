//! `/Schemas` against RFC 7643 §8.7.1, attribute by attribute.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::stage::Stage;

/// The characteristics RFC 7643 §8.7.1 gives each attribute, by schema and dotted name.
const RFC: &str = include_str!("../fixtures/rfc7643/schemas.json");
const CONFORMANCE: &str = include_str!("../../docs/conformance.md");

/// Schema and attribute (`User:emails.value`), characteristic, what the RFC has, what we have.
type Difference = (String, String, String, String);

/// Characteristics by attribute, `User:emails.value`.
type Flat = BTreeMap<String, Map<String, Value>>;

fn flatten(attributes: &Value, prefix: &str, into: &mut Flat) {
    for attribute in attributes.as_array().unwrap() {
        let mut attribute = attribute.as_object().unwrap().clone();
        let name = format!("{prefix}{}", attribute["name"].as_str().unwrap());
        if let Some(subs) = attribute.remove("subAttributes") {
            flatten(&subs, &format!("{name}."), into);
        }
        for text in ["name", "description"] {
            attribute.remove(text);
        }
        into.insert(name, attribute);
    }
}

fn written(value: Option<&Value>) -> String {
    match value {
        None => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) => {
            items.iter().map(|item| written(Some(item))).collect::<Vec<_>>().join(", ")
        }
        Some(other) => other.to_string(),
    }
}

/// What RFC 7643 §2.2 makes of a characteristic that is left out.
fn default(characteristic: &str) -> Option<Value> {
    match characteristic {
        "caseExact" => Some(json!(false)),
        "uniqueness" => Some(json!("none")),
        _ => None,
    }
}

/// The rows of the table of differences in `docs/conformance.md`.
fn listed() -> BTreeSet<Difference> {
    let (_, section) = CONFORMANCE.split_once("## Schemas, attribute by attribute").unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    rows.flat_map(|row| {
        let cells: Vec<String> = row.split('|').map(|cell| cell.trim().replace('`', "")).collect();
        assert_eq!(cells.len(), 7, "`{row}` has other columns");
        let [names, characteristic, rfc, here, reason] = [1, 2, 3, 4, 5].map(|at| &cells[at]);
        assert!(!reason.is_empty(), "`{row}` gives no reason");
        names
            .split(", ")
            .map(|name| (name.to_owned(), characteristic.clone(), rfc.clone(), here.clone()))
            .collect::<Vec<_>>()
    })
    .collect()
}

#[tokio::test]
async fn the_schemas_are_those_of_rfc_7643_but_for_the_listed_differences() {
    let stage = Stage::sandbox().await;
    let shown = stage.get("/Schemas").await.body;
    let rfc: BTreeMap<String, Flat> = serde_json::from_str(RFC).unwrap();
    let mut differences = BTreeSet::new();
    for (schema, theirs) in rfc {
        let named =
            shown["Resources"].as_array().unwrap().iter().find(|each| each["name"] == schema.as_str());
        let mut ours = Flat::new();
        flatten(&named.unwrap()["attributes"], "", &mut ours);
        for name in theirs.keys().chain(ours.keys()).collect::<BTreeSet<_>>() {
            let full = format!("{schema}:{name}");
            let (their, our) = match (theirs.get(name), ours.get(name)) {
                (Some(their), Some(our)) => (their, our),
                (their, our) => {
                    let there = |known: bool| if known { "there" } else { "not there" }.to_owned();
                    let is = (there(their.is_some()), there(our.is_some()));
                    differences.insert((full, "the attribute".to_owned(), is.0, is.1));
                    continue;
                }
            };
            for characteristic in their.keys().chain(our.keys()).collect::<BTreeSet<_>>() {
                let value = |from: &Map<String, Value>| {
                    written(from.get(characteristic).or(default(characteristic).as_ref()))
                };
                if value(their) != value(our) {
                    differences.insert((full.clone(), characteristic.clone(), value(their), value(our)));
                }
            }
        }
    }
    let listed = listed();
    let only = |one: &BTreeSet<Difference>, other: &BTreeSet<Difference>| -> Vec<Difference> {
        one.difference(other).cloned().collect()
    };
    assert_eq!(only(&differences, &listed), [], "not listed in docs/conformance.md");
    assert_eq!(only(&listed, &differences), [], "listed in docs/conformance.md and no difference");
}

#[tokio::test]
async fn every_definition_is_whole_so_that_a_client_can_import_it() {
    let stage = Stage::sandbox().await;
    let shown = stage.get("/Schemas").await.body;
    for schema in shown["Resources"].as_array().unwrap() {
        let mut flat = Flat::new();
        flatten(&schema["attributes"], "", &mut flat);
        for (name, attribute) in flat {
            // RFC 7643 §7: every one of these has a value, none is null.
            for characteristic in
                ["type", "multiValued", "required", "caseExact", "mutability", "returned", "uniqueness"]
            {
                assert!(
                    attribute.get(characteristic).is_some_and(|value| !value.is_null()),
                    "{name}.{characteristic}"
                );
            }
            let references = attribute["type"] == "reference";
            assert_eq!(attribute.contains_key("referenceTypes"), references, "{name}");
        }
    }
    let types = stage.get("/ResourceTypes").await.body;
    for each in types["Resources"].as_array().unwrap() {
        let extensions = each["schemaExtensions"].as_array().unwrap();
        for urn in extensions.iter().map(|each| &each["schema"]).chain([&each["schema"]]) {
            assert_eq!(stage.get(&format!("/Schemas/{}", urn.as_str().unwrap())).await.status, 200, "{urn}");
        }
    }
}
