//! A listener on loopback, a plain client, and a gateway over an app that has nobody.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use axum::Router;
use portcullis::base::clock::{SystemClock, Timestamp};
use portcullis::base::id::Ids;
use portcullis::base::secret::Token;
use portcullis::contract::{
    Account, Adapter, By, Capabilities, Change, Draft, Error, Groups, Kind as Failure, Outcome, Page,
    Standing,
};
use portcullis::http::serve;
use portcullis::http::server::ServerSettings;
use portcullis::provision::{Connection, Gateway, Leading, Policy, Shared};
use portcullis::store::audit::{Head, Link};
use portcullis::store::trace::{Trace, Traces};
use portcullis::store::{
    self, Chronicle, Claim, Event, Intent, Intents, Key, Kind, Leases, Record, Reference, Roster, Store,
    Task, TokenRow, Total, Write,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Longer than any timer of these tests; what takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(5);

/// A running listener.
pub(crate) struct Listening {
    pub(crate) address: SocketAddr,
    pub(crate) shutdown: CancellationToken,
    pub(crate) ended: JoinHandle<usize>,
}

impl Listening {
    pub(crate) async fn start(router: Router, settings: ServerSettings) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, shutdown) = (listener.local_addr().unwrap(), CancellationToken::new());
        let ended = tokio::spawn(serve(listener, router, settings, shutdown.clone()));
        Self { address, shutdown, ended }
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends `text` on a socket of its own and reads until the listener closes it.
    pub(crate) async fn say(&self, text: &str) -> String {
        let mut socket = self.connect().await;
        socket.write_all(text.as_bytes()).await.unwrap();
        rest(&mut socket).await
    }

    /// Begins the shutdown and waits for its end: how many sockets were dropped.
    pub(crate) async fn stop(self) -> usize {
        self.shutdown.cancel();
        tokio::time::timeout(PATIENCE, self.ended).await.unwrap().unwrap()
    }
}

/// Everything until the socket is closed. A reset counts as an end.
pub(crate) async fn rest(socket: &mut (impl AsyncReadExt + Unpin)) -> String {
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(PATIENCE, socket.read_to_end(&mut bytes)).await;
    drop(read.expect("the socket was never closed"));
    String::from_utf8_lossy(&bytes).into_owned()
}

/// One answer with `Content-Length`, leaving the socket open.
pub(crate) async fn answer(socket: &mut (impl AsyncReadExt + Unpin)) -> String {
    let mut bytes = Vec::new();
    let read = async {
        while !bytes.ends_with(b"\r\n\r\n") {
            bytes.push(socket.read_u8().await.unwrap());
        }
        let head = String::from_utf8_lossy(&bytes).to_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        let mut body = vec![0; length.unwrap_or(0)];
        socket.read_exact(&mut body).await.unwrap();
        bytes.extend(body);
    };
    tokio::time::timeout(PATIENCE, read).await.expect("no answer came");
    String::from_utf8(bytes).unwrap()
}

/// How long the listener leaves the socket open from now.
pub(crate) async fn open_for(socket: &mut (impl AsyncReadExt + Unpin)) -> Duration {
    let began = Instant::now();
    assert_eq!(rest(socket).await, "", "nothing was asked");
    began.elapsed()
}

pub(crate) const TOKEN: &str = "the-token-of-hive";
pub(crate) const OTHER_TOKEN: &str = "the-token-of-tines";
pub(crate) const ADMIN_TOKEN: &str = "the-token-of-an-administrator";
pub(crate) const REVOKED_ADMIN_TOKEN: &str = "a-token-of-an-administrator-that-was-revoked";
pub(crate) const REVOKED_TOKEN: &str = "a-token-of-hive-that-was-revoked";
pub(crate) const EXPIRED_TOKEN: &str = "a-token-of-hive-that-has-expired";

/// A gateway with the connections `hive` and `tines`, each over an app without accounts.
pub(crate) fn gateway() -> Arc<Gateway> {
    let clock = Arc::new(SystemClock);
    let shared = Arc::new(Shared {
        store: Arc::new(Tokens),
        ids: Ids::new(clock.clone()),
        clock,
        tracker: TaskTracker::new(),
        metrics: Arc::default(),
        leading: Leading::default(),
        tracer: Arc::default(),
        gate: Arc::default(),
        anchor: None,
    });
    let connection = |name| {
        let app = Arc::new(Nobody(Capabilities::default()));
        Connection::new(name, "http://localhost", app, Policy::default(), Arc::clone(&shared))
    };
    Gateway::new(vec![connection("hive"), connection("tines")], shared)
}

/// A store in which there are tokens and nothing else, and which takes nothing.
#[derive(Debug)]
struct Tokens;

