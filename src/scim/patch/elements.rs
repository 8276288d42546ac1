//! Changes to the list of a multi-valued attribute.

use serde_json::{Map, Value};

use super::Options;
use super::step::{Change, Slot};
use crate::base::fold;
use crate::scim::error::{Result, ScimError, ScimType};

/// Applies one change to the list; elements it does not name survive.
pub(super) fn change(
    list: &mut Vec<Value>,
    slot: &Slot,
    change: &Change,
    exact: bool,
    options: Options,
) -> Result<()> {
    let whole = slot.sub.is_none() && slot.elements.is_none();
    match change {
        Change::Add(Value::Array(new)) if whole => add(list, new, exact),
        Change::Replace(Value::Array(new)) if whole => {
            list.clone_from(new);
            let all: Vec<usize> = (0..list.len()).collect();
            settle_primary(list, &all);
        }
        Change::RemoveThese(these) => {
            list.retain(|element| !these.iter().any(|named| names(named, element, exact)));
        }
        Change::Remove => remove(list, slot),
        Change::Add(value) => return set(list, slot, value, true),
        Change::Replace(value) => return set(list, slot, value, options.replace_creates_missing),
    }
    Ok(())
}

/// Lays `changes` over `object`; null takes a sub-attribute out.
pub(super) fn merge(object: &mut Map<String, Value>, changes: &Map<String, Value>) {
    for (name, value) in changes {
        if value.is_null() {
            object.shift_remove(name);
        } else {
            object.insert(name.clone(), value.clone());
        }
    }
}

fn add(list: &mut Vec<Value>, new: &[Value], exact: bool) {
    let mut touched = Vec::with_capacity(new.len());
    for element in new {
        // What is there to the letter changes nothing, whatever else has its value and type (RFC 7644 §3.5.2.1).
        let known = list.iter().position(|listed| listed == element);
        let known = known.or_else(|| list.iter().position(|listed| is_same(listed, element, exact)));
        let at = known.unwrap_or(list.len());
        match (known.and_then(|at| list.get_mut(at)), element) {
            (Some(Value::Object(listed)), Value::Object(element)) => {
                for (name, value) in element {
                    // The spelling that is there stays: it may be what another client sent.
                    if name != "value" && name != "type" {
                        listed.insert(name.clone(), value.clone());
                    }
                }
            }
            (Some(_), _) => {}
            (None, element) => list.push(element.clone()),
        }
        touched.push(at);
    }
    settle_primary(list, &touched);
}

/// Sets the sub-attribute, or lays the whole value, on every element meant.
fn set(list: &mut Vec<Value>, slot: &Slot, value: &Value, creates: bool) -> Result<()> {
    let mut touched = meant(list, slot);
    let unassigns = matches!(value, Value::Object(parts) if parts.values().all(Value::is_null));
    if touched.is_empty() && unassigns {
        return Ok(());
    }
    if touched.is_empty() {
        list.push(created(slot, creates)?);
        touched.push(list.len() - 1);
    }
    for &at in &touched {
        let Some(element) = list.get_mut(at) else { continue };
        match (element, &slot.sub, value) {
            (Value::Object(element), Some(sub), value) => {
                element.insert(sub.clone(), value.clone());
            }
            (Value::Object(element), None, Value::Object(value)) => {
                merge(element, value);
                if unassigns {
                    prune(element);
                }
            }
            (element, _, value) => *element = value.clone(),
        }
    }
    settle_primary(list, &touched);
    list.retain(|element| !is_empty(element));
    Ok(())
}

/// The element a path describes when none is there: `emails[type eq "work"]` is `{"type": "work"}`.
fn created(slot: &Slot, creates: bool) -> Result<Value> {
    let Some(elements) = &slot.elements else {
        return Ok(Value::Object(Map::new()));
    };
    if !creates {
        return Err(no_target(format!(
            "no value of `{}` matches the filter of the path, send `add` to create it",
            slot.attribute
        )));
    }
    elements.described().map(Value::Object).ok_or_else(|| {
        no_target(format!(
            "no value of `{}` matches the filter of the path, which does not describe one to create",
            slot.attribute
        ))
    })
}

