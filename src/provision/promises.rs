//! Keeps what was promised: when open intents are gone on with, how many at a time, and who goes first.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::connection::Connection;
use super::gateway::Gateway;
use super::lanes;
use super::ledger::attempt_at;
use super::{Refusal, Result};
use crate::base::clock::Timestamp;
use crate::base::context::Context;
use crate::base::lane::Lane;
use crate::store::{Intent, IntentState, Intents, Write};

/// How often the journal is looked at.
const ROUND: Duration = Duration::from_millis(500);

/// Rounds from one look for what nobody goes on with to the next.
const BURIALS: u32 = 10;

/// Open intents of one connection that are worked on at the same time.
const AT_ONCE: usize = 16;

/// How many of them may be others than those that take access away.
const OTHERS_AT_ONCE: usize = AT_ONCE / 2;

/// How often one of the removals that wait is tried before its time, to see whether the app is well again.
const PROBE: Duration = Duration::from_secs(5);

/// Intents moved to another time in one commit.
const BATCH: usize = 500;

/// How the open intents of one connection are gone on with.
#[derive(Debug)]
pub(super) struct Promises {
    places: Arc<Semaphore>,
    places_of_others: Arc<Semaphore>,
    /// An attempt ended.
    freed: Notify,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Whether removals may be waiting for their next attempt.
    waiting: bool,
    /// The app asked to be left alone until then.
    quiet_until: Option<Timestamp>,
    probed_at: Option<Timestamp>,
    /// Something that had failed before succeeded: whatever waits is tried now.
    hurry: bool,
    hurried_at: Option<Timestamp>,
    /// Intents that are worked on.
    under_way: BTreeSet<String>,
}

/// What the removals that wait are to do before their time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call {
    Nobody,
    /// One of each kind.
    One,
    All,
}

impl Default for Promises {
    fn default() -> Self {
        // What an earlier process left waiting is not known yet.
        let state = State { waiting: true, ..State::default() };
        Self {
            places: Arc::new(Semaphore::new(AT_ONCE)),
            places_of_others: Arc::new(Semaphore::new(OTHERS_AT_ONCE)),
            freed: Notify::new(),
            state: Mutex::new(state),
        }
    }
}

impl State {
    /// Who is called before their time.
    fn call(&mut self, now: Timestamp) -> Call {
        let since = |at: Option<Timestamp>| at.is_none_or(|at| now.since(at) >= PROBE);
        if !self.waiting {
            return Call::Nobody;
        }
        if self.hurry && since(self.hurried_at) {
            (self.hurry, self.hurried_at, self.quiet_until) = (false, Some(now), None);
            return Call::All;
        }
        if self.quiet_until.is_some_and(|until| until > now) || !since(self.probed_at) {
            return Call::Nobody;
        }
        self.probed_at = Some(now);
        Call::One
    }
}

impl Promises {
    /// A removal waits for its next attempt, and the app may have asked to be left alone until then.
    pub(super) fn waits(&self, quiet_until: Option<Timestamp>) {
        let mut state = self.state();
        state.waiting = true;
        state.quiet_until = state.quiet_until.max(quiet_until);
    }

    /// The app does again what it had failed to do.
    pub(super) fn hurry(&self) {
        self.state().hurry = true;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many more intents there are places for: of those that take access away, or of the others.
    fn free(&self, sticky: bool) -> usize {
        let all = self.places.available_permits();
        if sticky { all } else { all.min(self.places_of_others.available_permits()) }
    }

    /// Places for one more intent of this lane, where there are some.
    fn place(&self, lane: Lane) -> Option<Vec<OwnedSemaphorePermit>> {
        let mut needed = vec![&self.places];
        if lane != Lane::Leave {
            needed.push(&self.places_of_others);
        }
        needed.into_iter().map(|places| Arc::clone(places).try_acquire_owned().ok()).collect()
    }
}

/// An intent that is worked on for as long as this lives.
struct UnderWay {
    connection: Arc<Connection>,
    intent: String,
    _places: Vec<OwnedSemaphorePermit>,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.connection.promises.state().under_way.remove(&self.intent);
    }
}

