//! Entries of the audit that wait for the disk.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::store::audit::{Entry, Phase};

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

    /// The entries that wait and begin an attempt that one of `entries` ends: they go along with those, so that no attempt
    /// ends in the audit before it began. None where nothing waits.
    pub(super) async fn before(&self, entries: &[&Entry]) -> Option<Late<'_>> {
        let begins = |waiting: &Entry| {
            let ends = |entry: &&&Entry| entry.phase == Phase::After && entry.intent == waiting.intent;
            waiting.phase == Phase::Before && entries.iter().any(|entry| ends(&entry))
        };
        if !self.entries().iter().any(begins) {
            return None;
        }
        let turn = self.turn().await;
        let entries = self.entries().iter().filter(|waiting| begins(waiting)).cloned().collect();
        Some(Late { waiting: self, entries, _turn: turn })
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

/// Entries that are written before others; nobody else writes what waits meanwhile.
#[derive(Debug)]
pub(super) struct Late<'a> {
    waiting: &'a Waiting,
    entries: Vec<Entry>,
    _turn: tokio::sync::MutexGuard<'a, ()>,
}

impl Late<'_> {
    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// They wait no more.
    pub(super) fn are_written(self) {
        self.waiting.entries().retain(|entry| !self.entries.contains(entry));
    }
}
