//! Whether a request may take access away, told from its body alone. Generous: what is in doubt may.

use serde_json::Value;

/// Whether anything in the body says `active` is false, removes something, or deletes something, in any spelling that
/// identity providers use. The body was read within the limits of depth and size.
#[must_use]
pub fn may_take_access_away(body: &Value) -> bool {
    match body {
        Value::Array(items) => items.iter().any(may_take_access_away),
        Value::Object(members) => {
            let says = |name: &str, word: &str| {
                members.iter().any(|(key, value)| {
                    let text = value.as_str().unwrap_or_default();
                    key.eq_ignore_ascii_case(name) && text.eq_ignore_ascii_case(word)
                })
            };
            let names_active = members.iter().any(|(key, value)| {
                key.eq_ignore_ascii_case("path") && is_active(value.as_str().unwrap_or_default())
            });
            says("op", "remove")
                || says("method", "DELETE")
                || members.iter().any(|(key, value)| {
                    let meant = is_active(key) || (names_active && key.eq_ignore_ascii_case("value"));
                    meant && is_false(value) || may_take_access_away(value)
                })
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// `active`, alone or at the end of a URN.
fn is_active(name: &str) -> bool {
    name.rsplit(':').next().is_some_and(|last| last.trim().eq_ignore_ascii_case("active"))
}

/// Everything but a clear yes.
fn is_false(value: &Value) -> bool {
    match value {
        Value::Bool(active) => !active,
        Value::String(text) => !text.trim().eq_ignore_ascii_case("true"),
        Value::Array(items) => items.iter().any(is_false),
        Value::Object(members) => members.values().any(is_false),
        Value::Null | Value::Number(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_spelling_of_a_deactivation_may() {
        for body in [
            json!({"active": false}),
            json!({"userName": "anna", "Active": "False"}),
            json!({"Operations": [{"op": "replace", "value": {"active": false}}]}),
            json!({"Operations": [{"op": "Replace", "path": "active", "value": "False"}]}),
            json!({"operations": [{"OP": "add", "PATH": "urn:ietf:params:scim:schemas:core:2.0:User:active", "Value": "false"}]}),
            json!({"Operations": [{"op": "replace", "path": "active", "value": [{"value": "False"}]}]}),
            json!({"Operations": [{"op": "replace", "path": "active", "value": 0}]}),
            json!({"Operations": [{"op": "Remove", "path": "members[value eq \"1\"]"}]}),
            json!({"Operations": [{"method": "DELETE", "path": "/Users/1"}]}),
            json!({"Operations": [{"method": "PATCH", "path": "/Users/1", "data": {"Operations": [{"op": "replace", "path": "active", "value": false}]}}]}),
        ] {
            assert!(may_take_access_away(&body), "{body}");
        }
    }

    #[test]
    fn what_gives_access_or_speaks_of_something_else_may_not() {
        for body in [
            json!({"userName": "anna", "active": true}),
            json!({"Operations": [{"op": "replace", "value": {"active": true, "title": "False"}}]}),
            json!({"Operations": [{"op": "Replace", "path": "active", "value": "True"}]}),
            json!({"Operations": [{"op": "add", "path": "members", "value": [{"value": "1"}]}]}),
            json!({"Operations": [{"op": "replace", "path": "displayName", "value": "inactive"}]}),
            json!([]),
            json!(null),
        ] {
            assert!(!may_take_access_away(&body), "{body}");
        }
    }
}
