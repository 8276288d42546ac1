//! Values: coerced, unassigned, refused.

use super::*;

#[test]
fn active_is_true_false_or_an_error() {
    for value in [json!("True"), json!("true"), json!("TRUE"), json!(true), json!([true])] {
        let after = patched(&with(anna(), &json!({"active": false})), &set_active(&value), GENERIC);
        assert_eq!(after["active"], json!(true), "{value}");
    }
    for value in [
        json!("no"),
        json!("0"),
        json!(0),
        json!(1),
        json!(""),
        json!(null),
        json!([]),
        json!({}),
        json!("disabled"),
        json!({"value": false}),
        json!([false, true]),
    ] {
        assert_eq!(refusal(&anna(), &set_active(&value), GENERIC), ScimType::InvalidValue, "{value}");
        let in_object = json!([{"op": "replace", "value": {"active": value}}]);
        assert_eq!(refusal(&anna(), &in_object, GENERIC), ScimType::InvalidValue, "{value}");
    }
    let removed = json!([{"op": "remove", "path": "active"}]);
    assert_eq!(refusal(&anna(), &removed, GENERIC), ScimType::InvalidValue);
}

fn set_active(value: &Value) -> Value {
    json!([{"op": "replace", "path": "active", "value": value}])
}

#[test]
fn null_and_empty_values_unassign() {
    let titled = with(anna(), &json!({"title": "Boss", "name": {"givenName": "Anna", "middleName": "M"}}));
    for value in [json!(null), json!(""), json!([])] {
        for op in ["add", "Replace"] {
            let after = patched(&titled, &json!([{"op": op, "path": "title", "value": value}]), GENERIC);
            assert_eq!(after.get("title"), None);
            let after =
                patched(&titled, &json!([{"op": op, "path": "name.middleName", "value": value}]), GENERIC);
            assert_eq!(after["name"], json!({"givenName": "Anna"}));
        }
        let after =
            patched(&titled, &json!([{"op": "replace", "value": {"name": {"middleName": value}}}]), GENERIC);
        assert_eq!(after["name"], json!({"givenName": "Anna"}));
        let after = patched(&titled, &json!([{"op": "replace", "path": "emails", "value": value}]), GENERIC);
        assert_eq!(after.get("emails"), None);
        let after = patched(&titled, &json!([{"op": "add", "path": "emails", "value": value}]), GENERIC);
        assert_eq!(after, titled);
    }
    let after = patched(&titled, &json!([{"op": "remove", "path": "name"}]), GENERIC);
    assert_eq!(after.get("name"), None);
}

#[test]
fn a_required_attribute_cannot_lose_its_value() {
    let removed = json!([{"op": "remove", "path": "userName"}]);
    assert_eq!(refusal(&anna(), &removed, GENERIC), ScimType::Mutability);
    for value in [json!(null), json!(""), json!("  ")] {
        let operations = json!([{"op": "replace", "path": "userName", "value": value}]);
        assert_eq!(refusal(&anna(), &operations, GENERIC), ScimType::InvalidValue);
    }
    let error = group_patch(&json!([{"op": "remove", "path": "displayName"}])).unwrap_err();
    assert_eq!(error.scim_type, Some(ScimType::Mutability));
}

#[test]
fn a_complex_attribute_is_merged() {
    for operation in [
        json!({"op": "replace", "path": "name", "value": {"FAMILYNAME": "Bergen"}}),
        json!({"op": "add", "value": {"name": {"familyName": "Bergen", "colour": "red"}}}),
        json!({"op": "replace", "path": "name.familyName", "value": "Bergen"}),
    ] {
        let after = patched(&anna(), &json!([operation]), GENERIC);
        assert_eq!(after["name"], json!({"familyName": "Bergen", "givenName": "Anna"}), "{operation}");
    }
}

#[test]
fn a_value_of_another_type_is_refused() {
    for (path, value) in [
        ("title", json!({"value": "x"})),
        ("title", json!(true)),
        ("title", json!(["a", "b"])),
        ("name", json!("Anna Berg")),
        ("name", json!([{"givenName": "A"}, {"givenName": "B"}])),
        ("emails", json!(5.5e3.to_string().is_empty())),
        ("addresses", json!("1 Main St")),
        ("emails", json!([{"value": {"deep": 1}}])),
        ("emails[type eq \"work\"].primary", json!("yes")),
        ("roles", json!("{\"id\": ")),
        ("roles", json!("{\"id\":1,\"id\":2}")),
        ("externalId", json!("a\u{0}b")),
        ("userName", json!("a\nb")),
    ] {
        let mut user = anna();
        let result = user_patch(&json!([{"op": "replace", "path": path, "value": value}]))
            .and_then(|patch| patch.apply(&mut user, &GENERIC));
        let error = result.unwrap_err();
        assert_eq!(error.status, 400);
        assert!(
            matches!(error.scim_type, Some(ScimType::InvalidValue | ScimType::InvalidSyntax)),
            "{path} {value}"
        );
        assert_eq!(user, anna());
    }
}

#[test]
fn a_number_for_a_string_is_written_out() {
    let operations = json!([{"op": "add", "path": format!("{ENTERPRISE}:employeeNumber"), "value": 701_984}]);
    assert_eq!(patched(&anna(), &operations, GENERIC)[ENTERPRISE], json!({"employeeNumber": "701984"}));
}

#[test]
fn json_inside_a_string_is_read_as_what_it_says() {
    let role = r#"{"id":"06b07648","value":"25","displayName":"Role1234"}"#;
    let two = r#"[{"value":"a"},{"value":"b","primary":"True"}]"#;
    for (value, expected) in [
        (json!([{"value": role}]), json!([{"value": "25", "display": "Role1234"}])),
        (json!(role), json!([{"value": "25", "display": "Role1234"}])),
        (json!([role]), json!([{"value": "25", "display": "Role1234"}])),
        (json!({"value": role, "type": "T"}), json!([{"value": "25", "display": "Role1234", "type": "T"}])),
        (
            json!([{"value": r#"{"id":"06b0","displayName":"R"}"#}]),
            json!([{"value": "06b0", "display": "R"}]),
        ),
        (json!(two), json!([{"value": "a"}, {"value": "b", "primary": true}])),
        (json!([two]), json!([{"value": "a"}, {"value": "b", "primary": true}])),
        (json!(["Admin"]), json!([{"value": "Admin"}])),
        (json!([{"value": "[not json"}]), json!([{"value": "[not json"}])),
    ] {
        let after = patched(&anna(), &json!([{"op": "Add", "path": "roles", "value": value}]), ENTRA);
        assert_eq!(after["roles"], expected, "{value}");
    }
}

#[test]
fn fulfilled_operations_change_nothing() {
    let mut user = anna();
    let before = user.to_string();
    let operations = json!([
        {"op": "replace", "value": {"active": true, "displayName": "Anna Berg"}},
        {"op": "add", "path": "emails", "value": [{"value": "ANNA.BERG@corp.example", "type": "Work"}]},
        {"op": "remove", "path": "title"},
        {"op": "remove", "path": "phoneNumbers[type eq \"mobile\"].value"},
        {"op": "remove", "path": format!("{ENTERPRISE}:department")}
    ]);
    assert_eq!(user_patch(&operations).unwrap().apply(&mut user, &GENERIC), Ok(false));
    assert_eq!(user.to_string(), before);
}
