//! One connection's client.

use super::{Failure, Request, Response, Settings};

/// A client for one interface of one app, with its own connections, limits and tokens.
#[derive(Debug)]
pub struct Upstream {}

impl Upstream {
    /// Makes the client; fails with one line for the operator when the base URL cannot be used.
    pub fn new(_settings: Settings) -> Result<Self, String> {
        Ok(Self {})
    }

    /// Sends a request, again where its [`super::Safety`] and the deadline allow, and answers the last response,
    /// whatever its status.
    pub async fn send(&self, _request: Request) -> Result<Response, Failure> {
        Err(Failure::NotSent("being built".to_owned()))
    }
}
