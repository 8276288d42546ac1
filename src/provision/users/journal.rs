//! The journal of people: intents, their outcomes, and what is asked of a person where we cannot go on.

use std::time::Duration;

use super::super::approvals::{self, Erasure};
use super::super::connection::Connection;
use super::super::lanes;
use super::super::mapping;
use super::super::recover::is_interrupted;
use super::super::refuse;
use super::super::standing::Person;
use super::super::{Refusal, Result};
use super::{Aim, index};
use crate::base::jitter::share;
use crate::contract;
use crate::scim::error::ScimError;
use crate::store::{self, Intent, IntentState, Intents, Kind, Lifecycle, Task, Write};

impl Connection {
    /// Work still under way for a person: its generation, and what was asked for there.
    pub(in crate::provision) async fn open_aim(&self, id: &str) -> Result<Option<(i64, Aim)>> {
        let which = Intents::Open { connection: self.name().to_owned(), resource: id.to_owned() };
        Ok(promised(&self.store().intents(&which).await?))
    }

    /// [`Connection::open_aim`] for whoever has the turn of the person: nobody is at work on a change that is open
    /// still, and nobody can tell what it did.
    pub(in crate::provision) async fn work_left_open(
        &self,
        person: &mut Person,
    ) -> Result<Option<(i64, Aim)>> {
        let which = Intents::Open { connection: self.name().to_owned(), resource: person.record.id.clone() };
        let open = self.store().intents(&which).await?;
        for intent in open.iter().filter(|intent| is_interrupted(intent)) {
            // Its last call was made within the budget of its request.
            person.unsettle(intent, intent.updated_at.plus(self.policy.budget).min(self.now()));
        }
        Ok(promised(&open))
    }

    pub(in crate::provision) fn intent(
        &self,
        person: &Person,
        operation: &str,
        aim: &Aim,
        sticky: bool,
    ) -> Result<Intent> {
        let now = self.now();
        let plan = serde_json::to_string(aim)
            .map_err(|_| Refusal::from(ScimError::new(500, "the plan could not be written down")))?;
        Ok(Intent {
            id: self.shared.ids.next(),
            connection: self.name().to_owned(),
            kind: Kind::User,
            resource: person.record.id.clone(),
            operation: operation.to_owned(),
            name_key: if operation == "create" { person.record.name_key.clone() } else { String::new() },
            generation: person.record.generation,
            plan,
            sticky,
            // A create without an outcome may have been applied, however that came about.
            state: if operation == "create" { IntentState::Ambiguous } else { IntentState::Attempting },
            attempts: 1,
            strikes: 0,
            // While this process works on it nobody else does; after a crash it is due.
            next_attempt_at: now.plus(self.attempt_time()),
            request_id: crate::base::context::current().map(|context| context.request_id).unwrap_or_default(),
            created_at: now,
            updated_at: now,
            outcome: None,
            fence: None,
        })
    }

    /// Writes the outcome: the record, what belongs to it, and the end of the intent, in one transaction.
    pub(in crate::provision) async fn save(
        &self,
        person: &mut Person,
        expected: Option<i64>,
        intent: &Intent,
        mut writes: Vec<Write>,
    ) -> store::Result<()> {
        writes.push(self.confirmed(intent));
        self.save_quietly(person, expected, writes).await
    }

    pub(in crate::provision) async fn save_quietly(
        &self,
        person: &mut Person,
        expected: Option<i64>,
        mut writes: Vec<Write>,
    ) -> store::Result<()> {
        index(person);
        if person.record.lifecycle == Lifecycle::Live {
            // Role groups follow the account: the app has no other truth about them.
            writes.extend(self.place_writes(person).await?);
        }
        self.write(person, expected, true, writes).await
    }

    /// Keeps what is known of a person now, and what belongs to it; the version goes up where a caller can see it.
    pub(in crate::provision) async fn keep(
        &self,
        person: &mut Person,
        expected: Option<i64>,
        writes: Vec<Write>,
    ) -> store::Result<()> {
        let visible = person.differs_from_record();
        self.write(person, expected, visible, writes).await
    }

    async fn write(
        &self,
        person: &mut Person,
        mut expected: Option<i64>,
        visible: bool,
        writes: Vec<Write>,
    ) -> store::Result<()> {
        if visible {
            // What is new was last modified when it was created.
            person.record.modified_at =
                if expected.is_some() { self.now() } else { person.record.created_at };
        }
        let mut places = Vec::new();
        for _ in 0..3 {
            person.record.version = expected.unwrap_or(0) + i64::from(visible);
            let mut batch = vec![Write::Record { record: Box::new(person.clone().into_record()), expected }];
            batch.append(&mut places);
            batch.extend(writes.iter().cloned());
            match self.store().commit(batch).await {
                // A listing was taken in meanwhile; what we just did at the app is newer.
                Err(store::Error::Stale) if expected.is_some() => {
                    let stands = self.store().record(self.name(), Kind::User, &person.record.id).await?;
                    let Some(stands) = stands else { break };
                    expected = Some(stands.version);
                    // It may have said of the groups, too, what is not so any more.
                    person.record.groups = stands.groups;
                    if person.record.lifecycle == Lifecycle::Live {
                        places = self.place_writes(person).await?;
                    }
                }
                other => return other,
            }
        }
        Err(store::Error::Stale)
    }

