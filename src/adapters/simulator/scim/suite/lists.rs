//! Filters, pages and projections.

use serde_json::{Value, json};

use super::{GROUPS, USERS, filtered, id_of, refusal, refused, with_anna};
use crate::adapters::simulator::probe::Probe;

fn found(probe: &Probe, filter: &str) -> Vec<Value> {
    let (status, list) = filtered(probe, USERS, filter);
    assert_eq!((status, &list["totalResults"]), (200, &list["itemsPerPage"]), "{filter}: {list}");
    list["Resources"].as_array().unwrap().iter().map(|user| user["id"].clone()).collect()
}

pub(crate) fn a_filter_finds_one_user_by_its_name(probe: &Probe) {
    let place = with_anna(probe);
    assert_eq!(found(probe, r#"userName eq "Anna.BERG@example.com""#), [id_of(&place)]);
    assert_eq!(found(probe, r#"USERNAME EQ "anna.berg@example.com""#), [id_of(&place)]);
    assert_eq!(found(probe, r#"userName eq "nobody@example.com""#), [] as [Value; 0]);
}

pub(crate) fn other_filters_compare_one_attribute(probe: &Probe) {
    let place = with_anna(probe);
    for filter in [
        r#"externalId eq "00u1""#,
        r#"emails eq "anna.berg@example.com""#,
        r#"emails.value eq "anna.berg@example.com""#,
        r#"name.givenName eq "anna""#,
    ] {
        assert_eq!(found(probe, filter), [id_of(&place)], "{filter}");
    }
    assert_eq!(found(probe, r#"externalId eq "00U1""#), [] as [Value; 0]);
    assert_eq!(found(probe, "active eq true").len(), 4);
    for filter in
        [r#"userName sw "anna""#, r#"userName eq "a" or active eq true"#, "userName pr", "x eq \"1\""]
    {
        assert_eq!(refusal(filtered(probe, USERS, filter)), refused(400, "invalidFilter"), "{filter}");
    }
}

pub(crate) fn pages_begin_where_they_are_asked_to(probe: &Probe) {
    with_anna(probe);
    let (status, list) = probe.get(&format!("{USERS}?startIndex=2&count=2"));
    assert_eq!(
        (status, &list["schemas"]),
        (200, &json!(["urn:ietf:params:scim:api:messages:2.0:ListResponse"]))
    );
    assert_eq!(
        (&list["totalResults"], &list["startIndex"], &list["itemsPerPage"]),
        (&json!(4), &json!(2), &json!(2))
    );
    assert_eq!(list["Resources"][0]["userName"], "maria.santos@example.com");
    let (_, none) = probe.get(&format!("{USERS}?count=0"));
    assert_eq!((&none["totalResults"], &none["Resources"]), (&json!(4), &json!([])));
    assert_eq!(probe.get(&format!("{USERS}?startIndex=0&count=-1")).1["itemsPerPage"], 0);
    assert_eq!(probe.get(&format!("{USERS}?startIndex=9")).1["Resources"], json!([]));
    assert_eq!(refusal(probe.get(&format!("{USERS}?count=all"))), refused(400, "invalidValue"));
    super::switch(probe, "page_size", 3);
    assert_eq!(probe.get(&format!("{USERS}?count=1000")).1["itemsPerPage"], 3);
    assert_eq!(probe.get(USERS).1["itemsPerPage"], 3);
}

pub(crate) fn only_what_is_asked_for_is_shown(probe: &Probe) {
    let place = with_anna(probe);
    let keys = |target: &str| {
        let (_, shown) = probe.get(target);
        shown.as_object().unwrap().keys().cloned().collect::<Vec<_>>()
    };
    let asked = keys(&format!("{place}?attributes=userName,name.givenName"));
    assert_eq!(asked, ["schemas", "id", "userName", "name"]);
    let (_, groups) = probe.get(&format!("{GROUPS}?excludedAttributes=members"));
    assert_eq!(groups["Resources"][0].get("members"), None);
    assert!(groups["Resources"][0]["displayName"].is_string());
}
