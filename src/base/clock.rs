//! The one place that reads the time; everything else is handed a [`Clock`] or a [`Timestamp`].

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

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

static MACHINE: LazyLock<SteadyClock<fn() -> Reading>> = LazyLock::new(|| SteadyClock::new(machine));

/// What a wall clock shows, and one that only runs.
pub type Reading = (Timestamp, Duration);

/// When the machine's running clock was first read.
static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);

#[expect(clippy::disallowed_methods, reason = "this is the one clock that all others are handed")]
fn machine() -> Reading {
    let running = BEGAN.elapsed();
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    (Timestamp(i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX)), running)
}

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

/// A clock made [`Steady`].
pub struct SteadyClock<R> {
    reader: R,
    steady: Mutex<Steady>,
}

impl<R> fmt::Debug for SteadyClock<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SteadyClock")
    }
}

impl<R: Fn() -> Reading> SteadyClock<R> {
    /// A clock whose `reader` tells what the wall clock shows, and one that only runs.
    pub fn new(reader: R) -> Self {
        Self { reader, steady: Mutex::default() }
    }

    fn read(&self) -> (MutexGuard<'_, Steady>, Timestamp) {
        let mut steady = self.steady.lock().unwrap_or_else(PoisonError::into_inner);
        let (wall, running) = (self.reader)();
        let now = steady.read(wall, running);
        (steady, now)
    }
}

impl<R: Fn() -> Reading + Send + Sync> Clock for SteadyClock<R> {
    fn now(&self) -> Timestamp {
        self.read().1
    }

    fn elapsed(&self, earlier: Timestamp) -> Duration {
        let (steady, now) = self.read();
        steady.elapsed(now, earlier)
    }

    fn go_on_from(&self, told: Timestamp) {
        self.read().0.go_on_from(told);
    }
}

/// A wall clock that may be set at any time, read beside one that only runs: never goes back, and knows by how much it
/// was put forward.
#[derive(Debug, Default)]
pub struct Steady {
    /// What was told last, and what the running clock showed then.
    told: Option<(Timestamp, Duration)>,
    /// When it was put forward, and by how much.
    jumps: VecDeque<(Timestamp, Duration)>,
    /// What the running clock showed at the first reading.
    began: Option<Duration>,
}

impl Steady {
    /// More than this is no drift between two clocks.
    const JUMP: Duration = Duration::from_secs(1);
    const REMEMBERED: usize = 16;

    /// The present moment, from what both clocks show.
    pub fn read(&mut self, wall: Timestamp, running: Duration) -> Timestamp {
        let Some((before, ran)) = self.told else {
            self.told = Some((wall, running));
            self.began = Some(running);
            return wall;
        };
        let expected = before.plus(running.saturating_sub(ran));
        let ahead = wall.since(expected);
        if ahead > Self::JUMP {
            if self.jumps.len() == Self::REMEMBERED {
                self.jumps.pop_front();
            }
            self.jumps.push_back((expected, ahead));
        }
        let now = wall.max(expected);
        self.told = Some((now, running));
        now
    }

    /// How long before `now` `earlier` truly was. What lies ahead was told by another replica a moment ago, or by a clock
    /// that was wrong before this one was first read.
    pub fn elapsed(&self, now: Timestamp, earlier: Timestamp) -> Duration {
        let ahead = earlier.since(now);
        if ahead > MISSET {
            let ran = self.told.map(|(_, ran)| ran).unwrap_or_default();
            return ran.saturating_sub(self.began.unwrap_or_default());
        }
        let later = self.jumps.iter().filter(|(at, _)| *at >= earlier).map(|(_, by)| *by);
        now.since(earlier).saturating_sub(later.sum())
    }

    /// Tells nothing before `told` from now on, which was told before this clock was first read.
    pub fn go_on_from(&mut self, told: Timestamp) {
        if let Some((now, _)) = &mut self.told {
            *now = told.max(*now);
        }
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

    #[test]
    fn a_clock_that_is_set_neither_goes_back_nor_makes_anything_older() {
        let (mut clock, second) = (Steady::default(), Duration::from_secs(1));
        let at = |seconds: i64| Timestamp((10_000 + seconds) * 1_000_000);
        assert_eq!(clock.read(at(0), second), at(0));
        assert_eq!(clock.read(at(10), second * 11), at(10));
        // An hour forward: the moment follows, what happened before is as old as it was.
        let jumped = clock.read(at(3_620), second * 21);
        assert_eq!(jumped, at(3_620));
        assert_eq!(clock.elapsed(jumped, at(10)), second * 10);
        let later = clock.read(at(3_625), second * 26);
        assert_eq!(clock.elapsed(later, jumped), second * 5);
        // Two hours back: it runs on.
        assert_eq!(clock.read(at(3_625 - 7_200), second * 26), at(3_625));
        let now = clock.read(at(3_630 - 7_200), second * 31);
        assert_eq!(now, at(3_630));
        assert_eq!(clock.elapsed(now, at(3_640)), Duration::ZERO, "another replica's clock is ahead");
        assert_eq!(clock.elapsed(now, at(172_800)), second * 30, "it was wrong before this one began");
    }

    #[test]
    fn a_clock_goes_on_from_what_another_process_told() {
        let (mut clock, second) = (Steady::default(), Duration::from_secs(1));
        let at = |seconds: i64| Timestamp((10_000 + seconds) * 1_000_000);
        clock.read(at(0), second);
        clock.go_on_from(at(600));
        let now = clock.read(at(5), second * 6);
        assert_eq!(now, at(605));
        assert_eq!(clock.elapsed(now, at(599)), second * 6);
        clock.go_on_from(at(20));
        assert_eq!(clock.read(at(6), second * 7), at(606), "what is past changes nothing");
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
