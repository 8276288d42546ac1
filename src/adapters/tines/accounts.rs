//! The accounts of a tenant, in the words of the treaty.

use async_trait::async_trait;
use serde_json::{Map, Value, json};

use super::client::Client;
use super::error::active_is_refused;
use super::settings::{DeactivateFallback, Rest};
use crate::adapters::answer;
use crate::contract::{
    Account, Adapter, By, Capabilities, Change, Draft, Error, Groups, Kind, Outcome, Page, Request, Result,
    Standing, State,
};

/// More pages than any tenant has: a listing that goes on for longer does not end.
const MOST_PAGES: u32 = 10_000;

/// One tenant.
#[derive(Debug)]
pub(super) struct Tines {
    pub client: Client,
    pub capabilities: Capabilities,
    pub settings: Rest,
}

impl Tines {
    /// Every account of the tenant, each once: people who move between pages while they are read come twice.
    pub(super) async fn everybody(&self, operation: &'static str) -> Result<Vec<Account>> {
        let (mut all, mut page) = (Vec::<Account>::new(), Some(1));
        let mut seen = std::collections::BTreeSet::new();
        while let Some(number) = page {
            let (accounts, next) = self.page(operation, number).await?;
            all.extend(accounts.into_iter().filter(|account| seen.insert(account.id.clone())));
            page = next;
        }
        Ok(all)
    }

    pub(super) async fn page(
        &self,
        operation: &'static str,
        number: u32,
    ) -> Result<(Vec<Account>, Option<u32>)> {
        if number > MOST_PAGES {
            let message = format!("the listing of users goes on after page {MOST_PAGES}");
            return Err(Error::new(Kind::Unexpected, operation, message));
        }
        self.client.users(operation, number, self.settings.per_page).await
    }

    async fn by_email(&self, email: &str) -> Result<Option<Account>> {
        answer::with_address("account", self.everybody("account").await?, email)
    }

    /// The one role of a list; the connection's default where it is empty.
    pub(super) fn role(&self, wanted: &[String], operation: &'static str) -> Result<String> {
        match wanted {
            [] => Ok(self.settings.default_role.clone()),
            [one] => Ok(one.clone()),
            _ => {
                let message = format!("{} roles: in Tines an account has one", wanted.len());
                Err(Error::new(Kind::Invalid, operation, message))
            }
        }
    }

    /// The app kept the account active: what the settings say is done now.
    async fn fall_back(&self, account: &Account) -> Result<Outcome<()>> {
        let operation = "deactivate";
        match self.settings.deactivate_fallback {
            DeactivateFallback::Error => Err(Error::unsupported(
                operation,
                "Tines keeps the account active; deactivate it in Tines, or set `rest.deactivate_fallback` to \
                 `strip_teams` or `delete`",
            )),
            DeactivateFallback::StripTeams => {
                self.strip_teams(account).await?;
                let instruction =
                    "deactivate the person's login in Tines: the teams are taken away, the login remains";
                Ok(Outcome::Waiting(Request::new(instruction)))
            }
            DeactivateFallback::Delete => self.client.delete(operation, &account.id).await,
        }
    }

    async fn strip_teams(&self, account: &Account) -> Result<()> {
        let operation = "deactivate";
        let Some(current) = self.client.user(operation, &account.id).await? else { return Ok(()) };
        let Some(teams) = current.groups else {
            let message =
                "Tines keeps the account active and does not tell its teams: deactivate it in Tines";
            return Err(Error::unsupported(operation, message));
        };
        for team in teams {
            self.client.leave_team(operation, &team, &account.id).await?;
        }
        Ok(())
    }

    async fn set_active(&self, operation: &'static str, id: &str, active: bool) -> Result<Account> {
        let body = Map::from_iter([("active".to_owned(), Value::Bool(active))]);
        self.client.update(operation, id, body).await
    }
}

fn needed<'a>(value: Option<&'a String>, name: &str) -> Result<&'a str> {
    value.map(String::as_str).filter(|text| !text.trim().is_empty()).ok_or_else(|| {
        Error::new(
            Kind::Invalid,
            "create_account",
            format!("no {name}: Tines creates no account without one"),
        )
    })
}