    /// Ends an intent that failed, or leaves it open where we go on by ourselves, and answers what the caller reads.
    pub(in crate::provision) async fn settle_failed(
        &self,
        intent: &Intent,
        error: &contract::Error,
    ) -> Refusal {
        let points = lanes::strikes(error);
        let impossible = error.kind == contract::Kind::Unsupported;
        let given_up = impossible || lanes::is_poison(intent.strikes + points);
        let goes_on = intent.sticky && !given_up;
        let ambiguous = error.kind == contract::Kind::Unknown;
        let state = match (goes_on || is_looked_for(intent), ambiguous) {
            (true, true) => IntentState::Ambiguous,
            _ if goes_on => IntentState::Attempting,
            _ if intent.sticky => IntentState::Dead,
            _ => IntentState::NotApplied,
        };
        let told = match error.retry {
            contract::Retry::Later(told) => told,
            contract::Retry::Never | contract::Retry::AfterLooking => None,
        };
        if goes_on {
            self.promises.waits(told.map(|told| self.now().plus(told.min(Duration::from_mins(5)))));
        }
        let strike = Write::Strike { intent: intent.id.clone(), points };
        let strike = (points > 0 && intent.sticky).then_some(strike);
        self.end(intent, state, &error.to_string(), told, strike).await;
        tracing::info!(
            connection = self.name(),
            operation = intent.operation,
            kind = ?error.kind,
            error = error.message,
            goes_on,
            "an operation at the app failed"
        );
        if goes_on {
            refuse::goes_on(error, self.policy.idp)
        } else {
            refuse::not_applied(error, self.policy.idp)
        }
    }

    /// Ends an intent, or leaves it open until the next look.
    pub(in crate::provision) async fn close(&self, intent: &Intent, state: IntentState, outcome: &str) {
        if intent.sticky && state.is_open() {
            self.promises.waits(None);
        }
        self.end(intent, state, outcome, None, None).await;
    }

    /// Leaves what was never answered open until the next look, and answers what its caller reads.
    pub(in crate::provision) async fn look_later(&self, intent: &Intent, outcome: &str) -> Refusal {
        self.close(intent, IntentState::Ambiguous, outcome).await;
        refuse::still_working(self.policy.idp)
    }

    /// Writes down how an attempt ended. What nobody can carry out any more waits for a person.
    pub(super) async fn end(
        &self,
        intent: &Intent,
        state: IntentState,
        outcome: &str,
        told: Option<Duration>,
        strike: Option<Write>,
    ) {
        let (lane, now) = (lanes::lane_of(intent), self.now());
        let age = self.shared.clock.elapsed(intent.created_at);
        let too_old = state.is_open() && lanes::is_given_up(lane, age);
        let state = if too_old { IntentState::Dead } else { state };
        let pause = lanes::pause(lane, intent.attempts, told, share());
        let mut writes: Vec<Write> = strike.into_iter().collect();
        writes.push(Write::Settle {
            intent: intent.id.clone(),
            state,
            attempts: intent.attempts,
            next_attempt_at: now.plus(pause),
            at: now,
            outcome: Some(outcome.to_owned()),
        });
        if state == IntentState::Dead {
            tracing::error!(
                connection = self.name(),
                operation = intent.operation,
                intent = intent.id,
                attempts = intent.attempts,
                "an intent is given up and waits for a person"
            );
            writes.extend(self.attention(intent, outcome).await);
        }
        if let Err(error) = self.store().commit(writes).await {
            tracing::warn!(connection = self.name(), %error, "the end of an intent could not be kept");
        }
    }

    /// Tasks for what was promised and cannot be carried out by us, urgent where somebody still has access: one, or one for everybody who shall be taken
    /// out of a group.
    pub(in crate::provision) async fn attention(&self, intent: &Intent, why: &str) -> Vec<Write> {
        let record = self.store().record(self.name(), intent.kind, &intent.resource).await.ok().flatten();
        if let ("members", Some(group)) = (intent.operation.as_str(), &record) {
            let leaving: Vec<String> = serde_json::from_str(&intent.plan).unwrap_or_default();
            let mut tasks = Vec::new();
            for id in leaving {
                tasks.push(self.member_attention(group, &id, why).await);
            }
            return tasks;
        }
        let person = record.map(Person::read).map_or_else(|| mentioned(intent), |person| person.mention());
        let what = match (intent.kind, intent.operation.as_str()) {
            (Kind::Group, "members") => "take the people out of the group",
            (_, "create") => "find out whether it was created, and remove it if nobody needs it,",
            (Kind::Group, "rename") => "find out whether the group was renamed",
            (Kind::Group, _) => "delete the group",
            (Kind::User, "delete" | approvals::ERASE) => "remove the person",
            (Kind::User, _) => "take the person's access away",
        };
        let instruction = format!("{what} in {} by hand: {why}", self.capabilities().app);
        let request = contract::Request::new(instruction);
        vec![Write::Task(Task {
            urgent: intent.sticky,
            ..self.new_task("attention", &intent.resource, person, request)
        })]
    }
}

/// Whether it is looked what became of an intent that was never answered: it is not sent again.
pub(in crate::provision) fn is_looked_for(intent: &Intent) -> bool {
    match intent.kind {
        Kind::User => intent.operation == "create",
        Kind::Group => matches!(intent.operation.as_str(), "create" | "rename"),
    }
}

/// Whom an intent is about that has no record.
fn mentioned(intent: &Intent) -> String {
    if let Ok(Erasure { person, .. }) = serde_json::from_str(&intent.plan) {
        return person;
    }
    let aim = serde_json::from_str::<Aim>(&intent.plan).ok();
    let named = aim.and_then(|aim| {
        let name = || aim.desired.get("displayName").and_then(serde_json::Value::as_str).map(str::to_owned);
        mapping::address(&aim.desired).or_else(name)
    });
    named.unwrap_or_default()
}

/// What was promised among what is open: its generation, and what was asked for.
fn promised(open: &[Intent]) -> Option<(i64, Aim)> {
    let sticky = open.iter().find(|intent| intent.sticky)?;
    Some((sticky.generation, serde_json::from_str(&sticky.plan).ok()?))
}
