//! Sandbox: an app that holds everything and touches nothing outside; the reference for the treaty.
//!
//! It lives in the process and remembers nothing over a restart: the gateway's store is what lasts. An account or group
//! it does not know is therefore one of an earlier life and is taken up as it is asked about; only what was deleted in
//! this life is gone.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::{App, Blueprint};
use crate::base::clock::SharedClock;
use crate::base::id::Ids;
use crate::contract::{
    Account, Accounts, Adapter, By, Capabilities, Change, Create, Deactivate, Delete, Dialect, Draft, Error,
    Fulfilment, Group, GroupCapabilities, Groups, Held, Kind, Member, Membership, Mode, Outcome, Page,
    Reactivate, Result, Role, Roles, Standing, State,
};

/// The app as the configuration names it.
pub static APP: App = App { name: "sandbox", modes: &[(Mode::Rest, Dialect::Guide)], fields: &[], build };

#[expect(clippy::unnecessary_wraps, reason = "the shape all apps share: others can fail")]
fn build(blueprint: &Blueprint<'_>) -> std::result::Result<Arc<dyn Adapter>, String> {
    Ok(Arc::new(Sandbox::new(Arc::clone(&blueprint.wire.clock))))
}

/// It can do everything, at once.
const CAPABILITIES: Capabilities = Capabilities {
    app: "sandbox",
    mode: Mode::Rest,
    dialect: Dialect::Guide,
    accounts: Accounts {
        user_name: Held::Yes,
        external_id: Held::Yes,
        email: Held::Yes,
        given_name: Held::Yes,
        family_name: Held::Yes,
        display_name: Held::Yes,
        roles: Held::Yes,
        everything: true,
        email_required: false,
        names_required: false,
        email_unique: false,
        by_id: true,
        by_email: false,
        shows_invited: true,
        create_inactive: true,
        many_roles: true,
    },
    list: false,
    create: Create::Direct,
    deactivate: Deactivate::Native,
    reactivate: Reactivate::Native,
    delete: Delete::Permanent,
    roles: Roles::Any,
    default_role: None,
    admin_role: None,
    groups: GroupCapabilities {
        noun: "groups",
        list: true,
        create: true,
        rename: true,
        delete: true,
        add_member: true,
        remove_member: true,
        members_at_once: 0,
        membership: Membership::OnAccount,
        are_roles: false,
        add_invites: false,
        floor: None,
    },
    residual: &[],
    fulfilment: Fulfilment::Native,
    settle: std::time::Duration::ZERO,
    page_size: 0,
};

/// One sandbox, empty at first.
#[derive(Debug)]
pub struct Sandbox {
    ids: Ids,
    held: Mutex<Content>,
}

#[derive(Debug, Default)]
struct Content {
    accounts: BTreeMap<String, Account>,
    groups: BTreeMap<String, Team>,
    /// Ids of accounts and groups that were deleted in this life.
    deleted: BTreeSet<String>,
}

/// A group, as far as this life knows it.
#[derive(Debug, Default)]
struct Team {
    name: String,
    /// What this life knows of each account: whether it is a member.
    members: BTreeMap<String, bool>,
}

impl Content {
    /// The account, taken up where this life has not met it; `None` where it was deleted.
    fn account(&mut self, known: &Account) -> Option<&mut Account> {
        if self.deleted.contains(&known.id) {
            return None;
        }
        Some(self.accounts.entry(known.id.clone()).or_insert_with(|| known.clone()))
    }

    /// The group, taken up where this life has not met it; `None` where it was deleted.
    fn group(&mut self, id: &str) -> Option<&mut Team> {
        if self.deleted.contains(id) {
            return None;
        }
        Some(self.groups.entry(id.to_owned()).or_default())
    }

    /// Notes whether an account is a member of a group; tells whether that is news.
    fn set_member(&mut self, group: &str, account: &str, is_member: bool) -> Option<bool> {
        let members = &mut self.group(group)?.members;
        Some(members.insert(account.to_owned(), is_member) != Some(is_member))
    }
}

impl Sandbox {
    /// An empty sandbox whose ids come from `clock`.
    #[must_use]
    pub fn new(clock: SharedClock) -> Self {
        Self { ids: Ids::new(clock), held: Mutex::default() }
    }

    fn held(&self) -> MutexGuard<'_, Content> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the state of an account; tells the account and whether that is news, `None` where it was deleted.
    fn set_state(&self, account: &Account, state: State) -> Option<(Account, bool)> {
        let mut held = self.held();
        let known = held.account(account)?;
        let news = known.state.replace(state) != Some(state);
        Some((known.clone(), news))
    }
}

#[async_trait]
impl Adapter for Sandbox {
    fn capabilities(&self) -> &Capabilities {
        &CAPABILITIES
    }

    async fn check(&self) -> Result<Standing> {
        Ok(Standing {
            summary: "in this process, nothing outside is touched".to_owned(),
            warnings: Vec::new(),
        })
    }

    async fn account(&self, by: By<'_>) -> Result<Option<Account>> {
        let held = self.held();
        Ok(match by {
            By::Id(id) if held.deleted.contains(id) => None,
            By::Id(id) => Some(
                held.accounts
                    .get(id)
                    .cloned()
                    .unwrap_or_else(|| Account { id: id.to_owned(), ..Account::default() }),
            ),
            By::Email(login) => {
                let named = |account: &&Account| {
                    let names = [&account.user_name, &account.email];
                    names.into_iter().flatten().any(|name| name.eq_ignore_ascii_case(login))
                };
                let mut found = held.accounts.values().filter(named);
                match (found.next(), found.next()) {
                    (_, Some(_)) => {
                        let message = "several accounts of the app go by this login or address";
                        return Err(Error::new(Kind::Ambiguous, "account", message));
                    }
                    (found, None) => found.cloned(),
                }
            }
        })
    }

