//! Reading what another server told, in whatever shape it has: names in any case, one value where a list belongs,
//! numbers and booleans as text.

use serde_json::{Map, Value};

/// A resource as it came.
pub(super) type Resource = Map<String, Value>;

/// An attribute by its name in any case (RFC 7643 §2.1); null is not there.
pub(super) fn attribute<'a>(resource: &'a Resource, name: &str) -> Option<&'a Value> {
    let value = resource.get(spelling(resource, name)?)?;
    (!value.is_null()).then_some(value)
}

/// How `resource` spells the attribute `name`, where it has it.
pub(super) fn spelling<'a>(resource: &'a Resource, name: &str) -> Option<&'a str> {
    let exact = resource.get_key_value(name).map(|(key, _)| key.as_str());
    exact.or_else(|| resource.keys().map(String::as_str).find(|key| key.eq_ignore_ascii_case(name)))
}

/// Sets an attribute under the name the resource has for it.
pub(super) fn set(resource: &mut Resource, name: &str, value: Value) {
    let name = spelling(resource, name).unwrap_or(name).to_owned();
    resource.insert(name, value);
}

/// Takes an attribute out, however it is spelled.
pub(super) fn take(resource: &mut Resource, name: &str) {
    if let Some(name) = spelling(resource, name).map(str::to_owned) {
        resource.shift_remove(&name);
    }
}

/// A text that is not empty; a number is one too.
pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()).filter(|text| !text.trim().is_empty()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The text of an attribute.
pub(super) fn text_of(resource: &Resource, name: &str) -> Option<String> {
    attribute(resource, name).and_then(text)
}

/// A boolean, or its name in any case.
pub(super) fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(truth) => Some(*truth),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
        Value::String(_) | Value::Null | Value::Number(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A count, or its digits.
pub(super) fn count(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())
}

/// The values of an attribute; one that is no list is a list of one.
pub(super) fn values<'a>(resource: &'a Resource, name: &str) -> Vec<&'a Value> {
    match attribute(resource, name) {
        None => Vec::new(),
        Some(Value::Array(values)) => values.iter().collect(),
        Some(one) => vec![one],
    }
}

/// What an element of a list says: its `value`, or itself where it is no object.
pub(super) fn value_of(element: &Value) -> Option<String> {
    match element {
        Value::Object(parts) => text_of(parts, "value"),
        other => text(other),
    }
}

/// A part of an element, in any case; `None` where it is no object.
pub(super) fn part<'a>(element: &'a Value, name: &str) -> Option<&'a Value> {
    attribute(element.as_object()?, name)
}

/// The version of a resource, where it is an entity tag that can be sent back (RFC 7644 §3.14).
pub(super) fn version(resource: &Resource, header: Option<&String>) -> Option<String> {
    let told = attribute(resource, "meta").and_then(|meta| text_of(meta.as_object()?, "version"));
    let is_tag = |tag: &String| {
        let opaque = tag.strip_prefix("W/").unwrap_or(tag);
        opaque.len() > 2 && opaque.starts_with('"') && opaque.ends_with('"')
    };
    header.cloned().filter(is_tag).or_else(|| told.filter(is_tag))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn resource(value: &Value) -> Resource {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn names_are_found_in_any_case_and_null_is_not_there() {
        let told = resource(&json!({ "USERNAME": "anna", "active": null, "userName": "berg" }));
        assert_eq!(text_of(&told, "username").as_deref(), Some("anna"));
        assert_eq!(text_of(&told, "userName").as_deref(), Some("berg"));
        assert_eq!(attribute(&told, "active"), None);
    }

    #[test]
    fn numbers_and_booleans_may_be_text_and_text_a_number() {
        assert_eq!(text(&json!(42)).as_deref(), Some("42"));
        assert_eq!(text(&json!(" ")), None);
        assert_eq!(truth(&json!("True")), Some(true));
        assert_eq!(truth(&json!("yes")), None);
        assert_eq!((count(&json!("12")), count(&json!(12)), count(&json!(-1))), (Some(12), Some(12), None));
    }

    #[test]
    fn one_value_is_a_list_of_one() {
        let told = resource(
            &json!({ "emails": { "value": "a@x" }, "roles": "admin", "members": [1, {"value": 2}] }),
        );
        let all = |name| values(&told, name).into_iter().filter_map(value_of).collect::<Vec<_>>();
        assert_eq!((all("emails"), all("roles")), (vec!["a@x".to_owned()], vec!["admin".to_owned()]));
        assert_eq!((all("members"), all("groups")), (vec!["1".to_owned(), "2".to_owned()], vec![]));
    }

    #[test]
    fn only_an_entity_tag_is_a_version() {
        let told = |version: &str| resource(&json!({ "meta": { "version": version } }));
        assert_eq!(version(&told("W/\"3\""), None).as_deref(), Some("W/\"3\""));
        assert_eq!(version(&told("3"), None), None);
        assert_eq!(version(&told("3"), Some(&"\"x\"".to_owned())).as_deref(), Some("\"x\""));
    }

    #[test]
    fn an_attribute_is_set_where_it_stands() {
        let mut told = resource(&json!({ "Active": "true", "x": 1 }));
        set(&mut told, "active", json!(false));
        take(&mut told, "X");
        assert_eq!(told, resource(&json!({ "Active": false })));
    }
}
