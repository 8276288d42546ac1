//! Applies one step to a resource.

use serde_json::{Map, Value};

use super::step::{Change, Shape, Slot, Step};
use super::{Options, elements};
use crate::scim::error::Result;
use crate::scim::schema::ResourceKind;

impl Step {
    /// Changes the resource, or says why it cannot; then the resource may be half changed.
    pub(super) fn apply(&self, resource: &mut Map<String, Value>, options: Options) -> Result<()> {
        let slot = &self.slot;
        let holder = match &slot.extension {
            None => resource,
            Some(urn) => {
                let holder = resource.entry(urn.as_str()).or_insert_with(|| Value::Object(Map::new()));
                if !holder.is_object() {
                    *holder = Value::Object(Map::new());
                }
                match holder {
                    Value::Object(holder) => holder,
                    _ => return Ok(()),
                }
            }
        };
        match slot.shape {
            Shape::Plain => plain(holder, slot, &self.change),
            Shape::Complex { reference } => complex(holder, slot, &self.change, reference),
            Shape::List { exact } => {
                let mut list = match holder.get_mut(&slot.attribute).map(Value::take) {
                    None | Some(Value::Null) => Vec::new(),
                    Some(Value::Array(list)) => list,
                    Some(single) => vec![single],
                };
                elements::change(&mut list, slot, &self.change, exact, options)?;
                put(holder, &slot.attribute, if list.is_empty() { Value::Null } else { Value::Array(list) });
            }
        }
        Ok(())
    }
}

/// Lists every extension in `schemas` that has attributes and was concerned, and takes out the emptied ones.
pub(super) fn settle_schemas(resource: &mut Map<String, Value>, kind: ResourceKind, steps: &[Step]) {
    for urn in steps.iter().filter_map(|step| step.slot.extension.as_deref()) {
        let empty = match resource.get(urn) {
            Some(Value::Object(extension)) => extension.is_empty(),
            None | Some(_) => true,
        };
        if empty {
            resource.shift_remove(urn);
        }
        let schemas = resource
            .entry("schemas")
            .or_insert_with(|| Value::Array(vec![Value::String(kind.core_urn().to_owned())]));
        let Value::Array(schemas) = schemas else { continue };
        let is_listed =
            |listed: &Value| listed.as_str().is_some_and(|listed| listed.eq_ignore_ascii_case(urn));
        if empty {
            schemas.retain(|listed| !is_listed(listed));
        } else if !schemas.iter().any(is_listed) {
            schemas.push(Value::String(urn.to_owned()));
        }
    }
}

fn plain(holder: &mut Map<String, Value>, slot: &Slot, change: &Change) {
    match change {
        Change::Add(value) | Change::Replace(value) => put(holder, &slot.attribute, value.clone()),
        Change::Remove | Change::RemoveThese(_) => put(holder, &slot.attribute, Value::Null),
    }
}

/// Merges sub-attributes. A reference to another resource takes nothing over from the one it pointed at before.
fn complex(holder: &mut Map<String, Value>, slot: &Slot, change: &Change, reference: bool) {
    let mut object = match holder.get_mut(&slot.attribute).map(Value::take) {
        Some(Value::Object(object)) => object,
        _ => Map::new(),
    };
    let changes = match (change, &slot.sub) {
        (Change::Add(value) | Change::Replace(value), Some(sub)) => {
            Map::from_iter([(sub.clone(), value.clone())])
        }
        (Change::Add(Value::Object(value)) | Change::Replace(Value::Object(value)), None) => value.clone(),
        (Change::Remove | Change::RemoveThese(_), Some(sub)) => Map::from_iter([(sub.clone(), Value::Null)]),
        (Change::Remove | Change::RemoveThese(_) | Change::Add(_) | Change::Replace(_), None) => {
            object.clear();
            Map::new()
        }
    };
    if reference && changes.get("value").is_some_and(|value| object.get("value") != Some(value)) {
        object.clear();
    }
    elements::merge(&mut object, &changes);
    put(holder, &slot.attribute, if object.is_empty() { Value::Null } else { Value::Object(object) });
}

/// Null takes the attribute out; its place among the others is kept otherwise.
fn put(holder: &mut Map<String, Value>, name: &str, value: Value) {
    if value.is_null() {
        holder.shift_remove(name);
    } else {
        holder.insert(name.to_owned(), value);
    }
}
