//! Leases: a key of a connection belongs to one replica at a time, for a term, on the database's own clock.

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;

use super::{Intent, Result};
use crate::base::clock::Timestamp;

/// What a claim to a key came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// The key is the owner's for a term from now. The fence was never given to anybody before, and stays the same
    /// while the owner goes on claiming the key.
    Held { fence: i64 },
    /// It is somebody else's, for so long at the most unless they claim it again.
    Taken { left: Duration },
}

/// Who may work on what, where several processes work on one store.
#[async_trait]
pub trait Leases: Debug + Send + Sync {
    /// How long a lease lasts where other processes may work on the same; `None` where this process is alone and
    /// nobody needs one.
    fn term(&self) -> Option<Duration>;

    /// Claims a key for `owner` for `term` from now, or again if it is the owner's already.
    ///
    /// A key whose term is over is anybody's. Of claims at the same time one is held.
    async fn claim(&self, connection: &str, key: &str, owner: &str, term: Duration) -> Result<Claim>;

    /// Gives up what is held under this fence; what is not held any more is nothing to do.
    async fn release(&self, fence: i64) -> Result<()>;

    /// Takes what is over from those who held it: what they commit under it from now on fails.
    async fn bury(&self) -> Result<()>;

    /// Takes those of these intents that are open and due at `at`, in order: they are due again at `until`. What another
    /// process takes at the same moment is left out.
    async fn take_due(&self, intents: &[String], at: Timestamp, until: Timestamp) -> Result<Vec<String>>;

    /// Intents that are open, are neither sticky nor ambiguous, so that nobody goes on with them by itself, and whose
    /// lease nobody holds; without a lease, those that were not moved on since `before`. The first created comes first.
    async fn abandoned(&self, before: Timestamp) -> Result<Vec<Intent>>;
}
