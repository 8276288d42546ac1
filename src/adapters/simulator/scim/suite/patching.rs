//! PATCH to the letter of RFC 7644 §3.5.2.

use serde_json::{Value, json};

use super::{USERS, operation, patch, refusal, refused, with_anna};
use crate::adapters::simulator::probe::Probe;

pub(crate) fn operations_work_with_and_without_a_path(probe: &Probe) {
    let place = with_anna(probe);
    let both = patch(&json!([
        {"op": "replace", "value": {"name": {"familyName": "Weiss"}, "active": false, "id": "passed over"}},
        {"op": "add", "path": "NAME.givenname", "value": "Anne"},
        {"op": "replace", "path": "urn:ietf:params:scim:schemas:core:2.0:User:externalId", "value": "00u2"},
    ]));
    let (status, shown) = probe.ask("PATCH", &place, &both);
    assert_eq!(status, 200, "{shown}");
    assert_eq!((&shown["active"], &shown["externalId"]), (&json!(false), &json!("00u2")));
    let name = json!({"givenName": "Anne", "familyName": "Weiss", "formatted": "Anne Weiss"});
    assert_eq!(shown["name"], name);
    assert_eq!(probe.get(&place).1, shown);
}

pub(crate) fn an_inactive_user_comes_back(probe: &Probe) {
    let place = with_anna(probe);
    for active in [false, false, true, true] {
        let (status, shown) = probe.ask("PATCH", &place, &operation("replace", "active", json!(active)));
        assert_eq!((status, &shown["active"]), (200, &json!(active)));
        assert_eq!(probe.get(&place).1["active"], active);
    }
    let (_, list) = probe.get(USERS);
    assert_eq!(list["totalResults"], 4);
}

pub(crate) fn what_patch_does_not_understand_changes_nothing(probe: &Probe) {
    let place = with_anna(probe);
    let (_, before) = probe.get(&place);
    let harmless = json!({"op": "replace", "path": "active", "value": false});
    for (wrong, scim_type) in [
        (json!({"op": "Replace", "path": "active", "value": false}), "invalidSyntax"),
        (json!({"op": "replace", "path": "active", "value": "False"}), "invalidValue"),
        (json!({"op": "replace", "path": "active"}), "invalidValue"),
        (json!({"op": "replace", "value": "active"}), "invalidValue"),
        (json!({"op": "replace", "path": "title", "value": "Boss"}), "invalidPath"),
        (json!({"op": "replace", "path": "roles", "value": [{"value": "admin"}]}), "invalidPath"),
        (json!({"op": "replace", "value": {"name.givenName": "A"}}), "invalidPath"),
        (json!({"op": "replace", "path": "name.nick", "value": "A"}), "invalidPath"),
        (json!({"op": "replace", "path": "emails.value", "value": "a@example.com"}), "invalidPath"),
        (json!({"op": "replace", "path": "name[givenName eq \"Anna\"]", "value": {}}), "invalidPath"),
        (json!({"op": "replace", "path": "emails[type co \"w\"].value", "value": "a@b"}), "invalidFilter"),
        (json!({"op": "replace", "path": "emails[type eq \"home\"].value", "value": "a@b"}), "noTarget"),
        (json!({"op": "replace", "path": "id", "value": "7"}), "mutability"),
        (json!({"op": "replace", "path": "name.formatted", "value": "A B"}), "mutability"),
        (json!({"op": "remove"}), "noTarget"),
        (json!({"op": "remove", "path": "userName"}), "invalidValue"),
        (json!({"op": "replace", "path": "userName", "value": "anna"}), "invalidValue"),
    ] {
        let answer = probe.ask("PATCH", &place, &patch(&json!([harmless, wrong])));
        assert_eq!(refusal(answer), refused(400, scim_type), "{wrong}");
    }
    assert_eq!(refusal(probe.ask("PATCH", &place, &patch(&json!([])))), refused(400, "invalidSyntax"));
    let bare = json!({"Operations": [harmless]});
    assert_eq!(refusal(probe.ask("PATCH", &place, &bare)), refused(400, "invalidSyntax"));
    assert_eq!(probe.get(&place).1, before);
}

pub(crate) fn null_and_remove_take_a_value_away(probe: &Probe) {
    let place = with_anna(probe);
    let (_, shown) = probe.ask("PATCH", &place, &operation("remove", "externalId", Value::Null));
    assert_eq!(shown.get("externalId"), None);
    probe.ask("PATCH", &place, &operation("add", "externalId", json!("00u3")));
    let null = patch(&json!([{"op": "replace", "value": {"externalId": null}}]));
    assert_eq!(probe.ask("PATCH", &place, &null).1.get("externalId"), None);
}
