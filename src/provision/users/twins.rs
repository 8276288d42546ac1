//! A create that was given up and turns up all the same: a second account of one person, in an app that lets one address
//! have several.

use std::time::Duration;

use super::super::Result;
use super::super::connection::Connection;
use super::super::mapping::Wanted;
use super::super::plan;
use super::super::standing::Person;
use super::{Aim, Sought};
use crate::base::fold::key;
use crate::base::lane::Lane;
use crate::contract::{Account, Create, Deactivate, State};
use crate::store::{Intent, IntentState, Key, Kind, Lifecycle};

/// How often it is looked for.
const EVERY: Duration = Duration::from_secs(30);

/// How often it is looked whether somebody has accepted an invitation that the app does not show.
const EVERY_HIDDEN: Duration = Duration::from_mins(10);

/// How long; what comes later than that is found by listings, and reported.
const TURNS_UP: Duration = Duration::from_hours(1);

impl Connection {
    /// Whether a create that never showed may still turn up: beside the account its repetition made, or once an
    /// invitation that the app does not show is accepted.
    pub(in crate::provision) fn may_turn_up(&self, intent: &Intent) -> bool {
        let capabilities = self.capabilities();
        let can_tell = capabilities.list && !capabilities.accounts.email_unique;
        let is_late = can_tell && self.shared.clock.elapsed(intent.created_at) < TURNS_UP;
        is_late || self.hides_invited()
    }

    /// Whether an invitation is shown only once it is accepted.
    pub(in crate::provision) fn hides_invited(&self) -> bool {
        let capabilities = self.capabilities();
        capabilities.create == Create::Invite && !capabilities.accounts.shows_invited
    }

    /// Leaves the intent open until the next look. It holds nothing up: the create may be sent again meanwhile.
    pub(in crate::provision) async fn watch_for_twin(&self, intent: &Intent, outcome: &str) {
        let pause = if self.hides_invited() { EVERY_HIDDEN } else { EVERY };
        self.end(intent, IntentState::Ambiguous, outcome, Some(pause), None).await;
    }

    /// The live person of this name.
    pub(in crate::provision) async fn person_named(&self, user_name: &str) -> Result<Option<Person>> {
        let named = self.store().find(self.name(), Kind::User, &Key::Name(key(user_name))).await?;
        Ok(named.into_iter().find(|record| record.lifecycle == Lifecycle::Live).map(Person::read))
    }

    /// Several accounts have the address of a create that was never answered: where nobody here has one of them, the only
    /// one that works and that nobody here ever had is the one that was made.
    pub(in crate::provision) async fn part_several(
        &self,
        intent: &Intent,
        aim: Aim,
        wanted: &Wanted,
    ) -> Result<Sought> {
        if let Some(person) = self.person_named(&wanted.user_name).await? {
            return self.part_twins(intent, wanted, &person).await;
        }
        let Ok(accounts) = self.all_accounts().await else {
            self.watch_for_twin(intent, "the app could not be listed").await;
            return Ok(Sought::Unsure);
        };
        let mut unknown = Vec::new();
        for account in accounts.into_iter().filter(|account| has_address(account, wanted)) {
            let of_account = Key::Account(account.id.clone());
            let known = self.store().find(self.name(), Kind::User, &of_account).await?;
            if known.is_empty() && account.state() != State::Inactive {
                unknown.push(account);
            }
        }
        if let (Some(account), true) = (unknown.pop(), unknown.is_empty()) {
            return self.take_in_new(account, aim, intent).await;
        }
        if self.may_turn_up(intent) {
            self.watch_for_twin(intent, "several accounts have the address, and nobody here has one of them")
                .await;
            return Ok(Sought::Unsure);
        }
        // A person was told of the address when it was looked up.
        self.close(intent, IntentState::Dead, "several accounts have the address").await;
        Ok(Sought::Overtaken)
    }

