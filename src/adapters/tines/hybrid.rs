//! Both interfaces of a tenant: SCIM for people and teams, REST for roles and for what is deleted for good.
//!
//! An account is known by its id in the SCIM server, where it is written.

use async_trait::async_trait;
use serde_json::{Map, Value};

use super::ADMIN;
use super::accounts::Tines;
use super::join::{Join, Match, same_address, told_in_both};
use crate::adapters::provider::Provider;
use crate::contract::{
    Account, Accounts, Adapter, By, Capabilities, Change, Draft, Error, Groups, Held, Kind, Outcome, Page,
    Result, Role, Roles, Standing,
};

/// One tenant with both credentials.
#[derive(Debug)]
pub(super) struct Hybrid {
    capabilities: Capabilities,
    rest: Tines,
    scim: Provider,
    join: Join,
}

fn gone(operation: &'static str) -> Error {
    Error::new(Kind::NotFound, operation, "`tines` has no such user")
}

/// The account was made, and its role may not be what it shall be: the caller looks.
fn half_made(error: &Error) -> Error {
    let message = format!("SCIM created the account, and its role is not set: {}", error.message);
    Error::new(Kind::Unknown, "create_account", message)
}

fn has_role(account: &Account, role: &str) -> bool {
    account.roles.as_ref().is_some_and(|roles| matches!(roles.as_slice(), [one] if one.value == role))
}

fn with_role(account: Account, role: &str) -> Account {
    Account { roles: Some(vec![Role { value: role.to_owned(), display: None }]), ..account }
}

impl Hybrid {
    pub(super) fn new(rest: Tines, scim: Provider) -> Self {
        let alone = *scim.capabilities();
        let capabilities = Capabilities {
            accounts: Accounts { roles: Held::Yes, ..alone.accounts },
            roles: Roles::Any,
            admin_role: Some(ADMIN),
            ..alone
        };
        Self { capabilities, rest, scim, join: Join::default() }
    }

    async fn relist(&self, operation: &'static str) -> Result<()> {
        let everybody = self.rest.everybody(operation).await?;
        self.join.list(everybody);
        Ok(())
    }

    /// The account in the REST API of a user as SCIM tells them now: one call where they were met or listed before,
    /// else the listing. `None` where REST does not show them; [`Kind::Ambiguous`] where several go by the address.
    async fn in_rest(&self, operation: &'static str, user: &Account) -> Result<Option<Account>> {
        let listed = || match self.join.meet(user) {
            Match::One(account) => Some(account.id),
            Match::Nobody | Match::Several => None,
        };
        if let Some(id) = self.join.linked(&user.id).or_else(listed) {
            match self.rest.client.user(operation, &id).await? {
                Some(account) if same_address(&account, user) => return Ok(Some(account)),
                _ => self.join.forget(&user.id),
            }
        }
        self.relist(operation).await?;
        match self.join.meet(user) {
            Match::Nobody => Ok(None),
            Match::One(account) if account.roles.is_some() && account.state.is_some() => Ok(Some(*account)),
            Match::One(account) => self.rest.client.user(operation, &account.id).await,
            Match::Several => Err(Error::new(
                Kind::Ambiguous,
                operation,
                "several accounts share the address by which REST and SCIM are joined, and none was picked: give each \
                 an address of its own in Tines",
            )),
        }
    }

    /// Whoever is new stands behind all that were listed: adds them to the listing, in as few calls as they have pages.
    async fn list_further(&self, operation: &'static str) -> Result<()> {
        if !self.join.is_listed() {
            return Ok(());
        }
        let per_page = usize::try_from(self.rest.settings.per_page).unwrap_or(1).max(1);
        let mut page = u32::try_from(self.join.count() / per_page + 1).ok();
        while let Some(number) = page {
            let (accounts, next) = self.rest.page(operation, number).await?;
            self.join.add(accounts);
            page = next;
        }
        Ok(())
    }

    /// Gives a role by REST, whose id of the account is known or looked up.
    async fn give_role(&self, operation: &'static str, user: &Account, role: &str) -> Result<()> {
        let unseen = |message| Error::new(Kind::Unavailable, operation, message);
        let id = match self.join.linked(&user.id) {
            Some(id) => id,
            None => match self.in_rest(operation, user).await? {
                Some(account) if has_role(&account, role) => return Ok(()),
                Some(account) => account.id,
                None => {
                    return Err(unseen("REST does not show the account yet, which alone can set its role"));
                }
            },
        };
        let body = Map::from_iter([("role".to_owned(), Value::String(role.to_owned()))]);
        match self.rest.client.update(operation, &id, body).await {
            Ok(_) => Ok(()),
            Err(error) if error.kind == Kind::NotFound => {
                self.join.forget(&user.id);
                Err(unseen("REST has the account under another id now, which is looked up the next time"))
            }
            Err(error) => Err(error),
        }
    }

    /// A user as SCIM tells them now, for whoever was not met in REST yet: what the caller remembers may be old.
    async fn current(&self, operation: &'static str, account: &Account) -> Result<Account> {
        if self.join.linked(&account.id).is_some() {
            return Ok(account.clone());
        }
        self.scim.account(By::Id(&account.id)).await?.ok_or_else(|| gone(operation))
    }
}

