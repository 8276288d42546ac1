//! Who has access to an app, as it changes: for whoever has to prove what stood at a given moment.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::Serialize;
use serde_json::{Value, json};

use crate::base::clock::Timestamp;

/// How many changes are kept.
const ENTRY_LIMIT: usize = 100_000;

/// Somebody an app has an account of, invited people among them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Holder {
    /// The app's own id.
    pub id: String,
    pub email: String,
    /// As the app holds it; empty where it holds none.
    pub name: String,
    /// Whether the account opens anything.
    pub access: bool,
    /// Ids of the groups, teams, workspaces or roles it is in.
    pub groups: BTreeSet<String>,
}

#[derive(Debug)]
struct Entry {
    at: Timestamp,
    /// Number of the journal's entry; `None` for what the control plane did, or while the journal is off.
    call: Option<u64>,
    before: Option<Holder>,
    after: Option<Holder>,
}

/// The changes of an app's accounts in the order they happened; empty until it is kept.
#[derive(Debug, Default)]
pub struct Ledger {
    kept: bool,
    stands: BTreeMap<String, Holder>,
    entries: VecDeque<Entry>,
    /// How many entries are gone.
    dropped: u64,
}

impl Ledger {
    /// Whether changes are noted.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.kept
    }

    /// Begins anew, from what stands now, or ends and forgets.
    pub fn keep(&mut self, kept: bool, holders: Vec<Holder>) {
        *self = Self { kept, ..Self::default() };
        if kept {
            self.stands = by_id(holders);
        }
    }

    /// Notes what is different from what stood before; nothing happens while it is not kept.
    pub fn note(&mut self, holders: Vec<Holder>, call: Option<u64>, at: Timestamp) {
        if !self.kept {
            return;
        }
        let now = by_id(holders);
        let gone = self.stands.iter().filter(|(id, _)| !now.contains_key(*id));
        let gone: Vec<Entry> =
            gone.map(|(_, held)| Entry { at, call, before: Some(held.clone()), after: None }).collect();
        self.entries.extend(gone);
        for (id, holder) in &now {
            let before = self.stands.get(id);
            if before != Some(holder) {
                let (before, after) = (before.cloned(), Some(holder.clone()));
                self.entries.push_back(Entry { at, call, before, after });
            }
        }
        self.stands = now;
        while self.entries.len() > ENTRY_LIMIT {
            self.entries.pop_front();
            self.dropped += 1;
        }
    }

    /// `{kept, last, entries: [{seq, at_us, call, before, after}], holders}` with the entries after number `after`;
    /// `before` and `after` are null where there was, or is, no account. The first entry is number 1.
    #[must_use]
    pub fn listing(&self, after: u64) -> Value {
        let entries = (self.dropped + 1..).zip(&self.entries).filter(|(seq, _)| *seq > after);
        let entries: Vec<Value> = entries
            .map(|(seq, entry)| {
                json!({
                    "seq": seq, "at_us": entry.at.0, "call": entry.call,
                    "before": entry.before, "after": entry.after,
                })
            })
            .collect();
        json!({
            "kept": self.kept,
            "last": self.dropped + self.entries.len() as u64,
            "entries": entries,
            "holders": self.stands.values().collect::<Vec<_>>(),
        })
    }
}

fn by_id(holders: Vec<Holder>) -> BTreeMap<String, Holder> {
    holders.into_iter().map(|holder| (holder.id.clone(), holder)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ada(access: bool) -> Holder {
        Holder { id: "7".to_owned(), email: "ada@example.com".to_owned(), access, ..Holder::default() }
    }

    #[test]
    fn every_change_is_one_entry_with_what_stood_and_what_stands() {
        let mut ledger = Ledger::default();
        ledger.note(vec![ada(true)], None, Timestamp(1));
        assert_eq!(ledger.listing(0)["last"], 0, "it is not kept yet");
        ledger.keep(true, Vec::new());
        ledger.note(vec![ada(true)], Some(4), Timestamp(2));
        ledger.note(vec![ada(true)], Some(5), Timestamp(3));
        ledger.note(vec![ada(false)], Some(6), Timestamp(4));
        ledger.note(Vec::new(), None, Timestamp(5));
        let told = ledger.listing(1);
        assert_eq!(told["last"], 3);
        assert_eq!(
            told["entries"],
            json!([
                { "seq": 2, "at_us": 4, "call": 6, "before": ada(true), "after": ada(false) },
                { "seq": 3, "at_us": 5, "call": null, "before": ada(false), "after": null },
            ])
        );
        assert_eq!(told["holders"], json!([]));
    }
}
