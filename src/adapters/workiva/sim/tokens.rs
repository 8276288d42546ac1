//! The token endpoint (RFC 6749 §4.4) and what a token opens.

use serde_json::json;

use super::refusals::{oauth, refused};
use super::state::{Access, State};
use super::{CLIENT_ID, CLIENT_SECRET, OTHER_CLIENT_ID, OTHER_CLIENT_SECRET};
use super::{READ_ONLY_CLIENT_ID, READ_ONLY_CLIENT_SECRET};
use crate::adapters::simulator::{Answer, Call};
use crate::base::clock::Timestamp;
use crate::base::id::Ids;

pub(super) const USERS_READ: &str = "iam:users:read";
pub(super) const USERS_WRITE: &str = "iam:users:write";
pub(super) const GROUPS_READ: &str = "iam:groups:read";
pub(super) const GROUPS_WRITE: &str = "iam:groups:write";

const ALL_SCOPES: &[&str] = &[USERS_READ, USERS_WRITE, GROUPS_READ, GROUPS_WRITE];
const READ_SCOPES: &[&str] = &[USERS_READ, GROUPS_READ];

struct Client {
    id: &'static str,
    secret: &'static str,
    workspace: &'static str,
    granted: &'static [&'static str],
}

const CLIENTS: [Client; 3] = [
    Client { id: CLIENT_ID, secret: CLIENT_SECRET, workspace: "ws_1", granted: ALL_SCOPES },
    Client {
        id: READ_ONLY_CLIENT_ID,
        secret: READ_ONLY_CLIENT_SECRET,
        workspace: "ws_1",
        granted: READ_SCOPES,
    },
    Client { id: OTHER_CLIENT_ID, secret: OTHER_CLIENT_SECRET, workspace: "ws_2", granted: ALL_SCOPES },
];

/// `POST /iam/v1/oauth2/token` with a form body; the client is named in it.
pub(super) fn issue(state: &mut State, ids: &Ids, call: &Call, now: Timestamp) -> Answer {
    state.token_requests += 1;
    if call.content_type() != "application/x-www-form-urlencoded" {
        let wanted = "the body must be application/x-www-form-urlencoded";
        return oauth(400, "invalid_request", wanted);
    }
    let form = call.form();
    let field = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let Some(grant) = field("grant_type") else {
        return oauth(400, "invalid_request", "grant_type is missing");
    };
    if grant != "client_credentials" {
        return oauth(400, &state.mode.wrong_grant_error, "this grant_type is not supported");
    }
    let (Some(id), Some(secret)) = (field("client_id"), field("client_secret")) else {
        return oauth(400, "invalid_request", "client_id and client_secret are required");
    };
    let Some(client) = CLIENTS.iter().find(|client| client.id == id && client.secret == secret) else {
        return oauth(401, &state.mode.wrong_client_error, "the client credentials are not valid");
    };
    let scopes = match granted(client, field("scope")) {
        Ok(scopes) => scopes,
        Err(answer) => return answer,
    };
    let token = format!("workiva-access-{}", ids.next());
    let scope = scopes.join(" ");
    state.tokens.retain(|_, access| access.expires > now);
    let expires = state.token_end(now);
    state.tokens.insert(token.clone(), Access { workspace: client.workspace, scopes, expires });
    Answer::json(
        200,
        &json!({
            "access_token": token,
            "token_type": "bearer",
            "expires_in": state.mode.token_life_s,
            "scope": scope,
        }),
    )
}

/// The scopes asked for, or all that are granted when none is named.
fn granted(client: &Client, asked: Option<&str>) -> Result<Vec<&'static str>, Answer> {
    let asked: Vec<&str> = asked.unwrap_or_default().split_whitespace().collect();
    if asked.is_empty() {
        return Ok(client.granted.to_vec());
    }
    let of = |scope: &&str| client.granted.iter().copied().find(|granted| granted == scope);
    asked
        .iter()
        .map(of)
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| oauth(400, "invalid_scope", "a requested scope has not been granted to this client"))
}

/// The workspace a call may work in: 401 without a living token, 403 without `scope`.
pub(super) fn opened(
    state: &State,
    call: &Call,
    scope: Option<&str>,
    now: Timestamp,
) -> Result<&'static str, Answer> {
    let access = call.bearer().and_then(|token| state.tokens.get(token));
    let access = access.filter(|access| access.expires > now).ok_or_else(|| refused(401))?;
    if scope.is_some_and(|scope| !access.scopes.contains(&scope)) {
        return Err(refused(403));
    }
    Ok(access.workspace)
}
