//! Hive (hive.com): the members of one or more workspaces, through the REST API of the published guide, its SCIM server,
//! or both.

mod account;
mod client;
mod error;
mod groups;
mod hybrid;
mod pairs;
mod scim;
mod settings;
#[cfg(feature = "sim")]
pub mod sim;
#[cfg(test)]
#[cfg(feature = "sim")]
mod tests;
mod workspaces;

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use crate::adapters::{App, Blueprint, answer};
use crate::contract::{
    Account, Accounts, Adapter, By, Capabilities, Change, Create, Deactivate, Delete, Dialect, Draft, Error,
    Fulfilment, GroupCapabilities, Groups, Held, Kind, Membership, Mode, Outcome, Page, Reactivate, Residual,
    Result, Roles, Standing, State,
};

use account::{OtherIds, People};
use client::Client;
use hybrid::Hybrid;
use settings::Settings;
use workspaces::Workspaces;

/// Hive.
pub static APP: App = App {
    name: "hive",
    modes: &[(Mode::Rest, Dialect::Guide), (Mode::Scim, Dialect::Guide), (Mode::Hybrid, Dialect::Guide)],
    fields: settings::FIELDS,
    build,
};

/// Makes the adapter of one connection; fails with one line for the operator.
fn build(blueprint: &Blueprint<'_>) -> std::result::Result<Arc<dyn Adapter>, String> {
    Ok(match blueprint.mode {
        Mode::Scim => Arc::new(scim::provider(blueprint, scim::PROFILE)?),
        Mode::Hybrid => {
            Arc::new(Hybrid::new(scim::provider(blueprint, scim::BESIDE_REST)?, Hive::new(blueprint)?))
        }
        Mode::Rest | Mode::Manual => Arc::new(Hive::new(blueprint)?),
    })
}

/// What no interface takes away of somebody who leaves.
const UNMANAGED: Residual = Residual {
    key: "unmanaged-workspaces",
    instruction: "remove the person from the Hive workspaces that this connection does not manage",
    link: "https://app.hive.com",
};

/// What the guide lets a workspace admin's API key do.
fn capabilities(default_role: &'static str) -> Capabilities {
    Capabilities {
        app: "hive",
        mode: Mode::Rest,
        dialect: Dialect::Guide,
        accounts: Accounts {
            email: Held::ReadOnly,
            given_name: Held::ReadOnly,
            family_name: Held::ReadOnly,
            roles: Held::AtCreate,
            email_required: true,
            email_unique: true,
            by_id: true,
            shows_invited: true,
            ..Accounts::default()
        },
        list: true,
        create: Create::Invite,
        deactivate: Deactivate::ByRemoval,
        reactivate: Reactivate::ByInvitation,
        delete: Delete::SameAsDeactivate,
        roles: Roles::Fixed(account::ROLES),
        default_role: Some(default_role),
        groups: GroupCapabilities {
            noun: "workspaces",
            list: true,
            add_member: true,
            remove_member: true,
            membership: Membership::OnAccount,
            add_invites: true,
            ..GroupCapabilities::default()
        },
        residual: &[
            Residual {
                key: "hive-account",
                instruction: "deactivate the Hive account itself, through Hive's SCIM or by an administrator: \
                              it outlives its workspaces",
                link: "https://app.hive.com",
            },
            UNMANAGED,
        ],
        fulfilment: Fulfilment::Emulated,
        ..Capabilities::default()
    }
}

/// The managed workspaces of one organisation.
#[derive(Debug)]
struct Hive {
    client: Client,
    capabilities: Capabilities,
    workspaces: Workspaces,
    default_role: &'static str,
    /// As the last listing showed them.
    other_ids: Mutex<OtherIds>,
}

impl Hive {
    /// The REST side of a connection; fails with one line for the operator.
    fn new(blueprint: &Blueprint<'_>) -> std::result::Result<Self, String> {
        let settings = Settings::read(blueprint)?;
        let wire = blueprint.settings.wire("rest").unwrap_or(&blueprint.wire);
        Ok(Self {
            client: Client::new(&settings, wire.clone())?,
            capabilities: capabilities(settings.default_role),
            workspaces: Workspaces::new(&settings, wire.clock.clone()),
            default_role: settings.default_role,
            other_ids: Mutex::default(),
        })
    }

    async fn people(&self, operation: &'static str) -> Result<Vec<Account>> {
        Ok(self.gather(operation).await?.accounts)
    }

