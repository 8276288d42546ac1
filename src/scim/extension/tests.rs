use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Extension, Flaw, Write, check_new, clash, fit, read, settle};
use crate::scim::catalog::Catalog;
use crate::scim::decode::decode;
use crate::scim::discovery::{self, Surface};
use crate::scim::error::ScimType;
use crate::scim::filter::Filter;
use crate::scim::patch::{Options, Patch};
use crate::scim::project::{Projection, Written};
use crate::scim::schema::{
    Attribute, ENTERPRISE_USER, Mutability, ResourceKind, ResourceType, Returned, Schema, Type, USER,
    Uniqueness,
};
use crate::scim::sort::{Sort, SortKey};

const URN: &str = "urn:acme:params:scim:schemas:extension:badge:2.0:User";

fn acme() -> Value {
    json!({
        "id": URN,
        "name": "Badge",
        "description": "What the doors know",
        "attributes": [
            { "name": "badgeNumber", "type": "string", "caseExact": true },
            { "name": "floor", "type": "integer" },
            { "name": "hired", "type": "dateTime", "mutability": "immutable" },
            { "name": "pin", "type": "string", "mutability": "writeOnly", "returned": "never" },
            { "name": "note", "type": "string", "returned": "request" },
            { "name": "printed", "type": "boolean", "mutability": "readOnly" },
            { "name": "site", "type": "complex", "subAttributes": [
                { "name": "code", "type": "string", "required": true },
                { "name": "opened", "type": "string", "mutability": "immutable" },
                { "name": "secret", "type": "string", "returned": "never" },
            ] },
            { "name": "doors", "type": "complex", "multiValued": true, "subAttributes": [
                { "name": "value", "type": "string" },
                { "name": "type", "type": "string", "canonicalValues": ["front", "back"] },
                { "name": "primary", "type": "boolean" },
            ] },
            { "name": "tags", "type": "string", "multiValued": true },
        ],
    })
}

fn extended(document: &Value, required: bool) -> ResourceType {
    let schema = read(&document.to_string()).unwrap();
    Catalog::with(&[Extension { kind: ResourceKind::User, required, schema }]).user
}

fn user() -> ResourceType {
    extended(&acme(), false)
}

/// A person with these attributes of the extension.
fn anna(badge: &Value) -> Value {
    json!({ "schemas": [USER, URN], "userName": "anna", "active": true, URN: badge })
}

fn flaws(text: &str) -> Vec<(Option<usize>, String)> {
    read(text).unwrap_err().into_iter().map(|Flaw { line, text, .. }| (line, text)).collect()
}

/// The one flaw of a document with this in the place of its attributes.
fn flaw(attributes: &Value) -> String {
    let document = json!({ "id": URN, "name": "Badge", "attributes": attributes });
    let found = flaws(&document.to_string());
    assert_eq!(found.len(), 1, "{found:?}");
    found.into_iter().map(|(_, text)| text).collect()
}

#[test]
fn what_is_left_out_has_the_defaults_of_rfc_7643_2_2() {
    let schema = read(&acme().to_string()).unwrap();
    let floor = schema.attribute("FLOOR").unwrap();
    let expected = Attribute {
        name: "floor".to_owned(),
        kind: Type::Integer,
        multi_valued: false,
        description: String::new(),
        required: false,
        case_exact: false,
        mutability: Mutability::ReadWrite,
        returned: Returned::Default,
        uniqueness: Uniqueness::None,
        canonical_values: Vec::new(),
        reference_types: Vec::new(),
        sub_attributes: Vec::new(),
    };
    assert_eq!(*floor, expected);
}

#[test]
fn every_flaw_of_a_document_is_told_at_once_with_its_line() {
    let text = r#"{
  "id": "urn:ietf:params:scim:schemas:core:2.0:User",
  "attributes": [
    { "type": "string" },
    { "name": "a",
      "type": "text",
      "mutability": "fixed", "returned": "sometimes", "uniqueness": "server" },
    { "name": "A b", "type": "string", "Required": true }
  ]
}"#;
    let expected = [
        (1, "name: is missing"),
        (2, "id: `urn:ietf:params:scim:schemas:core:2.0:User` is reserved"),
        (4, "attributes[0].name: is missing"),
        (6, "attributes[1].type: found `text`"),
        (7, "attributes[1].mutability: found `fixed`"),
        (7, "attributes[1].returned: found `sometimes`"),
        (8, "attributes[2].Required: unknown key"),
        (8, "attributes[2].name: found `A b`, expected a letter, then letters, digits, `-` and `_`"),
    ];
    let expected: Vec<_> = expected.into_iter().map(|(line, text)| (Some(line), text.to_owned())).collect();
    assert_eq!(flaws(text), expected);
}

