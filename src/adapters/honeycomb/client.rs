//! The calls of Honeycomb's guide, and the member object they speak of.

use serde::Deserialize;
use serde_json::json;

use crate::adapters::answer;
use crate::contract::{Account, Error, Kind, Outcome, Result, State};
use crate::upstream::{self, Credential, Request, Response, Upstream, Wire, segment};

use super::error;
use super::roles;
use super::settings::Settings;

const APP: &str = "honeycomb";
const MEMBERS: &str = "/1/team_memberships";

/// A member as Honeycomb tells it; only `id` is in every answer.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Membership {
    pub id: String,
    pub email: Option<String>,
    pub name: Option<String>,
    pub role: Option<String>,
    pub created_at: Option<String>,
}

impl Membership {
    /// The account this answer tells of. Honeycomb never says how it stands.
    pub(super) fn into_account(self) -> Account {
        let said = |text: Option<String>| text.filter(|text| !text.is_empty());
        let role = said(self.role);
        Account {
            id: self.id,
            email: said(self.email),
            display_name: said(self.name),
            groups: role.as_deref().map(roles::groups_of),
            roles: role.as_deref().map(|role| vec![roles::told(role)]),
            created_at: said(self.created_at),
            ..Account::default()
        }
    }

    /// The account as listed: whoever is listed counts as active, because nothing there marks an invitation.
    pub(super) fn into_listed(self) -> Account {
        Account { state: Some(State::Active), ..self.into_account() }
    }
}

/// What `GET /1/auth` tells of a key.
#[derive(Debug, Deserialize)]
struct Key {
    #[serde(rename = "type")]
    kind: Option<String>,
}

/// One team's key at work.
#[derive(Debug)]
pub(super) struct Client {
    upstream: Upstream,
}

impl Client {
    /// Makes the client; fails with one line for the operator.
    pub(super) fn new(settings: &Settings, wire: Wire) -> std::result::Result<Self, String> {
        let credential = Credential::Header { name: "X-Honeycomb-Team", value: settings.api_key.clone() };
        let base_url = settings.base_url.clone();
        Ok(Self { upstream: Upstream::new(upstream::Settings { base_url, credential, wire })? })
    }

    /// All members in one answer.
    pub(super) async fn list(&self, operation: &'static str) -> Result<Vec<Membership>> {
        let response = match self.call(operation, Request::get(MEMBERS)).await {
            Err(error) if error.kind == Kind::NotFound => return Err(error::absent(operation)),
            answered => answered?,
        };
        answer::json(operation, &response)
    }

    /// Invites an address; it is [`Kind::Unknown`] when Honeycomb took it and does not say under what id.
    pub(super) async fn invite(
        &self,
        address: &str,
        role: &str,
        operation: &'static str,
    ) -> Result<Membership> {
        let request = Request::post(MEMBERS).json(json!({ "email": address, "role": role }));
        let response = match self.call(operation, request).await {
            Err(error) if error.kind == Kind::NotFound => return Err(error::absent(operation)),
            answered => answered?,
        };
        answer::json_of_create(operation, &response)
    }

    /// Sets a member's role; a success that names another role is [`Kind::Unexpected`].
    pub(super) async fn set_role(
        &self,
        id: &str,
        role: &'static str,
        operation: &'static str,
    ) -> Result<Membership> {
        let request = Request::put(path(id, operation)?).json(json!({ "role": role }));
        let response = self.call(operation, request).await?;
        let told: Membership = answer::json(operation, &response)?;
        if told.role.as_deref().is_some_and(|told| told != role) {
            let message = format!("Honeycomb answered with success and another role than `{role}`");
            return Err(Error::new(Kind::Unexpected, operation, message));
        }
        Ok(told)
    }

    /// Removes a member; [`Outcome::Already`] where Honeycomb has no such member.
    pub(super) async fn remove(&self, id: &str, operation: &'static str) -> Result<Outcome<()>> {
        match self.call(operation, Request::delete(path(id, operation)?)).await {
            Ok(_) => Ok(Outcome::Done(())),
            Err(error) if error.kind == Kind::NotFound => Ok(Outcome::Already(())),
            Err(error) => Err(error),
        }
    }

    /// What kind of key this is, `ingest` or `configuration`; `None` where Honeycomb does not tell.
    pub(super) async fn key_kind(&self) -> Option<String> {
        let response = self.call("check", Request::get("/1/auth")).await.ok()?;
        answer::json::<Key>("check", &response).ok()?.kind
    }

    /// Sends a request and answers a 2xx; the rest is told in Honeycomb's terms.
    async fn call(&self, operation: &'static str, request: Request) -> Result<Response> {
        let safety = request.safety;
        let sent = self.upstream.send(request).await;
        let response = sent.map_err(|failure| answer::lost(APP, operation, safety, &failure))?;
        if answer::is_success(&response) {
            return answer::meant(APP, operation, safety, response);
        }
        Err(error::explained(answer::failed(APP, operation, safety, &response)))
    }
}

/// The path of one member; an account without an id has none, and must never become the path of all.
fn path(id: &str, operation: &'static str) -> Result<String> {
    if id.is_empty() {
        return Err(Error::new(Kind::Invalid, operation, "the account has no id at Honeycomb"));
    }
    Ok(format!("{MEMBERS}/{}", segment(id)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(body: &str) -> Account {
        serde_json::from_str::<Membership>(body).unwrap().into_account()
    }

    #[test]
    fn the_guides_examples_are_read_as_they_stand() {
        let text = |text: &str| Some(text.to_owned());
        let role = |role: &str| (Some(vec![roles::told(role)]), Some(vec![format!("role:{role}")]));
        let listed = account(
            r#"{"id":"abc123","email":"user@example.com","name":"Jane Doe","role":"member","created_at":"2024-01-15T10:00:00Z"}"#,
        );
        let (roles, groups) = role("member");
        let expected = Account {
            id: "abc123".to_owned(),
            email: text("user@example.com"),
            display_name: text("Jane Doe"),
            roles,
            groups,
            created_at: text("2024-01-15T10:00:00Z"),
            ..Account::default()
        };
        assert_eq!(listed, expected);
        let invited = account(
            r#"{"id":"def456","email":"newuser@example.com","role":"member","created_at":"2025-01-20T12:00:00Z"}"#,
        );
        let (roles, groups) = role("member");
        let expected = Account {
            id: "def456".to_owned(),
            email: text("newuser@example.com"),
            roles,
            groups,
            created_at: text("2025-01-20T12:00:00Z"),
            ..Account::default()
        };
        assert_eq!(invited, expected);
        let updated = account(r#"{"id":"def456","email":"newuser@example.com","role":"admin"}"#);
        let (roles, groups) = role("admin");
        let expected = Account {
            id: "def456".to_owned(),
            email: text("newuser@example.com"),
            roles,
            groups,
            ..Account::default()
        };
        assert_eq!(updated, expected);
    }
}
