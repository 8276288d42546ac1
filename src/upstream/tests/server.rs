//! A server that answers each connection's one request with canned bytes.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// What becomes of a request.
pub(in crate::upstream) enum Reply {
    /// These bytes, then the end of the connection.
    Bytes(Vec<u8>),
    /// The connection ends without an answer.
    Hang,
    /// These bytes, and then nothing more while the connection stays open.
    Stall(Vec<u8>),
    /// These bytes, and then zeros without end in chunks.
    Endless(Vec<u8>),
}

pub(in crate::upstream) struct Server {
    pub(in crate::upstream) url: String,
    pub(in crate::upstream) requests: Arc<Mutex<Vec<String>>>,
    /// The most requests that were under way at one time.
    pub(super) most_at_once: Arc<AtomicUsize>,
    /// Notified with every request.
    pub(super) arrived: Arc<Notify>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// An answer with a status line, these header lines and a body of known length.
pub(in crate::upstream) fn answer(status: u16, headers: &[&str], body: &[u8]) -> Reply {
    let mut bytes = format!("HTTP/1.1 {status} x\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
    for header in headers {
        bytes.push_str(header);
        bytes.push_str("\r\n");
    }
    bytes.push_str("\r\n");
    Reply::Bytes([bytes.as_bytes(), body].concat())
}

impl Server {
    /// Answers the request number n (the first is 0), of which it sees the text, as `reply` says.
    pub(in crate::upstream) async fn start(
        reply: impl Fn(usize, &str) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::<Mutex<Vec<String>>>::default();
        let (at_once, most_at_once) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let arrived = Arc::<Notify>::default();
        let (seen, most, reply) = (requests.clone(), most_at_once.clone(), Arc::new(reply));
        let announce = arrived.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (seen, most, at_once, reply) =
                    (seen.clone(), most.clone(), at_once.clone(), reply.clone());
                let announce = announce.clone();
                tokio::spawn(async move {
                    most.fetch_max(at_once.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    serve(stream, &seen, &*reply, &at_once, &announce).await;
                });
            }
        });
        Self { url, requests, most_at_once, arrived, task }
    }

    pub(super) fn count(&self) -> usize {
        self.requests.lock().unwrap().len()
    }

    pub(super) fn count_of(&self, start: &str) -> usize {
        self.requests.lock().unwrap().iter().filter(|request| request.starts_with(start)).count()
    }
}

async fn serve(
    mut stream: TcpStream,
    seen: &Mutex<Vec<String>>,
    reply: &(dyn Fn(usize, &str) -> Reply + Send + Sync),
    at_once: &AtomicUsize,
    announce: &Notify,
) {
    let request = request(&mut stream).await;
    // Lets others in that would come too early.
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    let said = {
        let mut seen = seen.lock().unwrap();
        seen.push(request.clone());
        reply(seen.len() - 1, &request)
    };
    at_once.fetch_sub(1, Ordering::SeqCst);
    announce.notify_one();
    match said {
        Reply::Hang => {}
        Reply::Bytes(bytes) => {
            let _gone = stream.write_all(&bytes).await;
        }
        Reply::Stall(bytes) => {
            let _gone = stream.write_all(&bytes).await;
            let _until_closed = stream.read(&mut [0; 1]).await;
        }
        Reply::Endless(bytes) => {
            let _gone = stream.write_all(&bytes).await;
            while stream.write_all(b"4\r\n\0\0\0\0\r\n").await.is_ok() {}
        }
    }
}

/// Reads one request: its head, and as much body as its `content-length` says.
async fn request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4_096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .filter_map(|line| line.split_once(':'))
                .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
                .map_or(0, |(_, value)| value.trim().parse().unwrap());
            if body.len() >= length {
                return text;
            }
        }
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return text,
            Ok(count) => bytes.extend_from_slice(&buffer[..count]),
        }
    }
}
