//! What a serving gateway keeps of what was done: traces for a while, and signed heads of the audit beside the store.

use std::path::PathBuf;
use std::sync::Arc;

use super::config::Config;
use super::{Failure, files};
use crate::base::secret::{ExposeSecret, SecretString};
use crate::base::signing::SigningKey;
use crate::provision::Notary;

/// Where the seed is kept that was made here.
const KEY: &str = "audit-key";

/// Where the signed heads are written.
const HEADS: &str = "audit-heads.jsonl";

/// The file of signed heads.
pub fn heads_path(config: &Config) -> PathBuf {
    config.data_dir().join(HEADS)
}

/// The key of the configuration, or the one that was made beside the store; `None` where none was made yet.
pub fn key(config: &Config) -> Result<Option<SigningKey>, Failure> {
    let path = config.data_dir().join(KEY);
    let seed = match &config.chronicle.audit_seed {
        Some(seed) => seed.clone(),
        None if !path.exists() => return Ok(None),
        None => std::fs::read_to_string(&path)
            .map(SecretString::from)
            .map_err(|error| Failure::new(format!("`{}` cannot be read: {error}", path.display())))?,
    };
    let unusable = || {
        Failure::new(format!("`{}` is not a key of 64 hexadecimal digits", path.display()))
            .hint("put the key back that was there, or name it as audit.key in the configuration")
    };
    SigningKey::from_seed(&seed).map(Some).ok_or_else(unusable)
}

/// Whoever signs the heads; makes the key where there is none, readable by its owner only.
pub fn notary(config: &Config) -> Result<Arc<Notary>, Failure> {
    let key = if let Some(key) = key(config)? {
        key
    } else {
        let seed = SigningKey::seed(rand::random());
        let path = config.data_dir().join(KEY);
        files::write(&path, seed.expose_secret())
            .map_err(|error| Failure::new(format!("`{}` cannot be written: {error}", path.display())))?;
        let key = SigningKey::from_seed(&seed).ok_or_else(|| Failure::new("a key could not be made"))?;
        tracing::info!(public_key = key.public(), "a key for the audit was made");
        key
    };
    let path = heads_path(config);
    let opened = Notary::open(&path, key);
    opened
        .map(Arc::new)
        .map_err(|error| Failure::new(format!("`{}` cannot be written: {error}", path.display())))
}
