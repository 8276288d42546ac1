//! The shapes Okta, Entra and others send.

use super::*;

#[test]
fn a_path_less_object_is_merged_into_the_user() {
    let after = patched(
        &anna(),
        &json!([
            {"op": "replace", "path": "name.givenName", "value": "David"},
            {"op": "replace", "path": "name.familyName", "value": "Jones"},
            {"op": "replace", "value": {"active": false}}
        ]),
        GENERIC,
    );
    let expected =
        with(anna(), &json!({"name": {"familyName": "Jones", "givenName": "David"}, "active": false}));
    assert_eq!(after, expected);
}

#[test]
fn verbs_and_keys_are_read_in_any_case() {
    for operation in [
        json!({"op": "Replace", "path": "active", "value": "False"}),
        json!({"OP": "REPLACE", "Path": "Active", "VALUE": false}),
        json!({"op": "Add", "path": "ACTIVE", "value": "false"}),
        json!({"name": "noise", "id": 5, "op": "replace", "path": null, "value": {"ACTIVE": "FALSE"}}),
        json!({"op": "replace", "path": "", "value": {"active ": false}}),
        json!({"op": "replace", "path": "urn:ietf:params:scim:schemas:core:2.0:User:active", "value": "false"}),
        json!({"op": "replace", "value": {"urn:ietf:params:scim:schemas:core:2.0:User": {"active": false}}}),
    ] {
        let after = patched(&anna(), &json!([operation]), GENERIC);
        assert_eq!(after, with(anna(), &json!({"active": false})), "{operation}");
    }
}

#[test]
fn a_body_without_schemas_or_with_lower_case_operations_is_read() {
    let resource_type = &Catalog::standard().user;
    for body in [
        json!({"Operations": [{"op": "replace", "path": "active", "value": false}]}),
        json!({"operations": [{"op": "replace", "path": "active", "value": false}], "id": "x", "schemas": []}),
    ] {
        let mut user = anna();
        assert_eq!(Patch::parse(&body, resource_type).unwrap().apply(&mut user, &GENERIC), Ok(true));
        assert_eq!(user["active"], json!(false));
    }
}

#[test]
fn a_body_of_another_shape_is_refused() {
    let invalid = |body: &Value| {
        let error = Patch::parse(body, &Catalog::standard().user).unwrap_err();
        assert_eq!(error.status, 400);
        error.scim_type.unwrap()
    };
    for wrong in [
        json!([]),
        json!({}),
        json!({"Operations": {}}),
        json!({"Operations": ["x"]}),
        json!({"Operations": [{"path": "active", "value": true}]}),
        json!({"Operations": [{"op": "Bogus", "path": "title", "value": "x"}]}),
        json!({"Operations": [{"op": 1}]}),
    ] {
        assert_eq!(invalid(&wrong), ScimType::InvalidSyntax, "{wrong}");
    }
    let many =
        |count: usize| body(&Value::Array(vec![json!({"op": "add", "path": "title", "value": "x"}); count]));
    assert_eq!(invalid(&json!({"Operations": []})), ScimType::InvalidValue);
    assert_eq!(invalid(&many(101)), ScimType::InvalidValue);
    assert!(Patch::parse(&many(100), &Catalog::standard().user).is_ok());
    for operation in [
        json!({"op": "replace"}),
        json!({"op": "replace", "value": "x"}),
        json!({"op": "add", "value": [{"active": false}]}),
        json!({"op": "add", "path": "title"}),
    ] {
        assert_eq!(invalid(&body(&json!([operation]))), ScimType::InvalidValue, "{operation}");
    }
    assert_eq!(invalid(&body(&json!([{"op": "add", "path": 5, "value": "x"}]))), ScimType::InvalidPath);
    assert_eq!(invalid(&body(&json!([{"op": "remove", "value": {"title": "x"}}]))), ScimType::NoTarget);
    assert_eq!(invalid(&body(&json!([{"op": "remove"}]))), ScimType::NoTarget);
}

