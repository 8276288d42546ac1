//! The brake on removals: many at once are told to a person, and those that cannot be undone are held for approval.
//! A deactivation is never held.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::connection::Connection;
use super::plan::{self, Access, Step};
use super::standing::Person;
use super::users::Aim;
use crate::base::clock::Timestamp;
use crate::contract::{Deactivate, Request};
use crate::store::{Kind, Task, Write};

/// The note the counts are kept in.
const NOTE: &str = "brake";

/// The key of the task about many removals.
const MANY: &str = "many_deactivations";

/// Into how many parts a window is counted.
const PARTS: i64 = 60;

/// How many removals a window may have before a person is told and deletions are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BrakePolicy {
    /// So many.
    pub deactivations: Option<u64>,
    /// So many of a hundred people.
    pub share: Option<u64>,
    pub window: Duration,
}

impl Default for BrakePolicy {
    fn default() -> Self {
        Self { deactivations: None, share: None, window: Duration::from_hours(1) }
    }
}

impl BrakePolicy {
    /// How many of `people` may be removed within a window: the larger of the two where both are set, and where none is
    /// the larger of 50 and a tenth.
    #[must_use]
    pub fn limit(&self, people: u64) -> u64 {
        let share = |share: u64| people.saturating_mul(share) / 100;
        match (self.deactivations, self.share) {
            (Some(count), None) => count,
            (None, Some(of)) => share(of).max(1),
            (Some(count), Some(of)) => count.max(share(of)),
            (None, None) => share(10).max(50),
        }
    }
}

/// The removals of the last window, by the part of it that they came in.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
struct Counts {
    removed: BTreeMap<i64, u64>,
    /// Those of them that cannot be undone.
    deleted: BTreeMap<i64, u64>,
    /// When a person was told of many.
    told_at: Option<Timestamp>,
}

/// What the brake says to a removal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Verdict {
    /// It is carried out as a deactivation, and the rest waits for approval.
    held: bool,
    /// A person is told that there are many.
    tells: bool,
}

impl Counts {
    /// Counts a removal, of which `limit` may come within `window`.
    fn weigh(&mut self, deletes: bool, limit: u64, window: Duration, now: Timestamp) -> Verdict {
        let length = i64::try_from(window.as_micros()).unwrap_or(i64::MAX).max(PARTS);
        let part = length / PARTS;
        let oldest = now.0.saturating_sub(length);
        for counts in [&mut self.removed, &mut self.deleted] {
            counts.retain(|began, _| began.saturating_add(part) > oldest);
        }
        let this = now.0 - now.0.rem_euclid(part);
        let held = deletes && self.deleted.values().sum::<u64>() >= limit;
        if deletes && !held {
            *self.deleted.entry(this).or_default() += 1;
        }
        *self.removed.entry(this).or_default() += 1;
        let tells = self.removed.values().sum::<u64>() > limit
            && self.told_at.is_none_or(|at| now.since(at) >= window);
        if tells {
            self.told_at = Some(now);
        }
        Verdict { held, tells }
    }
}

/// The counts of one connection; read from the store when they are needed first.
#[derive(Debug, Default)]
pub(super) struct Brake(Mutex<Option<Counts>>);

impl Brake {
    fn counts(&self) -> MutexGuard<'_, Option<Counts>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connection {
    /// Weighs a removal that a request asks for, once: a deletion that is one too many becomes a deactivation, and `aim`
    /// says so. Answers what has to be written besides.
    /// `retried` tells that somebody asked before: another deactivation of the same person is not counted.
    pub(super) async fn brake(
        &self,
        person: &Person,
        aim: &mut Aim,
        steps: &mut Vec<Step>,
        retried: bool,
    ) -> Vec<Write> {
        let deletes = steps.contains(&Step::Delete);
        let mut writes = Vec::new();
        if aim.held.is_none() && (deletes || (steps.contains(&Step::Deactivate) && !retried)) {
            let verdict = self.weigh(deletes && self.can_hold(), &mut writes).await;
            aim.held = Some(verdict.held);
        }
        if aim.held == Some(true) && deletes {
            let open = plan::access(person, self.capabilities()) == Access::Open;
            *steps = if open { vec![Step::Deactivate] } else { Vec::new() };
        }
        writes
    }

    /// Where nobody can be deactivated a deletion is the one way to take access away.
    fn can_hold(&self) -> bool {
        self.capabilities().deactivate != Deactivate::No
    }

