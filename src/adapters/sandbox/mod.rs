//! Sandbox: an app that holds everything and touches nothing outside; the reference for the treaty.
//!
//! It lives in the process and remembers nothing over a restart: the gateway's store is what lasts. An account it does
//! not know is therefore one of an earlier life and is taken up as it is asked about; only an account that was deleted
//! in this life is gone.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::{App, Blueprint};
use crate::base::clock::SharedClock;
use crate::base::id::Ids;
use crate::contract::{
    Account, Accounts, Adapter, By, Capabilities, Change, Create, Deactivate, Delete, Dialect, Draft,
    Fulfilment, Group, GroupCapabilities, Groups, Held, Member, Membership, Mode, Outcome, Page, Reactivate,
    Result, Role, Roles, Standing, State,
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
        membership: Membership::OnAccount,
        are_roles: false,
        add_invites: false,
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
    /// Ids that were deleted in this life.
    deleted: BTreeSet<String>,
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

    /// Sets the state of an account; tells whether it was in that state, `None` where the account was deleted.
    fn set_state(&self, account: &Account, state: State) -> Option<bool> {
        let mut held = self.held();
        if held.deleted.contains(&account.id) {
            return None;
        }
        let known = held.accounts.entry(account.id.clone()).or_insert_with(|| account.clone());
        Some(known.state.replace(state) == Some(state))
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
                held.accounts.values().find(named).cloned()
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
        let account = held.accounts.entry(current.id.clone()).or_insert_with(|| current.clone());
        account.merge(Account {
            user_name: change.user_name.clone(),
            email: change.email.clone(),
            given_name: change.given_name.clone(),
            family_name: change.family_name.clone(),
            display_name: change.display_name.clone(),
            roles: change.roles.as_deref().map(roles),
            ..Account::default()
        });
        Ok(Outcome::Done(account.clone()))
    }

    async fn deactivate(&self, account: &Account) -> Result<Outcome<()>> {
        Ok(match self.set_state(account, State::Inactive) {
            Some(false) => Outcome::Done(()),
            Some(true) | None => Outcome::Already(()),
        })
    }

    async fn reactivate(&self, account: &Account) -> Result<Outcome<Account>> {
        let was = self.set_state(account, State::Active);
        let account = Account { state: Some(State::Active), ..account.clone() };
        Ok(if was == Some(true) { Outcome::Already(account) } else { Outcome::Done(account) })
    }

    async fn delete_account(&self, account: &Account) -> Result<Outcome<()>> {
        let mut held = self.held();
        held.accounts.remove(&account.id);
        Ok(if held.deleted.insert(account.id.clone()) { Outcome::Done(()) } else { Outcome::Already(()) })
    }

    fn groups(&self) -> Option<&dyn Groups> {
        Some(self)
    }
}

/// Groups live in the gateway's store alone: there is nobody behind the sandbox who could change them.
#[async_trait]
impl Groups for Sandbox {
    async fn groups(&self) -> Result<Vec<Group>> {
        Ok(Vec::new())
    }

    async fn members(&self, _group: &str) -> Result<Vec<String>> {
        Ok(Vec::new())
    }

    async fn add_member(&self, _group: &str, _member: &Member) -> Result<Outcome<Option<Account>>> {
        Ok(Outcome::Done(None))
    }

    async fn remove_member(&self, _group: &str, _member: &Member) -> Result<Outcome<Option<Account>>> {
        Ok(Outcome::Done(None))
    }

    async fn create_group(&self, name: &str) -> Result<Outcome<Group>> {
        Ok(Outcome::Done(Group {
            id: format!("sbx-{}", self.ids.next()),
            name: name.to_owned(),
            members: None,
        }))
    }

    async fn rename_group(&self, _group: &str, _name: &str) -> Result<Outcome<()>> {
        Ok(Outcome::Done(()))
    }

    async fn delete_group(&self, _group: &str) -> Result<Outcome<()>> {
        Ok(Outcome::Done(()))
    }
}

fn roles(values: &[String]) -> Vec<Role> {
    values.iter().map(|value| Role { value: value.clone(), display: None }).collect()
}
