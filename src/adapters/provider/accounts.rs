//! The users of a service provider, in the words of the treaty.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::Provider;
use super::listing::Walk;
use super::profile::{Offer, RoleAttribute, Write};
use super::told::{self, Resource};
use super::user::{self, Want};
use super::wire::{self, Refused, Told};
use crate::adapters::answer;
use crate::contract::{
    Account, Adapter, By, Capabilities, Change, Draft, Error, Groups, Held, Kind, Outcome, Page, Result,
    Standing, State,
};
use crate::upstream::{Request, segment};

const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// The body of a PATCH (RFC 7644 §3.5.2).
pub(super) fn patch_body(operations: &[Value]) -> Value {
    json!({ "schemas": [PATCH], "Operations": operations })
}

fn user_path(id: &str) -> String {
    format!("/Users/{}", segment(id))
}

impl Provider {
    fn account_of(&self, operation: &'static str, user: &Resource) -> Result<Account> {
        user::account(user, &self.profile)
            .ok_or_else(|| Error::new(Kind::Unexpected, operation, "a user was told without an `id`"))
    }

    async fn user(&self, operation: &'static str, id: &str) -> std::result::Result<Option<Told>, Refused> {
        self.client.read(operation, user_path(id), id).await
    }

    async fn known_user(&self, operation: &'static str, id: &str) -> std::result::Result<Told, Refused> {
        self.user(operation, id).await?.ok_or_else(|| Refused::of_answer(gone(operation, self.profile.app)))
    }

    /// Brings a user to what is wanted, as the profile says; nothing is sent where all of it is so.
    async fn change(&self, operation: &'static str, id: &str, wants: &[Want]) -> Result<Outcome<Account>> {
        if self.patches(operation).await {
            match self.patch(operation, id, wants).await {
                Ok(user) => return self.changed(operation, id, user),
                Err(refused) if self.profile.write == Write::Either && refused.is_no_call() => {
                    if refused.is_certain() {
                        self.learnt.no_patch.set();
                    }
                }
                Err(refused) => return Err(refused.into()),
            }
        }
        let known = self.known_user(operation, id).await?;
        let written = self.put(operation, id, known, wants).await?;
        // The user was there all the time, so what was not was PATCH.
        if self.profile.write == Write::Either {
            self.learnt.no_patch.set();
        }
        Ok(written)
    }

    async fn patches(&self, operation: &'static str) -> bool {
        match self.profile.write {
            Write::Patch => true,
            Write::Put => false,
            Write::Either if self.learnt.no_patch.is_set() => false,
            Write::Either => self.learnt.config(&self.client, operation).await.patch != Some(false),
        }
    }

    fn changed(&self, operation: &'static str, id: &str, mut user: Resource) -> Result<Outcome<Account>> {
        match told::text_of(&user, "id") {
            Some(told) if told != id => {
                let message = format!("`{}` answered another user than the one changed", self.profile.app);
                Err(Error::new(Kind::Unexpected, operation, message))
            }
            _ => {
                told::set(&mut user, "id", json!(id));
                self.account_of(operation, &user).map(Outcome::Done)
            }
        }
    }

    /// Gives roles where nobody says that there is a way. They count as given where the app shows them.
    ///
    /// [`Kind::Unsupported`] where it refuses them, or takes them and shows others.
    async fn try_roles(&self, operation: &'static str, id: &str, roles: &[String]) -> Result<Account> {
        let app = self.profile.app;
        let cannot = |why: &str| {
            let message = format!("`{app}` takes no role by SCIM{why}: give it in the app itself");
            Error::unsupported(operation, message)
        };
        if self.profile.role == RoleAttribute::None || self.learnt.no_roles.is_set() {
            return Err(cannot(""));
        }
        let wants = [Want::Roles(roles.to_vec())];
        let tried = if self.patches(operation).await {
            self.patch(operation, id, &wants).await
        } else {
            let known = self.known_user(operation, id).await?;
            self.put(operation, id, known, &wants).await?;
            Ok(Resource::new())
        };
        let mut user = match tried {
            Ok(user) => user,
            Err(refused) if refused.is_about_form() || refused.is_immutable() => {
                if refused.status == Some(404) {
                    // It may have been about the user.
                    self.known_user(operation, id).await?;
                }
                if refused.is_no_call() || refused.is_immutable() {
                    self.learnt.no_roles.set();
                }
                return Err(cannot(&format!(" ({})", refused.error.message)));
            }
            Err(refused) => return Err(refused.into()),
        };
        if told::attribute(&user, "roles").is_none() {
            user = self.known_user(operation, id).await?.resource;
        }
        let account = self.account_of(operation, &user)?;
        let shown: Vec<&String> = account.roles.iter().flatten().map(|role| &role.value).collect();
        if shown.iter().copied().eq(roles) {
            return Ok(account);
        }
        self.learnt.no_roles.set();
        Err(cannot(" (it answered with success and does not show it)"))
    }

