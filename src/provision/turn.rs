//! One at a time per person: requests about one resource wait for each other, requests about others do not. Where
//! several replicas work on one store, the turn of this process is also the lease of the key.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::connection::{Connection, Shared};
use super::{Result, refuse};
use crate::base::context;
use crate::base::hold::{Hold, Moment};
use crate::base::jitter::full_jitter;
use crate::base::lane::{self, Lane};
use crate::store::{self, Claim};

/// The shortest and the longest pause before a key that another replica has is claimed again.
const PAUSES: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(250));

/// A lease is renewed so often in its term, so that it outlives a renewal that fails.
pub(super) const RENEWALS: u32 = 3;

/// A turn; it ends when it is dropped.
#[derive(Debug)]
pub struct Turn {
    /// The place of a process that is alone; else whoever keeps the lease has it, until that was given up.
    _place: Option<OwnedMutexGuard<()>>,
    lease: Option<Lease>,
}

#[derive(Debug)]
struct Lease {
    hold: Arc<Hold>,
    _ended: DropGuard,
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(lease) = &self.lease {
            lease.hold.end();
        }
    }
}

/// The queues of all resources that have one right now.
#[derive(Debug)]
pub struct Turns {
    queues: Mutex<HashMap<String, Arc<AsyncMutex<()>>>>,
    /// As whom leases are claimed.
    owner: String,
}

impl Default for Turns {
    fn default() -> Self {
        Self { queues: Mutex::default(), owner: owner() }
    }
}

/// A name no other process has.
pub(super) fn owner() -> String {
    format!("{:032x}", rand::random::<u128>())
}

impl Turns {
    /// Waits for the turn of `key` in this process.
    async fn take(&self, key: &str) -> OwnedMutexGuard<()> {
        let queue = {
            let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
            // A queue only this map holds has nobody in it.
            if queues.len() > 1_024 {
                queues.retain(|_, queue| Arc::strong_count(queue) > 1);
            }
            queues.entry(key.to_owned()).or_default().clone()
        };
        queue.lock_owned().await
    }
}

impl Connection {
    /// Waits for the turn of `key`, in this process and among replicas. As long as it lasts the running work depends on
    /// it: what it commits and calls fails once another replica may have the key.
    ///
    /// # Errors
    /// 503 where another replica does not give the key up in time, and where the store cannot be asked.
    pub(super) async fn turn(&self, key: &str) -> Result<Turn> {
        let place = self.turns.take(key).await;
        self.lease(key, place, Instant::now() + context::remaining(self.policy.budget)).await
    }

    /// Begins nothing in this lane that lost its caller while it waited for another replica, unless access ends by it:
    /// nobody stands in line there, so that it may be older than what the other one has answered since.
    pub(super) fn refuse_overtaken(&self, turn: &Turn, lane: Lane) -> Result<()> {
        if turn.lease.is_some() && lane != Lane::Leave && context::caller_is_gone() {
            return Err(refuse::still_working(self.policy.idp));
        }
        Ok(())
    }

    /// As [`Connection::turn`], and waits no longer than `within`.
    pub(super) async fn turn_within(&self, key: &str, within: Duration) -> Result<Turn> {
        let until = Instant::now() + within;
        match timeout_at(until, self.turns.take(key)).await {
            Ok(place) => self.lease(key, place, until).await,
            Err(_) => Err(refuse::still_working(self.policy.idp)),
        }
    }

    /// The lease of a key whose turn this process has.
    ///
    /// Whoever leaves while the store takes nothing goes on without one: to take access away twice does no harm.
    async fn lease(&self, key: &str, place: OwnedMutexGuard<()>, until: Instant) -> Result<Turn> {
        let Some(term) = self.store().term() else { return Ok(Turn { _place: Some(place), lease: None }) };
        let (shortest, longest) = PAUSES;
        let mut attempts = 0;
        loop {
            let asked = Moment::now();
            let claimed = self.store().claim(self.name(), key, &self.turns.owner, term).await;
            if let Err(store::Error::Unavailable(_)) = claimed
                && lane::current() == Lane::Leave
                && self.leaves_without_journal()
            {
                tracing::error!(
                    connection = self.name(),
                    "no lease can be written; access is taken away without it"
                );
                return Ok(Turn { _place: Some(place), lease: None });
            }
            match claimed? {
                Claim::Held { fence } => {
                    let hold = Arc::new(Hold::new(fence, asked, term));
                    return Ok(self.keep_lease(key, place, hold, term));
                }
                Claim::Taken { left } => {
                    let pause = full_jitter(attempts, shortest * 2, longest, rand::random());
                    let pause = pause.min(left).max(shortest);
                    if Instant::now() + pause >= until {
                        return Err(refuse::still_working(self.policy.idp));
                    }
                    attempts += 1;
                    sleep(pause).await;
                }
            }
        }
    }

    /// The turn under a lease, which is renewed until the turn ends and then given up, before anybody in this process
    /// has the next turn: they would claim it under the same name.
    fn keep_lease(&self, key: &str, place: OwnedMutexGuard<()>, hold: Arc<Hold>, term: Duration) -> Turn {
        if let Some(context) = context::current() {
            context.depend_on(&hold);
        }
        let ended = CancellationToken::new();
        let kept = Kept {
            shared: Arc::clone(&self.shared),
            connection: self.name().to_owned(),
            key: key.to_owned(),
            owner: self.turns.owner.clone(),
            hold: Arc::clone(&hold),
            term,
        };
        let until = ended.clone();
        self.shared.tracker.spawn(async move {
            kept.renew_until(&until).await;
            kept.give_up().await;
            drop(place);
        });
        Turn { _place: None, lease: Some(Lease { hold, _ended: ended.drop_guard() }) }
    }
}

/// A lease that is kept for somebody.
struct Kept {
    shared: Arc<Shared>,
    connection: String,
    key: String,
    owner: String,
    hold: Arc<Hold>,
    term: Duration,
}

impl Kept {
    async fn renew_until(&self, ended: &CancellationToken) {
        loop {
            tokio::select! {
                () = ended.cancelled() => return,
                () = sleep(self.term / RENEWALS) => {}
            }
            let asked = Moment::now();
            match self.shared.store.claim(&self.connection, &self.key, &self.owner, self.term).await {
                Ok(Claim::Held { fence }) if fence == self.hold.fence => self.hold.renew(asked),
                Ok(claim) => {
                    self.hold.lose();
                    tracing::warn!(
                        connection = self.connection,
                        "another replica has taken over what runs here"
                    );
                    // It was buried and nobody else had it; what was begun before does not go on under a new fence.
                    if let Claim::Held { fence } = claim {
                        self.release(fence).await;
                    }
                    return ended.cancelled().await;
                }
                Err(error) => {
                    tracing::warn!(connection = self.connection, %error, "a lease could not be renewed");
                }
            }
        }
    }

    async fn give_up(&self) {
        self.release(self.hold.fence).await;
    }

    async fn release(&self, fence: i64) {
        if let Err(error) = self.shared.store.release(fence).await {
            tracing::warn!(connection = self.connection, %error, "a lease was not given up; it runs out by itself");
        }
    }
}
