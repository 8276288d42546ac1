//! Multi-valued attributes: value paths, creation, primary.

use super::*;

#[test]
fn adding_to_a_value_path_without_a_match_creates_the_element() {
    let bare = with(anna(), &json!({"emails": []}));
    for options in [GENERIC, ENTRA] {
        let operations = json!([{"op": "Add", "path": "emails[type eq \"work\"].value", "value": "a@x"}]);
        assert_eq!(patched(&bare, &operations, options)["emails"], json!([{"type": "work", "value": "a@x"}]));
    }
}

#[test]
fn replacing_without_a_match_creates_only_where_the_connection_says_so() {
    let operations =
        json!([{"op": "Replace", "path": "phoneNumbers[type eq \"work\"].value", "value": "+1"}]);
    assert_eq!(refusal(&anna(), &operations, GENERIC), ScimType::NoTarget);
    let after = patched(&anna(), &operations, ENTRA);
    assert_eq!(after["phoneNumbers"], json!([{"type": "work", "value": "+1"}]));
    let whole = json!([{"op": "replace", "path": "emails[type eq \"home\"]", "value": {"value": "h@x"}}]);
    assert_eq!(refusal(&anna(), &whole, GENERIC), ScimType::NoTarget);
    let after = patched(&anna(), &whole, ENTRA);
    assert_eq!(after["emails"][1], json!({"type": "home", "value": "h@x"}));
}

#[test]
fn a_filter_that_describes_no_element_creates_none() {
    for filter in
        ["type eq \"a\" or type eq \"b\"", "not (type eq \"work\")", "type sw \"ho\"", "type ne \"work\""]
    {
        let operations = json!([{"op": "add", "path": format!("emails[{filter}].value"), "value": "x"}]);
        assert_eq!(refusal(&anna(), &operations, ENTRA), ScimType::NoTarget, "{filter}");
    }
}

#[test]
fn operations_on_one_value_path_fill_one_element() {
    let after = patched(
        &anna(),
        &json!([
            {"op": "Add", "path": "addresses[type eq \"work\"].streetAddress", "value": "100 Enterprise Blvd"},
            {"op": "Add", "path": "addresses[type eq \"work\"].locality", "value": "San Francisco"},
            {"op": "Replace", "path": "addresses[TYPE eq \"Work\"].country", "value": "US"}
        ]),
        GENERIC,
    );
    let expected = json!([{
        "type": "work", "streetAddress": "100 Enterprise Blvd", "locality": "San Francisco", "country": "US"
    }]);
    assert_eq!(after["addresses"], expected);
}

#[test]
fn elements_no_operation_names_survive() {
    let two = with(
        anna(),
        &json!({"emails": [
            {"value": "one@corp.example", "type": "work", "primary": true},
            {"value": "two@home.example", "type": "home"}
        ]}),
    );
    let after = patched(
        &two,
        &json!([{"op": "Replace", "path": "emails[type eq \"work\"].value", "value": "new@corp.example"}]),
        GENERIC,
    );
    let expected = json!([
        {"value": "new@corp.example", "type": "work", "primary": true},
        {"value": "two@home.example", "type": "home"}
    ]);
    assert_eq!(after["emails"], expected);
    let after = patched(&two, &json!([{"op": "remove", "path": "emails[type eq \"work\"]"}]), GENERIC);
    assert_eq!(after["emails"], json!([{"value": "two@home.example", "type": "home"}]));
    let after = patched(
        &two,
        &json!([{"op": "Remove", "path": "emails", "value": [{"value": "ONE@corp.example"}]}]),
        GENERIC,
    );
    assert_eq!(after["emails"], json!([{"value": "two@home.example", "type": "home"}]));
    assert_eq!(patched(&two, &json!([{"op": "Remove", "path": "emails", "value": []}]), GENERIC), two);
    let after = patched(&two, &json!([{"op": "Remove", "path": "emails"}]), GENERIC);
    assert_eq!(after.get("emails"), None);
}

#[test]
fn a_string_matches_a_boolean_and_creation_stamps_it() {
    let operations = json!([
        {"op": "Replace", "path": "roles[primary eq \"True\"].display", "value": "Reader"},
        {"op": "Replace", "path": "roles[primary eq \"True\"].value", "value": "r1"}
    ]);
    let after = patched(&anna(), &operations, ENTRA);
    assert_eq!(after["roles"], json!([{"primary": true, "display": "Reader", "value": "r1"}]));
    let held = with(anna(), &json!({"roles": [{"value": "r1", "primary": true}, {"value": "r0"}]}));
    let after = patched(
        &held,
        &json!([{"op": "Replace", "path": "roles[primary eq \"True\"].value", "value": "r2"}]),
        GENERIC,
    );
    assert_eq!(after["roles"], json!([{"value": "r2", "primary": true}, {"value": "r0"}]));
}

