use serde_json::{Value, json};

use super::decode;
use crate::scim::catalog::Catalog;
use crate::scim::coerce::{self, Intake};
use crate::scim::error::{ScimError, ScimType};
use crate::scim::member::Member;
use crate::scim::schema::{ENTERPRISE_USER, GATEWAY_USER, GROUP, ResourceKind, USER};

fn user(body: &Value) -> Value {
    decode(body, &Catalog::standard().user).unwrap()
}

fn decode_group(body: &Value) -> crate::scim::error::Result<(Value, Option<Vec<Member>>)> {
    super::decode_group(body, &Catalog::standard().group)
}

fn refused(body: &Value) -> ScimError {
    decode(body, &Catalog::standard().user).unwrap_err()
}

/// A body with one attribute beside `userName`.
fn with(name: &str, value: Value) -> Value {
    let mut body = json!({ "userName": "anna" });
    body[name] = value;
    body
}

#[test]
fn names_come_out_in_the_case_of_the_schema() {
    let body = json!({
        "USERNAME": "anna",
        "Name": { "GIVENNAME": "Anna" },
        "Emails": [{ "Value": "anna@corp.example", "Primary": true }],
        "URN:IETF:params:scim:schemas:extension:enterprise:2.0:user": { "DEPARTMENT": "Sales" },
    });
    let expected = json!({
        "schemas": [USER, ENTERPRISE_USER],
        "userName": "anna",
        "name": { "givenName": "Anna" },
        "emails": [{ "value": "anna@corp.example", "primary": true }],
        ENTERPRISE_USER: { "department": "Sales" },
    });
    assert_eq!(user(&body), expected);
}

#[test]
fn what_the_client_may_not_write_is_left_out() {
    let body = json!({
        "schemas": [USER, "urn:example:custom"],
        "id": "1", "meta": { "created": "2001-01-01T00:00:00Z" }, "groups": [{ "value": "g" }],
        "password": "secret", "custom": { "shoe": "43" }, "userName": "anna",
        GATEWAY_USER: { "accountId": "a-1" },
        ENTERPRISE_USER: { "manager": { "value": "m", "displayName": "Max" } },
    });
    let expected = json!({
        "schemas": [USER, ENTERPRISE_USER], "userName": "anna",
        ENTERPRISE_USER: { "manager": { "value": "m" } },
    });
    assert_eq!(user(&body), expected);
}

#[test]
fn null_empty_lists_and_empty_strings_mean_unassigned() {
    let body = json!({
        "schemas": [USER, ENTERPRISE_USER], "userName": "anna", "title": "", "nickName": null, "addresses": null,
        "phoneNumbers": [], "roles": [null], "name": { "middleName": "", "givenName": null },
        "emails": [{ "type": "work", "value": "" }], "active": null,
        ENTERPRISE_USER: { "department": null, "manager": "" },
    });
    assert_eq!(user(&body), json!({ "schemas": [USER], "userName": "anna", "emails": [{ "type": "work" }] }));
    assert_eq!(user(&with(ENTERPRISE_USER, Value::Null)), json!({ "schemas": [USER], "userName": "anna" }));
}

#[test]
fn booleans_may_be_words() {
    for (sent, meant) in [("True", true), ("true", true), ("False", false), ("FALSE", false)] {
        assert_eq!(user(&with("active", json!(sent)))["active"], json!(meant));
    }
    let body = with("emails", json!([{ "value": "a@corp.example", "primary": "True" }]));
    assert_eq!(user(&body)["emails"][0]["primary"], json!(true));
}

#[test]
fn an_active_that_cannot_be_understood_is_refused() {
    for sent in [json!("yes"), json!(""), json!(0), json!(1), json!([]), json!([false]), json!({})] {
        let error = refused(&with("active", sent.clone()));
        assert_eq!((error.status, error.scim_type), (400, Some(ScimType::InvalidValue)), "{sent}");
        assert!(error.detail.contains("`active`"), "{}", error.detail);
    }
}

#[test]
fn single_values_and_lists_stand_in_for_each_other() {
    let object = json!({ "value": "a@corp.example", "type": "work" });
    assert_eq!(user(&with("emails", object.clone()))["emails"], json!([object]));
    let bare = user(&with("emails", json!("a@corp.example")));
    assert_eq!(bare["emails"], json!([{ "value": "a@corp.example" }]));
    let bare = user(&with("emails", json!(["a@corp.example", "b@corp.example"])));
    assert_eq!(bare["emails"], json!([{ "value": "a@corp.example" }, { "value": "b@corp.example" }]));
    for manager in [json!("m"), json!({ "value": "m" }), json!([{ "value": "m" }]), json!(["m"])] {
        let body = with(ENTERPRISE_USER, json!({ "manager": manager }));
        assert_eq!(user(&body)[ENTERPRISE_USER]["manager"], json!({ "value": "m" }));
    }
}

