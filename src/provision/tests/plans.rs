//! The plan as a table: what stands, what is wanted, and what is done about it.

use serde_json::json;

use super::stage::{by_hand, native, removing};
use crate::base::clock::Timestamp;
use crate::contract::{Account, Capabilities, Delete, Role, State};
use crate::provision::mapping::Wanted;
use crate::provision::plan::{self, Step};
use crate::provision::standing::{About, Person, Standing, Waiting};
use crate::provision::{DeletePolicy, Policy};
use crate::store::{Kind, Lifecycle, Record};

/// Somebody with an account in this state, or without one.
fn stands(state: Option<State>) -> Person {
    let observed = Account {
        id: "a1".to_owned(),
        email: Some("anna@corp.example".to_owned()),
        state: Some(state.unwrap_or(State::Inactive)),
        roles: Some(vec![Role { value: "member".to_owned(), display: None }]),
        ..Account::default()
    };
    let record = Record {
        connection: "app".to_owned(),
        kind: Kind::User,
        id: "u1".to_owned(),
        lifecycle: Lifecycle::Live,
        account: state.map(|_| "a1".to_owned()),
        name_key: "anna@corp.example".to_owned(),
        label: "anna@corp.example".to_owned(),
        external_id: None,
        email_keys: vec!["anna@corp.example".to_owned()],
        display_key: None,
        told_key: None,
        active: None,
        desired: String::new(),
        observed: None,
        standing: String::new(),
        generation: 1,
        version: 1,
        created_at: Timestamp(1),
        modified_at: Timestamp(1),
        observed_at: None,
        groups: Vec::new(),
    };
    let desired = json!({"userName": "anna@corp.example", "active": true});
    let active = matches!(state, Some(State::Active | State::Invited));
    Person { record, desired, observed: Some(observed), standing: Standing { active, ..Standing::default() } }
}

fn wanted(active: bool) -> Wanted {
    Wanted {
        user_name: "anna@corp.example".to_owned(),
        email: Some("anna@corp.example".to_owned()),
        active,
        ..Wanted::default()
    }
}

fn words(steps: &[Step]) -> Vec<&'static str> {
    let word = |step: &Step| match step {
        Step::Create(_) => "create",
        Step::Update(_) => "update",
        Step::Deactivate => "deactivate",
        Step::Reactivate => "reactivate",
        Step::Delete => "delete",
        Step::Rejoin(_) => "rejoin",
        Step::Recall => "recall",
    };
    steps.iter().map(word).collect()
}

fn updated(person: &Person, active: bool, capabilities: &Capabilities) -> Vec<&'static str> {
    words(&plan::update(person, &wanted(active), capabilities, &Policy::default()).unwrap())
}

#[test]
fn access_follows_what_is_wanted_and_nothing_is_done_twice() {
    for (state, active, expected) in [
        (Some(State::Active), true, &[][..]),
        (Some(State::Active), false, &["deactivate"]),
        (Some(State::Invited), true, &[]),
        (Some(State::Invited), false, &["deactivate"]),
        (Some(State::Inactive), true, &["reactivate"]),
        (Some(State::Inactive), false, &[]),
        (None, true, &["create"]),
        (None, false, &[]),
    ] {
        assert_eq!(updated(&stands(state), active, &native()), expected, "{state:?} {active}");
    }
    for (state, active, expected) in [
        (Some(State::Active), false, &["deactivate"][..]),
        (Some(State::Invited), false, &["deactivate"]),
        (None, true, &["create"]),
        (None, false, &[]),
    ] {
        assert_eq!(updated(&stands(state), active, &removing()), expected, "{state:?} {active}");
    }
}

#[test]
fn access_is_taken_away_before_anything_else_is_changed() {
    let change = Wanted { given_name: Some("Anna".to_owned()), ..wanted(false) };
    let steps = plan::update(&stands(Some(State::Active)), &change, &native(), &Policy::default()).unwrap();
    assert_eq!(words(&steps), ["deactivate", "update"]);
    let back = Wanted { given_name: Some("Anna".to_owned()), ..wanted(true) };
    let steps = plan::update(&stands(Some(State::Inactive)), &back, &native(), &Policy::default()).unwrap();
    assert_eq!(words(&steps), ["reactivate", "update"]);
}

#[test]
fn what_the_app_cannot_change_stops_a_change_and_no_deactivation() {
    let change = |active| Wanted { email: Some("other@corp.example".to_owned()), ..wanted(active) };
    for state in [Some(State::Active), Some(State::Inactive), None] {
        let person = stands(state);
        assert!(plan::update(&person, &change(false), &removing(), &Policy::default()).is_ok(), "{state:?}");
    }
    let refused = plan::update(&stands(Some(State::Active)), &change(true), &removing(), &Policy::default());
    assert_eq!(refused.unwrap_err().status, 400);
}

#[test]
fn a_removal_by_hand_is_called_off_by_access_and_asked_for_again_by_none() {
    let mut person = stands(Some(State::Active));
    person.standing.waiting =
        vec![Waiting { ticket: "t1".to_owned(), about: About::Remove, instruction: "remove".to_owned() }];
    assert_eq!(updated(&person, true, &by_hand()), ["recall"]);
    assert_eq!(updated(&person, false, &by_hand()), ["deactivate"]);
}

#[test]
fn a_delete_takes_access_away_as_the_policy_says_and_needs_none_where_there_is_none() {
    let same = Capabilities { delete: Delete::SameAsDeactivate, ..native() };
    for (policy, capabilities, state, expected) in [
        (DeletePolicy::Deactivate, native(), Some(State::Active), &["deactivate"][..]),
        (DeletePolicy::Deactivate, native(), Some(State::Invited), &["deactivate"]),
        (DeletePolicy::Deactivate, native(), Some(State::Inactive), &[]),
        (DeletePolicy::Deactivate, native(), None, &[]),
        (DeletePolicy::Hard, native(), Some(State::Active), &["delete"]),
        (DeletePolicy::Hard, native(), Some(State::Inactive), &["delete"]),
        (DeletePolicy::Hard, native(), None, &[]),
        (DeletePolicy::Hard, same, Some(State::Active), &["deactivate"]),
        (DeletePolicy::Hard, same, Some(State::Inactive), &[]),
    ] {
        let policy = Policy { delete: policy, ..Policy::default() };
        let steps = plan::delete(&stands(state), &capabilities, &policy).unwrap();
        assert_eq!(words(&steps), expected, "{:?} {state:?}", policy.delete);
    }
    let reject = Policy { delete: DeletePolicy::Reject, ..Policy::default() };
    assert_eq!(plan::delete(&stands(None), &native(), &reject).unwrap_err().status, 403);
}

#[test]
fn a_protected_account_is_found_by_every_name_it_has() {
    let policy = Policy { protected: vec!["anna@corp.example".to_owned()], ..Policy::default() };
    let mut person = stands(Some(State::Active));
    assert!(plan::is_protected(&person, &policy));
    person.record.name_key = "somebody".to_owned();
    person.record.email_keys.clear();
    assert!(plan::is_protected(&person, &policy), "by the address the app knows");
    person.observed = None;
    assert!(!plan::is_protected(&person, &policy));
}
