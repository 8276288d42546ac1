//! What an identity provider asked and was told, in the order it asked.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::wire::Silence;

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Act {
    /// A create, or a change that says `active: true`.
    Activate,
    /// A change of the name that does not speak of access.
    Update,
    Deactivate,
    Delete,
    Join,
    Leave,
}

impl Act {
    /// Whether a person loses access by it.
    pub fn takes_access(self) -> bool {
        matches!(self, Self::Deactivate | Self::Delete)
    }
}

/// One request and what came of it.
#[derive(Debug, Clone)]
pub struct Told {
    /// The person's address.
    pub person: String,
    pub act: Act,
    /// The number in the name that was sent, where one was.
    pub tag: Option<u32>,
    pub sent: i64,
    pub ended: i64,
    pub answer: Result<u16, Silence>,
}

impl Told {
    /// Whether it was answered as done.
    pub fn is_done(&self) -> bool {
        matches!(self.answer, Ok(200..=299))
    }
}

/// Everything one connection's identity provider was told since the last look.
#[derive(Debug, Default)]
pub struct History(Mutex<Vec<Told>>);

impl History {
    /// Adds a request that has ended.
    pub fn note(&self, told: Told) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(told);
    }

    /// Everything by person, in the order it was sent; it is forgotten here.
    pub fn take(&self) -> BTreeMap<String, Vec<Told>> {
        let all = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let mut by_person: BTreeMap<String, Vec<Told>> = BTreeMap::new();
        for told in all {
            by_person.entry(told.person.clone()).or_default().push(told);
        }
        for told in by_person.values_mut() {
            told.sort_by_key(|told| told.sent);
        }
        by_person
    }
}
