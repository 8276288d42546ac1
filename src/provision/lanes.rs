//! Which lane an intent is in, how long it waits there for its next attempt, and when it is given up. Pure.

use std::time::Duration;

use crate::base::jitter::full_jitter;
use crate::base::lane::Lane;
use crate::contract::{Error, Kind};
use crate::store::Intent;

/// How the first waits double.
const BASE: Duration = Duration::from_secs(1);

/// An open intent that does not take access away is given up after this.
const GIVEN_UP: Duration = Duration::from_hours(72);

/// What is too much for one intent, in the measure of [`strikes`].
const POISON: i64 = 10;

/// What a panic of the worker counts: the second is one too many.
pub(super) const PANIC: i64 = POISON / 2;

/// What a refusal that stands counts: the fifth is one too many.
const REFUSAL: i64 = POISON / 5;

/// The lane an intent is worked on in.
pub(super) fn lane_of(intent: &Intent) -> Lane {
    match (intent.sticky, intent.operation.as_str()) {
        (true, _) => Lane::Leave,
        (false, "create") => Lane::Create,
        (false, "members") => Lane::Rest,
        (false, _) => Lane::Update,
    }
}

/// The wait after attempt number `attempts`; `told` is the app's own word, `random` lies between 0 and 1.
pub(super) fn pause(lane: Lane, attempts: i64, told: Option<Duration>, random: f64) -> Duration {
    let (cap, longest_told) = match lane {
        Lane::Leave => (Duration::from_mins(5), Duration::from_mins(5)),
        Lane::Update | Lane::Create | Lane::Rest => (Duration::from_mins(15), Duration::from_hours(1)),
    };
    let doublings = u32::try_from(attempts.max(0)).unwrap_or(u32::MAX);
    told.map_or_else(|| full_jitter(doublings, BASE, cap, random), |told| told.clamp(BASE, longest_told))
}

/// Whether an intent that was journaled so long ago is given up. One that takes access away never is.
pub(super) fn is_given_up(lane: Lane, age: Duration) -> bool {
    match lane {
        Lane::Leave => false,
        Lane::Update | Lane::Create | Lane::Rest => age >= GIVEN_UP,
    }
}

/// What a failure counts against its intent: something where the app refused this request for good, nothing where the
/// app, the credential or the moment is to blame.
pub(super) fn strikes(error: &Error) -> i64 {
    match error.kind {
        Kind::NotFound | Kind::Conflict | Kind::Ambiguous | Kind::Invalid | Kind::NoSeats => REFUSAL,
        Kind::Unsupported
        | Kind::Credentials
        | Kind::Forbidden
        | Kind::RateLimited
        | Kind::Unavailable
        | Kind::Unknown
        | Kind::Unexpected => 0,
    }
}

/// Whether another attempt is one too many.
pub(super) fn is_poison(strikes: i64) -> bool {
    strikes >= POISON
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn waits_double_from_a_second_to_the_cap_of_the_lane() {
        let longest =
            |lane| [0, 1, 3, 60, i64::MAX].map(|attempts| pause(lane, attempts, None, 1.0).as_secs());
        assert_eq!(longest(Lane::Leave), [1, 2, 8, 300, 300]);
        for lane in [Lane::Update, Lane::Create, Lane::Rest] {
            assert_eq!(longest(lane), [1, 2, 8, 900, 900]);
        }
    }

    #[test]
    fn the_app_s_word_is_kept_within_bounds() {
        let told = |lane, seconds| pause(lane, 9, Some(Duration::from_secs(seconds)), 0.0).as_secs();
        assert_eq!([0, 120, 86_400].map(|seconds| told(Lane::Leave, seconds)), [1, 120, 300]);
        assert_eq!([0, 120, 86_400].map(|seconds| told(Lane::Create, seconds)), [1, 120, 3_600]);
    }

    #[test]
    fn only_those_who_leave_are_never_given_up() {
        let (before, after) = (Duration::from_hours(71), Duration::from_hours(72));
        assert!(!is_given_up(Lane::Leave, Duration::from_hours(24 * 365)));
        for lane in [Lane::Update, Lane::Create, Lane::Rest] {
            assert!(!is_given_up(lane, before) && is_given_up(lane, after));
        }
    }

    #[test]
    fn two_panics_or_five_refusals_are_poison_and_an_outage_never_is() {
        assert!(!is_poison(PANIC) && is_poison(2 * PANIC));
        let of = |kind| strikes(&Error::new(kind, "deactivate", ""));
        assert!(!is_poison(4 * of(Kind::Invalid)) && is_poison(5 * of(Kind::Invalid)));
        for kind in [Kind::Unavailable, Kind::Unknown, Kind::RateLimited, Kind::Credentials, Kind::Forbidden]
        {
            assert_eq!(of(kind), 0, "{kind:?}");
        }
    }

    proptest! {
        #[test]
        fn no_wait_is_longer_than_its_lane_allows(
            attempts in any::<i64>(),
            told in prop::option::of(0_u64..1_000_000),
            random in 0.0_f64..=1.0,
        ) {
            let told = told.map(Duration::from_secs);
            for lane in Lane::ALL {
                let most = if lane == Lane::Leave { 300 } else if told.is_some() { 3_600 } else { 900 };
                prop_assert!(pause(lane, attempts, told, random) <= Duration::from_secs(most));
            }
        }
    }
}
