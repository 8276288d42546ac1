//! The ledger: every attempt at an app has an entry in the audit before it and one after it, in the commits of the journal.
//!
//! Nobody has to think of it: whatever is committed through [`Ledger::commit`] and begins or ends an attempt takes its
//! entry along. What was not settled when a piece of work ends is settled by [`Ledger::close_book`]; what the disk does
//! not take waits in memory.

mod waiting;

use std::ops::Deref;
use std::sync::Arc;

use self::waiting::{Late, Waiting};
use super::connection::Shared;
use super::gateway::Gateway;
use crate::base::context::{self, Attempt, Begun, Call, Context};
use crate::store::audit::{Entry, Phase};
use crate::store::{self, Intent, IntentState, Intents, Kind, Store, Write};

/// What an attempt came to whose end could not be written beside the journal.
const UNSETTLED: &str = "unsettled";

/// What an attempt came to during which the process ended.
const INTERRUPTED: &str = "interrupted";

/// The store of one connection, and what is still to be written into its audit.
#[derive(Debug, Clone)]
pub(super) struct Ledger(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    connection: String,
    shared: Arc<Shared>,
    waiting: Waiting,
}

/// What can be read is read as it is.
impl Deref for Ledger {
    type Target = dyn Store;

    fn deref(&self) -> &Self::Target {
        &*self.0.shared.store
    }
}

/// An entry that goes along with a commit, and what it means for the running context once it is durable.
struct Noted {
    entry: Entry,
    /// The calls up to here stand in it.
    mark: usize,
}

impl Ledger {
    pub(super) fn new(connection: &str, shared: Arc<Shared>) -> Self {
        let waiting = Waiting::default();
        Self(Arc::new(Inner { connection: connection.to_owned(), shared, waiting }))
    }

    /// Commits as [`Store::commit`] does, together with the entries of the audit that belong to it.
    ///
    /// Nothing is kept once another replica may do the running work, and what is journaled says under which lease.
    pub(super) async fn commit(&self, mut writes: Vec<Write>) -> store::Result<()> {
        let running = context::current();
        let holds = context::holds();
        for write in &mut writes {
            if let (Write::Intent(intent), Some(first)) = (write, holds.first()) {
                intent.fence = Some(first.fence);
            }
        }
        let mut noted = Vec::new();
        for write in &writes {
            match write {
                // What is only journaled begins with its first attempt.
                Write::Intent(intent) if intent.attempts > 0 => {
                    noted.push(self.begin(running.as_ref(), intent));
                }
                Write::Settle { intent, state, attempts, .. } => {
                    noted.extend(self.settle(running.as_ref(), intent, *state, *attempts).await?);
                }
                _ => {}
            }
        }
        let late = self.0.waiting.before(&noted.iter().map(|noted| &noted.entry).collect::<Vec<_>>()).await;
        let late_entries = late.iter().flat_map(Late::entries);
        let entries = late_entries.chain(noted.iter().map(|noted| &noted.entry));
        writes.extend(entries.map(|entry| Write::Audit(Box::new(entry.clone()))));
        if !writes.is_empty() {
            let guards = holds.iter().map(|hold| Write::Holding(hold.fence));
            writes = guards.chain(writes).collect();
        }
        let takes_away = writes.iter().any(|write| matches!(write, Write::Intent(intent) if intent.sticky));
        let committed = self.0.shared.store.commit(writes).await;
        if takes_away && committed.is_ok() {
            self.anchor().await;
        }
        if let (Ok(()), Some(late)) = (&committed, late) {
            late.are_written();
        }
        if let Some(running) = running {
            for Noted { entry, mark } in noted {
                match (&committed, entry.phase) {
                    (Ok(()), Phase::Before) => running.begun(&entry.intent, Begun::Journaled),
                    (Ok(()), Phase::After) => running.settled(mark, Some(&entry.intent)),
                    (Err(_), Phase::After) => running.came_to(&entry.intent, &entry.outcome),
                    (Err(_), Phase::Before) => {}
                }
            }
        }
        committed
    }

    /// Writes down outside of the database that access was to be taken away, before anybody is told so: an older database
    /// is recognised by it.
    pub(super) async fn anchor(&self) {
        let Some(anchor) = &self.0.shared.anchor else { return };
        let raised = match self.epoch().await {
            Ok(epoch) => anchor.raise(epoch).await,
            Err(error) => Err(error),
        };
        if let Err(error) = raised {
            tracing::warn!(connection = self.0.connection, %error, "a departure could not be anchored");
        }
    }

    /// The entry before the first attempt at an intent.
    fn begin(&self, running: Option<&Context>, intent: &Intent) -> Noted {
        let attempt = attempt_at(intent, intent.attempts.max(1));
        let entry = self.entry(running, &attempt, Phase::Before, "begun");
        if let Some(running) = running {
            running.attempt(attempt);
            context::note_subject(&intent.resource);
        }
        Noted { entry, mark: 0 }
    }

    /// The entry before another attempt, or after one. None where the end is written down already.
    async fn settle(
        &self,
        running: Option<&Context>,
        intent: &str,
        state: IntentState,
        attempts: i64,
    ) -> store::Result<Option<Noted>> {
        if let Some(running) = running {
            if let Some(attempt) = running.attempted().filter(|attempt| attempt.intent == intent) {
                context::note_subject(&attempt.resource);
                return Ok(Some(if attempt.begun == Begun::No {
                    Noted { entry: self.entry(Some(running), &attempt, Phase::Before, "begun"), mark: 0 }
                } else {
                    let (calls, mark) = running.unsettled();
                    let entry = self.entry(Some(running), &attempt, Phase::After, state.word());
                    Noted { entry: with(entry, &calls), mark }
                }));
            }
            if running.has_settled(intent) {
                return Ok(None);
            }
        }
        // Somebody else's: what is known of it is in the journal.
        let open = self.0.shared.store.intents(&Intents::OpenOne(intent.to_owned())).await?;
        Ok(open.first().map(|known| {
            let attempt = attempt_at(known, attempts.max(1));
            Noted { entry: self.entry(running, &attempt, Phase::After, state.word()), mark: 0 }
        }))
    }

