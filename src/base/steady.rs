//! A clock that may be set at any time, made one that only goes forward and knows by how much it was put forward.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::clock::{Clock, Timestamp};

/// A clock that was ahead by more than this was wrong, and nothing goes on from it.
pub const MISSET: Duration = Duration::from_hours(24);

/// What a wall clock shows, and how long one has run that nobody sets.
pub type Reading = (Timestamp, Duration);

/// The clocks of a machine, and what an earlier process knew of how they were set.
pub trait Machine: Send + Sync {
    /// Reads both clocks.
    fn read(&self) -> Reading;

    /// What was kept last, since the machine started; `None` where nobody can tell.
    fn kept(&self) -> Option<Steady>;

    /// Keeps it for the next process.
    fn keep(&self, steady: &Steady);
}

/// A machine's clock made [`Steady`], over every process that keeps what it knows.
pub struct SteadyClock<M> {
    machine: M,
    state: Mutex<State>,
}

struct State {
    steady: Steady,
    /// What was kept last.
    kept: Option<Reading>,
}

impl<M> fmt::Debug for SteadyClock<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SteadyClock")
    }
}

impl<M: Machine> SteadyClock<M> {
    /// Goes on from what an earlier process kept.
    pub fn new(machine: M) -> Self {
        let (earlier, reading) = (machine.kept(), machine.read());
        let earlier = earlier.filter(|steady| !steady.is_misset(reading));
        let kept = earlier.as_ref().map(|steady| steady.told);
        let steady = earlier.unwrap_or_else(|| Steady::beginning(reading));
        Self { machine, state: Mutex::new(State { steady, kept }) }
    }

    /// Reads the clocks, works with that, and keeps what the next process could not read off them.
    fn read<T>(&self, work: impl FnOnce(&mut Steady, Timestamp) -> T) -> T {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = state.steady.read(self.machine.read());
        let done = work(&mut state.steady, now);
        let told = state.steady.told;
        if state.kept.is_none_or(|kept| told.0.since(expected(kept, told.1)) > Steady::JUMP) {
            self.machine.keep(&state.steady);
            state.kept = Some(told);
        }
        done
    }
}

impl<M: Machine> Clock for SteadyClock<M> {
    fn now(&self) -> Timestamp {
        self.read(|_, now| now)
    }

    fn elapsed(&self, earlier: Timestamp) -> Duration {
        self.read(|steady, now| steady.elapsed(now, earlier))
    }

    fn go_on_from(&self, told: Timestamp) {
        self.read(|steady, _| steady.go_on_from(told));
    }
}

/// What is told when the running clock shows `running`, unless the wall clock is ahead of it.
fn expected((told, ran): Reading, running: Duration) -> Timestamp {
    told.plus(running.saturating_sub(ran))
}

/// A wall clock that may be set at any time, read beside one that only runs: never goes back, and knows by how much it
/// was put forward.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Steady {
    /// What was told last, and what the running clock showed then.
    told: Reading,
    /// When it was put forward, and by how much.
    jumps: VecDeque<(Timestamp, Duration)>,
    /// How the clock was set before this moment nobody knows.
    since: Timestamp,
}

impl Steady {
    /// More than this is no drift between two clocks.
    const JUMP: Duration = Duration::from_secs(1);
    const REMEMBERED: usize = 16;

    /// Knows nothing of what was before this reading.
    fn beginning((wall, running): Reading) -> Self {
        Self { told: (wall, running), jumps: VecDeque::new(), since: wall }
    }

    /// Whether it had been ahead by so much that it was wrong.
    fn is_misset(&self, (wall, running): Reading) -> bool {
        expected(self.told, running).since(wall) > MISSET
    }

    /// The present moment, from what both clocks show.
    fn read(&mut self, (wall, running): Reading) -> Timestamp {
        let expected = expected(self.told, running);
        self.told = (expected, running);
        self.go_on_from(wall);
        self.told.0
    }

    /// Tells nothing before `moment` from now on: the wall clock shows it, or an earlier process told it.
    fn go_on_from(&mut self, moment: Timestamp) {
        let ahead = moment.since(self.told.0);
        if ahead > Self::JUMP {
            // The two oldest are one where they are too many: what came between them counts as younger than it is.
            if self.jumps.len() == Self::REMEMBERED
                && let (Some((_, by)), Some(next)) = (self.jumps.pop_front(), self.jumps.front_mut())
            {
                next.1 += by;
            }
            self.jumps.push_back((self.told.0, ahead));
        }
        self.told.0 = moment.max(self.told.0);
    }

