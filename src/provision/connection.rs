//! One configured target of one app, and what its requests share.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::{Semaphore, oneshot};
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use super::drift::Attention;
use super::policy::Policy;
use super::refuse;
use super::roster::Refreshes;
use super::turn::Turns;
use super::{Refusal, Result};
use crate::base::clock::{SharedClock, Timestamp};
use crate::base::context::{self, Context};
use crate::base::id::Ids;
use crate::contract::{Adapter, Capabilities, Guarded};
use crate::scim::cursor::CursorKey;
use crate::scim::error::ScimError;
use crate::scim::schema::ResourceKind;
use crate::store::{Kind, Store};

/// What all connections share.
#[derive(Debug)]
pub struct Shared {
    pub store: Arc<dyn Store>,
    pub ids: Ids,
    pub clock: SharedClock,
    /// Every spawned task is on it, so that a shutdown can wait for them.
    pub tracker: TaskTracker,
}

/// One configured target of one app, as SCIM shows it.
#[derive(Debug)]
pub struct Connection {
    name: String,
    /// `https://HOST/{connection}/scim/v2`
    base_url: String,
    adapter: Guarded,
    pub(super) policy: Policy,
    pub(super) shared: Arc<Shared>,
    pub(super) turns: Turns,
    pub(super) refreshes: Refreshes,
    /// Places for open intents that are worked on.
    pub(super) resuming: Arc<Semaphore>,
    /// What is looked after on our own account.
    pub(super) attention: Attention,
    /// What the cursors of this connection's listings are sealed with, for as long as the process lives.
    pub(super) cursor_key: CursorKey,
}

impl Connection {
    /// Puts a connection together. `public_url` is the gateway's own address as callers know it.
    pub fn new(
        name: impl Into<String>,
        public_url: &str,
        adapter: Arc<dyn Adapter>,
        policy: Policy,
        shared: Arc<Shared>,
    ) -> Arc<Self> {
        let name = name.into();
        Arc::new(Self {
            base_url: format!("{}/{name}/scim/v2", public_url.trim_end_matches('/')),
            name,
            adapter: Guarded::new(adapter),
            policy,
            shared,
            turns: Turns::default(),
            refreshes: Refreshes::default(),
            resuming: Arc::new(Semaphore::new(super::recover::AT_ONCE)),
            attention: Attention::default(),
            cursor_key: CursorKey::new(rand::random()),
        })
    }

    /// The name in the path.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where its SCIM resources live, without a slash at the end.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The app, behind its guard.
    pub fn adapter(&self) -> &dyn Adapter {
        &self.adapter
    }

    /// What the app can do.
    pub fn capabilities(&self) -> &Capabilities {
        self.adapter.capabilities()
    }

    pub(super) fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    pub(super) fn store(&self) -> &dyn Store {
        &*self.shared.store
    }

    /// Does `work` in a task of its own and waits for it within the budget. A caller who goes away cancels nothing;
    /// `unheard` is then told what it will never read.
    pub(super) async fn carry<T, W, U, F>(&self, work: W, unheard: U) -> Result<T>
    where
        T: Send + 'static,
        W: Future<Output = Result<T>> + Send + 'static,
        U: FnOnce(T) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let context =
            context::current().unwrap_or_else(|| Context::new(self.shared.ids.next(), self.policy.budget));
        let wait = context.deadline;
        let (answer, heard) = oneshot::channel();
        let task = async move {
            let result = std::panic::AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|_| {
                tracing::error!("the work of a request panicked");
                Err(Refusal::from(ScimError::new(500, "the gateway failed while carrying this out")))
            });
            if let Err(Ok(value)) = answer.send(result) {
                unheard(value).await;
            }
        };
        self.shared.tracker.spawn(context.scope(task).in_current_span());
        match tokio::time::timeout_at(wait, heard).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) | Err(_) => Err(refuse::still_working(self.policy.idp)),
        }
    }

    /// Whether something observed at `at` is still fresh.
    pub(super) fn is_fresh(&self, at: Option<Timestamp>) -> bool {
        at.is_some_and(|at| self.now().since(at) <= self.policy.freshness)
    }
}

/// The store's word for a SCIM endpoint.
pub(super) fn kind_of(kind: ResourceKind) -> Kind {
    match kind {
        ResourceKind::User => Kind::User,
        ResourceKind::Group => Kind::Group,
    }
}

/// Full-jitter exponential back-off: a random share of `base · 2^attempt`, never more than `cap`.
pub(super) fn full_jitter(attempt: i64, base: Duration, cap: Duration, random: f64) -> Duration {
    let exponent = u32::try_from(attempt.clamp(0, 30)).unwrap_or(30);
    let ceiling = base.saturating_mul(2_u32.saturating_pow(exponent)).min(cap);
    ceiling.mul_f64(random.clamp(0.0, 1.0))
}
