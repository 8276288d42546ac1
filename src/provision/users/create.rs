//! Create: one person in, one account out, also where an answer was lost on the way.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::super::connection::Connection;
use super::super::mapping;
use super::super::plan::Step;
use super::super::refuse;
use super::super::standing::{Person, Standing};
use super::super::turn::Turn;
use super::super::{Result, Shown, View};
use super::{Aim, Under, index};
use crate::base::fold::key;
use crate::base::lane::Lane;
use crate::contract::{self, Account, Deactivate, State};
use crate::scim::decode;
use crate::scim::extension;
use crate::scim::project::Written;
use crate::store::{self, Intent, IntentState, Intents, Key, Kind, Lifecycle, Record, Write};

/// How long a create whose answer was lost may be repeated without being a duplicate.
pub(in crate::provision) const REPEATABLE: Duration = Duration::from_hours(24);

/// How long after a create, or another invitation, was sent the app may still show it late.
pub(in crate::provision) const SETTLE: Duration = Duration::from_mins(1);

/// How long an acknowledgement waits for whoever is at work on the person.
const TURN: Duration = Duration::from_secs(5);

/// What a look for the account of a lost create came to.
#[derive(Debug)]
pub(in crate::provision) enum Sought {
    /// It is there, and the person has it.
    Found,
    /// Somebody else has it, or had it and was deleted since: the create is of no interest any more.
    Overtaken,
    /// It did not come, and will not.
    Never,
    /// It may be there: the app could not be asked, or nobody can tell which account it is.
    Unsure,
}

impl Connection {
    /// Creates a person: shown, its id, and the turn of its name. `before` are those the same request has made already.
    pub(in crate::provision) async fn create_user(
        self: &Arc<Self>,
        body: Value,
        view: &View,
        before: Vec<String>,
    ) -> Result<(Shown, String, Option<Turn>)> {
        let mut desired = decode::decode(&body, &self.catalog.user)?;
        extension::check_new(&desired, &self.catalog.user)?;
        let written = Written::by_body(&desired);
        if desired.get("active").is_none() {
            desired["active"] = json!(true);
        }
        let this = Arc::clone(self);
        let work = async move {
            let (person, turn) = this.create_in_turn(desired.clone(), &before).await?;
            if person.desired == desired && !person.standing.adopted {
                return Ok((person, Some(turn)));
            }
            drop(turn);
            Ok((this.change_repeated(person, desired).await?, None))
        };
        let (person, turn) = self.carry(Lane::Create, work).await?;
        Ok((self.shown_person(&person, view, &written).await?, person.record.id, turn))
    }

    /// The person of a new account, or the one that is there already and shall be as desired.
    async fn create_in_turn(&self, desired: Value, before: &[String]) -> Result<(Person, Turn)> {
        let capabilities = *self.capabilities();
        let wanted = mapping::wanted(&desired, &capabilities, &self.policy)?;
        let name_key = key(&wanted.user_name);
        let turn = self.turn(&format!("name:{name_key}")).await?;
        self.refuse_overtaken(&turn, Lane::Create)?;
        for (intent, aim) in self.creates_in_doubt(Kind::User, &name_key).await? {
            self.store().end_of_another(&intent).await?;
            if matches!(self.seek(&intent, aim).await?, Sought::Unsure) {
                return Err(refuse::still_working(self.policy.idp));
            }
        }
        if let Some(again) = self.repeated_create(&name_key, &desired, before).await? {
            return Ok((again, turn));
        }
        if let Some(existing) = self.refuse_duplicate(&wanted, &name_key).await? {
            return Ok((existing, turn));
        }
        let mut person = self.new_person(desired, &wanted.user_name);
        let draft = mapping::draft(&wanted, &capabilities, &self.policy);
        let aim = Aim::to(person.desired.clone());
        let intent = self.intent(&person, "create", &aim, false)?;
        self.refuse_overload(&intent)?;
        let mut writes = Vec::new();
        let by_hand = match capabilities.deactivate {
            Deactivate::Task => self.rehire_by_hand(&mut person, &wanted, &mut writes).await?,
            Deactivate::No | Deactivate::Native | Deactivate::ByRemoval => None,
        };
        let steps = by_hand.unwrap_or_else(|| vec![Step::Create(draft)]);
        self.store().commit(vec![Write::Intent(intent.clone())]).await?;
        if let Err(error) = self.apply(&mut person, steps, &mut writes).await {
            return Err(self.settle_failed(&intent, &error).await);
        }
        person.standing.unacknowledged_at = Some(self.now());
        self.watch_unheard(&person);
        match self.save(&mut person, None, &intent, writes.clone()).await {
            // A listing has seen the new account before we could write it down.
            Err(store::Error::NameTaken) => {
                let expected = self.take_place_of_adopted(&mut person).await?;
                self.save(&mut person, Some(expected), &intent, writes).await?;
            }
            other => other?,
        }
        Ok((person, turn))
    }

