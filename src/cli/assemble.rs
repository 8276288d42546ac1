//! Puts a gateway together from a checked configuration.

use std::path::Path;
use std::sync::Arc;

use tokio_util::task::TaskTracker;

use super::config::{Config, Memory};
use super::{ConfigFile, Failure};
use crate::base::clock::SharedClock;
use crate::base::id::Ids;
use crate::base::steady::SteadyClock;
use crate::provision::{Connection, Gateway, Leading, Refusal, Shared};
use crate::store::anchor::Anchor;
use crate::store::timekeeping::Timekeeping;
use crate::store::{Store, postgres, sqlite};

/// The configuration or the store cannot be used (`EX_CONFIG`).
pub const UNUSABLE: u8 = 78;

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

/// The gateway of a configuration file, for a command that runs beside a serving one.
pub async fn open(file: &ConfigFile) -> Result<Arc<Gateway>, Failure> {
    gateway(&load(&file.config)?).await
}

/// A connection by name; says which there are where there is none.
pub fn connection(gateway: &Gateway, name: &str) -> Result<Arc<Connection>, Failure> {
    gateway.connection(name).ok_or_else(|| {
        let names: Vec<String> =
            gateway.connections().map(|connection| connection.name().to_owned()).collect();
        Failure::new(format!("there is no connection `{name}`"))
            .hint(format!("the connections are {}", names.join(", ")))
    })
}

/// Makes the folder the store is in, where there is none.
pub fn make_folder(folder: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(folder).map_err(|error| {
        Failure::new(format!("`{}` cannot be made: {error}", folder.display())).code(UNUSABLE)
    })
}

/// Opens the store, which is made where there is none.
async fn store(config: &Config) -> Result<Arc<dyn Store>, Failure> {
    make_folder(config.data_dir())?;
    match &config.store {
        Memory::File(file) => sqlite::open(file)
            .await
            .map_err(|error| Failure::new(format!("`{}`: {error}", file.display())).code(UNUSABLE)),
        Memory::Shared { settings, .. } => {
            postgres::open(settings).await.map_err(|error| Failure::from(error).code(UNUSABLE))
        }
    }
}

/// Opens the store and makes every connection. The caller decides whether it may serve.
///
/// No command reaches an app by another way, so that an older database is recognised by whichever comes first.
pub async fn gateway(config: &Config) -> Result<Arc<Gateway>, Failure> {
    let store = store(config).await?;
    let timekeeping = Timekeeping::new(config.data_dir().join("portcullis.clock"));
    let clock: SharedClock = Arc::new(SteadyClock::new(timekeeping));
    if let Some(folder) = config.anchor.parent() {
        make_folder(folder)?;
    }
    let anchor = Anchor::open(&config.anchor).map_err(|error| Failure::from(error).code(UNUSABLE))?;
    let shared = Arc::new(Shared {
        store,
        ids: Ids::new(Arc::clone(&clock)),
        clock,
        tracker: TaskTracker::new(),
        metrics: Arc::default(),
        leading: Leading::default(),
        tracer: Arc::default(),
        gate: Arc::default(),
        anchor: Some(anchor),
    });
    let gateway = Gateway::new(connections(config, &shared), shared);
    gateway.recognise_backup().await.map_err(|refusal| unreadable(&refusal))?;
    Ok(gateway)
}

/// The store does not tell what is in it.
pub fn unreadable(refusal: &Refusal) -> Failure {
    Failure::new(format!("the journal cannot be read: {}", refusal.error.detail)).code(UNUSABLE)
}

/// Makes every connection of a configuration.
pub fn connections(config: &Config, shared: &Arc<Shared>) -> Vec<Arc<Connection>> {
    let made = config.connections.iter().map(|connection| {
        Connection::new(
            &connection.name,
            &config.public_url,
            Arc::clone(&connection.adapter),
            connection.policy.clone(),
            Arc::clone(shared),
        )
    });
    made.collect()
}
