//! One transaction for the commits of a group, begun again where the server went away before it could have been kept.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::postgres::PgPool;
use sqlx::{Acquire, PgConnection};

use super::lost::{Patience, is_lost, is_undone, unavailable};
use super::writes::{Failure, apply};
use super::{chronicle, leases};
use crate::store::audit::Entry;
use crate::store::{Error, Write};

/// Why nothing was kept.
#[derive(Debug)]
pub(super) enum Fault {
    /// Because of what one of the commits holds.
    Theirs(Error),
    /// Because of the server, whatever they hold.
    Servers(Error),
}

impl Fault {
    pub(super) fn into_error(self) -> Error {
        let (Self::Theirs(error) | Self::Servers(error)) = self;
        error
    }
}

/// How one transaction ended.
enum Ended {
    Kept,
    Refused(Error),
    /// Nothing of it is kept, and another attempt may be: the connection was lost before the end, or the server took
    /// it back in favour of another one.
    Undone(sqlx::Error),
    /// The server was lost when it was told to keep everything: nobody knows whether it did.
    Unknown(sqlx::Error),
    Failed(sqlx::Error),
}

/// Applies the writes of all commits in order in one transaction, or none of them.
///
/// Where nobody knows whether they were kept, the audit tells: an entry of theirs stands in it, or nothing of them was
/// kept and they are applied once more. Without an entry among them that is left to the caller.
pub(super) async fn commit(pool: &PgPool, commits: &[&[Write]], patience: Patience) -> Result<(), Fault> {
    let mut patience = patience;
    let trace = entries(commits).next();
    let mut in_doubt = None;
    loop {
        let mut connection = match pool.acquire().await {
            Ok(connection) => connection,
            Err(error) if is_lost(&error) && patience.wait().await => continue,
            Err(error) => return Err(Fault::Servers(unavailable(error))),
        };
        match transaction(&mut connection, commits, in_doubt, patience).await {
            Ended::Kept => return Ok(()),
            Ended::Refused(error) => return Err(Fault::Theirs(error)),
            Ended::Undone(error) => {
                if is_lost(&error) {
                    connection.close_on_drop();
                }
                drop(connection);
                if !patience.wait().await {
                    return Err(Fault::Servers(unavailable(error)));
                }
            }
            Ended::Unknown(error) => {
                connection.close_on_drop();
                drop(connection);
                in_doubt = trace;
                if in_doubt.is_none() || !patience.wait().await {
                    return Err(Fault::Servers(unavailable(error)));
                }
            }
            Ended::Failed(error) => {
                connection.close_on_drop();
                let is_word = error.as_database_error().is_some();
                let error = unavailable(error);
                return Err(if is_word { Fault::Theirs(error) } else { Fault::Servers(error) });
            }
        }
    }
}

/// The entries of the audit among the writes.
fn entries<'w>(commits: &[&'w [Write]]) -> impl Iterator<Item = &'w Entry> {
    let all = commits.iter().flat_map(|writes| writes.iter());
    all.filter_map(|write| if let Write::Audit(entry) = write { Some(&**entry) } else { None })
}

/// Each statement may take as long as the server lets it: a listing has very many.
///
/// With an entry `in_doubt` nothing is written where that stands in the audit.
async fn transaction(
    connection: &mut PgConnection,
    commits: &[&[Write]],
    in_doubt: Option<&Entry>,
    patience: Patience,
) -> Ended {
    let begun = patience.answered(Acquire::begin(connection)).await;
    let mut transaction = match begun {
        Ok(transaction) => transaction,
        Err(error) => return undone(error),
    };
    if let Some(entry) = in_doubt {
        match patience.bounded(chronicle::holds(&mut transaction, entry)).await {
            Some(Ok(false)) => {}
            Some(Ok(true)) => return Ended::Kept,
            Some(Err(error)) => return undone(error),
            None => return Ended::Failed(sqlx::Error::PoolTimedOut),
        }
    }
    if let Err(failure) = apply_all(&mut transaction, commits, patience).await {
        // What cannot be rolled back now is when the connection closes.
        drop(patience.answered(transaction.rollback()).await);
        return match failure {
            Failure::Refused(error) => Ended::Refused(error),
            Failure::Failed(error) => undone(error),
        };
    }
    match patience.answered(transaction.commit()).await {
        Ok(()) => Ended::Kept,
        // The server's own word, such as of a deadlock, means that it was rolled back.
        Err(error) if is_undone(&error) => Ended::Undone(error),
        Err(error) => Ended::Unknown(error),
    }
}

/// The entries come last: whoever appends holds the head of the chain until the end. The leases are looked at with the
/// first of them, or by themselves where there is none: either way before anything is kept.
async fn apply_all(to: &mut PgConnection, commits: &[&[Write]], patience: Patience) -> Result<(), Failure> {
    let writes = || commits.iter().flat_map(|writes| writes.iter());
    let fences: BTreeSet<i64> = writes()
        .filter_map(|write| if let Write::Holding(fence) = write { Some(*fence) } else { None })
        .collect();
    let fences: Vec<i64> = fences.into_iter().collect();
    for write in writes() {
        let applied = patience.bounded(apply(to, write)).await;
        applied.unwrap_or(Err(Failure::Failed(sqlx::Error::PoolTimedOut)))?;
    }
    let mut chains: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
    for entry in entries(commits) {
        chains.entry(&entry.connection).or_default().push(entry);
    }
    let mut unseen = fences.as_slice();
    for (connection, entries) in chains {
        let appended = patience.bounded(chronicle::append(to, connection, &entries, unseen)).await;
        appended.unwrap_or(Err(Failure::Failed(sqlx::Error::PoolTimedOut)))?;
        unseen = &[];
    }
    if !unseen.is_empty() && !patience.answered(leases::are_held(to, unseen)).await? {
        return Err(Failure::Refused(Error::Lost));
    }
    Ok(())
}

/// Before the end nothing can have been kept.
fn undone(error: sqlx::Error) -> Ended {
    if is_lost(&error) || is_undone(&error) { Ended::Undone(error) } else { Ended::Failed(error) }
}