    /// A list is written whole, so that what else is in it has to be read before.
    async fn patch(
        &self,
        operation: &'static str,
        id: &str,
        wants: &[Want],
    ) -> std::result::Result<Resource, Refused> {
        let mut known = None;
        if wants.iter().any(user::needs_whole) {
            known = Some(self.known_user(operation, id).await?);
        }
        let mut again = true;
        loop {
            let resource = known.as_ref().map(|known| &known.resource);
            let operations: Vec<Value> =
                wants.iter().map(|want| user::operation(want, resource, self.profile.role)).collect();
            let request = Request::patch(user_path(id))
                .json(patch_body(&operations))
                .if_match(known.as_ref().and_then(|known| known.version.clone()));
            match self.client.send(operation, request).await {
                Err(refused) if refused.is_version() && again => {
                    again = false;
                    known = Some(self.known_user(operation, id).await?);
                }
                Err(refused) => return Err(refused),
                Ok(response) => {
                    return wire::told_of_change(operation, &response).map_err(Refused::of_answer);
                }
            }
        }
    }

    async fn put(
        &self,
        operation: &'static str,
        id: &str,
        mut known: Told,
        wants: &[Want],
    ) -> Result<Outcome<Account>> {
        let mut again = true;
        loop {
            if user::has_all(&known.resource, wants, self.profile.role) {
                return self.account_of(operation, &known.resource).map(Outcome::Already);
            }
            let body = user::whole(&known.resource, wants, self.profile.role);
            let request =
                Request::put(user_path(id)).json(Value::Object(body)).if_match(known.version.clone());
            match self.client.send(operation, request).await {
                Err(refused) if refused.is_version() && again => {
                    again = false;
                    known = self.known_user(operation, id).await?;
                }
                Err(refused) => return Err(refused.into()),
                Ok(response) => {
                    let user = wire::told_of_change(operation, &response)?;
                    return self.changed(operation, id, user);
                }
            }
        }
    }
}

fn gone(operation: &'static str, app: &str) -> Error {
    Error::new(Kind::NotFound, operation, format!("`{app}` has no such user"))
}

#[async_trait]
impl Adapter for Provider {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// `GET /Users` with one user on the page.
    async fn check(&self) -> Result<Standing> {
        let summary = match self.count_users("check").await? {
            Some(count) => format!("reached, {count} accounts visible"),
            None => "reached, accounts visible".to_owned(),
        };
        Ok(Standing { summary, warnings: Vec::new() })
    }

    async fn account(&self, by: By<'_>) -> Result<Option<Account>> {
        let user = match by {
            By::Id(id) => self.user("account", id).await?.map(|told| told.resource),
            By::Email(login) => self.find(login).await?,
        };
        user.map(|user| self.account_of("account", &user)).transpose()
    }

    /// A page that does not fit to the ones before it is [`Kind::Unexpected`]. A cursor is good for one page.
    async fn accounts(&self, cursor: Option<&str>) -> Result<Page<Account>> {
        let operation = "accounts";
        let walk = match cursor {
            None => Some(Walk::new("/Users", operation)),
            Some(cursor) => self.walks.get(cursor),
        };
        let Some(mut walk) = walk else {
            return Err(Error::new(Kind::Unexpected, operation, "the cursor is not of a listing under way"));
        };
        let users = self.walk(&mut walk).await?;
        let items = users.iter().map(|user| self.account_of(operation, user)).collect::<Result<_>>()?;
        if let Some(cursor) = cursor {
            self.walks.forget(cursor);
        }
        let next = (!walk.ended).then(|| self.walks.keep(walk));
        Ok(Page { items, next })
    }

