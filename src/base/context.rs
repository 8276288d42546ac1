//! The context of one request, carried beside the call stack: its id, its deadline, the calls it made upstream.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::hold::Hold;
use super::metrics::Metrics;

tokio::task_local! {
    static CURRENT: Context;
    static METER: Meter;
}

/// One outgoing HTTP exchange, redacted: no header, no body, no query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    pub method: String,
    /// Path without query.
    pub path: String,
    /// `None` when no answer came.
    pub status: Option<u16>,
    pub attempt: u32,
    pub duration: Duration,
}

/// Where outgoing calls are counted, and as whose.
#[derive(Debug, Clone)]
pub struct Meter {
    pub connection: String,
    pub metrics: Arc<Metrics>,
}

impl Meter {
    /// Runs `work`, whose calls are counted here.
    pub async fn scope<F: Future>(self, work: F) -> F::Output {
        METER.scope(self, work).await
    }
}

/// What a request carries with it through the floors.
#[derive(Debug, Clone)]
pub struct Context {
    /// Shown to the caller as `X-Request-Id` and written to every log line.
    pub request_id: String,
    /// When the caller stops waiting; work that needs longer goes on without it.
    pub deadline: Instant,
    calls: Arc<Mutex<Vec<Call>>>,
    holds: Arc<Mutex<Vec<Arc<Hold>>>>,
}

impl Context {
    /// A context whose caller waits for `budget` from now.
    #[must_use]
    pub fn new(request_id: impl Into<String>, budget: Duration) -> Self {
        Self {
            request_id: request_id.into(),
            deadline: Instant::now() + budget,
            calls: Arc::default(),
            holds: Arc::default(),
        }
    }

    /// Runs `work` inside this context.
    pub async fn scope<F: Future>(self, work: F) -> F::Output {
        CURRENT.scope(self, work).await
    }

    /// The calls made so far, oldest first.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Context {
    /// From now on the work depends on this hold, until it has ended.
    pub fn depend_on(&self, hold: &Arc<Hold>) {
        let mut holds = self.holds.lock().unwrap_or_else(PoisonError::into_inner);
        holds.retain(|hold| !hold.has_ended());
        holds.push(Arc::clone(hold));
    }
}

/// The holds the running work depends on, the first taken first.
#[must_use]
pub fn holds() -> Vec<Arc<Hold>> {
    CURRENT
        .try_with(|context| {
            let holds = context.holds.lock().unwrap_or_else(PoisonError::into_inner);
            holds.iter().filter(|hold| !hold.has_ended()).cloned().collect()
        })
        .unwrap_or_default()
}

/// For how long a call to the outside may be under way, as far as the running work depends on holds: zero once
/// somebody else may do the same work, `None` where nobody can.
#[must_use]
pub fn held_for() -> Option<Duration> {
    holds().iter().map(|hold| hold.left()).min()
}

/// The context of the running task, if it runs inside one.
#[must_use]
pub fn current() -> Option<Context> {
    CURRENT.try_with(Clone::clone).ok()
}

/// Time left until the caller stops waiting; `otherwise` outside a context.
#[must_use]
pub fn remaining(otherwise: Duration) -> Duration {
    CURRENT
        .try_with(|context| context.deadline.saturating_duration_since(Instant::now()))
        .unwrap_or(otherwise)
}

/// Notes an outgoing call in the running context, and counts it under the running meter, where there are such.
pub fn note_call(call: Call) {
    let _uncounted =
        METER.try_with(|meter| meter.metrics.upstream_call(&meter.connection, call.status, call.duration));
    let _outside =
        CURRENT.try_with(|context| context.calls.lock().unwrap_or_else(PoisonError::into_inner).push(call));
}
