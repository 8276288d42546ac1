//! A store that stops at a commit: the process freezes there, panics, or waits, before it or after it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use portcullis::base::clock::Timestamp;
use portcullis::store::audit::{Head, Link};
use portcullis::store::trace::{Trace, Traces};
use portcullis::store::{
    Chronicle, Claim, Event, Intent, Intents, Key, Kind, Leases, Record, Reference, Result, Roster, Store, Task, TokenRow, Total, Write,
};
use tokio::sync::Notify;

/// What happens at a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommitAt {
    /// Nothing goes on any more; whether the commit was written.
    Freeze { written: bool },
    /// The task that commits panics.
    Panic { written: bool },
    /// It takes so long.
    Wait { written: bool, pause: Duration },
    /// The disk is full.
    Full,
}

/// A store with one order at a time.
#[derive(Debug)]
pub struct Faulty {
    inner: Arc<dyn Store>,
    order: Mutex<Option<(u64, CommitAt)>>,
    commits: AtomicU64,
    stopped: AtomicBool,
    /// Notified when everything is frozen.
    pub frozen: Arc<Notify>,
}

impl Faulty {
    /// A store that does as `inner` does.
    pub fn new(inner: Arc<dyn Store>) -> Self {
        let (order, commits, stopped, frozen) = Default::default();
        Self { inner, order, commits, stopped, frozen }
    }

    /// Orders what happens at the commit with this number from now; the first is 1. [`CommitAt::Full`] lasts.
    pub fn order(&self, number: u64, what: CommitAt) {
        *self.order.lock().unwrap_or_else(PoisonError::into_inner) = Some((number, what));
        self.commits.store(0, Ordering::SeqCst);
    }

    /// Nothing is ordered, and the count begins anew.
    pub fn lift(&self) {
        *self.order.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.commits.store(0, Ordering::SeqCst);
    }

    /// Commits since the last order.
    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::SeqCst)
    }

    async fn alive(&self) {
        if self.stopped.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
    }

    async fn freeze<T>(&self) -> T {
        self.stopped.store(true, Ordering::SeqCst);
        self.frozen.notify_one();
        std::future::pending().await
    }
}

#[async_trait]
impl Store for Faulty {
    async fn commit(&self, writes: Vec<Write>) -> Result<()> {
        self.alive().await;
        let number = self.commits.fetch_add(1, Ordering::SeqCst) + 1;
        let order = *self.order.lock().unwrap_or_else(PoisonError::into_inner);
        match order {
            Some((from, CommitAt::Full)) if number >= from => {
                Err(portcullis::store::Error::Unavailable("the disk is full".to_owned()))
            }
            Some((at, what)) if number == at => match what {
                CommitAt::Freeze { written } => {
                    if written {
                        self.inner.commit(writes).await?;
                    }
                    self.freeze().await
                }
                CommitAt::Panic { written } => {
                    if written {
                        self.inner.commit(writes).await?;
                    }
                    panic!("a commit panics on purpose");
                }
                CommitAt::Wait { written, pause } => {
                    if !written {
                        tokio::time::sleep(pause).await;
                    }
                    let result = self.inner.commit(writes).await;
                    if written {
                        tokio::time::sleep(pause).await;
                    }
                    result
                }
                CommitAt::Full => self.inner.commit(writes).await,
            },
            _ => self.inner.commit(writes).await,
        }
    }

    async fn record(&self, connection: &str, kind: Kind, id: &str) -> Result<Option<Record>> {
        self.alive().await;
        self.inner.record(connection, kind, id).await
    }

    async fn find(&self, connection: &str, kind: Kind, key: &Key) -> Result<Vec<Record>> {
        self.alive().await;
        self.inner.find(connection, kind, key).await
    }

    async fn ids(&self, connection: &str, kind: Kind, key: &Key) -> Result<Vec<String>> {
        self.alive().await;
        self.inner.ids(connection, kind, key).await
    }