    async fn accounts(&self, _cursor: Option<&str>) -> Result<Page<Account>> {
        Ok(Page { items: self.held().accounts.values().cloned().collect(), next: None })
    }

    async fn create_account(&self, draft: &Draft) -> Result<Outcome<Account>> {
        let account = Account {
            id: format!("sbx-{}", self.ids.next()),
            user_name: Some(draft.user_name.clone()),
            external_id: draft.external_id.clone(),
            email: draft.email.clone(),
            given_name: draft.given_name.clone(),
            family_name: draft.family_name.clone(),
            display_name: draft.display_name.clone(),
            state: Some(if draft.active { State::Active } else { State::Inactive }),
            roles: Some(roles(&draft.roles)),
            ..Account::default()
        };
        self.held().accounts.insert(account.id.clone(), account.clone());
        Ok(Outcome::Done(account))
    }

    async fn update_account(&self, current: &Account, change: &Change) -> Result<Outcome<Account>> {
        let mut held = self.held();
        let account = held.account(current).ok_or_else(|| gone("update_account"))?;
        let before = account.clone();
        account.merge(Account {
            user_name: change.user_name.clone(),
            external_id: change.external_id.clone(),
            email: change.email.clone(),
            given_name: change.given_name.clone(),
            family_name: change.family_name.clone(),
            display_name: change.display_name.clone(),
            roles: change.roles.as_deref().map(roles),
            ..Account::default()
        });
        Ok(done(*account != before, account.clone()))
    }

    async fn deactivate(&self, account: &Account) -> Result<Outcome<()>> {
        let news = self.set_state(account, State::Inactive).is_some_and(|(_, news)| news);
        Ok(done(news, ()))
    }

    async fn reactivate(&self, account: &Account) -> Result<Outcome<Account>> {
        let (account, news) = self.set_state(account, State::Active).ok_or_else(|| gone("reactivate"))?;
        Ok(done(news, account))
    }

    async fn delete_account(&self, account: &Account) -> Result<Outcome<()>> {
        let mut held = self.held();
        held.accounts.remove(&account.id);
        for group in held.groups.values_mut() {
            group.members.remove(&account.id);
        }
        Ok(done(held.deleted.insert(account.id.clone()), ()))
    }

    fn groups(&self) -> Option<&dyn Groups> {
        Some(self)
    }
}

/// Memberships are not told with the accounts: this life knows only those it was asked for, and half a list would
/// look like the whole one.
#[async_trait]
impl Groups for Sandbox {
    async fn groups(&self) -> Result<Vec<Group>> {
        let held = self.held();
        // A group of an earlier life was never told its name here.
        let named = held.groups.iter().filter(|(_, team)| !team.name.is_empty());
        Ok(named.map(|(id, team)| Group { id: id.clone(), name: team.name.clone(), members: None }).collect())
    }

    async fn members(&self, group: &str) -> Result<Vec<String>> {
        let mut held = self.held();
        let team = held.group(group).ok_or_else(|| gone("members"))?;
        Ok(team.members.iter().filter(|(_, is_member)| **is_member).map(|(id, _)| id.clone()).collect())
    }

    async fn add_member(&self, group: &str, member: &Member) -> Result<Outcome<Option<Account>>> {
        let news = self.held().set_member(group, &member.account, true);
        Ok(done(news.ok_or_else(|| gone("add_member"))?, None))
    }

    async fn remove_member(&self, group: &str, member: &Member) -> Result<Outcome<Option<Account>>> {
        let news = self.held().set_member(group, &member.account, false);
        Ok(done(news.unwrap_or(false), None))
    }

    async fn add_members(&self, _: &str, _: &[Member]) -> Result<Outcome<()>> {
        Err(Error::one_by_one("add_members"))
    }

    async fn remove_members(&self, _: &str, _: &[Member]) -> Result<Outcome<()>> {
        Err(Error::one_by_one("remove_members"))
    }

    async fn create_group(&self, name: &str) -> Result<Outcome<Group>> {
        let id = format!("sbx-{}", self.ids.next());
        let team = Team { name: name.to_owned(), members: BTreeMap::new() };
        self.held().groups.insert(id.clone(), team);
        Ok(Outcome::Done(Group { id, name: name.to_owned(), members: Some(Vec::new()) }))
    }

    async fn rename_group(&self, group: &str, name: &str) -> Result<Outcome<()>> {
        let mut held = self.held();
        let team = held.group(group).ok_or_else(|| gone("rename_group"))?;
        let news = std::mem::replace(&mut team.name, name.to_owned()) != name;
        Ok(done(news, ()))
    }

    async fn delete_group(&self, group: &str) -> Result<Outcome<()>> {
        let mut held = self.held();
        held.groups.remove(group);
        Ok(done(held.deleted.insert(group.to_owned()), ()))
    }
}

/// `Done` where something changed, `Already` where it was so.
fn done<T>(news: bool, value: T) -> Outcome<T> {
    if news { Outcome::Done(value) } else { Outcome::Already(value) }
}

fn gone(operation: &'static str) -> Error {
    Error::new(Kind::NotFound, operation, "the sandbox has deleted this")
}

fn roles(values: &[String]) -> Vec<Role> {
    values.iter().map(|value| Role { value: value.clone(), display: None }).collect()
}
