//! A gateway inside the test, before one simulated app: it dies when its tasks are dropped, and the next one begins on
//! what it left in the database.

mod life;
mod spells;
mod store;

pub use self::life::{Asked, Life};
pub use self::spells::{Moment, Spell, Spells, serve};
pub use self::store::{CommitAt, Faulty};

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use portcullis::base::clock::{Clock, SystemClock, Timestamp};

/// The machine's clock, moved forward at will.
#[derive(Debug, Clone, Default)]
pub struct Ahead(Arc<AtomicI64>);

impl Ahead {
    /// Moves the clock forward by so many seconds.
    pub fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
    }
}

impl Clock for Ahead {
    fn now(&self) -> Timestamp {
        Timestamp(SystemClock.now().0 + self.0.load(Ordering::SeqCst))
    }
}
