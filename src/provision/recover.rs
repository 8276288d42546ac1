//! One more attempt at what was promised: open intents after a failure and after a restart.

use std::collections::BTreeSet;

use futures_util::FutureExt;

use super::approvals;
use super::connection::Connection;
use super::gateway::Gateway;
use super::lanes;
use super::standing::Person;
use super::users::{Aim, Sought, Under, is_looked_for};
use super::{Refusal, Result};
use crate::base::clock::Timestamp;
use crate::base::context::Context;
use crate::store::{self, Intent, IntentState, Intents, Kind, TaskState, Write};

/// What is journaled under no lease, and was not moved on for so many microseconds, belongs to nobody.
const UNHELD: i64 = 300_000_000;

impl Gateway {
    /// Makes what an earlier process left open due at once, and closes what it cannot have done. Where there are other
    /// replicas, what is open may be theirs: only what nobody holds any more is closed.
    ///
    /// Call once, before the first request.
    pub async fn recover(&self) -> Result<usize> {
        let open = self.shared().store.intents(&Intents::AllOpen(None)).await?;
        self.tell_of_strangers(&open);
        self.resume_clock(&open).await?;
        if self.shared().store.term().is_some() {
            for connection in self.connections() {
                connection.share_cursor_key().await?;
            }
            return self.close_abandoned().await;
        }
        let now = self.shared().clock.now();
        let mut writes: Vec<Write> = open
            .iter()
            .map(|intent| {
                let resolvable = intent.sticky || is_looked_for(intent);
                Write::Settle {
                    intent: intent.id.clone(),
                    state: match (resolvable, intent.state) {
                        (true, IntentState::Journaled) => IntentState::Journaled,
                        (true, _) => IntentState::Ambiguous,
                        (false, _) => IntentState::NotApplied,
                    },
                    attempts: intent.attempts,
                    next_attempt_at: now,
                    at: now,
                    outcome: Some("the process ended while it was under way".to_owned()),
                }
            })
            .collect();
        for intent in &open {
            writes.extend(self.shared().interrupted(intent).await?);
        }
        let mut seen = BTreeSet::new();
        for intent in open.iter().filter(|intent| intent.kind == Kind::User && is_interrupted(intent)) {
            if seen.insert((&intent.connection, &intent.resource)) {
                writes.extend(self.unsettle(intent).await?);
            }
        }
        self.shared().store.commit(writes).await?;
        Ok(open.len())
    }

    /// Says what nobody can go on with as the gateway is configured.
    fn tell_of_strangers(&self, open: &[Intent]) {
        for intent in open.iter().filter(|intent| self.connection(&intent.connection).is_none()) {
            tracing::error!(
                connection = intent.connection,
                operation = intent.operation,
                "an open intent belongs to a connection that is not configured any more"
            );
        }
    }

