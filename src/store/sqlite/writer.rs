//! The one writer: what is queued becomes one durable transaction.
//!
//! Nothing waits for company: a commit that finds the writer idle is written at once, those that arrive while the
//! disk is busy share the next transaction.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use sqlx::query;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};
use tokio::sync::{mpsc, oneshot};

use super::writes::{Failure, apply};
use crate::store::{Error, Result, Write};

/// The most commits one transaction carries.
const GROUP: usize = 64;

/// A commit that waits for its answer.
#[derive(Debug)]
pub(super) struct Commit {
    pub(super) writes: Vec<Write>,
    pub(super) reply: oneshot::Sender<Result<()>>,
}

/// What the writer is asked to do.
#[derive(Debug)]
pub(super) enum Message {
    Commit(Commit),
    /// Write what is queued, close the file, then answer.
    Close(oneshot::Sender<()>),
}

/// Owner of the only connection that writes.
#[derive(Debug)]
pub(super) struct Writer {
    options: SqliteConnectOptions,
    /// Taken out while a transaction runs and put back only when it ended well: after a failed COMMIT, the same
    /// file descriptor may report success for pages that the disk never took.
    connection: Option<SqliteConnection>,
}

impl Writer {
    /// A writer on `connection`, which `options` open again when it is lost.
    pub(super) fn new(options: SqliteConnectOptions, connection: SqliteConnection) -> Self {
        Self { options, connection: Some(connection) }
    }

    /// Serves until it is told to close, or until nobody is left who could ask.
    pub(super) async fn run(mut self, mut inbox: mpsc::Receiver<Message>) {
        let mut queued = Vec::with_capacity(GROUP);
        let mut farewells = Vec::new();
        while inbox.recv_many(&mut queued, GROUP).await > 0 {
            let mut commits = Vec::with_capacity(queued.len());
            for message in queued.drain(..) {
                match message {
                    Message::Commit(commit) => commits.push(commit),
                    Message::Close(reply) => {
                        inbox.close();
                        farewells.push(reply);
                    }
                }
            }
            if !commits.is_empty() {
                self.write(commits).await;
            }
        }
        if let Some(connection) = self.connection.take()
            && let Err(error) = connection.close().await
        {
            tracing::warn!(%error, "the database was not closed cleanly");
        }
        for reply in farewells {
            answer(reply, ());
        }
    }

    /// Writes the commits and answers each; a panic below costs this transaction and the connection, not the writer.
    async fn write(&mut self, commits: Vec<Commit>) {
        let batches: Vec<&[Write]> = commits.iter().map(|commit| commit.writes.as_slice()).collect();
        let outcome = AssertUnwindSafe(self.transaction(&batches)).catch_unwind().await;
        let failure = match outcome {
            Ok(Ok(results)) => {
                for (commit, result) in commits.into_iter().zip(results) {
                    answer(commit.reply, result);
                }
                return;
            }
            Ok(Err(error)) => error.to_string(),
            Err(_panic) => "the writer panicked".to_owned(),
        };
        for commit in commits {
            answer(commit.reply, Err(Error::Unavailable(failure.clone())));
        }
    }

    /// One transaction for all batches; the result of each, in order, once it is durable.
    ///
    /// An error means that none of them was applied and that the connection is gone.
    pub(super) async fn transaction(&mut self, batches: &[&[Write]]) -> sqlx::Result<Vec<Result<()>>> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.options.connect().await?,
        };
        run(&mut connection, "BEGIN IMMEDIATE").await?;
        let results = if let [only] = batches {
            let result = apply_all(&mut connection, only).await?;
            run(&mut connection, if result.is_ok() { "COMMIT" } else { "ROLLBACK" }).await?;
            vec![result]
        } else {
            let results = apply_each(&mut connection, batches).await?;
            run(&mut connection, "COMMIT").await?;
            results
        };
        self.connection = Some(connection);
        Ok(results)
    }
}

/// Applies every batch behind a savepoint of its own, so that one that fails is undone alone.
async fn apply_each(to: &mut SqliteConnection, batches: &[&[Write]]) -> sqlx::Result<Vec<Result<()>>> {
    let mut results = Vec::with_capacity(batches.len());
    for batch in batches {
        run(to, "SAVEPOINT one_commit").await?;
        let result = apply_all(to, batch).await?;
        if result.is_err() {
            run(to, "ROLLBACK TO one_commit").await?;
        }
        run(to, "RELEASE one_commit").await?;
        results.push(result);
    }
    Ok(results)
}

async fn apply_all(to: &mut SqliteConnection, writes: &[Write]) -> sqlx::Result<Result<()>> {
    for write in writes {
        match apply(to, write).await {
            Ok(()) => {}
            Err(Failure::Refused(error)) => return Ok(Err(error)),
            Err(Failure::Fatal(error)) => return Err(error),
        }
    }
    Ok(Ok(()))
}

async fn run(on: &mut SqliteConnection, statement: &'static str) -> sqlx::Result<()> {
    query(statement).execute(on).await.map(|_| ())
}

/// A caller that stopped waiting has no need of the answer.
fn answer<T>(reply: oneshot::Sender<T>, result: T) {
    drop(reply.send(result));
}
