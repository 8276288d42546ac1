//! Our own limits towards an app: requests a second, requests at once.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep, timeout_at};

use super::{Failure, Wire};

type Rate = RateLimiter<NotKeyed, InMemoryState, SinceStart, NoOpMiddleware<Duration>>;

/// Lets requests through as fast as the app bears them.
#[derive(Debug)]
pub(super) struct Limit {
    rate: Option<Rate>,
    clock: SinceStart,
    at_once: Semaphore,
}

/// The runtime's clock, so that waits and limits agree on the time.
#[derive(Debug, Clone, Copy)]
struct SinceStart(Instant);

impl Clock for SinceStart {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

impl Limit {
    pub(super) fn new(wire: &Wire) -> Self {
        let clock = SinceStart(Instant::now());
        let rate = wire.per_second.and_then(NonZeroU32::new).map(|rate| {
            // A burst of a whole second's worth would let twice the rate into some windows of a second.
            let burst = NonZeroU32::new(rate.get() / 4).unwrap_or(NonZeroU32::MIN);
            RateLimiter::direct_with_clock(Quota::per_second(rate).allow_burst(burst), clock)
        });
        Self { rate, clock, at_once: Semaphore::new(wire.concurrency.max(1)) }
    }

    /// Waits for a turn, but not past `deadline`; the turn lasts until the permit is dropped.
    pub(super) async fn turn(&self, deadline: Instant) -> Result<SemaphorePermit<'_>, Failure> {
        let late = || Failure::NotSent("no turn came within the time: too many requests wait".to_owned());
        let permit = timeout_at(deadline, self.at_once.acquire())
            .await
            .map_err(|_elapsed| late())?
            .map_err(|_closed| late())?;
        if let Some(rate) = &self.rate {
            while let Err(early) = rate.check() {
                let wait = early.wait_time_from(self.clock.now());
                if Instant::now() + wait >= deadline {
                    return Err(late());
                }
                sleep(wait).await;
            }
        }
        Ok(permit)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::base::clock::ManualClock;

    fn limit(per_second: Option<u32>, concurrency: usize) -> Limit {
        Limit::new(&Wire {
            private: false,
            per_second,
            concurrency,
            attempt: Duration::from_secs(10),
            total: Duration::from_secs(25),
            body_limit: 1,
            clock: Arc::new(ManualClock::default()),
        })
    }

    #[tokio::test]
    async fn turns_come_no_faster_than_the_rate() {
        let limit = limit(Some(100), 50);
        let (start, deadline) = (Instant::now(), Instant::now() + Duration::from_mins(1));
        for _ in 0..45 {
            drop(limit.turn(deadline).await.unwrap());
        }
        // 25 at once, then one every 10 ms.
        assert!(start.elapsed() >= Duration::from_millis(190), "{:?}", start.elapsed());
    }

    #[tokio::test]
    async fn a_turn_that_comes_too_late_is_not_waited_for() {
        let limit = limit(Some(1), 1);
        let soon = || Instant::now() + Duration::from_millis(20);
        let held = limit.turn(soon()).await.unwrap();
        assert!(matches!(limit.turn(soon()).await, Err(Failure::NotSent(_))), "no permit is free");
        drop(held);
        assert!(matches!(limit.turn(soon()).await, Err(Failure::NotSent(_))), "the rate is used up");
    }
}
