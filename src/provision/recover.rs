//! Goes on with what was promised: open intents after a failure and after a restart, until each is done.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::connection::{Connection, full_jitter};
use super::gateway::Gateway;
use super::mapping;
use super::standing::Person;
use super::users::{Aim, Under, index};
use super::{Result, refuse};
use crate::base::context::Context;
use crate::base::fold::key;
use crate::contract::By;
use crate::store::{Intent, IntentState, Intents, Kind, Write};

/// How often the journal is looked at.
const ROUND: Duration = Duration::from_millis(500);

/// How long after the last attempt at a create the app may still show it late.
const SETTLE: Duration = Duration::from_mins(1);

impl Gateway {
    /// Makes what an earlier process left open due at once, and closes what it cannot have done.
    ///
    /// Call once, before the first request.
    pub async fn recover(&self) -> Result<usize> {
        let open = self.shared().store.intents(&Intents::AllOpen(None)).await?;
        let now = self.shared().clock.now();
        let writes: Vec<Write> = open
            .iter()
            .map(|intent| {
                let resolvable = intent.sticky || intent.operation == "create";
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
        self.shared().store.commit(writes).await?;
        Ok(open.len())
    }

    /// Works on open intents until `stop`; each is tried when it is due, one attempt at a time.
    pub async fn keep_promises(self: Arc<Self>, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(ROUND) => {}
            }
            let due = match self.shared().store.intents(&Intents::Due(self.shared().clock.now())).await {
                Ok(due) => due,
                Err(error) => {
                    tracing::warn!(%error, "the journal could not be read");
                    continue;
                }
            };
            for intent in due {
                let Some(connection) = self.connection(&intent.connection) else { continue };
                if let Err(error) = connection.claim(&intent).await {
                    tracing::warn!(reason = error.error.detail, "an intent could not be claimed");
                    continue;
                }
                let context = Context::new(intent.request_id.clone(), connection.policy.budget);
                self.shared().tracker.spawn(context.scope(async move { connection.resume(intent).await }));
            }
        }
    }
}

impl Connection {
    /// Notes that an attempt begins, so that the next round does not begin another.
    async fn claim(&self, intent: &Intent) -> Result<()> {
        let lease = self.policy.budget + Duration::from_secs(5);
        let settle = Write::Settle {
            intent: intent.id.clone(),
            state: IntentState::Attempting,
            attempts: intent.attempts + 1,
            next_attempt_at: self.now().plus(lease),
            at: self.now(),
            outcome: intent.outcome.clone(),
        };
        Ok(self.store().commit(vec![settle]).await?)
    }

    async fn resume(self: Arc<Self>, mut intent: Intent) {
        intent.attempts += 1;
        let ended = match (intent.kind, intent.operation.as_str()) {
            (Kind::Group, _) => self.resume_members(&intent).await,
            (Kind::User, "create") => self.resume_create(&intent).await,
            (Kind::User, _) => self.resume_person(&intent).await,
        };
        let state = match &ended {
            Ok(()) => IntentState::Confirmed,
            Err(_) => return,
        };
        tracing::info!(
            connection = self.name(),
            operation = intent.operation,
            attempts = intent.attempts,
            "an open intent is done"
        );
        self.close(&intent, state, "carried out by the gateway itself").await;
    }

    /// Ends an intent, or leaves it open until the next look.
    async fn close(&self, intent: &Intent, state: IntentState, outcome: &str) {
        let pause = full_jitter(intent.attempts, ROUND, Duration::from_mins(5), rand::random());
        let settle = Write::Settle {
            intent: intent.id.clone(),
            state,
            attempts: intent.attempts,
            next_attempt_at: self.now().plus(pause),
            at: self.now(),
            outcome: Some(outcome.to_owned()),
        };
        if let Err(error) = self.store().commit(vec![settle]).await {
            tracing::warn!(%error, "the end of an intent could not be kept");
        }
    }