    /// Lists every managed workspace and joins the members; all of them or an error.
    async fn gather(&self, operation: &'static str) -> Result<People> {
        let mut memberships = Vec::new();
        for workspace in self.workspaces.managed(&self.client, operation).await? {
            let members = self.client.members(workspace, operation).await?;
            memberships.push((workspace.clone(), members));
        }
        let people = People::join(memberships);
        people.other_ids.clone_into(&mut self.other_ids.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(people)
    }

    /// What an account is called in a workspace: its own id, but for people whom the last listing showed under several.
    fn ids_in(&self, workspace: &str, account: &str) -> Vec<String> {
        let other_ids = self.other_ids.lock().unwrap_or_else(PoisonError::into_inner);
        let known = other_ids.get(account).into_iter().flatten();
        let ids: Vec<String> =
            known.filter(|(place, _)| place == workspace).map(|(_, id)| id.clone()).collect();
        if ids.is_empty() { vec![account.to_owned()] } else { ids }
    }

    /// Asks every managed workspace for one account.
    async fn find(&self, id: &str) -> Result<Option<Account>> {
        let mut memberships = Vec::new();
        for workspace in self.workspaces.managed(&self.client, "account").await? {
            for called in self.ids_in(workspace, id) {
                let member = self.client.member(workspace, &called, "account").await?;
                memberships.push((workspace.clone(), member.into_iter().collect()));
            }
        }
        let found = People::join(memberships).accounts.into_iter().next();
        Ok(found.map(|account| Account { id: id.to_owned(), ..account }))
    }

    /// Invites into each of `workspaces`, in this order.
    async fn invite(&self, workspaces: &[&String], address: &str, role: &str) -> Result<Outcome<Account>> {
        let operation = "create_account";
        let mut told = Vec::new();
        for workspace in workspaces {
            match self.client.invite(workspace, address, role, operation).await {
                Ok(member) => told.push(((*workspace).clone(), vec![member])),
                Err(error) if told.is_empty() => return Err(error),
                Err(error) => return Err(error::half_done(told.len(), workspaces.len(), &error)),
            }
        }
        let mut account = People::join(told).accounts.into_iter().next().unwrap_or_default();
        if account.state == Some(State::Active) {
            return Ok(Outcome::Done(account));
        }
        account.state = Some(State::Invited);
        Ok(Outcome::Invited(account))
    }

    /// What an account is called by the listing that calls it `id` in one workspace.
    fn account_called(&self, workspace: &str, id: String) -> String {
        let other_ids = self.other_ids.lock().unwrap_or_else(PoisonError::into_inner);
        let has = |called: &Vec<(String, String)>| {
            called.iter().any(|(place, other)| place == workspace && *other == id)
        };
        other_ids.iter().find(|(_, called)| has(called)).map_or(id, |(account, _)| account.clone())
    }

    /// Takes an account out of every managed workspace.
    ///
    /// A workspace that fails does not stop the others, unless the key itself is refused; the first failure is answered.
    async fn remove(&self, account: &str, operation: &'static str) -> Result<Outcome<()>> {
        let (mut removed, mut failed) = (false, None);
        for workspace in self.workspaces.managed(&self.client, operation).await? {
            for id in self.ids_in(workspace, account) {
                match self.client.remove(workspace, &id, operation).await {
                    Ok(was_there) => removed |= was_there,
                    Err(error) if error.kind == Kind::Credentials => return Err(error),
                    Err(error) => failed = failed.or(Some(error)),
                }
            }
        }
        match failed {
            Some(error) => Err(error),
            None if removed => Ok(Outcome::Done(())),
            None => Ok(Outcome::Already(())),
        }
    }
}

#[async_trait]
impl Adapter for Hive {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// One `GET /workspaces`; warns of what is configured and not visible, and of what is visible and not managed.
    async fn check(&self) -> Result<Standing> {
        self.workspaces.check(&self.client).await
    }

    /// By id: one call a workspace. By address: the listing.
    async fn account(&self, by: By<'_>) -> Result<Option<Account>> {
        match by {
            By::Id(id) => self.find(id).await,
            By::Email(email) => answer::with_address("account", self.people("account").await?, email),
        }
    }

    /// Everybody in one page: one call a workspace.
    async fn accounts(&self, _cursor: Option<&str>) -> Result<Page<Account>> {
        Ok(Page { items: self.people("accounts").await?, next: None })
    }

    /// Invites into the workspaces the draft names, as far as they are managed, else into the primary one.
    ///
    /// Where one of several workspaces fails after another took the invitation, this is [`Kind::Unknown`]: the account is
    /// there in part, and the caller looks.
    async fn create_account(&self, draft: &Draft) -> Result<Outcome<Account>> {
        let operation = "create_account";
        if !draft.active {
            return Err(Error::unsupported(operation, "Hive cannot invite somebody without access"));
        }
        let address = draft.email.as_deref().unwrap_or(&draft.user_name);
        if !address.contains('@') {
            return Err(Error::new(Kind::Invalid, operation, "Hive invites by e-mail address only"));
        }
        let role = account::one_role(&draft.roles, self.default_role, operation)?;
        let managed = self.workspaces.managed(&self.client, operation).await?;
        let mut into: Vec<&String> = managed.iter().filter(|id| draft.groups.contains(id)).collect();
        if into.is_empty() {
            into.extend(managed.first());
        }
        self.invite(&into, address, role).await
    }

    /// Not offered: Hive's REST API changes nothing about a member. An empty change is [`Outcome::Already`].
    async fn update_account(&self, current: &Account, change: &Change) -> Result<Outcome<Account>> {
        if change.is_empty() {
            return Ok(Outcome::Already(current.clone()));
        }
        Err(Error::unsupported(
            "update_account",
            "Hive's REST API changes neither address, name nor role; an administrator does it in Hive",
        ))
    }

    /// Removes the member from every managed workspace; the Hive account and other workspaces remain.
    async fn deactivate(&self, account: &Account) -> Result<Outcome<()>> {
        self.remove(&account.id, "deactivate").await
    }

    /// Not offered: a removed member is invited again.
    async fn reactivate(&self, _account: &Account) -> Result<Outcome<Account>> {
        Err(Error::unsupported("reactivate", "Hive's REST API has no way back but a new invitation"))
    }

    /// The same as [`Adapter::deactivate`]: Hive's REST API deletes no accounts.
    async fn delete_account(&self, account: &Account) -> Result<Outcome<()>> {
        self.remove(&account.id, "delete_account").await
    }

    fn groups(&self) -> Option<&dyn Groups> {
        Some(self)
    }
}
