//! A store in memory, for simulations that live through years in seconds: what it takes, it has, until it is dropped.

mod chronicle;
mod content;
mod reads;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use self::chronicle::Chronicles;
use self::content::Content;
use super::held;
use super::{
    Error, Event, Intent, Intents, Key, Kind, Record, Reference, Result, Roster, Store, Task, TokenRow,
    Total, Write,
};
use crate::base::clock::Timestamp;

/// What outlives the processes that open it.
#[derive(Debug, Clone, Default)]
pub struct Memory(Arc<Mutex<Held>>);

/// What is held. What was done only grows, so it is not copied with each commit as the rest is.
#[derive(Debug, Default)]
struct Held {
    content: Content,
    done: Chronicles,
}

impl Memory {
    /// Opens it once more, for one process; closing that leaves the others open.
    #[must_use]
    pub fn open(&self) -> Arc<dyn Store> {
        Arc::new(Handle { memory: self.clone(), closed: Mutex::new(false), leases: held::Held::default() })
    }
}

#[derive(Debug)]
struct Handle {
    memory: Memory,
    closed: Mutex<bool>,
    leases: held::Held,
}

impl Handle {
    fn held(&self) -> Result<MutexGuard<'_, Held>> {
        if *self.closed.lock().unwrap_or_else(PoisonError::into_inner) {
            return Err(Error::Unavailable("the store is closed".to_owned()));
        }
        Ok(self.memory.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl held::Alone for Handle {
    fn held(&self) -> &held::Held {
        &self.leases
    }
}

#[async_trait]
impl Store for Handle {
    async fn commit(&self, writes: Vec<Write>) -> Result<()> {
        let mut held = self.held()?;
        if self.leases.has_lost(&writes) {
            return Err(Error::Lost);
        }
        let mut next = held.content.clone();
        let mut done = Vec::new();
        for write in writes {
            match write {
                Write::Audit(_) | Write::Traces(_) | Write::ForgetTraces { .. } => done.push(write),
                other => next.apply(other)?,
            }
        }
        held.done.apply(done)?;
        held.content = next;
        Ok(())
    }

    async fn record(&self, connection: &str, kind: Kind, id: &str) -> Result<Option<Record>> {
        Ok(self.held()?.content.record(connection, kind, id))
    }

    async fn find(&self, connection: &str, kind: Kind, key: &Key) -> Result<Vec<Record>> {
        Ok(self.held()?.content.find(connection, kind, key))
    }

    async fn ids(&self, connection: &str, kind: Kind, key: &Key) -> Result<Vec<String>> {
        Ok(self.find(connection, kind, key).await?.into_iter().map(|record| record.id).collect())
    }

    async fn records(&self, connection: &str, kind: Kind, ids: &[String]) -> Result<Vec<Record>> {
        let held = self.held()?;
        let content = &held.content;
        let mut ids: Vec<&String> = ids.iter().collect();
        ids.sort_unstable();
        ids.dedup();
        Ok(ids.into_iter().filter_map(|id| content.record(connection, kind, id)).collect())
    }

    async fn scan(&self, connection: &str, kind: Kind, offset: u64, limit: u64) -> Result<Vec<Record>> {
        let (offset, limit) = (size(offset), size(limit));
        Ok(self.held()?.content.live(connection, kind).skip(offset).take(limit).collect())
    }

    async fn scan_after(&self, connection: &str, kind: Kind, after: &str, limit: u64) -> Result<Vec<Record>> {
        let held = self.held()?;
        let content = &held.content;
        let later = content.live(connection, kind).filter(|record| record.id.as_str() > after);
        Ok(later.take(size(limit)).collect())
    }

    async fn count(&self, connection: &str, kind: Kind) -> Result<u64> {
        Ok(self.held()?.content.live(connection, kind).count() as u64)
    }

    async fn members(&self, connection: &str, group: &str) -> Result<Vec<Reference>> {
        Ok(self.held()?.content.members(connection, group))
    }

    async fn members_among(&self, connection: &str, group: &str, ids: &[String]) -> Result<Vec<String>> {
        let members = self.members(connection, group).await?.into_iter().map(|member| member.id);
        Ok(members.filter(|id| ids.contains(id)).collect())
    }

    async fn roster(&self, connection: &str, kind: Kind) -> Result<Option<Roster>> {
        Ok(self.held()?.content.roster(connection, kind))
    }

    async fn note(&self, connection: &str, name: &str) -> Result<Option<String>> {
        Ok(self.held()?.content.note(connection, name))
    }

    async fn intents(&self, which: &Intents) -> Result<Vec<Intent>> {
        Ok(self.held()?.content.intents(which))
    }

    async fn tasks(&self, connection: Option<&str>, open_only: bool) -> Result<Vec<Task>> {
        Ok(self.held()?.content.tasks(connection, open_only))
    }

    async fn open_tasks(&self, connection: &str, kind: &str) -> Result<Vec<Task>> {
        let mut open = self.held()?.content.tasks(Some(connection), true);
        open.retain(|task| task.kind == kind);
        Ok(open)
    }

    async fn events(&self, connection: &str, at: Timestamp, limit: u64) -> Result<Vec<Event>> {
        Ok(self.held()?.content.events(connection, at, size(limit)))
    }

    async fn totals(&self) -> Result<Vec<Total>> {
        Ok(self.held()?.content.totals())
    }

    async fn epoch(&self) -> Result<i64> {
        Ok(self.held()?.content.epoch())
    }

    async fn tokens(&self) -> Result<Vec<TokenRow>> {
        Ok(self.held()?.content.tokens())
    }

    async fn check(&self) -> Result<()> {
        self.held().map(drop)
    }

    async fn close(&self) {
        *self.closed.lock().unwrap_or_else(PoisonError::into_inner) = true;
    }
}

fn size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::store::conformance;

    #[tokio::test]
    async fn it_keeps_every_promise_of_a_store_but_outliving_its_process() {
        let places = Mutex::new(BTreeMap::<&str, Memory>::new());
        conformance::all(async |name| places.lock().unwrap().entry(name).or_default().open()).await;
    }
}
