//! Leases in memory: where one process works on a store alone, nobody else needs to see what it holds.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use super::{Claim, Intent, IntentState, Intents, Leases, Result, Store, Write};
use crate::base::clock::Timestamp;

/// A store that one process works on alone.
pub(in crate::store) trait Alone: Store {
    /// What is held of it.
    fn held(&self) -> &Held;
}

#[async_trait]
impl<T: Alone> Leases for T {
    fn term(&self) -> Option<Duration> {
        None
    }

    async fn claim(&self, connection: &str, key: &str, owner: &str, term: Duration) -> Result<Claim> {
        Ok(self.held().claim(connection, key, owner, term))
    }

    async fn release(&self, fence: i64) -> Result<()> {
        self.held().release(fence);
        Ok(())
    }

    async fn bury(&self) -> Result<()> {
        self.held().bury();
        Ok(())
    }

    async fn take_due(&self, intents: &[String], at: Timestamp, until: Timestamp) -> Result<Vec<String>> {
        let _taking = self.held().taking().await;
        let mut due = self.intents(&Intents::AllOpen(None)).await?;
        due.retain(|intent| {
            let resolvable = intent.sticky || intent.state == IntentState::Ambiguous;
            resolvable && intent.next_attempt_at <= at
        });
        let (mut taken, mut writes) = (Vec::new(), Vec::new());
        for Intent { id, state, attempts, outcome, .. } in
            due.into_iter().filter(|intent| intents.contains(&intent.id))
        {
            taken.push(id.clone());
            writes.push(Write::Settle { intent: id, state, attempts, next_attempt_at: until, at, outcome });
        }
        self.commit(writes).await?;
        taken.sort_unstable();
        Ok(taken)
    }

    async fn abandoned(&self, before: Timestamp) -> Result<Vec<Intent>> {
        let mut open = self.intents(&Intents::AllOpen(None)).await?;
        open.retain(|intent| {
            !intent.sticky
                && intent.state != IntentState::Ambiguous
                && intent.fence.map_or(intent.updated_at <= before, |fence| !self.held().is_held(fence))
        });
        Ok(open)
    }
}

#[derive(Debug)]
struct Lease {
    owner: String,
    fence: i64,
    until: Instant,
}

/// What is held of this store.
#[derive(Debug, Default)]
pub(in crate::store) struct Held {
    leases: Mutex<BTreeMap<(String, String), Lease>>,
    fences: AtomicI64,
    taking: tokio::sync::Mutex<()>,
}

impl Held {
    fn leases(&self) -> MutexGuard<'_, BTreeMap<(String, String), Lease>> {
        self.leases.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The turn of who takes what is due: reading and noting it are two steps.
    pub(in crate::store) async fn taking(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.taking.lock().await
    }

    pub(in crate::store) fn claim(&self, connection: &str, key: &str, owner: &str, term: Duration) -> Claim {
        let now = Instant::now();
        let mut leases = self.leases();
        let place = (connection.to_owned(), key.to_owned());
        let fence = match leases.get(&place) {
            Some(lease) if lease.owner == owner => lease.fence,
            Some(lease) if lease.until > now => return Claim::Taken { left: lease.until - now },
            Some(_) | None => self.fences.fetch_add(1, Ordering::SeqCst) + 1,
        };
        leases.insert(place, Lease { owner: owner.to_owned(), fence, until: now + term });
        Claim::Held { fence }
    }

    pub(in crate::store) fn release(&self, fence: i64) {
        self.leases().retain(|_, lease| lease.fence != fence);
    }

    pub(in crate::store) fn bury(&self) {
        let now = Instant::now();
        self.leases().retain(|_, lease| lease.until > now);
    }

    /// Whether a commit names something that is not held any more.
    pub(in crate::store) fn has_lost(&self, writes: &[Write]) -> bool {
        writes.iter().any(|write| matches!(write, Write::Holding(fence) if !self.is_held(*fence)))
    }

    pub(in crate::store) fn is_held(&self, fence: i64) -> bool {
        self.leases().values().any(|lease| lease.fence == fence)
    }
}
