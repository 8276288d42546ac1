//! One account a person, each with somebody who answers for it, and none touched that nobody asked about.

use std::collections::BTreeMap;

use portcullis::base::clock::Timestamp;
use serde_json::Value;

use super::{Case, Invariant, Violation};
use crate::harness::history::{Act, Told};

/// For how long a request without a caller may be carried out, in microseconds.
const BUDGET: i64 = 25_000_000;

/// Two accounts of one person at a time, and accounts made more often than anybody asked.
pub fn duplicates(case: &Case<'_>) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut held: BTreeMap<String, usize> = BTreeMap::new();
    for holder in case.ledger.base.values() {
        *held.entry(holder.email.to_lowercase()).or_default() += 1;
    }
    let mut made: BTreeMap<String, usize> = BTreeMap::new();
    for change in &case.ledger.changes {
        if let Some(before) = &change.before {
            let count = held.entry(before.email.to_lowercase()).or_default();
            *count = count.saturating_sub(1);
        }
        if let Some(after) = &change.after {
            let email = after.email.to_lowercase();
            let count = held.entry(email.clone()).or_default();
            *count += 1;
            if *count > 1 {
                found.push(case.violation(Invariant::OneAccount, &email, "two accounts at a time"));
            }
            if change.creates() {
                *made.entry(email).or_default() += 1;
            }
        }
    }
    for (person, made) in made {
        let Some(told) = case.told.get(&person) else {
            found.push(case.violation(Invariant::Unasked, &person, "an account nobody asked for"));
            continue;
        };
        let asked = told.iter().filter(|one| one.act == Act::Activate).count();
        let existed = case.ledger.base.values().any(|one| one.email.eq_ignore_ascii_case(&person));
        let allowed = if case.target.keeps_accounts { usize::from(!existed) } else { asked };
        if made > allowed {
            let text = format!("{made} accounts were made, expected at most {allowed}");
            found.push(case.violation(Invariant::OneAccount, &person, text));
        }
    }
    found
}

/// Creates that were sent again though an account had been made of the first one and nothing of it had changed since:
/// an app of unique addresses refuses the second, and nobody may count on that.
pub fn sent_again(case: &Case<'_>) -> Vec<Violation> {
    let entries = case.journal.as_array().map_or(&[][..], Vec::as_slice);
    let number = |entry: &Value| entry["seq"].as_u64().unwrap_or(0);
    let mut found = Vec::new();
    for made in case.ledger.changes.iter().filter(|change| change.creates()) {
        let Some(call) = made.call else { continue };
        let Some(first) = entries.iter().find(|entry| number(entry) == call) else { continue };
        let person = made.email().to_lowercase();
        let is_changed = |until: u64| {
            case.ledger.of(&person).filter_map(|change| change.call).any(|at| at > call && at < until)
        };
        // An app may take somebody into a group by the same call, which goes on without its caller.
        let joins = |entry: &Value| {
            let at = entry["at"].as_str().and_then(Timestamp::parse).map_or(i64::MAX, |at| at.0);
            case.told.get(&person).into_iter().flatten().any(|one| {
                let until = if one.answer.is_ok() { one.ended } else { one.ended + BUDGET };
                one.act == Act::Join && (one.sent - 1_000..=until).contains(&at)
            })
        };
        let names = |body: &Value| body.to_string().to_lowercase().contains(&format!("\"{person}\""));
        let again = entries.iter().filter(|entry| number(entry) > call).find(|entry| {
            entry["method"] == first["method"]
                && entry["path"] == first["path"]
                && names(&entry["body"])
                && !joins(entry)
        });
        if let Some(again) = again.filter(|again| !is_changed(number(again))) {
            let text = format!("made by call {call} and asked for again by call {}", number(again));
            found.push(case.violation(Invariant::OneAccount, &person, text));
        }
    }
    found
}

/// Access given or taken away without a request that asks for it.
pub fn unasked(case: &Case<'_>, person: &str, told: &[Told]) -> Vec<Violation> {
    let asked =
        |at: i64, is_it: &dyn Fn(Act) -> bool| told.iter().any(|one| is_it(one.act) && one.sent <= at);
    let mut found = Vec::new();
    for change in case.ledger.of(person) {
        if change.grants() && !asked(change.at_us, &|act| act == Act::Activate) {
            let text = format!("access was given at {} and nobody had asked", change.at_us);
            found.push(case.violation(Invariant::Unasked, person, text));
        }
        if change.withdraws() && !asked(change.at_us, &Act::takes_access) {
            let text = format!("access was taken at {} and nobody had asked", change.at_us);
            found.push(case.violation(Invariant::Unasked, person, text));
        }
    }
    found
}

/// Accounts that were given access since the last look, whose identity provider has no id, and that the gateway does
/// not watch.
pub fn orphans(case: &Case<'_>) -> Vec<Violation> {
    let mut found = Vec::new();
    for (person, known) in case.known {
        let is_new = case.ledger.of(person).any(super::super::ledger::Change::grants);
        if !known && is_new && case.ledger.has_access(person) && !case.memory.watches(person) {
            let person_now = case.memory.people.get(&person.to_lowercase());
            let standing = person_now.map(|(_, standing)| standing.to_string());
            let text = format!("the account works and nobody answers for it: {standing:?}");
            found.push(case.violation(Invariant::Orphans, person, text));
        }
    }
    found
}
