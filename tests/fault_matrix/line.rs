//! The app's end of the wire: a listener before a simulator, whose line can be spoilt.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Body as Content;
use axum::http::Request;
use portcullis::adapters::simulator::{Answer, Simulator};
use portcullis::upstream::Names;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tower::ServiceExt;

use crate::fault::{Body, Fault, Harm, Part, Saying, Spoilt, Strikes};
use crate::tls;

/// The name of every app.
pub const HOST: &str = "app.test";

/// More than anything that is read, packed.
const BOMB: &[u8] = include_bytes!("../fixtures/bomb.gz");

const PAGE: &[u8] = b"<!doctype html><title>Sign in</title><p>Please sign in to go on.</p>";

/// What goes wrong, and what was struck by it.
#[derive(Debug)]
pub struct Weather {
    now: watch::Sender<Option<Fault>>,
    /// Whether the operation only reads.
    reads: bool,
    /// How often each call that changes something was struck.
    struck: Mutex<BTreeMap<String, u32>>,
}

impl Weather {
    fn fault(&self) -> Option<Fault> {
        *self.now.borrow()
    }

    /// The fault that strikes a call, which is counted.
    fn strike(&self, method: &str, path: &str) -> Option<Harm> {
        let fault = self.fault()?;
        let reads = method == "GET";
        let struck = match fault.strikes {
            Strikes::Line => true,
            Strikes::Calls => !path.ends_with("/oauth2/token"),
            Strikes::Writes => !path.ends_with("/oauth2/token") && (!reads || self.reads),
        };
        if struck && !reads {
            *self.struck.lock().unwrap().entry(format!("{method} {path}")).or_default() += 1;
        }
        struck.then_some(fault.harm)
    }
}

/// The name stands for this machine, or for nothing while that is what goes wrong.
#[async_trait]
impl Names for Weather {
    async fn addresses(&self, host: &str) -> io::Result<Vec<SocketAddr>> {
        assert_eq!(host, HOST);
        match self.fault().map(|fault| fault.harm) {
            Some(Harm::NoName) => Err(io::Error::other("failed to lookup address information")),
            Some(Harm::SilentName) => std::future::pending().await,
            _ => Ok(vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))]),
        }
    }
}

/// A simulator that is listened for.
#[derive(Debug)]
pub struct Line {
    pub url: String,
    pub weather: Arc<Weather>,
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Line {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Line {
    /// Listens for `simulator`, over TLS where `secure`. `reads` says that the operation to come only reads.
    pub async fn open(simulator: Simulator, secure: bool, reads: bool) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (now, seen) = watch::channel(None);
        let weather = Arc::new(Weather { now, reads, struck: Mutex::default() });
        let task = tokio::spawn(listen(listener, seen, Arc::clone(&weather), simulator, secure));
        let scheme = if secure { "https" } else { "http" };
        Self { url: format!("{scheme}://{HOST}:{}", address.port()), weather, address, task }
    }

    /// From now on this goes wrong.
    pub async fn spoil(&self, fault: Fault) {
        self.weather.now.send_replace(Some(fault));
        let refuses = matches!(fault.harm, Harm::NobodyListens);
        while refuses && TcpStream::connect(self.address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    }

    /// Nothing goes wrong any more.
    pub fn mend(&self) {
        self.weather.now.send_replace(None);
    }

    /// How often the call that was struck most was sent.
    pub fn most_struck(&self) -> u32 {
        self.weather.struck.lock().unwrap().values().copied().max().unwrap_or(0)
    }
}

async fn listen(
    mut listener: TcpListener,
    mut seen: watch::Receiver<Option<Fault>>,
    weather: Arc<Weather>,
    simulator: Simulator,
    secure: bool,
) {
    let address = listener.local_addr().unwrap();
    loop {
        if matches!(weather.fault().map(|fault| fault.harm), Some(Harm::NobodyListens)) {
            drop(listener);
            // Held, so that nobody else gets it, and not listened on.
            let held = TcpSocket::new_v4().unwrap();
            held.set_reuseaddr(true).unwrap();
            held.bind(address).unwrap();
            if seen.wait_for(Option::is_none).await.is_err() {
                return;
            }
            listener = held.listen(64).unwrap();
        }
        tokio::select! {
            accepted = listener.accept() => {
                let (stream, _) = accepted.unwrap();
                tokio::spawn(receive(stream, Arc::clone(&weather), simulator.clone(), secure));
            }
            changed = seen.changed() => if changed.is_err() { return },
        }
    }
}

async fn receive(mut stream: TcpStream, weather: Arc<Weather>, simulator: Simulator, secure: bool) {
    if !secure {
        if let Ok(End::Reset) = serve(&mut stream, &weather, &simulator).await {
            stream.set_zero_linger().unwrap();
        }
        return;
    }
    let certificate = match weather.fault().map(|fault| fault.harm) {
        Some(Harm::Certificate(name)) => name,
        Some(Harm::OldTls) => return drop(tls::refuse_as_1_1(&mut stream).await),
        _ => "good",
    };
    if let Ok(mut stream) = tls::acceptor(certificate).accept(stream).await {
        drop(serve(&mut stream, &weather, &simulator).await);
        drop(stream.shutdown().await);
    }
}

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Closed,
    Reset,
}

/// One call on a connection of its own, so that the next one meets the line as it then is.
async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    weather: &Weather,
    simulator: &Simulator,
) -> io::Result<End> {
    let Some(request) = read(stream).await? else { return Ok(End::Closed) };
    let struck = weather.strike(request.method().as_str(), request.uri().path());
    match struck {
        None
        | Some(Harm::Certificate(_) | Harm::OldTls | Harm::NoName | Harm::SilentName | Harm::NobodyListens) =>
        {
            write(stream, &act(simulator, request).await, None).await?;
        }
        Some(Harm::Late(wait)) => {
            let answer = act(simulator, request).await;
            tokio::time::sleep(wait).await;
            write(stream, &answer, None).await?;
        }
        Some(Harm::ResetAtOnce) => return Ok(End::Reset),
        Some(Harm::EndsUnanswered) => {
            act(simulator, request).await;
        }
        Some(Harm::ResetAfter(part)) => {
            let answer = with_body(act(simulator, request).await);
            let shown = if part == Part::Head { 0 } else { answer.body.len() / 2 };
            write(stream, &answer, Some(shown)).await?;
            return Ok(End::Reset);
        }
        Some(Harm::Says(saying)) => write(stream, &said(simulator, saying), None).await?,
        Some(Harm::DoesAndSays(saying)) => {
            act(simulator, request).await;
            write(stream, &said(simulator, saying), None).await?;
        }
        Some(Harm::Spoils(spoilt)) => spoil(stream, act(simulator, request).await, spoilt).await?,
    }
    Ok(End::Closed)
}

