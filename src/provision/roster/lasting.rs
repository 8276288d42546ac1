//! How long a listing counts: the longer the more it cost.

use std::time::Duration;

use super::super::connection::Connection;
use crate::base::clock::Timestamp;
use crate::contract::Capabilities;
use crate::store::{Kind, Roster};

/// A listing counts for so many times what it took.
const TIMES_TAKEN: u32 = 20;

/// And for no more than so many times the freshness of the policy.
const TIMES_FRESHNESS: u32 = 20;

/// What the last complete listing cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Cost {
    pub pages: u32,
    /// Nothing where another process has listed.
    pub took: Duration,
}

impl Cost {
    /// What the listing behind a roster cost in pages, as far as the app has pages.
    pub(super) fn of(roster: &Roster, capabilities: &Capabilities) -> Self {
        let listed = u64::try_from(roster.total).unwrap_or(0);
        let pages = match u64::from(capabilities.page_size) {
            0 => 1,
            size => u32::try_from(listed.div_ceil(size)).unwrap_or(u32::MAX),
        };
        Self { pages, took: Duration::ZERO }
    }

    /// How long such a listing counts where one that costs nothing counts for `freshness`: so long again for every page,
    /// at least twenty times what it took, and twenty times `freshness` at the most. Where nothing is to be remembered
    /// this is nothing.
    pub(super) fn lasts(self, freshness: Duration) -> Duration {
        let by_pages = freshness.saturating_mul(self.pages);
        let by_time = self.took.saturating_mul(TIMES_TAKEN);
        by_pages.max(by_time).clamp(freshness, freshness.saturating_mul(TIMES_FRESHNESS))
    }
}

impl Connection {
    /// Whether a listing that ended at `at` still tells who is there. Before somebody is changed they are looked at more
    /// closely.
    pub(in crate::provision) fn still_lists(&self, kind: Kind, at: Option<Timestamp>) -> bool {
        let now = self.now();
        let lasts = self.refreshes.of(kind).cost().lasts(self.policy.freshness);
        at.is_some_and(|at| at <= now && now.since(at) <= lasts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRESHNESS: Duration = Duration::from_secs(30);

    fn lasts(pages: u32, took: u64) -> u64 {
        Cost { pages, took: Duration::from_secs(took) }.lasts(FRESHNESS).as_secs()
    }

    #[test]
    fn a_listing_counts_for_the_freshness_once_for_every_page() {
        assert_eq!([0, 1, 2, 19].map(|pages| lasts(pages, 0)), [30, 30, 60, 570]);
    }

    #[test]
    fn a_listing_counts_for_twenty_times_what_it_took() {
        assert_eq!([1, 2, 29].map(|took| lasts(1, took)), [30, 40, 580]);
        assert_eq!(lasts(10, 20), 400);
        assert_eq!(lasts(15, 20), 450);
    }

    #[test]
    fn no_listing_counts_for_more_than_twenty_times_the_freshness() {
        assert_eq!((lasts(100, 0), lasts(1, 3600), lasts(u32::MAX, u64::MAX)), (600, 600, 600));
    }

    #[test]
    fn where_nothing_is_remembered_no_listing_counts() {
        let cost = Cost { pages: 100, took: Duration::from_mins(1) };
        assert_eq!(cost.lasts(Duration::ZERO), Duration::ZERO);
    }

    /// Listing calls while so many people are created, `rate` a second, each after a lookup.
    fn listing_calls(people: u32, page_size: u32, rate: u32) -> u32 {
        let (mut calls, mut counts_until) = (0, Duration::ZERO);
        for person in 0..people {
            let now = Duration::from_secs(1) * person / rate;
            if now >= counts_until {
                let pages = person.div_ceil(page_size).max(1);
                calls += pages;
                counts_until = now + Cost { pages, took: Duration::ZERO }.lasts(FRESHNESS);
            }
        }
        calls
    }

    #[test]
    fn a_long_initial_cycle_lists_with_one_call_in_a_hundred_at_ten_people_a_second() {
        let calls = |page_size, rate| listing_calls(10_000, page_size, rate);
        assert!(calls(100, 10) <= 100, "{}", calls(100, 10));
        assert!(calls(10_000, 10) <= 40, "{}", calls(10_000, 10));
        assert!(calls(500, 2) <= 200, "{}", calls(500, 2));
    }

    #[test]
    fn a_listing_of_another_process_cost_its_pages() {
        let roster =
            |total| Roster { connection: "hive".into(), kind: Kind::User, completed_at: Timestamp(0), total };
        let hundreds = Capabilities { page_size: 100, ..Capabilities::default() };
        let pages = |total, capabilities| Cost::of(&roster(total), capabilities).pages;
        assert_eq!([0, 100, 101, 10_000].map(|total| pages(total, &hundreds)), [0, 1, 2, 100]);
        assert_eq!(pages(10_000, &Capabilities::default()), 1);
    }
}
