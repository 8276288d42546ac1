//! What is kept of what was done: the blocks `trace` and `audit`.

use std::time::Duration;

use super::reader::Block;
use crate::base::secret::SecretString;
use crate::base::signing::SigningKey;

const DAY: u64 = 24 * 60 * 60;

/// How what was done is kept.
#[derive(Debug)]
pub struct Chronicle {
    /// How long traces are kept.
    pub traces_kept: Duration,
    /// The seed the heads of the audit are signed with; without one it is made and kept beside the store.
    pub audit_seed: Option<SecretString>,
}

/// Reads both blocks.
pub fn read(root: &Block<'_>) -> Chronicle {
    let mut chronicle = Chronicle { traces_kept: Duration::from_secs(30 * DAY), audit_seed: None };
    if let Some(block) = root.block("trace") {
        if let Some(keep) = block.span("keep", 60 * 60, 3_650 * DAY) {
            chronicle.traces_kept = keep;
        }
        block.finish();
    }
    if let Some(block) = root.block("audit") {
        if !block.has("key") {
            block.problem("key", "is missing", block.secret_remedy("key"));
        }
        let seed = block.secret("key", "key");
        block.finish();
        if seed.as_ref().is_some_and(|seed| SigningKey::from_seed(seed).is_none()) {
            block.problem(
                "key",
                "the key is not 64 hexadecimal digits",
                "make one with: openssl rand -hex 32",
            );
        }
        chronicle.audit_seed = seed;
    }
    chronicle
}
