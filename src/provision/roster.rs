//! Listings: one complete reading of the app a freshness window, shared by all who ask, taken into the store at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;
use std::time::Duration;

use serde_json::json;
use tokio::sync::Mutex;

use super::connection::Connection;
use super::mapping;
use super::refuse;
use super::standing::Person;
use super::users::index;
use super::{Refusal, Result};
use crate::base::clock::Timestamp;
use crate::base::fold::key;
use crate::contract::{self, Account, Error, Group, State};
use crate::scim::error::ScimError;
use crate::store::{self, Key, Kind, Lifecycle, Membership, Record, Roster, Write};

/// More pages than this is a listing that never ends.
const MOST_PAGES: usize = 10_000;

/// A listing that lacks more than this share of the known accounts is not believed without a second look.
const BELIEVABLE_LOSS: f64 = 0.3;

/// The listings of a connection's people and groups.
#[derive(Debug, Default)]
pub struct Refreshes {
    users: Listing,
    groups: Listing,
}

/// One kind of listing.
#[derive(Debug, Default)]
struct Listing {
    /// When one last failed; held by who is listing right now.
    failed: Mutex<Option<Timestamp>>,
    /// When the last complete one ended, as the store told: no other process makes it earlier.
    completed: std::sync::Mutex<Option<Timestamp>>,
}

impl Refreshes {
    fn of(&self, kind: Kind) -> &Listing {
        match kind {
            Kind::User => &self.users,
            Kind::Group => &self.groups,
        }
    }
}

impl Connection {
    /// When the last complete listing ended.
    pub(super) async fn listed_at(&self, kind: Kind) -> Result<Option<Timestamp>> {
        if !self.lists(kind) {
            return Ok(None);
        }
        let completed = || self.refreshes.of(kind).completed.lock().unwrap_or_else(PoisonError::into_inner);
        let known = *completed();
        if self.is_fresh(known) {
            return Ok(known);
        }
        let told = self.store().roster(self.name(), kind).await?.map(|roster| roster.completed_at);
        *completed() = told;
        Ok(told)
    }

    fn lists(&self, kind: Kind) -> bool {
        let capabilities = self.capabilities();
        match kind {
            Kind::User => capabilities.list,
            // Where the app holds everything the gateway's store is the only truth about groups.
            Kind::Group => capabilities.groups.list && !capabilities.accounts.everything,
        }
    }

    /// Sees to it that the store knows the app's accounts or groups as of one freshness window ago.
    ///
    /// While the app cannot be listed the store goes on answering; an app that was never listed is a 503: it never
    /// looks like an empty one.
    pub(super) async fn ensure_listed(&self, kind: Kind) -> Result<()> {
        if !self.lists(kind) || self.is_fresh(self.listed_at(kind).await?) {
            return Ok(());
        }
        let mut failed = self.refreshes.of(kind).failed.lock().await;
        let listed = self.listed_at(kind).await?;
        if self.is_fresh(listed) {
            return Ok(());
        }
        // After a failure the app is left alone for a moment: those who waited in line answer from the store.
        let just_failed = failed.is_some_and(|at| self.now().since(at) < Duration::from_secs(1));
        if just_failed && listed.is_some() {
            return Ok(());
        }
        let outcome = match kind {
            Kind::User => self.list_accounts().await,
            Kind::Group => self.list_groups().await,
        };
        match outcome {
            Ok(()) => {
                *failed = None;
                Ok(())
            }
            Err(refusal) => {
                *failed = Some(self.now());
                tracing::warn!(
                    connection = self.name(),
                    reason = refusal.error.detail,
                    "the app could not be listed"
                );
                if listed.is_some() { Ok(()) } else { Err(never_listed(&refusal)) }
            }
        }
    }

    async fn list_accounts(&self) -> Result<()> {
        let began = self.now();
        let accounts =
            self.all_accounts().await.map_err(|error| refuse::not_applied(&error, self.policy.idp))?;
        self.absorb_accounts(accounts, began, true).await
    }

