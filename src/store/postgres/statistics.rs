//! What the server knows of its tables when it plans: nothing of a new one until autovacuum has looked, a minute later at
//! best, and until then it may walk all records to find one.

use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::postgres::PgPool;
use sqlx::{query, query_scalar};

use crate::store::Write;

/// After so many new records the server is told to look, and again each time there are so many times as many.
const FIRST: u64 = 64;
const TIMES: u64 = 8;

/// The new records of this process.
#[derive(Debug)]
pub(super) struct Statistics {
    created: AtomicU64,
    next: AtomicU64,
}

impl Default for Statistics {
    fn default() -> Self {
        Self { created: AtomicU64::new(0), next: AtomicU64::new(FIRST) }
    }
}

impl Statistics {
    /// Counts records that were created together; where it is time the server looks at its tables. That is waited for
    /// where they are many, such as a listing: somebody is about to read them, and walking them for each takes minutes.
    ///
    /// To be called when they are committed: a server that looks earlier takes its tables for empty.
    pub(super) async fn count(&self, pool: &PgPool, new: u64) {
        let created = self.created.fetch_add(new, Ordering::Relaxed) + new;
        let next = self.next.load(Ordering::Relaxed);
        let is_ours = || {
            let later = created.saturating_mul(TIMES);
            self.next.compare_exchange(next, later, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        };
        if created < next || !is_ours() {
            return;
        }
        let pool = pool.clone();
        let looking = tokio::spawn(async move {
            if let Err(error) = look(&pool, created).await {
                tracing::debug!(%error, "the database could not look at its tables");
            }
        });
        if new >= FIRST {
            drop(looking.await);
        }
    }
}

/// How many records these writes create.
pub(super) fn created_by(writes: &[Write]) -> u64 {
    writes.iter().filter(|write| matches!(write, Write::Record { expected: None, .. })).count() as u64
}

/// The server looks at its tables, unless it has seen more records already, as where another replica had it look.
async fn look(pool: &PgPool, created: u64) -> sqlx::Result<()> {
    let statement = query_scalar("SELECT reltuples >= $1 FROM pg_class WHERE oid = 'records'::regclass");
    let has_seen: bool = statement.bind(i64::try_from(created).unwrap_or(i64::MAX)).fetch_one(pool).await?;
    if !has_seen {
        query("ANALYZE records, members, intents, audit").execute(pool).await?;
    }
    Ok(())
}
