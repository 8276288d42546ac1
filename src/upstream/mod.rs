//! The wire out: the only owner of an HTTP client. Retries, limits, credentials, address rules and body caps live here.

mod address;
mod attempts;
mod auth;
mod budget;
mod client;
mod exchange;
mod limit;
mod names;
mod oauth;
mod places;
mod request;
mod retry;
mod retry_after;
#[cfg(test)]
mod tests;
mod webhook;

pub use client::Upstream;
pub use names::{Names, system_names};
pub use request::segment;
pub use webhook::Webhook;

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::base::clock::SharedClock;
use crate::base::secret::SecretString;

/// What may be done to a request whose answer did not come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Safety {
    /// Changes nothing: send again.
    Read,
    /// Twice is as good as once: send again.
    Idempotent,
    /// Twice is not once: send again only when it certainly was not done.
    Once,
}

/// How requests prove who sends them.
#[derive(Debug, Clone)]
pub enum Credential {
    /// Nothing is sent.
    None,
    /// `Authorization: Bearer …`
    Bearer(SecretString),
    /// A header of the app's own.
    Header { name: &'static str, value: SecretString },
    /// OAuth 2.0 client credentials (RFC 6749 §4.4): tokens are fetched, kept and renewed here, one fetch at a time.
    Client(ClientCredentials),
}

/// What an OAuth client is known by.
#[derive(Debug, Clone)]
pub struct ClientCredentials {
    pub token_url: String,
    pub client_id: String,
    pub client_secret: SecretString,
    /// Empty: no `scope` parameter is sent.
    pub scopes: Vec<String>,
}

/// How one connection talks to one interface of its app.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Absolute; request paths are appended to it.
    pub base_url: String,
    pub credential: Credential,
    pub wire: Wire,
}

/// The limits of a connection's wire.
#[derive(Debug, Clone)]
pub struct Wire {
    /// Whether loopback and private addresses may be dialled, and plain http used.
    pub private: bool,
    /// Requests a second; `None` = no limit of our own.
    pub per_second: Option<u32>,
    /// Requests under way at once.
    pub concurrency: usize,
    /// For one attempt at a read or an idempotent request, and (half as much again) at a create.
    pub attempt: Duration,
    /// For all attempts together, where the caller names no nearer deadline.
    pub total: Duration,
    /// Largest answer that is read, in bytes after decompression.
    pub body_limit: usize,
    /// Who says what the name of a host stands for.
    pub names: Arc<dyn Names>,
    pub clock: SharedClock,
}

/// A request, relative to the base URL.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: Method,
    /// Begins with `/`; its segments are percent-encoded already (see [`segment`]).
    pub path: String,
    pub query: Vec<(&'static str, String)>,
    pub body: Option<Value>,
    /// Of the body, and of the answer that is asked for.
    pub media: &'static str,
    /// Sent as `If-Match`: an entity tag the app gave, with its quotes.
    pub if_match: Option<String>,
    pub safety: Safety,
}

/// The methods apps use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

/// An answer that was read to its end.
#[derive(Debug, Clone)]
pub struct Response {
    pub status: u16,
    pub body: Vec<u8>,
    /// The entity tag of what the answer shows, as the app wrote it.
    pub etag: Option<String>,
    /// The app's own word on when to come back, clamped to 1 s … 1 h.
    pub retry_after: Option<Duration>,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Certainly not done: no connection, no address, a broken certificate.
    #[error("not sent: {0}")]
    NotSent(String),
    /// Certainly not done, and the app had no part in it: our own limits gave it no turn within the time.
    #[error("not sent: {0}")]
    NoTurn(String),
    /// It may have been done: the answer was lost, late or cut short.
    #[error("no answer: {0}")]
    Lost(String),
    /// The token endpoint refused the client; holds the OAuth error code.
    #[error("the token endpoint refused the client: {0}")]
    Refused(String),
    /// An answer over the size limit: it may have been done.
    #[error("unusable answer: {0}")]
    Unusable(String),
    /// Certainly not done: the app is elsewhere, with this status, and nobody is followed there.
    #[error("{0} redirects, which is not followed")]
    Redirected(u16),
}
