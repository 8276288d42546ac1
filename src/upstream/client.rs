//! One connection's client.

use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderValue, IF_MATCH};
use url::Url;

use super::attempts::Attempts;
use super::auth::Auth;
use super::budget::RetryBudget;
use super::exchange::Exchange;
use super::limit::Limit;
use super::retry::Pace;
use super::{Failure, Request, Response, Safety, Settings, address};
use crate::base::context;

/// What is begun although little time is left must have some chance of an answer.
const SHORTEST: Duration = Duration::from_secs(1);

/// A client for one interface of one app, with its own connections, limits and tokens.
#[derive(Debug)]
pub struct Upstream {
    base: Url,
    auth: Auth,
    limit: Limit,
    retries: RetryBudget,
    exchange: Exchange,
    attempt: Duration,
    total: Duration,
    pub(super) pace: Pace,
}

impl Upstream {
    /// Makes the client; fails with one line for the operator when the base URL, the token URL or the credential
    /// cannot be used.
    pub fn new(settings: Settings) -> Result<Self, String> {
        let Settings { base_url, credential, wire } = settings;
        Ok(Self {
            base: address::base_url(&base_url, wire.private)?,
            auth: Auth::new(credential, &wire)?,
            limit: Limit::new(&wire),
            retries: RetryBudget::default(),
            exchange: Exchange::new(&wire)?,
            attempt: wire.attempt,
            total: wire.total,
            pace: Pace::default(),
        })
    }

    /// Sends a request, again where its [`super::Safety`] and the deadline allow, and answers the last response,
    /// whatever its status.
    ///
    /// It waits in the lane of the running task. Attempts after the first are a tenth of all requests at the most, and
    /// ten to begin with, except in the first lane. All attempts together take no longer than the caller waits. A 401 to
    /// a token of our own fetching renews the token and sends once more, whatever the safety, because a request that was
    /// not let in was not done. Where an earlier attempt was lost and a later one not carried out, it is
    /// [`Failure::Lost`]. Each attempt is noted in the running [`context`].
    pub async fn send(&self, request: Request) -> Result<Response, Failure> {
        let url = address::join(&self.base, &request.path).map_err(Failure::NotSent)?;
        let budget = self.total.min(context::remaining(self.total));
        let mut attempts = Attempts::new(request.safety, self.pace, budget);
        let (mut renewed, mut lost) = (false, None);
        self.retries.earn();
        loop {
            let proof = self.auth.proof(&self.exchange, self.pace, attempts.left()).await;
            let proof = proof.map_err(|failure| lost.clone().unwrap_or(failure))?;
            let mut message = compose(&request, url.clone());
            proof.sign(&mut message);
            let came = self.attempt(message, request.safety, &attempts).await;
            let unknown_token = matches!(&came, Ok(response) if response.status == 401);
            if unknown_token && !renewed && self.auth.refused(&proof) {
                renewed = true;
                continue;
            }
            if let (Err(failure @ Failure::Lost(_)), false) = (&came, request.safety == Safety::Read) {
                lost.get_or_insert(failure.clone());
            }
            if !attempts.again(&came, Some(&self.retries)).await {
                // That the last one was not done says nothing of the one before it.
                return if is_settled(&came) { came } else { lost.map_or(came, Err) };
            }
        }
    }

    async fn attempt(
        &self,
        message: reqwest::Request,
        safety: Safety,
        attempts: &Attempts,
    ) -> Result<Response, Failure> {
        let turn = self.limit.turn(attempts.deadline()).await?;
        let usual = match safety {
            Safety::Read | Safety::Idempotent => self.attempt,
            Safety::Once => self.attempt.saturating_mul(3) / 2,
        };
        let time = usual.min(attempts.left());
        if time.is_zero() {
            return Err(Failure::NotSent("no time is left".to_owned()));
        }
        let held_for = context::held_for().unwrap_or(time);
        if held_for < time.min(SHORTEST) {
            return Err(Failure::NotSent("another replica may have taken this over".to_owned()));
        }
        let time = time.min(held_for);
        let came = self.exchange.once(message, attempts.number(), time).await;
        if let Ok(response) = &came {
            turn.heard(response.status == 429);
        }
        came
    }
}

/// Whether an answer tells how the app stands to the request, whatever became of the attempts before.
fn is_settled(came: &Result<Response, Failure>) -> bool {
    match came {
        Ok(response) => !matches!(response.status, 408 | 425 | 429 | 500..=599),
        Err(Failure::NotSent(_) | Failure::NoTurn(_)) => false,
        Err(Failure::Lost(_) | Failure::Refused(_) | Failure::Unusable(_) | Failure::Redirected(_)) => true,
    }
}

fn compose(request: &Request, mut url: Url) -> reqwest::Request {
    if !request.query.is_empty() {
        url.query_pairs_mut().extend_pairs(&request.query);
    }
    let method = match request.method {
        super::Method::Get => reqwest::Method::GET,
        super::Method::Post => reqwest::Method::POST,
        super::Method::Put => reqwest::Method::PUT,
        super::Method::Patch => reqwest::Method::PATCH,
        super::Method::Delete => reqwest::Method::DELETE,
    };
    let mut message = reqwest::Request::new(method, url);
    message.headers_mut().insert(ACCEPT, HeaderValue::from_static(request.media));
    let tag = request.if_match.as_deref().and_then(|tag| HeaderValue::from_str(tag).ok());
    if let Some(tag) = tag {
        message.headers_mut().insert(IF_MATCH, tag);
    }
    if let Some(body) = &request.body {
        message.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(request.media));
        *message.body_mut() = Some(body.to_string().into());
    }
    message
}
