//! How often requests may be sent again: a tenth of what is sent, and ten to begin with.

use std::sync::{Mutex, PoisonError};

use crate::base::lane::Lane;

/// Requests that pay for sending one of them again.
const PRICE: u32 = 10;

/// As many as may be sent again at once.
const BURST: u32 = 10;

/// What is left of it, in tenths of a repetition.
#[derive(Debug)]
pub(super) struct RetryBudget(Mutex<u32>);

impl Default for RetryBudget {
    fn default() -> Self {
        Self(Mutex::new(BURST * PRICE))
    }
}

impl RetryBudget {
    /// A request is sent for the first time.
    pub(super) fn earn(&self) {
        let mut left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *left = left.saturating_add(1).min(BURST * PRICE);
    }

    /// Whether one may be sent again. Those who leave always may: the places of their own are limit enough.
    pub(super) fn spend(&self, lane: Lane) -> bool {
        if lane == Lane::Leave {
            return true;
        }
        let mut left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let paid = left.checked_sub(PRICE);
        *left = paid.unwrap_or(*left);
        paid.is_some()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_more_than_a_tenth_and_ten_are_sent_again(steps in prop::collection::vec(any::<bool>(), 0..2_000)) {
            let budget = RetryBudget::default();
            let (mut sent, mut again) = (0_u32, 0_u32);
            for first in steps {
                if first {
                    budget.earn();
                    sent += 1;
                } else if budget.spend(Lane::Update) {
                    again += 1;
                }
                prop_assert!(again <= sent / PRICE + BURST);
                prop_assert!(budget.spend(Lane::Leave));
            }
        }
    }
}
