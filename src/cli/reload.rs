//! A configuration that changes while the gateway serves: connections, credentials and policies follow it.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::config::{self, Config};
use super::{Failure, assemble};
use crate::provision::{self, Gateway};

/// How often the files are looked at. What is read twice alike is whole, so that a change is followed within two looks.
const LOOK: Duration = Duration::from_secs(3);

/// A configuration file as it was when the gateway began, and the signal to read it at once.
pub struct Source {
    path: PathBuf,
    /// The digest of all that was read.
    seen: u64,
    hangup: Signal,
}

impl Source {
    /// Notes what the file at `path`, which was read as `config`, says now. A SIGHUP that comes from here on is kept
    /// until the file is followed; one before it would end the process.
    ///
    /// # Errors
    /// Signals cannot be received.
    pub fn note(path: &Path, config: &Config) -> Result<Self, Failure> {
        let hangup = signal(SignalKind::hangup())
            .map_err(|error| Failure::new(format!("signals cannot be received: {error}")))?;
        Ok(Self { path: path.to_owned(), seen: content(path, &config.files), hangup })
    }
}

/// Serves what a configuration says, and what it says later on.
pub struct Followed {
    gateway: Arc<Gateway>,
    /// Until then everything goes on.
    stop: CancellationToken,
    /// Ends the telling of the connections as they are configured now.
    telling: CancellationToken,
    settings: Settings,
    addresses: Addresses,
    /// The files the configuration names.
    files: BTreeSet<PathBuf>,
    /// What is wrong with it, since it cannot be used.
    wrong: Option<String>,
}

/// Where the app of each connection is.
type Addresses = BTreeMap<String, Vec<String>>;

fn addresses(config: &Config) -> Addresses {
    config.connections.iter().map(|one| (one.name.clone(), one.addresses.clone())).collect()
}

/// What only a start can change.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Settings(Vec<(&'static str, String)>);

impl Settings {
    fn of(config: &Config) -> Self {
        Self(vec![
            ("listen", config.listen.to_string()),
            ("behind_proxy", config.behind_proxy.to_string()),
            ("tls", config.tls.is_some().to_string()),
            ("metrics", format!("{:?}", config.metrics_token)),
            ("store", format!("{:?}", config.store)),
            ("trace", format!("{:?}", config.chronicle.traces_kept)),
        ])
    }

    /// The keys that differ.
    fn differing(&self, other: &Self) -> Vec<&'static str> {
        self.0.iter().zip(&other.0).filter(|(one, other)| one != other).map(|((key, _), _)| *key).collect()
    }
}

impl Followed {
    /// Begins to tell the receivers of `config`, whose connections `gateway` has.
    pub fn begin(gateway: &Arc<Gateway>, config: &Config, stop: CancellationToken) -> Self {
        let telling = stop.child_token();
        tell(gateway, &config.connections, &telling);
        Self {
            gateway: Arc::clone(gateway),
            stop,
            telling,
            settings: Settings::of(config),
            addresses: addresses(config),
            files: config.files.clone(),
            wrong: None,
        }
    }

    /// Follows the file from now on; with a SIGHUP it is read at once. While it cannot be used, the log says why and
    /// nothing changes.
    pub fn follow(mut self, source: Source) {
        let tracker = self.gateway.shared().tracker.clone();
        tracker.spawn(async move {
            let Source { path, seen: mut served, mut hangup } = source;
            let mut before = served;
            loop {
                let at_once = tokio::select! {
                    () = self.stop.cancelled() => return,
                    () = tokio::time::sleep(LOOK) => false,
                    _ = hangup.recv() => true,
                };
                let seen = content(&path, &self.files);
                let is_whole = seen == std::mem::replace(&mut before, seen);
                if at_once || is_whole && (seen != served || self.wrong.is_some()) {
                    let files = self.files.clone();
                    self.read(&path).await;
                    before = content(&path, &self.files);
                    // What changed while it was read is seen by the next look.
                    served = if files == self.files { seen } else { before };
                }
            }
        });
    }

    /// Serves what the file says now, where it can be used.
    async fn read(&mut self, path: &Path) {
        let read = match assemble::load(path) {
            Ok(config) => self.serve(config).await.map_err(|refusal| refusal.error.detail),
            Err(failure) => Err(failure.text),
        };
        let wrong = read.err();
        if let Some(reason) = wrong.as_ref().filter(|_| wrong != self.wrong) {
            tracing::error!(
                reason,
                "the configuration cannot be used; the gateway goes on with the one before"
            );
        }
        self.wrong = wrong;
    }

    async fn serve(&mut self, config: Config) -> provision::Result<()> {
        let connections = assemble::connections(&config, self.gateway.shared());
        let addresses = addresses(&config);
        for (name, now) in &addresses {
            if self.addresses.get(name).is_some_and(|before| before != now) {
                self.gateway.refuse_while_owed(name).await?;
            }
        }
        self.gateway.serve_instead(connections).await?;
        self.addresses = addresses;
        self.telling.cancel();
        self.telling = self.stop.child_token();
        tell(&self.gateway, &config.connections, &self.telling);
        let later = self.settings.differing(&Settings::of(&config));
        if !later.is_empty() {
            tracing::warn!(keys = later.join(", "), "these settings take effect with the next start");
        }
        tracing::info!(connections = config.connections.len(), "the configuration has changed");
        self.files = config.files;
        Ok(())
    }
}

/// A digest of all that a configuration is read from.
fn content(path: &Path, files: &BTreeSet<PathBuf>) -> u64 {
    let mut digest = DefaultHasher::new();
    for file in std::iter::once(path).chain(files.iter().map(PathBuf::as_path)) {
        (file, std::fs::read(file).ok()).hash(&mut digest);
    }
    digest.finish()
}

/// Tells what happens to the tasks of every connection until `stop`.
fn tell(gateway: &Gateway, connections: &[config::Connection], stop: &CancellationToken) {
    for told in connections {
        if let Some(connection) = gateway.connection(&told.name) {
            gateway.shared().tracker.spawn(connection.keep_telling(told.receiver.clone(), stop.clone()));
        }
    }
}