    /// A create that was repeated with other values is a change of what the first one made; one that takes over an
    /// existing account is a change of that.
    async fn change_repeated(&self, person: Person, desired: Value) -> Result<Person> {
        let _turn = self.turn(&person.record.id).await?;
        let existing = person.standing.adopted;
        let mut person = self.person(&person.record.id).await?;
        if existing && !person.standing.adopted {
            return Err(self.duplicate(&person).into());
        }
        let open = self.work_left_open(&mut person).await?.map_or(0, |(generation, _)| generation);
        let doubt = self.look_again(&mut person, false).await?;
        if existing && person.desired == desired {
            if person.belongs_to_a_caller() && person.standing.active {
                self.expect_caller(&mut person);
            }
            let expected = Some(person.record.version);
            self.keep(&mut person, expected, Vec::new()).await?;
            return Ok(person);
        }
        self.reach(person, doubt, Under::New(open), Aim::to(desired)).await
    }

    /// The record a listing made of an account that we created gives way; answers its version.
    async fn take_place_of_adopted(&self, person: &mut Person) -> Result<i64> {
        let account = person.record.account.clone().unwrap_or_default();
        let found = self.store().find(self.name(), Kind::User, &Key::Account(account)).await?;
        let adopted = found
            .into_iter()
            .filter(|record| record.lifecycle == Lifecycle::Live)
            .map(Person::read)
            .find(|other| other.standing.adopted)
            .ok_or(store::Error::NameTaken)?;
        let version = adopted.record.version;
        person.record.id = adopted.record.id;
        person.record.created_at = adopted.record.created_at;
        person.record.groups = adopted.record.groups;
        person.record.version = version;
        Ok(version)
    }

    /// Creates of this name that may have been applied, the first one first.
    pub(in crate::provision) async fn creates_in_doubt(
        &self,
        kind: Kind,
        name_key: &str,
    ) -> Result<Vec<(Intent, Aim)>> {
        let named = match kind {
            Kind::User => "userName",
            Kind::Group => "displayName",
        };
        let (connection, wanted) = (self.name().to_owned(), name_key.to_owned());
        let which = Intents::OpenCreates { connection, kind, name_key: wanted };
        let open = self.store().intents(&which).await?;
        let read = open.into_iter().filter_map(|intent| {
            let aim = serde_json::from_str::<Aim>(&intent.plan).ok()?;
            // What an older release wrote down has its name in the plan alone.
            let name = aim.desired.get(named).and_then(Value::as_str).unwrap_or_default();
            (key(name) == name_key).then_some((intent, aim))
        });
        Ok(read.collect())
    }

