//! When an app says to come back.

use std::time::{Duration, UNIX_EPOCH};

use reqwest::header::{HeaderMap, RETRY_AFTER};

use crate::base::clock::Timestamp;

const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_hours(1);

/// The app's own word on when to come back, held between a second and an hour; `None` where it gave none that can
/// be read.
///
/// `Retry-After` in seconds or as a date (RFC 9110 §10.2.3); on a 429 without it, `reset` of the `RateLimit` field
/// in seconds (draft-ietf-httpapi-ratelimit-headers-03, as Honeycomb sends it).
pub(super) fn retry_after(status: u16, headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    text(RETRY_AFTER.as_str())
        .and_then(|word| seconds(word).or_else(|| until(word, now)))
        .or_else(|| text("ratelimit").filter(|_| status == 429).and_then(reset))
        .map(|wait| wait.clamp(SHORTEST, LONGEST))
}

/// A number too large to hold is as good as the longest wait.
fn seconds(word: &str) -> Option<Duration> {
    let digits = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| word.parse().map_or(LONGEST, Duration::from_secs))
}

fn until(word: &str, now: Timestamp) -> Option<Duration> {
    let moment = httpdate::parse_http_date(word).ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(Timestamp(0).plus(moment).since(now))
}

fn reset(field: &str) -> Option<Duration> {
    field.split([',', ';']).find_map(|part| {
        let (name, value) = part.split_once('=')?;
        if name.trim().eq_ignore_ascii_case("reset") { seconds(value.trim()) } else { None }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(status: u16, name: &'static str, value: &str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        // 2023-11-14T22:13:20Z
        retry_after(status, &headers, Timestamp(1_700_000_000_000_000))
    }

    #[test]
    fn the_wait_is_seconds_or_a_date() {
        let seconds = |count| Some(Duration::from_secs(count));
        assert_eq!(read(503, "retry-after", "7"), seconds(7));
        assert_eq!(read(429, "retry-after", "Tue, 14 Nov 2023 22:13:50 GMT"), seconds(30));
        assert_eq!(read(429, "retry-after", "Tue, 14 Nov 2023 22:00:00 GMT"), seconds(1));
        assert_eq!(read(429, "retry-after", "0"), seconds(1));
        assert_eq!(read(429, "retry-after", "99999999999999999999999"), seconds(3_600));
        assert_eq!(read(429, "retry-after", "soon"), None);
        assert_eq!(read(429, "retry-after", "-1"), None);
    }

    #[test]
    fn a_rate_limit_field_counts_on_a_429_only() {
        let field = "limit=100, remaining=0, reset=41";
        assert_eq!(read(429, "ratelimit", field), Some(Duration::from_secs(41)));
        assert_eq!(read(429, "ratelimit", "limit=100;reset=5"), Some(Duration::from_secs(5)));
        assert_eq!(read(503, "ratelimit", field), None);
        assert_eq!(read(429, "ratelimit", "limit=100"), None);
    }
}
