//! The calls of the published guide, one function each.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::error::{APP, ask, found, not_served};
use super::settings::Rest;
use super::wire::{Listed, User, WireGroup, WireMember, WireRole};
use crate::adapters::answer;
use crate::contract::{Account, Error, Group, Kind, Outcome, Page, Result};
use crate::upstream::{ClientCredentials, Credential, Request, Response, Settings, Upstream, Wire, segment};

const USERS_READ: &str = "iam:users:read";
const USERS_WRITE: &str = "iam:users:write";
const GROUPS_READ: &str = "iam:groups:read";
const GROUPS_WRITE: &str = "iam:groups:write";
/// More pages than any workspace has: a listing that goes on for longer does not end.
const MOST_PAGES: usize = 10_000;

#[derive(Debug)]
pub(super) struct Client {
    upstream: Upstream,
    page_size: u32,
}

impl Client {
    pub(super) fn new(settings: Rest, wire: Wire) -> std::result::Result<Self, String> {
        let upstream = Upstream::new(Settings {
            base_url: settings.base_url,
            credential: Credential::Client(ClientCredentials {
                token_url: settings.token_url,
                client_id: settings.client_id,
                client_secret: settings.client_secret,
                scopes: settings.scopes,
            }),
            wire,
        })?;
        Ok(Self { upstream, page_size: settings.page_size })
    }

    /// `GET /users?pageSize=1`
    pub(super) async fn first_user(&self, operation: &'static str) -> Result<()> {
        let request = Request::get("/users").query("pageSize", "1");
        self.read::<Listed<User>>(operation, USERS_READ, request).await.map(drop)
    }

    /// `GET /users?pageSize=[&pageToken=]`: one page. A page that names itself as the next one is [`Kind::Unexpected`].
    pub(super) async fn users(&self, operation: &'static str, token: Option<&str>) -> Result<Page<Account>> {
        let request = Request::get("/users").query("pageSize", self.page_size.to_string());
        let page: Listed<User> = self.read(operation, USERS_READ, continued(request, token)).await?;
        if page.next().is_some() && page.next() == token {
            return Err(endless(operation));
        }
        let next = page.next().map(str::to_owned);
        Ok(Page { items: page.data.into_iter().map(Account::from).collect(), next })
    }

    /// `GET /users?email=`; whatever has another address is passed over, and every page is read: several may have it.
    pub(super) async fn user_by_email(
        &self,
        operation: &'static str,
        email: &str,
    ) -> Result<Option<Account>> {
        let request = Request::get("/users").query("email", email);
        let (mut tokens, mut token) = (BTreeSet::new(), None::<String>);
        let mut found = BTreeMap::new();
        loop {
            let request = continued(request.clone(), token.as_deref());
            let page: Listed<User> = self.read(operation, USERS_READ, request).await?;
            token = page.next().map(str::to_owned);
            let accounts = page.data.into_iter().map(Account::from);
            found.extend(accounts.map(|account| (account.id.clone(), account)));
            match &token {
                None => return answer::with_address(operation, found.into_values(), email),
                Some(token) => keep_going(operation, &mut tokens, token)?,
            }
        }
    }

    /// `GET /users/{id}`; 404 is `None`.
    pub(super) async fn user(&self, operation: &'static str, id: &str) -> Result<Option<Account>> {
        let user = self.read::<User>(operation, USERS_READ, Request::get(user_path(id))).await;
        Ok(found(user)?.map(Account::from))
    }

    /// `POST /users`
    pub(super) async fn create(&self, body: Map<String, Value>) -> Result<Account> {
        let operation = "create_account";
        let request = Request::post("/users").json(Value::Object(body));
        let response = self.ask(operation, USERS_WRITE, request).await?;
        answer::json_of_create::<User>(operation, &response).map(Account::from)
    }

    /// `PATCH /users/{id}` with the fields that change; an answer without a body tells nothing but the id.
    pub(super) async fn update(
        &self,
        operation: &'static str,
        id: &str,
        body: Map<String, Value>,
    ) -> Result<Account> {
        let request = Request::patch(user_path(id)).json(Value::Object(body));
        let response = self.ask(operation, USERS_WRITE, request).await?;
        if response.body.is_empty() {
            return Ok(Account { id: id.to_owned(), ..Account::default() });
        }
        answer::json::<User>(operation, &response).map(Account::from)
    }

    /// `DELETE /users/{id}`; 404 is [`Outcome::Already`].
    pub(super) async fn delete(&self, id: &str) -> Result<Outcome<()>> {
        let deleted = self.ask("delete_account", USERS_WRITE, Request::delete(user_path(id))).await;
        Ok(found(deleted)?.map_or(Outcome::Already(()), |_| Outcome::Done(())))
    }

    /// `GET /roles`
    pub(super) async fn roles(&self, operation: &'static str) -> Result<Vec<WireRole>> {
        self.list(operation, USERS_READ, Request::get("/roles")).await
    }

    /// `GET /groups`
    pub(super) async fn groups(&self) -> Result<Vec<Group>> {
        let groups: Vec<WireGroup> = self.list("groups", GROUPS_READ, Request::get("/groups")).await?;
        Ok(groups.into_iter().map(Group::from).collect())
    }

    /// `GET /groups/{id}/members`
    pub(super) async fn members(&self, operation: &'static str, group: &str) -> Result<Vec<String>> {
        let request = Request::get(members_path(group));
        let members: Vec<WireMember> = self.list(operation, GROUPS_READ, request).await?;
        Ok(members.into_iter().map(WireMember::into_id).collect())
    }

