//! The attempts at one request, and the time they share.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::budget::RetryBudget;
use super::retry::{Happened, Next, Pace, next};
use super::{Failure, Response, Safety};
use crate::base::jitter::share;
use crate::base::lane;

/// Counts attempts and waits between them.
#[derive(Debug)]
pub(super) struct Attempts {
    safety: Safety,
    pace: Pace,
    deadline: Instant,
    number: u32,
}

impl Attempts {
    /// The first attempt of as many as fit into `budget`.
    pub(super) fn new(safety: Safety, pace: Pace, budget: Duration) -> Self {
        Self { safety, pace, deadline: Instant::now() + budget, number: 1 }
    }

    /// Which attempt this is; the first is 1.
    pub(super) fn number(&self) -> u32 {
        self.number
    }

    /// When all attempts must be over.
    pub(super) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Time left for this attempt and the ones after it.
    pub(super) fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Whether to send again, which `budget` pays for where there is one; waits first where it says so.
    pub(super) async fn again(
        &mut self,
        came: &Result<Response, Failure>,
        budget: Option<&RetryBudget>,
    ) -> bool {
        let happened = Happened::from(came);
        match next(self.safety, self.number, happened, self.left(), self.pace, share()) {
            Next::Again(_) if budget.is_some_and(|budget| !budget.spend(lane::current())) => false,
            Next::Stop => false,
            Next::Again(wait) => {
                sleep(wait).await;
                self.number += 1;
                true
            }
        }
    }
}
