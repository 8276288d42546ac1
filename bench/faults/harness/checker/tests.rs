//! A checker that finds nothing proves nothing: each claim here plants what it must find.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Case, Invariant};
use crate::harness::audit::Memory;
use crate::harness::history::{Act, Told};
use crate::harness::ledger::{Change, Ledger};
use crate::harness::targets::TARGETS;
use crate::harness::wire::Silence;

const ADA: &str = "ada@example.com";

fn told(act: Act, tag: Option<u32>, sent: i64, answer: Result<u16, Silence>) -> Told {
    Told { person: ADA.to_owned(), act, tag, sent, ended: sent + 5, answer }
}

fn change(at: i64, before: Option<(&str, bool)>, after: Option<(&str, bool)>) -> Change {
    let holder = |told: Option<(&str, bool)>| {
        let (name, access) = told?;
        let group = if access { vec!["5"] } else { Vec::new() };
        serde_json::from_value(
            json!({ "id": "7", "email": ADA, "name": name, "access": access, "groups": group }),
        )
        .unwrap()
    };
    Change { seq: 1, at_us: at, call: None, before: holder(before), after: holder(after) }
}

fn found(told: Vec<Told>, changes: Vec<Change>, known: bool) -> Vec<Invariant> {
    found_beside(told, changes, known, &Value::Null)
}

fn found_beside(told: Vec<Told>, changes: Vec<Change>, known: bool, journal: &Value) -> Vec<Invariant> {
    let mut ledger = Ledger::default();
    ledger.changes = changes;
    for change in &ledger.changes {
        if let Some(after) = &change.after {
            ledger.stands.insert(after.id.clone(), after.clone());
        }
    }
    let told = BTreeMap::from([(ADA.to_owned(), told)]);
    let case = Case {
        target: TARGETS[2],
        told: &told,
        ledger: &ledger,
        journal,
        memory: &Memory::default(),
        ids: &BTreeMap::from([(ADA.to_owned(), Vec::new())]),
        asked: &BTreeMap::new(),
        known: &BTreeMap::from([(ADA.to_owned(), known)]),
    };
    case.violations().into_iter().map(|violation| violation.invariant).collect()
}

const IN: Option<(&str, bool)> = Some(("Ada Berg-1", true));
const OUT: Option<(&str, bool)> = Some(("Ada Berg-1", false));

#[test]
fn what_is_as_it_should_be_is_no_violation() {
    let story = vec![
        told(Act::Activate, Some(1), 10, Ok(201)),
        told(Act::Deactivate, None, 30, Ok(200)),
        told(Act::Activate, Some(1), 50, Err(Silence::Broken)),
    ];
    let changes = vec![change(12, None, IN), change(33, IN, OUT), change(52, OUT, IN)];
    assert_eq!(found(story, changes, true), []);
}

#[test]
fn a_leaver_who_is_said_to_be_out_and_is_not_is_found() {
    let story = || vec![told(Act::Activate, Some(1), 10, Ok(201)), told(Act::Deactivate, None, 30, Ok(200))];
    assert_eq!(found(story(), vec![change(12, None, IN)], true), [Invariant::Leavers]);
    let late = vec![change(12, None, IN), change(36, IN, OUT)];
    assert_eq!(found(story(), late, true), [Invariant::Leavers], "out after the answer");
    let back = vec![change(12, None, IN), change(33, IN, OUT), change(40, OUT, IN)];
    assert_eq!(found(story(), back, true), [Invariant::Leavers], "back without being asked for");
}

#[test]
fn a_member_who_is_said_to_be_out_and_is_not_is_found() {
    let story = vec![told(Act::Activate, Some(1), 10, Ok(201)), told(Act::Leave, None, 30, Ok(204))];
    assert_eq!(found(story, vec![change(12, None, IN)], true), [Invariant::Leavers]);
}

#[test]
fn a_second_account_is_found() {
    let story = vec![told(Act::Activate, Some(1), 10, Ok(201))];
    let mut other = change(13, None, IN);
    if let Some(after) = &mut other.after {
        after.id = "8".to_owned();
    }
    let found = found(story, vec![change(12, None, IN), other], true);
    assert_eq!(found, [Invariant::OneAccount, Invariant::OneAccount]);
}

#[test]
fn a_create_that_was_sent_again_is_found_though_the_app_refused_it() {
    let entry =
        |seq: u64| json!({ "seq": seq, "method": "POST", "path": "/users", "body": { "email": ADA } });
    let by = |call: u64, change: Change| Change { call: Some(call), ..change };
    let story = || vec![told(Act::Activate, Some(1), 10, Ok(201)), told(Act::Deactivate, None, 30, Ok(200))];
    let made = by(1, change(12, None, IN));
    let journal = json!([entry(1), entry(4)]);
    let stands = vec![made.clone(), by(6, change(33, IN, OUT))];
    assert_eq!(found_beside(story(), stands.clone(), true, &journal), [Invariant::OneAccount]);
    let left_between = vec![made, by(2, change(33, IN, OUT))];
    assert_eq!(found_beside(story(), left_between, true, &journal), []);
    let mut by_group = journal.clone();
    by_group[1]["at"] = json!("1970-01-01T00:00:00.000Z");
    assert_eq!(found_beside(story(), stands.clone(), true, &by_group), [Invariant::OneAccount]);
    let joins = [story(), vec![told(Act::Join, None, 0, Ok(204))]].concat();
    assert_eq!(found_beside(joins, stands, true, &by_group), [], "a group is joined by the same call");
}

#[test]
fn an_older_name_after_a_newer_one_is_found() {
    let story = vec![told(Act::Activate, Some(1), 10, Ok(201)), told(Act::Update, Some(2), 30, Ok(200))];
    let newer = Some(("Ada Berg-2", true));
    let right = vec![change(12, None, IN), change(33, IN, newer)];
    assert_eq!(found(story.clone(), right.clone(), true), []);
    let overwritten = [right, vec![change(40, newer, IN)]].concat();
    assert_eq!(found(story, overwritten, true), [Invariant::Order]);
}

#[test]
fn what_nobody_asked_for_is_found() {
    let taken = vec![change(12, None, IN), change(20, IN, OUT)];
    assert_eq!(found(vec![told(Act::Activate, Some(1), 10, Ok(201))], taken, true), [Invariant::Unasked]);
    let story = vec![told(Act::Activate, None, 20, Err(Silence::Broken))];
    assert_eq!(found(story, vec![change(12, None, IN)], true), [Invariant::Unasked]);
}

#[test]
fn an_account_nobody_answers_for_is_found() {
    let story = vec![told(Act::Activate, Some(1), 10, Err(Silence::Broken))];
    assert_eq!(found(story, vec![change(12, None, IN)], false), [Invariant::Orphans]);
}
