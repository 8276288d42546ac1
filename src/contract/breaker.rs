//! When an app that fails is left alone, and who may look whether it is well again. Pure: it is told the time.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::base::lane::Lane;

/// Failures in a row that open it.
const IN_A_ROW: u32 = 5;

/// Over how long failures are weighed against successes, from how many answers on, and how many are remembered.
const WINDOW: Duration = Duration::from_secs(30);
const ENOUGH: usize = 20;
const REMEMBERED: usize = 1_000;

/// How long everybody but those who leave stays away before one of them may look.
const OPEN: Duration = Duration::from_secs(30);

/// How often somebody who leaves may look, from the beginning of one look to the next. Whoever keeps what was promised to
/// them comes every five seconds; were it as long, each of theirs that is a moment early would be in vain.
const PROBE: Duration = Duration::from_secs(4);

/// How an app is, as far as its answers tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Condition {
    #[default]
    Well,
    /// It does not answer, or says that it is out of order.
    Failing,
    /// It does not accept the credential.
    LockedOut,
}

/// What an answer says about the app.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    /// It works, whether it did what was asked or refused it.
    Works,
    Fails,
    /// It does not accept the credential.
    Refuses,
    /// Nothing either way.
    Nothing,
}

/// Whether a call may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    Passes,
    /// It may, to see whether the app is well again.
    Probes,
    /// It may not; another may look after this long.
    Waits(Duration),
}

/// What is remembered of an app's answers.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    condition: Condition,
    in_a_row: u32,
    /// When an answer came, and whether it was a failure.
    answers: VecDeque<(Instant, bool)>,
    /// When it was opened, or somebody looked last.
    looked_at: Option<Instant>,
    /// When one of those who do not leave may look.
    reopens_at: Option<Instant>,
}

impl Breaker {
    pub(super) fn condition(&self) -> Condition {
        self.condition
    }

    /// Whether a call of this lane may be made now.
    pub(super) fn admit(&mut self, lane: Lane, now: Instant) -> Admission {
        if self.condition == Condition::Well {
            return Admission::Passes;
        }
        let next_look = self.looked_at.map_or(now, |at| at + PROBE);
        let reopens = self.reopens_at.unwrap_or(now);
        let may_at = if lane == Lane::Leave { next_look.min(reopens) } else { reopens };
        if now < may_at {
            return Admission::Waits(may_at - now);
        }
        self.looked_at = Some(now);
        // One look at a time; one that never tells what it saw is made up for by the next.
        self.reopens_at = Some(now + OPEN);
        Admission::Probes
    }

    /// Takes note of how a call that was admitted ended; tells the condition where it is another one now.
    pub(super) fn heard(&mut self, admission: Admission, heard: Heard, now: Instant) -> Option<Condition> {
        let before = self.condition;
        match (before, admission, heard) {
            // The last began before the app was left alone, and tells nothing new.
            (_, _, Heard::Nothing)
            | (_, Admission::Waits(_), _)
            | (Condition::Failing | Condition::LockedOut, Admission::Passes, _) => {}
            (Condition::Well, _, Heard::Works) => {
                self.in_a_row = 0;
                self.remember(now, false);
            }
            (Condition::Well, _, Heard::Fails) => {
                self.in_a_row += 1;
                self.remember(now, true);
                if self.in_a_row >= IN_A_ROW || self.mostly_fails() {
                    self.open(Condition::Failing, now);
                }
            }
            (_, Admission::Probes, Heard::Works) => *self = Self::default(),
            (_, Admission::Probes, Heard::Fails) => {
                let looked_at = self.looked_at;
                self.open(Condition::Failing, now);
                self.looked_at = looked_at;
            }
            (Condition::Well, _, Heard::Refuses) | (_, Admission::Probes, Heard::Refuses) => {
                self.open(Condition::LockedOut, now);
            }
        }
        (self.condition != before).then_some(self.condition)
    }

    fn open(&mut self, condition: Condition, now: Instant) {
        self.condition = condition;
        self.looked_at = Some(now);
        self.reopens_at = Some(now + OPEN);
    }

    fn remember(&mut self, now: Instant, failed: bool) {
        self.answers.push_back((now, failed));
        while let Some((at, _)) = self.answers.front()
            && (now.saturating_duration_since(*at) > WINDOW || self.answers.len() > REMEMBERED)
        {
            self.answers.pop_front();
        }
    }

