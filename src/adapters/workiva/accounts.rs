//! The accounts of a workspace, in the words of the treaty.

use async_trait::async_trait;
use serde_json::{Map, Value};

use super::client::Client;
use super::roles::KnownRoles;
use crate::contract::{
    Account, Adapter, By, Capabilities, Change, Draft, Error, Groups, Kind, Outcome, Page, Result, Standing,
    State,
};

/// One workspace.
#[derive(Debug)]
pub(super) struct Workiva {
    pub client: Client,
    pub capabilities: Capabilities,
    pub roles: KnownRoles,
}

impl Workiva {
    async fn set_active(&self, operation: &'static str, id: &str, active: bool) -> Result<Account> {
        let body = Map::from_iter([("active".to_owned(), Value::Bool(active))]);
        let told = self.client.update(operation, id, body).await?;
        let opposite = if active { State::Inactive } else { State::Active };
        if told.state == Some(opposite) {
            let message = format!("Workiva answers `active: {}` where {active} was written", !active);
            return Err(Error::new(Kind::Unexpected, operation, message));
        }
        Ok(told)
    }

    async fn named(&self, account: Account, operation: &'static str) -> Account {
        let mut accounts = [account];
        self.roles.name(&self.client, &mut accounts, operation).await;
        let [account] = accounts;
        account
    }
}

/// A value no account is created without; a blank one is none.
pub(super) fn needed<'a>(value: Option<&'a String>, name: &str) -> Result<&'a str> {
    value.map(String::as_str).filter(|text| !text.trim().is_empty()).ok_or_else(|| {
        let message = format!("no {name}: Workiva creates no account without one");
        Error::new(Kind::Invalid, "create_account", message)
    })
}

#[async_trait]
impl Adapter for Workiva {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// One `GET /users` with one user on the page: proves the client, its secret and `iam:users:read`.
    async fn check(&self) -> Result<Standing> {
        self.client.first_user("check").await?;
        Ok(Standing { summary: "reached, users can be read".to_owned(), warnings: Vec::new() })
    }

    /// One call; and `GET /roles`, where the account has roles whose names are not remembered.
    async fn account(&self, by: By<'_>) -> Result<Option<Account>> {
        let operation = "account";
        let found = match by {
            By::Id(id) => self.client.user(operation, id).await?,
            By::Email(email) => self.client.user_by_email(operation, email).await?,
        };
        Ok(match found {
            Some(account) => Some(self.named(account, operation).await),
            None => None,
        })
    }

    /// The cursor is the app's own page token.
    async fn accounts(&self, cursor: Option<&str>) -> Result<Page<Account>> {
        let operation = "accounts";
        let mut page = self.client.users(operation, cursor).await?;
        self.roles.name(&self.client, &mut page.items, operation).await;
        Ok(page)
    }

    /// Roles are checked first, so that an unknown one leaves no account behind.
    async fn create_account(&self, draft: &Draft) -> Result<Outcome<Account>> {
        let operation = "create_account";
        let mut body = Map::new();
        let mut put = |name: &str, value: Value| body.insert(name.to_owned(), value);
        put("email", needed(draft.email.as_ref(), "e-mail address")?.into());
        put("firstName", needed(draft.given_name.as_ref(), "given name")?.into());
        put("lastName", needed(draft.family_name.as_ref(), "family name")?.into());
        if let Some(display_name) = &draft.display_name {
            put("displayName", display_name.as_str().into());
        }
        if !draft.active {
            put("active", false.into());
        }
        let roles = self.roles.ids(&self.client, &draft.roles, operation).await?;
        if !roles.is_empty() {
            put("roles", roles.into());
        }
        self.client.create(body).await.map(Outcome::Done)
    }

    /// Roles are written as the whole new list of ids, and not at all where that list is what the account has.
    async fn update_account(&self, current: &Account, change: &Change) -> Result<Outcome<Account>> {
        let operation = "update_account";
        let texts = [
            ("email", &change.email),
            ("firstName", &change.given_name),
            ("lastName", &change.family_name),
            ("displayName", &change.display_name),
        ];
        let mut body: Map<String, Value> = texts
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), Value::String(value.clone()?))))
            .collect();
        if let Some(wanted) = &change.roles {
            let ids = self.roles.ids(&self.client, wanted, operation).await?;
            if !has_exactly(current, &ids) {
                body.insert("roles".to_owned(), ids.into());
            }
        }
        if body.is_empty() {
            return Ok(Outcome::Already(current.clone()));
        }
        self.client.update(operation, &current.id, body).await.map(Outcome::Done)
    }

    async fn deactivate(&self, account: &Account) -> Result<Outcome<()>> {
        if account.state == Some(State::Inactive) {
            return Ok(Outcome::Already(()));
        }
        match self.set_active("deactivate", &account.id, false).await {
            Ok(_) => Ok(Outcome::Done(())),
            Err(error) if error.kind == Kind::NotFound => Ok(Outcome::Already(())),
            Err(error) => Err(error),
        }
    }

    async fn reactivate(&self, account: &Account) -> Result<Outcome<Account>> {
        if account.state == Some(State::Active) {
            return Ok(Outcome::Already(account.clone()));
        }
        self.set_active("reactivate", &account.id, true).await.map(Outcome::Done)
    }

    /// Permanent: there is no way back.
    async fn delete_account(&self, account: &Account) -> Result<Outcome<()>> {
        self.client.delete(&account.id).await
    }

    fn groups(&self) -> Option<&dyn Groups> {
        Some(self)
    }
}

/// Whether the account's roles, in any order, are these; not where the app did not tell them.
pub(super) fn has_exactly(account: &Account, ids: &[String]) -> bool {
    account
        .roles
        .as_ref()
        .is_some_and(|roles| roles.len() == ids.len() && roles.iter().all(|role| ids.contains(&role.value)))
}
