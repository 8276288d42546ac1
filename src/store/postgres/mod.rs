//! The store of several replicas: one Postgres database they all write to.

mod ask;
mod chronicle;
mod commit;
mod group;
mod keys;
mod leases;
mod lost;
mod open;
mod queries;
mod rows;
mod statistics;
mod text;
mod watch;
mod writes;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::postgres::PgPool;

use self::ask::ask;
use self::group::Queues;
use self::statistics::Statistics;
use super::{
    Claim, Error, Event, Intent, Intents, Key, Kind, Leases, Record, Reference, Result, Roster, Store, Task,
    TokenRow, Total, Write,
};
use crate::base::clock::Timestamp;
use crate::base::secret::SecretString;

/// Where the database is, and how it is spoken to.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `postgres://…`; it may hold a password.
    pub url: SecretString,
    /// Connections this process opens at the most.
    pub connections: u32,
    /// How long a connection may take, and how long a free one is waited for.
    pub connect_timeout: Duration,
    /// After how long the server ends a statement.
    pub statement_timeout: Duration,
    /// How long a replica that is not heard of keeps what it works on.
    pub lease: Duration,
}

impl Settings {
    /// The usual settings for the database at `url`.
    #[must_use]
    pub fn new(url: SecretString) -> Self {
        Self {
            url,
            connections: 5,
            connect_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(10),
            lease: Duration::from_secs(30),
        }
    }
}

/// The store of several replicas, to be shared.
#[derive(Debug)]
struct PostgresStore {
    pool: PgPool,
    queues: Queues,
    statistics: Statistics,
    statement_timeout: Duration,
    lease: Duration,
}

/// Opens the database, making and migrating its tables where needed; the database itself must exist.
///
/// Fails with [`Error::Refused`] when the server is older than 15 or a standby, when it does not let us in, and when
/// the tables come from a newer release; with [`Error::Unavailable`] when it does not answer. No error holds the
/// address.
pub async fn open(settings: &Settings) -> Result<Arc<dyn Store>> {
    let pool = open::open(settings).await?;
    let Settings { statement_timeout, lease, .. } = *settings;
    let (queues, statistics) = (Queues::default(), Statistics::default());
    Ok(Arc::new(PostgresStore { pool, queues, statistics, statement_timeout, lease }))
}

#[async_trait]
impl Leases for PostgresStore {
    fn term(&self) -> Option<Duration> {
        Some(self.lease)
    }

    async fn claim(&self, connection: &str, key: &str, owner: &str, term: Duration) -> Result<Claim> {
        ask!(self, |on| leases::claim(on, connection, key, owner, term))
    }

    async fn release(&self, fence: i64) -> Result<()> {
        ask!(self, |on| leases::release(on, fence))
    }

    async fn bury(&self) -> Result<()> {
        ask!(self, |on| leases::bury(on))
    }

    async fn take_due(&self, intents: &[String], at: Timestamp, until: Timestamp) -> Result<Vec<String>> {
        ask!(self, |on| leases::take_due(on, intents, at, until))
    }

    async fn abandoned(&self, before: Timestamp) -> Result<Vec<Intent>> {
        ask!(self, |on| leases::abandoned(on, before))
    }
}

#[async_trait]
impl Store for PostgresStore {
    async fn commit(&self, writes: Vec<Write>) -> Result<()> {
        if writes.is_empty() {
            return Ok(());
        }
        let created = statistics::created_by(&writes);
        self.queues.commit(&self.pool, self.statement_timeout, writes).await?;
        self.statistics.count(&self.pool, created).await;
        Ok(())
    }

    async fn record(&self, connection: &str, kind: Kind, id: &str) -> Result<Option<Record>> {
        ask!(self, |on| queries::record(on, connection, kind, id))
    }

    async fn find(&self, connection: &str, kind: Kind, key: &Key) -> Result<Vec<Record>> {
        ask!(self, |on| queries::find(on, connection, kind, key))
    }

    async fn ids(&self, connection: &str, kind: Kind, key: &Key) -> Result<Vec<String>> {
        ask!(self, |on| queries::ids(on, connection, kind, key))
    }

    async fn records(&self, connection: &str, kind: Kind, ids: &[String]) -> Result<Vec<Record>> {
        ask!(self, |on| queries::records(on, connection, kind, ids))
    }

    async fn scan(&self, connection: &str, kind: Kind, offset: u64, limit: u64) -> Result<Vec<Record>> {
        ask!(self, |on| queries::scan(on, connection, kind, offset, limit))
    }

    async fn scan_after(&self, connection: &str, kind: Kind, after: &str, limit: u64) -> Result<Vec<Record>> {
        ask!(self, |on| queries::scan_after(on, connection, kind, after, limit))
    }

    async fn count(&self, connection: &str, kind: Kind) -> Result<u64> {
        ask!(self, |on| queries::count(on, connection, kind))
    }

    async fn members(&self, connection: &str, group: &str) -> Result<Vec<Reference>> {
        ask!(self, |on| queries::members(on, connection, group))
    }

    async fn members_among(&self, connection: &str, group: &str, ids: &[String]) -> Result<Vec<String>> {
        ask!(self, |on| queries::members_among(on, connection, group, ids))
    }

    async fn roster(&self, connection: &str, kind: Kind) -> Result<Option<Roster>> {
        ask!(self, |on| queries::roster(on, connection, kind))
    }

    async fn note(&self, connection: &str, name: &str) -> Result<Option<String>> {
        ask!(self, |on| queries::note(on, connection, name))
    }

    async fn intents(&self, which: &Intents) -> Result<Vec<Intent>> {
        ask!(self, |on| queries::intents(on, which))
    }

    async fn tasks(&self, connection: Option<&str>, open_only: bool) -> Result<Vec<Task>> {
        ask!(self, |on| queries::tasks(on, connection, open_only))
    }

    async fn open_tasks(&self, connection: &str, kind: &str) -> Result<Vec<Task>> {
        ask!(self, |on| queries::open_tasks(on, connection, kind))
    }

    async fn events(&self, connection: &str, at: Timestamp, limit: u64) -> Result<Vec<Event>> {
        ask!(self, |on| watch::events(on, connection, at, limit))
    }

    async fn totals(&self) -> Result<Vec<Total>> {
        ask!(self, |on| watch::totals(on))
    }

    async fn epoch(&self) -> Result<i64> {
        ask!(self, |on| queries::epoch(on))
    }

    async fn tokens(&self) -> Result<Vec<TokenRow>> {
        ask!(self, |on| queries::tokens(on))
    }

    async fn check(&self) -> Result<()> {
        match ask!(self, |on| queries::damaged_pages(on))? {
            0 => Ok(()),
            pages => {
                Err(Error::Refused(format!("the server has found {pages} damaged pages of the database")))
            }
        }
    }

    async fn close(&self) {
        self.pool.close().await;
    }
}
