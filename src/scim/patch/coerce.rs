//! Brings a value to the type of its attribute, from whatever form a client chose.

use serde_json::{Map, Number, Value};

use crate::scim::error::{Result, ScimError, ScimType};
use crate::scim::limits::{JsonLimits, check_json};
use crate::scim::schema::{Attribute, Mutability, Type, Uniqueness};

/// The value of a whole attribute: a non-empty array where it is multi-valued. Null = no value.
pub(super) fn whole(attribute: &Attribute, value: &Value) -> Result<Value> {
    if !attribute.multi_valued {
        return single(attribute, value, Text::MayHoldJson);
    }
    let mut items = Vec::new();
    collect(attribute, value, Text::MayHoldJson, &mut items)?;
    Ok(if items.is_empty() { Value::Null } else { Value::Array(items) })
}

/// One element of a multi-valued attribute, sub-attributes to be unassigned kept as null. Null = no value.
pub(super) fn element(attribute: &Attribute, value: &Value) -> Result<Value> {
    single(attribute, value, Text::MayHoldJson)
}

/// Whether a string may be JSON once more, as Entra sends `roles`; only once, or it would never end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Text {
    MayHoldJson,
    WasJson,
}

fn collect(attribute: &Attribute, value: &Value, text: Text, items: &mut Vec<Value>) -> Result<()> {
    let embedded = embedded(attribute, value, text)?;
    let (value, text) = match &embedded {
        Some(inner) => (inner, Text::WasJson),
        None => (value, text),
    };
    let Value::Array(values) = value else {
        push(single(attribute, value, text)?, items);
        return Ok(());
    };
    for value in values {
        match self::embedded(attribute, value, text)? {
            Some(Value::Array(inner)) => {
                for value in &inner {
                    push(single(attribute, value, Text::WasJson)?, items);
                }
            }
            Some(inner) => push(single(attribute, &inner, Text::WasJson)?, items),
            None => push(single(attribute, value, text)?, items),
        }
    }
    Ok(())
}

fn push(mut item: Value, items: &mut Vec<Value>) {
    if let Value::Object(element) = &mut item {
        element.retain(|_, value| !value.is_null());
        if element.is_empty() {
            return;
        }
    }
    if !item.is_null() {
        items.push(item);
    }
}

fn single(attribute: &Attribute, value: &Value, text: Text) -> Result<Value> {
    if let Some(inner) = embedded(attribute, value, text)? {
        return single(attribute, &inner, Text::WasJson);
    }
    match (attribute.kind, value) {
        (_, Value::Null) => Ok(Value::Null),
        (_, Value::String(text)) if text.is_empty() => Ok(Value::Null),
        (_, Value::Array(items)) => match items.as_slice() {
            [] => Ok(Value::Null),
            [Value::Array(_)] => Err(mismatch(attribute)),
            [item] => single(attribute, item, text),
            _ => Err(invalid(format!("`{}` has several values, it holds one", attribute.name))),
        },
        (Type::Complex, Value::Object(object)) => complex(attribute, object, text),
        (Type::Complex, value) => {
            let inner = attribute.sub("value").ok_or_else(|| mismatch(attribute))?;
            let inner = single(inner, value, Text::WasJson).map_err(|_| mismatch(attribute))?;
            Ok(Value::Object(Map::from_iter([("value".to_owned(), inner)])))
        }
        (Type::Boolean, value) => boolean(value).map(Value::Bool).ok_or_else(|| {
            if attribute.name == "active" {
                invalid("`active` is neither true nor false, send a boolean")
            } else {
                mismatch(attribute)
            }
        }),
        (Type::Integer | Type::Decimal, value) => {
            number(attribute.kind, value).map(Value::Number).ok_or_else(|| mismatch(attribute))
        }
        (_, Value::String(text)) => string(attribute, text),
        (Type::String, Value::Number(number)) => Ok(Value::String(number.to_string())),
        _ => Err(mismatch(attribute)),
    }
}

/// The sub-attributes the schema knows, in its spelling. Those the server owns and those no one knows are left out.
fn complex(attribute: &Attribute, object: &Map<String, Value>, text: Text) -> Result<Value> {
    let mut element = Map::new();
    for (key, value) in object {
        let Some(sub) = attribute.sub(key) else { continue };
        if sub.mutability == Mutability::ReadOnly {
            continue;
        }
        // Entra's single app role: `{"value": "{\"id\":…,\"value\":…,\"displayName\":…}"}`.
        if attribute.multi_valued
            && sub.name == "value"
            && let Ok(Some(inner @ Value::Object(_))) = embedded(attribute, value, text)
        {
            if let Value::Object(inner) = single(attribute, &inner, Text::WasJson)? {
                element.extend(inner);
            }
            continue;
        }
        element.insert(sub.name.clone(), single(sub, value, text)?);
    }
    if attribute.multi_valued && text == Text::WasJson {
        // The names an app role has in the directory.
        for (theirs, ours) in [("id", "value"), ("displayName", "display")] {
            if let (Some(value), Some(sub), false) =
                (object.get(theirs), attribute.sub(ours), element.contains_key(ours))
            {
                element.insert(ours.to_owned(), single(sub, value, text)?);
            }
        }
    }
    Ok(if element.is_empty() { Value::Null } else { Value::Object(element) })
}

/// The JSON a string holds where its attribute is complex; `None` for any other value.
fn embedded(attribute: &Attribute, value: &Value, text: Text) -> Result<Option<Value>> {
    let Value::String(json) = value else { return Ok(None) };
    let json = json.trim();
    if text == Text::WasJson || attribute.kind != Type::Complex || !json.starts_with(['{', '[']) {
        return Ok(None);
    }
    check_json(json.as_bytes(), &JsonLimits::default())
        .ok()
        .and_then(|()| serde_json::from_str(json).ok())
        .map(Some)
        .ok_or_else(|| {
            invalid(format!("the JSON in the text of `{}` is malformed or too large", attribute.name))
        })
}

fn boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(boolean) => Some(*boolean),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

fn number(kind: Type, value: &Value) -> Option<Number> {
    let number = match value {
        Value::Number(number) => number.clone(),
        Value::String(text) => serde_json::from_str(text.trim()).ok()?,
        _ => return None,
    };
    (kind == Type::Decimal || number.is_i64()).then_some(number)
}

fn string(attribute: &Attribute, text: &str) -> Result<Value> {
    let identifies = attribute.uniqueness != Uniqueness::None || attribute.name == "externalId";
    if text.contains('\0') || (identifies && text.contains(char::is_control)) {
        return Err(invalid(format!("`{}` holds a control character", attribute.name)));
    }
    Ok(Value::String(text.to_owned()))
}

fn mismatch(attribute: &Attribute) -> ScimError {
    let kind = match attribute.kind {
        Type::String | Type::DateTime | Type::Binary | Type::Reference => "a string",
        Type::Boolean => "a boolean",
        Type::Decimal => "a number",
        Type::Integer => "an integer",
        Type::Complex => "an object",
    };
    invalid(format!("the value of `{}` is not {kind}", attribute.name))
}

fn invalid(detail: impl Into<String>) -> ScimError {
    ScimError::bad(ScimType::InvalidValue, detail)
}
