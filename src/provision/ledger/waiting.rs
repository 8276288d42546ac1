//! Entries of the audit that wait for the disk.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::store::audit::Entry;

/// The most there can be; a full one loses its oldest.
const MOST: usize = 10_000;

#[derive(Debug, Default)]
pub(super) struct Waiting {
    entries: Mutex<VecDeque<Entry>>,
    /// Held by whoever writes them, so that each is written once.
    writing: tokio::sync::Mutex<()>,
}

impl Waiting {
    fn entries(&self) -> MutexGuard<'_, VecDeque<Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries().is_empty()
    }

    /// Puts one at the end; tells whether the oldest had to go.
    pub(super) fn push(&self, entry: Entry) -> bool {
        let mut entries = self.entries();
        let is_full = entries.len() >= MOST;
        if is_full {
            entries.pop_front();
        }
        entries.push_back(entry);
        is_full
    }

    pub(super) fn peek(&self) -> Vec<Entry> {
        self.entries().iter().cloned().collect()
    }

    pub(super) fn drop_first(&self, count: usize) {
        let mut entries = self.entries();
        let count = count.min(entries.len());
        entries.drain(..count);
    }

    pub(super) async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.writing.lock().await
    }
}
