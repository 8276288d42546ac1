//! What holds for every app's SCIM server: one suite, three callers.
//!
//! Each claim is given a fresh app with the people of the default seed and the SCIM token as bearer.

mod groups;
mod lists;
mod patching;
mod switches;
mod users;

use serde_json::{Value, json};

pub(crate) use self::{groups::*, lists::*, patching::*, switches::*, users::*};
use crate::adapters::simulator::probe::Probe;

pub(crate) const USERS: &str = "/scim/v2/Users";
pub(crate) const GROUPS: &str = "/scim/v2/Groups";

/// Makes one test of each claim.
macro_rules! scim_suite {
    ($fresh:path) => {
        $crate::adapters::simulator::scim::suite::scim_suite! { $fresh =>
            a_created_user_is_read_back_as_it_was_sent
            a_user_name_is_an_address_nobody_else_has
            a_body_says_what_it_is
            a_put_leaves_nothing_of_what_it_does_not_name_but_active
            an_address_is_changed_by_either_of_its_names
            users_that_are_not_there_are_404
            a_plan_without_scim_shuts_the_door
            nobody_is_created_or_woken_without_a_seat
            operations_work_with_and_without_a_path
            an_inactive_user_comes_back
            what_patch_does_not_understand_changes_nothing
            null_and_remove_take_a_value_away
            a_filter_finds_one_user_by_its_name
            other_filters_compare_one_attribute
            pages_begin_where_they_are_asked_to
            only_what_is_asked_for_is_shown
            a_group_gains_and_loses_members
            members_must_be_users
            names_of_groups_are_unique
            a_filter_finds_a_group_by_its_name
            filters_are_refused_or_passed_over
            pages_are_passed_over
            totals_are_wrong
            a_patch_is_answered_without_a_body_or_not_at_all
            a_deactivation_is_ignored_or_pretended
            a_stale_version_is_refused
            unclaimed_routes_are_refused_or_work
            statuses_are_what_the_switches_say
            an_absent_value_is_no_target
            switches_of_scim_are_changed_one_by_one
        }
    };
    ($fresh:path => $($claim:ident)+) => {
        $(
            #[test]
            fn $claim() {
                $crate::adapters::simulator::scim::suite::$claim(&$fresh());
            }
        )+
    };
}
pub(crate) use scim_suite;

pub(super) fn anna() -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": "anna.berg@example.com",
        "externalId": "00u1",
        "name": {"givenName": "Anna", "familyName": "Berg"},
        "emails": [{"value": "anna.berg@example.com", "type": "work", "primary": true}],
        "active": true,
    })
}

/// Creates Anna and answers her place.
pub(super) fn with_anna(probe: &Probe) -> String {
    let (status, created) = probe.ask("POST", USERS, &anna());
    assert_eq!(status, 201, "{created}");
    format!("{USERS}/{}", created["id"].as_str().unwrap())
}

pub(super) fn group(name: &str, members: &[&str]) -> Value {
    let members: Vec<Value> = members.iter().map(|id| json!({ "value": id })).collect();
    let schemas = ["urn:ietf:params:scim:schemas:core:2.0:Group"];
    json!({ "schemas": schemas, "displayName": name, "members": members })
}

pub(super) fn patch(operations: &Value) -> Value {
    json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations})
}

/// One operation with a path.
pub(super) fn operation(op: &str, path: &str, value: Value) -> Value {
    let mut operation = json!({ "op": op, "path": path });
    if !value.is_null() {
        operation["value"] = value;
    }
    patch(&json!([operation]))
}

/// Asks for a list with a filter.
pub(super) fn filtered(probe: &Probe, place: &str, filter: &str) -> (u16, Value) {
    let query: String =
        url::form_urlencoded::Serializer::new(String::new()).append_pair("filter", filter).finish();
    probe.get(&format!("{place}?{query}"))
}

/// Status and `scimType` of a refusal in SCIM's own form.
pub(super) fn refusal((status, body): (u16, Value)) -> (u16, String) {
    assert_eq!(body["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:Error"]), "{body}");
    assert_eq!(body["status"], json!(status.to_string()));
    assert!(body["detail"].as_str().is_some_and(|detail| !detail.is_empty()));
    (status, body["scimType"].as_str().unwrap_or_default().to_owned())
}

pub(super) fn refused(status: u16, scim_type: &str) -> (u16, String) {
    (status, scim_type.to_owned())
}

pub(super) fn id_of(place: &str) -> &str {
    place.rsplit('/').next().unwrap()
}

/// Sets one switch of the server.
pub(super) fn switch(probe: &Probe, name: &str, value: impl Into<Value>) {
    probe.lever("mode", &json!({ "scim": { name: value.into() } }));
}

/// The place of the first group there is.
pub(super) fn first_group(probe: &Probe) -> String {
    let (_, list) = probe.get(GROUPS);
    format!("{GROUPS}/{}", list["Resources"][0]["id"].as_str().unwrap())
}

/// Members' ids of a group, by the list: a group by its id is not for everybody.
pub(super) fn members(probe: &Probe, place: &str) -> Vec<String> {
    let (_, list) = probe.get(GROUPS);
    let groups = list["Resources"].as_array().unwrap();
    let group = groups.iter().find(|group| group["id"] == id_of(place)).unwrap();
    let members = group["members"].as_array().unwrap().iter();
    members.map(|member| member["value"].as_str().unwrap().to_owned()).collect()
}
