//! A store with something before it: for tests in which disks fill up, processes die and work takes no time.

use std::fmt::Debug;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::audit::{Head, Link};
use super::trace::{Trace, Traces};
use super::{
    Chronicle, Claim, Event, Intent, Intents, Key, Kind, Leases, Record, Reference, Result, Roster, Store,
    Task, TokenRow, Total, Write,
};
use crate::base::clock::Timestamp;

/// What stands before a store.
pub trait Hook: Debug + Send + Sync {
    /// Does `work`, which is the method of this name on the store behind; everything but a commit comes through here.
    fn read<T: Send>(
        &self,
        method: &'static str,
        work: impl Future<Output = Result<T>> + Send,
    ) -> impl Future<Output = Result<T>> + Send;

    /// Commits to the store behind, or does not.
    fn commit(&self, store: &dyn Store, writes: Vec<Write>) -> impl Future<Output = Result<()>> + Send;
}

/// A store behind a hook.
#[derive(Debug)]
pub struct Hooked<H> {
    store: Arc<dyn Store>,
    /// What stands before it.
    pub hook: H,
}

impl<H> Hooked<H> {
    /// Puts `hook` before `store`.
    pub fn new(store: Arc<dyn Store>, hook: H) -> Self {
        Self { store, hook }
    }
}

macro_rules! reads {
    ($trait:ident { $($name:ident($($argument:ident: $type:ty),*) -> $answer:ty;)+ } $({ $($other:tt)* })?) => {
        #[async_trait]
        impl<H: Hook> $trait for Hooked<H> {
            $(async fn $name(&self, $($argument: $type),*) -> Result<$answer> {
                self.hook.read(stringify!($name), self.store.$name($($argument),*)).await
            })+
            $($($other)*)?
        }
    };
}

reads! { Chronicle {
    chains() -> Vec<String>;
    head(connection: &str) -> Option<Head>;
    links(connection: &str, after: i64, limit: u64) -> Vec<Link>;
    last_link_of(connection: &str, intent: &str) -> Option<Link>;
    traces(which: &Traces) -> Vec<Trace>;
} }

reads! { Leases {
    claim(connection: &str, key: &str, owner: &str, term: Duration) -> Claim;
    release(fence: i64) -> ();
    bury() -> ();
    take_due(intents: &[String], at: Timestamp, until: Timestamp) -> Vec<String>;
    abandoned(before: Timestamp) -> Vec<Intent>;
} {
    fn term(&self) -> Option<Duration> {
        self.store.term()
    }
} }

reads! { Store {
    record(connection: &str, kind: Kind, id: &str) -> Option<Record>;
    find(connection: &str, kind: Kind, key: &Key) -> Vec<Record>;
    ids(connection: &str, kind: Kind, key: &Key) -> Vec<String>;
    records(connection: &str, kind: Kind, ids: &[String]) -> Vec<Record>;
    scan(connection: &str, kind: Kind, offset: u64, limit: u64) -> Vec<Record>;
    scan_after(connection: &str, kind: Kind, after: &str, limit: u64) -> Vec<Record>;
    count(connection: &str, kind: Kind) -> u64;
    members(connection: &str, group: &str) -> Vec<Reference>;
    members_among(connection: &str, group: &str, ids: &[String]) -> Vec<String>;
    roster(connection: &str, kind: Kind) -> Option<Roster>;
    note(connection: &str, name: &str) -> Option<String>;
    intents(which: &Intents) -> Vec<Intent>;
    tasks(connection: Option<&str>, open_only: bool) -> Vec<Task>;
    open_tasks(connection: &str, kind: &str) -> Vec<Task>;
    events(connection: &str, at: Timestamp, limit: u64) -> Vec<Event>;
    totals() -> Vec<Total>;
    epoch() -> i64;
    tokens() -> Vec<TokenRow>;
    check() -> ();
} {
    async fn commit(&self, writes: Vec<Write>) -> Result<()> {
        self.hook.commit(&*self.store, writes).await
    }
    async fn close(&self) {
        let closing = async {
            self.store.close().await;
            Ok(())
        };
        drop(self.hook.read("close", closing).await);
    }
} }
