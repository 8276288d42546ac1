//! Who is let in: the bearer token of a request, and how often a wrong one may be tried.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use tokio::time::Instant;

use crate::base::secret::Token;

/// Callers remembered for their failures; the one whose first failure is oldest makes room for the next.
const MOST_REMEMBERED: usize = 4_096;

/// How many refused credentials one address may send with one token id before it is told to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailureLimit {
    pub failures: u32,
    pub within: Duration,
}

impl Default for FailureLimit {
    fn default() -> Self {
        Self { failures: 10, within: Duration::from_mins(1) }
    }
}

/// The token a request presents: `Authorization: Bearer <token>` with the scheme in any case, or the bare token, as
/// administrators paste it. `None` for everything else: no header, two of them, another scheme, nothing after it.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (value, None) = (values.next()?, values.next()) else { return None };
    let value = value.to_str().ok()?.trim();
    let token = match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim_start(),
        Some(_) => return None,
        None if value.eq_ignore_ascii_case("bearer") => return None,
        None => value,
    };
    Token::parse(token).map(|_| token)
}

/// What a failure is counted under: the caller's network and the public id of what it presented, never the secret.
pub(crate) fn failing_as(network: IpAddr, token: Option<&str>) -> (IpAddr, String) {
    (
        network,
        token.and_then(Token::parse).map(|token| token.id.chars().take(16).collect()).unwrap_or_default(),
    )
}

/// Counts refused credentials. A good token is never refused for the failures of others.
#[derive(Debug)]
pub(crate) struct Failures {
    limit: FailureLimit,
    counted: Mutex<BTreeMap<(IpAddr, String), Window>>,
}

#[derive(Debug, Clone, Copy)]
struct Window {
    opened: Instant,
    failures: u32,
}

impl Failures {
    pub(crate) fn new(limit: FailureLimit) -> Self {
        Self { limit, counted: Mutex::default() }
    }

    /// Counts one failure; how long to wait if it was one too many.
    pub(crate) fn count(&self, who: (IpAddr, String), now: Instant) -> Option<Duration> {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let is_open = |window: &Window| now.saturating_duration_since(window.opened) < self.limit.within;
        if counted.len() >= MOST_REMEMBERED && !counted.contains_key(&who) {
            counted.retain(|_, window| is_open(window));
            if counted.len() >= MOST_REMEMBERED {
                let oldest =
                    counted.iter().min_by_key(|(_, window)| window.opened).map(|(who, _)| who.clone());
                oldest.map(|who| counted.remove(&who));
            }
        }
        let window = counted.entry(who).or_insert(Window { opened: now, failures: 0 });
        if !is_open(window) {
            *window = Window { opened: now, failures: 0 };
        }
        window.failures = window.failures.saturating_add(1);
        (window.failures > self.limit.failures)
            .then(|| (window.opened + self.limit.within).saturating_duration_since(now))
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn presented(values: &[&'static str]) -> HeaderMap {
        values.iter().map(|value| (AUTHORIZATION, HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn a_token_is_found_with_and_without_its_scheme() {
        for value in ["Bearer abc", "bearer abc", "BEARER   abc ", "abc", " abc "] {
            assert_eq!(bearer(&presented(&[value])), Some("abc"), "`{value}`");
        }
    }

    #[test]
    fn what_is_no_token_is_none() {
        for value in
            ["", " ", "Bearer", "bearer ", "Basic YWRtaW46YWRtaW4=", "Token abc", "Bearer a b", "Bearer, abc"]
        {
            assert_eq!(bearer(&presented(&[value])), None, "`{value}`");
        }
        assert_eq!(bearer(&presented(&[])), None);
        assert_eq!(bearer(&presented(&["Bearer abc", "Bearer abc"])), None);
        let unreadable =
            HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_bytes(b"Bearer \xff").unwrap())]);
        assert_eq!(bearer(&unreadable), None);
    }

    #[test]
    fn the_eleventh_failure_in_a_minute_waits_for_the_minute_to_end() {
        let (failures, start) = (Failures::new(FailureLimit::default()), Instant::now());
        let who = || failing_as([192, 0, 2, 7].into(), Some("wrong"));
        for _ in 0..10 {
            assert_eq!(failures.count(who(), start), None);
        }
        let later = start + Duration::from_secs(20);
        assert_eq!(failures.count(who(), later), Some(Duration::from_secs(40)));
        assert_eq!(failures.count(failing_as([192, 0, 2, 8].into(), Some("wrong")), later), None);
        assert_eq!(failures.count(failing_as([192, 0, 2, 7].into(), Some("other")), later), None);
        assert_eq!(failures.count(who(), start + Duration::from_mins(1)), None);
    }

    #[test]
    fn the_memory_of_failures_is_bounded() {
        let (failures, now) = (Failures::new(FailureLimit::default()), Instant::now());
        for number in 0..10_000_u32 {
            assert_eq!(failures.count((IpAddr::from(number.to_be_bytes()), String::new()), now), None);
        }
        assert_eq!(failures.counted.lock().unwrap().len(), MOST_REMEMBERED);
    }
}
