//! A value brought to the type its schema asks for, from whatever form a client chose.
//!
//! Clients send booleans as `"True"` or `"false"` (Entra), a single value where a list belongs, a bare string for a
//! complex value with a `value` (`manager`), a one-element list for a single complex value, and JSON inside a string
//! for complex values (Entra's app roles).

use std::str::FromStr;

use scim_v2::ScimDateTime;
use serde_json::{Map, Number, Value};

use super::error::{Result, ScimError, ScimType};
use super::limits::{JsonLimits, check_json};
use super::schema::{Attribute, Mutability, Returned, Type, Uniqueness};

/// Which request a value comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Intake {
    /// POST and PUT: the value is all there will be.
    Resource,
    /// PATCH: the value is laid over what is there, so a null inside it is kept. Also taken: a one-element list for a
    /// plain value, a number for a string and the reverse; whoever is primary is settled with the elements there are.
    Patch,
}

/// The value of a whole attribute, a non-empty list where it is multi-valued; `None` where what was sent means
/// unassigned: null, `""`, `[]`. `full` is the attribute's name in errors.
///
/// # Errors
/// 400 `invalidValue` for any other type, for a `dateTime` that is none, for a control character in an identifier,
/// and in a resource for two values that are both primary.
pub(super) fn value(
    attribute: &Attribute,
    full: &str,
    sent: &Value,
    intake: Intake,
) -> Result<Option<Value>> {
    Reading { intake, text: Text::MayHoldJson }.whole(attribute, full, sent)
}

/// One element of a multi-valued attribute in a PATCH, sub-attributes to be unassigned kept as null.
pub(super) fn element(attribute: &Attribute, sent: &Value) -> Result<Option<Value>> {
    Reading { intake: Intake::Patch, text: Text::MayHoldJson }.single(attribute, &attribute.name, sent)
}

/// Adds `value` as `name`: a second complex value fills the gaps of the first, anything else must be the same.
pub(super) fn merge(target: &mut Map<String, Value>, name: &str, full: &str, value: Value) -> Result<()> {
    match (target.get_mut(name), value) {
        (None, value) => {
            target.insert(name.to_owned(), value);
            Ok(())
        }
        (Some(Value::Object(there)), Value::Object(more)) => {
            more.into_iter().try_for_each(|(sub, value)| merge(there, &sub, &format!("{full}.{sub}"), value))
        }
        (Some(there), value) if *there == value => Ok(()),
        (Some(_), _) => Err(invalid(format!("`{full}` is there twice with different values"))),
    }
}

