//! What the other side turned out to be able to do, for the life of a connection.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};

use serde_json::Value;
use tokio::sync::OnceCell;

use super::told::{self, Resource};
use super::wire::Client;
use crate::adapters::answer;
use crate::contract::Kind;
use crate::upstream::Request;

/// All that was learnt.
#[derive(Debug, Default)]
pub(super) struct Learnt {
    config: OnceCell<Option<Config>>,
    /// By attribute: `userName`, `emails.value`.
    pub login_filter: Trust,
    pub address_filter: Trust,
    /// Whether `totalResults` was seen to count more than the page it stood on.
    pub totals_count_all: Flag,
    pub no_patch: Flag,
    pub no_delete: Flag,
    pub no_roles: Flag,
    pub no_group_by_id: Flag,
    pub no_group_create: Flag,
    pub no_group_rename: Flag,
    pub no_group_delete: Flag,
    /// The first form of changing members that was not refused.
    pub member_form: Choice,
}

/// Something that is found out once.
#[derive(Debug, Default)]
pub(super) struct Flag(AtomicBool);

impl Flag {
    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A place in a list of alternatives.
#[derive(Debug, Default)]
pub(super) struct Choice(AtomicUsize);

impl Choice {
    pub(super) fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn set(&self, at: usize) {
        self.0.store(at, Ordering::Relaxed);
    }
}

/// Whether a filter can be believed. One that found nobody may be one that never finds anybody.
#[derive(Debug, Default)]
pub(super) struct Trust(AtomicU8);

/// What a filter was seen to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trusted {
    Untested,
    /// It found somebody who was known to be there, and nobody else.
    Works,
    /// It was refused, ignored, or did not find who was there.
    Useless,
}

impl Trust {
    pub(super) fn get(&self) -> Trusted {
        match self.0.load(Ordering::Relaxed) {
            1 => Trusted::Works,
            2 => Trusted::Useless,
            _ => Trusted::Untested,
        }
    }

    pub(super) fn set(&self, trusted: Trusted) {
        let number = match trusted {
            Trusted::Untested => 0,
            Trusted::Works => 1,
            Trusted::Useless => 2,
        };
        self.0.store(number, Ordering::Relaxed);
    }
}

/// What `ServiceProviderConfig` says (RFC 7643 §5), as far as it decides anything here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Config {
    pub patch: Option<bool>,
    pub filter: Option<bool>,
}

impl Learnt {
    /// What the other side says of itself, asked for once. One that says nothing is fine; one that is out of order is
    /// asked again the next time.
    pub(super) async fn config(&self, client: &Client, operation: &'static str) -> Config {
        let asked = self.config.get_or_try_init(async || {
            match client.send(operation, Request::get("/ServiceProviderConfig")).await {
                Ok(response) => {
                    Ok(answer::json::<Resource>(operation, &response).ok().map(|told| read(&told)))
                }
                Err(refused) => match refused.error.kind {
                    Kind::RateLimited | Kind::Unavailable => Err(()),
                    Kind::NotFound
                    | Kind::Conflict
                    | Kind::Ambiguous
                    | Kind::Invalid
                    | Kind::Unsupported
                    | Kind::Credentials
                    | Kind::Forbidden
                    | Kind::NoSeats
                    | Kind::Unknown
                    | Kind::Unexpected => Ok(None),
                },
            }
        });
        asked.await.ok().copied().flatten().unwrap_or_default()
    }
}

fn read(config: &Resource) -> Config {
    let supported = |name: &str| match told::attribute(config, name)? {
        Value::Object(feature) => told::attribute(feature, "supported").and_then(told::truth),
        other => told::truth(other),
    };
    Config { patch: supported("patch"), filter: supported("filter") }
}
