//! What is to be done once, however many replicas there are: one of them leads, and does it.

use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

use super::connection::{Connection, Shared};
use super::gateway::Gateway;
use super::turn::{RENEWALS, owner};
use crate::base::hold::{Hold, Moment};
use crate::store::Claim;

/// The key of the lease; it belongs to no connection.
const KEY: &str = "sweeps";

/// Whether this replica leads.
#[derive(Debug, Default)]
pub struct Leading(Mutex<Option<Arc<Hold>>>);

impl Shared {
    /// Whether what is done once is done here: always where there are no other replicas.
    pub(super) fn leads(&self) -> bool {
        self.store.term().is_none() || self.lead().is_some()
    }

    /// The hold of a replica that leads, for work to depend on.
    pub(super) fn lead(&self) -> Option<Arc<Hold>> {
        let hold = self.leading.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        hold.filter(|hold| !hold.left().is_zero())
    }
}

impl Connection {
    /// Whether what is done once is done here.
    pub(super) fn leads(&self) -> bool {
        self.shared.leads()
    }
}

impl Gateway {
    /// Leads if no other replica does, until `stop`; answers at once where there are no others.
    pub async fn keep_leading(self: Arc<Self>, stop: CancellationToken) {
        let shared = self.shared();
        let Some(term) = shared.store.term() else { return };
        let owner = owner();
        let set = |hold: Option<Arc<Hold>>| {
            *shared.leading.0.lock().unwrap_or_else(PoisonError::into_inner) = hold;
        };
        let held = || shared.leading.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        loop {
            let asked = Moment::now();
            match (shared.store.claim("", KEY, &owner, term).await, held()) {
                (Ok(Claim::Held { fence }), Some(hold)) if hold.fence == fence => hold.renew(asked),
                (Ok(Claim::Held { fence }), before) => {
                    before.iter().for_each(|hold| hold.lose());
                    tracing::info!("this replica looks after what is done once");
                    set(Some(Arc::new(Hold::new(fence, asked, term))));
                }
                (Ok(Claim::Taken { .. }), before) => {
                    before.iter().for_each(|hold| hold.lose());
                    set(None);
                }
                (Err(error), _) => {
                    tracing::warn!(%error, "the lease of what is done once could not be claimed")
                }
            }
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(term / RENEWALS) => {}
            }
        }
        if let Some(hold) = held() {
            hold.lose();
            if let Err(error) = shared.store.release(hold.fence).await {
                tracing::warn!(%error, "the lease of what is done once was not given up; it runs out by itself");
            }
        }
    }
}
