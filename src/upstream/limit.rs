//! Our own limits towards an app: requests a second, requests at once. A part of both is for those who leave.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::time::{Instant, sleep, timeout_at};

use super::places::{Place, Places};
use super::{Failure, Wire};
use crate::base::lane::{self, Lane};

type Rate = RateLimiter<NotKeyed, InMemoryState, SinceStart, NoOpMiddleware<Duration>>;

/// Lets requests through as fast as the app bears them, the first lane first.
#[derive(Debug)]
pub(super) struct Limit {
    rates: Option<Rates>,
    places: Arc<Places>,
}

/// How many requests may begin in a second.
#[derive(Debug)]
struct Rates {
    all: Rate,
    /// What those who do not leave may use of it: four fifths.
    others: Rate,
    /// How long one request of the rate takes.
    step: Duration,
    clock: SinceStart,
    /// Who waits, by lane.
    waiting: [AtomicUsize; 4],
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

/// Counts somebody who waits for as long as it lives.
struct Waits<'a>(&'a AtomicUsize);

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Limit {
    pub(super) fn new(wire: &Wire) -> Self {
        let rates = wire.per_second.and_then(NonZeroU32::new).map(Rates::new);
        Self { rates, places: Places::new(wire.concurrency) }
    }

    /// Waits for a turn in the running lane, but not past `deadline`; the turn lasts until the place is dropped.
    pub(super) async fn turn(&self, deadline: Instant) -> Result<Place, Failure> {
        let lane = lane::current();
        let place = timeout_at(deadline, self.places.take(lane)).await.map_err(|_elapsed| late())?;
        if let Some(rates) = &self.rates {
            rates.wait(lane, deadline).await?;
        }
        Ok(place)
    }
}

fn late() -> Failure {
    Failure::NoTurn("no turn came within the time: too many requests wait".to_owned())
}

impl Rates {
    fn new(rate: NonZeroU32) -> Self {
        let clock = SinceStart(Instant::now());
        // A burst of a whole second's worth would let twice the rate into some windows of a second.
        let burst = rate.get() / 4;
        let limiter = |quota: Quota, burst: u32| {
            let burst = NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN);
            RateLimiter::direct_with_clock(quota.allow_burst(burst), clock)
        };
        let all = Quota::per_second(rate);
        let step = all.replenish_interval();
        let others = Quota::with_period(step.saturating_mul(5) / 4).unwrap_or(all);
        Self {
            all: limiter(all, burst),
            others: limiter(others, burst.saturating_mul(4) / 5),
            step,
            clock,
            waiting: Default::default(),
        }
    }

    async fn wait(&self, lane: Lane, deadline: Instant) -> Result<(), Failure> {
        let waits = &self.waiting[place_of(lane)];
        waits.fetch_add(1, Ordering::SeqCst);
        let _counted = Waits(waits);
        let mut counted_with_others = lane == Lane::Leave;
        while let Err(wait) = self.take(lane, &mut counted_with_others) {
            if Instant::now() + wait >= deadline {
                return Err(late());
            }
            sleep(wait).await;
        }
        Ok(())
    }

    /// Begins a request, or tells when to ask again. Whoever waits in an earlier lane goes first.
    fn take(&self, lane: Lane, counted_with_others: &mut bool) -> Result<(), Duration> {
        let when = |early: governor::NotUntil<Duration>| early.wait_time_from(self.clock.now());
        if !*counted_with_others {
            self.others.check().map_err(when)?;
            *counted_with_others = true;
        }
        let earlier = self.waiting.iter().take(place_of(lane));
        if earlier.into_iter().any(|waiting| waiting.load(Ordering::SeqCst) > 0) {
            return Err(self.step);
        }
        self.all.check().map_err(when)
    }
}

fn place_of(lane: Lane) -> usize {
    match lane {
        Lane::Leave => 0,
        Lane::Update => 1,
        Lane::Create => 2,
        Lane::Rest => 3,
    }
}

#[cfg(test)]
mod tests {
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
            names: crate::upstream::system_names(),
            clock: Arc::new(ManualClock::default()),
        })
    }

    /// How long so many turns take, one after the other.
    async fn turns(limit: &Limit, count: usize) -> Duration {
        let (start, deadline) = (Instant::now(), Instant::now() + Duration::from_mins(10));
        for _ in 0..count {
            drop(limit.turn(deadline).await.unwrap());
        }
        start.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_leave_have_the_whole_rate_and_others_four_fifths_of_it() {
        let leaving = Lane::Leave.scope(async { turns(&limit(Some(100), 50), 125).await }).await;
        // 25 at once, then one every 10 ms.
        assert!((1_000..1_050).contains(&leaving.as_millis()), "{leaving:?}");
        for lane in [Lane::Update, Lane::Create, Lane::Rest] {
            let others = lane.scope(async { turns(&limit(Some(100), 50), 120).await }).await;
            // 20 at once, then one every 12.5 ms.
            assert!((1_250..1_300).contains(&others.as_millis()), "{others:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_leaves_a_fifth_of_the_rate_and_half_of_the_places() {
        let limit = Arc::new(limit(Some(5), 4));
        let deadline = Instant::now() + Duration::from_hours(1);
        for _ in 0..500 {
            let limit = Arc::clone(&limit);
            tokio::spawn(Lane::Create.scope(async move {
                let turn = limit.turn(deadline).await;
                sleep(Duration::from_millis(300)).await;
                drop(turn);
            }));
        }
        sleep(Duration::from_secs(10)).await;
        for _ in 0..20 {
            let start = Instant::now();
            drop(Lane::Leave.scope(limit.turn(deadline)).await.unwrap());
            assert!(start.elapsed() <= Duration::from_millis(400), "{:?}", start.elapsed());
            sleep(Duration::from_millis(900)).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_that_comes_too_late_is_not_waited_for() {
        let limit = limit(Some(1), 1);
        let soon = || Instant::now() + Duration::from_millis(20);
        let held = limit.turn(soon()).await.unwrap();
        assert!(matches!(limit.turn(soon()).await, Err(Failure::NoTurn(_))), "no place is free");
        drop(held);
        assert!(matches!(limit.turn(soon()).await, Err(Failure::NoTurn(_))), "the rate is used up");
    }
}
