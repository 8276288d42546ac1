//! Leases in memory: one process serves from a data directory, so what it holds nobody else needs to see.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::store::lease::Claim;

#[derive(Debug)]
struct Lease {
    owner: String,
    fence: i64,
    until: Instant,
}

/// What is held of this store.
#[derive(Debug, Default)]
pub(super) struct Held {
    leases: Mutex<BTreeMap<(String, String), Lease>>,
    fences: AtomicI64,
    taking: tokio::sync::Mutex<()>,
}

impl Held {
    fn leases(&self) -> MutexGuard<'_, BTreeMap<(String, String), Lease>> {
        self.leases.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The turn of who takes what is due: reading and noting it are two steps.
    pub(super) async fn taking(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.taking.lock().await
    }

    pub(super) fn claim(&self, connection: &str, key: &str, owner: &str, term: Duration) -> Claim {
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

    pub(super) fn release(&self, fence: i64) {
        self.leases().retain(|_, lease| lease.fence != fence);
    }

    pub(super) fn bury(&self) {
        let now = Instant::now();
        self.leases().retain(|_, lease| lease.until > now);
    }

    pub(super) fn is_held(&self, fence: i64) -> bool {
        self.leases().values().any(|lease| lease.fence == fence)
    }
}
