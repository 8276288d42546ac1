mod laws;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::scim::catalog::Catalog;
use crate::scim::schema::ENTERPRISE_USER;

fn user(text: &str) -> Result<Filter> {
    Filter::parse(text, &Catalog::standard().user)
}

fn group(text: &str) -> Result<Filter> {
    Filter::parse(text, &Catalog::standard().group)
}

fn anna() -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE_USER],
        "id": "0198c5a0-0000-7000-8000-000000000001",
        "externalId": "00uAnna",
        "userName": "Anna.Berg@corp.example",
        "name": {"givenName": "Anna", "familyName": "Berg", "middleName": ""},
        "displayName": "Anna Straße",
        "title": "",
        "nickName": null,
        "active": true,
        "emails": [
            {"value": "anna.berg@corp.example", "type": "work", "primary": true},
            {"value": "anna@home.example", "type": "home"}
        ],
        "phoneNumbers": [],
        "addresses": [{"formatted": "1 Main St\nTown", "type": "work"}],
        "x509Certificates": [{"value": "AAEC"}],
        "groups": [{"value": "g1", "$ref": "https://scim.example/Groups/g1", "display": "Staff"}],
        "meta": {"resourceType": "User", "created": "2026-01-31T09:00:00+01:00", "version": "W/\"1\""},
        ENTERPRISE_USER: {"department": "IT", "manager": {"value": "m1"}}
    })
}

