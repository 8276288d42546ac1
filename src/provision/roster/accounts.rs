//! Accounts of the app, taken into the store: known ones are brought up to date, new ones get a resource.

use std::collections::{BTreeMap, BTreeSet};

use super::super::Result;
use super::super::connection::Connection;
use super::super::mapping;
use super::super::standing::{About, Person};
use super::super::users::index;
use super::is_believable;
use crate::base::clock::Timestamp;
use crate::base::fold::key;
use crate::contract::{Account, State};
use crate::store::{self, Key, Kind, Lifecycle, Record, Roster, Write};

/// How a listing is taken in.
#[derive(Debug, Clone, Copy)]
pub(in crate::provision) struct Absorb {
    /// When the reading began: what was done here since is newer.
    pub began: Timestamp,
    pub missing: Missing,
}

/// How often a listing is compared with the store again because somebody was changed in between.
pub(super) const ATTEMPTS: usize = 3;

/// What an account means that is known and not listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::provision) enum Missing {
    /// It is gone, unless too many are.
    IfBelievable,
    /// It is gone: a person said so.
    Believed,
}

/// What became of an account that belongs to nobody here.
enum New {
    /// It gets a resource by these.
    Taken(Vec<Write>),
    /// It has one, or had one that a caller deleted.
    KnownAlready,
    /// It has the name of another one's resource.
    LeftOut,
}

/// The people a listing is compared with.
pub(in crate::provision) struct Known {
    /// Those whose account nobody has taken yet.
    pub by_account: BTreeMap<String, Record>,
    /// Those whose account is not listed, or who have none, by every name they have.
    unlisted: BTreeMap<String, String>,
    without_account: BTreeMap<String, Record>,
}

impl Known {
    pub(in crate::provision) fn new(records: Vec<Record>, listed: &BTreeSet<String>) -> Self {
        let (mut by_account, mut unlisted, mut without_account) =
            (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        for record in records {
            if record.account.as_ref().is_none_or(|account| !listed.contains(account)) {
                for name in record.email_keys.iter().chain([&record.name_key]) {
                    unlisted.insert(name.clone(), record.id.clone());
                }
            }
            match &record.account {
                Some(account) => by_account.insert(account.clone(), record),
                None => without_account.insert(record.id.clone(), record),
            };
        }
        Self { by_account, unlisted, without_account }
    }

    /// The record of an account: by its id, else by its address where the record's own account is not listed, because
    /// somebody removed and invited again has another id.
    pub(in crate::provision) fn take(&mut self, account: &Account) -> Option<Record> {
        if let Some(record) = self.by_account.remove(&account.id) {
            return Some(record);
        }
        let id = self.unlisted.remove(&key(account.email.as_deref()?))?;
        if let Some(record) = self.without_account.remove(&id) {
            return Some(record);
        }
        let old = self.by_account.iter().find(|(_, record)| record.id == id)?.0.clone();
        self.by_account.remove(&old)
    }
}

impl Connection {
    /// Takes a complete listing into the store: known accounts are brought up to date, new ones get a resource, and
    /// those that are missing are noted as gone. Whoever was changed since the reading began stays as they are.
    ///
    /// Where somebody is changed while it is written it is compared again, and at last everybody is taken in alone, and
    /// those who are refused are left to the next listing: what was read is never lost.
    pub(in crate::provision) async fn absorb_accounts(
        &self,
        accounts: &[Account],
        how: Absorb,
    ) -> Result<()> {
        let roster = Write::Roster(Roster {
            connection: self.name().to_owned(),
            kind: Kind::User,
            completed_at: how.began,
            total: i64::try_from(accounts.len()).unwrap_or(i64::MAX),
        });
        for _ in 0..ATTEMPTS {
            let mut all: Vec<Write> = self.compare(accounts, how).await?.into_iter().flatten().collect();
            all.push(roster.clone());
            match self.store().commit(all).await {
                Err(store::Error::Stale | store::Error::NameTaken) => {}
                other => return Ok(other?),
            }
        }
        for writes in self.compare(accounts, how).await? {
            match self.store().commit(writes).await {
                Err(store::Error::Stale | store::Error::NameTaken) => tracing::warn!(
                    connection = self.name(),
                    "an account of the app could not be taken in; the next listing tries again"
                ),
                other => other?,
            }
        }
        Ok(self.store().commit(vec![roster]).await?)
    }

    /// What has to be written so that the store is as a listing tells, account by account.
    async fn compare(&self, accounts: &[Account], how: Absorb) -> Result<Vec<Vec<Write>>> {
        let records = self.store().scan(self.name(), Kind::User, 0, i64::MAX.unsigned_abs()).await?;
        let listed: BTreeSet<String> = accounts.iter().map(|account| account.id.clone()).collect();
        let mut known = Known::new(records, &listed);
        let linked = known.by_account.len();
        let mut changes: Vec<Vec<Write>> = Vec::new();
        let mut new_names = BTreeSet::new();
        let mut left_out = Vec::new();
        for account in accounts {
            let writes = match known.take(account) {
                Some(record) => self.absorb_known(record, account, how.began).await?,
                None => match self.absorb_new(account.clone(), Some(how.began), &mut new_names).await? {
                    New::Taken(writes) => writes,
                    New::KnownAlready => Vec::new(),
                    New::LeftOut => {
                        left_out.push(account.clone());
                        Vec::new()
                    }
                },
            };
            changes.push(writes);
        }
        self.watch_left_out(&left_out);
        let missing: Vec<Record> =
            known.by_account.into_values().filter(|record| !self.is_newer(record, how.began)).collect();
        changes.extend(self.absorb_missing(missing, linked, how.missing));
        Ok(changes)
    }

