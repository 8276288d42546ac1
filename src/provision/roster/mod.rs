//! Listings: one complete reading of the app for as long as it counts, shared by all who ask, taken into the store at
//! once.

mod accounts;
mod groups;
mod lasting;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard};

pub(super) use self::accounts::{Absorb, Known, Missing};

use self::lasting::Cost;
use super::connection::Connection;
use super::refuse;
use super::standing::Person;
use super::{Refusal, Result};
use crate::base::clock::Timestamp;
use crate::contract::{self, Account, Error};
use crate::scim::error::ScimError;
use crate::store::{self, Key, Kind, Lifecycle, Membership, Write};

/// More pages than this is a listing that never ends.
const MOST_PAGES: usize = 10_000;

/// Whether a listing that lacks so many of what is known is to be believed: a few may go, and no more than 30 %.
pub(super) fn is_believable(missing: usize, known: usize) -> bool {
    missing <= 5 || missing.saturating_mul(10) <= known.saturating_mul(3)
}

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
    /// What it cost.
    cost: std::sync::Mutex<Cost>,
}

impl Listing {
    fn cost(&self) -> Cost {
        *self.cost.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps what a listing cost, as far as it is told.
    fn note_cost(&self, pages: Option<u32>, took: Option<Duration>) {
        let mut cost = self.cost.lock().unwrap_or_else(PoisonError::into_inner);
        cost.pages = pages.unwrap_or(cost.pages);
        cost.took = took.unwrap_or(cost.took);
    }
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
    pub(in crate::provision) async fn listed_at(&self, kind: Kind) -> Result<Option<Timestamp>> {
        if !self.lists(kind) {
            return Ok(None);
        }
        let completed = || self.refreshes.of(kind).completed.lock().unwrap_or_else(PoisonError::into_inner);
        let known = *completed();
        if self.is_fresh(known) {
            return Ok(known);
        }
        let roster = self.store().roster(self.name(), kind).await?;
        let told = roster.as_ref().map(|roster| roster.completed_at);
        if let Some(roster) = roster.filter(|_| told != known) {
            let Cost { pages, .. } = Cost::of(&roster, self.capabilities());
            self.refreshes.of(kind).note_cost(Some(pages), None);
        }
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

    /// Sees to it that the store knows the app's accounts or groups as of the last listing that still counts.
    ///
    /// Lookups are answered from it, too, those of nobody above all: who is looked up comes in numbers, and a listing
    /// answers them all.
    ///
    /// While the app cannot be listed the store goes on answering; an app that was never listed is a 503: it never
    /// looks like an empty one.
    pub(in crate::provision) async fn ensure_listed(&self, kind: Kind) -> Result<()> {
        self.ensure_listed_as(kind, |listed| self.still_lists(kind, listed)).await
    }

    /// The same as of one freshness window ago, whatever the listing costs.
    pub(in crate::provision) async fn ensure_listed_lately(&self, kind: Kind) -> Result<()> {
        self.ensure_listed_as(kind, |listed| self.is_fresh(listed)).await
    }

    async fn ensure_listed_as(&self, kind: Kind, counts: impl Fn(Option<Timestamp>) -> bool) -> Result<()> {
        if !self.lists(kind) || counts(self.listed_at(kind).await?) {
            return Ok(());
        }
        let mut failed = self.refreshes.of(kind).failed.lock().await;
        let listed = self.listed_at(kind).await?;
        if counts(listed) {
            return Ok(());
        }
        // After a failure the app is left alone for a moment: those who waited in line answer from the store.
        let just_failed = failed.is_some_and(|at| self.now().since(at) < Duration::from_secs(1));
        if just_failed && listed.is_some() {
            return Ok(());
        }
        let began = self.now();
        let outcome = match kind {
            Kind::User => self.list_accounts().await,
            Kind::Group => self.list_groups().await,
        };
        match outcome {
            Ok(()) => {
                self.refreshes.of(kind).note_cost(None, Some(self.now().since(began)));
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

    /// Reads the app's accounts and takes them in.
    pub(in crate::provision) async fn list_accounts(&self) -> Result<()> {
        let began = self.now();
        let accounts =
            self.all_accounts().await.map_err(|error| refuse::not_applied(&error, self.policy.idp))?;
        self.absorb_accounts(&accounts, Absorb { began, missing: Missing::IfBelievable }).await
    }

    /// The turn to list the app's people; the listings of readers wait for it.
    pub(in crate::provision) async fn listing_turn(&self) -> MutexGuard<'_, Option<Timestamp>> {
        self.refreshes.users.failed.lock().await
    }

    /// Every page of the app's listing, each account once.
    pub(in crate::provision) async fn all_accounts(&self) -> contract::Result<Vec<Account>> {
        self.read_accounts().await.map(|(accounts, _)| accounts)
    }

    /// Every page of the app's listing, each account once, and how many came more than once: then the pages moved
    /// while they were read, and another account may have been passed over.
    pub(in crate::provision) async fn read_accounts(&self) -> contract::Result<(Vec<Account>, usize)> {
        let mut read = 0;
        let mut accounts: BTreeMap<String, Account> = BTreeMap::new();
        let mut seen = BTreeSet::new();
        let mut cursor: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let page = self.adapter().accounts(cursor.as_deref()).await?;
            read += page.items.len();
            accounts.extend(page.items.into_iter().map(|account| (account.id.clone(), account)));
            match page.next {
                None => {
                    let repeated = read - accounts.len();
                    return Ok((accounts.into_values().collect(), repeated));
                }
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

    /// What has to be written so that a group has exactly the accounts the app told.
    pub(in crate::provision) async fn member_writes(
        &self,
        group: &str,
        accounts: &[String],
    ) -> store::Result<Vec<Write>> {
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

    /// What has to be written so that a person is where the account is: in its groups, or without one in none.
    pub(in crate::provision) async fn place_writes(&self, person: &Person) -> store::Result<Vec<Write>> {
        if person.record.account.is_none() && !person.record.groups.is_empty() {
            let (connection, member) = (self.name().to_owned(), person.record.id.clone());
            return Ok(vec![Write::ClearMemberships { connection, member }]);
        }
        self.membership_writes(person).await
    }

    /// What has to be written so that a person is in exactly the groups the app told with the account.
    pub(in crate::provision) async fn membership_writes(&self, person: &Person) -> store::Result<Vec<Write>> {
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
    let detail = format!("the app has not been listed yet: {}", refusal.error.detail);
    match refusal.error.status {
        // What an operator has to mend does not mend itself while the caller waits.
        status @ (403 | 502) => ScimError::new(status, detail).into(),
        status => Refusal {
            error: ScimError::new(if status == 429 { 429 } else { 503 }, detail),
            retry_after: refusal.retry_after.or(Some(Duration::from_mins(1))),
        },
    }
}