    fn mostly_fails(&self) -> bool {
        let failed = self.answers.iter().filter(|(_, failed)| *failed).count();
        self.answers.len() >= ENOUGH && failed * 2 >= self.answers.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OTHERS: [Lane; 3] = [Lane::Update, Lane::Create, Lane::Rest];

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    /// One call of a lane that ends at once.
    fn call(breaker: &mut Breaker, lane: Lane, heard: Heard, now: Instant) -> Admission {
        let admission = breaker.admit(lane, now);
        if !matches!(admission, Admission::Waits(_)) {
            breaker.heard(admission, heard, now);
        }
        admission
    }

    fn opened(heard: Heard, now: Instant) -> Breaker {
        let mut breaker = Breaker::default();
        for _ in 0..IN_A_ROW {
            call(&mut breaker, Lane::Update, heard, now);
        }
        breaker
    }

    #[test]
    fn five_failures_in_a_row_open_it_and_four_do_not() {
        let (mut breaker, now) = (Breaker::default(), Instant::now());
        for _ in 0..3 {
            for _ in 0..4 {
                call(&mut breaker, Lane::Rest, Heard::Fails, now);
            }
            call(&mut breaker, Lane::Rest, Heard::Nothing, now);
            assert_eq!(breaker.condition(), Condition::Well);
            call(&mut breaker, Lane::Rest, Heard::Works, now);
        }
        for _ in 0..5 {
            call(&mut breaker, Lane::Rest, Heard::Fails, now);
        }
        assert_eq!(breaker.condition(), Condition::Failing);
    }

    #[test]
    fn half_of_twenty_answers_within_half_a_minute_open_it() {
        for (apart, condition) in [(1, Condition::Failing), (2, Condition::Well)] {
            let (mut breaker, start) = (Breaker::default(), Instant::now());
            for number in 0..24 {
                let heard = if number % 2 == 0 { Heard::Works } else { Heard::Fails };
                call(&mut breaker, Lane::Update, heard, start + seconds(apart * number));
            }
            assert_eq!(breaker.condition(), condition, "an answer every {apart} s");
        }
    }

    #[test]
    fn while_it_is_open_those_who_leave_look_every_four_seconds_and_others_after_thirty() {
        let start = Instant::now();
        for lane in OTHERS {
            let mut breaker = opened(Heard::Fails, start);
            assert_eq!(breaker.admit(lane, start + seconds(10)), Admission::Waits(seconds(20)));
            assert_eq!(breaker.admit(lane, start + seconds(30)), Admission::Probes);
            assert_eq!(breaker.admit(lane, start + seconds(31)), Admission::Waits(seconds(29)), "one look");
        }
        let mut breaker = opened(Heard::Fails, start);
        let looks = (0..30).filter(|second| {
            call(&mut breaker, Lane::Leave, Heard::Fails, start + seconds(*second)) == Admission::Probes
        });
        assert_eq!(looks.collect::<Vec<_>>(), [4, 8, 12, 16, 20, 24, 28]);
    }

    #[test]
    fn whoever_looks_every_five_seconds_always_may_however_long_a_look_takes() {
        let start = Instant::now();
        let mut breaker = opened(Heard::Fails, start);
        for round in 1..20 {
            let now = start + seconds(5 * round);
            assert_eq!(breaker.admit(Lane::Leave, now), Admission::Probes, "{round}");
            breaker.heard(Admission::Probes, Heard::Fails, now + seconds(3));
        }
    }

    #[test]
    fn a_look_that_finds_the_app_well_lets_everybody_in() {
        let start = Instant::now();
        for heard in [Heard::Fails, Heard::Refuses] {
            let mut breaker = opened(heard, start);
            let admission = breaker.admit(Lane::Leave, start + seconds(6));
            let told = breaker.heard(admission, Heard::Works, start + seconds(7));
            assert_eq!(told, Some(Condition::Well));
            assert_eq!(breaker.admit(Lane::Rest, start + seconds(7)), Admission::Passes);
        }
    }

    #[test]
    fn one_refused_credential_locks_out_and_what_began_before_tells_nothing_new() {
        let (mut breaker, now) = (Breaker::default(), Instant::now());
        let earlier = breaker.admit(Lane::Update, now);
        assert_eq!(breaker.heard(Admission::Passes, Heard::Refuses, now), Some(Condition::LockedOut));
        assert_eq!(breaker.heard(earlier, Heard::Works, now), None);
        assert_eq!(breaker.condition(), Condition::LockedOut);
    }

    #[test]
    fn a_look_whose_end_is_never_told_holds_up_nobody_for_long() {
        let start = Instant::now();
        let mut breaker = opened(Heard::Fails, start);
        assert_eq!(breaker.admit(Lane::Update, start + seconds(30)), Admission::Probes);
        assert_eq!(breaker.admit(Lane::Leave, start + seconds(35)), Admission::Probes);
        assert_eq!(breaker.admit(Lane::Update, start + seconds(65)), Admission::Probes);
    }

    proptest! {
        /// Whatever happens: somebody who leaves waits four seconds at the most and others thirty, an open breaker
        /// lets through no more than the looks, and as soon as an app works again one look opens it for all.
        #[test]
        fn nobody_waits_longer_than_the_lane_allows(
            steps in prop::collection::vec((0_usize..4, 0_u8..4, 0_u64..8_000), 1..300),
        ) {
            let (mut breaker, mut now) = (Breaker::default(), Instant::now());
            let mut looks: Vec<Instant> = Vec::new();
            for (lane, heard, later) in steps {
                now += Duration::from_millis(later);
                let lane = Lane::ALL[lane];
                let heard = [Heard::Works, Heard::Fails, Heard::Refuses, Heard::Nothing][usize::from(heard)];
                let open = breaker.condition() != Condition::Well;
                match call(&mut breaker, lane, heard, now) {
                    Admission::Waits(wait) => {
                        prop_assert!(open);
                        let longest = if lane == Lane::Leave { PROBE } else { OPEN };
                        prop_assert!(wait <= longest);
                    }
                    Admission::Probes => {
                        prop_assert!(open);
                        looks.push(now);
                    }
                    Admission::Passes => prop_assert!(!open),
                }
                prop_assert!(breaker.answers.len() <= REMEMBERED);
            }
            prop_assert!(looks.windows(2).all(|pair| pair[1] - pair[0] >= PROBE));
            call(&mut breaker, Lane::Leave, Heard::Works, now + PROBE);
            prop_assert_eq!(breaker.condition(), Condition::Well);
        }
    }
}
