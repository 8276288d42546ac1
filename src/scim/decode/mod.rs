//! What a client POSTs or PUTs, as a clean resource: checked against the schema, names in canonical case.

mod group;

#[cfg(test)]
mod tests;

pub use group::decode_group;

use serde_json::{Map, Value, json};

use super::coerce::{self, Intake, is_kept, merge};
use super::error::{Result, ScimError, ScimType};
use super::schema::{Attribute, ResourceType, Schema};

/// The resource a body describes.
///
/// Names match in any case; extension attributes may stand under their URN, or flat with the URN in front, and
/// sub-attributes may be dotted (`name.givenName`). Left out of the result: attributes no schema knows, readOnly,
/// writeOnly and never returned ones (`id`, `meta`, `groups`, `password`, the gateway extension), and what RFC 7643 §2.5 calls
/// unassigned (null, empty lists, and empty optional strings, which is how Okta and Entra clear a value).
/// `schemas` is computed from the content. Optional strings get no format or reference check: clients send free
/// text in `locale` and managers that do not exist, and expect it back.
///
/// # Errors
/// 400 `invalidSyntax` where the body is no object; 400 `invalidValue`, naming the attribute, where a type is
/// wrong beyond the forms clients are known to send, where an attribute stands there twice with different values, or
/// where a required attribute of the core schema is missing ([`super::extension`] looks at the others).
pub fn decode(body: &Value, resource_type: &ResourceType) -> Result<Value> {
    let object = body.as_object().ok_or_else(|| {
        let detail = format!("the body is {}, expected an object", coerce::found(body));
        ScimError::bad(ScimType::InvalidSyntax, detail)
    })?;
    let mut collected = Collected::default();
    for (key, sent) in object {
        collected.take(key, sent, resource_type)?;
    }
    for attribute in resource_type.core.attributes.iter().filter(|attribute| attribute.required) {
        let computed = attribute.name == "schemas";
        if !computed && !collected.core.get(&attribute.name).is_some_and(is_filled) {
            return Err(invalid(format!("`{}` is missing or empty", attribute.name)));
        }
    }
    Ok(collected.into_resource(resource_type))
}

/// The assigned attributes so far: those of the core schema, and those of each extension by its URN.
#[derive(Default)]
struct Collected {
    core: Map<String, Value>,
    extensions: Vec<(String, Map<String, Value>)>,
}

impl Collected {
    /// Takes one key of the body: a core attribute, a schema's URN, or a flat key.
    fn take(&mut self, key: &str, sent: &Value, resource_type: &ResourceType) -> Result<()> {
        if let Some(attribute) = resource_type.core.attribute(key) {
            return assign(&mut self.core, attribute, &attribute.name, sent);
        }
        for schema in std::iter::once(&resource_type.core).chain(&resource_type.extensions) {
            let Some(rest) = after_prefix(key, &schema.id) else { continue };
            let attributes = self.attributes_of(schema, resource_type);
            return if rest.is_empty() {
                take_all(attributes, schema, sent)
            } else if rest.starts_with([':', '.']) {
                take_flat(attributes, schema, rest.trim_start_matches([':', '.']), &schema.id, sent)
            } else {
                continue;
            };
        }
        take_flat(&mut self.core, &resource_type.core, key, "", sent)
    }

    fn attributes_of(&mut self, schema: &Schema, resource_type: &ResourceType) -> &mut Map<String, Value> {
        if schema.id == resource_type.core.id {
            return &mut self.core;
        }
        let known = self.extensions.iter().position(|(urn, _)| *urn == schema.id);
        let index = known.unwrap_or_else(|| {
            self.extensions.push((schema.id.clone(), Map::new()));
            self.extensions.len() - 1
        });
        &mut self.extensions[index].1
    }

    fn into_resource(self, resource_type: &ResourceType) -> Value {
        let mut filled: Vec<_> =
            self.extensions.into_iter().filter(|(_, attributes)| !attributes.is_empty()).collect();
        filled.sort_by_key(|(urn, _)| resource_type.extensions.iter().position(|schema| schema.id == *urn));
        let mut schemas = vec![resource_type.core.id.clone()];
        schemas.extend(filled.iter().map(|(urn, _)| urn.clone()));
        let mut resource = Map::new();
        resource.insert("schemas".to_owned(), json!(schemas));
        resource.extend(self.core);
        resource.extend(filled.into_iter().map(|(urn, attributes)| (urn, Value::Object(attributes))));
        Value::Object(resource)
    }
}

/// Takes the object that stands under a schema's URN.
fn take_all(target: &mut Map<String, Value>, schema: &Schema, sent: &Value) -> Result<()> {
    let object = match sent {
        Value::Null => return Ok(()),
        Value::Object(object) => object,
        other => {
            let found = coerce::found(other);
            return Err(invalid(format!("`{}` is {found}, expected an object", schema.id)));
        }
    };
    for (key, sent) in object {
        match schema.attribute(key) {
            Some(attribute) => assign(target, attribute, &full_name(&schema.id, &attribute.name), sent)?,
            None => take_flat(target, schema, key, &schema.id, sent)?,
        }
    }
    Ok(())
}

/// Takes `attribute` or `attribute.sub`; does nothing where the schema knows no such thing.
fn take_flat(
    target: &mut Map<String, Value>,
    schema: &Schema,
    name: &str,
    urn: &str,
    sent: &Value,
) -> Result<()> {
    let (head, tail) = name.split_once('.').map_or((name, None), |(head, tail)| (head, Some(tail)));
    let Some(attribute) = schema.attribute(head) else { return Ok(()) };
    let full = full_name(urn, &attribute.name);
    match tail {
        None => assign(target, attribute, &full, sent),
        Some(tail) if !attribute.multi_valued && attribute.sub(tail).is_some() => {
            assign(target, attribute, &full, &json!({ tail: sent }))
        }
        Some(_) => Ok(()),
    }
}

/// Puts a value where it belongs; the parts of a complex value may come one by one.
fn assign(target: &mut Map<String, Value>, attribute: &Attribute, full: &str, sent: &Value) -> Result<()> {
    if attribute.name == "schemas" || !is_kept(attribute) {
        return Ok(());
    }
    if attribute.required && sent.as_str().is_some_and(str::is_empty) {
        return Err(invalid(format!("`{full}` is empty, expected a value")));
    }
    let Some(value) = coerce::value(attribute, full, sent, Intake::Resource)? else { return Ok(()) };
    merge(target, &attribute.name, full, value)
}

fn is_filled(value: &Value) -> bool {
    value.as_str().is_none_or(|text| !text.trim().is_empty())
}

fn full_name(urn: &str, name: &str) -> String {
    if urn.is_empty() { name.to_owned() } else { format!("{urn}:{name}") }
}

/// What follows `prefix` in `key`, case ignored.
fn after_prefix<'a>(key: &'a str, prefix: &str) -> Option<&'a str> {
    let head = key.get(..prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then(|| key.get(prefix.len()..)).flatten()
}

fn invalid(detail: String) -> ScimError {
    ScimError::bad(ScimType::InvalidValue, detail)
}
