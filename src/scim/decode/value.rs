//! One attribute's value, brought to the type its schema asks for.

use std::borrow::Cow;
use std::str::FromStr;

use scim_v2::ScimDateTime;
use serde_json::{Map, Value};

use super::{Attribute, Result, invalid, is_writable, merge};
use crate::scim::schema::Type;

/// The value to store for `attribute`, or `None` where what was sent means unassigned.
///
/// Coerced, because clients send it so: booleans as `"True"` or `"false"` (Entra), a single value where a list
/// belongs, a bare string for a complex value with a `value` (`manager`), a one-element list for a single complex
/// value, and JSON inside a string for `roles` (Entra's app roles). `full` is the attribute's name in errors.
///
/// # Errors
/// 400 `invalidValue` for any other type, for a `dateTime` that is none, and for two values that are both primary.
pub fn attribute_value(attribute: &Attribute, full: &str, sent: &Value) -> Result<Option<Value>> {
    if sent.is_null() {
        return Ok(None);
    }
    if attribute.multi_valued {
        return list(attribute, full, sent);
    }
    match (attribute.kind, sent) {
        (Type::Complex, Value::Array(elements)) => match elements.as_slice() {
            [] => Ok(None),
            [only] => single(attribute, full, only),
            _ => Err(mismatch(full, sent, attribute)),
        },
        (Type::Boolean, _) => single(attribute, full, sent),
        (_, Value::Array(elements)) if elements.is_empty() => Ok(None),
        _ => single(attribute, full, sent),
    }
}

/// What a JSON value is, for an error: with its article and without its content.
pub(super) fn found(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn list(attribute: &Attribute, full: &str, sent: &Value) -> Result<Option<Value>> {
    let unpacked = unpack(attribute, sent);
    let elements = match unpacked.as_ref() {
        Value::Array(elements) => elements.as_slice(),
        one => std::slice::from_ref(one),
    };
    let mut values = Vec::with_capacity(elements.len());
    for element in elements.iter().filter(|element| !element.is_null()) {
        let element = unpack(attribute, element);
        values.extend(single(attribute, full, element.as_ref())?);
    }
    let primaries = values.iter().filter(|value| value.get("primary") == Some(&Value::Bool(true))).count();
    if attribute.has_primary() && primaries > 1 {
        return Err(invalid(format!("`{full}` has {primaries} primary values, expected one at the most")));
    }
    Ok((!values.is_empty()).then_some(Value::Array(values)))
}

fn single(attribute: &Attribute, full: &str, sent: &Value) -> Result<Option<Value>> {
    match (attribute.kind, sent) {
        (_, Value::Null) => Ok(None),
        (Type::Boolean, sent) => boolean(sent).map(Some).ok_or_else(|| mismatch(full, sent, attribute)),
        (Type::Complex, Value::Object(object)) => complex(attribute, full, object),
        (_, Value::String(text)) if text.is_empty() => Ok(None),
        (Type::Complex, Value::String(_)) if attribute.sub("value").is_some() => {
            complex(attribute, full, &Map::from_iter([("value".to_owned(), sent.clone())]))
        }
        (Type::DateTime, Value::String(text)) if ScimDateTime::from_str(text).is_err() => {
            Err(invalid(format!("`{full}` is not a date and time, expected one like `2026-01-31T09:30:00Z`")))
        }
        (Type::String | Type::Reference | Type::Binary | Type::DateTime, Value::String(_)) => {
            Ok(Some(sent.clone()))
        }
        (Type::Integer, Value::Number(number)) if number.is_i64() || number.is_u64() => {
            Ok(Some(sent.clone()))
        }
        (Type::Decimal, Value::Number(_)) => Ok(Some(sent.clone())),
        _ => Err(mismatch(full, sent, attribute)),
    }
}

fn boolean(sent: &Value) -> Option<Value> {
    match sent {
        Value::Bool(_) => Some(sent.clone()),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Some(Value::Bool(true)),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Some(Value::Bool(false)),
        _ => None,
    }
}

fn complex(attribute: &Attribute, full: &str, sent: &Map<String, Value>) -> Result<Option<Value>> {
    let mut value = Map::new();
    for (key, sent) in sent {
        let Some(sub) = attribute.sub(key).filter(|sub| is_writable(sub)) else { continue };
        let full = format!("{full}.{}", sub.name);
        if let Some(assigned) = attribute_value(sub, &full, sent)? {
            merge(&mut value, &sub.name, &full, assigned)?;
        }
    }
    Ok((!value.is_empty()).then_some(Value::Object(value)))
}

/// Entra's app roles: the whole list, an element, or an element's `value` may be JSON inside a string, with the
/// name of the role as `displayName`.
fn unpack<'a>(attribute: &Attribute, sent: &'a Value) -> Cow<'a, Value> {
    if attribute.name != "roles" {
        return Cow::Borrowed(sent);
    }
    match sent {
        Value::String(text) => match serde_json::from_str(text) {
            Ok(list @ Value::Array(_)) => Cow::Owned(list),
            Ok(Value::Object(role)) => Cow::Owned(Value::Object(as_role(role))),
            Ok(_) | Err(_) => Cow::Borrowed(sent),
        },
        Value::Object(outer) => {
            let packed = outer.get("value").and_then(Value::as_str);
            let mut role = as_role(outer.clone());
            if let Some(Value::Object(inner)) = packed.and_then(|text| serde_json::from_str(text).ok()) {
                role.extend(as_role(inner));
            }
            Cow::Owned(Value::Object(role))
        }
        _ => Cow::Borrowed(sent),
    }
}

fn as_role(mut role: Map<String, Value>) -> Map<String, Value> {
    if let Some(name) = role.remove("displayName") {
        role.entry("display").or_insert(name);
    }
    role
}

fn mismatch(full: &str, sent: &Value, attribute: &Attribute) -> super::ScimError {
    let found = match (attribute.kind, sent) {
        (Type::Boolean, Value::String(_)) => "a string other than true and false",
        _ => found(sent),
    };
    let expected = match attribute.kind {
        Type::String | Type::Reference | Type::Binary => "a string",
        Type::DateTime => "a string with a date and time",
        Type::Boolean => "a boolean",
        Type::Decimal => "a number",
        Type::Integer => "an integer",
        Type::Complex => "an object",
    };
    let one = if attribute.multi_valued { "a list, each value " } else { "" };
    invalid(format!("`{full}` is {found}, expected {one}{expected}"))
}