async fn spoil<S: AsyncWrite + Unpin>(stream: &mut S, answer: Answer, spoilt: Spoilt) -> io::Result<()> {
    match spoilt {
        Spoilt::Malformed => {
            let mut answer = with_body(answer);
            answer.body = answer.body.slice(..answer.body.len() - 1);
            write(stream, &answer, None).await
        }
        Spoilt::Truncated => {
            let answer = with_body(answer);
            write(stream, &answer, Some(answer.body.len() - 1)).await
        }
        Spoilt::WrongType => write(stream, &answer.with_header("content-type", "text/html"), None).await,
        Spoilt::Drips => {
            let answer = with_body(answer);
            write(stream, &answer, Some(0)).await?;
            for byte in &answer.body {
                tokio::time::sleep(Duration::from_secs(1) / crate::fault::SHORTER).await;
                stream.write_all(&[*byte]).await?;
            }
            Ok(())
        }
        Spoilt::Bomb => {
            let packed = Answer { status: 200, body: BOMB.into(), ..Answer::empty(200) };
            write(stream, &packed.with_header("content-encoding", "gzip"), None).await
        }
    }
}

/// The answer, with something in it that can be spoilt.
fn with_body(answer: Answer) -> Answer {
    if answer.body.len() > 1 {
        return answer;
    }
    Answer::json(200, &serde_json::json!({ "message": "what was asked for is done" }))
}

fn said(simulator: &Simulator, saying: Saying) -> Answer {
    let answer = match saying.body {
        Body::Nothing => Answer::empty(saying.status),
        Body::Own => Answer { status: saying.status, ..simulator.app().error(saying.status) },
        Body::Page => Answer::text(saying.status, "text/html", PAGE),
    };
    match saying.header {
        Some((name, value)) => answer.with_header(name, &value.text()),
        None => answer,
    }
}

/// Lets the app do what it is asked.
async fn act(simulator: &Simulator, request: Request<Content>) -> Answer {
    let Ok(answer) = simulator.router().oneshot(request).await;
    let (head, body) = answer.into_parts();
    let named = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    Answer {
        status: head.status.as_u16(),
        headers: named("retry-after").map(|value| ("retry-after".to_owned(), value)).into_iter().collect(),
        content_type: named("content-type"),
        body: axum::body::to_bytes(body, usize::MAX).await.unwrap(),
        delay: Duration::ZERO,
    }
}

/// The request, read to its end; `None` where the connection ends before.
async fn read<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<Option<Request<Content>>> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    };
    let text = String::from_utf8(bytes[..head].to_vec()).unwrap();
    let mut lines = text.trim_end().lines();
    let mut first = lines.next().unwrap().split(' ');
    let mut request = Request::builder().method(first.next().unwrap()).uri(first.next().unwrap());
    let mut length = 0;
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        request = request.header(name, value);
        if name == "content-length" {
            length = value.parse().unwrap();
        }
    }
    while bytes.len() < head + length {
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    }
    Ok(Some(request.body(Content::from(bytes.split_off(head))).unwrap()))
}

/// Sends an answer, or its head and as many bytes of its body as are `shown`.
async fn write<S: AsyncWrite + Unpin>(
    stream: &mut S,
    answer: &Answer,
    shown: Option<usize>,
) -> io::Result<()> {
    let mut text = format!("HTTP/1.1 {} x\r\nconnection: close\r\n", answer.status);
    if answer.status != 204 {
        write!(text, "content-length: {}\r\n", answer.body.len()).unwrap();
    }
    if let Some(kind) = &answer.content_type {
        write!(text, "content-type: {kind}\r\n").unwrap();
    }
    for (name, value) in &answer.headers {
        write!(text, "{name}: {value}\r\n").unwrap();
    }
    text += "\r\n";
    let body = &answer.body[..shown.unwrap_or(answer.body.len())];
    stream.write_all(&[text.as_bytes(), body].concat()).await?;
    stream.flush().await
}