impl Gateway {
    /// Works on open intents until `stop`; each is tried when it is due, one attempt at a time, removals first.
    pub async fn keep_promises(self: Arc<Self>, stop: CancellationToken) {
        let mut connections = self.follow_connections();
        connections.mark_changed();
        let mut workers: BTreeMap<String, AbortHandle> = BTreeMap::new();
        let mut running = JoinSet::new();
        let order = self.keep_order(&stop);
        tokio::pin!(order);
        loop {
            tokio::select! {
                () = &mut order => return,
                // Its connection is not configured any more; if it is, the work goes on.
                Some(_) = running.join_next() => {}
                Ok(()) = connections.changed() => {}
            }
            workers.retain(|_, worker| !worker.is_finished());
            for name in connections.borrow_and_update().keys() {
                workers.entry(name.clone()).or_insert_with(|| {
                    running.spawn(Arc::clone(&self).keep_promises_of(name.clone(), stop.clone()))
                });
            }
        }
    }

    /// Works on the open intents of one connection until `stop`, or until it is not configured any more.
    async fn keep_promises_of(self: Arc<Self>, name: String, stop: CancellationToken) {
        let mut rounds = tokio::time::interval_at(Instant::now() + ROUND, ROUND);
        rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut more = false;
        while let Some(waiting) = self.connection(&name) {
            let is_round = tokio::select! {
                () = stop.cancelled() => return,
                _ = rounds.tick() => true,
                () = waiting.promises.freed.notified(), if more => false,
            };
            // As it is configured by now.
            let Some(connection) = self.connection(&name) else { return };
            if is_round {
                connection.look_around().await;
            }
            more = connection.begin_due().await.unwrap_or_else(|refusal| {
                connection.unread(&refusal);
                false
            });
        }
    }

    /// Writes down what the disk did not take, and closes what nobody goes on with.
    async fn keep_order(&self, stop: &CancellationToken) {
        let mut round: u32 = 0;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(ROUND) => {}
            }
            self.catch_up().await;
            round = round.wrapping_add(1);
            if self.shared().leads()
                && round.is_multiple_of(BURIALS)
                && let Err(refusal) = self.close_abandoned().await
            {
                tracing::warn!(reason = refusal.error.detail, "what is abandoned could not be closed");
            }
        }
    }
}

impl Connection {
    /// How long an attempt has before another one may begin.
    pub(super) fn attempt_time(&self) -> Duration {
        self.policy.budget + Duration::from_secs(5)
    }

    /// What is done once a round.
    async fn look_around(self: &Arc<Self>) {
        self.note_heard_late().await;
        if self.leads() {
            self.shared.tracker.spawn(Arc::clone(self).look_through_orphans());
        }
        self.look_after_app().await;
        if let Err(refusal) = self.call_before_time().await {
            self.unread(&refusal);
        }
    }

    fn unread(&self, refusal: &Refusal) {
        let reason = &refusal.error.detail;
        tracing::warn!(connection = self.name(), reason, "the journal could not be read");
    }

    /// Begins as many due attempts as there are places for, removals first; tells whether more may be due.
    async fn begin_due(self: &Arc<Self>) -> Result<bool> {
        let mut more = false;
        for sticky in [true, false] {
            let limit = self.promises.free(sticky) as u64;
            let which = Intents::Due { connection: self.name().to_owned(), sticky, at: self.now(), limit };
            let due = if limit > 0 { self.store().intents(&which).await? } else { Vec::new() };
            more |= due.len() as u64 == limit;
            for intent in due {
                Arc::clone(self).go_on_with(intent);
            }
        }
        Ok(more)
    }

    /// Begins another attempt at an open intent, where there is a place for it and nobody works on it. Whoever stops the
    /// rounds stops no attempt: one that was claimed and not made would wait until its time is over.
    fn go_on_with(self: Arc<Self>, intent: Intent) {
        let lane = lanes::lane_of(&intent);
        let Some(places) = self.promises.place(lane) else { return };
        if !self.promises.state().under_way.insert(intent.id.clone()) {
            return;
        }
        let held = UnderWay { connection: Arc::clone(&self), intent: intent.id.clone(), _places: places };
        let tracker = self.shared.tracker.clone();
        tracker.spawn(lane.scope(async move {
            self.take_and_resume(intent).await;
            let connection = Arc::clone(&held.connection);
            drop(held);
            connection.promises.freed.notify_one();
        }));
    }

    async fn take_and_resume(&self, intent: Intent) {
        if !self.take_due(&intent).await {
            return;
        }
        let context = Context::new(intent.request_id.clone(), self.policy.budget);
        context.attempt(attempt_at(&intent, intent.attempts + 1));
        if let Err(error) = context.clone().scope(self.claim(&intent)).await {
            tracing::warn!(reason = error.error.detail, "an intent could not be claimed");
            return;
        }
        self.resume(intent, context).await;
    }

