//! A store that stops at a commit: the process freezes there, panics, or waits, before it or after it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use portcullis::store::hooked::Hook;
use portcullis::store::{Result, Store, Write};
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

/// One order at a time for the store behind.
#[derive(Debug, Default)]
pub struct Faulty {
    order: Mutex<Option<(u64, CommitAt)>>,
    commits: AtomicU64,
    stopped: AtomicBool,
    /// Notified when everything is frozen.
    pub frozen: Arc<Notify>,
}

impl Faulty {
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

#[allow(clippy::panic, reason = "a panic of the store is one of the faults")]
impl Hook for Faulty {
    async fn read<T: Send>(
        &self,
        method: &'static str,
        work: impl Future<Output = Result<T>> + Send,
    ) -> Result<T> {
        if !matches!(method, "tokens" | "close") {
            self.alive().await;
        }
        work.await
    }

    async fn commit(&self, store: &dyn Store, writes: Vec<Write>) -> Result<()> {
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
                        store.commit(writes).await?;
                    }
                    self.freeze().await
                }
                CommitAt::Panic { written } => {
                    if written {
                        store.commit(writes).await?;
                    }
                    panic!("a commit panics on purpose");
                }
                CommitAt::Wait { written, pause } => {
                    if !written {
                        tokio::time::sleep(pause).await;
                    }
                    let result = store.commit(writes).await;
                    if written {
                        tokio::time::sleep(pause).await;
                    }
                    result
                }
                CommitAt::Full => store.commit(writes).await,
            },
            _ => store.commit(writes).await,
        }
    }
}
