//! When drift is looked for and invitations are looked after: every connection in its own time, one at a time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::super::Result;
use super::super::connection::Connection;
use super::super::gateway::Gateway;
use crate::base::context::Context;
use crate::base::jitter::share;

/// The first round of a connection begins within this time, and not in its first half: whoever starts the gateway to
/// look at something is left alone, and not all connections begin at once.
const SPREAD: Duration = Duration::from_mins(10);

/// How long one round may take: nobody waits for it, and an app may have many pages.
const LONGEST: Duration = Duration::from_mins(15);

type Work = fn(Arc<Connection>) -> BoxFuture<'static, Result<()>>;

impl Gateway {
    /// Looks for drift until `stop`.
    pub async fn watch_drift(self: Arc<Self>, stop: CancellationToken) {
        let every =
            |connection: &Connection| connection.policy.drift.every.filter(|_| connection.can_drift());
        let work: Work =
            |connection| Box::pin(async move { connection.look_for_drift(false).await.map(drop) });
        self.go_round(every, work, &stop).await;
    }

    /// Looks after invitations until `stop`.
    pub async fn watch_invitations(self: Arc<Self>, stop: CancellationToken) {
        let every = |connection: &Connection| {
            connection.policy.invitations.every.filter(|_| connection.follows_invitations())
        };
        let work: Work = |connection| Box::pin(async move { connection.tend_invitations().await });
        self.go_round(every, work, &stop).await;
    }

    async fn go_round(
        &self,
        every: impl Fn(&Connection) -> Option<Duration>,
        work: Work,
        stop: &CancellationToken,
    ) {
        let mut connections = self.follow_connections();
        connections.mark_changed();
        let mut due: BTreeMap<String, (Instant, Duration)> = BTreeMap::new();
        loop {
            let next = due
                .iter()
                .min_by_key(|(_, (at, _))| *at)
                .map(|(name, (at, every))| (name.clone(), *at, *every));
            let ripe = async {
                match next {
                    Some((name, at, every)) => {
                        tokio::time::sleep_until(at).await;
                        (name, every)
                    }
                    None => std::future::pending().await,
                }
            };
            let (name, every) = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                Ok(()) = connections.changed() => {
                    let configured = connections.borrow_and_update().clone();
                    due.retain(|name, (_, known)| {
                        configured.get(name).and_then(|connection| every(connection)) == Some(*known)
                    });
                    for (name, connection) in configured.iter() {
                        if let (false, Some(every)) = (due.contains_key(name), every(connection)) {
                            let first = every.min(SPREAD).mul_f64(0.5 + 0.5 * share());
                            due.insert(name.clone(), (Instant::now() + first, every));
                        }
                    }
                    continue;
                }
                ripe = ripe => ripe,
            };
            if !self.shared().leads() {
                // Whoever leads is gone at the latest when its term is over.
                let soon = self.shared().store.term().map_or(every, |term| every.min(term));
                due.insert(name, (Instant::now() + soon, every));
                continue;
            }
            if let Some(connection) = self.connection(&name) {
                let context = Context::new(self.shared().ids.next(), LONGEST);
                if let Some(hold) = self.shared().lead() {
                    context.depend_on(&hold);
                }
                // A round that is under way when we stop ends by itself, or goes on from the journal.
                let round = self.shared().tracker.spawn(context.scope(work(connection)));
                let ended = tokio::select! {
                    () = stop.cancelled() => return,
                    ended = round => ended,
                };
                match ended {
                    Ok(Ok(())) => {}
                    Ok(Err(refusal)) => tracing::warn!(
                        connection = name,
                        reason = refusal.error.detail,
                        "a round could not be made"
                    ),
                    Err(error) => tracing::error!(connection = name, %error, "a round did not end"),
                }
            }
            // Up to a fifth less, so that connections that began together do not stay together, and never more.
            let pause = every.mul_f64(0.8 + 0.2 * share());
            due.insert(name, (Instant::now() + pause, every));
        }
    }
}