#[test]
fn every_operator_matches_as_the_rfc_says() {
    let cases = [
        (r#"userName eq "ANNA.BERG@CORP.EXAMPLE""#, true),
        (r#"USERNAME Eq "anna.berg@corp.example""#, true),
        (r#"urn:ietf:params:scim:schemas:core:2.0:user:userName eq "anna.berg@corp.example""#, true),
        (r#"displayName eq "ANNA STRASSE""#, true),
        (r#"userName ne "anna.berg@corp.example""#, false),
        (r#"externalId eq "00uAnna""#, true),
        (r#"externalId eq "00uanna""#, false),
        (r#"userName co "BERG""#, true),
        (r#"userName sw "anna""#, true),
        (r#"userName ew "@corp.example""#, true),
        (r#"userName co " berg""#, false),
        (r#"name.familyName gt "Bera""#, true),
        (r#"name.familyName lt "Bera""#, false),
        (r#"name.familyName ge "BERG""#, true),
        (r#"name.familyName le "berg""#, true),
        ("active eq true", true),
        ("active eq True", true),
        (r#"active eq "False""#, false),
        ("active ne FALSE", true),
        // One value of several is enough.
        (r#"emails.value eq "ANNA@home.example""#, true),
        (r#"emails eq "anna@home.example""#, true),
        (r#"emails.type ne "work""#, true),
        (r#"addresses.formatted co "main st""#, true),
        (r#"x509Certificates.value eq "aaec""#, false),
        (r#"schemas eq "urn:ietf:params:scim:schemas:core:2.0:User""#, true),
        // Dates are instants.
        (r#"meta.created eq "2026-01-31T08:00:00Z""#, true),
        (
            r#"meta.created gt "0001-01-03T00:00:00.0000000Z" and meta.created le "2999-01-01T00:00:00Z""#,
            true,
        ),
        (r#"meta.created lt "2026-01-31T08:00:00.000Z""#, false),
        (r#"meta.created sw "2026-01""#, true),
        // Extensions.
        (r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq "it""#, true),
        ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User pr", true),
        ("urn:portcullis:params:scim:schemas:extension:gateway:2.0:User pr", false),
        (r#"manager eq "m1""#, true),
        (r#"manager.value eq "M1""#, false),
        ("manager.$ref pr", false),
        ("groups.$ref pr", true),
    ];
    let anna = anna();
    for (text, expected) in cases {
        assert_eq!(user(text).unwrap().matches(&anna), expected, "{text}");
    }
}

#[test]
fn presence_is_false_for_null_and_every_empty_value() {
    let anna = anna();
    for text in ["nickName pr", "title pr", "phoneNumbers pr", "name.middleName pr", "locale pr", "roles pr"]
    {
        assert!(!user(text).unwrap().matches(&anna), "{text}");
        assert!(user(&text.replace(" pr", " eq null")).unwrap().matches(&anna), "{text}");
    }
    for text in
        ["userName pr", "emails pr", "name pr", "emails[type eq \"work\" and value pr]", "active ne null"]
    {
        assert!(user(text).unwrap().matches(&anna), "{text}");
    }
    assert!(!user("name pr").unwrap().matches(&json!({"name": {"givenName": "", "familyName": null}})));
    assert!(!user("name pr").unwrap().matches(&json!({"name": {}})));
}

#[test]
fn not_equal_is_true_where_there_is_no_value() {
    let nobody = json!({"userName": "x", "emails": [{"type": "work"}]});
    for text in [r#"title ne "Boss""#, "active ne false", r#"emails.value ne "a""#, r#"manager ne "m1""#] {
        assert!(user(text).unwrap().matches(&nobody), "{text}");
    }
}

#[test]
fn an_unknown_attribute_has_no_value() {
    let anna = anna();
    for text in [
        "shoeSize pr",
        "shoeSize eq 5",
        "shoeSize ne 5",
        "urn:nobody:a pr",
        "email Co \"berg\"",
        "shoes[a pr]",
    ] {
        assert!(!user(text).unwrap().matches(&anna), "{text}");
    }
    assert!(!user("emails[colour eq \"red\"]").unwrap().matches(&anna));
    assert!(user("not (shoeSize pr)").unwrap().matches(&anna));
    assert!(user("shoeSize pr or active eq true").unwrap().matches(&anna));
}

#[test]
fn a_value_path_wants_one_element_to_satisfy_all_of_it() {
    let cases = [
        (r#"emails[type eq "work" and value co "@corp"]"#, true),
        (r#"emails[type eq "home" and value co "@corp"]"#, false),
        (r#"emails[type eq "work"].value eq "Anna.Berg@corp.example""#, true),
        (r#"emails[type eq "work"].value eq "anna@home.example""#, false),
        (r#"emails[type eq "home" or primary eq true].value co "corp" and active eq true"#, true),
        (r#"(emails[type eq "home"].value pr)"#, true),
        (r#"emails[type eq "other"].value pr"#, false),
        (r#"emails[not(primary eq "True")].value sw "anna@""#, true),
        (r"emails[primary eq null]", true),
        (r#"groups[type eq "direct" or value eq "g1"].$ref ew "g1""#, true),
        (r#"manager[value eq "m1"]"#, true),
        (r#"schemas[value ew "enterprise:2.0:User"]"#, true),
    ];
    let anna = anna();
    for (text, expected) in cases {
        assert_eq!(user(text).unwrap().matches(&anna), expected, "{text}");
    }
}

#[test]
fn not_binds_tighter_than_and_and_and_tighter_than_or() {
    let anna = anna();
    for (text, expected) in [
        (
            r#"(userName co "berg" or userName ew "li@corp.example") and not (active eq false) and emails pr"#,
            true,
        ),
        ("active eq true or active eq true and active eq false", true),
        ("(active eq true or active eq true) and active eq false", false),
        ("not(active eq true) and active eq true", false),
        ("NOT (title pr) AND active eq true", true),
    ] {
        assert_eq!(user(text).unwrap().matches(&anna), expected, "{text}");
    }
}

#[test]
fn quoted_text_is_never_rewritten() {
    let resource = json!({"displayName": "not(a) [x].value eq True $ref \"q\" \u{e9}", "title": "a"});
    for text in [
        r#"displayName eq "not(a) [x].value eq True $ref \"q\" é""#,
        r#"displayName eq "not(a) [x].value eq True $ref \"q\" \u00e9""#,
    ] {
        assert!(user(text).unwrap().matches(&resource), "{text}");
    }
}

#[test]
fn what_cannot_be_compared_is_an_invalid_filter() {
    for text in [
        "",
        " ",
        "userName",
        "userName eq",
        "userName eq jyoung",
        "userName eq 'x'",
        r#"userName is "x""#,
        r#"userName eq "x"#,
        r#"userName eq "x" and"#,
        r#"userName eq "\q""#,
        r#"userName eq "a\u0000""#,
        r#"emails[type eq "work""#,
        r#"emails[type eq "work"].value eq work"#,
        r#"emails[type eq "work"].value xx "work""#,
        "userName eq 5",
        "userName co 5",
        "userName gt true",
        "userName gt null",
        "active gt true",
        r#"active co "t""#,
        r#"active eq "yes""#,
        "active eq 1",
        r#"x509Certificates.value gt "AA""#,
        r#"meta.created gt "yesterday""#,
        r#"name eq "Anna""#,
        r#"name gt "Anna""#,
        r#"addresses eq "x""#,
        r#"userName[value eq "x"]"#,
        r#"emails.value[type eq "work"]"#,
        r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User eq "x""#,
    ] {
        let error = user(text).map(|_| text).unwrap_err();
        assert_eq!((error.status, error.scim_type), (400, Some(ScimType::InvalidFilter)), "{text}");
        assert!(!error.detail.contains("jyoung"), "an error repeats nothing of the filter");
    }
}

#[test]
fn a_filter_tells_which_attributes_it_reads() {
    let filter = group(r#"displayName eq "a" and not (members[value eq "u1"] or shoeSize pr)"#).unwrap();
    assert!(filter.reads("displayname") && filter.reads("members"));
    assert!(!filter.reads("externalId") && !filter.reads("value") && !filter.reads("shoeSize"));
    assert!(user(r#"manager eq "1""#).unwrap().reads(ENTERPRISE_USER));
}

#[test]
fn depth_cannot_end_the_process() {
    let run = || {
        for depth in [1, 16, 17, 100, 10_000, 1_000_000] {
            for (open, close) in [("(", ")"), ("not (", ")"), ("not(", ")"), ("emails[", "]"), ("a.", "")] {
                for tail in ["", " )", " \"", " and"] {
                    let text = format!("{}title pr{}{tail}", open.repeat(depth), close.repeat(depth));
                    let parsed = user(&text);
                    if tail.is_empty() && open.ends_with('(') {
                        assert_eq!(parsed.is_ok(), depth <= 16, "{depth} {open}");
                    }
                    drop(parsed.map(|filter| filter.matches(&anna())));
                }
            }
        }
    };
    std::thread::Builder::new().stack_size(256 * 1024).spawn(run).unwrap().join().unwrap();
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,60}") {
        drop(user(&text));
    }

    #[test]
    fn no_sequence_of_tokens_makes_the_parser_panic(
        tokens in proptest::collection::vec(
            prop_oneof![
                Just(" "), Just("("), Just(")"), Just("["), Just("]"), Just("]."), Just("not"), Just(" and "),
                Just(" eq "), Just(" pr"), Just("emails"), Just("value"), Just(".$ref"), Just("\"x\""), Just("\""),
                Just("\\"), Just("True"), Just("5"), Just("urn:a:b"), Just("é"),
            ],
            0..24,
        )
    ) {
        drop(user(&tokens.concat()));
        drop(shim::rewrite(&tokens.concat(), ScimType::InvalidFilter));
    }

    #[test]
    fn any_quoted_value_finds_the_user_who_has_it(name in "[^\\p{Cc}]{1,40}") {
        let filter = user(&format!("userName eq {}", json!(name))).unwrap();
        let resource = json!({"userName": name});
        prop_assert!(filter.matches(&resource));
        prop_assert_eq!(filter.lookups(), Some(vec![Lookup::UserName(name)]));
    }
}

/// Words around `eq`, most of them right.
fn nearly_an_equality() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        4 => proptest::sample::select(vec![
            "userName", "USERNAME", "externalId", "emails", "emails.value", "Name.GivenName", "manager.value", "active",
            "meta.created", "schemas", "members.value", "displayName",
        ]).prop_map(str::to_owned),
        1 => proptest::sample::select(vec!["not", "nothing", "name.nothing", "a.b.c", "members.$ref", "eq", "true", ""])
            .prop_map(str::to_owned),
        1 => "[a-zA-Z.]{1,8}",
    ];
    let space = prop_oneof![8 => Just(" "), 1 => Just("  "), 1 => Just("")];
    let operator = prop_oneof![6 => Just("eq"), 2 => Just("EQ"), 1 => Just("ne"), 1 => Just("Eq ")];
    let literal = prop_oneof![
        4 => "[^\"\\\\\\x00-\\x1f]{0,12}".prop_map(|text| format!("\"{text}\"")),
        1 => any::<String>().prop_map(|text| format!("\"{text}\"")),
        1 => proptest::sample::select(vec![
            "\"", "\"\"", "\"a\\\"\"", "\"a\" and title pr", "\"a\" ", "true", "\"2026-01-31T08:00:00Z\"", "\"a\"b\"",
            "\"a\\u0041\"",
        ]).prop_map(str::to_owned),
    ];
    (name, space.clone(), operator, space, literal).prop_map(|(name, before, operator, after, literal)| {
        format!("{name}{before}{operator}{after}{literal}")
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn the_short_way_to_an_equality_says_what_the_parser_says(text in nearly_an_equality()) {
        for resource_type in [&Catalog::standard().user, &Catalog::standard().group] {
            if limits::check_filter(text.as_bytes()).is_ok()
                && let Some(short) = equality::read(&text, resource_type)
            {
                prop_assert_eq!(Ok(short), parse(&text));
            }
        }
    }
}