    /// Notes that an attempt begins, so that the next round does not begin another.
    async fn claim(&self, intent: &Intent) -> Result<()> {
        let now = self.now();
        let settle = Write::Settle {
            intent: intent.id.clone(),
            // A create without an outcome may have been applied, however that came about.
            state: if intent.sticky { IntentState::Attempting } else { IntentState::Ambiguous },
            attempts: intent.attempts + 1,
            next_attempt_at: now.plus(self.attempt_time()),
            at: now,
            outcome: intent.outcome.clone(),
        };
        Ok(self.store().commit(vec![settle]).await?)
    }

    /// Makes removals due before their time: one of each kind every few seconds, so that it is seen when the app is
    /// well again, and then all of them.
    async fn call_before_time(&self) -> Result<()> {
        let now = self.now();
        let call = self.promises.state().call(now);
        if call == Call::Nobody {
            return Ok(());
        }
        let open = self.store().intents(&Intents::AllOpen(Some(self.name().to_owned()))).await?;
        let removals: Vec<Intent> = open.into_iter().filter(|intent| intent.sticky).collect();
        if removals.is_empty() {
            // Another replica may promise one, and be gone.
            self.promises.state().waiting = self.store().term().is_some();
            return Ok(());
        }
        let waiting: Vec<Intent> = {
            let state = self.promises.state();
            let is_waiting = |intent: &Intent| {
                // The request that asked for it, or another replica, is at it still.
                let leased = intent.next_attempt_at == intent.updated_at.plus(self.attempt_time());
                intent.next_attempt_at > now && !leased && !state.under_way.contains(&intent.id)
            };
            removals.into_iter().filter(is_waiting).collect()
        };
        let called = if call == Call::All { waiting } else { least_recent(waiting) };
        for batch in called.chunks(BATCH) {
            // Another replica may have begun one meanwhile.
            let due = |intent: &Intent| Write::Hasten {
                intent: intent.id.clone(),
                seen: intent.updated_at,
                at: now,
            };
            // Nothing begins or ends by it that the audit would have to tell.
            self.shared.store.commit(batch.iter().map(due).collect()).await?;
        }
        Ok(())
    }
}

/// Of each operation the intent that was tried least recently: a failure of one operation says nothing of another, and
/// an intent that always fails holds up no other.
fn least_recent(intents: Vec<Intent>) -> Vec<Intent> {
    let mut chosen: BTreeMap<String, Intent> = BTreeMap::new();
    for intent in intents {
        match chosen.get(&intent.operation) {
            Some(other) if other.updated_at <= intent.updated_at => {}
            _ => {
                chosen.insert(intent.operation.clone(), intent);
            }
        }
    }
    chosen.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp(0).plus(Duration::from_secs(seconds))
    }

    fn waiting() -> State {
        State { waiting: true, ..State::default() }
    }

    #[test]
    fn one_is_called_every_five_seconds_while_removals_wait() {
        let mut state = waiting();
        let calls: Vec<u64> = (0..20).filter(|second| state.call(at(*second)) == Call::One).collect();
        assert_eq!(calls, [0, 5, 10, 15]);
        state.waiting = false;
        assert_eq!(state.call(at(60)), Call::Nobody);
    }

    #[test]
    fn nobody_is_called_while_the_app_asks_to_be_left_alone() {
        let mut state = waiting();
        state.quiet_until = Some(at(120));
        assert_eq!(state.call(at(119)), Call::Nobody);
        assert_eq!(state.call(at(120)), Call::One);
    }

    #[test]
    fn all_are_called_once_after_each_success() {
        let mut state = State { quiet_until: Some(at(300)), hurry: true, ..waiting() };
        assert_eq!(state.call(at(10)), Call::All);
        assert_eq!(state.call(at(10)), Call::One, "and the app is no longer left alone");
        state.hurry = true;
        assert_eq!(state.call(at(14)), Call::Nobody);
        assert_eq!(state.call(at(15)), Call::All);
    }

    #[test]
    fn those_that_leave_have_places_of_their_own() {
        let promises = Promises::default();
        let others: Vec<_> = std::iter::from_fn(|| promises.place(Lane::Create)).collect();
        assert_eq!(others.len(), OTHERS_AT_ONCE);
        let removals: Vec<_> = std::iter::from_fn(|| promises.place(Lane::Leave)).collect();
        assert_eq!(removals.len(), AT_ONCE - OTHERS_AT_ONCE);
    }
}
