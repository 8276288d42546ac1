//! Traces: handed over without waiting, written together, forgotten in time.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Result;
use super::connection::{Connection, Shared};
use super::gateway::Gateway;
use crate::base::clock::Timestamp;
use crate::base::context::{Chapter, Context};
use crate::store::Write;
use crate::store::trace::{Trace, Traces};

/// Traces that may wait to be written; further ones are dropped and counted.
const MOST_WAITING: usize = 8_192;

/// Traces of one commit.
const TOGETHER: usize = 256;

/// How long the first of them waits for others.
const GATHERED_FOR: Duration = Duration::from_millis(250);

/// How often old traces are forgotten.
const FORGOTTEN_EVERY: Duration = Duration::from_mins(10);

/// Traces that are forgotten in one commit.
const FORGOTTEN_TOGETHER: u64 = 2_000;

/// Where traces are handed over.
#[derive(Debug)]
pub struct Tracer {
    outbox: Sender<Trace>,
    /// Until somebody begins to write them.
    inbox: Mutex<Option<Receiver<Trace>>>,
}

impl Default for Tracer {
    fn default() -> Self {
        let (outbox, inbox) = mpsc::channel(MOST_WAITING);
        Self { outbox, inbox: Mutex::new(Some(inbox)) }
    }
}

/// A request that was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    pub request_id: String,
    pub connection: String,
    /// When it came.
    pub at: Timestamp,
    pub method: String,
    /// `users.patch`
    pub operation: &'static str,
    /// The SCIM id it named.
    pub resource: Option<String>,
    /// `None`: the caller did not wait for the answer.
    pub status: Option<u16>,
    pub took: Duration,
    /// It may have changed something: it is traced whether it called the app or not.
    pub writes: bool,
}

impl Shared {
    /// Traces a request; one that only read, and called nobody, is none.
    pub fn trace(&self, answered: Answered, chapter: Chapter) {
        let Answered { request_id, connection, at, method, operation, resource, status, took, writes } =
            answered;
        if connection.is_empty() || !writes && chapter.calls.is_empty() {
            return;
        }
        self.hand_over(Trace {
            request_id,
            connection,
            at,
            origin: "request".to_owned(),
            method,
            operation: operation.to_owned(),
            resource,
            status,
            ..self.told(chapter, took)
        });
    }

    /// A trace of this chapter that is of nobody yet.
    fn told(&self, chapter: Chapter, took: Duration) -> Trace {
        Trace {
            id: self.ids.next(),
            request_id: String::new(),
            connection: String::new(),
            at: Timestamp(0),
            origin: String::new(),
            method: String::new(),
            operation: String::new(),
            resource: None,
            subjects: chapter.subjects,
            plan: chapter.plan,
            calls: chapter.calls.iter().map(Into::into).collect(),
            calls_left_out: chapter.left_out,
            status: None,
            outcome: None,
            duration_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        }
    }

    /// Never waits: a trace that finds no room is dropped and counted.
    fn hand_over(&self, trace: Trace) {
        if self.tracer.outbox.try_send(trace).is_err() {
            self.metrics.trace_dropped();
        }
    }
}