    /// Brings a person to where the journal says; a newer request has superseded the intent if there was one.
    async fn resume_person(&self, intent: &Intent) -> Result<()> {
        let _turn = self.turns.take(&intent.resource).await;
        let which = Intents::Open { connection: self.name().to_owned(), resource: intent.resource.clone() };
        let open = self.store().intents(&which).await?;
        if open.first().is_none_or(|newest| newest.id != intent.id) {
            return Ok(());
        }
        let Some(record) = self.store().record(self.name(), Kind::User, &intent.resource).await? else {
            return Ok(());
        };
        let Ok(aim) = serde_json::from_str::<Aim>(&intent.plan) else { return Ok(()) };
        let mut person = Person::read(record);
        person.record.observed_at = None;
        self.reach(person, Under::Resumed(intent), aim).await.map(|_| ())
    }

    /// Looks for an account whose create was never answered: adopts it, or closes the intent once it cannot come.
    async fn resume_create(&self, intent: &Intent) -> Result<()> {
        let Ok(aim) = serde_json::from_str::<Aim>(&intent.plan) else { return Ok(()) };
        let name = aim.desired.get("userName").and_then(Value::as_str).unwrap_or_default();
        let _turn = self.turns.take(&format!("name:{}", key(name))).await;
        if self.find_created(intent, aim).await? {
            return Ok(());
        }
        Err(refuse::still_working(self.policy.idp))
    }

    /// A create of this name whose outcome is not known yet is looked for before anything is sent again.
    ///
    /// The caller holds the turn of the name.
    ///
    /// # Errors
    /// 503 while the app may still show the account, and where it cannot be asked.
    pub(super) async fn settle_lost_creates(&self, name_key: &str) -> Result<()> {
        let open = self.store().intents(&Intents::AllOpen(Some(self.name().to_owned()))).await?;
        for intent in open.into_iter().filter(|intent| intent.operation == "create") {
            let Ok(aim) = serde_json::from_str::<Aim>(&intent.plan) else { continue };
            let name = aim.desired.get("userName").and_then(Value::as_str).unwrap_or_default();
            if key(name) != name_key {
                continue;
            }
            if self.find_created(&intent, aim).await? {
                self.close(&intent, IntentState::Confirmed, "found when it was asked for again").await;
            }
        }
        Ok(())
    }

    /// Whether the account of a lost create is there, and then belongs to who asked for it; not there is final once the
    /// app has had time to show it, and closes the intent.
    async fn find_created(&self, intent: &Intent, aim: Aim) -> Result<bool> {
        let wanted = mapping::wanted(&aim.desired, self.capabilities(), &self.policy)?;
        let login = wanted.email.as_deref().unwrap_or(&wanted.user_name);
        let found = self.adapter().account(By::Email(login)).await;
        let found = match found {
            Ok(found) => found,
            Err(error) => {
                tracing::warn!(
                    connection = self.name(),
                    error = error.message,
                    "a lost create could not be looked up"
                );
                self.close(intent, IntentState::Ambiguous, "the app could not be asked").await;
                return Err(refuse::still_working(self.policy.idp));
            }
        };
        let Some(account) = found else {
            if self.now().since(intent.created_at) < SETTLE {
                self.close(intent, IntentState::Ambiguous, "the app does not show the account yet").await;
                return Err(refuse::still_working(self.policy.idp));
            }
            self.close(intent, IntentState::NotApplied, "the app never showed the account").await;
            return Ok(false);
        };
        let known = self
            .store()
            .find(self.name(), Kind::User, &crate::store::Key::Account(account.id.clone()))
            .await?;
        if let Some(record) = known.into_iter().next() {
            // A listing found it first; it belongs to the caller who asked for it.
            let mut person = Person::read(record);
            if person.standing.adopted {
                person.desired = aim.desired;
                self.take_in(&mut person, intent).await?;
            }
            return Ok(true);
        }
        let mut person = self.adopted_person(account);
        person.record.id.clone_from(&intent.resource);
        person.desired = aim.desired;
        self.take_in(&mut person, intent).await?;
        Ok(true)
    }

    async fn take_in(&self, person: &mut Person, intent: &Intent) -> Result<()> {
        let expected = (person.record.version > 1 || person.record.id != intent.resource)
            .then_some(person.record.version);
        person.standing.adopted = false;
        person.standing.unacknowledged_at = Some(self.now());
        index(person);
        person.record.version += 1;
        let record = Box::new(person.clone().into_record());
        self.store().commit(vec![Write::Record { record, expected }]).await?;
        Ok(())
    }
}