#[test]
fn what_is_no_schema_is_refused_as_a_whole() {
    assert_eq!(flaws("{\n\"id\": }").first().unwrap().0, Some(2));
    assert_eq!(flaws("[]"), [(Some(1), "the document is no object".to_owned())]);
    assert!(flaws(&" ".repeat(super::MAX_BYTES + 1))[0].1.contains("expected 262144 at the most"));
    assert_eq!(flaws("{\"id\": 1, \"ID\": 2}").len(), 1);
    let many: Vec<Value> = (0..201).map(|n| json!({ "name": format!("a{n}"), "type": "string" })).collect();
    assert_eq!(flaw(&json!(many)), "attributes: has 201 definitions, expected 200 at the most");
}

#[test]
fn what_does_not_go_together_is_refused() {
    let sub =
        |sub: Value| json!([{ "name": "a", "type": "complex", "multiValued": true, "subAttributes": [sub] }]);
    let cases = [
        (json!([{ "name": "a" }]), "attributes[0].type: is missing"),
        (
            json!([{ "name": "Meta", "type": "string" }]),
            "attributes[0].name: every resource has a core attribute `Meta`",
        ),
        (json!([]), "attributes: is no list with at least one definition"),
        (
            json!([{ "name": "a", "type": "string" }, { "name": "A", "type": "string" }]),
            "attributes[1].name: the name stands here twice; case does not count",
        ),
        (json!([{ "name": "a", "type": "complex" }]), "attributes[0].subAttributes: is missing"),
        (
            json!([{ "name": "a", "type": "string", "uniqueness": "server" }]),
            "attributes[0].uniqueness: the gateway has no index of custom attributes to hold it to",
        ),
        (
            json!([{ "name": "a", "type": "string", "mutability": "writeOnly" }]),
            "attributes[0].returned: a writeOnly attribute is never returned (RFC 7643 section 7)",
        ),
        (
            json!([{ "name": "a", "type": "string", "required": true, "returned": "never" }]),
            "attributes[0].required: a value that is never returned is not kept, so nobody can tell whether it is there",
        ),
        (
            json!([{ "name": "a", "type": "string", "required": true, "mutability": "readOnly" }]),
            "attributes[0].required: nobody can send a readOnly attribute",
        ),
        (
            json!([{ "name": "a", "type": "string", "subAttributes": [{ "name": "b", "type": "string" }] }]),
            "attributes[0].subAttributes: belongs to complex attributes only",
        ),
        (
            json!([{ "name": "a", "type": "boolean", "canonicalValues": ["x"] }]),
            "attributes[0].canonicalValues: belongs to texts only",
        ),
        (
            sub(
                json!({ "name": "b", "type": "complex", "subAttributes": [{ "name": "c", "type": "string" }] }),
            ),
            "attributes[0].subAttributes[0].type: a complex attribute stands in a complex one (RFC 7643 section 2.3.8)",
        ),
        (
            sub(json!({ "name": "externalId", "type": "string" })),
            "attributes[0].subAttributes[0].name: every resource has a core attribute `externalId`",
        ),
        (
            sub(json!({ "name": "primary", "type": "string" })),
            "attributes[0].subAttributes[0].type: `primary` has a meaning of its own (RFC 7643 section 2.4)",
        ),
        (
            sub(json!({ "name": "b", "type": "string", "multiValued": true })),
            "attributes[0].subAttributes[0].multiValued: a sub-attribute has one value here",
        ),
        (
            sub(json!({ "name": "b", "type": "string", "mutability": "immutable" })),
            "attributes[0].subAttributes[0].mutability: nothing tells which value of a list a value was before",
        ),
    ];
    for (attributes, expected) in cases {
        assert_eq!(flaw(&attributes), expected);
    }
}

