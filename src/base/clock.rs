//! The one place that reads the time; everything else is handed a [`Clock`] or a [`Timestamp`].

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// Microseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The moment `duration` after this one; saturates at the ends of time.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)))
    }

    /// The moment `duration` before this one; saturates at the ends of time.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)))
    }

    /// A moment with its offset as RFC 3339 writes it; `None` where `text` is something else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        text.parse::<jiff::Timestamp>().ok().map(|moment| Self(moment.as_microsecond()))
    }

    /// How long ago `earlier` was, seen from here; zero when it lies ahead.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

/// RFC 3339 in UTC with milliseconds, the form of `meta.created` (RFC 7643 §2.3.5).
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(moment) => write!(f, "{moment:.3}"),
            Err(_) => f.write_str("0001-01-01T00:00:00.000Z"),
        }
    }
}

/// Where the time comes from.
pub trait Clock: fmt::Debug + Send + Sync {
    /// The present moment; never before one it told already.
    fn now(&self) -> Timestamp;

    /// How long ago `earlier` truly was: a clock that was put forward meanwhile makes it no longer.
    fn elapsed(&self, earlier: Timestamp) -> Duration {
        self.now().since(earlier)
    }

    /// Tells no moment before `told`, which an earlier process told; nothing to do where that is past.
    fn go_on_from(&self, _told: Timestamp) {}
}

/// A clock shared by everything that needs one.
pub type SharedClock = Arc<dyn Clock>;

/// A clock that was ahead by more than this was wrong, and nothing goes on from it.
pub const MISSET: Duration = Duration::from_hours(24);

/// The machine's own clock, made steady.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

static MACHINE: LazyLock<SteadyClock<Alone>> = LazyLock::new(|| SteadyClock::new(Alone));

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        MACHINE.now()
    }

    fn elapsed(&self, earlier: Timestamp) -> Duration {
        MACHINE.elapsed(earlier)
    }

    fn go_on_from(&self, told: Timestamp) {
        MACHINE.go_on_from(told);
    }
}

/// What a wall clock shows, and how long one has run that nobody sets.
pub type Reading = (Timestamp, Duration);

/// Reads the machine's clocks. The second is the same for every process until the machine starts anew, where it is Linux.
#[expect(clippy::disallowed_methods, reason = "this is the one clock that all others are handed")]
#[must_use]
pub fn read_machine() -> Reading {
    // In this order: whoever is stopped between the two takes that for a clock that was put forward, not back.
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    (Timestamp(i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX)), running())
}

#[cfg(target_os = "linux")]
fn running() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Duration::try_from(time).unwrap_or_default()
}

#[cfg(not(target_os = "linux"))]
fn running() -> Duration {
    static BEGAN: LazyLock<std::time::Instant> = LazyLock::new(std::time::Instant::now);
    BEGAN.elapsed()
}

/// The clocks of a machine, and what an earlier process knew of how they were set.
pub trait Machine: Send + Sync {
    /// Reads both clocks.
    fn read(&self) -> Reading;

    /// What was kept last, since the machine started; `None` where nobody can tell.
    fn kept(&self) -> Option<Steady>;

    /// Keeps it for the next process.
    fn keep(&self, steady: &Steady);
}

/// The machine's clocks for one process, which keeps nothing.
struct Alone;

impl Machine for Alone {
    fn read(&self) -> Reading {
        read_machine()
    }

    fn kept(&self) -> Option<Steady> {
        None
    }

    fn keep(&self, _: &Steady) {}
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
        let earlier = machine.kept();
        let kept = earlier.as_ref().map(|steady| steady.told);
        let steady = Steady::going_on(earlier, machine.read());
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
    jumps: VecDeque<Reading>,
    /// How the clock was set before this moment nobody knows.
    since: Timestamp,
}

impl Steady {
    /// More than this is no drift between two clocks.
    const JUMP: Duration = Duration::from_secs(1);
    const REMEMBERED: usize = 16;

    /// Goes on from what was known `earlier`; begins anew where nothing was, or where it was wrong.
    fn going_on(earlier: Option<Self>, (wall, running): Reading) -> Self {
        let is_right = |earlier: &Self| expected(earlier.told, running).since(wall) <= MISSET;
        earlier.filter(is_right).unwrap_or_else(|| Self {
            told: (wall, running),
            jumps: VecDeque::new(),
            since: wall,
        })
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

/// A clock that stands still until it is moved: for tests and simulators.
#[derive(Debug, Default)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that shows `start`.
    #[must_use]
    pub fn starting_at(start: Timestamp) -> Self {
        Self(AtomicI64::new(start.0))
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(i64::try_from(by.as_micros()).unwrap_or(i64::MAX), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_prints_as_rfc_3339_with_milliseconds() {
        assert_eq!(Timestamp(1_700_000_000_123_456).to_string(), "2023-11-14T22:13:20.123Z");
        assert_eq!(Timestamp(0).to_string(), "1970-01-01T00:00:00.000Z");
    }

    const SECOND: Duration = Duration::from_secs(1);
    const YEAR: i64 = 31_536_000;

    fn at(seconds: i64) -> Timestamp {
        Timestamp((YEAR + seconds) * 1_000_000)
    }

    fn began(seconds: i64, running: u32) -> Steady {
        Steady::going_on(None, (at(seconds), SECOND * running))
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

    #[test]
    fn a_process_goes_on_from_what_the_last_one_kept() {
        let mut first = began(0, 1);
        first.read((at(3_610), SECOND * 11));
        // Put forward by another hour while nothing ran.
        let mut next = Steady::going_on(Some(first.clone()), (at(7_220), SECOND * 21));
        let now = next.read((at(7_220), SECOND * 21));
        assert_eq!((now, next.elapsed(now, at(0))), (at(7_220), SECOND * 20));
        // Or back.
        let mut next = Steady::going_on(Some(first.clone()), (at(20), SECOND * 21));
        let now = next.read((at(20), SECOND * 21));
        assert_eq!((now, next.elapsed(now, at(0))), (at(3_620), SECOND * 20));
        // It had been ahead by days, and is right now.
        first.go_on_from(at(400_000));
        let mut next = Steady::going_on(Some(first), (at(20), SECOND * 21));
        let now = next.read((at(25), SECOND * 26));
        assert_eq!(
            (now, next.elapsed(now, at(0)), next.elapsed(now, at(400_000))),
            (at(25), SECOND * 5, SECOND * 5)
        );
    }

    #[test]
    fn a_moment_is_read_with_its_offset_or_not_at_all() {
        assert_eq!(Timestamp::parse("2023-11-14T22:13:20.123Z"), Some(Timestamp(1_700_000_000_123_000)));
        assert_eq!(Timestamp::parse("1970-01-01T01:00:00+01:00"), Some(Timestamp(0)));
        for text in ["", "2023-11-14", "2023-11-14T22:13:20", "yesterday"] {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
    }

    #[test]
    fn since_a_later_moment_is_zero() {
        assert_eq!(Timestamp(5).since(Timestamp(9)), Duration::ZERO);
    }
}
