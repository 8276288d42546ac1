//! From a body to its operations. What is wrong with one operation fails that one alone.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{Asked, MAX_OPERATIONS, Operation, Target};
use crate::scim::error::{Result, ScimError, ScimType};
use crate::scim::schema::ResourceKind;
use crate::scim::search::member;

/// Longest method an answer repeats.
const METHOD_LENGTH: usize = 16;

/// A `BulkRequest`.
#[derive(Debug, Clone)]
pub(super) struct BulkRequest {
    /// After how many errors to stop; `None` = never.
    pub(super) fail_on_errors: Option<usize>,
    pub(super) operations: Vec<Operation>,
}

impl BulkRequest {
    /// Reads a body: names and methods in any case, `schemas` may be missing, a path may lack its slash.
    ///
    /// # Errors
    /// 413 for more than [`MAX_OPERATIONS`]; 400 `invalidSyntax` without a list of operations; 400 `invalidValue` for
    /// a `failOnErrors` below 1 and for a `bulkId` that two operations share.
    pub(super) fn parse(body: &Value) -> Result<Self> {
        let members = body.as_object().ok_or_else(|| syntax("the request is not a JSON object"))?;
        let Some(Value::Array(sent)) = member(members, "Operations") else {
            return Err(syntax("`Operations` is missing or not a list"));
        };
        if sent.len() > MAX_OPERATIONS {
            return Err(ScimError::new(
                413,
                format!("the request has {} operations, at most {MAX_OPERATIONS} are taken", sent.len()),
            ));
        }
        let operations: Vec<Operation> = sent.iter().map(operation).collect();
        let mut known = BTreeSet::new();
        for bulk_id in operations.iter().filter_map(|operation| operation.bulk_id.as_deref()) {
            if !known.insert(bulk_id) {
                return Err(invalid("two operations have the same `bulkId`, each needs its own"));
            }
        }
        Ok(Self { fail_on_errors: fail_on_errors(members)?, operations })
    }
}

fn fail_on_errors(members: &Map<String, Value>) -> Result<Option<usize>> {
    let number = match member(members, "failOnErrors") {
        None => return Ok(None),
        Some(Value::Number(number)) => number.as_u64(),
        Some(Value::String(text)) => text.trim().parse().ok(),
        Some(_) => None,
    };
    let number = number.filter(|number| *number > 0).and_then(|number| usize::try_from(number).ok());
    number.map(Some).ok_or_else(|| invalid("`failOnErrors` is no integer of 1 or more"))
}

fn operation(sent: &Value) -> Operation {
    let Value::Object(members) = sent else {
        let asked = Err(syntax("the operation is not a JSON object"));
        return Operation { method: String::new(), place: None, bulk_id: None, version: None, asked };
    };
    let text = |name: &str| match member(members, name) {
        Some(Value::String(text)) => Some(text.clone()),
        Some(Value::Number(number)) => Some(number.to_string()),
        _ => None,
    };
    let method = text("method").unwrap_or_default().trim().to_ascii_uppercase();
    let bulk_id = text("bulkId").filter(|bulk_id| !bulk_id.is_empty());
    let place = place(&text("path").unwrap_or_default());
    let asked = place.clone().and_then(|place| asked(&method, place, bulk_id.as_deref(), members));
    Operation {
        place: place.ok(),
        method: method.chars().filter(char::is_ascii_graphic).take(METHOD_LENGTH).collect(),
        bulk_id,
        version: text("version").filter(|version| !version.is_empty()),
        asked,
    }
}

fn asked(
    method: &str,
    (kind, on): (ResourceKind, Option<Target>),
    bulk_id: Option<&str>,
    members: &Map<String, Value>,
) -> Result<Asked> {
    let data = || match member(members, "data") {
        Some(data @ Value::Object(_)) => Ok(data.clone()),
        _ => Err(syntax("`data` is missing or not a JSON object")),
    };
    match (method, on) {
        ("POST", None) if bulk_id.is_none() => Err(syntax("a POST needs a `bulkId`")),
        ("POST", None) => Ok(Asked::Create { kind, data: data()? }),
        ("PUT", Some(on)) => Ok(Asked::Replace { kind, on, data: data()? }),
        ("PATCH", Some(on)) => Ok(Asked::Patch { kind, on, data: data()? }),
        ("DELETE", Some(on)) => Ok(Asked::Delete { kind, on }),
        ("POST", Some(_)) => Err(invalid("a POST goes to `/Users` or `/Groups`, without an id")),
        ("PUT" | "PATCH" | "DELETE", None) => Err(invalid("the path ends without the id of a resource")),
        _ => Err(invalid("`method` is none of `POST`, `PUT`, `PATCH` and `DELETE`")),
    }
}

/// `/Users`, `/Users/{id}` or `/Users/bulkId:{bulkId}`; the same for groups.
fn place(path: &str) -> Result<(ResourceKind, Option<Target>)> {
    let path = path.trim();
    let path = path.strip_prefix('/').unwrap_or(path);
    let (endpoint, id) = path.split_once('/').unwrap_or((path, ""));
    let kind = match endpoint {
        "Users" => ResourceKind::User,
        "Groups" => ResourceKind::Group,
        _ => {
            return Err(ScimError::new(
                404,
                "there is no such endpoint: a path begins with `/Users` or `/Groups`",
            ));
        }
    };
    let id = id.strip_suffix('/').unwrap_or(id);
    let target = match (id, super::references::whole(id)) {
        ("", _) => None,
        (_, Some(bulk_id)) => Some(Target::BulkId(bulk_id.to_owned())),
        (id, None) if id.contains('/') => {
            return Err(ScimError::new(404, "there is no such endpoint: nothing lies below a resource"));
        }
        (id, None) => Some(Target::Id(id.to_owned())),
    };
    Ok((kind, target))
}

fn syntax(detail: &str) -> ScimError {
    ScimError::bad(ScimType::InvalidSyntax, detail)
}

fn invalid(detail: &str) -> ScimError {
    ScimError::bad(ScimType::InvalidValue, detail)
}
