//! What was done, to be read again: the links of the audit and the traces.

use std::fmt::Debug;

use async_trait::async_trait;

use super::Result;
use super::audit::{Head, Link};
use super::trace::{Trace, Traces};

/// The reading half of what [`super::Write::Audit`] and [`super::Write::Traces`] write.
#[async_trait]
pub trait Chronicle: Debug + Send + Sync {
    /// The connections that have a chain, in order, also where its head or all of its links are gone.
    async fn chains(&self) -> Result<Vec<String>>;

    /// The head of a chain as it was written beside its last link; `None` where there is none.
    async fn head(&self, connection: &str) -> Result<Option<Head>>;

    /// Up to `limit` links of a chain after the place `after`, in order, as they are kept: nothing is checked.
    async fn links(&self, connection: &str, after: i64, limit: u64) -> Result<Vec<Link>>;

    /// The last link about an intent.
    async fn last_link_of(&self, connection: &str, intent: &str) -> Result<Option<Link>>;

    /// Traces, newest first.
    async fn traces(&self, which: &Traces) -> Result<Vec<Trace>>;
}
