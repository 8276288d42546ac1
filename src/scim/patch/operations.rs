//! The outer shape of a PATCH body: its operations, as tolerant as the clients are different.

use serde_json::{Map, Value};

use super::OPERATIONS;
use crate::scim::error::{Result, ScimError, ScimType};

/// One operation as it was sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Operation<'a> {
    pub(super) verb: Verb,
    /// `None` for an absent, null or empty path.
    pub(super) path: Option<&'a str>,
    /// `None` where the key is absent.
    pub(super) value: Option<&'a Value>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Add,
    Replace,
    Remove,
}

/// The operations in order, each readable or not.
pub(super) fn read(body: &Value) -> Result<Vec<Result<Operation<'_>>>> {
    let syntax = |detail: &str| ScimError::bad(ScimType::InvalidSyntax, detail);
    let body = body.as_object().ok_or_else(|| syntax("the body is not an object"))?;
    let operations = match field(body, "Operations") {
        Some(Value::Array(operations)) => operations,
        Some(_) => return Err(syntax("`Operations` is not an array")),
        None => return Err(syntax("`Operations` is missing")),
    };
    if operations.is_empty() {
        return Err(ScimError::bad(ScimType::InvalidValue, "`Operations` is empty"));
    }
    if operations.len() > OPERATIONS {
        return Err(ScimError::bad(
            ScimType::InvalidValue,
            format!("the request has {} operations, at most {OPERATIONS} are taken", operations.len()),
        ));
    }
    Ok(operations.iter().map(operation).collect())
}

/// The member `name` of an object, in any case.
pub(super) fn field<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    object.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

fn operation(value: &Value) -> Result<Operation<'_>> {
    let syntax = |detail: &str| ScimError::bad(ScimType::InvalidSyntax, detail);
    let object = value.as_object().ok_or_else(|| syntax("it is not an object"))?;
    let verb = match field(object, "op") {
        Some(Value::String(verb)) if verb.eq_ignore_ascii_case("add") => Verb::Add,
        Some(Value::String(verb)) if verb.eq_ignore_ascii_case("replace") => Verb::Replace,
        Some(Value::String(verb)) if verb.eq_ignore_ascii_case("remove") => Verb::Remove,
        Some(_) => return Err(syntax("`op` is none of `add`, `replace` and `remove`")),
        None => return Err(syntax("`op` is missing")),
    };
    let path = match field(object, "path") {
        None | Some(Value::Null) => None,
        Some(Value::String(path)) => Some(path.trim()).filter(|path| !path.is_empty()),
        Some(_) => return Err(ScimError::bad(ScimType::InvalidPath, "`path` is not a string")),
    };
    Ok(Operation { verb, path, value: field(object, "value") })
}
