//! A hold: the right of this process to work on something, which runs out unless it is renewed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::clock::{Clock, SystemClock, Timestamp};

/// The longest time between the end of the last call and the end of the hold.
const SPARE: Duration = Duration::from_secs(5);

/// The present, on the clock that stops while the machine sleeps and on the one that does not: whoever was frozen and
/// wakes up finds it on one of the two.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    running: Instant,
    wall: Timestamp,
}

impl Moment {
    /// The present moment.
    #[must_use]
    pub fn now() -> Self {
        Self { running: Instant::now(), wall: SystemClock.now() }
    }

    fn plus(self, duration: Duration) -> Self {
        Self { running: self.running + duration, wall: self.wall.plus(duration) }
    }

    /// How long it is until `self`, on the clock that says less.
    fn since(self, now: Self) -> Duration {
        self.running.saturating_duration_since(now.running).min(self.wall.since(now.wall))
    }
}

/// The right to work on something for a term from when it was asked for.
#[derive(Debug)]
pub struct Hold {
    /// What it is known by where it was given.
    pub fence: i64,
    term: Duration,
    until: Mutex<Moment>,
    ended: AtomicBool,
}

impl Hold {
    /// A hold that was asked for at `asked` and lasts for `term` from then.
    #[must_use]
    pub fn new(fence: i64, asked: Moment, term: Duration) -> Self {
        Self { fence, term, until: Mutex::new(asked.plus(term)), ended: AtomicBool::new(false) }
    }

    /// It was given again, for a term from `asked`.
    pub fn renew(&self, asked: Moment) {
        *self.until.lock().unwrap_or_else(PoisonError::into_inner) = asked.plus(self.term);
    }

    /// Somebody else has it.
    pub fn lose(&self) {
        let now = Moment::now();
        *self.until.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }

    /// The work is done, and nothing depends on it any more.
    pub fn end(&self) {
        self.ended.store(true, Ordering::SeqCst);
    }

    /// Whether the work is done.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.ended.load(Ordering::SeqCst)
    }

    /// For how long something may be begun that must be over before the hold is: zero once it is too late.
    ///
    /// Five seconds, or a sixth of a short term, are kept back for what is under way longer than it should be.
    #[must_use]
    pub fn left(&self) -> Duration {
        let until = *self.until.lock().unwrap_or_else(PoisonError::into_inner);
        until.since(Moment::now()).saturating_sub(SPARE.min(self.term / 6))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERM: Duration = Duration::from_secs(30);

    #[tokio::test(start_paused = true)]
    async fn a_hold_runs_out_five_seconds_early_unless_it_is_renewed() {
        let hold = Hold::new(1, Moment::now(), TERM);
        assert!(hold.left() > Duration::from_secs(24) && hold.left() <= Duration::from_secs(25));
        tokio::time::advance(Duration::from_secs(20)).await;
        assert!(hold.left() <= Duration::from_secs(5));
        hold.renew(Moment::now());
        assert!(hold.left() > Duration::from_secs(24));
        tokio::time::advance(Duration::from_secs(25)).await;
        assert_eq!(hold.left(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_machine_that_slept_has_lost_its_hold_though_its_clock_stood_still() {
        let before = Moment::now();
        let slept = Moment { wall: Timestamp(before.wall.0 - 40_000_000), ..before };
        assert_eq!(Hold::new(1, slept, TERM).left(), Duration::ZERO);
    }

    #[tokio::test]
    async fn what_somebody_else_has_is_over_at_once() {
        let hold = Hold::new(1, Moment::now(), TERM);
        hold.lose();
        assert_eq!(hold.left(), Duration::ZERO);
        assert!(!hold.has_ended());
        hold.end();
        assert!(hold.has_ended());
    }
}