    async fn absorb_known(&self, record: Record, account: &Account, began: Timestamp) -> Result<Vec<Write>> {
        if self.is_newer(&record, began) {
            return Ok(Vec::new());
        }
        let mut person = Person::read(record);
        let linked_before = person.record.account.clone();
        let mut merged = person.observed.clone().unwrap_or_default();
        merged.merge(account.clone());
        if account.state.is_none() {
            merged.state = Some(State::Active);
        }
        person.standing.gone_at = None;
        person.standing.unverified = false;
        self.observe(&mut person, merged);
        if person.standing.adopted {
            person.desired = mapping::adopted(account);
        }
        let memberships = self.membership_writes(&person).await?;
        if !person.differs_from_record() && linked_before == person.record.account && memberships.is_empty() {
            return Ok(Vec::new());
        }
        let expected = Some(person.record.version);
        person.record.version += 1;
        person.record.modified_at = self.now();
        index(&mut person);
        let mut writes = vec![Write::Record { record: Box::new(person.into_record()), expected }];
        writes.extend(memberships);
        Ok(writes)
    }

    /// A resource for an account nobody here knows. `began` is when it was read, where it comes from a listing.
    async fn absorb_new(
        &self,
        account: Account,
        began: Option<Timestamp>,
        new_names: &mut BTreeSet<String>,
    ) -> Result<New> {
        let ours = self.store().find(self.name(), Kind::User, &Key::Account(account.id.clone())).await?;
        if ours.iter().any(|record| record.lifecycle == Lifecycle::Live) {
            return Ok(New::KnownAlready);
        }
        // Deleted by a caller: it stays so while the app agrees, or has not been asked since, or people are at it.
        let stays_deleted = |record: &Record| {
            account.state() == State::Inactive
                || began.is_some_and(|began| self.is_newer(record, began))
                || Person::read(record.clone()).standing.waits_for(&About::Remove).is_some()
        };
        if ours.iter().any(stays_deleted) {
            return Ok(New::KnownAlready);
        }
        let mut person = self.adopted_person(account);
        person.return_after(&ours);
        let name = person.record.name_key.clone();
        let taken = self.store().find(self.name(), Kind::User, &Key::Name(name.clone())).await?;
        if !taken.is_empty() || !new_names.insert(name) {
            tracing::warn!(
                connection = self.name(),
                "an account of the app has the name of another person's resource; it is left out"
            );
            return Ok(New::LeftOut);
        }
        let memberships = self.membership_writes(&person).await?;
        person.record.groups.clear();
        let mut writes = vec![Write::Record { record: Box::new(person.into_record()), expected: None }];
        writes.extend(memberships);
        Ok(New::Taken(writes))
    }

    fn absorb_missing(&self, missing: Vec<Record>, linked: usize, how: Missing) -> Vec<Vec<Write>> {
        let gone: Vec<Person> = missing
            .into_iter()
            .map(Person::read)
            .filter(|person| !person.may_be_hidden(self.capabilities()))
            .collect();
        if how == Missing::IfBelievable && !is_believable(gone.len(), linked) {
            tracing::warn!(
                connection = self.name(),
                missing = gone.len(),
                of = linked,
                "the app's listing lacks so many known accounts that it is not believed; is the credential's owner still an administrator?"
            );
            return Vec::new();
        }
        let mut changes = Vec::new();
        for mut person in gone {
            self.mark_gone(&mut person);
            let member = person.record.id.clone();
            let expected = Some(person.record.version);
            person.record.version += 1;
            person.record.modified_at = self.now();
            changes.push(vec![
                Write::Record { record: Box::new(person.into_record()), expected },
                Write::ClearMemberships { connection: self.name().to_owned(), member },
            ]);
        }
        changes
    }

    /// An account found by its address gets a resource, unless it is one that a caller deleted.
    pub(in crate::provision) async fn adopt_unless_deleted(&self, account: Account) -> Result<()> {
        let ours = self.store().find(self.name(), Kind::User, &Key::Account(account.id.clone())).await?;
        if ours.is_empty() {
            let new = self.absorb_new(account, None, &mut BTreeSet::new()).await?;
            if let New::Taken(writes) = new {
                self.store().commit(writes).await?;
            }
        }
        Ok(())
    }

    /// What we did ourselves after a listing began is newer than the listing.
    fn is_newer(&self, record: &Record, began: Timestamp) -> bool {
        let mut told = std::iter::once(record.modified_at).chain(record.observed_at);
        told.any(|at| self.is_after(at, began))
    }
}
