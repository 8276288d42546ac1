//! Who was said to be out is out: at the moment of the answer, and until somebody asks for access again.

use portcullis::store::IntentState;

use super::{Case, Invariant, Violation};
use crate::harness::history::{Act, Told};

/// Every deactivation answered with a success against what stood then and afterwards.
pub fn answered(case: &Case<'_>, person: &str, told: &[Told]) -> Vec<Violation> {
    let mut found = Vec::new();
    for (place, leaver) in told.iter().enumerate().filter(|(_, one)| one.act.takes_access() && one.is_done())
    {
        let until = next(told, place, |one| one.act == Act::Activate);
        if case.ledger.at(person, leaver.ended).iter().any(|account| account.access) {
            let text = format!("{:?} of {} was answered and there is access", leaver.act, leaver.sent);
            found.push(case.violation(Invariant::Leavers, person, text));
        }
        let after = case
            .ledger
            .of(person)
            .find(|change| change.at_us > leaver.ended && change.at_us < until && change.grants());
        if let Some(change) = after {
            let text =
                format!("{:?} of {} was answered, access came at {}", leaver.act, leaver.sent, change.at_us);
            found.push(case.violation(Invariant::Leavers, person, text));
        }
    }
    found
}

/// Every removal from the group answered with a success, the same way.
pub fn taken_out(case: &Case<'_>, person: &str, told: &[Told]) -> Vec<Violation> {
    let Some((_, group)) = case.target.group else { return Vec::new() };
    let mut found = Vec::new();
    for (place, removal) in told.iter().enumerate().filter(|(_, one)| one.act == Act::Leave && one.is_done())
    {
        let until = next(told, place, |one| one.act == Act::Join);
        let is_in = |groups: &std::collections::BTreeSet<String>| groups.contains(group);
        if case.ledger.at(person, removal.ended).iter().any(|account| is_in(&account.groups)) {
            let text = format!("the removal of {} was answered and they are in the group", removal.sent);
            found.push(case.violation(Invariant::Leavers, person, text));
        }
        let back = case.ledger.of(person).find(|change| {
            let inside =
                |one: Option<&crate::harness::ledger::Holder>| one.is_some_and(|one| is_in(&one.groups));
            let joins = inside(change.after.as_ref()) && !inside(change.before.as_ref());
            change.at_us > removal.ended && change.at_us < until && joins
        });
        if let Some(change) = back {
            let text =
                format!("the removal of {} was answered, they came back at {}", removal.sent, change.at_us);
            found.push(case.violation(Invariant::Leavers, person, text));
        }
    }
    found
}

/// Nothing is owed any more: whoever the journal's last word was to take out is out.
pub fn journaled(case: &Case<'_>) -> Vec<Violation> {
    let mut found = Vec::new();
    let owed = case.memory.open.iter().filter(|intent| intent.sticky);
    for intent in owed.filter(|intent| !case.memory.waits_for_doubt(intent)) {
        let text = format!("{} is still owed: {:?}", intent.operation, intent.outcome);
        found.push(case.violation(Invariant::Leavers, &intent.resource, text));
    }
    for (person, ids) in case.ids {
        // Another id of the same person may have been given access since.
        let last =
            ids.iter().filter_map(|id| case.memory.latest.get(id)).max_by_key(|intent| intent.created_at);
        let Some(intent) = last.filter(|intent| matches!(&*intent.operation, "deactivate" | "delete")) else {
            continue;
        };
        let done = matches!(intent.state, IntentState::Confirmed);
        let now = case.told.get(person).into_iter().flatten().filter(|one| one.act == Act::Activate);
        let asked = now.map(|one| one.sent).chain(case.asked.get(person).copied()).max();
        let asked_since = asked.is_some_and(|sent| sent > intent.created_at.0);
        if done && !asked_since && case.ledger.has_access(person) {
            let text = format!("the journal says {} was carried out, and there is access", intent.operation);
            found.push(case.violation(Invariant::Leavers, person, text));
        }
        if intent.state == IntentState::Dead {
            let text = format!("{} was given up: {:?}", intent.operation, intent.outcome);
            found.push(case.violation(Invariant::Leavers, person, text));
        }
    }
    found
}

/// When the first request after `place` that `is_it` was sent; the end of time where there is none.
fn next(told: &[Told], place: usize, is_it: impl Fn(&Told) -> bool) -> i64 {
    told.iter().skip(place + 1).find(|one| is_it(one)).map_or(i64::MAX, |one| one.sent)
}