#[async_trait]
impl Leases for Tokens {
    fn term(&self) -> Option<Duration> {
        None
    }
    async fn claim(&self, _: &str, _: &str, _: &str, _: Duration) -> store::Result<Claim> {
        Ok(Claim::Taken { left: Duration::MAX })
    }
    async fn release(&self, _: i64) -> store::Result<()> {
        Ok(())
    }
    async fn bury(&self) -> store::Result<()> {
        Ok(())
    }
    async fn take_due(&self, _: &[String], _: Timestamp, _: Timestamp) -> store::Result<Vec<String>> {
        Ok(Vec::new())
    }
    async fn abandoned(&self, _: Timestamp) -> store::Result<Vec<Intent>> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl Store for Tokens {
    async fn commit(&self, _: Vec<Write>) -> store::Result<()> {
        Err(store::Error::Unavailable("this store takes nothing".to_owned()))
    }
    async fn record(&self, _: &str, _: Kind, _: &str) -> store::Result<Option<Record>> {
        Ok(None)
    }
    async fn find(&self, _: &str, _: Kind, _: &Key) -> store::Result<Vec<Record>> {
        Ok(Vec::new())
    }
    async fn scan(&self, _: &str, _: Kind, _: u64, _: u64) -> store::Result<Vec<Record>> {
        Ok(Vec::new())
    }
    async fn ids(&self, _: &str, _: Kind, _: &Key) -> store::Result<Vec<String>> {
        Ok(Vec::new())
    }
    async fn records(&self, _: &str, _: Kind, _: &[String]) -> store::Result<Vec<Record>> {
        Ok(Vec::new())
    }
    async fn scan_after(&self, _: &str, _: Kind, _: &str, _: u64) -> store::Result<Vec<Record>> {
        Ok(Vec::new())
    }
    async fn count(&self, _: &str, _: Kind) -> store::Result<u64> {
        Ok(0)
    }
    async fn members(&self, _: &str, _: &str) -> store::Result<Vec<Reference>> {
        Ok(Vec::new())
    }
    async fn members_among(&self, _: &str, _: &str, _: &[String]) -> store::Result<Vec<String>> {
        Ok(Vec::new())
    }
    async fn roster(&self, _: &str, _: Kind) -> store::Result<Option<Roster>> {
        Ok(None)
    }
    async fn note(&self, _: &str, _: &str) -> store::Result<Option<String>> {
        Ok(None)
    }
    async fn intents(&self, _: &Intents) -> store::Result<Vec<Intent>> {
        Ok(Vec::new())
    }
    async fn tasks(&self, _: Option<&str>, _: bool) -> store::Result<Vec<Task>> {
        Ok(Vec::new())
    }
    async fn open_tasks(&self, _: &str, _: &str) -> store::Result<Vec<Task>> {
        Ok(Vec::new())
    }
    async fn events(&self, _: &str, _: Timestamp, _: u64) -> store::Result<Vec<Event>> {
        Ok(Vec::new())
    }
    async fn totals(&self) -> store::Result<Vec<Total>> {
        Ok(Vec::new())
    }
    async fn epoch(&self) -> store::Result<i64> {
        Ok(0)
    }
    async fn check(&self) -> store::Result<()> {
        Ok(())
    }
    async fn tokens(&self) -> store::Result<Vec<TokenRow>> {
        let far = Timestamp(i64::MAX);
        let row = |token: &str, connection: &str, expires_at, revoked_at| {
            let token = Token::parse(token).unwrap();
            TokenRow {
                id: token.id.clone(),
                connection: connection.to_owned(),
                hash: token.hash(),
                created_at: Timestamp(0),
                expires_at,
                revoked_at,
            }
        };
        Ok(vec![
            row(TOKEN, "hive", far, None),
            row(OTHER_TOKEN, "tines", far, None),
            row(ADMIN_TOKEN, "admin", far, None),
            row(REVOKED_ADMIN_TOKEN, "admin", far, Some(Timestamp(1))),
            row(REVOKED_TOKEN, "hive", far, Some(Timestamp(1))),
            row(EXPIRED_TOKEN, "hive", Timestamp(1), None),
        ])
    }
    async fn close(&self) {}
}

#[async_trait]
impl Chronicle for Tokens {
    async fn chains(&self) -> store::Result<Vec<String>> {
        Ok(Vec::new())
    }
    async fn head(&self, _: &str) -> store::Result<Option<Head>> {
        Ok(None)
    }
    async fn links(&self, _: &str, _: i64, _: u64) -> store::Result<Vec<Link>> {
        Ok(Vec::new())
    }
    async fn last_link_of(&self, _: &str, _: &str) -> store::Result<Option<Link>> {
        Ok(None)
    }
    async fn traces(&self, _: &Traces) -> store::Result<Vec<Trace>> {
        Ok(Vec::new())
    }
}

/// An app that can do nothing and has no accounts.
#[derive(Debug)]
struct Nobody(Capabilities);

fn cannot<T>() -> Result<T, Error> {
    Err(Error::new(Failure::Unsupported, "any", "this app can do nothing"))
}

#[async_trait]
impl Adapter for Nobody {
    fn capabilities(&self) -> &Capabilities {
        &self.0
    }
    async fn check(&self) -> Result<Standing, Error> {
        cannot()
    }
    async fn account(&self, _: By<'_>) -> Result<Option<Account>, Error> {
        Ok(None)
    }
    async fn accounts(&self, _: Option<&str>) -> Result<Page<Account>, Error> {
        Ok(Page { items: Vec::new(), next: None })
    }
    async fn create_account(&self, _: &Draft) -> Result<Outcome<Account>, Error> {
        cannot()
    }
    async fn update_account(&self, _: &Account, _: &Change) -> Result<Outcome<Account>, Error> {
        cannot()
    }
    async fn deactivate(&self, _: &Account) -> Result<Outcome<()>, Error> {
        cannot()
    }
    async fn reactivate(&self, _: &Account) -> Result<Outcome<Account>, Error> {
        cannot()
    }
    async fn delete_account(&self, _: &Account) -> Result<Outcome<()>, Error> {
        cannot()
    }

    fn groups(&self) -> Option<&dyn Groups> {
        None
    }
}
