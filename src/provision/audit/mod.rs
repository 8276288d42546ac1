//! The audit read again: whether its chains are whole, and what stands in them.

mod heads;
mod notary;
#[cfg(test)]
mod tests;
mod verify;

pub use heads::{HeadsFile, SignedHeads};
pub use notary::Notary;
pub use verify::{Broken, Finding, Verified};

use super::Result;
use super::gateway::Gateway;
use crate::store::audit::Link;

impl Gateway {
    /// Up to `limit` links of a chain after the place `after`, unchecked; a connection that is not configured any more
    /// has one still.
    ///
    /// # Errors
    /// 503 while the store does not answer.
    pub async fn audit_links(&self, connection: &str, after: i64, limit: u64) -> Result<Vec<Link>> {
        Ok(self.shared().store.links(connection, after, limit).await?)
    }

    /// The connections that have a chain.
    ///
    /// # Errors
    /// 503 while the store does not answer.
    pub async fn audit_chains(&self) -> Result<Vec<String>> {
        Ok(self.shared().store.chains().await?)
    }
}
