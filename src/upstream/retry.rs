//! Whether a request is sent again: one table, pure, so that every row of it can be read and tested.

use std::time::Duration;

use super::{Failure, Response, Safety};
use crate::base::jitter::full_jitter;

/// Attempts where the app is out of order.
const FEW: u32 = 2;
/// Attempts where the app asks for patience.
const MANY: u32 = 5;
/// An attempt with less time than this is not begun: its answer could only be lost.
const WORTHWHILE: Duration = Duration::from_millis(250);

/// What came of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Happened {
    NotSent,
    Lost,
    Answered {
        status: u16,
        retry_after: Option<Duration>,
    },
    /// Nothing another attempt can mend.
    Settled,
}

impl From<&Result<Response, Failure>> for Happened {
    fn from(result: &Result<Response, Failure>) -> Self {
        match result {
            Ok(response) => Self::Answered { status: response.status, retry_after: response.retry_after },
            Err(Failure::NotSent(_)) => Self::NotSent,
            Err(Failure::Lost(_)) => Self::Lost,
            Err(Failure::NoTurn(_) | Failure::Refused(_) | Failure::Unusable(_) | Failure::Redirected(_)) => {
                Self::Settled
            }
        }
    }
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    Stop,
    Again(Duration),
}

/// How waits grow: full jitter between nothing and twice the wait before, from `base` to `cap`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    pub base: Duration,
    pub cap: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { base: Duration::from_millis(500), cap: Duration::from_secs(30) }
    }
}

impl Pace {
    fn wait(self, attempt: u32, random: f64) -> Duration {
        full_jitter(attempt.saturating_sub(1), self.base, self.cap, random)
    }
}

/// The verdict after attempt number `attempt` (the first is 1), with `left` of the time for all attempts; `random`
/// lies between 0 and 1.
///
/// A request that certainly was not done may go again whatever its safety: 429, no connection. One that may have been
/// done goes again only where twice is as good as once, as often as the app asks for where it says when. A 503 may come
/// from a proxy in front of an app that had done it, whatever it says of coming back.
pub(super) fn next(
    safety: Safety,
    attempt: u32,
    happened: Happened,
    left: Duration,
    pace: Pace,
    random: f64,
) -> Next {
    let repeatable = safety != Safety::Once;
    let (attempts, word) = match happened {
        Happened::Answered { status: 429, retry_after } => (MANY, retry_after),
        Happened::Answered { status: 503, retry_after: Some(wait) } if repeatable => (MANY, Some(wait)),
        Happened::Answered { status: 408 | 425 | 500 | 502..=504 | 506..=599, retry_after } if repeatable => {
            (FEW, retry_after)
        }
        Happened::NotSent => (FEW, None),
        Happened::Lost if repeatable => (FEW, None),
        Happened::Answered { .. } | Happened::Lost | Happened::Settled => return Next::Stop,
    };
    // Jitter on top of the app's word, so that all who were told the same do not come back together.
    let wait = match word {
        Some(word) => word.saturating_add(pace.wait(1, random)),
        None => pace.wait(attempt, random),
    };
    if attempt >= attempts || wait.saturating_add(WORTHWHILE) > left {
        return Next::Stop;
    }
    Next::Again(wait)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_hours(1);
    const ALL: [Safety; 3] = [Safety::Read, Safety::Idempotent, Safety::Once];

    fn after(safety: Safety, attempt: u32, happened: Happened) -> Next {
        next(safety, attempt, happened, LONG, Pace::default(), 1.0)
    }

    fn answered(status: u16) -> Happened {
        Happened::Answered { status, retry_after: None }
    }

    #[test]
    fn what_was_certainly_not_done_goes_again_whatever_its_safety() {
        for safety in ALL {
            for attempt in 1..5 {
                assert_ne!(after(safety, attempt, answered(429)), Next::Stop);
            }
            assert_eq!(after(safety, 5, answered(429)), Next::Stop);
            assert_ne!(after(safety, 1, Happened::NotSent), Next::Stop);
            assert_eq!(after(safety, 2, Happened::NotSent), Next::Stop);
        }
    }

    #[test]
    fn what_may_have_been_done_goes_again_once_and_only_where_that_is_harmless() {
        let broken = [408, 425, 500, 502, 503, 504, 520].map(answered).into_iter().chain([Happened::Lost]);
        for happened in broken {
            assert_eq!(after(Safety::Once, 1, happened), Next::Stop, "{happened:?}");
            for safety in [Safety::Read, Safety::Idempotent] {
                assert_ne!(after(safety, 1, happened), Next::Stop, "{happened:?}");
                assert_eq!(after(safety, 2, happened), Next::Stop, "{happened:?}");
            }
        }
    }

    #[test]
    fn an_app_that_says_when_is_asked_as_often_as_that_and_for_a_create_never() {
        let busy = Happened::Answered { status: 503, retry_after: Some(Duration::from_secs(2)) };
        for safety in [Safety::Read, Safety::Idempotent] {
            for attempt in 1..5 {
                assert_ne!(after(safety, attempt, busy), Next::Stop);
            }
            assert_eq!(after(safety, 5, busy), Next::Stop);
        }
        assert_eq!(
            after(Safety::Once, 1, busy),
            Next::Stop,
            "a proxy says so, too, after the app has created"
        );
    }

    #[test]
    fn a_definite_answer_is_taken() {
        for safety in ALL {
            for status in [200, 204, 400, 401, 403, 404, 405, 409, 422, 501, 505] {
                assert_eq!(after(safety, 1, answered(status)), Next::Stop, "{status}");
            }
            assert_eq!(after(safety, 1, Happened::Settled), Next::Stop);
        }
    }

    #[test]
    fn waits_double_to_the_cap_and_follow_the_app_s_word() {
        let wait =
            |attempt, random| next(Safety::Read, attempt, answered(429), LONG, Pace::default(), random);
        assert_eq!(wait(1, 1.0), Next::Again(Duration::from_millis(500)));
        assert_eq!(wait(3, 1.0), Next::Again(Duration::from_secs(2)));
        assert_eq!(wait(3, 0.5), Next::Again(Duration::from_secs(1)));
        assert_eq!(wait(1, 0.0), Next::Again(Duration::ZERO));
        assert_eq!(Pace::default().wait(40, 1.0), Duration::from_secs(30));
        let told = Happened::Answered { status: 429, retry_after: Some(Duration::from_secs(9)) };
        assert_eq!(
            next(Safety::Once, 4, told, LONG, Pace::default(), 0.0),
            Next::Again(Duration::from_secs(9))
        );
    }

    #[test]
    fn no_wait_outlasts_the_caller() {
        let told = Happened::Answered { status: 429, retry_after: Some(Duration::from_secs(9)) };
        let with = |left| next(Safety::Read, 1, told, left, Pace::default(), 0.0);
        assert_eq!(with(Duration::from_secs(9)), Next::Stop);
        assert_eq!(with(Duration::from_secs(10)), Next::Again(Duration::from_secs(9)));
    }
}