    /// Closes what a replica that is gone was doing, or what could not be given its end while the disk was full, and
    /// nobody goes on with by itself. What is sticky, or is looked for, comes due by itself.
    pub(super) async fn close_abandoned(&self) -> Result<usize> {
        let store = &self.shared().store;
        store.bury().await?;
        let now = self.shared().clock.now();
        let abandoned = store.abandoned(Timestamp(now.0 - UNHELD)).await?;
        for intent in &abandoned {
            let mut writes = vec![Write::Settle {
                intent: intent.id.clone(),
                state: IntentState::NotApplied,
                attempts: intent.attempts,
                next_attempt_at: now,
                at: now,
                outcome: Some("its end was never written down".to_owned()),
            }];
            writes.extend(self.shared().interrupted(intent).await?);
            if intent.kind == Kind::User {
                writes.extend(self.unsettle(intent).await?);
            }
            match store.commit(writes).await {
                Ok(()) => tracing::warn!(
                    connection = intent.connection,
                    operation = intent.operation,
                    "what nobody goes on with is closed"
                ),
                // Somebody works on the person again; it is looked at with the next round.
                Err(store::Error::Stale) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(abandoned.len())
    }

    async fn unsettle(&self, intent: &Intent) -> Result<Option<Write>> {
        let store = &self.shared().store;
        let record = store.record(&intent.connection, Kind::User, &intent.resource).await?;
        Ok(record.map(|record| {
            let mut person = Person::read(record);
            person.unsettle(intent, self.shared().clock.now());
            let expected = Some(person.record.version);
            Write::Record { record: Box::new(person.into_record()), expected }
        }))
    }
}

/// Whether an open intent nobody is at work on is one whose outcome nobody knows, and that nobody goes on with.
pub(super) fn is_interrupted(intent: &Intent) -> bool {
    !intent.sticky && intent.operation != "create"
}

impl Person {
    /// Nobody can tell how somebody stands whose change was interrupted, at this moment at the latest.
    pub(super) fn unsettle(&mut self, intent: &Intent, at: Timestamp) {
        self.standing.unsettled_at = self.standing.unsettled_at.max(Some(at));
        let wants_access = serde_json::from_str::<Aim>(&intent.plan).is_ok_and(|aim| aim.wants_access());
        // A look may have seen what it did before it was interrupted.
        if wants_access && !(self.standing.active && self.was_wanted()) {
            self.standing.unacknowledged_at = Some(at);
        }
    }
}

impl Connection {
    /// Whether this replica goes on with a due intent: no other one took it. What one that is gone had begun is given its
    /// end in the audit first. Always, where there are no other replicas.
    pub(super) async fn take_due(&self, intent: &Intent) -> bool {
        if self.store().term().is_none() {
            return true;
        }
        let now = self.now();
        let ids = std::slice::from_ref(&intent.id);
        let taken = async {
            if self.store().take_due(ids, now, now.plus(self.attempt_time())).await?.is_empty() {
                return Ok(false);
            }
            self.store().end_of_another(intent).await?;
            store::Result::Ok(true)
        };
        taken.await.unwrap_or_else(|error| {
            tracing::warn!(%error, "a due intent could not be taken");
            false
        })
    }

    /// Makes another attempt at an open intent that was claimed.
    pub(super) async fn resume(&self, mut intent: Intent, context: Context) {
        intent.attempts += 1;
        let operation = intent.operation.clone();
        let work = async {
            let attempt = std::panic::AssertUnwindSafe(self.attempt(&intent)).catch_unwind();
            let Ok(ended) = attempt.await else {
                self.survive(&intent).await;
                return Ok(());
            };
            let refused = ended.as_ref().err().cloned();
            self.end_attempt(&intent, ended).await;
            refused.map_or(Ok(()), Err)
        };
        // Its end is written down, and told to nobody else.
        drop(self.on_our_own(&operation, context, work).await);
    }

    async fn attempt(&self, intent: &Intent) -> Result<Ended> {
        match (intent.kind, intent.operation.as_str()) {
            (Kind::Group, "members") => self.resume_members(intent).await,
            (Kind::Group, _) => self.resume_group(intent).await,
            (Kind::User, "create") => self.resume_create(intent).await,
            (Kind::User, approvals::ERASE) => self.resume_erasure(intent).await,
            (Kind::User, _) => self.resume_person(intent).await,
        }
    }

    /// The work panicked: it gets another chance, and no third.
    async fn survive(&self, intent: &Intent) {
        tracing::error!(
            connection = self.name(),
            operation = intent.operation,
            intent = intent.id,
            "the work on an open intent panicked"
        );
        let strike = Write::Strike { intent: intent.id.clone(), points: lanes::PANIC };
        if let Err(error) = self.store().commit(vec![strike]).await {
            tracing::warn!(connection = self.name(), %error, "a panic could not be counted");
        }
        let state = match (lanes::is_poison(intent.strikes + lanes::PANIC), intent.sticky) {
            (true, _) => IntentState::Dead,
            (false, true) => IntentState::Attempting,
            (false, false) => IntentState::Ambiguous,
        };
        self.close(intent, state, "the gateway's work on it panics").await;
    }

    /// Writes down how another attempt at an open intent ended.
    async fn end_attempt(&self, intent: &Intent, ended: Result<Ended>) {
        match ended {
            Ok(Ended::Done) => {
                tracing::info!(
                    connection = self.name(),
                    operation = intent.operation,
                    attempts = intent.attempts,
                    "an open intent is done"
                );
                self.close(intent, IntentState::Confirmed, "carried out by the gateway itself").await;
                self.thank(intent).await;
                self.promises.hurry();
            }
            Ok(Ended::Closed) => {}
            Ok(Ended::Overtaken) => {
                self.close(intent, IntentState::Superseded, "there is nothing left to do for it").await;
            }
            Ok(Ended::Unreadable) => {
                tracing::error!(
                    connection = self.name(),
                    intent = intent.id,
                    "an open intent cannot be read"
                );
                self.close(intent, IntentState::Dead, "the journal's plan cannot be read").await;
            }
            Err(refusal) => self.postpone(intent, &refusal).await,
        }
    }

    /// What the app was not asked, because it may not be done as things stand, waits for a person beside us.
    pub(super) async fn postpone(&self, intent: &Intent, refusal: &Refusal) {
        let status = refusal.error.status;
        let impossible = status == 501;
        if !impossible && (!(400..500).contains(&status) || status == 429) {
            return;
        }
        // Its end may be written down already.
        if !self.is_open(intent).await.unwrap_or(false) {
            return;
        }
        tracing::warn!(
            connection = self.name(),
            operation = intent.operation,
            status,
            reason = refusal.error.detail,
            "an open intent is refused"
        );
        if impossible && intent.sticky {
            self.close(intent, IntentState::Dead, &refusal.error.detail).await;
            return;
        }
        let state = if intent.sticky { IntentState::Attempting } else { IntentState::Ambiguous };
        self.close(intent, state, "it may not be done as things stand").await;
        if intent.sticky {
            let tasks = self.attention(intent, &refusal.error.detail).await;
            if let Err(error) = self.store().commit(tasks).await {
                tracing::warn!(%error, "a task could not be opened");
            }
        }
    }

    /// A person who was asked to help need not any more.
    async fn thank(&self, intent: &Intent) {
        let done = Write::CloseTask {
            connection: self.name().to_owned(),
            dedupe: format!("attention:{}", intent.resource),
            state: TaskState::Cancelled,
            at: self.now(),
            by: "portcullis".to_owned(),
            note: Some("carried out by the gateway itself".to_owned()),
            evidence: None,
        };
        if let Err(error) = self.store().commit(vec![done]).await {
            tracing::warn!(%error, "a task could not be closed");
        }
    }

    async fn is_open(&self, intent: &Intent) -> Result<bool> {
        Ok(!self.store().intents(&Intents::OpenOne(intent.id.clone())).await?.is_empty())
    }

    /// Whether an intent is open still, and none that is newer is open for its resource.
    pub(super) async fn is_newest(&self, intent: &Intent) -> Result<bool> {
        let which = Intents::Open { connection: self.name().to_owned(), resource: intent.resource.clone() };
        let open = self.store().intents(&which).await?;
        let newest = open.first().is_some_and(|newest| newest.generation <= intent.generation);
        Ok((newest || intent.kind == Kind::Group && intent.operation != "members")
            && open.iter().any(|other| other.id == intent.id))
    }

    /// Brings a person to where the journal says; a newer request has superseded the intent if there was one.
    async fn resume_person(&self, intent: &Intent) -> Result<Ended> {
        let _turn = self.turn(&intent.resource).await?;
        if !self.is_newest(intent).await? {
            return Ok(Ended::Closed);
        }
        let Some(record) = self.store().record(self.name(), Kind::User, &intent.resource).await? else {
            return Ok(Ended::Overtaken);
        };
        if record.generation > intent.generation {
            return Ok(Ended::Overtaken);
        }
        let Ok(aim) = serde_json::from_str::<Aim>(&intent.plan) else { return Ok(Ended::Unreadable) };
        let mut person = Person::read(record);
        let doubt = self.look_again(&mut person, true).await?;
        self.reach(person, doubt, Under::Resumed(intent), aim).await.map(|_| Ended::Done)
    }

    /// Looks for an account whose create was never answered: adopts it, or closes the intent once it cannot come.
    async fn resume_create(&self, intent: &Intent) -> Result<Ended> {
        let Ok(aim) = serde_json::from_str::<Aim>(&intent.plan) else { return Ok(Ended::Unreadable) };
        let name = aim.desired.get("userName").and_then(serde_json::Value::as_str).unwrap_or_default();
        let _turn = self.turn(&format!("name:{}", crate::base::fold::key(name))).await?;
        if !self.is_newest(intent).await? {
            return Ok(Ended::Closed);
        }
        match self.seek(intent, aim).await? {
            Sought::Found => Ok(Ended::Done),
            Sought::Overtaken | Sought::Never | Sought::Unsure => Ok(Ended::Closed),
        }
    }
}

/// How another attempt at an open intent ended.
pub(super) enum Ended {
    /// What it asked for stands.
    Done,
    /// Its end is written down already.
    Closed,
    /// Nobody needs it any more.
    Overtaken,
    /// Nobody can tell what it asked for.
    Unreadable,
}
