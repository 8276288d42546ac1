//! What a write makes of the values that stand: immutable ones stay, required ones are there, old ones still fit.

use serde_json::{Map, Value};

use crate::base::fold;
use crate::scim::coerce::{self, Intake, is_kept};
use crate::scim::error::{Result, ScimError, ScimType};
use crate::scim::schema::{Attribute, Mutability, ResourceType, Schema};

/// Which request a change came with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Write {
    /// PUT: an immutable attribute that is left out stays (RFC 7644 §3.5.1).
    Replace,
    /// PATCH: what it does not change is not looked at.
    Patch,
}

/// Checks a new resource: a required extension, and the required attributes of each extension it has.
///
/// # Errors
/// 400 `invalidValue` with the name of what is missing.
pub fn check_new(resource: &Value, resource_type: &ResourceType) -> Result<()> {
    resource_type
        .configured()
        .try_for_each(|schema| complete(schema, part(resource, schema), resource_type.requires(&schema.id)))
}

/// Brings the configured extensions of `after` in line with what stands in `before`.
///
/// Does nothing where no extension is configured. A person who loses access is never held up by an extension: where
/// `after` is `active: false` and an extension of it would be refused, the values that stand are kept.
///
/// # Errors
/// 400 `mutability` for another value of an immutable attribute; 400 `invalidValue` for a required one that is missing.
pub fn settle(before: &Value, after: &mut Value, write: Write, resource_type: &ResourceType) -> Result<()> {
    let leaves = after.get("active") == Some(&Value::Bool(false));
    for schema in resource_type.configured() {
        let stood = part(before, schema);
        let settled = extension(schema, stood, part(after, schema), write, resource_type);
        let left = match settled {
            Ok(left) => left,
            Err(_) if leaves => stood.cloned().unwrap_or_default(),
            Err(error) => return Err(error),
        };
        put(after, schema, left, resource_type);
    }
    Ok(())
}

/// Takes out of a stored resource what the schemas no longer know, or know as another type: the configuration may have
/// changed since.
pub fn fit(resource: &mut Map<String, Value>, resource_type: &ResourceType) {
    resource.retain(|name, _| !name.contains(':') || resource_type.extension(name).is_some());
    for schema in resource_type.configured() {
        let Some(Value::Object(values)) = resource.get_mut(&schema.id) else {
            resource.remove(&schema.id);
            continue;
        };
        values.retain(|name, value| {
            schema.attribute(name).is_some_and(|attribute| {
                is_kept(attribute)
                    && coerce::value(attribute, name, value, Intake::Resource)
                        .is_ok_and(|again| again.as_ref() == Some(value))
            })
        });
        if values.is_empty() {
            resource.remove(&schema.id);
        }
    }
}

fn part<'v>(resource: &'v Value, schema: &Schema) -> Option<&'v Map<String, Value>> {
    resource.get(&schema.id)?.as_object().filter(|values| !values.is_empty())
}

fn extension(
    schema: &Schema,
    before: Option<&Map<String, Value>>,
    after: Option<&Map<String, Value>>,
    write: Write,
    resource_type: &ResourceType,
) -> Result<Map<String, Value>> {
    let mut left = after.cloned().unwrap_or_default();
    if write == Write::Patch && before.cloned().unwrap_or_default() == left {
        return Ok(left);
    }
    let immutable = |attribute: &&Attribute| attribute.mutability == Mutability::Immutable;
    for attribute in schema.attributes.iter().filter(immutable) {
        let Some(stood) = before.and_then(|before| before.get(&attribute.name)) else { continue };
        keep(attribute, &format!("{}:{}", schema.id, attribute.name), stood, &mut left, write)?;
    }
    for attribute in schema.attributes.iter().filter(|attribute| !attribute.multi_valued) {
        let stood = before.and_then(|before| before.get(&attribute.name)).and_then(Value::as_object);
        let Some(stood) = stood.filter(|_| attribute.mutability != Mutability::Immutable) else { continue };
        for sub in attribute.sub_attributes.iter().filter(immutable) {
            let Some(value) = stood.get(&sub.name) else { continue };
            let full = format!("{}:{}.{}", schema.id, attribute.name, sub.name);
            let holder = left.entry(attribute.name.clone()).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(holder) = holder {
                keep(sub, &full, value, holder, write)?;
            }
        }
    }
    complete(schema, Some(&left).filter(|left| !left.is_empty()), resource_type.requires(&schema.id))?;
    Ok(left)
}

/// Leaves the immutable value that stands where it was sent again, and where a PUT leaves it out.
fn keep(
    attribute: &Attribute,
    full: &str,
    stood: &Value,
    left: &mut Map<String, Value>,
    write: Write,
) -> Result<()> {
    let stays = match left.get(&attribute.name) {
        None => write == Write::Replace,
        Some(sent) => is_same(stood, sent, attribute.case_exact),
    };
    if !stays {
        let detail =
            format!("`{full}` is immutable and has a value: send the value that stands, or leave it out");
        return Err(ScimError::bad(ScimType::Mutability, detail));
    }
    left.insert(attribute.name.clone(), stood.clone());
    Ok(())
}

fn is_same(one: &Value, other: &Value, exact: bool) -> bool {
    match (one, other) {
        (Value::String(one), Value::String(other)) if !exact => {
            one == other || fold::key(one) == fold::key(other)
        }
        _ => one == other,
    }
}

fn complete(schema: &Schema, values: Option<&Map<String, Value>>, required: bool) -> Result<()> {
    let missing =
        |name: &str| ScimError::bad(ScimType::InvalidValue, format!("`{name}` is missing or empty"));
    let Some(values) = values else {
        return if required { Err(missing(&schema.id)) } else { Ok(()) };
    };
    for attribute in &schema.attributes {
        let full = format!("{}:{}", schema.id, attribute.name);
        match values.get(&attribute.name) {
            None if attribute.required => return Err(missing(&full)),
            Some(Value::String(text)) if attribute.required && text.trim().is_empty() => {
                return Err(missing(&full));
            }
            Some(Value::Array(elements)) => {
                elements.iter().try_for_each(|element| has_parts(attribute, element, &full))?;
            }
            Some(value) => has_parts(attribute, value, &full)?,
            None => {}
        }
    }
    Ok(())
}

fn has_parts(attribute: &Attribute, value: &Value, full: &str) -> Result<()> {
    let Value::Object(parts) = value else { return Ok(()) };
    match attribute.sub_attributes.iter().find(|sub| sub.required && !parts.contains_key(&sub.name)) {
        Some(sub) => {
            Err(ScimError::bad(ScimType::InvalidValue, format!("`{full}.{}` is missing or empty", sub.name)))
        }
        None => Ok(()),
    }
}

/// Puts the values of an extension into the resource and its URN into `schemas`, or takes both out.
fn put(resource: &mut Value, schema: &Schema, values: Map<String, Value>, resource_type: &ResourceType) {
    let Some(resource) = resource.as_object_mut() else { return };
    if values.is_empty() {
        resource.shift_remove(&schema.id);
    } else {
        resource.insert(schema.id.clone(), Value::Object(values));
    }
    let there = resource_type.extensions.iter().filter(|each| resource.contains_key(&each.id));
    let urns = std::iter::once(&resource_type.core)
        .chain(there)
        .map(|each| Value::String(each.id.clone()))
        .collect();
    resource.insert("schemas".to_owned(), Value::Array(urns));
}