    /// Looks for the account of a create that was never answered, and never sends it again. The caller has the turn
    /// of the name.
    ///
    /// # Errors
    /// 503 while it may still come, or cannot be looked for; the intent stays open.
    pub(in crate::provision) async fn seek(&self, intent: &Intent, aim: Aim) -> Result<Sought> {
        let wanted = mapping::wanted(&aim.desired, self.capabilities(), &self.policy)?;
        let login = wanted.email.as_deref().unwrap_or(&wanted.user_name);
        let has_settled = self.shared.clock.elapsed(intent.created_at) >= SETTLE;
        let turns_up = has_settled && self.may_turn_up(intent);
        if has_settled
            && self.capabilities().accounts.email_unique
            && self.person_named(&wanted.user_name).await?.is_some_and(|person| !person.standing.adopted)
        {
            // The app has one account of an address, and a later create made it.
            self.close(intent, IntentState::Superseded, "the account belongs to another create").await;
            return Ok(Sought::Overtaken);
        }
        let found = match self.look_up(login).await {
            Ok(found) => found,
            Err(error) if has_settled && error.kind == contract::Kind::Ambiguous => {
                return self.part_several(intent, aim, &wanted).await;
            }
            Err(error) if turns_up => {
                tracing::debug!(
                    connection = self.name(),
                    error = error.message,
                    "nobody can tell what turned up"
                );
                self.watch_for_twin(intent, "the app could not be asked").await;
                return Ok(Sought::Unsure);
            }
            Err(error) => {
                tracing::warn!(
                    connection = self.name(),
                    error = error.message,
                    "a lost create could not be looked up"
                );
                return Err(self.look_later(intent, "the app could not be asked").await);
            }
        };
        let known = match &found {
            Some(account) => {
                self.store().find(self.name(), Kind::User, &Key::Account(account.id.clone())).await?
            }
            None => Vec::new(),
        };
        let (live, deleted): (Vec<Record>, Vec<Record>) =
            known.into_iter().partition(|record| record.lifecycle == Lifecycle::Live);
        // What was deleted here and stays disabled there is not what the create made.
        let found = found
            .filter(|account| !live.is_empty() || deleted.is_empty() || account.state() != State::Inactive);
        let Some(account) = found else {
            if turns_up {
                self.watch_for_twin(intent, "the app never showed the account, and may yet").await;
                return Ok(Sought::Never);
            }
            if !has_settled {
                return Err(self.look_later(intent, "the app does not show the account yet").await);
            }
            self.close(intent, IntentState::NotApplied, "the app never showed the account").await;
            return Ok(Sought::Never);
        };
        if let Some(record) = live.into_iter().next() {
            // A listing found it first; it belongs to the caller who asked for it.
            let mut person = Person::read(record);
            if !person.standing.adopted {
                if turns_up {
                    self.watch_for_twin(intent, "the account belongs to another create").await;
                    return Ok(Sought::Overtaken);
                }
                self.close(intent, IntentState::Superseded, "the account belongs to another person").await;
                return Ok(Sought::Overtaken);
            }
            let expected = Some(person.record.version);
            person.desired = aim.desired;
            self.take_in(&mut person, expected, intent).await?;
            return Ok(Sought::Found);
        }
        if deleted.iter().any(|record| self.is_after(record.modified_at, intent.created_at)) {
            self.close(intent, IntentState::Superseded, "the person was deleted since").await;
            return Ok(Sought::Overtaken);
        }
        if turns_up && let Some(person) = self.person_named(&wanted.user_name).await? {
            // Somebody has the name already, and an account that the app does not show beside this one.
            return self.part_twins(intent, &wanted, &person).await;
        }
        self.take_in_new(account, aim, intent).await
    }

    /// The account that a create made, and nobody here has, becomes the person it was for.
    pub(super) async fn take_in_new(&self, account: Account, aim: Aim, intent: &Intent) -> Result<Sought> {
        let mut person = self.adopted_person(account);
        person.record.id.clone_from(&intent.resource);
        person.desired = aim.desired;
        self.take_in(&mut person, None, intent).await?;
        Ok(Sought::Found)
    }