    /// Every page of the app's listing, each account once.
    async fn all_accounts(&self) -> contract::Result<Vec<Account>> {
        let mut accounts: BTreeMap<String, Account> = BTreeMap::new();
        let mut seen = BTreeSet::new();
        let mut cursor: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let page = self.adapter().accounts(cursor.as_deref()).await?;
            accounts.extend(page.items.into_iter().map(|account| (account.id.clone(), account)));
            match page.next {
                None => return Ok(accounts.into_values().collect()),
                Some(next) if seen.insert(next.clone()) => cursor = Some(next),
                Some(_) => break,
            }
        }
        Err(Error::new(
            contract::Kind::Unexpected,
            "accounts",
            "the app's listing does not end: a page came twice",
        ))
    }

    /// Takes a complete listing into the store: known accounts are brought up to date, new ones get a resource, and
    /// those that are missing are noted as gone when the listing is believable.
    pub(super) async fn absorb_accounts(
        &self,
        accounts: Vec<Account>,
        began: Timestamp,
        complete: bool,
    ) -> Result<()> {
        let known = self.store().scan(self.name(), Kind::User, 0, i64::MAX.unsigned_abs()).await?;
        let mut by_account: BTreeMap<String, Record> = BTreeMap::new();
        let mut unlinked: BTreeMap<String, Record> = BTreeMap::new();
        for record in known {
            if let Some(account) = &record.account {
                by_account.insert(account.clone(), record);
            } else {
                for email in &record.email_keys {
                    unlinked.insert(email.clone(), record.clone());
                }
                unlinked.insert(record.name_key.clone(), record);
            }
        }
        let total = i64::try_from(accounts.len()).unwrap_or(i64::MAX);
        let linked = by_account.len();
        let mut writes = Vec::new();
        for account in accounts {
            let found = by_account
                .remove(&account.id)
                .or_else(|| account.email.as_deref().and_then(|email| unlinked.remove(&key(email))));
            match found {
                Some(record) => self.absorb_known(record, account, began, &mut writes).await?,
                None => self.absorb_new(account, &mut writes).await?,
            }
        }
        let missing: Vec<Record> = by_account
            .into_values()
            .filter(|record| record.observed_at.is_none_or(|at| at < began))
            .collect();
        if complete {
            self.absorb_missing(missing, linked, &mut writes);
        }
        let roster =
            Roster { connection: self.name().to_owned(), kind: Kind::User, completed_at: began, total };
        writes.push(Write::Roster(roster));
        match self.store().commit(writes).await {
            // Somebody changed one of the records meanwhile: the next reading takes it in.
            Err(store::Error::Stale | store::Error::NameTaken) => Ok(()),
            other => Ok(other?),
        }
    }

    async fn absorb_known(
        &self,
        record: Record,
        account: Account,
        began: Timestamp,
        writes: &mut Vec<Write>,
    ) -> Result<()> {
        // What we did ourselves after the listing began is newer than the listing.
        if record.observed_at.is_some_and(|at| at >= began) {
            return Ok(());
        }
        let mut person = Person::read(record);
        let before = (person.observed.clone(), person.record.account.clone(), person.standing.clone());
        let mut merged = person.observed.clone().unwrap_or_default();
        merged.merge(account.clone());
        if account.state.is_none() {
            merged.state = Some(State::Active);
        }
        person.standing.gone_at = None;
        self.observe(&mut person, merged);
        if person.standing.adopted {
            person.desired = mapping::adopted(&account);
        }
        let memberships = self.membership_writes(&person).await?;
        if before == (person.observed.clone(), person.record.account.clone(), person.standing.clone())
            && memberships.is_empty()
        {
            return Ok(());
        }
        let expected = Some(person.record.version);
        person.record.version += 1;
        person.record.modified_at = self.now();
        index(&mut person);
        writes.push(Write::Record { record: Box::new(person.into_record()), expected });
        writes.extend(memberships);
        Ok(())
    }

    async fn absorb_new(&self, account: Account, writes: &mut Vec<Write>) -> Result<()> {
        let ours = self.store().find(self.name(), Kind::User, &Key::Account(account.id.clone())).await?;
        if ours.iter().any(|record| record.lifecycle == Lifecycle::Deleted)
            && account.state() == State::Inactive
        {
            return Ok(());
        }
        if ours.iter().any(|record| record.lifecycle == Lifecycle::Live) {
            return Ok(());
        }
        let mut person = self.adopted_person(account);
        let taken =
            self.store().find(self.name(), Kind::User, &Key::Name(person.record.name_key.clone())).await?;
        if !taken.is_empty() {
            tracing::warn!(
                connection = self.name(),
                "an account of the app has the name of another person's resource; it is left out"
            );
            return Ok(());
        }
        let memberships = self.membership_writes(&person).await?;
        person.record.groups.clear();
        writes.push(Write::Record { record: Box::new(person.into_record()), expected: None });
        writes.extend(memberships);
        Ok(())
    }

    fn absorb_missing(&self, missing: Vec<Record>, linked: usize, writes: &mut Vec<Write>) {
        let gone: Vec<Person> = missing
            .into_iter()
            .map(Person::read)
            // An invitation that nobody accepted yet need not be in the listing.
            .filter(|person| person.observed.as_ref().is_none_or(|account| account.state() != State::Invited))
            .collect();
        #[expect(clippy::cast_precision_loss, reason = "a share of a count needs no more than 52 bits")]
        let share = gone.len() as f64 / linked.max(1) as f64;
        if gone.len() > 5 && share > BELIEVABLE_LOSS {
            tracing::warn!(
                connection = self.name(),
                missing = gone.len(),
                of = linked,
                "the app's listing lacks so many known accounts that it is not believed; is the credential's owner still an administrator?"
            );
            return;
        }
        for mut person in gone {
            self.mark_gone(&mut person);
            let id = person.record.id.clone();
            let expected = Some(person.record.version);
            person.record.version += 1;
            person.record.modified_at = self.now();
            writes.push(Write::Record { record: Box::new(person.into_record()), expected });
            writes.push(Write::ClearMemberships { connection: self.name().to_owned(), member: id });
        }
    }

    /// An account found by its address gets a resource, unless it is one that a caller deleted.
    pub(super) async fn adopt_unless_deleted(&self, account: Account) -> Result<()> {
        let mut writes = Vec::new();
        let ours = self.store().find(self.name(), Kind::User, &Key::Account(account.id.clone())).await?;
        if ours.is_empty() {
            self.absorb_new(account, &mut writes).await?;
        }
        self.store().commit(writes).await?;
        Ok(())
    }

    async fn list_groups(&self) -> Result<()> {
        let began = self.now();
        let Some(groups) = self.adapter().groups() else { return Ok(()) };
        let told = groups.groups().await.map_err(|error| refuse::not_applied(&error, self.policy.idp))?;
        self.absorb_groups(told, began).await
    }

    /// Takes the app's groups into the store; those the app no longer has are gone for callers too.
    pub(super) async fn absorb_groups(&self, told: Vec<Group>, began: Timestamp) -> Result<()> {
        let known = self.store().scan(self.name(), Kind::Group, 0, i64::MAX.unsigned_abs()).await?;
        let mut by_account: BTreeMap<String, Record> =
            known.into_iter().filter_map(|record| Some((record.account.clone()?, record))).collect();
        let total = i64::try_from(told.len()).unwrap_or(i64::MAX);
        let mut writes = Vec::new();
        for group in told {
            let known = by_account.remove(&group.id);
            let id = known.as_ref().map(|record| record.id.clone());
            if known.as_ref().is_none_or(|record| record.label != group.name) {
                writes.push(self.group_write(known, &group));
            }
            if let (Some(id), Some(members)) = (id, group.members) {
                writes.extend(self.member_writes(&id, &members).await?);
            }
        }
        for mut record in by_account.into_values().filter(|record| record.modified_at < began) {
            let expected = Some(record.version);
            record.lifecycle = Lifecycle::Deleted;
            record.version += 1;
            writes.push(Write::ClearMembers { connection: self.name().to_owned(), group: record.id.clone() });
            writes.push(Write::Record { record: Box::new(record), expected });
        }
        let news = !writes.is_empty();
        let roster =
            Roster { connection: self.name().to_owned(), kind: Kind::Group, completed_at: began, total };
        writes.push(Write::Roster(roster));
        match self.store().commit(writes).await {
            Err(store::Error::Stale | store::Error::NameTaken) => Ok(()),
            Err(error) => Err(error.into()),
            Ok(()) if news => self.place_everybody().await,
            Ok(()) => Ok(()),
        }
    }

    /// Puts people into groups that were not known yet when their accounts told of them.
    async fn place_everybody(&self) -> Result<()> {
        let mut writes = Vec::new();
        for record in self.store().scan(self.name(), Kind::User, 0, i64::MAX.unsigned_abs()).await? {
            writes.extend(self.membership_writes(&Person::read(record)).await?);
        }
        Ok(self.store().commit(writes).await?)
    }

    fn group_write(&self, known: Option<Record>, group: &Group) -> Write {
        let now = self.now();
        let expected = known.as_ref().map(|record| record.version);
        let mut record = known.unwrap_or_else(|| self.new_group(&group.name));
        let mut desired = serde_json::from_str(&record.desired).unwrap_or_else(|_| json!({}));
        desired["displayName"] = json!(group.name);
        record.desired = desired.to_string();
        record.account = Some(group.id.clone());
        record.name_key = key(&group.name);
        record.display_key = Some(key(&group.name));
        record.label.clone_from(&group.name);
        record.version += 1;
        record.modified_at = now;
        record.observed_at = Some(now);
        Write::Record { record: Box::new(record), expected }
    }

    /// What has to be written so that a group has exactly the accounts the app told.
    pub(super) async fn member_writes(&self, group: &str, accounts: &[String]) -> Result<Vec<Write>> {
        let mut told = BTreeSet::new();
        for account in accounts {
            let found = self.store().find(self.name(), Kind::User, &Key::Account(account.clone())).await?;
            told.extend(
                found
                    .into_iter()
                    .filter(|record| record.lifecycle == Lifecycle::Live)
                    .map(|record| record.id),
            );
        }
        let held: BTreeSet<String> =
            self.store().members(self.name(), group).await?.into_iter().map(|member| member.id).collect();
        let of = |ids: Vec<&String>| -> Vec<Membership> {
            ids.into_iter().map(|id| Membership { group: group.to_owned(), member: id.clone() }).collect()
        };
        let (added, removed) = (of(told.difference(&held).collect()), of(held.difference(&told).collect()));
        Ok(changes(self.name(), added, removed))
    }

    /// What has to be written so that a person is in exactly the groups the app told with the account.
    pub(super) async fn membership_writes(&self, person: &Person) -> Result<Vec<Write>> {
        let Some(told) = person.observed.as_ref().and_then(|account| account.groups.as_ref()) else {
            return Ok(Vec::new());
        };
        if person.record.account.is_none() {
            return Ok(Vec::new());
        }
        let mut wanted = BTreeSet::new();
        for group in told {
            let found = self.store().find(self.name(), Kind::Group, &Key::Account(group.clone())).await?;
            let live = found.into_iter().filter(|record| record.lifecycle == Lifecycle::Live);
            wanted.extend(live.map(|record| record.id));
        }
        let held: BTreeSet<String> = person.record.groups.iter().map(|group| group.id.clone()).collect();
        let of = |ids: Vec<&String>| -> Vec<Membership> {
            ids.into_iter()
                .map(|id| Membership { group: id.clone(), member: person.record.id.clone() })
                .collect()
        };
        let (added, removed) =
            (of(wanted.difference(&held).collect()), of(held.difference(&wanted).collect()));
        Ok(changes(self.name(), added, removed))
    }
}

fn changes(connection: &str, added: Vec<Membership>, removed: Vec<Membership>) -> Vec<Write> {
    let mut writes = Vec::new();
    if !removed.is_empty() {
        writes.push(Write::RemoveMembers { connection: connection.to_owned(), memberships: removed });
    }
    if !added.is_empty() {
        writes.push(Write::AddMembers { connection: connection.to_owned(), memberships: added });
    }
    writes
}

/// The answer while nothing is known of an app: its own reason, and never an empty list.
fn never_listed(refusal: &Refusal) -> Refusal {
    let status = if refusal.error.status == 429 { 429 } else { 503 };
    let status = if refusal.error.status == 502 { 502 } else { status };
    Refusal {
        error: ScimError::new(status, format!("the app has not been listed yet: {}", refusal.error.detail)),
        retry_after: refusal.retry_after.or(Some(Duration::from_mins(1))),
    }
}
