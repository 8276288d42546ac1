use proptest::prelude::*;

use super::*;

fn refusal(result: Result<()>) -> (Option<ScimType>, String) {
    let error = result.unwrap_err();
    assert_eq!(error.status, 400);
    (error.scim_type, error.detail)
}

#[test]
fn a_filter_at_every_limit_passes() {
    let nested = format!("{}title pr{}", "(".repeat(16), ")".repeat(16));
    let terms = vec!["title pr"; 64].join(" and ");
    let long = format!("title eq \"{}\"", "x".repeat(EXPRESSION_BYTES - 11));
    for filter in [nested.as_str(), &terms, &long, "a.b.c.d.e.f.g.h pr", "urn:a.b:c.d:e.f:g.h:i.j:k.l:m pr"] {
        check_filter(filter.as_bytes()).unwrap();
    }
}

#[test]
fn a_filter_past_a_limit_says_which() {
    let cases = [
        (format!("title eq \"{}\"", "x".repeat(4096)), "4096"),
        (format!("{}title pr{}", "(".repeat(17), ")".repeat(17)), "16 levels"),
        ("[".repeat(1_000), "16 levels"),
        (vec!["title pr"; 65].join(" OR "), "64 comparisons"),
        ("a.b.c.d.e.f.g.h.i pr".to_owned(), "8 segments"),
        ("title eq \"a\u{0}\"".to_owned(), "control character"),
        ("title\npr".to_owned(), "control character"),
    ];
    for (filter, said) in cases {
        let (keyword, detail) = refusal(check_filter(filter.as_bytes()));
        assert_eq!(keyword, Some(ScimType::InvalidFilter));
        assert!(detail.contains(said), "{detail}");
    }
    assert_eq!(refusal(check_path("(".repeat(17).as_bytes())).0, Some(ScimType::InvalidPath));
}

#[test]
fn brackets_and_words_inside_quotes_do_not_count() {
    let quoted = format!("title eq \"{} \\\" {}\"", "(".repeat(500), " and ".repeat(100));
    check_filter(quoted.as_bytes()).unwrap();
    check_filter("android pr and orange pr".as_bytes()).unwrap();
}

#[test]
fn a_body_at_every_limit_passes() {
    let limits = JsonLimits { depth: 3, array_items: 2, string_bytes: 4, nodes: 7 };
    for body in [
        r#"{"a":[{"b":1},"text"]}"#,
        r#" [ "abcd" , -1.5e3 ] "#,
        r#"{"a":true,"b":false,"c":null,"d":{},"e":[],"f":0}"#,
        "true",
    ] {
        check_json(body.as_bytes(), &limits).unwrap();
    }
}

#[test]
fn a_body_past_a_limit_says_which() {
    let limits = JsonLimits { depth: 3, array_items: 2, string_bytes: 4, nodes: 7 };
    for (body, said) in [
        (r#"{"a":[{"b":[]}]}"#, "3 levels"),
        ("[1,2,3]", "2 items"),
        (r#"{"a":"abcde"}"#, "4 bytes"),
        (r#"{"abcde":1}"#, "4 bytes"),
        (r#"{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7}"#, "7 values"),
        (r#"{"a":1,"b":{"c":1},"a":2}"#, "same key"),
        (r#"{"a":1,"\u0061":2}"#, "same key"),
        (r#"[{"op":1,"Op":2}]"#, "same key"),
    ] {
        let body_limits = if body.contains("u0061") { JsonLimits::default() } else { limits };
        let (keyword, detail) = refusal(check_json(body.as_bytes(), &body_limits));
        assert_eq!(keyword, Some(ScimType::InvalidSyntax));
        assert!(detail.contains(said), "{body}: {detail}");
    }
}

#[test]
fn one_key_in_two_objects_is_no_duplicate() {
    check_json(br#"[{"a":1},{"a":{"a":1}}]"#, &JsonLimits::default()).unwrap();
}

#[test]
fn a_million_brackets_are_refused_without_recursion() {
    for bytes in ["[".repeat(1_000_000), "{\"a\":".repeat(1_000_000), "]".repeat(1_000_000)] {
        check_json(bytes.as_bytes(), &JsonLimits::default()).unwrap_err();
    }
}

/// Any JSON value within the limits.
fn value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        ".{0,12}".prop_map(Into::into),
    ];
    leaf.prop_recursive(5, 64, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
            proptest::collection::btree_map("[a-z\"\\\\\\n]{0,6}", inner, 0..6)
                .prop_map(|members| { serde_json::Value::Object(members.into_iter().collect()) }),
        ]
    })
}

proptest! {
    #[test]
    fn no_bytes_make_a_scan_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        drop(check_filter(&bytes));
        drop(check_path(&bytes));
        drop(check_json(&bytes, &JsonLimits::default()));
    }

    #[test]
    fn what_serializes_passes(value in value()) {
        let text = serde_json::to_string_pretty(&value).unwrap();
        prop_assert_eq!(check_json(text.as_bytes(), &JsonLimits::default()), Ok(()));
    }

    #[test]
    fn what_is_let_through_is_within_the_depth(text in "[\\[\\]{}:,\"a1 ]{0,80}") {
        let limits = JsonLimits { depth: 2, ..JsonLimits::default() };
        if check_json(text.as_bytes(), &limits).is_ok()
            && let Ok(value) = serde_json::from_str::<serde_json::Value>(&text)
        {
            prop_assert!(depth(&value) <= 2);
        }
    }
}

fn depth(value: &serde_json::Value) -> usize {
    match value {
        serde_json::Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        serde_json::Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}