#[test]
fn a_string_for_a_complex_value_without_value_is_refused() {
    assert_eq!(refused(&with("name", json!("Anna"))).detail, "`name` is a string, expected an object");
    assert_eq!(refused(&with("name", json!([{}, {}]))).detail, "`name` is a list, expected an object");
}

#[test]
fn json_inside_a_string_is_a_role() {
    let packed = r#"{"id":"7","value":"Admin","displayName":"Administrator"}"#;
    let role = json!({ "value": "Admin", "display": "Administrator" });
    assert_eq!(user(&with("roles", json!([packed])))["roles"], json!([role]));
    assert_eq!(user(&with("roles", json!(packed)))["roles"], json!([role]));
    assert_eq!(user(&with("roles", json!(format!("[{packed}]"))))["roles"], json!([role]));
    let inside = user(&with("roles", json!([{ "value": packed, "primary": "True" }])));
    assert_eq!(inside["roles"], json!([{ "value": "Admin", "display": "Administrator", "primary": true }]));
    assert_eq!(user(&with("roles", json!(["Admin"])))["roles"], json!([{ "value": "Admin" }]));
}

#[test]
fn a_wrong_type_names_the_attribute_what_was_found_and_what_was_expected() {
    let cases = [
        ("title", json!(7), "`title` is a number, expected a string"),
        ("profileUrl", json!(true), "`profileUrl` is a boolean, expected a string"),
        ("emails", json!([7]), "`emails` is a number, expected a list, each value an object"),
        ("emails", json!([{ "value": 7 }]), "`emails.value` is a number, expected a string"),
        ("title", json!(["Engineer"]), "`title` is a list, expected a string"),
        (ENTERPRISE_USER, json!("x"), &format!("`{ENTERPRISE_USER}` is a string, expected an object")),
    ];
    for (name, value, detail) in cases {
        let error = refused(&with(name, value));
        assert_eq!((error.scim_type, error.detail.as_str()), (Some(ScimType::InvalidValue), detail));
    }
    let error = refused(&json!([]));
    assert_eq!(error.scim_type, Some(ScimType::InvalidSyntax));
    assert_eq!(error.detail, "the body is a list, expected an object");
}

#[test]
fn optional_text_is_not_checked_and_not_changed() {
    let body = json!({
        "userName": " Zoë.Müller@Corp.Example ", "locale": "HNULHBRG", "profileUrl": "ROQHEOEE",
        "timezone": "nowhere", "externalId": "00uJANE",
        "addresses": [{ "country": "Gibraltar", "primary": true }],
        "phoneNumbers": [{ "value": "1", "type": "work" }, { "value": "1", "type": "fax" }],
    });
    let mut expected = body.clone();
    expected["schemas"] = json!([USER]);
    assert_eq!(user(&body), expected);
}

#[test]
fn an_identifier_holds_no_control_characters() {
    for (name, value) in [("userName", "anna\nberg"), ("externalId", "a\u{7f}b"), ("title", "a\u{0}b")] {
        let mut body = json!({ "userName": "anna" });
        body[name] = json!(value);
        assert_eq!(refused(&body).detail, format!("`{name}` holds a control character"));
    }
    assert_eq!(user(&with("title", json!("two\nlines")))["title"], json!("two\nlines"));
}

#[test]
fn two_primary_values_are_refused() {
    let both = json!([{ "value": "a", "primary": true }, { "value": "b", "primary": "true" }]);
    assert_eq!(
        refused(&with("emails", both)).detail,
        "`emails` has 2 primary values, expected one at the most"
    );
}

#[test]
fn flat_keys_reach_into_complex_values_and_extensions() {
    let body = json!({
        "userName": "anna",
        "name": { "familyName": "Berg" },
        "name.givenName": "Anna",
        "urn:ietf:params:scim:schemas:core:2.0:User:title": "Engineer",
        format!("{ENTERPRISE_USER}:department"): "Sales",
        format!("{ENTERPRISE_USER}.manager"): "m",
        format!("{ENTERPRISE_USER}:nothing"): "x",
        "name.nothing": "x",
        "emails.value": "x",
    });
    let expected = json!({
        "schemas": [USER, ENTERPRISE_USER],
        "userName": "anna",
        "name": { "familyName": "Berg", "givenName": "Anna" },
        "title": "Engineer",
        ENTERPRISE_USER: { "department": "Sales", "manager": { "value": "m" } },
    });
    assert_eq!(user(&body), expected);
}

