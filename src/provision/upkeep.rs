//! Looks after a connection whose app fails: sees when it works again, and tells a person what has waited too long.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Result;
use super::connection::Connection;
use super::refuse;
use super::standing::Person;
use crate::base::clock::Timestamp;
use crate::base::context::Context;
use crate::base::lane::Lane;
use crate::contract::{Condition, Request};
use crate::store::{Intent, Intents, Kind, Task, Write};

/// How often an app that is left alone is looked at on our own account.
const LOOK: Duration = Duration::from_secs(30);

/// How often the open intents are counted.
const COUNT: Duration = Duration::from_secs(5);

/// How long a removal may wait before a person is told, and how often they are told again.
const LATE: Duration = Duration::from_mins(15);
const AGAIN: Duration = Duration::from_hours(24);

/// How many people the task names.
const NAMED: usize = 3;

/// The keys of the tasks about the app itself.
const CREDENTIAL: &str = "credential";
const LATE_REMOVALS: &str = "late_removals";

/// What was done about one app.
#[derive(Debug, Default)]
pub(super) struct Upkeep(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    recoveries: u64,
    looked_at: Option<Timestamp>,
    counted_at: Option<Timestamp>,
    /// Whether a person is asked for another credential; `None` until that is known.
    asked: Option<bool>,
    /// When a person was told of removals that wait.
    told_at: Option<Timestamp>,
    /// Removals that have waited too long.
    late: u32,
    /// Open intents that take no access away, as they were counted last.
    others: usize,
    /// How long the next count may wait: reading many takes a while.
    count_after: Duration,
}

impl Upkeep {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removals that have waited too long, as they were counted last.
    pub(super) fn late(&self) -> u32 {
        self.state().late
    }
}

impl Connection {
    /// Refuses another intent where too many are open already. One that takes access away never is.
    ///
    /// # Errors
    /// 429 with a time to come back.
    pub(super) fn refuse_overload(&self, intent: &Intent) -> Result<()> {
        if intent.sticky || self.upkeep.state().others < self.policy.most_open {
            return Ok(());
        }
        Err(refuse::overloaded("too many changes of this connection are open already; nothing was done"))
    }

    /// One round of it; what fails is tried again with the next.
    pub(super) async fn look_after_app(self: &Arc<Self>) {
        let (seen, now) = (self.seen(), self.now());
        let (recovered, looks, counts) = {
            let mut state = self.upkeep.state();
            let recovered = seen.recoveries > state.recoveries;
            state.recoveries = seen.recoveries;
            let is_due = |at: Option<Timestamp>, every| at.is_none_or(|at| now.since(at) >= every);
            let looks = seen.condition != Condition::Well && is_due(state.looked_at, LOOK);
            if looks {
                state.looked_at = Some(now);
            }
            let counts = is_due(state.counted_at, state.count_after.max(COUNT));
            if counts {
                state.counted_at = Some(now);
            }
            (recovered, looks, counts)
        };
        if recovered {
            tracing::warn!(connection = self.name(), "the app works again");
            self.promises.hurry();
        }
        if looks {
            tracing::warn!(connection = self.name(), condition = ?seen.condition, "the app is left alone");
            let this = Arc::clone(self);
            let context = Context::new(self.shared.ids.next(), self.policy.budget);
            let look = async move { drop(this.adapter().check().await) };
            self.shared.tracker.spawn(context.scope(Lane::Rest.scope(look)));
        }
        let told = async {
            self.tell_of_credential(seen.condition, seen.has_worked).await?;
            if counts { self.count_open().await } else { Ok(()) }
        };
        if let Err(refusal) = told.await {
            let reason = refusal.error.detail;
            tracing::warn!(connection = self.name(), reason, "the app could not be looked after");
        }
    }

    /// Asks a person for another credential while the app does not accept the one there is.
    async fn tell_of_credential(&self, condition: Condition, has_worked: bool) -> Result<()> {
        let ask = condition == Condition::LockedOut;
        if self.upkeep.state().asked == Some(ask) || !(ask || has_worked) {
            return Ok(());
        }
        let write = if ask {
            let app = self.capabilities().app;
            let instruction = format!(
                "{app} does not accept the credential of this connection: put in a good one; until then nothing is changed in {app}"
            );
            let task = self.new_task(CREDENTIAL, "", self.name().to_owned(), Request::new(instruction));
            Write::Task(Task { dedupe: CREDENTIAL.to_owned(), urgent: true, ..task })
        } else {
            self.closing(CREDENTIAL.to_owned(), "the app accepts the credential")
        };
        self.store().commit(vec![write]).await?;
        self.upkeep.state().asked = Some(ask);
        Ok(())
    }

    /// Counts what is open, and tells a person, once a day, of removals that have waited too long.
    async fn count_open(&self) -> Result<()> {
        let now = self.now();
        let open = self.store().intents(&Intents::AllOpen(Some(self.name().to_owned()))).await?;
        let late: Vec<&Intent> = open
            .iter()
            .filter(|intent| intent.sticky && self.shared.clock.elapsed(intent.created_at) >= LATE)
            .collect();
        let was_told = {
            let mut state = self.upkeep.state();
            state.count_after = Duration::from_millis(open.len() as u64);
            state.others = open.iter().filter(|intent| !intent.sticky).count();
            let before = std::mem::replace(&mut state.late, u32::try_from(late.len()).unwrap_or(u32::MAX));
            (before > 0 || state.told_at.is_some()).then_some(state.told_at).flatten()
        };
        if !self.leads() {
            return Ok(());
        }
        let Some(oldest) = late.iter().map(|intent| intent.created_at).min() else {
            if was_told.is_some() {
                self.store().commit(vec![self.closing(LATE_REMOVALS.to_owned(), "all are done")]).await?;
                self.upkeep.state().told_at = None;
            }
            return Ok(());
        };
        if was_told.is_some_and(|at| now.since(at) < AGAIN) {
            return Ok(());
        }
        tracing::error!(
            connection = self.name(),
            removals = late.len(),
            oldest = %oldest,
            "the app has not confirmed removals for a quarter of an hour"
        );
        let (app, count) = (self.capabilities().app, late.len());
        let instruction = format!(
            "{app} has not confirmed {count} removals, the first asked for at {oldest}: see to it that it works, or take the access away by hand"
        );
        let people = self.named(&late).await?;
        let task = self.new_task(LATE_REMOVALS, "", people, Request::new(instruction));
        let task = Task { dedupe: LATE_REMOVALS.to_owned(), urgent: true, ..task };
        // Another day, another task: whoever is told of tasks is told again.
        let again = self.closing(LATE_REMOVALS.to_owned(), "told again");
        self.store().commit(vec![again, Write::Task(task)]).await?;
        self.upkeep.state().told_at = Some(now);
        Ok(())
    }

    /// Whom the first of these intents are about.
    async fn named(&self, intents: &[&Intent]) -> Result<String> {
        let mut named = Vec::new();
        for intent in intents.iter().take(NAMED) {
            let record = self.store().record(self.name(), intent.kind, &intent.resource).await?;
            named.extend(record.map(|record| match intent.kind {
                Kind::User => Person::read(record).mention(),
                Kind::Group => record.label,
            }));
        }
        if intents.len() > NAMED {
            named.push(format!("and {} more", intents.len() - NAMED));
        }
        Ok(named.join(", "))
    }
}