#[async_trait]
impl Adapter for Tines {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// One `GET /users` with one user on the page, so that the number of pages is the number of users.
    async fn check(&self) -> Result<Standing> {
        let visible = self.client.count("check").await?;
        let summary = match visible {
            Some(count) => format!("reached, {count} accounts visible"),
            None => "reached, accounts visible".to_owned(),
        };
        Ok(Standing { summary, warnings: Vec::new() })
    }

    /// By id: one call. By address: the whole listing, since somebody on another page may have the address too.
    async fn account(&self, by: By<'_>) -> Result<Option<Account>> {
        match by {
            By::Id(id) => self.client.user("account", id).await,
            By::Email(email) => self.by_email(email).await,
        }
    }

    /// The cursor is the number of the page.
    async fn accounts(&self, cursor: Option<&str>) -> Result<Page<Account>> {
        let number = match cursor {
            None => 1,
            Some(text) => text.parse().map_err(|_| {
                Error::new(Kind::Invalid, "accounts", format!("cursor `{text}`: a page number expected"))
            })?,
        };
        let (items, next) = self.page("accounts", number).await?;
        Ok(Page { items, next: next.map(|next| next.to_string()) })
    }

    /// The app mails an invitation each time; the account is there at once.
    async fn create_account(&self, draft: &Draft) -> Result<Outcome<Account>> {
        let body = json!({
            "email": needed(draft.email.as_ref(), "e-mail address")?,
            "first_name": needed(draft.given_name.as_ref(), "given name")?,
            "last_name": needed(draft.family_name.as_ref(), "family name")?,
            "role": self.role(&draft.roles, "create_account")?,
        });
        self.client.create(body).await.map(Outcome::Done)
    }

    /// Fields that Tines does not have, and those that are so already, are passed over; a change of nothing else is
    /// [`Outcome::Already`].
    async fn update_account(&self, current: &Account, change: &Change) -> Result<Outcome<Account>> {
        let operation = "update_account";
        let role = match &change.roles {
            Some(roles) => Some(self.role(roles, operation)?),
            None => None,
        };
        let known_role = current.roles.iter().flatten().next().map(|role| &role.value);
        let fields = [
            ("email", change.email.clone(), current.email.as_ref()),
            ("first_name", change.given_name.clone(), current.given_name.as_ref()),
            ("last_name", change.family_name.clone(), current.family_name.as_ref()),
            ("role", role, known_role),
        ];
        let body: Map<String, Value> = fields
            .into_iter()
            .filter(|(_, wanted, known)| wanted.as_ref() != *known)
            .filter_map(|(name, wanted, _)| Some((name.to_owned(), Value::String(wanted?))))
            .collect();
        if body.is_empty() {
            return Ok(Outcome::Already(current.clone()));
        }
        self.client.update(operation, &current.id, body).await.map(Outcome::Done)
    }

    /// Follows `rest.deactivate_fallback` only where the app itself says that the account stays active.
    async fn deactivate(&self, account: &Account) -> Result<Outcome<()>> {
        if account.state == Some(State::Inactive) {
            return Ok(Outcome::Already(()));
        }
        match self.set_active("deactivate", &account.id, false).await {
            Ok(told) if told.state == Some(State::Active) => self.fall_back(account).await,
            Ok(_) => Ok(Outcome::Done(())),
            Err(error) if error.kind == Kind::NotFound => Ok(Outcome::Already(())),
            Err(error) if active_is_refused(&error) => self.fall_back(account).await,
            Err(error) => Err(error),
        }
    }

    async fn reactivate(&self, account: &Account) -> Result<Outcome<Account>> {
        let operation = "reactivate";
        if account.state == Some(State::Active) {
            return Ok(Outcome::Already(account.clone()));
        }
        let told = self.set_active(operation, &account.id, true).await?;
        if told.state == Some(State::Inactive) {
            let message = "Tines keeps the account inactive: activate it in Tines";
            return Err(Error::unsupported(operation, message));
        }
        Ok(Outcome::Done(told))
    }

    /// Permanent: the id never comes back.
    async fn delete_account(&self, account: &Account) -> Result<Outcome<()>> {
        self.client.delete("delete_account", &account.id).await
    }

    fn groups(&self) -> Option<&dyn Groups> {
        Some(self)
    }
}
