//! A server that goes away and comes back: which errors mean that, and how long it is waited for.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use crate::base::jitter::full_jitter;
use crate::store::Error;

/// How long a server that went away is waited for before a caller is told: longer than one takes to start again.
pub(super) const WAITED_FOR: Duration = Duration::from_secs(5);

/// The shortest and the longest pause between two attempts.
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(400));

/// Errors of the server that say it is going, or not there yet (class 08, and 57P01 to 57P03).
const GOING: [&str; 3] = ["57P01", "57P02", "57P03"];

/// Errors of the server that say it undid the transaction in favour of another one: serialization and deadlock.
const UNDONE: [&str; 2] = ["40001", "40P01"];

/// Time for attempts at one thing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    until: Instant,
    /// Between this and the server's own limit lies what an answer takes on its way.
    statement: Duration,
    attempts: u32,
}

impl Patience {
    /// Patience that begins now, for statements the server ends after `statement`.
    pub(super) fn new(statement: Duration) -> Self {
        Self { until: Instant::now() + WAITED_FOR, statement: statement * 2, attempts: 0 }
    }

    /// Waits before another attempt; answers at once that there is none once it is over.
    pub(super) async fn wait(&mut self) -> bool {
        let (shortest, longest) = PAUSES;
        let pause = full_jitter(self.attempts, shortest, longest, rand::random()).max(shortest);
        if Instant::now() + pause >= self.until {
            return false;
        }
        self.attempts += 1;
        sleep(pause).await;
        true
    }

    /// What `work` ends with; where the server is silent for too long, that it does not answer.
    pub(super) async fn answered<T>(&self, work: impl Future<Output = sqlx::Result<T>>) -> sqlx::Result<T> {
        self.bounded(work).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))
    }

    /// What `work` ends with; `None` where the server is silent for longer than it may take: the network is gone.
    pub(super) async fn bounded<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        timeout(self.statement, work).await.ok()
    }
}

/// Whether the connection, and not the statement, is what failed.
pub(super) fn is_lost(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) => true,
        sqlx::Error::Database(database) => {
            database.code().is_some_and(|code| GOING.contains(&&*code) || code.starts_with("08"))
        }
        _ => false,
    }
}

/// Whether the server undid the transaction and another attempt may be kept.
pub(super) fn is_undone(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code)
        .is_some_and(|code| UNDONE.contains(&&*code))
}

/// What the floors above are told.
pub(super) fn unavailable(error: sqlx::Error) -> Error {
    Error::Unavailable(match error {
        sqlx::Error::PoolClosed => "the store is closed".to_owned(),
        sqlx::Error::PoolTimedOut => "the database does not answer".to_owned(),
        other => other.to_string(),
    })
}
