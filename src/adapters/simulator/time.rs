//! The simulators' clock: the one it was given, moved forward by hand.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use crate::base::clock::{Clock, SharedClock, Timestamp};

/// A clock that runs ahead of another by what it was advanced.
#[derive(Debug)]
pub struct SimulatedClock {
    base: SharedClock,
    ahead_micros: AtomicI64,
}

impl SimulatedClock {
    /// A clock that shows what `base` shows.
    #[must_use]
    pub fn new(base: SharedClock) -> Self {
        Self { base, ahead_micros: AtomicI64::new(0) }
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        self.ahead_micros.fetch_add(i64::try_from(by.as_micros()).unwrap_or(i64::MAX), Ordering::SeqCst);
    }

    /// Takes back every advance.
    pub fn reset(&self) {
        self.ahead_micros.store(0, Ordering::SeqCst);
    }
}

impl Clock for SimulatedClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.base.now().0.saturating_add(self.ahead_micros.load(Ordering::SeqCst)))
    }
}

/// RFC 3339 in UTC with whole seconds (`2024-01-15T10:00:00Z`), the form all five guides print.
#[must_use]
pub fn whole_seconds(moment: Timestamp) -> String {
    let seconds = moment.0.div_euclid(1_000_000);
    jiff::Timestamp::from_second(seconds).map_or_else(|_| moment.to_string(), |moment| moment.to_string())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::base::clock::ManualClock;

    #[test]
    fn an_advance_adds_to_the_clock_below_until_it_is_reset() {
        let below = Arc::new(ManualClock::starting_at(Timestamp(5_000_000)));
        let clock = SimulatedClock::new(below);
        clock.advance(Duration::from_mins(1));
        assert_eq!(clock.now(), Timestamp(65_000_000));
        clock.reset();
        assert_eq!(clock.now(), Timestamp(5_000_000));
    }

    #[test]
    fn a_moment_prints_without_fractions() {
        assert_eq!(whole_seconds(Timestamp(1_705_312_800_900_000)), "2024-01-15T10:00:00Z");
    }
}
