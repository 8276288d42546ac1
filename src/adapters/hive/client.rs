//! The calls of Hive's guide.

use serde::Deserialize;
use serde_json::json;

use crate::adapters::answer;
use crate::contract::{Error, Kind, Result};
use crate::upstream::{self, Credential, Request, Response, Upstream, Wire, segment};

use super::account::Membership;
use super::error;
use super::settings::Settings;
use super::workspaces::Workspace;

const APP: &str = "hive";

/// The answer to a removal; a body without the field is a success by its status.
#[derive(Debug, Deserialize)]
struct Removed {
    success: Option<bool>,
}

/// One person's key at work.
#[derive(Debug)]
pub(super) struct Client {
    upstream: Upstream,
}

impl Client {
    /// Makes the client; fails with one line for the operator.
    pub(super) fn new(settings: &Settings, wire: Wire) -> std::result::Result<Self, String> {
        let credential = Credential::Bearer(settings.api_key.clone());
        let base_url = settings.base_url.clone();
        Ok(Self { upstream: Upstream::new(upstream::Settings { base_url, credential, wire })? })
    }

    /// The workspaces the key's owner sees.
    pub(super) async fn workspaces(&self, operation: &'static str) -> Result<Vec<Workspace>> {
        let response = self.call(operation, Request::get("/workspaces")).await.map_err(|error| {
            if error.kind == Kind::NotFound { error::somebody_else(operation) } else { error }
        })?;
        answer::json(operation, &response)
    }

    /// All members of a workspace in one answer.
    pub(super) async fn members(&self, workspace: &str, operation: &'static str) -> Result<Vec<Membership>> {
        let request = Request::get(members_path(workspace));
        answer::json(operation, &self.about_workspace(workspace, operation, request).await?)
    }

    /// One member of a workspace; `None` where Hive says that this is no member of it.
    pub(super) async fn member(
        &self,
        workspace: &str,
        id: &str,
        operation: &'static str,
    ) -> Result<Option<Membership>> {
        let request = Request::get(member_path(workspace, id, operation)?);
        match self.about_member(workspace, operation, request).await? {
            Some(response) => answer::json(operation, &response).map(Some),
            None => Ok(None),
        }
    }

    /// Invites an address; it is [`Kind::Unknown`] when Hive took it and does not say under what id.
    pub(super) async fn invite(
        &self,
        workspace: &str,
        address: &str,
        role: &str,
        operation: &'static str,
    ) -> Result<Membership> {
        let request = Request::post(members_path(workspace)).json(json!({ "email": address, "role": role }));
        answer::json_of_create(operation, &self.about_workspace(workspace, operation, request).await?)
    }

    /// Removes a member from a workspace; `false` where Hive says that this was no member of it.
    pub(super) async fn remove(&self, workspace: &str, id: &str, operation: &'static str) -> Result<bool> {
        let request = Request::delete(member_path(workspace, id, operation)?);
        let Some(response) = self.about_member(workspace, operation, request).await? else {
            return Ok(false);
        };
        if response.body.trim_ascii().is_empty() {
            return Ok(true);
        }
        match answer::json::<Removed>(operation, &response)?.success {
            Some(false) => Err(error::not_removed(operation)),
            Some(true) | None => Ok(true),
        }
    }

    /// A call about one member of a workspace: `None` for a 404, unless that speaks of the workspace.
    async fn about_member(
        &self,
        workspace: &str,
        operation: &'static str,
        request: Request,
    ) -> Result<Option<Response>> {
        match self.call(operation, request).await {
            Ok(response) => Ok(Some(response)),
            Err(error) if error.kind != Kind::NotFound => Err(error),
            Err(error) if error::is_about_the_workspace(&error.message) => {
                Err(error::hidden(workspace, operation))
            }
            Err(_) => Ok(None),
        }
    }

    /// A call about a whole workspace: a 404 means that the key does not see it.
    async fn about_workspace(
        &self,
        workspace: &str,
        operation: &'static str,
        request: Request,
    ) -> Result<Response> {
        self.call(operation, request).await.map_err(|error| {
            if error.kind == Kind::NotFound { error::hidden(workspace, operation) } else { error }
        })
    }

    /// Sends a request and answers a 2xx; the rest is told in Hive's terms.
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

fn members_path(workspace: &str) -> String {
    format!("/workspaces/{}/members", segment(workspace))
}

/// The path of one member; an account without an id has none, and must never become the path of all.
fn member_path(workspace: &str, id: &str, operation: &'static str) -> Result<String> {
    if id.is_empty() {
        return Err(Error::new(Kind::Invalid, operation, "the account has no id at Hive"));
    }
    Ok(format!("{}/{}", members_path(workspace), segment(id)))
}