impl Connection {
    /// Does work nobody asked for just now, in a context of its own under `request_id`, or a new one; traces it where it
    /// planned or called anything.
    pub(super) fn on_our_own<'a, T: Send + 'a>(
        &'a self,
        operation: &'a str,
        context: Context,
        work: impl Future<Output = Result<T>> + Send + 'a,
    ) -> BoxFuture<'a, Result<T>> {
        Box::pin(async move {
            let (at, began) = (self.now(), Instant::now());
            let ended = context.clone().scope(work).await;
            self.store().close_book(&context).await;
            let chapter = context.chapter(false);
            if !chapter.calls.is_empty() || !chapter.plan.is_empty() {
                self.shared.hand_over(Trace {
                    request_id: context.request_id,
                    connection: self.name().to_owned(),
                    at,
                    origin: "gateway".to_owned(),
                    operation: operation.to_owned(),
                    outcome: Some(match &ended {
                        Ok(_) => "done".to_owned(),
                        Err(refusal) => refusal.error.status.to_string(),
                    }),
                    ..self.shared.told(chapter, began.elapsed())
                });
            }
            ended
        })
    }

    /// A context of our own.
    pub(super) fn own_context(&self) -> Context {
        Context::new(self.shared.ids.next(), self.policy.budget)
    }

    /// Ends the work of a request: settles the audit, and traces what it went on with after its caller was answered.
    pub(super) async fn end_of_work(&self, context: &Context) {
        self.store().close_book(context).await;
        if !context.was_answered() {
            return;
        }
        let chapter = context.chapter(true);
        if !chapter.calls.is_empty() {
            self.shared.hand_over(Trace {
                request_id: context.request_id.clone(),
                connection: self.name().to_owned(),
                at: chapter.calls.first().map_or_else(|| self.now(), |call| call.at),
                origin: "after_answer".to_owned(),
                ..self.shared.told(chapter, Duration::ZERO)
            });
        }
    }
}

impl Gateway {
    /// Traces, newest first, and where to go on.
    ///
    /// # Errors
    /// 503 while the store does not answer.
    pub async fn traces(&self, which: &Traces) -> Result<Vec<Trace>> {
        Ok(self.shared().store.traces(which).await?)
    }

    /// Writes traces until `stop`, and then those that wait still; forgets what is older than `keep`.
    ///
    /// A second call finds nothing to do.
    pub async fn keep_traces(self: Arc<Self>, keep: Duration, stop: CancellationToken) {
        let inbox = self.shared().tracer.inbox.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut inbox) = inbox else { return };
        let mut forget_at = Instant::now();
        let mut waiting = Vec::with_capacity(TOGETHER);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                count = inbox.recv_many(&mut waiting, TOGETHER) => {
                    if count == 0 {
                        break;
                    }
                    gather(&mut inbox, &mut waiting, &stop).await;
                    self.write_traces(&mut waiting).await;
                }
                () = tokio::time::sleep_until(forget_at) => {
                    self.forget_traces(keep).await;
                    forget_at = Instant::now() + FORGOTTEN_EVERY;
                }
            }
        }
        while let Ok(trace) = inbox.try_recv() {
            waiting.push(trace);
            if waiting.len() >= TOGETHER {
                self.write_traces(&mut waiting).await;
            }
        }
        self.write_traces(&mut waiting).await;
    }

    async fn write_traces(&self, waiting: &mut Vec<Trace>) {
        let traces = std::mem::take(waiting);
        let count = traces.len();
        if count == 0 {
            return;
        }
        if let Err(error) = self.shared().store.commit(vec![Write::Traces(traces)]).await {
            tracing::warn!(%error, count, "traces could not be written and are lost");
            for _ in 0..count {
                self.shared().metrics.trace_dropped();
            }
        }
    }

    async fn forget_traces(&self, keep: Duration) {
        let at = Timestamp(
            self.shared().clock.now().0.saturating_sub(i64::try_from(keep.as_micros()).unwrap_or(i64::MAX)),
        );
        loop {
            let old = Traces { until: Some(at), limit: 1, ..Traces::default() };
            match self.shared().store.traces(&old).await {
                Ok(found) if found.is_empty() => return,
                Ok(_) => {}
                Err(error) => return tracing::warn!(%error, "old traces could not be looked for"),
            }
            let forget = Write::ForgetTraces { at, limit: FORGOTTEN_TOGETHER };
            if let Err(error) = self.shared().store.commit(vec![forget]).await {
                return tracing::warn!(%error, "old traces could not be forgotten");
            }
        }
    }
}

/// Takes in what comes within a moment, as far as there is room.
async fn gather(inbox: &mut Receiver<Trace>, waiting: &mut Vec<Trace>, stop: &CancellationToken) {
    let until = Instant::now() + GATHERED_FOR;
    while waiting.len() < TOGETHER {
        let room = TOGETHER - waiting.len();
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep_until(until) => return,
            count = inbox.recv_many(waiting, room) => {
                if count == 0 {
                    return;
                }
            }
        }
    }
}