#[test]
fn an_attribute_that_is_there_twice_must_say_the_same() {
    assert_eq!(user(&json!({ "userName": "a", "active": false, "Active": "False" }))["active"], json!(false));
    let error = refused(&json!({ "userName": "a", "active": false, "Active": true }));
    assert_eq!(error.detail, "`active` is there twice with different values");
}

#[test]
fn required_attributes_must_be_filled() {
    for body in [json!({}), json!({ "userName": null }), json!({ "userName": " " })] {
        assert_eq!(refused(&body).detail, "`userName` is missing or empty");
    }
    assert_eq!(refused(&json!({ "userName": "" })).detail, "`userName` is empty, expected a value");
    let error = decode_group(&json!({ "members": [] })).unwrap_err();
    assert_eq!(
        (error.scim_type, error.detail.as_str()),
        (Some(ScimType::InvalidValue), "`displayName` is missing or empty")
    );
}

#[test]
fn a_date_must_be_one() {
    use crate::scim::schema::Attribute;
    let started: Attribute =
        serde_json::from_value(json!({ "name": "started", "type": "dateTime" })).unwrap();
    let checked = |sent: Value| coerce::value(&started, "started", &sent, Intake::Resource);
    for fine in ["2011-05-13T04:42:34Z", "2011-05-13T04:42:34.1234567+02:00"] {
        assert_eq!(checked(json!(fine)).unwrap(), Some(json!(fine)));
    }
    for wrong in [json!("yesterday"), json!("2011-05-13"), json!(13)] {
        assert_eq!(checked(wrong).unwrap_err().scim_type, Some(ScimType::InvalidValue));
    }
    assert_eq!(checked(json!("")).unwrap(), None);
}

#[test]
fn numbers_must_be_of_their_kind() {
    use crate::scim::schema::Attribute;
    let attribute =
        |kind: &str| -> Attribute { serde_json::from_value(json!({ "name": "n", "type": kind })).unwrap() };
    let checked = |kind: &str, sent: Value| coerce::value(&attribute(kind), "n", &sent, Intake::Resource);
    assert_eq!(checked("integer", json!(7)).unwrap(), Some(json!(7)));
    assert_eq!(checked("decimal", json!(7.5)).unwrap(), Some(json!(7.5)));
    assert_eq!(checked("integer", json!(7.5)).unwrap_err().detail, "`n` is a number, expected an integer");
    assert!(checked("integer", json!("7")).is_err());
}

#[test]
fn members_travel_apart_from_the_group() {
    let body = json!({
        "schemas": [GROUP, "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],
        "displayName": "Staff", "externalId": "g-1",
        "Members": [
            { "$ref": null, "value": "u1" },
            { "Value": "u2", "display": "boris", "type": "user" },
            "u3",
            { "value": "u1", "display": "anna" },
        ],
    });
    let (group, members) = decode_group(&body).unwrap();
    assert_eq!(group, json!({ "schemas": [GROUP], "displayName": "Staff", "externalId": "g-1" }));
    let expected = vec![
        Member { value: "u1".into(), display: Some("anna".into()), kind: None },
        Member { value: "u2".into(), display: Some("boris".into()), kind: Some(ResourceKind::User) },
        Member::new("u3"),
    ];
    assert_eq!(members, Some(expected));
}

#[test]
fn members_not_named_differ_from_members_emptied() {
    let members = |body: Value| decode_group(&body).unwrap().1;
    assert_eq!(members(json!({ "displayName": "Staff" })), None);
    assert_eq!(members(json!({ "displayName": "Staff", "members": [] })), Some(vec![]));
    assert_eq!(members(json!({ "displayName": "Staff", "members": null })), Some(vec![]));
    assert_eq!(
        members(json!({ "displayName": "Staff", "members": { "value": "u1" } })),
        Some(vec![Member::new("u1")])
    );
}

#[test]
fn a_member_without_an_id_is_refused() {
    for member in
        [json!({}), json!({ "display": "x" }), json!({ "value": "" }), json!({ "value": 7 }), json!(7)]
    {
        let error = decode_group(&json!({ "displayName": "Staff", "members": [member] })).unwrap_err();
        assert_eq!((error.status, error.scim_type), (400, Some(ScimType::InvalidValue)));
        assert!(error.detail.starts_with("`members"), "{}", error.detail);
    }
}