    async fn records(&self, connection: &str, kind: Kind, ids: &[String]) -> Result<Vec<Record>> {
        self.alive().await;
        self.inner.records(connection, kind, ids).await
    }

    async fn scan(&self, connection: &str, kind: Kind, offset: u64, limit: u64) -> Result<Vec<Record>> {
        self.alive().await;
        self.inner.scan(connection, kind, offset, limit).await
    }

    async fn scan_after(&self, connection: &str, kind: Kind, after: &str, limit: u64) -> Result<Vec<Record>> {
        self.alive().await;
        self.inner.scan_after(connection, kind, after, limit).await
    }

    async fn count(&self, connection: &str, kind: Kind) -> Result<u64> {
        self.alive().await;
        self.inner.count(connection, kind).await
    }

    async fn members(&self, connection: &str, group: &str) -> Result<Vec<Reference>> {
        self.alive().await;
        self.inner.members(connection, group).await
    }

    async fn members_among(&self, connection: &str, group: &str, ids: &[String]) -> Result<Vec<String>> {
        self.alive().await;
        self.inner.members_among(connection, group, ids).await
    }

    async fn roster(&self, connection: &str, kind: Kind) -> Result<Option<Roster>> {
        self.alive().await;
        self.inner.roster(connection, kind).await
    }

    async fn note(&self, connection: &str, name: &str) -> Result<Option<String>> {
        self.alive().await;
        self.inner.note(connection, name).await
    }

    async fn intents(&self, which: &Intents) -> Result<Vec<Intent>> {
        self.alive().await;
        self.inner.intents(which).await
    }

    async fn tasks(&self, connection: Option<&str>, open_only: bool) -> Result<Vec<Task>> {
        self.alive().await;
        self.inner.tasks(connection, open_only).await
    }

    async fn events(&self, connection: &str, at: Timestamp, limit: u64) -> Result<Vec<Event>> {
        self.alive().await;
        self.inner.events(connection, at, limit).await
    }

    async fn totals(&self) -> Result<Vec<Total>> {
        self.alive().await;
        self.inner.totals().await
    }

    async fn tokens(&self) -> Result<Vec<TokenRow>> {
        self.inner.tokens().await
    }

    async fn epoch(&self) -> Result<i64> {
        self.inner.epoch().await
    }

    async fn check(&self) -> Result<()> {
        self.inner.check().await
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}

/// One process alone: what is held here is held.
#[async_trait]
impl Leases for Faulty {
    fn term(&self) -> Option<Duration> {
        self.inner.term()
    }

    async fn claim(&self, connection: &str, key: &str, owner: &str, term: Duration) -> Result<Claim> {
        self.inner.claim(connection, key, owner, term).await
    }

    async fn release(&self, fence: i64) -> Result<()> {
        self.inner.release(fence).await
    }

    async fn bury(&self) -> Result<()> {
        self.inner.bury().await
    }

    async fn take_due(&self, intents: &[String], at: Timestamp, until: Timestamp) -> Result<Vec<String>> {
        self.inner.take_due(intents, at, until).await
    }

    async fn abandoned(&self, before: Timestamp) -> Result<Vec<Intent>> {
        self.inner.abandoned(before).await
    }
}

#[async_trait]
impl Chronicle for Faulty {
    async fn chains(&self) -> Result<Vec<String>> {
        self.inner.chains().await
    }

    async fn head(&self, connection: &str) -> Result<Option<Head>> {
        self.inner.head(connection).await
    }

    async fn links(&self, connection: &str, after: i64, limit: u64) -> Result<Vec<Link>> {
        self.inner.links(connection, after, limit).await
    }

    async fn last_link_of(&self, connection: &str, intent: &str) -> Result<Option<Link>> {
        self.inner.last_link_of(connection, intent).await
    }

    async fn traces(&self, which: &Traces) -> Result<Vec<Trace>> {
        self.inner.traces(which).await
    }
}
