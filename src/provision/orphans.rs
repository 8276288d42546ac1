//! Accounts nobody answers for: created for a caller who never heard of them, left out of every listing, or told apart
//! from no other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::json;

use super::connection::Connection;
use super::plan::{self, Access};
use super::policy::Orphans;
use super::standing::Person;
use super::users::{Aim, Under};
use super::{Result, STRIDE};
use crate::base::clock::Timestamp;
use crate::base::fold::key;
use crate::base::lane::Lane;
use crate::contract::{self, Account, By, State};
use crate::store::{Kind, Task, Write};

/// How long an account may be without anybody who answers for it.
const UNNOTICED: Duration = Duration::from_mins(30);

/// How often they are looked through.
const EVERY: Duration = Duration::from_mins(1);

/// How often it is read what other replicas left behind.
const READ_EVERY: Duration = Duration::from_mins(10);

/// The accounts that are watched.
#[derive(Debug, Default)]
pub struct Watched(Mutex<Lists>);

#[derive(Debug, Default)]
struct Lists {
    looked_at: Option<Timestamp>,
    /// When what other processes left behind was read last.
    read_at: Option<Timestamp>,
    /// People who were created and whose caller has not been told, and whether that was reported.
    unheard: BTreeMap<String, (Timestamp, bool)>,
    /// Those whose caller has been told, which could not be written down yet.
    heard: BTreeSet<String>,
    /// Accounts the last listing had no resource for, since when, by the app's id.
    left_out: BTreeMap<String, (Timestamp, Option<String>)>,
}

impl Watched {
    fn lists(&self) -> std::sync::MutexGuard<'_, Lists> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connection {
    /// Watches somebody whose creation no caller has been told of yet.
    pub(super) fn watch_unheard(&self, person: &Person) {
        let at = person.standing.unacknowledged_at.unwrap_or_else(|| self.now());
        self.watched.lists().unheard.entry(person.record.id.clone()).or_insert((at, false));
    }

    /// Remembers that a caller was told, until it can be written down.
    pub(super) fn remember_heard(&self, id: &str) {
        self.watched.lists().heard.insert(id.to_owned());
    }

    /// Writes down that callers were told what could not be written then; nothing to do where all is.
    pub(super) async fn note_heard_late(&self) {
        let waiting: Vec<String> = self.watched.lists().heard.iter().cloned().collect();
        for id in waiting {
            if !self.note_heard(&id).await {
                return;
            }
            self.watched.lists().heard.remove(&id);
        }
    }

    /// Watches the accounts a complete listing had no resource for; those that were not among them any more are not.
    pub(super) fn watch_left_out(&self, accounts: &[Account]) {
        let now = self.now();
        let mut lists = self.watched.lists();
        let before = std::mem::take(&mut lists.left_out);
        lists.left_out = accounts
            .iter()
            .filter(|account| account.state() != State::Inactive)
            .map(|account| {
                let since = before.get(&account.id).map_or(now, |(since, _)| *since);
                (account.id.clone(), (since, account.email.clone()))
            })
            .collect();
    }

    /// Whether a listing had no resource for this account before `moment`, as far as this process knows.
    pub(super) fn stood_unclaimed_before(&self, account: &str, moment: Timestamp) -> bool {
        self.watched.lists().left_out.get(account).is_some_and(|(since, _)| *since < moment)
    }

    /// Reports, or suspends, what nobody has answered for long enough; does nothing more often than once a minute.
    pub(super) async fn look_through_orphans(self: Arc<Self>) {
        {
            let now = self.now();
            let mut lists = self.watched.lists();
            if lists.looked_at.is_some_and(|at| now.since(at) < EVERY) {
                return;
            }
            lists.looked_at = Some(now);
        }
        if let Err(refusal) = self.report_orphans().await {
            let reason = refusal.error.detail;
            tracing::warn!(connection = self.name(), reason, "orphans could not be reported");
        }
    }

    async fn report_orphans(&self) -> Result<()> {
        self.remember_unheard().await?;
        let now = self.now();
        let due = |since: &Timestamp| now.since(*since) >= UNNOTICED;
        let (unheard, left_out) = {
            let lists = self.watched.lists();
            let unheard: Vec<(String, bool)> = lists
                .unheard
                .iter()
                .filter(|(_, (since, _))| due(since))
                .map(|(id, (_, reported))| (id.clone(), *reported))
                .collect();
            let left_out: Vec<(String, Option<String>)> = lists
                .left_out
                .iter()
                .filter(|(_, (since, _))| due(since))
                .map(|(account, (_, email))| (account.clone(), email.clone()))
                .collect();
            (unheard, left_out)
        };
        for (id, reported) in unheard {
            self.report_unheard(&id, reported).await?;
        }
        let app = self.capabilities().app;
        let mut writes = Vec::new();
        for (account, email) in left_out {
            let instruction = format!(
                "the account `{account}` in {app} has the name of another account and is not managed: rename or remove one of them"
            );
            let person = email.unwrap_or_else(|| account.clone());
            writes.push(self.report("orphan", "", &account, instruction, person));
        }
        Ok(self.store().commit(writes).await?)
    }

