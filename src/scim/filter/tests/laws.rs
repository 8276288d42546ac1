//! What holds for any filter of the whole grammar.

use super::*;

const NAMES: [&str; 22] = [
    "userName",
    "USERNAME",
    "externalId",
    "id",
    "displayName",
    "title",
    "active",
    "emails",
    "emails.value",
    "emails.type",
    "emails.primary",
    "Name.FamilyName",
    "meta.lastModified",
    "meta.created",
    "schemas",
    "groups.$ref",
    "groups.value",
    "members.value",
    "manager",
    "x509Certificates.value",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value",
    "shoeSize",
];

const SUBS: [&str; 7] = ["value", "type", "primary", "display", "$ref", "VALUE", "colour"];

fn literal() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => proptest::sample::select(vec![
            "\"Anna Straße\"", "\"00uAnna\"", "\"work\"", "\"g1\"", "\"m1\"", "\"anna.berg@corp.example\"", "\"\"",
            "\"2026-01-31T08:00:00Z\"", "\"2026-01-31T09:00:00+01:00\"", "\"True\"", "\" ann \"", "\"a\\u0041\\n\"",
        ]).prop_map(str::to_owned),
        2 => proptest::sample::select(vec!["true", "False", "null", "5", "-1.5e3"]).prop_map(str::to_owned),
        1 => "[^\\p{Cc}]{0,8}".prop_map(|text| json!(text).to_string()),
    ]
}

fn comparison(names: &'static [&'static str]) -> impl Strategy<Value = String> {
    let operator = proptest::sample::select(vec!["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le", "EQ"]);
    (proptest::sample::select(names), proptest::option::weighted(0.85, (operator, literal()))).prop_map(
        |(name, compared)| match compared {
            Some((operator, literal)) => format!("{name} {operator} {literal}"),
            None => format!("{name} pr"),
        },
    )
}

fn combined(leaf: BoxedStrategy<String>, depth: u32) -> BoxedStrategy<String> {
    leaf.prop_recursive(depth, 12, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(one, other)| format!("{one} and {other}")),
            (inner.clone(), inner.clone()).prop_map(|(one, other)| format!("{one} or {other}")),
            inner.clone().prop_map(|inner| format!("({inner})")),
            inner.clone().prop_map(|inner| format!("not ({inner})")),
            inner.prop_map(|inner| format!("not({inner})")),
        ]
    })
    .boxed()
}

/// Any filter of the grammar of RFC 7644, most of them about attributes there are, and what providers write besides.
fn any_filter() -> impl Strategy<Value = String> {
    let elements = (
        proptest::sample::select(vec!["emails", "groups", "members", "schemas", "manager"]),
        combined(comparison(&SUBS).boxed(), 2),
        proptest::option::weighted(0.3, (proptest::sample::select(&SUBS[..]), literal())),
    )
        .prop_map(|(name, inner, after)| match after {
            Some((sub, literal)) => format!("{name}[{inner}].{sub} eq {literal}"),
            None => format!("{name}[{inner}]"),
        });
    combined(prop_oneof![4 => comparison(&NAMES), 1 => elements].boxed(), 3)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn a_printed_filter_is_the_filter_again(text in any_filter()) {
        for resource_type in [&Catalog::standard().user, &Catalog::standard().group] {
            let Ok(filter) = Filter::parse(&text, resource_type) else { continue };
            let printed = filter.to_string();
            prop_assume!(limits::check_filter(printed.as_bytes()).is_ok());
            prop_assert_eq!(Filter::parse(&printed, resource_type), Ok(filter), "{}", printed);
        }
    }

    #[test]
    fn not_is_the_opposite_and_the_order_of_conditions_does_not_matter(one in any_filter(), other in any_filter()) {
        let (Ok(first), Ok(second)) = (user(&one), user(&other)) else { return Ok(()) };
        let (one_holds, other_holds) = (first.matches(&anna()), second.matches(&anna()));
        let mut cases = vec![
            (format!("not ({one})"), !one_holds),
            (format!("({one}) and ({other})"), one_holds && other_holds),
            (format!("({other}) and ({one})"), one_holds && other_holds),
            (format!("({one}) or ({other})"), one_holds || other_holds),
            (format!("not (({one}) or ({other}))"), !one_holds && !other_holds),
        ];
        cases.retain(|(text, _)| limits::check_filter(text.as_bytes()).is_ok());
        for (text, expected) in cases {
            prop_assert_eq!(user(&text).map(|filter| filter.matches(&anna())), Ok(expected), "{}", text);
        }
    }

    #[test]
    fn a_part_never_says_otherwise_than_the_whole(text in any_filter()) {
        let Ok(filter) = user(&text) else { return Ok(()) };
        let (whole, known) = (anna(), ["id", "meta", "active"]);
        let part = json!({ "id": whole["id"], "meta": whole["meta"], "active": whole["active"] });
        if let Some(settled) = filter.settled(&part, &known) {
            prop_assert_eq!(settled, filter.matches(&whole), "{}", text);
        }
    }
}
