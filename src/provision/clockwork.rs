//! The clock over a restart: what an earlier process wrote down never lies ahead.

use super::gateway::Gateway;
use crate::base::clock::Timestamp;
use crate::base::steady::MISSET;
use crate::store::trace::Traces;
use crate::store::{Intent, Kind, Result};

impl Gateway {
    /// Where the clock was put back meanwhile, goes on from the last moment an earlier process, or another replica,
    /// wrote down; `open` is what it left open. Nothing to do where that is past.
    pub(super) async fn resume_clock(&self, open: &[Intent]) -> Result<()> {
        let (clock, told) = (&self.shared().clock, self.last_told(open).await?);
        let ahead = told.since(clock.now());
        if ahead.is_zero() {
            return Ok(());
        }
        let seconds = ahead.as_secs();
        if ahead > MISSET {
            tracing::error!(seconds, "the clock is far behind what was written down last: set it right");
        } else {
            tracing::warn!(seconds, "the clock is behind what was written down last, and goes on from there");
            clock.go_on_from(told);
        }
        Ok(())
    }

    /// The last moment that was written down, of requests, changes at the apps, listings and what is open.
    async fn last_told(&self, open: &[Intent]) -> Result<Timestamp> {
        let store = &self.shared().store;
        let mut told: Vec<Timestamp> =
            open.iter().flat_map(|intent| [intent.created_at, intent.updated_at]).collect();
        for chain in store.chains().await? {
            if let Some(head) = store.head(&chain).await? {
                told.extend(store.links(&chain, head.seq - 1, 1).await?.into_iter().map(|link| link.at));
            }
        }
        for connection in self.connections() {
            for kind in [Kind::User, Kind::Group] {
                let listing = store.roster(connection.name(), kind).await?;
                told.extend(listing.map(|listing| listing.completed_at));
            }
        }
        let newest = Traces { limit: 1, ..Traces::default() };
        told.extend(store.traces(&newest).await?.into_iter().map(|trace| trace.at));
        Ok(told.into_iter().max().unwrap_or_default())
    }
}
