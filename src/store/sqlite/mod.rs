//! The embedded store: one file, one writer, a few readers.

mod chronicle;
mod keys;
mod lock;
mod open;
mod queries;
mod rows;
mod watch;
mod writer;
mod writes;

#[cfg(test)]
mod speed;
#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) use self::tests::tamper;

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use sqlx::sqlite::SqlitePool;
use tokio::sync::{mpsc, oneshot};

pub use self::lock::{DirectoryLock, lock};
use self::writer::{Commit, Message, Writer};
use super::held::{Alone, Held};
use super::{
    Error, Event, Intent, Intents, Key, Kind, Record, Reference, Result, Roster, Store, Task, TokenRow,
    Total, Write,
};
use crate::base::clock::Timestamp;

/// Commits that may wait for the writer before callers wait to queue.
const QUEUE: usize = 1024;

/// The embedded store, to be shared.
#[derive(Debug)]
struct SqliteStore {
    writer: mpsc::Sender<Message>,
    readers: SqlitePool,
    held: Held,
}

/// Opens the database file, making and migrating it where needed; its folder must exist.
///
/// A serving process takes the [`lock`] first; a command-line tool may open the file beside it. Fails with
/// [`Error::Refused`] when the file is damaged, is not ours or comes from a newer release, and when the linked SQLite
/// is older than 3.51.3; with [`Error::Unavailable`] when it cannot be read or written.
pub async fn open(path: &Path) -> Result<Arc<dyn Store>> {
    let opened = open::open(path).await?;
    let (writer, inbox) = mpsc::channel(QUEUE);
    tokio::spawn(Writer::new(opened.options, opened.writer).run(inbox));
    Ok(Arc::new(SqliteStore { writer, readers: opened.readers, held: Held::default() }))
}

fn closed<E>(_: E) -> Error {
    Error::Unavailable("the store is closed".to_owned())
}

impl Alone for SqliteStore {
    fn held(&self) -> &Held {
        &self.held
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn commit(&self, writes: Vec<Write>) -> Result<()> {
        if writes.is_empty() {
            return Ok(());
        }
        if self.held.has_lost(&writes) {
            return Err(Error::Lost);
        }
        let (reply, answer) = oneshot::channel();
        self.writer.send(Message::Commit(Commit { writes, reply })).await.map_err(closed)?;
        answer.await.map_err(closed)?
    }

    async fn record(&self, connection: &str, kind: Kind, id: &str) -> Result<Option<Record>> {
        queries::record(&self.readers, connection, kind, id).await
    }

    async fn find(&self, connection: &str, kind: Kind, key: &Key) -> Result<Vec<Record>> {
        queries::find(&self.readers, connection, kind, key).await
    }

    async fn ids(&self, connection: &str, kind: Kind, key: &Key) -> Result<Vec<String>> {
        queries::ids(&self.readers, connection, kind, key).await
    }

    async fn records(&self, connection: &str, kind: Kind, ids: &[String]) -> Result<Vec<Record>> {
        queries::records(&self.readers, connection, kind, ids).await
    }

    async fn scan(&self, connection: &str, kind: Kind, offset: u64, limit: u64) -> Result<Vec<Record>> {
        queries::scan(&self.readers, connection, kind, offset, limit).await
    }

    async fn scan_after(&self, connection: &str, kind: Kind, after: &str, limit: u64) -> Result<Vec<Record>> {
        queries::scan_after(&self.readers, connection, kind, after, limit).await
    }

    async fn count(&self, connection: &str, kind: Kind) -> Result<u64> {
        queries::count(&self.readers, connection, kind).await
    }

    async fn members(&self, connection: &str, group: &str) -> Result<Vec<Reference>> {
        queries::members(&self.readers, connection, group).await
    }

    async fn members_among(&self, connection: &str, group: &str, ids: &[String]) -> Result<Vec<String>> {
        queries::members_among(&self.readers, connection, group, ids).await
    }

    async fn roster(&self, connection: &str, kind: Kind) -> Result<Option<Roster>> {
        queries::roster(&self.readers, connection, kind).await
    }

    async fn note(&self, connection: &str, name: &str) -> Result<Option<String>> {
        queries::note(&self.readers, connection, name).await
    }

    async fn intents(&self, which: &Intents) -> Result<Vec<Intent>> {
        queries::intents(&self.readers, which).await
    }

    async fn tasks(&self, connection: Option<&str>, open_only: bool) -> Result<Vec<Task>> {
        queries::tasks(&self.readers, connection, open_only).await
    }

    async fn open_tasks(&self, connection: &str, kind: &str) -> Result<Vec<Task>> {
        queries::open_tasks(&self.readers, connection, kind).await
    }

    async fn events(&self, connection: &str, at: Timestamp, limit: u64) -> Result<Vec<Event>> {
        watch::events(&self.readers, connection, at, limit).await
    }

    async fn totals(&self) -> Result<Vec<Total>> {
        watch::totals(&self.readers).await
    }

    async fn epoch(&self) -> Result<i64> {
        queries::epoch(&self.readers).await
    }

    async fn tokens(&self) -> Result<Vec<TokenRow>> {
        queries::tokens(&self.readers).await
    }

    async fn check(&self) -> Result<()> {
        queries::check(&self.readers).await
    }

    async fn close(&self) {
        self.readers.close().await;
        let (reply, answer) = oneshot::channel();
        if self.writer.send(Message::Close(reply)).await.is_ok() {
            drop(answer.await);
        }
    }
}
