//! One configured target of one app, and what its requests share.

use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::oneshot;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use super::brake::Brake;
use super::drift::Attention;
use super::leading::Leading;
use super::ledger::Ledger;
use super::orphans::Watched;
use super::policy::Policy;
use super::promises::Promises;
use super::refuse;
use super::roster::Refreshes;
use super::tracer::Tracer;
use super::turn::Turns;
use super::unwritten::Unwritten;
use super::upkeep::Upkeep;
use super::{Refusal, Result};
use crate::base::clock::{SharedClock, Timestamp};
use crate::base::context::{self, Context, Meter};
use crate::base::id::Ids;
use crate::base::lane::Lane;
use crate::base::metrics::Metrics;
use crate::contract::{Adapter, Capabilities, Gate, Guarded, Observed, Seen, Spared, Withheld};
use crate::scim::catalog::Catalog;
use crate::scim::cursor::CursorKey;
use crate::scim::error::ScimError;
use crate::scim::schema::ResourceKind;
use crate::store::anchor::Anchor;
use crate::store::{Kind, Store, Write};

/// The note, and the turn, of what cursors are sealed with.
const CURSOR_KEY: &str = "cursor_key";

/// How far the clocks of two replicas may differ.
const SKEW: Duration = Duration::from_mins(5);

/// What all connections share.
#[derive(Debug)]
pub struct Shared {
    pub store: Arc<dyn Store>,
    pub ids: Ids,
    pub clock: SharedClock,
    /// Every spawned task is on it, so that a shutdown can wait for them.
    pub tracker: TaskTracker,
    /// What is counted; the same for all parts of the process.
    pub metrics: Arc<Metrics>,
    /// Whether this replica does what is done once.
    pub leading: Leading,
    /// Where traces are handed over.
    pub tracer: Arc<Tracer>,
    /// Shut while nobody is to get access.
    pub gate: Arc<Gate>,
    /// What is known outside of the store of how far it has come; `None` where nothing is.
    pub anchor: Option<Anchor>,
}

