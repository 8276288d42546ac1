//! What was done, in memory.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::{Handle, size};
use crate::store::audit::{Head, Link};
use crate::store::trace::{Trace, Traces};
use crate::store::{Chronicle, Error, Result, Write};

#[derive(Debug, Default)]
pub(super) struct Chronicles {
    chains: BTreeMap<String, Vec<Link>>,
    traces: BTreeMap<String, Trace>,
}

impl Chronicles {
    /// Applies what belongs here; all of it, for none of it can fail.
    pub(super) fn apply(&mut self, writes: Vec<Write>) -> Result<()> {
        for write in writes {
            match write {
                Write::Audit(entry) => {
                    let link = self
                        .head(&entry.connection)
                        .unwrap_or_else(|| Head::beginning(&entry.connection))
                        .link(&entry)
                        .map_err(|error| Error::Unavailable(error.to_string()))?;
                    self.chains.entry(entry.connection).or_default().push(link);
                }
                Write::Traces(traces) => {
                    for trace in traces {
                        self.traces.entry(trace.id.clone()).or_insert(trace);
                    }
                }
                Write::ForgetTraces { at, limit } => {
                    let old = |trace: &&Trace| trace.at < at;
                    let mut old: Vec<_> =
                        self.traces.values().filter(old).map(|it| (it.at, it.id.clone())).collect();
                    old.sort();
                    for (_, id) in old.into_iter().take(size(limit)) {
                        self.traces.remove(&id);
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn head(&self, connection: &str) -> Option<Head> {
        let last = self.chains.get(connection)?.last()?;
        Some(Head { connection: connection.to_owned(), seq: last.seq, hash: last.hash })
    }

    fn links(&self, connection: &str) -> &[Link] {
        self.chains.get(connection).map_or(&[], Vec::as_slice)
    }
}

#[async_trait]
impl Chronicle for Handle {
    async fn chains(&self) -> Result<Vec<String>> {
        Ok(self.held()?.done.chains.keys().cloned().collect())
    }

    async fn head(&self, connection: &str) -> Result<Option<Head>> {
        Ok(self.held()?.done.head(connection))
    }

    async fn links(&self, connection: &str, after: i64, limit: u64) -> Result<Vec<Link>> {
        let held = self.held()?;
        let later = held.done.links(connection).iter().filter(|link| link.seq > after);
        Ok(later.take(size(limit)).cloned().collect())
    }

    async fn last_link_of(&self, connection: &str, intent: &str) -> Result<Option<Link>> {
        let held = self.held()?;
        let own = held.done.links(connection).iter().rev().find(|link| link.intent == intent);
        Ok(own.cloned())
    }

    async fn traces(&self, which: &Traces) -> Result<Vec<Trace>> {
        let is_asked_for = |trace: &&Trace| {
            let is_about = |id: &String| trace.subjects.contains(id) || trace.resource.as_ref() == Some(id);
            which.request_id.as_ref().is_none_or(|id| *id == trace.request_id)
                && which.subject.as_ref().is_none_or(is_about)
                && which.connection.as_ref().is_none_or(|name| *name == trace.connection)
                && which.since.is_none_or(|at| trace.at >= at)
                && which.until.is_none_or(|at| trace.at < at)
                && which.before.as_ref().is_none_or(|id| trace.id < *id)
        };
        let held = self.held()?;
        let newest = held.done.traces.values().rev().filter(is_asked_for);
        Ok(newest.take(size(which.limit)).cloned().collect())
    }
}
