//! Both interfaces of a workspace: SCIM for who is in it and how they are called, REST for everything that is read, for
//! roles, for members of groups and for what is deleted for good.
//!
//! An account is known by its id in the REST API, where it is read.

use async_trait::async_trait;
use serde_json::Map;

use super::accounts::{Workiva, has_exactly, needed};
use super::join::{Links, compare};
use crate::adapters::provider::Provider;
use crate::base::fold::key;
use crate::contract::{
    Account, Adapter, By, Capabilities, Change, Draft, Error, Groups, Kind, Outcome, Page, Result, Standing,
    State,
};

/// One workspace with both credentials.
#[derive(Debug)]
pub(super) struct Hybrid {
    pub capabilities: Capabilities,
    pub rest: Workiva,
    pub scim: Provider,
    pub links: Links,
}

/// What is done to a user by SCIM.
#[derive(Debug)]
enum Step {
    Change(Change),
    Activate(bool),
}

fn of(operation: &'static str) -> impl Fn(Error) -> Error {
    move |error| Error { operation, ..error }
}

fn gone(operation: &'static str) -> Error {
    Error::new(Kind::NotFound, operation, "`workiva` has no such user")
}

/// The account was made; what came after it was not done, or is not known.
fn half_made(error: Error) -> Error {
    if error.kind == Kind::Ambiguous {
        return error;
    }
    let message = format!("SCIM created the account, and REST did not finish it: {}", error.message);
    Error::new(Kind::Unknown, error.operation, message)
}

impl Hybrid {
    /// The SCIM user of an account; `None` where SCIM shows nobody with its address.
    async fn joined(&self, operation: &'static str, account: &Account) -> Result<Option<Account>> {
        let as_known_there = |id: String| Account { id, ..account.clone() };
        if let Some(id) = self.links.get(&account.id) {
            return Ok(Some(as_known_there(id)));
        }
        let found = self.look(operation, account).await?;
        if let Some(user) = &found {
            self.links.join(&account.id, &user.id);
        }
        Ok(found.map(|user| as_known_there(user.id)))
    }

    /// What the caller remembers may be old: where it joins nobody, REST is asked how the account is called now.
    async fn look(&self, operation: &'static str, account: &Account) -> Result<Option<Account>> {
        let told = account.email.as_deref();
        if let Some(email) = told
            && let Some(user) = self.look_for(operation, account, email).await?
        {
            return Ok(Some(user));
        }
        let now = self.rest.client.user(operation, &account.id).await?.ok_or_else(|| gone(operation))?;
        match &now.email {
            Some(email) if told.map(key) != Some(key(email)) => {
                self.look_for(operation, account, email).await
            }
            Some(_) | None => Ok(None),
        }
    }

    /// The same id and address are one person. With another id the address has to be the account's, and nobody else's.
    async fn look_for(
        &self,
        operation: &'static str,
        account: &Account,
        email: &str,
    ) -> Result<Option<Account>> {
        let Some(user) = self.scim.account(By::Email(email)).await.map_err(of(operation))? else {
            return Ok(None);
        };
        if user.id == account.id {
            return Ok(Some(user));
        }
        let owner = self.rest.client.user_by_email(operation, email).await?;
        Ok(owner.filter(|owner| owner.id == account.id).map(|_| user))
    }

    /// Takes a step by SCIM and answers the account as REST would tell it; `None` where SCIM does not show it.
    async fn by_scim(
        &self,
        operation: &'static str,
        account: &Account,
        step: &Step,
    ) -> Result<Option<Account>> {
        for _ in 0..2 {
            let Some(user) = self.joined(operation, account).await? else { return Ok(None) };
            match self.take(operation, &user, step).await {
                // Who was joined has left, and may have come back under another id.
                Err(error) if error.kind == Kind::NotFound => self.links.forget(&account.id),
                taken => return taken.map(|told| Some(as_rest_tells(&account.id, told))),
            }
        }
        Ok(None)
    }

    async fn take(&self, operation: &'static str, user: &Account, step: &Step) -> Result<Account> {
        let told = match step {
            Step::Change(change) => self.scim.update_account(user, change).await,
            Step::Activate(true) => self.scim.reactivate(user).await,
            Step::Activate(false) => match self.scim.deactivate(user).await {
                Ok(Outcome::Already(())) => return Err(gone(operation)),
                done => done.map(|done| done.map(|()| inactive(user))),
            },
        };
        told.map_err(of(operation))?.value().ok_or_else(|| gone(operation))
    }

    /// Whom SCIM created, as REST tells them, and whoever else has the address is not taken for them.
    async fn met_again(&self, operation: &'static str, created: &Account, email: &str) -> Result<Account> {
        let found = self.rest.client.user_by_email(operation, email).await.map_err(half_made)?;
        let Some(found) = found else {
            let message = "REST does not show the account yet";
            return Err(half_made(Error::new(Kind::Unknown, operation, message)));
        };
        self.links.join(&found.id, &created.id);
        let mut account = as_rest_tells(&found.id, created.clone());
        account.merge(found);
        Ok(account)
    }