    /// `POST /groups/{id}/members`; being in it already is [`Outcome::Already`].
    pub(super) async fn add_member(&self, group: &str, user: &str) -> Result<Outcome<()>> {
        let operation = "add_member";
        let request = Request::post(members_path(group)).json(json!({ "userId": user }));
        match self.ask(operation, GROUPS_WRITE, request).await {
            Ok(response) if answer::says_nothing(&response) => {
                let inside = self.members(operation, group).await?;
                if inside.iter().any(|id| id == user) {
                    Ok(Outcome::Done(()))
                } else {
                    Err(answer::not_shown(APP, operation))
                }
            }
            Ok(_) => Ok(Outcome::Done(())),
            Err(error) if error.kind == Kind::Conflict => Ok(Outcome::Already(())),
            Err(error) => Err(error),
        }
    }

    /// `DELETE /groups/{id}/members/{user}`; a 404 of a group that is there is [`Outcome::Already`].
    pub(super) async fn remove_member(&self, group: &str, user: &str) -> Result<Outcome<()>> {
        let operation = "remove_member";
        let path = format!("{}/{}", members_path(group), segment(user));
        match self.ask(operation, GROUPS_WRITE, Request::delete(path)).await {
            Ok(_) => Ok(Outcome::Done(())),
            Err(error) if error.kind == Kind::NotFound && self.has_group(operation, group).await? => {
                Ok(Outcome::Already(()))
            }
            Err(error) => Err(error),
        }
    }

    /// `POST /groups`: in the guide's scope table and on no page of its own.
    pub(super) async fn create_group(&self, name: &str) -> Result<Group> {
        let operation = "create_group";
        let request = Request::post("/groups").json(json!({ "name": name }));
        match self.ask(operation, GROUPS_WRITE, request).await {
            Ok(response) => {
                let group: WireGroup = answer::json_of_create(operation, &response)?;
                Ok(WireGroup { name: group.name.or_else(|| Some(name.to_owned())), ..group }.into())
            }
            Err(error) if error.kind == Kind::NotFound => Err(not_served(operation)),
            Err(error) => Err(error),
        }
    }

    /// `PATCH /groups/{id}`: in the guide's scope table and on no page of its own.
    pub(super) async fn rename_group(&self, group: &str, name: &str) -> Result<()> {
        let operation = "rename_group";
        let request = Request::patch(format!("/groups/{}", segment(group))).json(json!({ "name": name }));
        match self.ask(operation, GROUPS_WRITE, request).await {
            Ok(_) => Ok(()),
            Err(error) if error.kind == Kind::NotFound && self.has_group(operation, group).await? => {
                Err(not_served(operation))
            }
            Err(error) => Err(error),
        }
    }

    /// `DELETE /groups/{id}`: nowhere in the guide, and tried; not there is [`Outcome::Already`].
    pub(super) async fn delete_group(&self, group: &str) -> Result<Outcome<()>> {
        let operation = "delete_group";
        let request = Request::delete(format!("/groups/{}", segment(group)));
        match self.ask(operation, GROUPS_WRITE, request).await {
            Ok(_) => Ok(Outcome::Done(())),
            Err(error) if error.kind == Kind::NotFound && self.has_group(operation, group).await? => {
                Err(not_served(operation))
            }
            Err(error) if error.kind == Kind::NotFound => Ok(Outcome::Already(())),
            Err(error) => Err(error),
        }
    }

    /// Whether a 404 was not about the group: one call more, and only after a 404.
    async fn has_group(&self, operation: &'static str, group: &str) -> Result<bool> {
        let answered = self.ask(operation, GROUPS_READ, Request::get(members_path(group))).await;
        Ok(found(answered)?.is_some())
    }

    /// All pages of a listing.
    async fn list<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        scope: &'static str,
        request: Request,
    ) -> Result<Vec<T>> {
        let (mut all, mut tokens, mut token) = (Vec::new(), BTreeSet::new(), None::<String>);
        loop {
            let request = continued(request.clone(), token.as_deref());
            let page: Listed<T> = self.read(operation, scope, request).await?;
            token = page.next().map(str::to_owned);
            all.extend(page.data);
            match &token {
                None => return Ok(all),
                Some(token) => keep_going(operation, &mut tokens, token)?,
            }
        }
    }

    async fn ask(&self, operation: &'static str, scope: &'static str, request: Request) -> Result<Response> {
        ask(&self.upstream, operation, scope, request).await
    }

    async fn read<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        scope: &'static str,
        request: Request,
    ) -> Result<T> {
        let response = self.ask(operation, scope, request).await?;
        answer::json(operation, &response)
    }
}

fn user_path(id: &str) -> String {
    format!("/users/{}", segment(id))
}

fn members_path(group: &str) -> String {
    format!("/groups/{}/members", segment(group))
}

fn continued(request: Request, token: Option<&str>) -> Request {
    match token {
        Some(token) => request.query("pageToken", token),
        None => request,
    }
}

fn keep_going(operation: &'static str, tokens: &mut BTreeSet<String>, token: &str) -> Result<()> {
    if tokens.len() < MOST_PAGES && tokens.insert(token.to_owned()) {
        Ok(())
    } else {
        Err(endless(operation))
    }
}

fn endless(operation: &'static str) -> Error {
    Error::new(Kind::Unexpected, operation, "the listing does not end: a page token came twice")
}