#[test]
fn an_unknown_attribute_is_refused_by_path_and_ignored_in_an_object() {
    let by_path = json!([{"op": "add", "path": "shoeSize", "value": 42}]);
    assert_eq!(refusal(&anna(), &by_path, GENERIC), ScimType::InvalidPath);
    let in_object =
        json!([{"op": "add", "value": {"shoeSize": 42, "urn:a:b": {"c": 1}, "name.shoe": 1, "title": "T"}}]);
    assert_eq!(patched(&anna(), &in_object, GENERIC), with(anna(), &json!({"title": "T"})));
}

#[test]
fn what_the_server_owns_is_refused_by_path_and_ignored_in_an_object() {
    for path in [
        "id",
        "meta",
        "meta.lastModified",
        "groups",
        "groups[value eq \"g\"]",
        "manager.displayName",
        "urn:portcullis:params:scim:schemas:extension:gateway:2.0:User",
        "urn:portcullis:params:scim:schemas:extension:gateway:2.0:User:app",
    ] {
        for op in ["add", "replace", "remove"] {
            let operations = json!([{"op": op, "path": path, "value": "evil"}]);
            assert_eq!(refusal(&anna(), &operations, GENERIC), ScimType::Mutability, "{op} {path}");
        }
    }
    let echo = json!([{"op": "replace", "value": {
        "id": "evil", "meta": {"version": "x"}, "groups": [], "schemas": ["x"], "displayName": "Anna B.",
        "urn:portcullis:params:scim:schemas:extension:gateway:2.0:User": {"app": "evil"}
    }}]);
    assert_eq!(patched(&anna(), &echo, GENERIC), with(anna(), &json!({"displayName": "Anna B."})));
}

#[test]
fn a_password_is_accepted_and_kept_nowhere() {
    for operations in [
        json!([{"op": "replace", "value": {"password": "t1meMa$heen"}}]),
        json!([{"op": "replace", "path": "password", "value": "t1meMa$heen"}]),
        json!([{"op": "remove", "path": "password"}]),
    ] {
        let mut user = anna();
        assert_eq!(user_patch(&operations).unwrap().apply(&mut user, &GENERIC), Ok(false));
        assert_eq!(user, anna());
    }
}

#[test]
fn dotted_and_urn_keys_are_split_and_never_stored_as_they_are() {
    let after = patched(
        &anna(),
        &json!([{"op": "replace", "value": {
            "displayName": "Bjfe",
            "name.givenName": "Kkom",
            "name.familyName": "Unua",
            (format!("{ENTERPRISE}:employeeNumber")): "Aklq",
            (format!("{ENTERPRISE}:manager.value")): "m1",
            "emails[type eq \"work\"].value": "new@corp.example"
        }}]),
        GENERIC,
    );
    let expected = with(
        anna(),
        &json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE],
            "displayName": "Bjfe",
            "name": {"familyName": "Unua", "givenName": "Kkom"},
            "emails": [{"primary": true, "type": "work", "value": "new@corp.example"}],
            ENTERPRISE: {"employeeNumber": "Aklq", "manager": {"value": "m1"}}
        }),
    );
    assert_eq!(after, expected);
}

#[test]
fn a_whole_extension_is_merged_by_object_and_by_path() {
    let listed = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE],
        ENTERPRISE: {"department": "IT", "costCenter": "7"}
    });
    let expected = with(
        anna(),
        &with(listed.clone(), &json!({ENTERPRISE: {"department": "HR", "costCenter": "7", "division": "D"}})),
    );
    for operation in [
        json!({"op": "replace", "value": {ENTERPRISE: {"Department": "HR", "division": "D", "shoe": 1}}}),
        json!({"op": "add", "path": ENTERPRISE, "value": {"department": "HR", "division": "D"}}),
    ] {
        assert_eq!(patched(&with(anna(), &listed), &json!([operation]), GENERIC), expected, "{operation}");
    }
}