fn remove(list: &mut Vec<Value>, slot: &Slot) {
    let Some(sub) = &slot.sub else {
        match &slot.elements {
            Some(elements) => list.retain(|element| !elements.matches(element)),
            None => list.clear(),
        }
        return;
    };
    for at in meant(list, slot) {
        if let Some(Value::Object(element)) = list.get_mut(at)
            && element.shift_remove(sub).is_some()
        {
            prune(element);
        }
    }
    list.retain(|element| !is_empty(element));
}

/// Empties an element that only says of which type it is: it says nothing.
fn prune(element: &mut Map<String, Value>) {
    if element.keys().all(|name| matches!(name.as_str(), "type" | "primary" | "display")) {
        element.clear();
    }
}

fn is_empty(element: &Value) -> bool {
    matches!(element, Value::Object(element) if element.is_empty())
}

fn meant(list: &[Value], slot: &Slot) -> Vec<usize> {
    let is_meant = |element: &Value| slot.elements.as_ref().is_none_or(|elements| elements.matches(element));
    list.iter().enumerate().filter(|(_, element)| is_meant(element)).map(|(at, _)| at).collect()
}

/// Keeps the first `primary` among the touched elements and clears it everywhere else (RFC 7644 §3.5.2).
fn settle_primary(list: &mut [Value], touched: &[usize]) {
    let is_primary = |element: &Value| element.get("primary") == Some(&Value::Bool(true));
    let Some(chosen) = touched.iter().copied().find(|&at| list.get(at).is_some_and(is_primary)) else {
        return;
    };
    for (at, element) in list.iter_mut().enumerate() {
        if at != chosen
            && let Some(primary @ Value::Bool(true)) = element.get_mut("primary")
        {
            *primary = Value::Bool(false);
        }
    }
}

/// Whether two elements are one: the same `value` and `type`; without a `value`, the same but for `primary`.
fn is_same(one: &Value, other: &Value, exact: bool) -> bool {
    let (Value::Object(one), Value::Object(other)) = (one, other) else {
        return one == other;
    };
    match (one.get("value"), other.get("value")) {
        (Some(mine), Some(theirs)) => {
            is_same_text(mine, theirs, exact)
                && match (one.get("type"), other.get("type")) {
                    (Some(mine), Some(theirs)) => is_same_text(mine, theirs, false),
                    (mine, theirs) => mine == theirs,
                }
        }
        (None, None) => {
            let rest = |object: &Map<String, Value>| object.keys().filter(|name| *name != "primary").count();
            rest(one) == rest(other)
                && one.iter().all(|(name, value)| name == "primary" || other.get(name) == Some(value))
        }
        _ => false,
    }
}

/// Whether `named`, of which only some sub-attributes may have been sent, means `element`.
fn names(named: &Value, element: &Value, exact: bool) -> bool {
    let (Value::Object(parts), Value::Object(object)) = (named, element) else {
        return named == element;
    };
    let agrees = |name: &str, exact: bool| match (parts.get(name), object.get(name)) {
        (Some(mine), Some(theirs)) => is_same_text(mine, theirs, exact),
        (Some(_), None) => false,
        (None, _) => true,
    };
    if parts.contains_key("value") {
        return agrees("value", exact) && agrees("type", false);
    }
    parts.iter().all(|(name, value)| name == "primary" || object.get(name) == Some(value))
}

fn is_same_text(one: &Value, other: &Value, exact: bool) -> bool {
    match (one, other) {
        (Value::String(one), Value::String(other)) if !exact => {
            one == other || fold::key(one) == fold::key(other)
        }
        _ => one == other,
    }
}

fn no_target(detail: String) -> ScimError {
    ScimError::bad(ScimType::NoTarget, detail)
}
