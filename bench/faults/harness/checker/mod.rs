//! Holds three histories against each other: what the identity provider was told, what the gateway remembers, and
//! what really stood in the app.

mod accounts;
mod leavers;
mod order;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use serde_json::Value;

use super::audit::Memory;
use super::history::Told;
use super::ledger::Ledger;
use super::targets::Target;

/// What must hold whatever happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Invariant {
    /// Who was said to be out is out, and who was promised to be out gets there.
    Leavers,
    /// One account a person.
    OneAccount,
    /// Nothing old after something newer was confirmed.
    Order,
    /// No account works that nobody answers for.
    Orphans,
    /// Every change stands in the audit once and nothing else does, and its chain is whole.
    Audit,
    /// Every app is shown its own credential.
    Credentials,
    /// No secret and nobody's address is in the log or in the audit.
    Secrets,
    /// Nothing happens in an app that nobody asked for.
    Unasked,
    /// What is shown is what stands.
    Truth,
    /// Memory and files are bounded.
    Bounds,
    /// The process never ends by itself.
    Alive,
    /// What can be done is done in the end.
    Progress,
}

/// Something that must not be.
#[derive(Debug, Clone)]
pub struct Violation {
    pub invariant: Invariant,
    pub text: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.invariant, self.text)
    }
}

/// One connection's histories since the last look.
#[derive(Debug)]
pub struct Case<'a> {
    pub target: Target,
    pub told: &'a BTreeMap<String, Vec<Told>>,
    pub ledger: &'a Ledger,
    /// What the app was asked, as its journal tells.
    pub journal: &'a Value,
    pub memory: &'a Memory,
    /// Each person's ids there ever were.
    pub ids: &'a BTreeMap<String, Vec<String>>,
    /// When somebody last asked for access for a person, before this look.
    pub asked: &'a BTreeMap<String, i64>,
    /// Whether the identity provider knows the person, by address.
    pub known: &'a BTreeMap<String, bool>,
}

impl Case<'_> {
    /// Everything that must not be, as things stand once nothing is under way.
    pub fn violations(&self) -> Vec<Violation> {
        let mut found = Vec::new();
        for (person, told) in self.told {
            found.extend(leavers::answered(self, person, told));
            found.extend(leavers::taken_out(self, person, told));
            found.extend(order::names(self, person, told));
            found.extend(accounts::unasked(self, person, told));
        }
        found.extend(leavers::journaled(self));
        found.extend(accounts::duplicates(self));
        found.extend(accounts::sent_again(self));
        found.extend(accounts::orphans(self));
        found
    }

    /// A violation with the person's histories.
    pub fn violation(&self, invariant: Invariant, person: &str, text: impl fmt::Display) -> Violation {
        let mut text = format!("{} {person}: {text}", self.target.name);
        for told in self.told.get(person).into_iter().flatten() {
            let _infallible = write!(
                text,
                "\n    {} {:?} {:?} {:?}, answered {}",
                told.sent, told.act, told.tag, told.answer, told.ended
            );
        }
        for change in self.ledger.of(person) {
            let shown = |one: &Option<super::ledger::Holder>| {
                one.as_ref().map_or_else(
                    || "nobody".to_owned(),
                    |one| format!("{} {} `{}` {:?}", one.id, one.access, one.name, one.groups),
                )
            };
            let (before, after) = (shown(&change.before), shown(&change.after));
            let (at, call) = (change.at_us, change.call);
            let _infallible = write!(text, "\n    {at} app #{call:?} {before} → {after}");
        }
        Violation { invariant, text }
    }
}
