//! Nothing old after something newer: every change carries a number that only goes up.

use super::{Case, Invariant, Violation};
use crate::harness::history::Told;
use crate::harness::idp::Person;

/// The number in the name against every change that was confirmed.
pub fn names(case: &Case<'_>, person: &str, told: &[Told]) -> Vec<Violation> {
    if !case.target.holds_names {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (place, done) in told.iter().enumerate().filter(|(_, one)| one.is_done()) {
        let Some(tag) = done.tag else { continue };
        let held = case.ledger.at(person, done.ended);
        if held.iter().any(|account| Person::tag_of(&account.name) != Some(tag)) {
            let names: Vec<&str> = held.iter().map(|account| account.name.as_str()).collect();
            let text = format!("name {tag} was confirmed and the app has {names:?}");
            found.push(case.violation(Invariant::Order, person, text));
        }
        let until =
            told.iter().skip(place + 1).find(|one| one.tag.is_some()).map_or(i64::MAX, |one| one.sent);
        let older = case.ledger.of(person).find(|change| {
            let names = |one: &Option<_>| {
                one.as_ref().and_then(|one: &crate::harness::ledger::Holder| Person::tag_of(&one.name))
            };
            let other = names(&change.after).is_some_and(|now| now != tag);
            change.at_us > done.ended
                && change.at_us < until
                && other
                && names(&change.after) != names(&change.before)
        });
        if let Some(change) = older {
            let text = format!("name {tag} was confirmed, another came at {}", change.at_us);
            found.push(case.violation(Invariant::Order, person, text));
        }
    }
    found
}
