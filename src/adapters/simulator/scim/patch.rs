//! PATCH as RFC 7644 §3.5.2 has it, to the letter: lower-case verbs, known paths, booleans that are booleans.

use serde_json::{Map, Value};

use super::mode::AbsentValue;
use super::path::Path;
use super::problem::Problem;
use super::schema::{Kind, Schema, require_schema};

const PATCH_URN: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Add,
    Replace,
}

/// The resource after all operations of `body`; none takes effect when one fails.
///
/// 400 `invalidSyntax` on a body that is no PatchOp, and whatever its first impossible operation says.
pub(super) fn applied(
    schema: &Schema,
    mut resource: Map<String, Value>,
    body: &Map<String, Value>,
    absent: AbsentValue,
) -> Result<Map<String, Value>, Problem> {
    require_schema(body, PATCH_URN)?;
    let operations =
        body.get("Operations").and_then(Value::as_array).filter(|operations| !operations.is_empty());
    let operations = operations.ok_or_else(|| syntax("Operations must be an array that is not empty"))?;
    for operation in operations {
        let path = match operation.get("path") {
            None => None,
            Some(Value::String(path)) => Some(Path::parse(path, schema)?),
            Some(_) => return Err(syntax("path must be a string")),
        };
        let value = operation.get("value");
        let verb = match operation.get("op").and_then(Value::as_str) {
            Some("add") => Verb::Add,
            Some("replace") => Verb::Replace,
            Some("remove") => {
                let path = path.ok_or_else(|| Problem::invalid("noTarget", "remove needs a path"))?;
                take(&mut resource, &path, absent)?;
                continue;
            }
            _ => return Err(syntax("op must be one of add, remove and replace")),
        };
        match (path, value) {
            (Some(path), Some(value)) => put(&mut resource, &path, value, verb)?,
            (None, Some(Value::Object(values))) => put_all(schema, &mut resource, values, verb)?,
            _ => return Err(Problem::value("value is missing, or is no object where there is no path")),
        }
    }
    Ok(resource)
}

/// Every attribute of an operation without a path. What names the resource itself is passed over.
fn put_all(
    schema: &Schema,
    resource: &mut Map<String, Value>,
    values: &Map<String, Value>,
    verb: Verb,
) -> Result<(), Problem> {
    for (name, value) in values.iter().filter(|(name, _)| !["id", "schemas", "meta"].contains(&name.as_str()))
    {
        let unknown =
            || Problem::invalid("invalidPath", format!("{name} is not an attribute of this resource"));
        let attribute = schema.attribute(name).ok_or_else(unknown)?;
        put(resource, &Path::whole(attribute), value, verb)?;
    }
    Ok(())
}

fn put(resource: &mut Map<String, Value>, path: &Path, value: &Value, verb: Verb) -> Result<(), Problem> {
    path.require_writable()?;
    if value.is_null() {
        return take(resource, path, AbsentValue::Accepted);
    }
    let attribute = path.attribute;
    if let Some(filter) = &path.filter {
        let change = match path.part {
            Some(part) => Map::from_iter([(part.name.to_owned(), part.checked(value)?)]),
            None => element(path, value)?,
        };
        return on_elements(resource, path, |items| {
            let mut matched = items.iter_mut().filter(|element| filter.fits(element)).peekable();
            if matched.peek().is_none() {
                return Err(no_target(path));
            }
            matched.filter_map(Value::as_object_mut).for_each(|element| element.extend(change.clone()));
            Ok(())
        });
    }
    match (attribute.kind, path.part) {
        (Kind::Object(_), Some(part)) => {
            let change = Map::from_iter([(part.name.to_owned(), part.checked(value)?)]);
            merge(resource, attribute.name, change);
        }
        (Kind::Object(_), None) => match attribute.checked(value)? {
            Value::Object(change) => merge(resource, attribute.name, change),
            _ => return Err(no_target(path)),
        },
        (Kind::List(_), None) => {
            let items = match value {
                Value::Array(_) => attribute.checked(value)?,
                _ => Value::Array(vec![Value::Object(element(path, value)?)]),
            };
            if verb == Verb::Replace {
                resource.insert(attribute.name.to_owned(), items);
            } else if let Value::Array(items) = items {
                on_elements(resource, path, |present| append(present, items));
            }
        }
        (_, Some(_)) => {
            return Err(Problem::invalid("invalidPath", format!("{} needs a filter", path.name())));
        }
        (Kind::Text | Kind::Exact | Kind::Truth, None) => {
            resource.insert(attribute.name.to_owned(), attribute.checked(value)?);
        }
    }
    Ok(())
}

fn take(resource: &mut Map<String, Value>, path: &Path, absent: AbsentValue) -> Result<(), Problem> {
    path.require_writable()?;
    let Some(filter) = &path.filter else {
        match (path.attribute.kind, path.part) {
            (_, None) => drop(resource.remove(path.attribute.name)),
            (Kind::Object(_), Some(part)) => {
                let whole = resource.get_mut(path.attribute.name).and_then(Value::as_object_mut);
                drop(whole.and_then(|whole| whole.remove(part.name)));
            }
            (_, Some(_)) => {
                return Err(Problem::invalid("invalidPath", format!("{} needs a filter", path.name())));
            }
        }
        return Ok(());
    };
    on_elements(resource, path, |items| {
        if !items.iter().any(|element| filter.fits(element)) {
            return match absent {
                AbsentValue::Accepted => Ok(()),
                AbsentValue::NoTarget => Err(no_target(path)),
            };
        }
        match path.part {
            None => items.retain(|element| !filter.fits(element)),
            Some(part) => {
                let matched = items.iter_mut().filter(|element| filter.fits(element));
                matched.filter_map(Value::as_object_mut).for_each(|element| drop(element.remove(part.name)));
            }
        }
        Ok(())
    })
}

/// Adds what is not there yet; a new primary element is the only one (RFC 7643 §2.4).
fn append(items: &mut Vec<Value>, new: Vec<Value>) {
    for item in new {
        if items.contains(&item) {
            continue;
        }
        if item["primary"] == true {
            let others = items.iter_mut().filter_map(Value::as_object_mut);
            others.for_each(|other| drop(other.remove("primary")));
        }
        items.push(item);
    }
}

fn merge(resource: &mut Map<String, Value>, name: &str, change: Map<String, Value>) {
    let whole = resource.entry(name).or_insert_with(|| Value::Object(Map::new()));
    if let Some(whole) = whole.as_object_mut() {
        whole.extend(change);
    }
}

/// Works on the list of a path, which is empty where there is none.
fn on_elements<T>(
    resource: &mut Map<String, Value>,
    path: &Path,
    work: impl FnOnce(&mut Vec<Value>) -> T,
) -> T {
    let mut items = match resource.remove(path.attribute.name) {
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    };
    let outcome = work(&mut items);
    resource.insert(path.attribute.name.to_owned(), Value::Array(items));
    outcome
}

/// One element of a list in the schema's own words.
fn element(path: &Path, value: &Value) -> Result<Map<String, Value>, Problem> {
    match path.attribute.checked(&Value::Array(vec![value.clone()]))? {
        Value::Array(mut items) => match items.pop() {
            Some(Value::Object(element)) => Ok(element),
            _ => Err(no_target(path)),
        },
        _ => Err(no_target(path)),
    }
}

fn no_target(path: &Path) -> Problem {
    Problem::invalid("noTarget", format!("{} has no value that fits", path.name()))
}

fn syntax(detail: &str) -> Problem {
    Problem::invalid("invalidSyntax", detail)
}
