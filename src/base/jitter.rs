//! Waits before another attempt: full-jitter exponential back-off.

use std::cell::RefCell;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

thread_local! {
    static SEEDED: RefCell<Option<StdRng>> = const { RefCell::new(None) };
}

/// A random number from 0 up to 1; where this thread has a seed, the next one of its row.
#[must_use]
pub fn share() -> f64 {
    SEEDED.with_borrow_mut(|seeded| seeded.as_mut().map_or_else(rand::random, RngExt::random))
}

/// Gives this thread a seed, so that what happens on it can be repeated.
pub fn seed(seed: u64) {
    SEEDED.set(Some(StdRng::seed_from_u64(seed)));
}

/// A random share of `base` doubled `doublings` times, never more than `cap`; `random` lies between 0 and 1.
#[must_use]
pub fn full_jitter(doublings: u32, base: Duration, cap: Duration, random: f64) -> Duration {
    let ceiling = base.saturating_mul(2_u32.saturating_pow(doublings)).min(cap);
    ceiling.mul_f64(random.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_to_the_cap_and_never_beyond() {
        let (base, cap) = (Duration::from_millis(500), Duration::from_secs(30));
        let waits = [0, 1, 2, 6, 40, u32::MAX].map(|doublings| full_jitter(doublings, base, cap, 1.0));
        assert_eq!(waits.map(|wait| wait.as_millis()), [500, 1_000, 2_000, 30_000, 30_000, 30_000]);
        assert_eq!(full_jitter(2, base, cap, 0.5), Duration::from_secs(1));
        assert_eq!(full_jitter(2, base, cap, 0.0), Duration::ZERO);
        assert_eq!(full_jitter(0, base, cap, 7.0), base, "a share is never more than the whole");
    }
}
