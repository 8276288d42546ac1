//! What holds for any patch.

use proptest::prelude::*;

use super::*;

fn text() -> impl Strategy<Value = Value> {
    prop_oneof!["[a-c]{1,2}".prop_map(Value::from), Just(json!("")), Just(Value::Null)]
}

fn element() -> impl Strategy<Value = Value> {
    (text(), text(), any::<Option<bool>>(), text())
        .prop_map(|(value, kind, primary, display)| {
            json!({"value": value, "type": kind, "primary": primary, "display": display})
        })
}

/// One `add` or `replace` that does not change what its own filter selects by.
fn operation() -> impl Strategy<Value = Value> {
    let verb = prop_oneof![Just("add"), Just("Replace")];
    let kind = prop_oneof![Just("work"), Just("home")];
    let part = prop_oneof![
        text().prop_map(|value| ("title".to_owned(), value)),
        text().prop_map(|value| ("name.givenName".to_owned(), value)),
        text().prop_map(|value| (format!("{ENTERPRISE}:department"), value)),
        text().prop_map(|value| ("manager".to_owned(), value)),
        any::<bool>().prop_map(|value| ("active".to_owned(), value.into())),
        proptest::collection::vec(element(), 0..4).prop_map(|value| ("emails".to_owned(), value.into())),
        proptest::collection::vec(element(), 0..4).prop_map(|value| ("roles".to_owned(), value.into())),
        (kind.clone(), text()).prop_map(|(kind, value)| (format!("emails[type eq \"{kind}\"].value"), value)),
        (kind, any::<bool>())
            .prop_map(|(kind, value)| (format!("emails[type eq \"{kind}\"].primary"), value.into())),
    ];
    (verb, part, any::<bool>()).prop_map(|(verb, (path, value), by_path)| {
        if by_path {
            json!({"op": verb, "path": path, "value": value})
        } else {
            json!({"op": verb, "value": {(path): value}})
        }
    })
}

/// Any JSON, with the words a PATCH is made of.
fn noise() -> impl Strategy<Value = Value> {
    let word = prop_oneof![
        Just("Operations"),
        Just("op"),
        Just("path"),
        Just("value"),
        Just("add"),
        Just("remove"),
        Just("replace"),
        Just("members"),
        Just("emails"),
        Just("emails[type eq \"work\"].value"),
        Just("active"),
        Just("name.givenName"),
        Just("members[value eq \"x\"]"),
        Just(ENTERPRISE),
        Just("manager"),
        Just("roles"),
        Just("{\"value\":\"[[{"),
        Just("[{\"value\":[\"x\"]}]"),
        Just("urn:ietf:params:scim:schemas:core:2.0:User"),
        Just("\u{0}é"),
        Just(""),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        word.clone().prop_map(Value::from)
    ];
    leaf.prop_recursive(4, 40, 5, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((word.clone(), inner), 0..4).prop_map(|members| {
                Value::Object(members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
            }),
        ]
    })
}

fn primaries(list: &Value) -> usize {
    list.as_array().map_or(0, |list| list.iter().filter(|element| element["primary"] == json!(true)).count())
}