#[test]
fn a_new_primary_clears_the_one_before() {
    let cleared = json!([
        {"primary": false, "type": "work", "value": "anna.berg@corp.example"},
        {"type": "home", "value": "h@x", "primary": true}
    ]);
    for operations in [
        json!([{"op": "add", "path": "emails", "value": [{"type": "home", "value": "h@x", "primary": true}]}]),
        json!([
            {"op": "add", "path": "emails[type eq \"home\"].value", "value": "h@x"},
            {"op": "add", "path": "emails[type eq \"home\"].primary", "value": "True"}
        ]),
        json!([{"op": "add", "path": "emails[type eq \"home\"]", "value": {"value": "h@x", "primary": true}}]),
    ] {
        assert_eq!(patched(&anna(), &operations, GENERIC)["emails"], cleared, "{operations}");
    }
}

#[test]
fn of_two_primaries_sent_at_once_the_first_stays() {
    let value = json!([{"value": "a", "primary": true}, {"value": "b", "primary": true}]);
    let after = patched(&anna(), &json!([{"op": "replace", "path": "roles", "value": value}]), GENERIC);
    assert_eq!(after["roles"], json!([{"value": "a", "primary": true}, {"value": "b", "primary": false}]));
}

#[test]
fn adding_what_is_there_appends_nothing() {
    let add = |value: Value| json!([{"op": "add", "path": "emails", "value": value}]);
    let same = add(json!([{"value": "Anna.Berg@corp.example", "type": "work", "display": "Anna"}]));
    let expected = json!([
        {"primary": true, "type": "work", "value": "anna.berg@corp.example", "display": "Anna"}
    ]);
    assert_eq!(patched(&anna(), &same, GENERIC)["emails"], expected);
    let other = add(json!([{"value": "anna.berg@corp.example", "type": "home"}]));
    assert_eq!(patched(&anna(), &other, GENERIC)["emails"].as_array().unwrap().len(), 2);
    let single = add(json!({"value": "b@x"}));
    assert_eq!(patched(&anna(), &single, GENERIC)["emails"][1], json!({"value": "b@x"}));
    let address = json!([{"op": "add", "path": "addresses", "value": [{"locality": "L", "type": "work"}]}]);
    let once = patched(&anna(), &address, GENERIC);
    assert_eq!(patched(&once, &address, GENERIC), once);
}

#[test]
fn replacing_a_list_replaces_all_of_it() {
    let value = json!([{"value": "User", "type": "R", "primary": "False"}, {"value": "Admin", "colour": 1}, {}, null]);
    let after = patched(
        &with(anna(), &json!({"roles": [{"value": "Old"}]})),
        &json!([{"op": "replace", "path": "roles", "value": value}]),
        GENERIC,
    );
    assert_eq!(after["roles"], json!([{"value": "User", "type": "R", "primary": false}, {"value": "Admin"}]));
}

#[test]
fn an_emptied_sub_attribute_takes_a_meaningless_element_along() {
    let held = with(
        anna(),
        &json!({
            "phoneNumbers": [{"type": "work", "value": "1"}, {"type": "mobile", "value": "2"}],
            "addresses": [{"type": "work", "streetAddress": "S", "locality": "L"}]
        }),
    );
    let after = patched(
        &held,
        &json!([
            {"op": "replace", "path": "phoneNumbers[type eq \"work\"].value", "value": ""},
            {"op": "replace", "path": "addresses[type eq \"work\"].streetAddress", "value": ""},
            {"op": "replace", "path": "phoneNumbers[type eq \"fax\"].value", "value": ""}
        ]),
        GENERIC,
    );
    assert_eq!(after["phoneNumbers"], json!([{"type": "mobile", "value": "2"}]));
    assert_eq!(after["addresses"], json!([{"type": "work", "locality": "L"}]));
    for operation in [
        json!({"op": "replace", "path": "emails[type eq \"home\"]", "value": {"value": null}}),
        json!({"op": "Remove", "path": "emails[type eq \"home\"].value", "value": "updated@example.org"}),
    ] {
        assert_eq!(patched(&held, &json!([operation]), ENTRA), held, "{operation}");
    }
    let after = patched(
        &held,
        &json!([{"op": "Remove", "path": "emails[type eq \"work\"].value", "value": "updated@example.org"}]),
        GENERIC,
    );
    assert_eq!(after.get("emails"), None);
}

#[test]
fn a_sub_attribute_without_a_filter_means_every_element() {
    let after =
        patched(&anna(), &json!([{"op": "replace", "path": "emails.value", "value": "n@x"}]), GENERIC);
    assert_eq!(after["emails"], json!([{"primary": true, "type": "work", "value": "n@x"}]));
    let after = patched(&anna(), &json!([{"op": "add", "path": "roles.value", "value": "r"}]), GENERIC);
    assert_eq!(after["roles"], json!([{"value": "r"}]));
}

#[test]
fn adding_elements_that_are_there_changes_nothing_though_others_share_their_value_and_type() {
    let emails = json!([
        { "value": "a@x.example", "type": "work", "display": "first" },
        { "value": "a@x.example", "type": "work", "display": "second" },
    ]);
    let user = with(anna(), &json!({ "emails": emails }));
    let add = json!([{ "op": "add", "path": "emails", "value": emails }]);
    assert_eq!(patched(&user, &add, GENERIC), user);
}