    /// Takes the access of the account that turned up, and tells a person of it. The one that callers know stays.
    ///
    /// Only what the lost create made is touched: an account that was there before it, a protected one and the last
    /// administrator are reported and left alone. The caller has the turn of the name.
    pub(in crate::provision) async fn part_twins(
        &self,
        intent: &Intent,
        wanted: &Wanted,
        person: &Person,
    ) -> Result<Sought> {
        let accounts = match self.all_accounts().await {
            Ok(accounts) => accounts,
            Err(error) => {
                tracing::warn!(
                    connection = self.name(),
                    error = error.message,
                    "a second account cannot be told"
                );
                self.watch_for_twin(intent, "the app could not be listed").await;
                return Ok(Sought::Unsure);
            }
        };
        let is_twin = |account: &&Account| {
            has_address(account, wanted)
                && person.record.account.as_ref() != Some(&account.id)
                && account.state() != State::Inactive
        };
        let twins: Vec<&Account> = accounts.iter().filter(is_twin).collect();
        let [twin] = twins.as_slice() else {
            let outcome =
                if twins.is_empty() { "no second account gives access" } else { "a person was told" };
            for twin in &twins {
                self.tell_of_twin(person, twin, "several turned up at once, so none is touched").await?;
            }
            self.close(intent, IntentState::Superseded, outcome).await;
            return Ok(Sought::Overtaken);
        };
        let others: Vec<&Account> = accounts.iter().filter(|account| account.id != twin.id).collect();
        let ends = match self.why_spared(intent, person, twin, &others) {
            Some(why) => format!("it is left alone: {why}"),
            None => match Lane::Leave.scope(self.suspend_twin(twin)).await {
                Ok(()) => "it is suspended".to_owned(),
                Err(why) => {
                    self.tell_of_twin(person, twin, &format!("it could not be suspended yet: {why}")).await?;
                    self.watch_for_twin(intent, "the second account could not be suspended").await;
                    return Ok(Sought::Overtaken);
                }
            },
        };
        tracing::error!(
            connection = self.name(),
            resource = person.record.id,
            ends,
            "a lost create turned up as a second account"
        );
        self.tell_of_twin(person, twin, &ends).await?;
        self.close(intent, IntentState::Superseded, "a second account turned up").await;
        Ok(Sought::Overtaken)
    }

    /// Why an account is left alone though it gives access a second time.
    fn why_spared(
        &self,
        intent: &Intent,
        person: &Person,
        twin: &Account,
        others: &[&Account],
    ) -> Option<String> {
        if self.stood_unclaimed_before(&twin.id, intent.created_at) {
            return Some("it was there before".to_owned());
        }
        if let Err(error) = plan::refuse_protected(person, &self.policy) {
            return Some(error.detail);
        }
        let admin = self.capabilities().admin_role?;
        let is_admin = |account: &Account| {
            let has = account.roles.iter().flatten().any(|role| role.value.eq_ignore_ascii_case(admin));
            has && account.state() == State::Active
        };
        let last = is_admin(twin) && !others.iter().any(|other| is_admin(other));
        last.then(|| format!("it is the last account with the role `{admin}`"))
    }

    /// Takes its access, and reads back that it is gone; answers why not.
    async fn suspend_twin(&self, twin: &Account) -> std::result::Result<(), String> {
        if self.capabilities().deactivate == Deactivate::No {
            return Err("the app cannot".to_owned());
        }
        let answered = self.adapter().deactivate(twin).await;
        match self.seen_out(twin, answered).await {
            Ok(None) => Ok(()),
            Ok(Some(request)) => Err(request.instruction),
            Err(error) => Err(error.message),
        }
    }

    async fn tell_of_twin(&self, person: &Person, twin: &Account, ends: &str) -> Result<()> {
        let app = self.capabilities().app;
        let instruction = format!(
            "{app} made a second account, `{}`, of a request it had not answered; {ends}: remove it there",
            twin.id
        );
        let task = self.report("twin", &person.record.id, &twin.id, instruction, person.mention());
        Ok(self.store().commit(vec![task]).await?)
    }
}

/// Whether an account has the address of a create.
fn has_address(account: &Account, wanted: &Wanted) -> bool {
    let address = wanted.email.as_deref().unwrap_or(&wanted.user_name);
    account.email.as_deref().is_some_and(|email| key(email) == key(address))
}