    /// Reads what an earlier process left behind, once; and now and then what other replicas do.
    async fn remember_unheard(&self) -> Result<()> {
        let now = self.now();
        let shared = self.store().term().is_some();
        let read_at = self.watched.lists().read_at;
        if read_at.is_some_and(|at| !shared || now.since(at) < READ_EVERY) {
            return Ok(());
        }
        let mut offset = 0;
        loop {
            let records = self.store().scan(self.name(), Kind::User, offset, STRIDE).await?;
            let last = (records.len() as u64) < STRIDE;
            for person in records.into_iter().map(Person::read) {
                if person.standing.unacknowledged_at.is_some() {
                    self.watch_unheard(&person);
                }
            }
            if last {
                break;
            }
            offset += STRIDE;
        }
        self.watched.lists().read_at = Some(now);
        Ok(())
    }

    /// Somebody whose caller has not come back is reported once, and suspended where the policy says so.
    async fn report_unheard(&self, id: &str, reported: bool) -> Result<()> {
        let _turn = self.turn(id).await?;
        let record = self.store().record(self.name(), Kind::User, id).await?;
        let person = record.map(Person::read).filter(|person| person.standing.unacknowledged_at.is_some());
        let Some(mut person) = person else {
            self.watched.lists().unheard.remove(id);
            if reported {
                let close = self.closing(format!("orphan:{id}"), "the caller has come back");
                self.store().commit(vec![close]).await?;
            }
            return Ok(());
        };
        if reported {
            return Ok(());
        }
        if person.standing.is_in_doubt() && self.look_and_keep(&mut person).await?.is_some() {
            return Ok(());
        }
        if plan::access(&person, self.capabilities()) != Access::Open {
            return Ok(());
        }
        let suspends = self.policy.orphans == Orphans::Suspend;
        let suspended = if suspends {
            let work = Lane::Leave.scope(self.suspend(person.clone()));
            Some(self.on_our_own("suspend_orphan", self.own_context(), work).await)
        } else {
            None
        };
        let app = self.capabilities().app;
        let ends = match &suspended {
            None => "it still works".to_owned(),
            Some(Ok(_)) => "it is suspended".to_owned(),
            Some(Err(refusal)) => format!("it could not be suspended: {}", refusal.error.detail),
        };
        let instruction = format!(
            "an account was created in {app} and its caller never asked for the answer; {ends}: assign the person again, or remove the account"
        );
        let task = self.report("orphan", id, id, instruction, person.mention());
        self.store().commit(vec![task]).await?;
        self.note_reported(id);
        Ok(())
    }

    fn note_reported(&self, id: &str) {
        if let Some(entry) = self.watched.lists().unheard.get_mut(id) {
            entry.1 = true;
        }
    }

    /// What was sent and never answered cannot be looked for in an app that shows no invitations: a person is told.
    pub(super) async fn say_that_an_invitation_may_be_open(&self, person: &Person) {
        let app = self.capabilities().app;
        let instruction = format!(
            "an invitation to {app} may be open whose answer was lost, and {app} does not show it: withdraw it there unless the person shall have access"
        );
        let id = &person.record.id;
        let task = self.report("unseen_invitation", id, id, instruction, person.mention());
        if let Err(failure) = self.store().commit(vec![task]).await {
            tracing::warn!(connection = self.name(), %failure, "a task could not be opened");
        }
    }

    /// Takes access away as a request would: journaled, read back, and under the same guards. The caller has the turn.
    async fn suspend(&self, mut person: Person) -> Result<Person> {
        let open = self.work_left_open(&mut person).await?.map_or(0, |(generation, _)| generation);
        let doubt = self.look_again(&mut person, false).await?;
        let mut desired = person.desired.clone();
        desired["active"] = json!(false);
        self.reach(person, doubt, Under::New(open), Aim::to(desired)).await
    }

    /// Looks an account up by its address. Where several have it none is picked, and a person is told.
    pub(super) async fn look_up(&self, login: &str) -> contract::Result<Option<Account>> {
        let found = self.adapter().account(By::Email(login)).await;
        if let Err(error) = &found
            && error.kind == contract::Kind::Ambiguous
        {
            let app = self.capabilities().app;
            let instruction = format!(
                "several accounts in {app} have the address of this person: rename or remove all but one"
            );
            let task = self.report("ambiguous", "", &key(login), instruction, login.to_owned());
            if let Err(failure) = self.store().commit(vec![task]).await {
                tracing::warn!(connection = self.name(), %failure, "a task could not be opened");
            }
        }
        found
    }

    pub(super) fn report(
        &self,
        kind: &str,
        resource: &str,
        about: &str,
        instruction: String,
        person: String,
    ) -> Write {
        let task = self.new_task(kind, resource, person, contract::Request::new(instruction));
        Write::Task(Task { dedupe: format!("{kind}:{about}"), urgent: true, ..task })
    }
}
