//! What the switches make of the server.

use serde_json::{Value, json};

use super::{
    GROUPS, USERS, anna, filtered, first_group, group, id_of, operation, refusal, refused, switch, with_anna,
};
use crate::adapters::simulator::probe::Probe;

const TOM: &str = r#"userName eq "tom.fischer@example.com""#;

pub(crate) fn filters_are_refused_or_passed_over(probe: &Probe) {
    switch(probe, "filter", "refused_400");
    assert_eq!(refusal(filtered(probe, USERS, TOM)), refused(400, "invalidFilter"));
    assert_eq!(probe.get(USERS).0, 200);
    switch(probe, "filter", "refused_501");
    assert_eq!(refusal(filtered(probe, USERS, TOM)), refused(501, ""));
    switch(probe, "filter", "ignored");
    let (status, list) = filtered(probe, USERS, TOM);
    assert_eq!((status, &list["totalResults"]), (200, &json!(3)));
    assert_eq!(list["Resources"][0]["userName"], "owner@example.com");
}

pub(crate) fn pages_are_passed_over(probe: &Probe) {
    let page = || {
        let (_, list) = probe.get(&format!("{USERS}?startIndex=2&count=1"));
        (list["startIndex"].clone(), list["itemsPerPage"].clone())
    };
    switch(probe, "pages", "count_ignored");
    assert_eq!(page(), (json!(2), json!(2)));
    switch(probe, "pages", "ignored");
    assert_eq!(page(), (json!(1), json!(3)));
}

pub(crate) fn totals_are_wrong(probe: &Probe) {
    let total = || probe.get(&format!("{USERS}?count=2")).1["totalResults"].clone();
    assert_eq!(total(), 3);
    switch(probe, "total_results", "of_page");
    assert_eq!(total(), 2);
    switch(probe, "total_results", "one_more");
    assert_eq!(total(), 4);
}

pub(crate) fn a_patch_is_answered_without_a_body_or_not_at_all(probe: &Probe) {
    let place = with_anna(probe);
    let active = |on: bool| operation("replace", "active", json!(on));
    switch(probe, "patch", "no_content");
    assert_eq!(probe.ask("PATCH", &place, &active(false)), (204, Value::Null));
    assert_eq!(probe.get(&place).1["active"], false);
    for (refusing, status) in [("refused_501", 501), ("refused_405", 405)] {
        switch(probe, "patch", refusing);
        assert_eq!(refusal(probe.ask("PATCH", &place, &active(true))), refused(status, ""));
    }
    assert_eq!(probe.get(&place).1["active"], false);
    assert_eq!(probe.ask("PUT", &place, &anna()).1["active"], true);
}

pub(crate) fn a_deactivation_is_ignored_or_pretended(probe: &Probe) {
    let place = with_anna(probe);
    let off = operation("replace", "active", json!(false));
    for (kind, shown) in [("ignored", true), ("pretended", false)] {
        switch(probe, "active_change", kind);
        let (status, answer) = probe.ask("PATCH", &place, &off);
        assert_eq!((status, &answer["active"]), (200, &json!(shown)), "{kind}");
        assert_eq!(probe.get(&place).1["active"], true, "{kind}");
    }
}

pub(crate) fn a_stale_version_is_refused(probe: &Probe) {
    let place = with_anna(probe);
    assert_eq!(probe.get(&place).1["meta"].get("version"), None);
    let rename = |name: &str| operation("replace", "name.givenName", json!(name));
    assert_eq!(probe.saying("if-match", "W/\"x\"").ask("PATCH", &place, &rename("A")).0, 200);
    switch(probe, "etags", true);
    let answer = probe.answer("GET", &place, "", "");
    let shown: Value = serde_json::from_slice(&answer.body).unwrap();
    let version = shown["meta"]["version"].as_str().unwrap();
    assert!(answer.headers.contains(&("etag".to_owned(), version.to_owned())));
    let careful = probe.saying("if-match", version);
    assert_eq!(careful.ask("PATCH", &place, &rename("B")).0, 200);
    assert_eq!(refusal(careful.ask("PATCH", &place, &rename("C"))), refused(412, ""));
    assert_eq!(probe.saying("if-match", "*").ask("PATCH", &place, &rename("D")).0, 200);
    assert_eq!(probe.get(&place).1["name"]["givenName"], "D");
}

pub(crate) fn unclaimed_routes_are_refused_or_work(probe: &Probe) {
    let place = first_group(probe);
    let discovery = "/scim/v2/ServiceProviderConfig";
    for status in [501, 404, 405] {
        switch(probe, "unclaimed_status", status);
        for unclaimed in [place.as_str(), discovery, "/scim/v2/Schemas/x"] {
            assert_eq!(refusal(probe.get(unclaimed)), refused(status, ""), "{unclaimed}");
        }
        assert_eq!(probe.ask("PUT", &place, &group("Other", &[])).0, status);
    }
    switch(probe, "unclaimed_routes", true);
    assert_eq!(probe.get(&place).1["id"], id_of(&place));
    assert_eq!(probe.ask("PUT", &place, &group("Other", &[])).1["displayName"], "Other");
    let rename = operation("replace", "displayName", json!("Another"));
    assert_eq!(probe.ask("PATCH", &place, &rename).1["displayName"], "Another");
    assert_eq!(probe.ask("DELETE", &place, &Value::Null), (204, Value::Null));
    assert_eq!(probe.get(&place).0, 404);
    let anna = with_anna(probe);
    assert_eq!(probe.ask("DELETE", &anna, &Value::Null), (204, Value::Null));
    assert_eq!(probe.ask("DELETE", &anna, &Value::Null).0, 404);
    assert_eq!(refusal(probe.get(discovery)), refused(405, ""));
}

pub(crate) fn statuses_are_what_the_switches_say(probe: &Probe) {
    switch(probe, "created_status", 200);
    switch(probe, "unknown_member_status", 404);
    assert_eq!(probe.ask("POST", USERS, &anna()).0, 200);
    assert_eq!(probe.ask("POST", GROUPS, &group("Red Team", &[])).0, 200);
    assert_eq!(refusal(probe.ask("POST", GROUPS, &group("Blue Team", &["nobody"]))), refused(404, ""));
}

pub(crate) fn an_absent_value_is_no_target(probe: &Probe) {
    let place = first_group(probe);
    let remove = operation("remove", r#"members[value eq "nobody"]"#, Value::Null);
    assert_eq!(probe.ask("PATCH", &place, &remove).0, 200);
    switch(probe, "absent_value", "no_target");
    assert_eq!(refusal(probe.ask("PATCH", &place, &remove)), refused(400, "noTarget"));
}

pub(crate) fn switches_of_scim_are_changed_one_by_one(probe: &Probe) {
    switch(probe, "etags", true);
    switch(probe, "page_size", 7);
    let (_, mode) = probe.get("/__sim/mode");
    assert_eq!((&mode["scim"]["etags"], &mode["scim"]["page_size"]), (&json!(true), &json!(7)));
    for wrong in [json!({"scim": {"unheard_of": 1}}), json!({"scim": {"filter": "maybe"}})] {
        assert_eq!(probe.ask("POST", "/__sim/mode", &wrong).0, 400);
    }
}