    fn entry(&self, running: Option<&Context>, attempt: &Attempt, phase: Phase, outcome: &str) -> Entry {
        Entry {
            connection: self.0.connection.clone(),
            at: self.0.shared.clock.now(),
            phase,
            intent: attempt.intent.clone(),
            request_id: running.map(|running| running.request_id.clone()).unwrap_or_default(),
            kind: attempt.kind.to_owned(),
            resource: attempt.resource.clone(),
            operation: attempt.operation.clone(),
            generation: attempt.generation,
            attempt: attempt.number,
            outcome: outcome.to_owned(),
            bypassed: attempt.begun == Begun::Bypassed,
            calls: Vec::new(),
        }
    }

    /// Lets an attempt begin whose journal could not be written; its entry waits in memory and stands in the log.
    pub(super) fn bypass(&self, intent: &Intent) {
        let attempt = Attempt { begun: Begun::Bypassed, ..attempt_at(intent, intent.attempts.max(1)) };
        let running = context::current();
        self.wait(self.entry(running.as_ref(), &attempt, Phase::Before, "begun"));
        if let Some(running) = running {
            running.attempt(attempt);
        }
    }

    /// Settles what a piece of work left unsettled: an attempt without an end in the journal. Nothing to do where all is
    /// settled.
    pub(super) async fn close_book(&self, ended: &Context) {
        let Some(attempt) = ended.attempted().filter(|attempt| attempt.begun != Begun::No) else { return };
        let (calls, mark) = ended.unsettled();
        let outcome = attempt.came_to.clone().unwrap_or_else(|| UNSETTLED.to_owned());
        let entry = with(self.entry(Some(ended), &attempt, Phase::After, &outcome), &calls);
        let write = Write::Audit(Box::new(entry.clone()));
        if self.0.waiting.is_empty() && self.0.shared.store.commit(vec![write]).await.is_ok() {
            ended.settled(mark, Some(&attempt.intent));
            return;
        }
        self.wait(entry);
        ended.settled(mark, Some(&attempt.intent));
        self.catch_up().await;
    }

    /// Whether entries wait for the disk.
    pub(super) fn is_behind(&self) -> bool {
        !self.0.waiting.is_empty()
    }

    /// Gives what a replica that is gone had begun its end in the audit. Nothing to do where there are no others, because the
    /// start did it, and while entries wait, which may be the end of that attempt.
    pub(super) async fn end_of_another(&self, intent: &Intent) -> store::Result<()> {
        if self.term().is_none() || self.is_behind() {
            return Ok(());
        }
        let shared = &self.0.shared;
        shared.store.commit(shared.interrupted(intent).await?.into_iter().collect()).await
    }

    fn wait(&self, entry: Entry) {
        let text = serde_json::to_string(&entry).unwrap_or_default();
        tracing::error!(entry = text, "an entry of the audit could not be written and waits in memory");
        if self.0.waiting.push(entry) {
            tracing::error!("too many entries of the audit wait: the oldest stands in this log only");
        }
    }

    /// Writes the entries that wait, in their order. Nothing to do where none does.
    pub(super) async fn catch_up(&self) {
        let _turn = self.0.waiting.turn().await;
        let waiting = self.0.waiting.peek();
        if waiting.is_empty() {
            return;
        }
        let count = waiting.len();
        let writes = waiting.into_iter().map(|entry| Write::Audit(Box::new(entry))).collect();
        match self.0.shared.store.commit(writes).await {
            Ok(()) => {
                self.0.waiting.drop_first(count);
                tracing::info!(connection = self.0.connection, count, "the audit has caught up");
            }
            Err(error) => tracing::debug!(%error, "the audit cannot catch up yet"),
        }
    }
}

impl Gateway {
    /// Writes what waits for the audit, of every connection.
    pub async fn catch_up(&self) {
        for connection in self.connections() {
            connection.store().catch_up().await;
            connection.write_departures();
        }
    }
}

impl Shared {
    /// The missing entry after an attempt during which an earlier process ended.
    pub(super) async fn interrupted(&self, intent: &Intent) -> store::Result<Option<Write>> {
        let last = self.store.last_link_of(&intent.connection, &intent.id).await?;
        let last = last.and_then(|link| serde_json::from_str::<Entry>(&link.entry).ok());
        Ok(last.filter(|entry| entry.phase == Phase::Before).map(|before| {
            Write::Audit(Box::new(Entry {
                at: self.clock.now(),
                phase: Phase::After,
                outcome: INTERRUPTED.to_owned(),
                ..before
            }))
        }))
    }
}

/// An attempt that is not written down yet.
pub(super) fn attempt_at(intent: &Intent, number: i64) -> Attempt {
    Attempt {
        intent: intent.id.clone(),
        kind: match intent.kind {
            Kind::User => "user",
            Kind::Group => "group",
        },
        resource: intent.resource.clone(),
        operation: intent.operation.clone(),
        generation: intent.generation,
        number,
        begun: Begun::No,
        came_to: None,
    }
}

fn with(entry: Entry, calls: &[Call]) -> Entry {
    Entry { calls: calls.iter().map(Into::into).collect(), ..entry }
}