#[test]
fn a_urn_is_the_administrators_own_and_stands_once() {
    for urn in [USER, ENTERPRISE_USER, "urn:ietf:params:scim:schemas:core:2.0:Printer", "URN:Portcullis:x:y"]
    {
        assert_eq!(clash(urn, []), Some(format!("`{urn}` is reserved")));
    }
    assert_eq!(
        clash(&format!("{ENTERPRISE_USER}:acme"), []),
        Some(format!("`{ENTERPRISE_USER}:acme` is reserved"))
    );
    assert_eq!(clash(URN, [URN.to_uppercase().as_str()]), Some(format!("`{URN}` stands here twice")));
    assert!(clash(URN, ["urn:acme:params:scim:schemas:extension:badge:2"]).is_some());
    assert_eq!(clash(URN, ["urn:acme:params:scim:schemas:extension:other:2.0:User"]), None);
    assert_eq!(clash("urn:ietf:params:scim:schemas:extension:Acme:2.0:User", []), None);
    for id in ["acme", "urn:acme", "urn::User", "urn:acme:us er", "http://acme.example/schema"] {
        let document = json!({ "id": id, "name": "x", "attributes": [{ "name": "a", "type": "string" }] });
        assert_eq!(flaws(&document.to_string()).len(), 1, "{id}");
    }
}

#[test]
fn a_body_may_name_the_attributes_in_every_form() {
    let nested = json!({ "userName": "anna", URN: {
        "BADGENUMBER": "B-1", "site": { "code": "HQ", "secret": "x" }, "doors": [{ "value": "1", "primary": "True" }],
        "pin": "1234", "printed": true, "unknown": 1, "tags": "one",
    } });
    let flat = json!({
        "userName": "anna",
        format!("{}:badgeNumber", URN.to_uppercase()): "B-1",
        format!("{URN}:site.code"): "HQ",
        format!("{URN}:doors"): { "value": "1", "primary": true },
        format!("{URN}:tags"): ["one"],
        format!("{URN}:pin"): "1234",
    });
    let expected = json!({ "schemas": [USER, URN], "userName": "anna", URN: {
        "badgeNumber": "B-1", "site": { "code": "HQ" }, "doors": [{ "value": "1", "primary": true }], "tags": ["one"],
    } });
    for body in [nested, flat] {
        assert_eq!(decode(&body, &user()).unwrap(), expected);
    }
    let error = decode(&json!({ "userName": "anna", URN: { "floor": "3" } }), &user()).unwrap_err();
    assert_eq!(error.detail, format!("`{URN}:floor` is a string, expected an integer"));
}

#[test]
fn a_patch_may_name_the_attributes_in_every_form() {
    let cases = [
        json!({ "op": "add", "path": format!("{URN}:badgeNumber"), "value": "B-2" }),
        json!({ "op": "Replace", "path": URN.to_uppercase(), "value": { "badgeNumber": "B-2" } }),
        json!({ "op": "add", "value": { URN: { "badgeNumber": "B-2" } } }),
        json!({ "op": "add", "value": { format!("{URN}:badgeNumber"): "B-2" } }),
        json!({ "op": "add", "path": "badgeNumber", "value": "B-2" }),
    ];
    for operation in cases {
        let mut resource = json!({ "schemas": [USER], "userName": "anna" });
        let patch = Patch::parse(&json!({ "Operations": [operation] }), &user()).unwrap();
        assert!(patch.apply(&mut resource, &Options::default()).unwrap());
        assert_eq!(
            resource,
            json!({ "schemas": [USER, URN], "userName": "anna", URN: { "badgeNumber": "B-2" } })
        );
    }
    let mut resource =
        anna(&json!({ "site": { "code": "HQ" }, "doors": [{ "value": "1", "type": "front" }] }));
    let patch = json!({ "Operations": [
        { "op": "replace", "path": format!("{URN}:site.code"), "value": "LAB" },
        { "op": "replace", "path": format!("{URN}:doors[type eq \"front\"].value"), "value": "2" },
        { "op": "add", "path": format!("{URN}:tags"), "value": ["one"] },
        { "op": "add", "path": format!("{URN}:pin"), "value": "1234" },
        { "op": "add", "path": format!("{URN}:site.secret"), "value": "x" },
    ] });
    Patch::parse(&patch, &user()).unwrap().apply(&mut resource, &Options::default()).unwrap();
    let expected =
        json!({ "site": { "code": "LAB" }, "doors": [{ "value": "2", "type": "front" }], "tags": ["one"] });
    assert_eq!(resource[URN], expected);
    let refused = json!({ "Operations": [{ "op": "add", "path": format!("{URN}:printed"), "value": true }] });
    assert_eq!(Patch::parse(&refused, &user()).unwrap_err().scim_type, Some(ScimType::Mutability));
}

