//! Identifiers: UUIDv7 for everything we name, so that ids sort by creation.

use uuid::{ContextV7, Timestamp as UuidTimestamp, Uuid};

use crate::base::clock::{Clock, SharedClock};
use std::sync::Mutex;

/// Mints ids from the clock it was given.
#[derive(Debug)]
pub struct Ids {
    clock: SharedClock,
    sequence: Mutex<ContextV7>,
}

impl Ids {
    /// A mint that reads `clock`.
    #[must_use]
    pub fn new(clock: SharedClock) -> Self {
        Self { clock, sequence: Mutex::new(ContextV7::new()) }
    }

    /// A fresh id, greater than every one minted before it by this mint.
    #[must_use]
    pub fn next(&self) -> String {
        let micros = self.clock.now().0.max(0).unsigned_abs();
        let sequence = self.sequence.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let moment = UuidTimestamp::from_unix(
            &*sequence,
            micros / 1_000_000,
            u32::try_from(micros % 1_000_000).unwrap_or(0) * 1_000,
        );
        Uuid::new_v7(moment).to_string()
    }
}

impl Ids {
    /// The clock this mint reads.
    #[must_use]
    pub fn clock(&self) -> &dyn Clock {
        &*self.clock
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::base::clock::ManualClock;

    #[test]
    fn ids_minted_in_one_instant_still_ascend() {
        let ids = Ids::new(Arc::new(ManualClock::default()));
        let minted: Vec<String> = (0..100).map(|_| ids.next()).collect();
        assert!(minted.is_sorted());
    }
}
