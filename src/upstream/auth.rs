//! How requests of one connection prove who sends them.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};

use super::exchange::Exchange;
use super::oauth::{Slot, Tokens};
use super::retry::Pace;
use super::{Credential, Failure, Wire};
use crate::base::secret::{ExposeSecret, SecretString};

/// A credential, made ready to be sent. Its `Debug` shows no secret: the header values are marked sensitive.
#[derive(Debug)]
pub(super) enum Auth {
    None,
    Fixed(HeaderName, HeaderValue),
    Tokens(Tokens),
}

/// What one attempt proves itself with.
#[derive(Debug)]
pub(super) enum Proof {
    None,
    Fixed(HeaderName, HeaderValue),
    Token(HeaderValue, Arc<Slot>),
}

impl Auth {
    pub(super) fn new(credential: Credential, wire: &Wire) -> Result<Self, String> {
        Ok(match credential {
            Credential::None => Self::None,
            Credential::Bearer(token) => Self::Fixed(AUTHORIZATION, bearer(token.expose_secret())?),
            Credential::Header { name, value } => {
                let name = HeaderName::from_bytes(name.as_bytes())
                    .map_err(|_invalid| format!("`{name}` is not a header name"))?;
                Self::Fixed(name, sensitive(&value)?)
            }
            Credential::Client(client) => Self::Tokens(Tokens::new(client, wire)?),
        })
    }

    /// What the next attempt is to carry; fetches a token where there is none that lasts, within `time`.
    pub(super) async fn proof(
        &self,
        exchange: &Exchange,
        pace: Pace,
        time: Duration,
    ) -> Result<Proof, Failure> {
        Ok(match self {
            Self::None => Proof::None,
            Self::Fixed(name, value) => Proof::Fixed(name.clone(), value.clone()),
            Self::Tokens(tokens) => {
                let (value, slot) = tokens.current(exchange, pace, time).await?;
                Proof::Token(value, slot)
            }
        })
    }

    /// Takes note that the app answered 401 to `proof`; whether another one can be had.
    pub(super) fn refused(&self, proof: &Proof) -> bool {
        match (self, proof) {
            (Self::Tokens(tokens), Proof::Token(_, slot)) => {
                tokens.forget(slot);
                true
            }
            _ => false,
        }
    }
}

impl Proof {
    pub(super) fn sign(&self, request: &mut reqwest::Request) {
        match self {
            Self::None => {}
            Self::Fixed(name, value) => {
                request.headers_mut().insert(name.clone(), value.clone());
            }
            Self::Token(value, _) => {
                request.headers_mut().insert(AUTHORIZATION, value.clone());
            }
        }
    }
}

/// The `Authorization` value of a bearer token.
pub(super) fn bearer(token: &str) -> Result<HeaderValue, String> {
    sensitive(&SecretString::from(format!("Bearer {token}")))
}

fn sensitive(secret: &SecretString) -> Result<HeaderValue, String> {
    let mut value = HeaderValue::from_str(secret.expose_secret())
        .map_err(|_invalid| "the credential holds characters that cannot be sent".to_owned())?;
    value.set_sensitive(true);
    Ok(value)
}
