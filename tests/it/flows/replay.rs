//! The requests of Okta and Entra in `tests/fixtures/idp`, sent to connections of real apps.
//!
//! Every case is played; what an app cannot do is listed with its reason, and the list must be what fails, no more and
//! no less.

use std::collections::BTreeMap;

use crate::idp_cases::SKIPPED;
use crate::support::cases::Case;
use crate::support::fixtures::all_cases;
use crate::support::gateway::Gateway;

/// Ids of cases, and why the app cannot answer them as the provider likes best.
type Unanswered = &'static [(&'static [&'static str], &'static str)];

/// Cases with more resources than this show nothing of the app that a few do not.
const CROWD: u64 = 50;

/// Cases that begin with a new group, on apps whose groups are fixed: answered 501 by `POST /Groups`.
const NEW_GROUPS: &[&str] = &[
    "okta-group-01",
    "okta-group-02",
    "okta-group-03",
    "okta-group-06",
    "okta-group-09",
    "okta-group-12",
    "okta-group-13",
    "okta-group-14",
    "okta-group-15",
    "okta-group-16",
    "okta-group-18",
    "okta-group-21",
    "okta-spec-09",
    "okta-user-11",
    "okta-user-29",
    "entra-conn-03",
    "entra-del-03",
    "entra-group-01",
    "entra-group-02",
    "entra-group-03",
    "entra-group-05",
    "entra-group-06",
    "entra-group-08",
    "entra-group-11",
    "entra-group-13",
    "entra-group-14",
    "entra-group-15",
    "entra-group-17",
    "entra-group-18",
    "entra-group-19",
    "entra-group-20",
    "entra-group-23",
    "entra-patch-43",
];
const NO_NEW_GROUPS: &str = "the app's groups cannot be created";

/// Cases that expect no groups at all.
const NO_GROUPS: &[&str] = &["okta-conn-02"];
const HAS_GROUPS: &str = "the app has groups from the start";

/// Cases that change an address.
const NEW_ADDRESS: &[&str] =
    &["entra-patch-02", "entra-patch-04", "entra-patch-05", "entra-patch-22", "entra-patch-32"];
const FIXED_ADDRESS: &str = "the app cannot change an address: 400 mutability";

/// Cases with made-up roles.
const NEW_ROLES: &[&str] = &["entra-patch-34", "entra-patch-36", "entra-user-16"];
const FIXED_ROLES: &str = "the app has no such role: 400 invalidValue";

const HIVE: Unanswered = &[
    (NEW_GROUPS, NO_NEW_GROUPS),
    (NO_GROUPS, HAS_GROUPS),
    (NEW_ADDRESS, FIXED_ADDRESS),
    (NEW_ROLES, FIXED_ROLES),
];

const HONEYCOMB: Unanswered = HIVE;

const TINES: Unanswered = &[
    (NEW_GROUPS, NO_NEW_GROUPS),
    (NO_GROUPS, HAS_GROUPS),
    (NEW_ROLES, FIXED_ROLES),
    (&["entra-user-04"], "the app writes its role `admin` in small letters"),
];

const WORKIVA: Unanswered = &[
    (NO_GROUPS, HAS_GROUPS),
    (NEW_ROLES, FIXED_ROLES),
    (&["entra-user-04"], FIXED_ROLES),
    (&["okta-group-18", "entra-group-23"], "the app's groups cannot be deleted"),
    (&["entra-group-18"], "the app has no groups in groups"),
];

const HOTJAR: Unanswered = &[
    (NEW_GROUPS, NO_NEW_GROUPS),
    (NO_GROUPS, HAS_GROUPS),
    (NEW_ADDRESS, FIXED_ADDRESS),
    (NEW_ROLES, FIXED_ROLES),
    (
        &[
            "okta-user-18",
            "okta-user-31",
            "entra-del-01",
            "entra-patch-06",
            "entra-patch-08",
            "entra-patch-09",
            "entra-patch-44",
        ],
        "a leaver stays active until somebody has removed them",
    ),
];

#[test]
fn hive_answers_what_the_providers_send() {
    replay("hive", 2, HIVE);
}

#[test]
fn honeycomb_answers_what_the_providers_send() {
    replay("honeycomb", 2, HONEYCOMB);
}

#[test]
fn tines_answers_what_the_providers_send() {
    replay("tines", 2, TINES);
}

#[test]
fn workiva_answers_what_the_providers_send() {
    replay("workiva", 2, WORKIVA);
}

#[test]
fn hotjar_answers_what_the_providers_send() {
    replay("hotjar", 3, HOTJAR);
}

/// Plays everything on the app, which has `groups` groups from the start.
fn replay(app: &str, groups: u64, unanswered: Unanswered) {
    let mut unmet: BTreeMap<String, String> = BTreeMap::new();
    for idp in ["okta", "entra"] {
        unmet.extend(play(idp, app, groups));
    }
    let mut expected: Vec<&str> = unanswered.iter().flat_map(|(ids, _)| *ids).copied().collect();
    expected.sort_unstable();
    let found: Vec<&str> = unmet.keys().map(String::as_str).collect();
    let surprises: Vec<String> = unmet
        .iter()
        .filter(|(id, _)| !expected.contains(&id.as_str()))
        .map(|(id, claims)| format!("{id}: {claims}"))
        .collect();
    assert_eq!(found, expected, "{}", surprises.join("\n"));
}

/// Plays the cases of one identity provider, on one gateway as long as what they leave behind can be cleared; what does
/// not hold, by case.
fn play(idp: &str, app: &str, groups: u64) -> BTreeMap<String, String> {
    let impossible = |case: &Case| SKIPPED.iter().any(|(id, _)| *id == case.id) || case.crowd() > CROWD;
    let cases = all_cases().remove(idp).unwrap();
    let mut gateway = None;
    let mut unmet = BTreeMap::new();
    for case in cases.iter().filter(|case| !impossible(case)) {
        let mut running = gateway.take().map_or_else(|| Gateway::start_on(idp, app), Ok).unwrap();
        let found = case.play(&mut running).unwrap_or_else(|broken| vec![broken]);
        if !found.is_empty() {
            unmet.insert(case.id.clone(), found.join("; "));
        }
        gateway = running.clear_users(groups).is_ok_and(|clear| clear).then_some(running);
    }
    unmet
}
