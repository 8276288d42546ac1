//! The accept loop: HTTP/1.1 only, with a bound on every wait and every count.
//!
//! `axum::serve` gives no access to hyper's timers, and hyper's own begin only with the first byte of a head.

mod body;
mod connection;
mod places;
mod request_line;
mod tls;
mod unread;
mod watched;

pub use tls::{Tls, TlsError};

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::connection::Visit;
use self::places::Places;
use super::peer::Peer;
use crate::base::clock::SystemClock;
use crate::base::id::Ids;

/// How long to wait before accepting again when the system has no socket to give.
const OUT_OF_SOCKETS: Duration = Duration::from_millis(100);

/// How long each part of a conversation may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timers {
    /// The TLS handshake.
    pub handshake: Duration,
    /// From the connection, or the end of the handshake, to the first byte.
    pub first_byte: Duration,
    /// From the first byte of a request to the end of its headers.
    pub header: Duration,
    /// From an answer to the first byte of the next request. Longer than the 60 s for which proxies keep a socket, so
    /// that it is the proxy that closes it and never a request that runs into our closing.
    pub idle: Duration,
    /// From the end of the headers to the end of the body.
    pub body: Duration,
    /// Between two pieces of a body.
    pub body_pause: Duration,
    /// From the moment the socket cannot take more of an answer to the moment it has taken it all.
    pub write: Duration,
    /// For what the caller still sends after our last word, so that a reset does not overtake the answer.
    pub linger: Duration,
    /// For running requests after the shutdown began.
    pub drain: Duration,
}

impl Default for Timers {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(10),
            first_byte: Duration::from_secs(10),
            header: Duration::from_secs(30),
            idle: Duration::from_secs(75),
            body: Duration::from_secs(20),
            body_pause: Duration::from_secs(5),
            write: Duration::from_secs(30),
            linger: Duration::from_secs(1),
            drain: Duration::from_secs(25),
        }
    }
}

/// How much a listener takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Open sockets; the next one waits in the system's queue.
    pub sockets: usize,
    /// Open sockets of one address (IPv6: of one /64 network); the next one is closed at once.
    pub sockets_per_address: usize,
    /// Bytes of all header names and values: 431.
    pub header_bytes: usize,
    /// Header lines: 431.
    pub headers: usize,
    /// Bytes of path and query: 414.
    pub uri_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sockets: 10_000,
            sockets_per_address: 512,
            header_bytes: 16 * 1024,
            headers: 64,
            uri_bytes: 8 * 1024,
        }
    }
}

/// What a listener is told.
#[derive(Debug, Clone, Default)]
pub struct ServerSettings {
    pub timers: Timers,
    pub limits: Limits,
    /// `None`: plain http.
    pub tls: Option<Tls>,
}

/// Serves `router` on `listener` until `shutdown`, then lets running requests finish.
///
/// Each request carries a [`Peer`]. After `shutdown` nothing is accepted, idle sockets are closed, answers carry
/// `Connection: close`, and what still runs after `timers.drain` is dropped. Answers the number of sockets dropped so;
/// zero means a clean end. Nothing is spawned that outlives the call.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    settings: ServerSettings,
    shutdown: CancellationToken,
) -> usize {
    let settings = Arc::new(settings);
    let places = Places::new(settings.limits.sockets, settings.limits.sockets_per_address);
    let ids = Arc::new(Ids::new(Arc::new(SystemClock)));
    let (conversations, cut) = (TaskTracker::new(), CancellationToken::new());
    loop {
        let accepted = tokio::select! {
            accepted = places.accept(&listener) => accepted,
            () = shutdown.cancelled() => break,
        };
        match accepted {
            Ok(Some((stream, address, place))) => {
                let visit = Visit {
                    peer: Peer(address.ip().to_canonical()),
                    router: router.clone(),
                    settings: Arc::clone(&settings),
                    ids: Arc::clone(&ids),
                    drain: shutdown.clone(),
                };
                let cut = cut.clone();
                conversations.spawn(async move {
                    tokio::select! {
                        () = visit.converse(stream) => {}
                        () = cut.cancelled() => {}
                    }
                    drop(place);
                });
            }
            Ok(None) => tracing::debug!("too many sockets of one address: closed"),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                sleep(OUT_OF_SOCKETS).await;
            }
        }
    }
    drop(listener);
    conversations.close();
    if timeout(settings.timers.drain, conversations.wait()).await.is_ok() {
        return 0;
    }
    let dropped = conversations.len();
    cut.cancel();
    conversations.wait().await;
    dropped
}