/// Whether a client's value for the attribute is kept: not what the server owns, nor what nobody is ever shown.
pub(super) fn is_kept(attribute: &Attribute) -> bool {
    match attribute.mutability {
        Mutability::ReadWrite | Mutability::Immutable => attribute.returned != Returned::Never,
        Mutability::ReadOnly | Mutability::WriteOnly => false,
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

/// Whether a string may be JSON once more; only once, or it would never end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Text {
    MayHoldJson,
    WasJson,
}

#[derive(Clone, Copy)]
struct Reading {
    intake: Intake,
    text: Text,
}

impl Reading {
    fn whole(self, attribute: &Attribute, full: &str, sent: &Value) -> Result<Option<Value>> {
        if !attribute.multi_valued {
            return self.single(attribute, full, sent);
        }
        let mut values = Vec::new();
        self.collect(attribute, full, sent, &mut values)?;
        let primaries =
            values.iter().filter(|value| value.get("primary") == Some(&Value::Bool(true))).count();
        if self.intake == Intake::Resource && attribute.has_primary() && primaries > 1 {
            return Err(invalid(format!(
                "`{full}` has {primaries} primary values, expected one at the most"
            )));
        }
        Ok((!values.is_empty()).then_some(Value::Array(values)))
    }

    /// The elements of a list, of a single value, and of lists that were JSON inside a string.
    fn collect(self, attribute: &Attribute, full: &str, sent: &Value, into: &mut Vec<Value>) -> Result<()> {
        if let Some(inner) = self.embedded(attribute, full, sent)? {
            return Self { text: Text::WasJson, ..self }.collect(attribute, full, &inner, into);
        }
        let Value::Array(elements) = sent else {
            return self.push(attribute, full, sent, into);
        };
        for element in elements {
            match self.embedded(attribute, full, element)? {
                Some(inner) => {
                    Self { text: Text::WasJson, ..self }.collect(attribute, full, &inner, into)?;
                }
                None => self.push(attribute, full, element, into)?,
            }
        }
        Ok(())
    }

    fn push(self, attribute: &Attribute, full: &str, sent: &Value, into: &mut Vec<Value>) -> Result<()> {
        let mut element = self.plain(attribute, full, sent)?;
        if let Some(Value::Object(parts)) = &mut element {
            parts.retain(|_, part| !part.is_null());
            if parts.is_empty() {
                return Ok(());
            }
        }
        into.extend(element);
        Ok(())
    }

    /// One value, which may stand in a list of one.
    fn single(self, attribute: &Attribute, full: &str, sent: &Value) -> Result<Option<Value>> {
        if let Some(inner) = self.embedded(attribute, full, sent)? {
            return Self { text: Text::WasJson, ..self }.single(attribute, full, &inner);
        }
        let Value::Array(elements) = sent else {
            return self.plain(attribute, full, sent);
        };
        let listed = self.intake == Intake::Patch || attribute.kind == Type::Complex;
        match elements.as_slice() {
            [] if attribute.kind != Type::Boolean => Ok(None),
            [only] if listed => self.plain(attribute, full, only),
            _ => Err(mismatch(attribute, full, sent)),
        }
    }

    /// One value that is no list.
    fn plain(self, attribute: &Attribute, full: &str, sent: &Value) -> Result<Option<Value>> {
        match (attribute.kind, sent) {
            (_, Value::Null) => Ok(None),
            (Type::Boolean, sent) => boolean(sent).map(Some).ok_or_else(|| mismatch(attribute, full, sent)),
            (_, Value::String(text)) if text.is_empty() => Ok(None),
            (Type::Complex, Value::Object(object)) => self.complex(attribute, full, object),
            (Type::Complex, sent) => {
                let inner = attribute.sub("value").filter(|_| !sent.is_array());
                let inner = inner.and_then(|inner| self.plain(inner, full, sent).ok().flatten());
                let inner = inner.ok_or_else(|| mismatch(attribute, full, sent))?;
                Ok(Some(Value::Object(Map::from_iter([("value".to_owned(), inner)]))))
            }
            (Type::Integer | Type::Decimal, sent) => self
                .number(attribute.kind, sent)
                .map(|number| Some(Value::Number(number)))
                .ok_or_else(|| mismatch(attribute, full, sent)),
            (_, Value::String(text)) => string(attribute, full, text).map(Some),
            (Type::String, Value::Number(number)) if self.intake == Intake::Patch => {
                Ok(Some(Value::String(number.to_string())))
            }
            _ => Err(mismatch(attribute, full, sent)),
        }
    }

    /// The sub-attributes the schema knows, in its spelling; those the server owns and those no one knows are left
    /// out.
    fn complex(
        self,
        attribute: &Attribute,
        full: &str,
        object: &Map<String, Value>,
    ) -> Result<Option<Value>> {
        let mut parts = Map::new();
        for (key, sent) in object {
            let Some(sub) = attribute.sub(key).filter(|sub| is_kept(sub)) else { continue };
            // Entra's single app role: `{"value": "{\"id\":…,\"value\":…,\"displayName\":…}"}`.
            if attribute.multi_valued
                && sub.name == "value"
                && let Ok(Some(inner @ Value::Object(_))) = self.embedded(attribute, full, sent)
            {
                let inner = Self { text: Text::WasJson, ..self }.plain(attribute, full, &inner)?;
                if let Some(Value::Object(inner)) = inner {
                    parts.extend(inner);
                }
                continue;
            }
            let full = format!("{full}.{}", sub.name);
            match self.whole(sub, &full, sent)? {
                Some(value) => merge(&mut parts, &sub.name, &full, value)?,
                None if self.intake == Intake::Patch => {
                    parts.insert(sub.name.clone(), Value::Null);
                }
                None => {}
            }
        }
        if attribute.name == "roles" {
            self.take_name(attribute, full, object.get("displayName"), "display", &mut parts)?;
        }
        if attribute.multi_valued && self.text == Text::WasJson {
            self.take_name(attribute, full, object.get("id"), "value", &mut parts)?;
            self.take_name(attribute, full, object.get("displayName"), "display", &mut parts)?;
        }
        Ok((!parts.is_empty()).then_some(Value::Object(parts)))
    }

    /// A part of an app role under the name it has in the directory, where it is not there under its own.
    fn take_name(
        self,
        attribute: &Attribute,
        full: &str,
        sent: Option<&Value>,
        name: &str,
        parts: &mut Map<String, Value>,
    ) -> Result<()> {
        let (Some(sent), Some(sub)) = (sent, attribute.sub(name)) else { return Ok(()) };
        if !parts.contains_key(name)
            && let Some(value) = self.whole(sub, full, sent)?
        {
            parts.insert(name.to_owned(), value);
        }
        Ok(())
    }

    /// The JSON a string holds where its attribute is complex; `None` for any other value.
    fn embedded(self, attribute: &Attribute, full: &str, sent: &Value) -> Result<Option<Value>> {
        let Value::String(json) = sent else { return Ok(None) };
        let json = json.trim();
        if self.text == Text::WasJson || attribute.kind != Type::Complex || !json.starts_with(['{', '[']) {
            return Ok(None);
        }
        check_json(json.as_bytes(), &JsonLimits::default())
            .ok()
            .and_then(|()| serde_json::from_str(json).ok())
            .map(Some)
            .ok_or_else(|| invalid(format!("the JSON in the text of `{full}` is malformed or too large")))
    }

    fn number(self, kind: Type, sent: &Value) -> Option<Number> {
        let number = match sent {
            Value::Number(number) => number.clone(),
            Value::String(text) if self.intake == Intake::Patch => serde_json::from_str(text.trim()).ok()?,
            _ => return None,
        };
        (kind == Type::Decimal || number.is_i64() || number.is_u64()).then_some(number)
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

fn string(attribute: &Attribute, full: &str, text: &str) -> Result<Value> {
    let identifies = attribute.uniqueness != Uniqueness::None || attribute.name == "externalId";
    if text.contains('\0') || (identifies && text.contains(char::is_control)) {
        return Err(invalid(format!("`{full}` holds a control character")));
    }
    if attribute.kind == Type::DateTime && ScimDateTime::from_str(text).is_err() {
        return Err(invalid(format!(
            "`{full}` is not a date and time, expected one like `2026-01-31T09:30:00Z`"
        )));
    }
    Ok(Value::String(text.to_owned()))
}

fn mismatch(attribute: &Attribute, full: &str, sent: &Value) -> ScimError {
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

fn invalid(detail: String) -> ScimError {
    ScimError::bad(ScimType::InvalidValue, detail)
}
