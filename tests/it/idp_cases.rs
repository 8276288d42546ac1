//! Every request in `tests/fixtures/idp`, sent as its identity provider sends it, to a connection set up for it.

use crate::support::cases::Case;
use crate::support::fixtures::all_cases;
use crate::support::gateway::Gateway;

/// Cases that need something one demo connection cannot give, and what.
pub const SKIPPED: [(&str, &str); 9] = [
    ("okta-conn-04", "a token that was revoked: the demo has one token, which lives as long as the demo"),
    ("okta-err-01", "a spent rate limit: the limit lies above what one client sends"),
    ("entra-err-01", "a spent rate limit: the limit lies above what one client sends"),
    ("entra-auth-02", "a client registered at the token endpoint: the demo has bearer tokens alone"),
    ("entra-auth-04", "a client trusting an Entra tenant: the demo has bearer tokens alone"),
    ("entra-auth-06", "tokens signed by an Entra tenant: the demo trusts none"),
    ("entra-auth-07", "tokens signed by an Entra tenant: the demo trusts none"),
    ("rauthy-07", "two clients on one connection: a demo connection has one"),
    ("gen-two-01", "two clients on one connection: a demo connection has one"),
];

/// From this many resources on, a new gateway is quicker than clearing the old one.
const CROWD: u64 = 50;

#[test]
fn what_okta_sends_is_answered_as_okta_needs_it() {
    play("okta", |idp| idp == "okta");
}

#[test]
fn what_entra_sends_is_answered_as_entra_needs_it() {
    play("entra", |idp| idp == "entra");
}

#[test]
fn what_the_others_send_is_answered_as_they_need_it() {
    play("generic", |idp| idp != "okta" && idp != "entra");
}

#[test]
fn exactly_the_cases_that_cannot_be_arranged_are_skipped() {
    let cases: Vec<Case> = all_cases().into_values().flatten().collect();
    assert_eq!(cases.len(), 196, "a case was lost or added");
    let mut needy: Vec<&str> =
        cases.iter().filter(|case| !case.needs().is_empty()).map(|case| case.id.as_str()).collect();
    let mut skipped: Vec<&str> = SKIPPED.iter().map(|(id, _)| *id).collect();
    needy.sort_unstable();
    skipped.sort_unstable();
    assert_eq!(needy, skipped);
}

/// Plays the cases of some identity providers one after the other, and tells every failure at once.
fn play(mode: &str, of: fn(&str) -> bool) {
    let skipped = |case: &Case| SKIPPED.iter().any(|(id, _)| *id == case.id);
    let cases = all_cases().into_iter().filter(|(idp, _)| of(idp)).flat_map(|(_, cases)| cases);
    let mut gateway = None;
    let mut failures = Vec::new();
    let mut played = 0;
    for case in cases.filter(|case| !skipped(case)) {
        played += 1;
        let mut running = gateway.take().map_or_else(|| Gateway::start(mode), Ok).unwrap();
        let outcome = running.clear().and_then(|()| case.play(&mut running));
        let unmet = outcome.unwrap_or_else(|broken| vec![broken]);
        if !unmet.is_empty() {
            failures.push(format!("{}: {}\n    {}", case.id, case.scenario, unmet.join("\n    ")));
        }
        gateway = (case.crowd() < CROWD).then_some(running);
    }
    assert!(failures.is_empty(), "{} of {played} cases fail\n{}", failures.len(), failures.join("\n"));
}