#[test]
fn removing_the_urn_removes_the_extension_unless_it_is_required() {
    let patch = json!({ "Operations": [{ "op": "remove", "path": URN }] });
    let mut document = acme();
    document["attributes"][0]["required"] = json!(true);
    let mut resource = anna(&json!({ "badgeNumber": "B-1", "floor": 1 }));
    let optional = extended(&document, false);
    Patch::parse(&patch, &optional).unwrap().apply(&mut resource, &Options::default()).unwrap();
    assert_eq!(resource, json!({ "schemas": [USER], "userName": "anna", "active": true }));
    let error = Patch::parse(&patch, &extended(&document, true)).unwrap_err();
    assert_eq!(error.scim_type, Some(ScimType::Mutability));
    let one = json!({ "Operations": [{ "op": "remove", "path": format!("{URN}:badgeNumber") }] });
    assert_eq!(Patch::parse(&one, &optional).unwrap_err().scim_type, Some(ScimType::Mutability));
}

#[test]
fn filters_and_orders_follow_the_definition() {
    let user = user();
    let badge = json!({ "badgeNumber": "B-1", "floor": 12, "hired": "2026-01-31T08:00:00Z", "doors": [{ "value": "7" }] });
    let resource = anna(&badge);
    let matches = |filter: &str| Filter::parse(filter, &user).unwrap().matches(&resource);
    for filter in
        ["badgeNumber eq \"B-1\"", "floor gt 9", "hired lt \"2026-02-01T00:00:00Z\"", "doors[value eq \"7\"]"]
    {
        assert!(matches(&format!("{URN}:{filter}")), "{filter}");
        assert!(matches(&format!("{}:{filter}", URN.to_uppercase())), "{filter}");
    }
    assert!(matches(&format!("{URN} pr")) && matches("badgeNumber sw \"B\""));
    // `caseExact`.
    assert!(!matches(&format!("{URN}:badgeNumber eq \"b-1\"")));
    assert!(Filter::parse(&format!("{URN}:floor co \"1\""), &user).is_err());
    let sort = Sort::parse(Some(&format!("{URN}:floor")), None, &[&user]).unwrap().unwrap();
    assert_eq!(sort.key(ResourceKind::User, &resource), SortKey::Number(12));
}

#[test]
fn an_attribute_on_request_is_shown_when_named_and_after_it_was_written() {
    let user = user();
    let resource = anna(&json!({ "badgeNumber": "B-1", "note": "blue" }));
    let shown = |attributes: Option<&str>, excluded: Option<&str>, written: &Written| {
        Projection::parse_after(attributes, excluded, &user, written).unwrap().apply(resource.clone())[URN]
            .clone()
    };
    let nothing = Written::default();
    assert_eq!(shown(None, None, &nothing), json!({ "badgeNumber": "B-1" }));
    assert_eq!(shown(Some(&format!("{URN}:note")), None, &nothing), json!({ "note": "blue" }));
    assert_eq!(shown(Some(URN), None, &nothing), json!({ "badgeNumber": "B-1", "note": "blue" }));
    let by_body = Written::by_body(&resource);
    let patch = json!({ "Operations": [{ "op": "add", "path": format!("{URN}:note"), "value": "blue" }] });
    let by_patch = Written::by_patch(&Patch::parse(&patch, &user).unwrap());
    for written in [by_body, by_patch] {
        assert_eq!(shown(None, None, &written), json!({ "badgeNumber": "B-1", "note": "blue" }));
        assert_eq!(shown(None, Some(&format!("{URN}:note")), &written), json!({ "badgeNumber": "B-1" }));
        assert_eq!(shown(Some("userName"), None, &written), Value::Null);
    }
}

#[test]
fn an_immutable_value_stays() {
    let user = user();
    let before = anna(
        &json!({ "hired": "2026-01-31T08:00:00Z", "site": { "code": "HQ", "opened": "May" }, "floor": 1 }),
    );
    let settled = |badge: Value, write: Write| {
        let mut after = anna(&badge);
        settle(&before, &mut after, write, &user).map(|()| after[URN].clone())
    };
    let kept =
        json!({ "floor": 2, "hired": "2026-01-31T08:00:00Z", "site": { "code": "LAB", "opened": "May" } });
    // RFC 7644 §3.5.1: a PUT that leaves it out leaves it, one with another value is refused.
    assert_eq!(settled(json!({ "floor": 2, "site": { "code": "LAB" } }), Write::Replace), Ok(kept));
    for (badge, write) in [
        (
            json!({ "hired": "2027-01-31T08:00:00Z", "site": { "code": "HQ", "opened": "May" } }),
            Write::Replace,
        ),
        (
            json!({ "hired": "2026-01-31T08:00:00Z", "site": { "code": "HQ", "opened": "June" } }),
            Write::Patch,
        ),
        (json!({ "site": { "code": "HQ", "opened": "May" } }), Write::Patch),
    ] {
        assert_eq!(settled(badge, write).unwrap_err().scim_type, Some(ScimType::Mutability));
    }
    // §3.5.2: it may be added where there is none.
    let mut after = anna(&json!({ "hired": "2026-01-31T08:00:00Z" }));
    assert_eq!(settle(&anna(&json!({})), &mut after, Write::Patch, &user), Ok(()));
}