#[test]
fn schemas_follow_the_extension_that_is_gained_and_emptied() {
    let gained = patched(
        &anna(),
        &json!([{"op": "Add", "path": format!("{ENTERPRISE}:department"), "value": "Retail"}]),
        GENERIC,
    );
    assert_eq!(gained["schemas"], json!(["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE]));
    assert_eq!(gained[ENTERPRISE], json!({"department": "Retail"}));
    for operation in [
        json!({"op": "remove", "path": format!("{ENTERPRISE}:department")}),
        json!({"op": "replace", "path": format!("{ENTERPRISE}:department"), "value": ""}),
        json!({"op": "remove", "path": ENTERPRISE}),
        json!({"op": "replace", "value": {ENTERPRISE: null}}),
    ] {
        assert_eq!(patched(&gained, &json!([operation]), GENERIC), anna(), "{operation}");
    }
}

#[test]
fn every_form_of_a_manager_becomes_one() {
    for operation in [
        json!({"op": "Add", "path": format!("{ENTERPRISE}:manager"), "value": "m1"}),
        json!({"op": "Replace", "path": format!("{ENTERPRISE}.manager"), "value": "m1"}),
        json!({"op": "Add", "path": "manager", "value": "m1"}),
        json!({"op": "Add", "path": "manager", "value": ["m1"]}),
        json!({"op": "replace", "path": "manager.value", "value": "m1"}),
        json!({"op": "replace", "path": "manager", "value": {"Value": "m1", "displayName": "Max"}}),
        json!({"op": "replace", "value": {ENTERPRISE: {"manager": "m1"}}}),
        json!({"op": "replace", "value": {"manager": "m1"}}),
    ] {
        let after = patched(&anna(), &json!([operation]), GENERIC);
        assert_eq!(after[ENTERPRISE], json!({"manager": {"value": "m1"}}), "{operation}");
    }
    let with_reference = json!([{"$ref": "http://scim.example/Users/m1", "value": "m1"}]);
    let after =
        patched(&anna(), &json!([{"op": "Add", "path": "manager", "value": with_reference}]), GENERIC);
    assert_eq!(
        after[ENTERPRISE],
        json!({"manager": {"$ref": "http://scim.example/Users/m1", "value": "m1"}})
    );
}

#[test]
fn a_new_manager_takes_over_nothing_of_the_old_one() {
    let managed = json!({ENTERPRISE: {"department": "IT", "manager": {"value": "m1", "$ref": "../Users/m1", "displayName": "Max"}}});
    let after = patched(
        &with(anna(), &managed),
        &json!([{"op": "replace", "path": "manager", "value": "m2"}]),
        GENERIC,
    );
    assert_eq!(after[ENTERPRISE], json!({"department": "IT", "manager": {"value": "m2"}}));
}

#[test]
fn a_manager_is_cleared_in_every_way() {
    let managed = with(anna(), &json!({ENTERPRISE: {"department": "IT", "manager": {"value": "m1"}}}));
    for operation in [
        json!({"op": "Replace", "path": format!("{ENTERPRISE}:manager"), "value": ""}),
        json!({"op": "Replace", "path": "manager", "value": null}),
        json!({"op": "Replace", "path": "manager", "value": []}),
        json!({"op": "Replace", "path": "manager", "value": {"value": ""}}),
        json!({"op": "Remove", "path": format!("{ENTERPRISE}:manager")}),
        json!({"op": "Remove", "path": "manager.value", "value": "m1"}),
    ] {
        let after = patched(&managed, &json!([operation]), GENERIC);
        assert_eq!(after[ENTERPRISE], json!({"department": "IT"}), "{operation}");
    }
}

#[test]
fn an_error_names_the_operation_and_leaves_the_user_as_it_was() {
    let operations = json!([
        {"op": "Replace", "path": "displayName", "value": "Changed"},
        {"op": "Replace", "path": "emails[type eq \"home\"].value", "value": "x"}
    ]);
    let mut user = anna();
    let error = user_patch(&operations).unwrap().apply(&mut user, &GENERIC).unwrap_err();
    assert!(error.detail.starts_with("operation 2: "), "{}", error.detail);
    assert_eq!((error.scim_type, user), (Some(ScimType::NoTarget), anna()));
}
