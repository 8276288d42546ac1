//! Groups and their members.

use serde_json::{Value, json};

use super::{
    GROUPS, filtered, first_group, group, id_of, members, operation, patch, refusal, refused, with_anna,
};
use crate::adapters::simulator::probe::Probe;

fn people(probe: &Probe) -> (String, String) {
    let (_, list) = probe.get(super::USERS);
    let id = |place: usize| list["Resources"][place]["id"].as_str().unwrap().to_owned();
    (id(1), id(2))
}

pub(crate) fn a_group_gains_and_loses_members(probe: &Probe) {
    let (maria, tom) = people(probe);
    let anna = id_of(&with_anna(probe)).to_owned();
    let (status, created) = probe.ask("POST", GROUPS, &group("Auditors of the year", &[&maria, &maria]));
    assert_eq!((status, &created["meta"]["resourceType"]), (201, &json!("Group")), "{created}");
    let place = format!("{GROUPS}/{}", created["id"].as_str().unwrap());
    assert_eq!(members(probe, &place), vec![maria.clone()]);
    let is_now = |operations: Value, expected: &[&String]| {
        let (status, answer) = probe.ask("PATCH", &place, &patch(&operations));
        assert_eq!(status, 200, "{answer}");
        let mut found = members(probe, &place);
        found.sort();
        let mut expected: Vec<String> = expected.iter().map(|id| (*id).clone()).collect();
        expected.sort();
        assert_eq!(found, expected, "{operations}");
    };
    let adding = [json!({"value": anna}), json!({"value": maria, "display": "Maria"})];
    is_now(json!([{"op": "add", "path": "members", "value": adding}]), &[&maria, &anna]);
    is_now(json!([{"op": "add", "value": {"members": [{"value": tom}]}}]), &[&maria, &anna, &tom]);
    let one = format!("members[value eq \"{maria}\"]");
    is_now(json!([{"op": "remove", "path": one}]), &[&anna, &tom]);
    is_now(json!([{"op": "remove", "path": one}]), &[&anna, &tom]);
    is_now(json!([{"op": "replace", "path": "members", "value": [{"value": maria}]}]), &[&maria]);
    is_now(json!([{"op": "replace", "value": {"id": "x", "members": []}}]), &[]);
    is_now(json!([{"op": "add", "path": "members", "value": {"value": tom}}]), &[&tom]);
    // RFC 7644 §3.5.2.2: a path without a filter removes the whole list, whatever comes with it as a value.
    is_now(json!([{"op": "remove", "path": "members", "value": [{"value": maria}]}]), &[]);
}

pub(crate) fn members_must_be_users(probe: &Probe) {
    let place = first_group(probe);
    let before = members(probe, &place);
    let nobody = operation("add", "members", json!([{"value": "nobody"}]));
    assert_eq!(refusal(probe.ask("PATCH", &place, &nobody)), refused(400, "invalidValue"));
    let nameless = operation("add", "members", json!([{"display": "Anna"}]));
    assert_eq!(refusal(probe.ask("PATCH", &place, &nameless)), refused(400, "invalidValue"));
    let answer = probe.ask("POST", GROUPS, &group("Strangers", &["nobody"]));
    assert_eq!(refusal(answer), refused(400, "invalidValue"));
    assert_eq!(members(probe, &place), before);
}

pub(crate) fn names_of_groups_are_unique(probe: &Probe) {
    assert_eq!(probe.ask("POST", GROUPS, &group("Red Team", &[])).0, 201);
    assert_eq!(refusal(probe.ask("POST", GROUPS, &group("RED team", &[]))), refused(409, "uniqueness"));
    assert_eq!(refusal(probe.ask("POST", GROUPS, &group(" ", &[]))), refused(400, "invalidValue"));
    let same = operation("replace", "displayName", json!("Red Team"));
    let (_, list) = filtered(probe, GROUPS, r#"displayName eq "Red Team""#);
    let place = format!("{GROUPS}/{}", list["Resources"][0]["id"].as_str().unwrap());
    assert_eq!(probe.ask("PATCH", &place, &same).0, 200);
}

pub(crate) fn a_filter_finds_a_group_by_its_name(probe: &Probe) {
    probe.ask("POST", GROUPS, &group("Red Team", &[]));
    let (status, list) = filtered(probe, GROUPS, r#"displayName eq "red team""#);
    assert_eq!((status, &list["totalResults"]), (200, &json!(1)));
    assert_eq!(list["Resources"][0]["displayName"], "Red Team");
    let (_, none) = filtered(probe, GROUPS, r#"displayName eq "Blue Team""#);
    assert_eq!((&none["totalResults"], &none["Resources"]), (&json!(0), &json!([])));
}
