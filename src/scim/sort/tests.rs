use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::scim::catalog::Catalog;
use crate::scim::schema::ENTERPRISE_USER;

fn users() -> Vec<&'static ResourceType> {
    vec![&Catalog::standard().user]
}

fn sort(by: &str, order: &str) -> Sort {
    Sort::parse(Some(by), Some(order), &users()).unwrap().unwrap()
}

/// The ids of `resources` in the order asked for.
fn sorted(by: &str, order: &str, resources: &[Value]) -> Vec<String> {
    let sort = sort(by, order);
    let mut keyed: Vec<_> =
        resources.iter().map(|each| (sort.key(ResourceKind::User, each), each["id"].to_string())).collect();
    keyed.sort_by(|(one, _), (other, _)| sort.compare(one, other));
    keyed.into_iter().map(|(_, id)| id).collect()
}

#[test]
fn every_form_of_a_name_leads_to_its_value() {
    let anna = json!({
        "userName": "anna", "name": { "familyName": "Berg" }, "active": true,
        "emails": [{ "value": "home@x", "type": "home" }, { "value": "work@x", "primary": true }],
        "roles": [{ "value": "first" }, { "value": "second" }],
        ENTERPRISE_USER: { "department": "Sales", "manager": { "value": "m-1" } },
    });
    for (by, expected) in [
        ("USERNAME", "anna"),
        ("name.FamilyName", "berg"),
        ("emails", "work@x"),
        ("emails.value", "work@x"),
        ("roles.value", "first"),
        ("urn:ietf:params:scim:schemas:core:2.0:User:userName", "anna"),
        ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department", "sales"),
        ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value", "m-1"),
        ("manager", "m-1"),
    ] {
        let key = sort(by, "").key(ResourceKind::User, &anna);
        assert_eq!(key, SortKey::Text(expected.to_owned()), "{by}");
    }
    assert_eq!(sort("active", "").key(ResourceKind::User, &anna), SortKey::Boolean(true));
}

#[test]
fn resources_without_a_value_are_last_ascending_and_first_descending() {
    let people = [
        json!({ "id": 1, "title": "b" }),
        json!({ "id": 2 }),
        json!({ "id": 3, "title": "a" }),
        json!({ "id": 4, "title": "" }),
        json!({ "id": 5, "title": null }),
    ];
    assert_eq!(sorted("title", "ascending", &people), ["3", "1", "2", "4", "5"]);
    assert_eq!(sorted("title", "Descending", &people), ["2", "4", "5", "1", "3"]);
}

#[test]
fn case_counts_only_where_the_attribute_is_case_exact() {
    let people = [
        json!({ "id": 1, "userName": "b", "externalId": "b" }),
        json!({ "id": 2, "userName": "A", "externalId": "a" }),
        json!({ "id": 3, "userName": "C", "externalId": "B" }),
    ];
    assert_eq!(sorted("userName", "", &people), ["2", "1", "3"]);
    assert_eq!(sorted("externalId", "", &people), ["3", "2", "1"]);
}

#[test]
fn date_times_are_ordered_as_instants() {
    let at = |id, at: &str| json!({ "id": id, "meta": { "created": at } });
    let people = [
        at(1, "2026-01-01T12:00:00Z"),
        at(2, "2026-01-01T12:30:00+02:00"),
        at(3, "2026-01-01T11:59:59.999Z"),
        at(4, "yesterday"),
    ];
    assert_eq!(sorted("meta.created", "", &people), ["2", "3", "1", "4"]);
}

#[test]
fn equal_keys_keep_the_order_they_came_in() {
    let people = [json!({ "id": 1, "title": "x" }), json!({ "id": 2, "title": "X" }), json!({ "id": 3 })];
    assert_eq!(sorted("title", "ascending", &people), ["1", "2", "3"]);
    assert_eq!(sorted("title", "descending", &people), ["3", "1", "2"]);
}

#[test]
fn nothing_to_sort_by_is_none() {
    for by in [None, Some(""), Some("  ")] {
        assert_eq!(Sort::parse(by, Some("descending"), &users()), Ok(None));
    }
}

#[test]
fn what_cannot_be_sorted_by_is_an_invalid_value() {
    for (by, order) in [
        ("nothing", None),
        ("name", None),
        ("addresses", None),
        ("name.nothing", None),
        ("password", None),
        (ENTERPRISE_USER, None),
        ("urn:ietf:params:scim:schemas:core:2.0:User", None),
        ("userName", Some("upwards")),
    ] {
        let error = Sort::parse(Some(by), order, &users()).unwrap_err();
        assert_eq!((error.status, error.scim_type), (400, Some(ScimType::InvalidValue)), "{by}");
    }
}

#[test]
fn a_type_without_the_attribute_counts_as_having_no_value() {
    let catalog = Catalog::standard();
    let sort = Sort::parse(Some("userName"), None, &[&catalog.user, &catalog.group]).unwrap().unwrap();
    let named = json!({ "userName": "anna" });
    assert_eq!(sort.key(ResourceKind::Group, &named), SortKey::Nothing);
    assert_eq!((sort.reads(ResourceKind::User), sort.reads(ResourceKind::Group)), (Some("userName"), None));
}

#[test]
fn decimals_keep_their_order_as_integers() {
    let decimals = [f64::MIN, -2.5, -1.0, -1e-300, 0.0, 1e-300, 0.5, 1.0, 7e9, f64::MAX];
    assert!(decimals.map(ordered).is_sorted());
    assert_eq!(ordered(-0.0), ordered(0.0));
}

fn anybody() -> impl Strategy<Value = Value> {
    let title = prop_oneof![
        Just(Value::Null),
        "[aAbBäÄßﬁ ]{0,3}".prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        proptest::collection::vec("[ab]{0,2}", 0..3).prop_map(Value::from),
    ];
    (title.clone(), title.clone(), title).prop_map(|(title, email, created)| {
        json!({ "title": title, "emails": [{ "value": email, "primary": true }], "meta": { "created": created } })
    })
}

proptest! {
    #[test]
    fn sorting_is_a_stable_permutation(
        people in proptest::collection::vec(anybody(), 0..40),
        by in proptest::sample::select(vec!["title", "emails", "meta.created", "active"]),
        order in proptest::sample::select(vec!["ascending", "descending"]),
    ) {
        let sort = sort(by, order);
        let mut keyed: Vec<(SortKey, usize)> =
            people.iter().enumerate().map(|(n, each)| (sort.key(ResourceKind::User, each), n)).collect();
        keyed.sort_by(|(one, _), (other, _)| sort.compare(one, other));
        for pair in keyed.windows(2) {
            let [(one, first), (other, second)] = pair else { unreachable!() };
            let order = sort.compare(one, other);
            prop_assert!(order.is_lt() || (order.is_eq() && first < second));
        }
        let mut places: Vec<usize> = keyed.iter().map(|(_, place)| *place).collect();
        places.sort_unstable();
        prop_assert!(places.into_iter().eq(0..people.len()));
    }
}
