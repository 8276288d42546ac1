//! The frame of the simulated apps: journal, faults, control plane and listener around one [`App`] each.
//!
//! A simulator is a real HTTP server that shares nothing with our clients. Every path below `/__sim` belongs to the
//! control plane, every other one to the app.

mod app;
mod call;
mod control;
mod faults;
mod journal;
mod ledger;
#[cfg(test)]
pub(crate) mod probe;
pub mod scim;
mod serve;
#[cfg(test)]
mod tests;
mod time;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use serde_json::Value;

pub use self::app::{
    App, Dialect, OutOfBand, OutOfBandOperation, Person, Plan, PlanChange, Refusal, RefusalKind, Seed,
    SeedPeople, UnknownDialect, switched,
};
pub use self::call::{Answer, Call};
pub use self::control::read;
pub use self::faults::{Fault, Faults, Matching};
pub use self::journal::Journal;
pub use self::ledger::{Holder, Ledger};
pub use self::serve::{Dropped, Running, serve};
pub use self::time::{SimulatedClock, whole_seconds};
use crate::base::clock::{Clock, SharedClock};

/// One simulated app with its frame; clones share everything.
#[derive(Debug, Clone)]
pub struct Simulator {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    app: Box<dyn App>,
    clock: Arc<SimulatedClock>,
    journal: Mutex<Journal>,
    faults: Mutex<Faults>,
    ledger: Mutex<Ledger>,
}

impl Simulator {
    /// Puts the frame around the app that `build` makes from the simulator's clock.
    pub fn new<A: App>(clock: SharedClock, build: impl FnOnce(Arc<SimulatedClock>) -> A) -> Self {
        let clock = Arc::new(SimulatedClock::new(clock));
        let app = Box::new(build(clock.clone()));
        let (journal, faults, ledger) = Default::default();
        Self { inner: Arc::new(Inner { app, clock, journal, faults, ledger }) }
    }

    /// The app.
    #[must_use]
    pub fn app(&self) -> &dyn App {
        &*self.inner.app
    }

    /// The clock the app reads.
    #[must_use]
    pub fn clock(&self) -> &SimulatedClock {
        &self.inner.clock
    }

    /// The journal so far; its shape is that of [`Journal::listing`].
    #[must_use]
    pub fn journal(&self) -> Vec<Value> {
        self.with_journal(|journal| journal.listing())
    }

    /// Starts again from `seed`: state, switches, faults, journal and clock.
    pub fn reset(&self, seed: Seed) {
        self.inner.clock.reset();
        self.inner.app.reset(seed);
        self.with_faults(Faults::clear);
        self.with_journal(|journal| *journal = Journal::default());
        self.with_ledger(|ledger| *ledger = Ledger::default());
    }

    /// The app and its control plane, to be served at the root or nested under a prefix.
    pub fn router(&self) -> Router {
        Router::new().route("/", any(door)).route("/{*path}", any(door)).with_state(self.clone())
    }

    fn with_journal<T>(&self, work: impl FnOnce(&mut Journal) -> T) -> T {
        work(&mut self.inner.journal.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn with_faults<T>(&self, work: impl FnOnce(&mut Faults) -> T) -> T {
        work(&mut self.inner.faults.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn with_ledger<T>(&self, work: impl FnOnce(&mut Ledger) -> T) -> T {
        work(&mut self.inner.ledger.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Lets the app answer. While a ledger is kept nobody else is answered until it has what changed.
    fn act(&self, call: &Call, number: Option<u64>) -> Answer {
        self.with_ledger(|ledger| {
            let answer = self.app().answer(call);
            if ledger.is_kept() && call.method != axum::http::Method::GET {
                ledger.note(self.app().holders(), number, self.inner.clock.now());
            }
            answer
        })
    }

    /// One request to the app: journaled before anything happens, struck by at most one fault.
    async fn exchange(&self, call: &Call) -> Response {
        let number = self.with_journal(|journal| journal.open(call, self.app(), self.inner.clock.now()));
        let Some(fault) = self.with_faults(|faults| faults.strike(call)) else {
            let answer = self.act(call, number);
            self.with_journal(|journal| journal.close(number, Some(&answer), false));
            pause(answer.delay).await;
            return answer.into_response();
        };
        let committed = fault.commit.then(|| self.act(call, number));
        if fault.drop_connection {
            self.with_journal(|journal| journal.close(number, None, true));
            pause(fault.delay()).await;
            return Dropped::response();
        }
        // Without `commit` the app acts after the delay, and not at all when the caller has gone by then.
        if committed.is_none() {
            pause(fault.delay()).await;
        }
        let answer = self.struck((call, number), &fault, committed);
        self.with_journal(|journal| journal.close(number, Some(&answer), true));
        if fault.commit {
            pause(fault.delay()).await;
        }
        answer.into_response()
    }

    /// What `fault` makes of the answer.
    fn struck(
        &self,
        (call, number): (&Call, Option<u64>),
        fault: &Fault,
        committed: Option<Answer>,
    ) -> Answer {
        let answer = match (fault.status, &fault.body) {
            (None, _) => committed.unwrap_or_else(|| self.act(call, number)),
            (Some(status), None) => Answer { status, ..self.app().error_for(call, status) },
            (Some(status), Some(Value::String(text))) => Answer::text(status, "text/plain", text.clone()),
            (Some(status), Some(body)) => Answer::json(status, body),
        };
        fault.headers.iter().fold(answer, |answer, (name, value)| answer.with_header(name, value))
    }
}

/// Several simulators on one listener, each below `/{name}`.
pub fn side_by_side<'a>(simulators: impl IntoIterator<Item = (&'a str, Simulator)>) -> Router {
    simulators
        .into_iter()
        .fold(Router::new(), |all, (name, simulator)| all.nest(&format!("/{name}"), simulator.router()))
}

async fn door(State(simulator): State<Simulator>, request: Request) -> Response {
    let call = match Call::read(request).await {
        Ok(call) => call,
        Err(status) => return simulator.app().error(status.as_u16()).into_response(),
    };
    if call.route().1.first() == Some(&"__sim") {
        let answer = control::answer(&simulator, &call);
        if call.method != axum::http::Method::GET {
            let now = simulator.inner.clock.now();
            simulator.with_ledger(|ledger| ledger.note(simulator.app().holders(), None, now));
        }
        return answer.into_response();
    }
    simulator.exchange(&call).await
}

async fn pause(duration: Duration) {
    if !duration.is_zero() {
        tokio::time::sleep(duration).await;
    }
}