    /// How long before `now` `earlier` truly was, at the least. What lies ahead was told by another replica a moment
    /// ago, or by a clock that was wrong; what is older than what is known of the clock counts from then.
    fn elapsed(&self, now: Timestamp, earlier: Timestamp) -> Duration {
        let is_wrong = earlier.since(now) > MISSET;
        let from = if is_wrong { self.since } else { earlier.max(self.since) };
        let later = self.jumps.iter().filter(|(at, _)| *at >= from).map(|(_, by)| *by);
        now.since(from).saturating_sub(later.sum())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const YEAR: i64 = 31_536_000;

    fn at(seconds: i64) -> Timestamp {
        Timestamp((YEAR + seconds) * 1_000_000)
    }

    fn began(seconds: i64, running: u32) -> Steady {
        Steady::beginning((at(seconds), SECOND * running))
    }

    #[test]
    fn a_clock_that_is_set_neither_goes_back_nor_makes_anything_older() {
        let mut clock = began(0, 1);
        assert_eq!(clock.read((at(10), SECOND * 11)), at(10));
        // An hour forward: the moment follows, what happened before is as old as it was.
        let jumped = clock.read((at(3_620), SECOND * 21));
        assert_eq!(jumped, at(3_620));
        assert_eq!(clock.elapsed(jumped, at(10)), SECOND * 10);
        let later = clock.read((at(3_625), SECOND * 26));
        assert_eq!(clock.elapsed(later, jumped), SECOND * 5);
        // Two hours back: it runs on.
        assert_eq!(clock.read((at(3_625 - 7_200), SECOND * 26)), at(3_625));
        let now = clock.read((at(3_630 - 7_200), SECOND * 31));
        assert_eq!(now, at(3_630));
        assert_eq!(clock.elapsed(now, at(3_640)), Duration::ZERO, "another replica's clock is ahead");
        assert_eq!(clock.elapsed(now, at(172_800)), SECOND * 30, "it was wrong before this one began");
        assert_eq!(clock.elapsed(now, at(-86_400)), SECOND * 30, "nobody knows how it was set before");
    }

    #[test]
    fn however_often_it_is_set_nothing_is_older() {
        let mut clock = began(0, 0);
        for minute in 1..=40 {
            // A minute passes, and the clock is put forward by another one.
            let now = clock.read((at(120 * i64::from(minute)), SECOND * 60 * minute));
            assert_eq!(clock.elapsed(now, at(0)), SECOND * 60 * minute);
            assert!(
                clock.elapsed(now, at(120 * i64::from(minute / 2))) <= SECOND * 60 * (minute - minute / 2)
            );
        }
    }

    #[test]
    fn a_clock_goes_on_from_what_another_process_told() {
        let mut clock = began(0, 1);
        clock.go_on_from(at(600));
        let now = clock.read((at(5), SECOND * 6));
        assert_eq!(now, at(605));
        assert_eq!(clock.elapsed(now, at(599)), SECOND * 6);
        assert_eq!(clock.elapsed(now, at(0)), SECOND * 5, "our own is no older");
        clock.go_on_from(at(20));
        assert_eq!(clock.read((at(6), SECOND * 7)), at(606), "what is past changes nothing");
    }

    #[derive(Default)]
    struct Inner {
        wall: i64,
        running: u32,
        kept: Option<Steady>,
    }

    /// A machine that stands still until it is moved.
    #[derive(Clone, Default)]
    struct Still(Arc<Mutex<Inner>>);

    impl Still {
        /// Seconds the wall clock shows, and for how many the other one has run.
        fn shows(&self, wall: i64, running: u32) {
            let mut inner = self.0.lock().unwrap();
            (inner.wall, inner.running) = (wall, running);
        }
    }

    impl Machine for Still {
        fn read(&self) -> Reading {
            let inner = self.0.lock().unwrap();
            (at(inner.wall), SECOND * inner.running)
        }

        fn kept(&self) -> Option<Steady> {
            self.0.lock().unwrap().kept.clone()
        }

        fn keep(&self, steady: &Steady) {
            self.0.lock().unwrap().kept = Some(steady.clone());
        }
    }

    #[test]
    fn a_process_goes_on_from_what_the_last_one_kept() {
        let machine = Still::default();
        let process = || SteadyClock::new(machine.clone());
        machine.shows(0, 1);
        let first = process();
        assert_eq!(first.now(), at(0));
        machine.shows(3_610, 11);
        assert_eq!(first.now(), at(3_610));
        // Put forward by another hour while nothing ran.
        machine.shows(7_220, 21);
        let second = process();
        assert_eq!((second.now(), second.elapsed(at(0))), (at(7_220), SECOND * 20));
        // Or back by two.
        machine.shows(30, 31);
        let third = process();
        assert_eq!((third.now(), third.elapsed(at(0))), (at(7_230), SECOND * 30));
        third.go_on_from(at(80_000));
        machine.shows(40, 41);
        assert_eq!(process().now(), at(80_010));
        assert_eq!(process().elapsed(at(0)), SECOND * 40);
    }

    #[test]
    fn nothing_goes_on_from_a_clock_that_was_wrong_by_days() {
        let machine = Still::default();
        let process = || SteadyClock::new(machine.clone());
        machine.shows(400_000, 1);
        process().now();
        machine.shows(0, 11);
        assert_eq!(process().now(), at(0));
        machine.shows(10, 21);
        let third = process();
        assert_eq!(third.now(), at(10));
        assert_eq!(third.elapsed(at(400_000)), SECOND * 10, "since the second process");
        assert_eq!(third.elapsed(at(-400_000)), SECOND * 10);
    }
}