#[test]
fn required_means_required_where_the_extension_is() {
    let mut document = acme();
    document["attributes"][0]["required"] = json!(true);
    let (optional, required) = (extended(&document, false), extended(&document, true));
    let bare = json!({ "schemas": [USER], "userName": "anna" });
    assert_eq!(check_new(&bare, &optional), Ok(()));
    assert_eq!(check_new(&bare, &required).unwrap_err().detail, format!("`{URN}` is missing or empty"));
    let half = anna(&json!({ "floor": 1 }));
    assert_eq!(
        check_new(&half, &optional).unwrap_err().detail,
        format!("`{URN}:badgeNumber` is missing or empty")
    );
    let site = anna(&json!({ "badgeNumber": "B-1", "site": { "opened": "May" } }));
    assert_eq!(
        check_new(&site, &optional).unwrap_err().detail,
        format!("`{URN}:site.code` is missing or empty")
    );
    // What a PATCH does not touch is not asked for.
    let mut after = half.clone();
    assert_eq!(settle(&half, &mut after, Write::Patch, &required), Ok(()));
    assert!(settle(&half, &mut half.clone(), Write::Replace, &required).is_err());
}

#[test]
fn who_loses_access_is_not_held_up_by_an_extension() {
    let mut document = acme();
    document["attributes"][0]["required"] = json!(true);
    let user = extended(&document, true);
    let before = anna(&json!({ "badgeNumber": "B-1", "hired": "2026-01-31T08:00:00Z" }));
    let mut leaves = json!({ "schemas": [USER], "userName": "anna", "active": false });
    settle(&before, &mut leaves, Write::Replace, &user).unwrap();
    assert_eq!(
        leaves,
        json!({ "schemas": [USER, URN], "userName": "anna", "active": false, URN: before[URN] })
    );
}

#[test]
fn what_a_changed_configuration_no_longer_knows_is_not_shown() {
    let stored = json!({
        "schemas": [USER, URN], "userName": "anna", "urn:old:ext:User": { "a": 1 },
        URN: { "badgeNumber": "B-1", "floor": "ground", "gone": true, "pin": "1234" },
    });
    let mut resource = stored.as_object().unwrap().clone();
    fit(&mut resource, &user());
    assert_eq!(resource.get(URN), Some(&json!({ "badgeNumber": "B-1" })));
    assert!(!resource.contains_key("urn:old:ext:User"));
    fit(&mut resource, &Catalog::standard().user);
    assert!(!resource.contains_key(URN));
}

fn kinds() -> impl Strategy<Value = Type> {
    prop::sample::select(vec![
        Type::String,
        Type::Boolean,
        Type::Decimal,
        Type::Integer,
        Type::DateTime,
        Type::Binary,
        Type::Reference,
    ])
}

prop_compose! {
    fn plain(in_list: bool)(
        name in "[a-z][A-Za-z0-9_-]{0,9}x",
        kind in kinds(),
        description in "\\PC{0,20}",
        flags in any::<[bool; 3]>(),
        mutability in 0..4_usize,
        returned in 0..4_usize,
        words in prop::collection::vec("\\PC{0,6}", 0..3),
    ) -> Attribute {
        let [multi_valued, required, case_exact] = flags;
        let mutability = [Mutability::ReadWrite, Mutability::ReadOnly, Mutability::Immutable, Mutability::WriteOnly][mutability];
        let mutability = if in_list { Mutability::ReadWrite } else { mutability };
        let returned = [Returned::Default, Returned::Always, Returned::Request, Returned::Never][returned];
        let returned = if mutability == Mutability::WriteOnly { Returned::Never } else { returned };
        let kept = returned != Returned::Never && mutability != Mutability::ReadOnly;
        let texts = matches!(kind, Type::String | Type::Reference);
        Attribute {
            name, kind, multi_valued, description, case_exact, mutability, returned,
            required: required && kept,
            uniqueness: Uniqueness::None,
            canonical_values: if texts { words.clone() } else { Vec::new() },
            reference_types: if kind == Type::Reference { words } else { Vec::new() },
            sub_attributes: Vec::new(),
        }
    }
}