#[async_trait]
impl Adapter for Hybrid {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// The smallest reading of each; the first time both listings too, so that whoever cannot be joined is found.
    async fn check(&self) -> Result<Standing> {
        let (rest, scim) = match (self.rest.check().await, self.scim.check().await) {
            (Ok(rest), Ok(scim)) => (rest, scim),
            (Err(rest), Err(scim)) if (rest.kind, scim.kind) == (Kind::Credentials, Kind::Credentials) => {
                let message = format!(
                    "neither token is known, as though they were swapped: {}; {}",
                    rest.message, scim.message
                );
                return Err(Error { message, ..rest });
            }
            (Err(error), _) | (_, Err(error)) => return Err(error),
        };
        if !self.join.is_listed() {
            let mut page = self.accounts(None).await?;
            while let Some(cursor) = page.next {
                page = self.accounts(Some(&cursor)).await?;
            }
        }
        let summary = format!("REST {}; SCIM {}", rest.summary, scim.summary);
        Ok(Standing { summary, warnings: self.join.warnings() })
    }

    /// Read in both: the role is told by REST alone, and whoever is active in either has access. Where several share an
    /// address SCIM alone tells.
    async fn account(&self, by: By<'_>) -> Result<Option<Account>> {
        let Some(user) = self.scim.account(by).await? else { return Ok(None) };
        match self.in_rest("account", &user).await {
            Ok(Some(rest)) => Ok(Some(told_in_both(user, rest))),
            Ok(None) => Ok(Some(user)),
            Err(error) if error.kind == Kind::Ambiguous => Ok(Some(user)),
            Err(error) => Err(error),
        }
    }

    /// The pages are those of the SCIM server; REST is listed before the first.
    async fn accounts(&self, cursor: Option<&str>) -> Result<Page<Account>> {
        if cursor.is_none() {
            self.relist("accounts").await?;
            self.join.start_anew();
        }
        let page = self.scim.accounts(cursor).await?;
        let told = |user: Account| match self.join.meet(&user) {
            Match::One(rest) => told_in_both(user, *rest),
            Match::Nobody | Match::Several => user,
        };
        Ok(Page { items: page.items.into_iter().map(told).collect(), next: page.next })
    }

    /// By SCIM, which mails nobody; a role by REST. Where the app refuses the role, nobody is left behind.
    async fn create_account(&self, draft: &Draft) -> Result<Outcome<Account>> {
        let operation = "create_account";
        let role = match draft.roles.as_slice() {
            [] => None,
            roles => Some(self.rest.role(roles, operation)?),
        };
        let made = self.scim.create_account(draft).await?;
        let (Some(role), Outcome::Done(user)) = (role, &made) else { return Ok(made) };
        self.list_further(operation).await.map_err(|error| half_made(&error))?;
        self.join.meet(user);
        match self.give_role(operation, user, &role).await {
            Ok(()) => Ok(Outcome::Done(with_role(user.clone(), &role))),
            Err(refused) if refused.kind == Kind::Invalid => {
                self.scim.delete_account(user).await.map_err(|error| half_made(&error))?;
                self.join.forget(&user.id);
                Err(refused)
            }
            Err(error) => Err(half_made(&error)),
        }
    }

    /// The role by REST, and first, since it is what may be refused; everything else by SCIM.
    async fn update_account(&self, current: &Account, change: &Change) -> Result<Outcome<Account>> {
        let operation = "update_account";
        let role = match &change.roles {
            Some(roles) => Some(self.rest.role(roles, operation)?).filter(|role| !has_role(current, role)),
            None => None,
        };
        if let Some(role) = &role {
            let user = self.current(operation, current).await?;
            self.give_role(operation, &user, role).await?;
        }
        let rest_of_it = Change { roles: None, ..change.clone() };
        let changed = self.scim.update_account(current, &rest_of_it).await?;
        Ok(match (changed, role) {
            (changed, None) => changed,
            (Outcome::Already(_), Some(role)) => {
                Outcome::Done(with_role(Account { id: current.id.clone(), ..Account::default() }, &role))
            }
            (changed, Some(role)) => changed.map(|told| with_role(told, &role)),
        })
    }

    async fn deactivate(&self, account: &Account) -> Result<Outcome<()>> {
        self.scim.deactivate(account).await
    }

    async fn reactivate(&self, account: &Account) -> Result<Outcome<Account>> {
        self.scim.reactivate(account).await
    }

    /// The access ends by SCIM; then REST deletes whoever it shows under the same address, which cannot be undone.
    async fn delete_account(&self, account: &Account) -> Result<Outcome<()>> {
        let operation = "delete_account";
        let Some(user) = self.scim.account(By::Id(&account.id)).await? else {
            self.join.forget(&account.id);
            return Ok(Outcome::Already(()));
        };
        let Some(rest) = self.in_rest(operation, &user).await? else {
            return self.scim.delete_account(&user).await;
        };
        self.scim.deactivate(&user).await?;
        let deleted = self.rest.client.delete(operation, &rest.id).await?;
        self.join.forget(&account.id);
        Ok(deleted)
    }

    fn groups(&self) -> Option<&dyn Groups> {
        Adapter::groups(&self.scim)
    }
}
