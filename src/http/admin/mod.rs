//! The admin door, `/admin/v1/…`: for administrators and their tools, under tokens of its own.

mod approvals;
mod error;
mod lists;
mod traces;

use axum::extract::Request;
use axum::http::Method;
use axum::response::Response;
use serde_json::Value;

pub(crate) use self::error::Refused;
use super::query::Parameters;
use crate::provision::Gateway;

/// An endpoint below `/admin/v1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Connections,
    Traces,
    /// Those of one request.
    TracesOf(String),
    Tasks,
    /// Those that are open.
    Intents,
    /// Deletions that the brake held back.
    Approvals,
    /// The word on one of them: whether it is approved.
    Approval(String, bool),
    Unknown,
}

const WRITE: &[Method] = &[Method::POST, Method::OPTIONS];
const READ: &[Method] = &[Method::GET, Method::HEAD, Method::OPTIONS];

impl Endpoint {
    /// Reads what follows `/admin/v1`, decoded.
    pub(crate) fn of(segments: &[&str]) -> Self {
        match segments {
            ["connections"] => Self::Connections,
            ["traces"] => Self::Traces,
            ["traces", request] => Self::TracesOf((*request).to_owned()),
            ["tasks"] => Self::Tasks,
            ["intents"] => Self::Intents,
            ["approvals"] => Self::Approvals,
            ["approvals", id, "approve"] => Self::Approval((*id).to_owned(), true),
            ["approvals", id, "reject"] => Self::Approval((*id).to_owned(), false),
            _ => Self::Unknown,
        }
    }

    /// The methods it answers to; none for an unknown endpoint.
    pub(crate) fn methods(&self) -> &'static [Method] {
        match self {
            Self::Connections
            | Self::Traces
            | Self::TracesOf(_)
            | Self::Tasks
            | Self::Intents
            | Self::Approvals => READ,
            Self::Approval(..) => WRITE,
            Self::Unknown => &[],
        }
    }

    /// The operation's name for logs: one of a closed set.
    pub(crate) fn operation(&self, method: &Method) -> &'static str {
        if !self.methods().contains(method) {
            return "unknown";
        }
        match self {
            Self::Connections => "admin.connections",
            Self::Traces | Self::TracesOf(_) => "admin.traces",
            Self::Tasks => "admin.tasks",
            Self::Intents => "admin.intents",
            Self::Approvals => "admin.approvals",
            Self::Approval(_, true) => "admin.approve",
            Self::Approval(_, false) => "admin.reject",
            Self::Unknown => "unknown",
        }
    }
}

/// Answers somebody who was let in.
pub(crate) async fn answer(
    gateway: &Gateway,
    endpoint: Endpoint,
    request: Request,
) -> Result<Response, Refused> {
    if endpoint == Endpoint::Unknown {
        return Err(Refused::UnknownEndpoint);
    }
    let methods = endpoint.methods();
    if !methods.contains(request.method()) {
        return Err(Refused::Method(methods));
    }
    if request.method() == Method::OPTIONS {
        return Ok(super::router::options(methods));
    }
    let parameters = Parameters::of(request.uri().query());
    let body: Value = match endpoint {
        Endpoint::Connections => lists::connections(gateway).await?,
        Endpoint::Traces => traces::list(gateway, &parameters).await?,
        Endpoint::TracesOf(request) => traces::of_request(gateway, request).await?,
        Endpoint::Tasks => lists::tasks(gateway, &parameters).await?,
        Endpoint::Intents => lists::intents(gateway, &parameters).await?,
        Endpoint::Approvals => approvals::list(gateway, &parameters).await?,
        Endpoint::Approval(id, approve) => approvals::decide(gateway, &parameters, &id, approve).await?,
        Endpoint::Unknown => return Err(Refused::UnknownEndpoint),
    };
    Ok(super::answer::plain(200, &body))
}