    /// Gives the account to the person the create was for; its caller has not heard of it.
    async fn take_in(&self, person: &mut Person, expected: Option<i64>, intent: &Intent) -> Result<()> {
        person.standing.adopted = false;
        person.standing.unacknowledged_at = Some(self.now());
        person.record.version = expected.unwrap_or(0);
        self.watch_unheard(person);
        let kept =
            self.groups_kept(person.record.account.as_deref().unwrap_or_default(), &person.record.id).await;
        Ok(self.save(person, expected, intent, kept.into_iter().collect()).await?)
    }

    /// A create whose answer its caller cannot have received is answered with what it made.
    async fn repeated_create(
        &self,
        name_key: &str,
        desired: &Value,
        before: &[String],
    ) -> Result<Option<Person>> {
        let found = self.store().find(self.name(), Kind::User, &Key::Name(name_key.to_owned())).await?;
        let Some(person) = found.into_iter().next().map(Person::read) else { return Ok(None) };
        let same_origin = person.desired.get("externalId") == desired.get("externalId");
        let lost = person.standing.unacknowledged_at.is_some_and(|at| self.now().since(at) < REPEATABLE);
        if !(same_origin && lost) || before.contains(&person.record.id) {
            return if self.is_taken_over_by_create(&person, mapping::address(desired).as_deref()) {
                Ok(None)
            } else {
                Err(self.duplicate(&person).into())
            };
        }
        Ok(Some(person))
    }

    fn new_person(&self, desired: Value, user_name: &str) -> Person {
        let now = self.now();
        let record = Record {
            connection: self.name().to_owned(),
            kind: Kind::User,
            id: self.shared.ids.next(),
            lifecycle: Lifecycle::Live,
            account: None,
            name_key: key(user_name),
            label: user_name.to_owned(),
            external_id: None,
            email_keys: Vec::new(),
            display_key: None,
            told_key: None,
            active: None,
            desired: String::new(),
            observed: None,
            standing: String::new(),
            generation: 0,
            version: 0,
            created_at: now,
            modified_at: now,
            observed_at: None,
            groups: Vec::new(),
        };
        Person { record, desired, observed: None, standing: Standing::default() }
    }

    /// A person for an account that was in the app before any caller asked for it.
    pub(in crate::provision) fn adopted_person(&self, account: Account) -> Person {
        let desired = mapping::adopted(&account);
        let user_name = desired.get("userName").and_then(Value::as_str).unwrap_or_default().to_owned();
        let mut person = self.new_person(desired, &user_name);
        person.standing.adopted = true;
        self.observe(&mut person, account);
        index(&mut person);
        person.record.generation = 1;
        person.record.version = 1;
        person
    }

    /// Notes that the caller was told of what was created. What cannot be written down is tried again by the rounds.
    ///
    /// Until then a process that dies leaves a create that may be repeated.
    pub(in crate::provision) async fn acknowledge(&self, id: &str) {
        if !self.note_heard(id).await {
            tracing::warn!(connection = self.name(), "an answer that was given could not be noted yet");
            self.remember_heard(id);
        }
    }

    /// Writes it on the record as it stands, which may have changed since; tells whether there is nothing left to do.
    pub(in crate::provision) async fn note_heard(&self, id: &str) -> bool {
        // Only who has the turn may write what others read; the wait has an end because the caller holds that of a name.
        let _turn = self.turn_within(id, TURN).await;
        for _ in 0..3 {
            let mut person = match self.person(id).await {
                Ok(person) => person,
                Err(refusal) => return refusal.error.status == 404,
            };
            if person.standing.unacknowledged_at.take().is_none() {
                return true;
            }
            let expected = Some(person.record.version);
            let record = Box::new(person.into_record());
            match self.store().commit(vec![Write::Unhurried, Write::Record { record, expected }]).await {
                Ok(()) => return true,
                Err(store::Error::Stale) => {}
                Err(_) => break,
            }
        }
        false
    }
}
