//! The context of one piece of work, carried beside the call stack: its id, its deadline, what it does at an app.

mod book;
mod call;

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

use self::book::Book;
pub use self::book::{Attempt, Begun, Chapter};
pub use self::call::{Call, redacted};
use super::hold::Hold;
use super::metrics::Metrics;

tokio::task_local! {
    static CURRENT: Context;
    static METER: Meter;
    /// The operation of the treaty that is under way, where it may change something at the app.
    static CHANGING: Option<&'static str>;
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

/// What a request, or a piece of our own work, carries with it through the floors.
#[derive(Debug, Clone)]
pub struct Context {
    /// Shown to the caller as `X-Request-Id` and written to every log line.
    pub request_id: String,
    /// When the caller stops waiting; work that needs longer goes on without it.
    pub deadline: Instant,
    book: Arc<Mutex<Book>>,
    holds: Arc<Mutex<Vec<Arc<Hold>>>>,
    /// Set once nobody waits any more for this piece of work.
    left: CancellationToken,
}

impl Context {
    /// A context whose caller waits for `budget` from now.
    #[must_use]
    pub fn new(request_id: impl Into<String>, budget: Duration) -> Self {
        Self {
            request_id: request_id.into(),
            deadline: Instant::now() + budget,
            book: Arc::default(),
            holds: Arc::default(),
            left: CancellationToken::new(),
        }
    }

    /// The same context for one piece of work that somebody waits for, until what comes with it is dropped.
    #[must_use]
    pub fn waited_for(&self) -> (Self, DropGuard) {
        let left = CancellationToken::new();
        (Self { left: left.clone(), ..self.clone() }, left.drop_guard())
    }

    /// Runs `work` inside this context.
    pub async fn scope<F: Future>(self, work: F) -> F::Output {
        CURRENT.scope(self, work).await
    }

    /// The calls made so far, oldest first.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.book().calls().to_vec()
    }

    /// Begins an attempt that is not written down yet, in place of the one before.
    pub fn attempt(&self, attempt: Attempt) {
        self.book().attempt = Some(attempt);
    }

    /// The attempt that is under way.
    #[must_use]
    pub fn attempted(&self) -> Option<Attempt> {
        self.book().attempt.clone()
    }

    /// Notes how far the attempt at this intent is written down.
    pub fn begun(&self, intent: &str, begun: Begun) {
        if let Some(attempt) = self.book().attempt.as_mut().filter(|attempt| attempt.intent == intent) {
            attempt.begun = begun;
        }
    }

    /// Notes what the attempt at this intent came to, where that could not be written down.
    pub fn came_to(&self, intent: &str, outcome: &str) {
        if let Some(attempt) = self.book().attempt.as_mut().filter(|attempt| attempt.intent == intent) {
            attempt.came_to = Some(outcome.to_owned());
        }
    }

    /// The calls that may have changed something and stand in no entry of the audit, and a mark for [`Self::settled`].
    #[must_use]
    pub fn unsettled(&self) -> (Vec<Call>, usize) {
        self.book().unsettled()
    }

    /// Notes that the calls up to `mark` stand in the audit; with `ended`, that the attempt at this intent does, too.
    pub fn settled(&self, mark: usize, ended: Option<&str>) {
        self.book().settle(mark, ended);
    }

    /// Whether the attempt at this intent was the last one here, and its end is written down.
    #[must_use]
    pub fn has_settled(&self, intent: &str) -> bool {
        self.book().ended.as_deref() == Some(intent)
    }

    /// What is to be traced and was not taken before. After `answered` what comes is another chapter.
    #[must_use]
    pub fn chapter(&self, answered: bool) -> Chapter {
        self.book().chapter(answered)
    }

    /// Whether the caller was answered before the work ended.
    #[must_use]
    pub fn was_answered(&self) -> bool {
        self.book().answered
    }

    /// From now on the work depends on this hold, until it has ended.
    pub fn depend_on(&self, hold: &Arc<Hold>) {
        let mut holds = self.holds.lock().unwrap_or_else(PoisonError::into_inner);
        holds.retain(|hold| !hold.has_ended());
        holds.push(Arc::clone(hold));
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The context of the running task, if it runs inside one.
#[must_use]
pub fn current() -> Option<Context> {
    CURRENT.try_with(Clone::clone).ok()
}

/// Whether nobody waits any more for the running work; not where nobody ever did.
#[must_use]
pub fn caller_is_gone() -> bool {
    CURRENT.try_with(|context| context.left.is_cancelled()).unwrap_or(false)
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

/// Time left until the caller stops waiting; `otherwise` outside a context.
#[must_use]
pub fn remaining(otherwise: Duration) -> Duration {
    CURRENT
        .try_with(|context| context.deadline.saturating_duration_since(Instant::now()))
        .unwrap_or(otherwise)
}

/// Runs `work`, whose calls may change something at the app as part of `operation`; `None`: they change nothing, such
/// as those that fetch a token.
pub async fn changing<F: Future>(operation: Option<&'static str>, work: F) -> F::Output {
    CHANGING.scope(operation, work).await
}

/// Whether something may be changed at an app: an attempt is under way that is written down.
#[must_use]
pub fn may_change() -> bool {
    let begun = |context: &Context| {
        let book = context.book();
        book.attempt.as_ref().is_some_and(|attempt| attempt.begun != Begun::No)
    };
    CURRENT.try_with(begun).unwrap_or(false)
}

/// Notes an outgoing call in the running context, and counts it under the running meter, where there are such.
pub fn note_call(mut call: Call) {
    let _uncounted =
        METER.try_with(|meter| meter.metrics.upstream_call(&meter.connection, call.status, call.duration));
    call.operation = CHANGING.try_with(|operation| *operation).ok().flatten();
    let _outside = CURRENT.try_with(|context| context.book().note(call));
}

/// Notes a step of the plan in the running context: `create_account`.
pub fn note_step(step: &'static str) {
    let _outside = CURRENT.try_with(|context| context.book().step(step));
}

/// Notes whom or what the running context is about, by SCIM id.
pub fn note_subject(id: &str) {
    let _outside = CURRENT.try_with(|context| context.book().subject(id));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(intent: &str) -> Attempt {
        Attempt {
            intent: intent.to_owned(),
            kind: "user",
            resource: "u1".to_owned(),
            operation: "update".to_owned(),
            generation: 1,
            number: 1,
            begun: Begun::No,
            came_to: None,
        }
    }

    fn call(method: &str) -> Call {
        Call { method: method.to_owned(), path: "/users/1".to_owned(), ..Call::default() }
    }

    #[tokio::test]
    async fn nothing_may_be_changed_before_an_attempt_is_written_down_or_after_its_end() {
        assert!(!may_change());
        let context = Context::new("r-1", Duration::from_secs(1));
        context
            .clone()
            .scope(async {
                assert!(!may_change());
                context.attempt(attempt("i1"));
                assert!(!may_change());
                context.begun("another", Begun::Journaled);
                assert!(!may_change());
                context.begun("i1", Begun::Journaled);
                assert!(may_change());
                let (_, mark) = context.unsettled();
                context.settled(mark, Some("i1"));
                assert!(!may_change() && context.has_settled("i1"));
            })
            .await;
    }

    #[tokio::test]
    async fn calls_that_change_something_are_settled_once_and_readings_never() {
        let context = Context::new("r-1", Duration::from_secs(1));
        let work = async {
            changing(Some("deactivate"), async {
                note_call(call("GET"));
                note_call(call("DELETE"));
                changing(None, async { note_call(call("POST")) }).await;
            })
            .await;
            note_call(call("POST"));
        };
        context.clone().scope(work).await;
        let (unsettled, mark) = context.unsettled();
        let told: Vec<_> = unsettled.iter().map(|call| (call.method.as_str(), call.operation)).collect();
        assert_eq!(told, [("DELETE", Some("deactivate"))]);
        context.settled(mark, None);
        assert!(context.unsettled().0.is_empty());
        assert_eq!(context.calls().len(), 4);
    }

    #[tokio::test]
    async fn what_comes_after_the_answer_is_a_chapter_of_its_own() {
        let context = Context::new("r-1", Duration::from_secs(1));
        context
            .clone()
            .scope(async {
                note_step("add_member");
                note_step("add_member");
                note_step("remove_member");
                note_subject("g1");
                note_call(call("POST"));
                let first = context.chapter(true);
                assert_eq!(first.plan, ["add_member × 2", "remove_member"]);
                assert_eq!((first.calls.len(), first.subjects), (1, vec!["g1".to_owned()]));
                note_call(call("DELETE"));
                let second = context.chapter(false);
                assert_eq!((second.calls.len(), second.calls[0].method.as_str()), (1, "DELETE"));
                assert!(context.was_answered());
            })
            .await;
    }
}
