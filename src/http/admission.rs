//! How many requests are carried out at once, in all and for each connection, and the places of those who leave.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// How many requests may be carried out at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdmissionLimits {
    /// Of all connections together, and so many more that take access away.
    pub all: usize,
    pub all_leaving: usize,
    /// Of one connection, and so many more that take access away.
    pub connection: usize,
    pub connection_leaving: usize,
    /// How long a request waits for a place.
    pub patience: Duration,
}

impl Default for AdmissionLimits {
    fn default() -> Self {
        Self {
            all: 256,
            all_leaving: 64,
            connection: 32,
            connection_leaving: 8,
            patience: Duration::from_secs(2),
        }
    }
}

/// Places for everybody, and those beside them for requests that take access away.
#[derive(Debug, Clone)]
struct Places {
    open: Arc<Semaphore>,
    leaving: Arc<Semaphore>,
}

impl Places {
    fn new(open: usize, leaving: usize) -> Self {
        Self { open: Arc::new(Semaphore::new(open)), leaving: Arc::new(Semaphore::new(leaving)) }
    }

    /// Waits for a place. Whoever leaves takes whichever is free first.
    async fn take(&self, leaves: bool) -> Option<OwnedSemaphorePermit> {
        let open = Arc::clone(&self.open).acquire_owned();
        if !leaves {
            return open.await.ok();
        }
        let own = Arc::clone(&self.leaving).acquire_owned();
        tokio::select! {
            biased;
            place = open => place.ok(),
            place = own => place.ok(),
        }
    }
}

/// The places there are.
#[derive(Debug)]
pub(crate) struct Admission {
    limits: AdmissionLimits,
    all: Places,
    connections: Mutex<BTreeMap<String, Places>>,
}

/// The places one request has taken; free again when dropped.
#[derive(Debug)]
pub(crate) struct Admitted {
    _places: [OwnedSemaphorePermit; 2],
}

impl Admission {
    pub(crate) fn new(limits: AdmissionLimits) -> Self {
        let all = Places::new(limits.all, limits.all_leaving);
        Self { limits, all, connections: Mutex::default() }
    }

    /// Waits for the places of a request of a configured connection; `None` where none is free in time.
    pub(crate) async fn admit(&self, connection: &str, leaves: bool) -> Option<Admitted> {
        let own = {
            let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
            let limits = &self.limits;
            let new = || Places::new(limits.connection, limits.connection_leaving);
            connections.entry(connection.to_owned()).or_insert_with(new).clone()
        };
        // Its own first: whoever waits there takes no place from other connections.
        let places = async { Some([own.take(leaves).await?, self.all.take(leaves).await?]) };
        let places = timeout(self.limits.patience, places).await.ok().flatten()?;
        Some(Admitted { _places: places })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission() -> Admission {
        let (connection, connection_leaving, patience) = (2, 1, Duration::from_secs(2));
        Admission::new(AdmissionLimits { all: 3, all_leaving: 1, connection, connection_leaving, patience })
    }

    /// How many come in.
    async fn fill(admission: &Admission, connection: &str, leaves: bool) -> Vec<Admitted> {
        let mut inside = Vec::new();
        while let Some(admitted) = admission.admit(connection, leaves).await {
            inside.push(admitted);
        }
        inside
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_connection_lets_in_those_who_leave_and_holds_up_no_other() {
        let admission = admission();
        let inside = fill(&admission, "hive", false).await;
        assert_eq!(inside.len(), 2);
        let leaver = admission.admit("hive", true).await;
        assert!(leaver.is_some() && admission.admit("hive", true).await.is_none());
        drop(leaver);
        assert_eq!(fill(&admission, "tines", false).await.len(), 1, "three in all");
        drop(inside);
        assert!(admission.admit("hive", false).await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_place_that_comes_free_in_time_is_waited_for() {
        let admission = Arc::new(admission());
        let mut inside = fill(&admission, "hive", false).await;
        let waits = Arc::clone(&admission);
        let waiting = tokio::spawn(async move { waits.admit("hive", false).await });
        tokio::time::sleep(Duration::from_secs(1)).await;
        inside.pop();
        assert!(waiting.await.unwrap().is_some());
    }
}
