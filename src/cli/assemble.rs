//! Puts a gateway together from a checked configuration.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::task::TaskTracker;

use super::Failure;
use super::config::{self, Config};
use crate::adapters::Blueprint;
use crate::base::clock::{SharedClock, SystemClock};
use crate::base::id::Ids;
use crate::provision::{Connection, Gateway, Shared};
use crate::store::sqlite;
use crate::upstream::Wire;

/// The configuration or the store cannot be used (`EX_CONFIG`).
pub const UNUSABLE: u8 = 78;

/// Largest answer of an app that is read, in bytes.
const BODY_LIMIT: usize = 4 * 1024 * 1024;

/// Reads a configuration file, with secrets from the environment.
#[expect(clippy::disallowed_methods, reason = "the configuration is the one reader of the environment")]
pub fn load(path: &Path) -> Result<Config, Failure> {
    Config::load(path, &|name| std::env::var(name).ok()).map_err(|problems| {
        let texts: Vec<String> =
            problems.iter().map(|problem| format!("{}: {problem}", path.display())).collect();
        let count = texts.len();
        Failure::new(format!(
            "{count} problem{} found\n{}",
            if count == 1 { "" } else { "s" },
            texts.join("\n")
        ))
        .code(UNUSABLE)
    })
}

/// Opens the store and makes every connection. The caller decides whether it may serve.
pub async fn gateway(config: &Config) -> Result<Arc<Gateway>, Failure> {
    let clock: SharedClock = Arc::new(SystemClock);
    let folder = config.data_dir();
    std::fs::create_dir_all(folder).map_err(|error| {
        Failure::new(format!("`{}` cannot be made: {error}", folder.display())).code(UNUSABLE)
    })?;
    let store = sqlite::open(&config.store)
        .await
        .map_err(|error| Failure::new(format!("`{}`: {error}", config.store.display())).code(UNUSABLE))?;
    let shared = Arc::new(Shared {
        store,
        ids: Ids::new(Arc::clone(&clock)),
        clock: Arc::clone(&clock),
        tracker: TaskTracker::new(),
    });
    let connections = config
        .connections
        .iter()
        .map(|connection| self::connection(connection, &config.public_url, &shared, &clock))
        .collect::<Result<Vec<_>, Failure>>()?;
    Ok(Gateway::new(connections, shared))
}

fn connection(
    config: &config::Connection,
    public_url: &str,
    shared: &Arc<Shared>,
    clock: &SharedClock,
) -> Result<Arc<Connection>, Failure> {
    let blueprint = Blueprint {
        connection: &config.name,
        mode: config.mode,
        dialect: config.dialect,
        settings: &config.settings,
        wire: Wire {
            private: config.wire.private,
            per_second: config.wire.per_second,
            concurrency: config.wire.concurrency,
            attempt: config.wire.timeout,
            total: Duration::from_secs(25),
            body_limit: BODY_LIMIT,
            clock: Arc::clone(clock),
        },
    };
    let adapter = (config.app.build)(&blueprint)
        .map_err(|text| Failure::new(format!("connections.{}: {text}", config.name)).code(UNUSABLE))?;
    Ok(Connection::new(&config.name, public_url, adapter, config.policy.clone(), Arc::clone(shared)))
}