proptest! {
    #[test]
    fn the_same_operation_twice_is_the_same_as_once(operation in operation()) {
        let patch = user_patch(&json!([operation])).unwrap();
        let mut once = anna();
        patch.apply(&mut once, &ENTRA).unwrap();
        let mut twice = once.clone();
        prop_assert_eq!(patch.apply(&mut twice, &ENTRA), Ok(false));
        prop_assert_eq!(twice, once);
    }

    #[test]
    fn adding_what_is_there_changes_nothing(operations in proptest::collection::vec(operation(), 1..4), by_path in any::<bool>()) {
        let mut user = anna();
        drop(user_patch(&Value::Array(operations)).unwrap().apply(&mut user, &ENTRA));
        let held = user.clone();
        for (name, value) in held.as_object().unwrap() {
            if ["schemas", "id", "meta"].contains(&name.as_str()) {
                continue;
            }
            let add = if by_path {
                json!([{"op": "add", "path": name, "value": value}])
            } else {
                json!([{"op": "add", "value": {name: value}}])
            };
            prop_assert_eq!(user_patch(&add).unwrap().apply(&mut user, &GENERIC), Ok(false), "{}", add);
            prop_assert_eq!(&user, &held);
        }
    }

    #[test]
    fn operations_are_carried_out_one_after_the_other(operations in proptest::collection::vec(operation(), 2..5)) {
        let (mut at_once, mut one_by_one) = (anna(), anna());
        let whole = user_patch(&Value::Array(operations.clone())).unwrap().apply(&mut at_once, &GENERIC);
        let mut steps = Ok(false);
        for operation in operations {
            let step = user_patch(&json!([operation])).unwrap().apply(&mut one_by_one, &GENERIC);
            if step.is_err() {
                steps = step;
                break;
            }
        }
        prop_assert_eq!(whole.is_ok(), steps.is_ok());
        if whole.is_ok() {
            prop_assert_eq!(at_once, one_by_one);
        } else {
            prop_assert_eq!(at_once, anna(), "all or nothing");
        }
    }

    #[test]
    fn what_is_reported_as_changed_is_what_changed(operations in proptest::collection::vec(operation(), 1..5)) {
        let patch = user_patch(&Value::Array(operations)).unwrap();
        let mut user = anna();
        match patch.apply(&mut user, &GENERIC) {
            Ok(changed) => {
                prop_assert_eq!(changed, user != anna());
                prop_assert!(primaries(&user["emails"]) <= 1 && primaries(&user["roles"]) <= 1);
                let listed = user["schemas"].as_array().unwrap().contains(&json!(ENTERPRISE));
                prop_assert_eq!(listed, user.get(ENTERPRISE).is_some());
                prop_assert_eq!(&user["id"], &anna()["id"]);
            }
            Err(error) => {
                prop_assert_eq!(error.scim_type, Some(ScimType::NoTarget));
                prop_assert_eq!(user.to_string(), anna().to_string());
            }
        }
    }

    #[test]
    fn no_body_makes_a_patch_panic_or_leaves_half_of_it(operations in proptest::collection::vec(
        (prop_oneof![Just("add"), Just("replace"), Just("remove")], noise(), noise()), 0..4
    )) {
        let operations: Vec<Value> = operations
            .into_iter()
            .map(|(verb, path, value)| json!({"op": verb, "path": if path.is_string() { path } else { Value::Null }, "value": value}))
            .collect();
        for resource_type in [&Catalog::standard().user, &Catalog::standard().group] {
            if let Ok(patch) = Patch::parse(&body(&Value::Array(operations.clone())), resource_type) {
                let mut resource = anna();
                if patch.apply(&mut resource, &ENTRA).is_err() {
                    prop_assert_eq!(resource.to_string(), anna().to_string());
                }
            }
        }
    }

    #[test]
    fn no_json_makes_parsing_panic(body in noise()) {
        drop(Patch::parse(&body, &Catalog::standard().group));
    }

    #[test]
    fn no_path_makes_parsing_panic(path in "[a-z.:$\\[\\]()\" eqrv]{0,40}|\\PC{0,40}") {
        drop(user_patch(&json!([{"op": "remove", "path": path}])));
    }
}

#[test]
fn depth_in_a_path_cannot_end_the_process() {
    let run = || {
        for depth in [1, 15, 16, 1_000, 100_000] {
            for tail in ["", " )", "]", ".value"] {
                let path = format!("emails[{}type pr{}]{tail}", "(".repeat(depth), ")".repeat(depth));
                let parsed = user_patch(&json!([{"op": "remove", "path": path}]));
                if tail.is_empty() {
                    assert_eq!(parsed.is_ok(), depth <= 15, "{depth}");
                }
            }
        }
    };
    std::thread::Builder::new().stack_size(256 * 1024).spawn(run).unwrap().join().unwrap();
}
