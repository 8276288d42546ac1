//! The one place that reads the time; everything else is handed a [`Clock`] or a [`Timestamp`].

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::steady::{Machine, Reading, Steady, SteadyClock};

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