    async fn weigh(&self, deletes: bool, writes: &mut Vec<Write>) -> Verdict {
        let policy = self.policy.brake;
        let people = self.store().count(self.name(), Kind::User).await;
        let kept = self.store().note(self.name(), NOTE).await;
        let (Ok(people), Ok(kept)) = (people, kept) else {
            // While nothing can be counted nothing is done that cannot be undone.
            return Verdict { held: deletes, tells: false };
        };
        let (limit, now) = (policy.limit(people), self.now());
        let (verdict, text, removed) = {
            let mut counts = self.brake.counts();
            let counts = counts.get_or_insert_with(|| {
                kept.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
            });
            let verdict = counts.weigh(deletes, limit, policy.window, now);
            (verdict, serde_json::to_string(counts).unwrap_or_default(), counts.removed.values().sum::<u64>())
        };
        writes.push(Write::Note { connection: self.name().to_owned(), name: NOTE.to_owned(), text });
        if verdict.held {
            self.shared.metrics.brake(self.name(), "held");
        }
        if verdict.tells {
            self.shared.metrics.brake(self.name(), "many");
            tracing::error!(connection = self.name(), removed, limit, "many people lose access at once");
            let instruction = format!(
                "{removed} people were deactivated or deleted in {} within {} minutes, more than {limit}: see that this is meant; deactivations go on, and deletions for good wait for approval",
                self.capabilities().app,
                policy.window.as_secs() / 60
            );
            let task = self.new_task(MANY, "", self.name().to_owned(), Request::new(instruction));
            writes.push(Write::Task(Task { dedupe: MANY.to_owned(), urgent: true, ..task }));
        }
        verdict
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    fn at(seconds: u64) -> Timestamp {
        Timestamp(1_700_000_000_000_000).plus(Duration::from_secs(seconds))
    }

    #[test]
    fn the_limit_is_what_is_set_and_else_fifty_or_a_tenth() {
        let policy = |deactivations, share| BrakePolicy { deactivations, share, window: HOUR };
        for (policy, people, limit) in [
            (policy(None, None), 10, 50),
            (policy(None, None), 5_000, 500),
            (policy(Some(20), None), 5_000, 20),
            (policy(Some(0), None), 5_000, 0),
            (policy(None, Some(5)), 5_000, 250),
            (policy(None, Some(5)), 3, 1),
            (policy(Some(20), Some(5)), 5_000, 250),
            (policy(Some(20), Some(5)), 100, 20),
        ] {
            assert_eq!(policy.limit(people), limit, "{policy:?} of {people}");
        }
    }

    #[test]
    fn deletions_are_held_above_the_limit_and_let_go_when_the_window_has_passed() {
        let mut counts = Counts::default();
        let mut held = |second| counts.weigh(true, 2, HOUR, at(second)).held;
        assert_eq!([0, 1, 2, 3_000].map(&mut held), [false, false, true, true]);
        assert_eq!([3_700, 3_701, 3_702].map(&mut held), [false, false, true]);
    }

    #[test]
    fn many_are_told_once_a_window_and_no_deactivation_is_held() {
        let mut counts = Counts::default();
        let verdicts: Vec<Verdict> = (0..10).map(|second| counts.weigh(false, 3, HOUR, at(second))).collect();
        assert!(verdicts.iter().all(|verdict| !verdict.held));
        let told: Vec<usize> = (0..10).filter(|place| verdicts[*place].tells).collect();
        assert_eq!(told, [3], "the fourth is the first above three");
        assert!(!counts.weigh(false, 3, HOUR, at(3_602)).tells);
        for second in 4_000..4_004 {
            counts.weigh(false, 3, HOUR, at(second));
        }
        assert_eq!(counts.told_at, Some(at(4_002)), "again above three, an hour later");
    }

    proptest! {
        /// No window of this length ever has more deletions than the limit, wherever it begins.
        #[test]
        fn no_window_has_more_deletions_than_the_limit(
            limit in 0_u64..6,
            steps in prop::collection::vec((any::<bool>(), 0_u64..900), 1..120),
        ) {
            let (mut counts, mut second, mut done) = (Counts::default(), 0, Vec::new());
            for (deletes, later) in steps {
                second += later;
                if deletes && !counts.weigh(true, limit, HOUR, at(second)).held {
                    done.push(second);
                } else if !deletes {
                    prop_assert!(!counts.weigh(false, limit, HOUR, at(second)).held);
                }
                let within = done.iter().filter(|then| second - **then < HOUR.as_secs()).count() as u64;
                prop_assert!(within <= limit);
            }
        }
    }
}
