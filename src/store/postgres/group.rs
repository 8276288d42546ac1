//! Commits of one connection: this process writes them one after the other, and those that arrive while the server is at
//! work share its next transaction. Otherwise each would wait for the head of the audit's chain in a session of its own.
//! What nobody waits for does not begin a transaction of its own while others may come that do.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sqlx::postgres::PgPool;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

use super::commit::{Fault, commit};
use super::lost::{Patience, WAITED_FOR};
use crate::store::{Error, Result, Write};

/// The most commits one transaction carries.
const GROUP: usize = 64;

/// The most writes of a commit that shares its transaction.
const LONG: usize = 32;

/// How long a commit nobody waits for is kept for others to share its transaction.
const COMPANY: Duration = Duration::from_millis(5);

/// A commit that waits for its answer.
#[derive(Debug)]
struct Waiting {
    writes: Vec<Write>,
    since: Instant,
    reply: oneshot::Sender<Result<()>>,
}

impl Waiting {
    fn is_unhurried(&self) -> bool {
        self.writes.iter().any(|write| matches!(write, Write::Unhurried))
    }
}

/// The queue of each connection.
#[derive(Debug, Default)]
pub(super) struct Queues(Mutex<HashMap<String, mpsc::UnboundedSender<Waiting>>>);

impl Queues {
    /// Applies the writes in order in one transaction, or none of them; also where the caller stops waiting.
    ///
    /// What waited for longer than a server that went away is waited for is not begun any more.
    pub(super) async fn commit(&self, pool: &PgPool, statement: Duration, writes: Vec<Write>) -> Result<()> {
        let queue = queue_of(&writes).map(str::to_owned);
        let (reply, answer) = oneshot::channel();
        let waiting = Waiting { writes, since: Instant::now(), reply };
        match queue {
            Some(connection) => self.push(connection, pool, statement, waiting),
            None => drop(tokio::spawn(write(pool.clone(), statement, vec![waiting]))),
        }
        answer.await.unwrap_or_else(|_| Err(Error::Unavailable("the commit did not end".to_owned())))
    }

    fn push(&self, connection: String, pool: &PgPool, statement: Duration, waiting: Waiting) {
        let mut queues = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let begin = || {
            let (sender, inbox) = mpsc::unbounded_channel();
            tokio::spawn(run(pool.clone(), statement, inbox));
            sender
        };
        let queue = queues.entry(connection).or_insert_with(begin);
        // Whoever served it panicked, and another one begins.
        if let Err(mpsc::error::SendError(waiting)) = queue.send(waiting) {
            *queue = begin();
            drop(queue.send(waiting));
        }
    }
}

/// The connection whose queue a commit waits in. None for a long one, which would hold the others up.
fn queue_of(writes: &[Write]) -> Option<&str> {
    writes.iter().take_while(|_| writes.len() <= LONG).find_map(|write| match write {
        Write::Audit(entry) => Some(entry.connection.as_str()),
        Write::Record { record, .. } => Some(record.connection.as_str()),
        _ => None,
    })
}

async fn run(pool: PgPool, statement: Duration, mut inbox: mpsc::UnboundedReceiver<Waiting>) {
    let mut queued = Vec::with_capacity(GROUP);
    while inbox.recv_many(&mut queued, GROUP).await > 0 {
        let until = Instant::now() + COMPANY;
        while queued.len() < GROUP && queued.iter().all(Waiting::is_unhurried) {
            match timeout_at(until, inbox.recv_many(&mut queued, GROUP)).await {
                Ok(1..) => {}
                Ok(0) | Err(_) => break,
            }
        }
        write(pool.clone(), statement, std::mem::take(&mut queued)).await;
    }
}

/// Writes the commits in one transaction; where one of them is refused, each in its own.
async fn write(pool: PgPool, statement: Duration, commits: Vec<Waiting>) {
    let (late, commits): (Vec<_>, Vec<_>) =
        commits.into_iter().partition(|waiting| waiting.since.elapsed() > WAITED_FOR);
    for waiting in late {
        answer(waiting.reply, Err(Error::Unavailable("the database is too slow".to_owned())));
    }
    let together: Vec<&[Write]> = commits.iter().map(|waiting| waiting.writes.as_slice()).collect();
    if together.is_empty() {
        return;
    }
    let outcome = commit(&pool, &together, Patience::new(statement)).await;
    let is_one_s_fault = commits.len() > 1 && matches!(outcome, Err(Fault::Theirs(_)));
    let outcome = outcome.map_err(Fault::into_error);
    for Waiting { writes, reply, .. } in commits {
        let result = if is_one_s_fault {
            commit(&pool, &[&writes], Patience::new(statement)).await.map_err(Fault::into_error)
        } else {
            outcome.clone()
        };
        answer(reply, result);
    }
}

/// A caller that stopped waiting has no need of the answer.
fn answer(reply: oneshot::Sender<Result<()>>, result: Result<()>) {
    drop(reply.send(result));
}