fn distinct(attributes: Vec<Attribute>) -> Vec<Attribute> {
    let mut seen = std::collections::BTreeSet::new();
    attributes.into_iter().filter(|each| seen.insert(each.name.to_ascii_lowercase())).collect()
}

prop_compose! {
    fn attribute()(
        mut whole in plain(false),
        subs in prop::option::of(prop::collection::vec(plain(true), 1..4)),
    ) -> Attribute {
        if let Some(subs) = subs {
            let single = |sub: Attribute| Attribute { multi_valued: false, ..sub };
            whole.kind = Type::Complex;
            whole.canonical_values.clear();
            whole.reference_types.clear();
            whole.sub_attributes = distinct(subs.into_iter().map(single).collect());
            whole.required &= whole.sub_attributes.iter().any(|sub| sub.returned != Returned::Never);
        }
        whole
    }
}

prop_compose! {
    fn schema()(
        name in "[A-Za-z]{1,10}",
        description in "\\PC{0,20}",
        attributes in prop::collection::vec(attribute(), 1..6),
    ) -> Schema {
        Schema { id: format!("urn:acme:{name}:2.0:User"), name, description, attributes: distinct(attributes) }
    }
}

/// A value of the attribute's type.
fn value(attribute: &Attribute) -> Value {
    let one = match attribute.kind {
        Type::String | Type::Reference => json!("Zoë"),
        Type::Binary => json!("AQID"),
        Type::Boolean => json!(true),
        Type::Decimal => json!(1.5),
        Type::Integer => json!(-3),
        Type::DateTime => json!("2026-01-31T08:00:00.5+02:00"),
        Type::Complex => attribute.sub_attributes.iter().map(|sub| (sub.name.clone(), value(sub))).collect(),
    };
    if attribute.multi_valued { json!([one]) } else { one }
}

proptest! {
    #[test]
    fn a_schema_reads_as_it_is_printed(schema in schema()) {
        let catalog = Catalog::with(&[Extension { kind: ResourceKind::User, required: false, schema: schema.clone() }]);
        let printed = discovery::schema(&Surface::new("https://scim.example.com/x/scim/v2"), &catalog, &schema.id).unwrap();
        prop_assert_eq!(read(&format!("{printed:#}")), Ok(schema));
    }

    #[test]
    fn a_value_comes_back_as_it_was_sent(schema in schema()) {
        let id = schema.id.clone();
        let sent: Value = schema.attributes.iter().map(|each| (each.name.clone(), value(each))).collect();
        let user = Catalog::with(&[Extension { kind: ResourceKind::User, required: false, schema }]).user;
        let body = json!({ "userName": "anna", id.clone(): sent });
        let nested = decode(&body, &user).unwrap();
        let mut flat = json!({ "userName": "anna" });
        for (name, value) in sent.as_object().unwrap() {
            flat[format!("{id}:{name}")] = value.clone();
        }
        prop_assert_eq!(&decode(&flat, &user).unwrap(), &nested);
        prop_assert_eq!(&decode(&nested, &user).unwrap(), &nested);
        let mut stored = nested.as_object().unwrap().clone();
        fit(&mut stored, &user);
        prop_assert_eq!(&Value::Object(stored), &nested);
        let mut patched = json!({ "schemas": [USER], "userName": "anna" });
        let patch = json!({ "Operations": [{ "op": "add", "path": id.clone(), "value": sent }] });
        if user.configured().any(|schema| schema.attributes.iter().any(|each| each.mutability != Mutability::ReadOnly)) {
            Patch::parse(&patch, &user).unwrap().apply(&mut patched, &Options::default()).unwrap();
            prop_assert_eq!(&patched, &nested);
        }
        for (name, kept) in nested.get(&id).and_then(Value::as_object).into_iter().flatten() {
            let attribute = user.find(Some(&id), name).unwrap().attribute;
            prop_assert!(!matches!(attribute.mutability, Mutability::ReadOnly | Mutability::WriteOnly));
            prop_assert!(attribute.returned != Returned::Never);
            if attribute.sub_attributes.is_empty() {
                prop_assert_eq!(kept, &sent[name]);
            }
        }
    }
}
