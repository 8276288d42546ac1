//! Listings under way, by cursor: what was read so far is what the next page is checked against.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::listing::Walk;

/// More listings at once than anybody reads.
const MOST: usize = 8;

/// The listings that somebody may go on with.
#[derive(Debug, Default)]
pub(super) struct Walks(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    last: u64,
    by_cursor: BTreeMap<u64, Walk>,
}

impl Walks {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a listing and answers its cursor; the oldest that nobody went on with is given up for it.
    pub(super) fn keep(&self, walk: Walk) -> String {
        let mut kept = self.kept();
        kept.last += 1;
        let cursor = kept.last;
        kept.by_cursor.insert(cursor, walk);
        if kept.by_cursor.len() > MOST {
            kept.by_cursor.pop_first();
        }
        cursor.to_string()
    }

    /// The listing of a cursor; `None` where it was given up.
    pub(super) fn get(&self, cursor: &str) -> Option<Walk> {
        self.kept().by_cursor.get(&cursor.parse().ok()?).cloned()
    }

    /// Gives a listing up: its next page was read.
    pub(super) fn forget(&self, cursor: &str) {
        if let Ok(cursor) = cursor.parse::<u64>() {
            self.kept().by_cursor.remove(&cursor);
        }
    }
}