    async fn create_account(&self, draft: &Draft) -> Result<Outcome<Account>> {
        let operation = "create_account";
        if let Some(missing) = user::missing(draft, &self.profile.accounts) {
            let message = format!("no {missing}: `{}` creates no account without one", self.profile.app);
            return Err(Error::new(Kind::Invalid, operation, message));
        }
        let body = user::of_draft(draft, &self.profile);
        let response = self.client.send(operation, Request::post("/Users").json(Value::Object(body))).await?;
        let user: Resource = answer::json_of_create(operation, &response)?;
        let mut account = user::account(&user, &self.profile).ok_or_else(|| {
            let message = format!("`{}` created a user and did not say its `id`", self.profile.app);
            Error::new(Kind::Unknown, operation, message)
        })?;
        if self.profile.accounts.roles == Held::Tried && !draft.roles.is_empty() {
            match self.try_roles(operation, &account.id, &draft.roles).await {
                Ok(told) => account.merge(told),
                // Nobody is kept out for want of a role, which stays with the gateway.
                Err(error) if error.kind == Kind::Unsupported => {}
                Err(error) => {
                    let message =
                        format!("the user was created, and its role is not known: {}", error.message);
                    return Err(Error::new(Kind::Unknown, operation, message));
                }
            }
        }
        Ok(Outcome::Done(account))
    }

    /// By PATCH one call, two where the address changes in a list of addresses; by PUT two. A role that is only tried is
    /// a call of its own.
    async fn update_account(&self, current: &Account, change: &Change) -> Result<Outcome<Account>> {
        let operation = "update_account";
        let mut wants = user::of_change(current, change, &self.profile);
        if self.profile.accounts.roles == Held::Tried
            && let Some(roles) = &change.roles
        {
            // First, since it is what may be refused.
            wants.retain(|want| !matches!(want, Want::Roles(_)));
            let told = self.try_roles(operation, &current.id, roles).await?;
            if wants.is_empty() {
                return Ok(Outcome::Done(told));
            }
        }
        if wants.is_empty() {
            return Ok(Outcome::Already(current.clone()));
        }
        self.change(operation, &current.id, &wants).await
    }

    async fn deactivate(&self, account: &Account) -> Result<Outcome<()>> {
        if account.state == Some(State::Inactive) {
            return Ok(Outcome::Already(()));
        }
        match self.change("deactivate", &account.id, &[Want::Active(false)]).await {
            Err(error) if error.kind == Kind::NotFound => Ok(Outcome::Already(())),
            changed => Ok(changed?.map(|_| ())),
        }
    }

    async fn reactivate(&self, account: &Account) -> Result<Outcome<Account>> {
        if account.state == Some(State::Active) {
            return Ok(Outcome::Already(account.clone()));
        }
        self.change("reactivate", &account.id, &[Want::Active(true)]).await
    }

    async fn delete_account(&self, account: &Account) -> Result<Outcome<()>> {
        let operation = "delete_account";
        let cannot = || Error::unsupported(operation, format!("`{}` deletes nobody", self.profile.app));
        if self.profile.delete == Offer::No || self.learnt.no_delete.is_set() {
            return Err(cannot());
        }
        let refused = match self.client.send(operation, Request::delete(user_path(&account.id))).await {
            Ok(_) => return Ok(Outcome::Done(())),
            Err(refused) if refused.is_no_call() => refused,
            Err(refused) => return Err(refused.into()),
        };
        // Where nobody says that there is such a call, 404 may be about the call.
        let is_sure = self.profile.delete == Offer::Yes;
        if !refused.is_certain() && (is_sure || self.user(operation, &account.id).await?.is_none()) {
            return Ok(Outcome::Already(()));
        }
        if !is_sure {
            self.learnt.no_delete.set();
        }
        Err(cannot())
    }

    fn groups(&self) -> Option<&dyn Groups> {
        self.profile.groups.map(|_| self as &dyn Groups)
    }
}
