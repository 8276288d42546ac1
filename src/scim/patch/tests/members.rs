//! Group members.

use super::*;

fn steps(operations: &Value) -> Vec<MemberStep> {
    group_patch(operations).unwrap().members().steps.clone()
}

fn refused(operation: &Value) -> ScimType {
    let error = group_patch(&json!([operation])).unwrap_err();
    assert_eq!(error.status, 400);
    error.scim_type.unwrap()
}

fn member(value: &str) -> Member {
    Member::new(value)
}

fn ids(values: &[&str]) -> Vec<String> {
    values.iter().map(|value| (*value).to_owned()).collect()
}

#[test]
fn every_form_of_adding_members_is_read() {
    let anna = Member { display: Some("anna".to_owned()), ..member("u1") };
    for (operation, expected) in [
        (
            json!({"op": "Add", "path": "members", "value": [{"$ref": null, "value": "u1"}]}),
            vec![member("u1")],
        ),
        (json!({"op": "add", "path": "members", "value": {"value": "u1"}}), vec![member("u1")]),
        (json!({"op": "add", "path": "members", "value": "u1"}), vec![member("u1")]),
        (
            json!({"op": "add", "path": "members", "value": ["u1", "u2", "u1"]}),
            vec![member("u1"), member("u2")],
        ),
        (
            json!({"op": "add", "value": {"members": [{"value": "u1", "display": "anna"}]}}),
            vec![anna.clone()],
        ),
        (
            json!({"name": "addMember", "op": "add", "path": "Members", "value": [{"displayName": "anna", "value": "u1"}]}),
            vec![anna],
        ),
        (
            json!({"op": "add", "path": "members", "value": [{"value": "g2", "type": "group"}]}),
            vec![Member { kind: Some(ResourceKind::Group), ..member("g2") }],
        ),
        (
            json!({"op": "add", "path": "members", "value": [{"value": "g2", "$ref": "https://x/Groups/g2"}]}),
            vec![Member { kind: Some(ResourceKind::Group), ..member("g2") }],
        ),
    ] {
        assert_eq!(steps(&json!([operation])), [MemberStep::Add(expected)], "{operation}");
    }
    assert_eq!(steps(&json!([{"op": "add", "path": "members", "value": []}])), []);
}

#[test]
fn removing_members_with_a_list_removes_only_those() {
    for (operation, expected) in [
        (json!({"op": "Remove", "path": "members", "value": [{"$ref": null, "value": "u1"}]}), ids(&["u1"])),
        (json!({"op": "remove", "path": "members", "value": {"value": "u1"}}), ids(&["u1"])),
        (json!({"op": "remove", "path": "members", "value": "u1"}), ids(&["u1"])),
        (json!({"op": "remove", "path": "members", "value": []}), ids(&[])),
        (json!({"op": "remove", "path": "members[value eq \"u1\"]"}), ids(&["u1"])),
        (json!({"op": "remove", "path": "members[value eq \"u1\"].value"}), ids(&["u1"])),
        (
            json!({"op": "remove", "path": "members[value eq \"u1\" or Value eq \"u2\" or value eq \"u1\"]"}),
            ids(&["u1", "u2"]),
        ),
        (json!({"op": "Remove", "value": {"members": [{"value": "u1"}]}}), ids(&["u1"])),
    ] {
        assert_eq!(steps(&json!([operation])), [MemberStep::Remove(expected)], "{operation}");
    }
}

#[test]
fn removing_members_without_a_value_empties_the_group() {
    for operation in [
        json!({"op": "remove", "path": "members"}),
        json!({"op": "remove", "path": "members", "value": null}),
        json!({"op": "replace", "path": "members", "value": null}),
    ] {
        assert_eq!(steps(&json!([operation])), [MemberStep::RemoveAll], "{operation}");
    }
}

#[test]
fn members_to_remove_that_cannot_be_read_are_an_error_and_never_everybody() {
    for value in
        [json!([{}]), json!([{"value": null}]), json!([5]), json!(""), json!({"id": "u1"}), json!([[]])]
    {
        let operation = json!({"op": "remove", "path": "members", "value": value});
        assert_eq!(refused(&operation), ScimType::NoTarget, "{value}");
    }
}

#[test]
fn a_members_filter_other_than_by_id_is_left_to_those_who_know_the_members() {
    let anna = json!({"value": "a", "type": "User", "display": "A"});
    for filter in [
        "display eq \"a\"",
        "value ne \"b\"",
        "value sw \"a\"",
        "type eq \"User\"",
        "not (value eq \"b\")",
        "value eq \"a\" and type eq \"User\"",
    ] {
        let steps = steps(&json!([{"op": "remove", "path": format!("members[{filter}]")}]));
        let [MemberStep::RemoveMatching(elements)] = steps.as_slice() else { panic!("{filter}: {steps:?}") };
        assert!(elements.matches(&anna), "{filter}");
    }
    let display = json!({"op": "remove", "path": "members[type eq \"User\"].display"});
    assert_eq!(refused(&display), ScimType::Mutability);
    for path in ["members.value", "members[value eq \"u1\"].display", "members[value eq \"u1\"]"] {
        assert_eq!(
            refused(&json!({"op": "replace", "path": path, "value": "x"})),
            ScimType::Mutability,
            "{path}"
        );
    }
}

#[test]
fn replacing_members_names_all_of_them() {
    let value = json!([{"value": "u2", "display": "boris"}, {"value": "u3"}]);
    let expected = [MemberStep::Replace(vec![
        Member { display: Some("boris".to_owned()), ..member("u2") },
        member("u3"),
    ])];
    assert_eq!(steps(&json!([{"op": "replace", "path": "members", "value": value}])), expected);
    let by_object =
        json!([{"op": "replace", "value": {"id": "g1", "displayName": "Staff", "members": value}}]);
    assert_eq!(steps(&by_object), expected);
    assert_eq!(
        steps(&json!([{"op": "replace", "path": "members", "value": []}])),
        [MemberStep::Replace(Vec::new())]
    );
    assert_eq!(
        refused(&json!({"op": "replace", "path": "members", "value": [{"display": "x"}]})),
        ScimType::InvalidValue
    );
}

#[test]
fn an_object_that_does_not_say_who_is_a_member_leaves_them() {
    for value in [json!({"displayName": "Staff"}), json!({"displayName": "Staff", "members": null})] {
        let patch = group_patch(&json!([{"op": "replace", "value": value}])).unwrap();
        assert!(patch.members().is_empty());
    }
}

#[test]
fn members_come_in_order_and_never_into_the_resource() {
    let patch = group_patch(&json!([
        {"op": "remove", "path": "members[value eq \"u1\"]"},
        {"op": "replace", "value": {"id": "g1", "displayName": "Staff", "externalId": null}},
        {"op": "add", "path": "members", "value": [{"value": "u2"}]}
    ]))
    .unwrap();
    assert_eq!(
        patch.members().steps,
        [MemberStep::Remove(ids(&["u1"])), MemberStep::Add(vec![member("u2")])]
    );
    let mut group =
        json!({"id": "g0", "displayName": "Old", "externalId": "x", "members": [{"value": "u1"}]});
    assert_eq!(patch.apply(&mut group, &GENERIC), Ok(true));
    assert_eq!(group, json!({"id": "g0", "displayName": "Staff", "members": [{"value": "u1"}]}));
}

#[test]
fn a_user_has_no_members() {
    let error =
        user_patch(&json!([{"op": "add", "path": "members", "value": [{"value": "u1"}]}])).unwrap_err();
    assert_eq!(error.scim_type, Some(ScimType::InvalidPath));
}
