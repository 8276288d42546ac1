//! Moments on the command line: as RFC 3339 writes them, or how long ago they were.

use std::time::Duration;

use crate::base::clock::Timestamp;

/// A moment that may be relative to now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    At(Timestamp),
    Ago(Duration),
}

impl Moment {
    /// The moment, seen from `now`.
    pub fn from(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(at) => at,
            Self::Ago(ago) => now.minus(ago),
        }
    }
}

/// Reads `2026-01-31T08:00:00Z`, `90s`, `15m`, `2h` or `30d`.
pub fn moment(text: &str) -> Result<Moment, &'static str> {
    if let Some(at) = Timestamp::parse(text) {
        return Ok(Moment::At(at));
    }
    let split = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let unit = |unit: &str| match unit {
        "s" => Some(1),
        "m" => Some(60),
        "h" => Some(60 * 60),
        "d" => Some(24 * 60 * 60),
        _ => None,
    };
    let ago = text
        .split_at_checked(split)
        .and_then(|(number, word)| number.parse::<u64>().ok()?.checked_mul(unit(word)?));
    ago.map(|seconds| Moment::Ago(Duration::from_secs(seconds)))
        .ok_or("write a moment such as 2026-01-31T08:00:00Z, or how long ago: 15m, 2h, 30d")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_named_or_counted_back() {
        let now = Timestamp(10_000_000_000);
        let from = |text: &str| moment(text).map(|moment| moment.from(now).0);
        assert_eq!(from("1970-01-01T00:00:01Z"), Ok(1_000_000));
        assert_eq!(from("90s"), Ok(9_910_000_000));
        assert_eq!(from("2h"), Ok(2_800_000_000));
        assert_eq!(from("30d"), Ok(10_000_000_000 - 30 * 86_400_000_000));
        for text in ["", "h", "2", "2w", "-2h", "2 h", "99999999999999999999d", "2026-01-31"] {
            assert!(moment(text).is_err(), "{text}");
        }
    }
}