    async fn everybody(&self) -> Result<(Vec<Account>, Vec<Account>)> {
        let (mut rest, mut cursor) = (Vec::new(), None);
        loop {
            let page = self.rest.client.users("check", cursor.as_deref()).await?;
            rest.extend(page.items);
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        let mut scim = Vec::new();
        loop {
            let page = self.scim.accounts(cursor.as_deref()).await.map_err(of("check"))?;
            scim.extend(page.items);
            cursor = page.next;
            if cursor.is_none() {
                return Ok((rest, scim));
            }
        }
    }
}

fn inactive(user: &Account) -> Account {
    Account { id: user.id.clone(), state: Some(State::Inactive), ..Account::default() }
}

/// What SCIM told of an account, under the id of the REST API and without what that does not know.
fn as_rest_tells(id: &str, told: Account) -> Account {
    Account { id: id.to_owned(), user_name: None, external_id: None, groups: None, roles: None, ..told }
}

#[async_trait]
impl Adapter for Hybrid {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// Both listings, so that whoever cannot be joined is found before they are to be changed.
    async fn check(&self) -> Result<Standing> {
        let (rest, scim) = match self.everybody().await {
            Ok(both) => both,
            Err(error) if error.kind == Kind::Credentials => return Err(self.both_credentials(error).await),
            Err(error) => return Err(error),
        };
        let found = compare(&rest, &scim);
        let mut warnings = Vec::new();
        if !found.ambiguous.is_empty() {
            warnings.push(format!(
                "several users share an address, and none of them is changed by SCIM: {}; give each its own in Workiva",
                found.ambiguous.join(", ")
            ));
        }
        if !found.alone.is_empty() {
            let who = found.alone.len();
            warnings
                .push(format!("SCIM does not show {who} of the accounts: they are changed by REST alone"));
        }
        let summary =
            format!("reached by REST and SCIM, {} accounts visible, {} in both", rest.len(), found.joined);
        Ok(Standing { summary, warnings })
    }

    async fn account(&self, by: By<'_>) -> Result<Option<Account>> {
        self.rest.account(by).await
    }

    async fn accounts(&self, cursor: Option<&str>) -> Result<Page<Account>> {
        self.rest.accounts(cursor).await
    }

    /// By SCIM; then REST tells the id, and gets the roles, and the display name where SCIM did not keep it.
    async fn create_account(&self, draft: &Draft) -> Result<Outcome<Account>> {
        let operation = "create_account";
        let email = needed(draft.email.as_ref(), "e-mail address")?;
        let roles = self.rest.roles.ids(&self.rest.client, &draft.roles, operation).await?;
        let created = self.scim.create_account(draft).await?.value().ok_or_else(|| gone(operation))?;
        let mut account = self.met_again(operation, &created, email).await?;
        let mut body = Map::new();
        if !roles.is_empty() && !has_exactly(&account, &roles) {
            body.insert("roles".to_owned(), roles.into());
        }
        if let Some(name) =
            draft.display_name.as_ref().filter(|name| account.display_name.as_ref() != Some(name))
        {
            body.insert("displayName".to_owned(), name.as_str().into());
        }
        if !body.is_empty() {
            if body.contains_key("roles") {
                account.roles = None;
            }
            account.display_name = draft.display_name.clone().or(account.display_name);
            account.merge(self.rest.client.update(operation, &account.id, body).await.map_err(half_made)?);
        }
        Ok(Outcome::Done(account))
    }

    /// Names and the address by SCIM, roles by REST; all by REST where SCIM does not show the account.
    async fn update_account(&self, current: &Account, change: &Change) -> Result<Outcome<Account>> {
        let operation = "update_account";
        let person = Change { roles: None, ..change.clone() };
        let roles = Change { roles: change.roles.clone(), ..Change::default() };
        if let Some(wanted) = &change.roles {
            self.rest.roles.ids(&self.rest.client, wanted, operation).await?;
        }
        if person.is_empty() {
            return self.rest.update_account(current, change).await;
        }
        let Some(mut told) = self.by_scim(operation, current, &Step::Change(person)).await? else {
            return self.rest.update_account(current, change).await;
        };
        if !roles.is_empty()
            && let Outcome::Done(given) = self.rest.update_account(current, &roles).await?
        {
            told.merge(given);
        }
        Ok(Outcome::Done(told))
    }

    /// By SCIM; the caller reads it back by REST.
    async fn deactivate(&self, account: &Account) -> Result<Outcome<()>> {
        if account.state == Some(State::Inactive) {
            return Ok(Outcome::Already(()));
        }
        match self.by_scim("deactivate", account, &Step::Activate(false)).await {
            Ok(Some(_)) => Ok(Outcome::Done(())),
            Ok(None) => self.rest.deactivate(account).await,
            Err(error) if error.kind == Kind::NotFound => Ok(Outcome::Already(())),
            Err(error) => Err(error),
        }
    }

    async fn reactivate(&self, account: &Account) -> Result<Outcome<Account>> {
        if account.state == Some(State::Active) {
            return Ok(Outcome::Already(account.clone()));
        }
        match self.by_scim("reactivate", account, &Step::Activate(true)).await? {
            Some(told) => Ok(Outcome::Done(told)),
            None => self.rest.reactivate(account).await,
        }
    }

    /// By REST, whose deletion the guide describes as permanent.
    async fn delete_account(&self, account: &Account) -> Result<Outcome<()>> {
        let deleted = self.rest.delete_account(account).await?;
        self.links.forget(&account.id);
        Ok(deleted)
    }

    fn groups(&self) -> Option<&dyn Groups> {
        Some(self)
    }
}

impl Hybrid {
    /// Where one credential is refused the other may be too: an operator who swapped them is told of both at once.
    async fn both_credentials(&self, first: Error) -> Error {
        let (rest, scim) = (self.rest.check().await, self.scim.check().await);
        match (rest, scim) {
            (Err(rest), Err(scim)) if rest.kind == Kind::Credentials && scim.kind == Kind::Credentials => {
                Error { message: format!("{}; and {}", rest.message, scim.message), ..first }
            }
            _ => first,
        }
    }
}
