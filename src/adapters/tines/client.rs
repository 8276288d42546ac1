//! The calls of the published guide, one function each.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::error::explained;
use super::settings::Rest;
use super::wire::{Meta, Team, Teams, User, Users};
use crate::adapters::answer;
use crate::contract::{Account, Error, Group, Kind, Outcome, Result};
use crate::upstream::{Credential, Request, Response, Settings, Upstream, Wire, segment};

const APP: &str = "tines";
/// More pages of teams than any tenant has.
const MOST_TEAM_PAGES: u32 = 1_000;

#[derive(Debug)]
pub(super) struct Client {
    upstream: Upstream,
}

impl Client {
    pub(super) fn new(settings: &Rest, wire: Wire) -> std::result::Result<Self, String> {
        let upstream = Upstream::new(Settings {
            base_url: settings.base_url.clone(),
            credential: Credential::Bearer(settings.api_token.clone()),
            wire,
        })?;
        Ok(Self { upstream })
    }

    /// `GET /users?page=1&per_page=1`: how many users there are, where the app says how many pages that makes.
    pub(super) async fn count(&self, operation: &'static str) -> Result<Option<u32>> {
        let users: Users = self.read(operation, users_page(1, 1)).await?;
        Ok(users.meta.total_pages)
    }

    /// `GET /users?page=&per_page=`: one page, and the number of the next.
    pub(super) async fn users(
        &self,
        operation: &'static str,
        page: u32,
        per_page: u32,
    ) -> Result<(Vec<Account>, Option<u32>)> {
        let Users { users, meta } = self.read(operation, users_page(page, per_page)).await?;
        let full = u32::try_from(users.len()).is_ok_and(|count| count >= per_page);
        let next = next_page(operation, &meta, page, full)?;
        Ok((users.into_iter().map(Account::from).collect(), next))
    }

    /// `GET /users/{id}`; 404 is `None`.
    pub(super) async fn user(&self, operation: &'static str, id: &str) -> Result<Option<Account>> {
        match self.read::<User>(operation, Request::get(user_path(id))).await {
            Ok(user) => Ok(Some(user.into())),
            Err(error) if error.kind == Kind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// `POST /users`; sent once, since each one mails an invitation.
    pub(super) async fn create(&self, body: Value) -> Result<Account> {
        let operation = "create_account";
        let response = self.ask(operation, Request::post("/users").json(body)).await?;
        answer::json_of_create::<User>(operation, &response).map(Account::from)
    }

    /// `PUT /users/{id}` with the fields that change; an answer without a body tells nothing but the id.
    pub(super) async fn update(
        &self,
        operation: &'static str,
        id: &str,
        body: Map<String, Value>,
    ) -> Result<Account> {
        let request = Request::put(user_path(id)).json(Value::Object(body));
        let response = self.ask(operation, request).await?;
        if response.body.is_empty() {
            return Ok(Account { id: id.to_owned(), ..Account::default() });
        }
        answer::json::<User>(operation, &response).map(Account::from)
    }

    /// `DELETE /users/{id}`; 404 is [`Outcome::Already`].
    pub(super) async fn delete(&self, operation: &'static str, id: &str) -> Result<Outcome<()>> {
        gone(self.ask(operation, Request::delete(user_path(id))).await)
    }

    /// `GET /teams`; where the answer says that there are more pages, those too.
    pub(super) async fn teams(&self) -> Result<Vec<Group>> {
        let operation = "groups";
        let mut groups = Vec::new();
        let mut page = Some(1);
        while let Some(number) = page.filter(|number| *number <= MOST_TEAM_PAGES) {
            let request = Request::get("/teams");
            let request = if number == 1 { request } else { request.query("page", number.to_string()) };
            let Teams { teams, meta } = self.read(operation, request).await?;
            groups.extend(teams.into_iter().map(Team::into));
            page = next_page(operation, &meta, number, false)?;
        }
        Ok(groups)
    }

    /// `POST /teams/{id}/memberships`; being in it already is [`Outcome::Already`].
    pub(super) async fn join_team(&self, team: &str, user: u64) -> Result<Outcome<()>> {
        let path = format!("/teams/{}/memberships", segment(team));
        let operation = "add_member";
        match self.ask(operation, Request::post(path).json(json!({ "user_id": user }))).await {
            Ok(response) if answer::says_nothing(&response) => {
                let account = self.user(operation, &user.to_string()).await?;
                let inside = account.and_then(|account| account.groups).unwrap_or_default();
                if inside.iter().any(|id| id == team) {
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

    /// `DELETE /teams/{id}/memberships/{user}`; not being in it is [`Outcome::Already`].
    pub(super) async fn leave_team(
        &self,
        operation: &'static str,
        team: &str,
        user: &str,
    ) -> Result<Outcome<()>> {
        let path = format!("/teams/{}/memberships/{}", segment(team), segment(user));
        gone(self.ask(operation, Request::delete(path)).await)
    }

    async fn ask(&self, operation: &'static str, request: Request) -> Result<Response> {
        answer::ask(&self.upstream, APP, operation, request).await.map_err(explained)
    }

    async fn read<T: DeserializeOwned>(&self, operation: &'static str, request: Request) -> Result<T> {
        let response = self.ask(operation, request).await?;
        answer::json(operation, &response)
    }
}

fn user_path(id: &str) -> String {
    format!("/users/{}", segment(id))
}

fn users_page(page: u32, per_page: u32) -> Request {
    Request::get("/users").query("page", page.to_string()).query("per_page", per_page.to_string())
}

fn gone(answered: Result<Response>) -> Result<Outcome<()>> {
    match answered {
        Ok(_) => Ok(Outcome::Done(())),
        Err(error) if error.kind == Kind::NotFound => Ok(Outcome::Already(())),
        Err(error) => Err(error),
    }
}

/// The page after `asked`. An answer that says nothing about pages is the last one, unless it is `full`.
///
/// Fails where the answer says that it is another page than the one asked for: a listing of it has holes.
fn next_page(operation: &'static str, meta: &Meta, asked: u32, full: bool) -> Result<Option<u32>> {
    if let Some(told) = meta.current_page.filter(|told| *told != asked) {
        let message = format!("the answer is page {told}, page {asked} expected");
        return Err(Error::new(Kind::Unexpected, operation, message));
    }
    let more = meta.total_pages.map_or(full, |total| asked < total);
    Ok(more.then(|| asked.saturating_add(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(current: Option<u32>, total: Option<u32>, asked: u32, full: bool) -> Result<Option<u32>> {
        next_page("accounts", &Meta { current_page: current, total_pages: total }, asked, full)
    }

    #[test]
    fn the_app_says_where_a_listing_ends_and_a_short_page_says_it_too() {
        assert_eq!(next(Some(1), Some(3), 1, true), Ok(Some(2)));
        assert_eq!(next(Some(3), Some(3), 3, true), Ok(None));
        assert_eq!(next(Some(1), Some(0), 1, false), Ok(None));
        assert_eq!(next(None, None, 1, true), Ok(Some(2)));
        assert_eq!(next(None, None, 2, false), Ok(None));
    }

    #[test]
    fn another_page_than_the_one_asked_for_is_unexpected() {
        assert_eq!(next(Some(1), Some(3), 2, true).unwrap_err().kind, Kind::Unexpected);
    }
}
