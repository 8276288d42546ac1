//! `portcullis serve`: the gateway until it is told to stop.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::assemble::{self, UNUSABLE};
use super::chronicle;
use super::config::Config;
use super::reload::{Followed, Source};
use super::{ConfigFile, Failure, Outcome};
use crate::http::server::{ServerSettings, Timers};
use crate::http::{RouterSettings, router};
use crate::provision::Gateway;
use crate::store::{self, sqlite};

/// How long what is under way may take after the signal: what is asked for here, and what the gateway does by itself.
const DRAIN: Duration = Duration::from_secs(26);

/// How long what the gateway does by itself has at least, where requests took all of the time.
const LAST_MOMENT: Duration = Duration::from_secs(1);

/// How often the store is read as a whole.
const CHECKED_EVERY: Duration = Duration::from_hours(24);

/// Serves the connections of a configuration file.
pub async fn run(file: &ConfigFile) -> Outcome {
    let config = assemble::load(&file.config)?;
    let source = Source::note(&file.config, &config)?;
    let lock = lock(config.data_dir())?;
    let listener = bind(config.listen).await?;
    let gateway = assemble::gateway(&config).await?;
    warn_without_tokens(&gateway).await;
    let stop = CancellationToken::new();
    until_signal(stop.clone())?;
    let address = address(&listener)?;
    tracing::info!(%address, connections = config.connections.len(), "serving");
    gateway_until(listener, gateway, &config, Some(source), DRAIN, stop).await?;
    drop(lock);
    Ok(())
}

/// Binds the listener, so that a taken port is known before anything else happens.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        Failure::new(format!("`{address}` cannot be listened on: {error}"))
            .hint("end the program that has it, or choose another address")
    })
}

/// Where a listener listens, with the port the system chose for port 0.
pub fn address(listener: &TcpListener) -> Result<SocketAddr, Failure> {
    listener.local_addr().map_err(|error| Failure::new(format!("the listener has no address: {error}")))
}

/// Takes the data directory for this process alone.
pub fn lock(folder: &Path) -> Result<sqlite::DirectoryLock, Failure> {
    assemble::make_folder(folder)?;
    sqlite::lock(folder).map_err(|error| Failure::from(error).code(UNUSABLE))
}

/// Serves `gateway` until `stop`, then lets requests and attempts at promises under way end within `drain`, which give their
/// leases up. Where the configuration is a file, its changes are followed.
pub async fn gateway_until(
    listener: TcpListener,
    gateway: Arc<Gateway>,
    config: &Config,
    source: Option<Source>,
    drain: Duration,
    stop: CancellationToken,
) -> Outcome {
    let unfinished = gateway.recover().await.map_err(|refusal| assemble::unreadable(&refusal))?;
    if unfinished > 0 {
        tracing::warn!(unfinished, "going on with what an earlier process left open");
    }
    let settings = ServerSettings {
        timers: Timers { drain, ..Timers::default() },
        tls: config.tls.clone(),
        ..ServerSettings::default()
    };
    let doors = router(
        Arc::clone(&gateway),
        RouterSettings {
            behind_proxy: config.behind_proxy,
            metrics_token: config.metrics_token,
            ..RouterSettings::default()
        },
    );
    let notary = chronicle::notary(config)?;
    let written = CancellationToken::new();
    let traces =
        tokio::spawn(Arc::clone(&gateway).keep_traces(config.chronicle.traces_kept, written.clone()));
    let promises = gateway.shared().tracker.spawn(Arc::clone(&gateway).keep_promises(stop.clone()));
    gateway.shared().tracker.spawn(Arc::clone(&gateway).keep_leading(stop.clone()));
    gateway.shared().tracker.spawn(Arc::clone(&gateway).keep_to_safe_mode(stop.clone()));
    gateway.shared().tracker.spawn(Arc::clone(&gateway).keep_signing(Arc::clone(&notary), stop.clone()));
    gateway.shared().tracker.spawn(Arc::clone(&gateway).watch_drift(stop.clone()));
    gateway.shared().tracker.spawn(Arc::clone(&gateway).watch_invitations(stop.clone()));
    let followed = Followed::begin(&gateway, config, stop.clone());
    if let Some(source) = source {
        followed.follow(source);
    }
    let damage = gateway.shared().tracker.spawn(until_damaged(Arc::clone(&gateway), stop.clone()));
    let stopped = async {
        stop.cancelled().await;
        Instant::now()
    };
    let (cut, stopped_at) =
        tokio::join!(crate::http::serve(listener, doors, settings, stop.clone()), stopped);
    if cut > 0 {
        tracing::warn!(cut, "sockets were closed before their requests ended");
    }
    gateway.shared().tracker.close();
    let left = drain.saturating_sub(stopped_at.elapsed()).max(LAST_MOMENT);
    let ended = tokio::time::timeout(left, gateway.shared().tracker.wait()).await;
    if ended.is_err() {
        tracing::warn!("work is still under way; the journal has it, and the next start goes on with it");
    }
    promises.abort();
    gateway.catch_up().await;
    written.cancel();
    if tokio::time::timeout(Duration::from_secs(1), traces).await.is_err() {
        tracing::warn!("some traces were not written");
    }
    gateway.sign_heads(&notary, true).await;
    gateway.shared().store.close().await;
    match damage.await {
        Ok(Some(error)) => {
            let hint = "put the last good backup in its place: the gateway then begins in safe mode";
            Err(Failure::from(error).code(UNUSABLE).hint(hint))
        }
        Ok(None) | Err(_) => Ok(()),
    }
}

/// Reads the whole store once a day until `stop`; ends the serving, and answers what is wrong, where it is damaged.
async fn until_damaged(gateway: Arc<Gateway>, stop: CancellationToken) -> Option<store::Error> {
    loop {
        tokio::select! {
            () = stop.cancelled() => return None,
            () = tokio::time::sleep(CHECKED_EVERY) => {}
        }
        match gateway.shared().store.check().await {
            Err(error @ store::Error::Refused(_)) => {
                tracing::error!(%error, "the store cannot be trusted any more; the gateway ends");
                stop.cancel();
                return Some(error);
            }
            Err(error) => tracing::warn!(%error, "the store could not be checked"),
            Ok(()) => {}
        }
    }
}

/// Cancels `stop` on SIGTERM or SIGINT; a second one ends the process as it is.
pub fn until_signal(stop: CancellationToken) -> Outcome {
    let listen =
        |kind| signal(kind).map_err(|error| Failure::new(format!("signals cannot be received: {error}")));
    let (mut terminate, mut interrupt) = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    tokio::spawn(async move {
        let mut signalled = async || {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        signalled().await;
        stop.cancel();
        signalled().await;
        tracing::warn!("a second signal: not waiting any longer; the journal has what is under way");
        std::process::exit(1);
    });
    Ok(())
}

async fn warn_without_tokens(gateway: &Gateway) {
    let Ok(tokens) = gateway.shared().store.tokens().await else { return };
    for connection in gateway.connections() {
        if !tokens.iter().any(|token| token.connection == connection.name() && token.revoked_at.is_none()) {
            tracing::warn!(
                connection = connection.name(),
                "no token opens this connection; make one with `portcullis token create`"
            );
        }
    }
}