/// One configured target of one app, as SCIM shows it.
#[derive(Debug, Clone)]
pub struct Connection {
    name: String,
    /// `https://HOST/{connection}/scim/v2`
    base_url: String,
    adapter: Guarded,
    spared: Arc<Spared>,
    pub(super) policy: Policy,
    /// The schemas its resources follow.
    pub(super) catalog: Arc<Catalog>,
    pub(super) shared: Arc<Shared>,
    ledger: Ledger,
    pub(super) turns: Arc<Turns>,
    pub(super) refreshes: Arc<Refreshes>,
    pub(super) watched: Arc<Watched>,
    /// How open intents are gone on with.
    pub(super) promises: Arc<Promises>,
    pub(super) brake: Arc<Brake>,
    /// Whose record is behind the app.
    pub(super) unwritten: Arc<Unwritten>,
    /// What is told of how the app does.
    pub(super) upkeep: Arc<Upkeep>,
    /// What is looked after on our own account.
    pub(super) attention: Arc<Attention>,
    /// What the cursors of this connection's listings are sealed with: for as long as the process lives, or by all
    /// replicas alike.
    cursor_key: Arc<OnceLock<CursorKey>>,
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
        let gate = Arc::clone(&shared.gate);
        let meter = Meter { connection: name.clone(), metrics: Arc::clone(&shared.metrics) };
        let apart = Arc::new(Spared::new(Arc::new(Observed::new(adapter, meter))));
        Arc::new(Self {
            base_url: format!("{}/{name}/scim/v2", public_url.trim_end_matches('/')),
            adapter: Guarded::new(Arc::new(Withheld::new(Arc::<Spared>::clone(&apart), gate))),
            spared: apart,
            catalog: Arc::new(Catalog::with(&policy.extensions)),
            policy,
            ledger: Ledger::new(&name, Arc::clone(&shared)),
            shared,
            name,
            turns: Arc::default(),
            refreshes: Arc::default(),
            watched: Arc::default(),
            promises: Arc::default(),
            brake: Arc::default(),
            unwritten: Arc::default(),
            upkeep: Arc::default(),
            attention: Arc::default(),
            cursor_key: Arc::default(),
        })
    }

    /// Goes on where the connection of this name left off: what is under way in that one and what begins in this one
    /// wait for each other. Nothing to do where there was none.
    #[must_use]
    pub fn in_place_of(self: Arc<Self>, before: Option<&Self>) -> Arc<Self> {
        let Some(before) = before else { return self };
        let Self { name, base_url, adapter, spared, policy, catalog, shared, .. } =
            Arc::unwrap_or_clone(self);
        Arc::new(Self { name, base_url, adapter, spared, policy, catalog, shared, ..before.clone() })
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

    /// The answer to a request for which no place came free: nothing was done.
    pub fn crowded(&self) -> Refusal {
        refuse::crowded(self.policy.idp)
    }

    /// How the app is, as far as its answers told this process.
    pub fn seen(&self) -> Seen {
        self.spared.seen()
    }

    pub(super) fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    /// The store; what is committed takes its entries of the audit along.
    pub(super) fn store(&self) -> &Ledger {
        &self.ledger
    }

    /// What cursors are sealed with.
    pub(super) fn cursor_key(&self) -> &CursorKey {
        self.cursor_key.get_or_init(|| CursorKey::new(rand::random()))
    }

    /// Seals cursors as the other replicas do, so that each opens what another one sealed. Call before the first
    /// request; where there are no others it is nothing to do.
    pub(super) async fn share_cursor_key(&self) -> Result<()> {
        if self.store().term().is_none() || self.cursor_key.get().is_some() {
            return Ok(());
        }
        // Once there is one it stays: nobody has to wait for a replica that was killed while it looked.
        let key = match self.known_cursor_key().await? {
            Some(key) => key,
            None => self.first_cursor_key().await?,
        };
        // Set before only if a request was answered before this.
        drop(self.cursor_key.set(CursorKey::new(key)));
        Ok(())
    }

    /// Makes the key, unless another replica has made it meanwhile.
    async fn first_cursor_key(&self) -> Result<[u8; 32]> {
        let _turn = self.turn(CURSOR_KEY).await?;
        if let Some(key) = self.known_cursor_key().await? {
            return Ok(key);
        }
        let key: [u8; 32] = rand::random();
        let text = serde_json::json!(key).to_string();
        let (connection, name) = (self.name().to_owned(), CURSOR_KEY.to_owned());
        self.store().commit(vec![Write::Note { connection, name, text }]).await?;
        Ok(key)
    }

    async fn known_cursor_key(&self) -> Result<Option<[u8; 32]>> {
        let known = self.store().note(self.name(), CURSOR_KEY).await?;
        Ok(known.and_then(|text| serde_json::from_str(&text).ok()))
    }

    /// Does `work` in a task and a lane of its own and waits for it within the budget. A caller who goes away cancels
    /// nothing.
    pub(super) async fn carry<T, W>(self: &Arc<Self>, lane: Lane, work: W) -> Result<T>
    where
        T: Send + 'static,
        W: Future<Output = Result<T>> + Send + 'static,
    {
        let context =
            context::current().unwrap_or_else(|| Context::new(self.shared.ids.next(), self.policy.budget));
        let wait = context.deadline;
        let (context, _waits) = context.waited_for();
        let (answer, heard) = oneshot::channel();
        let (this, book) = (Arc::clone(self), context.clone());
        let task = async move {
            let result = std::panic::AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|_| {
                tracing::error!("the work of a request panicked");
                Err(Refusal::from(ScimError::new(500, "the gateway failed while carrying this out")))
            });
            this.end_of_work(&book).await;
            // Nobody waits any more; what was done stands.
            drop(answer.send(result));
        };
        self.shared.tracker.spawn(context.scope(lane.scope(task)).in_current_span());
        match tokio::time::timeout_at(wait, heard).await {
            Ok(Ok(result)) => result.map_err(|refusal| refuse::told_to(self.policy.idp, refusal)),
            Ok(Err(_)) | Err(_) => Err(refuse::still_working(self.policy.idp)),
        }
    }

    /// Whether something observed at `at` is still fresh. What was observed later than now was written under another
    /// clock, and nobody knows how old it is.
    pub(super) fn is_fresh(&self, at: Option<Timestamp>) -> bool {
        let now = self.now();
        at.is_some_and(|at| at <= now && now.since(at) <= self.policy.freshness)
    }

    /// Whether something told at `at` came after `moment`. What lies further ahead than the clocks of replicas differ was
    /// told before the clock was put back.
    pub(super) fn is_after(&self, at: Timestamp, moment: Timestamp) -> bool {
        at >= moment && at <= self.now().plus(SKEW)
    }
}

/// The store's word for a SCIM endpoint.
pub(super) fn kind_of(kind: ResourceKind) -> Kind {
    match kind {
        ResourceKind::User => Kind::User,
        ResourceKind::Group => Kind::Group,
    }
}
