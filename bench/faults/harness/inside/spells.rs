//! What can become of one call to an app on the wire, between the app and whoever asked.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use portcullis::adapters::simulator::{self, Dropped, Simulator};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// When it happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// The app has not heard of the call.
    Before,
    /// The app has acted, and nothing of the answer is on the wire.
    After,
    /// Half of the answer is on the wire.
    Within,
}

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spell {
    /// Nothing goes on from here: whoever asked is about to die.
    Freeze(Moment),
    /// The connection breaks.
    Break(Moment),
    /// It takes so long, and then goes on.
    Wait(Moment, Duration),
    /// One byte of the answer, a pause, the next one.
    Drip(Duration),
    /// The answer as a page of HTML, with the status it had.
    Page,
    /// The answer under another media type.
    OtherType,
    /// A few kilobytes that unfold to more than anybody should read.
    Bomb,
    /// The status it had without a body.
    Nothing,
    /// Another status with an error of the app's kind.
    Says(Moment, u16),
}

#[derive(Debug, Default)]
struct Order {
    spell: Option<Spell>,
    /// Calls to let pass before.
    pass: u64,
    /// How many calls it is cast on, from then on.
    times: u64,
    /// Calls since the order.
    calls: u64,
    methods: Option<&'static [&'static str]>,
}

/// The spell in force; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Spells {
    order: Arc<Mutex<Order>>,
    /// Notified when a call is frozen.
    pub frozen: Arc<Notify>,
}

impl Spells {
    /// Casts `spell` on `times` calls of `methods` (of any where `None`) after the next `pass`.
    pub fn cast(&self, spell: Spell, methods: Option<&'static [&'static str]>, pass: u64, times: u64) {
        *self.lock() = Order { spell: Some(spell), pass, times, calls: 0, methods };
    }

    /// No spell any more, and the count of calls begins anew.
    pub fn lift(&self) {
        *self.lock() = Order::default();
    }

    /// Calls since the last order.
    pub fn calls(&self) -> u64 {
        self.lock().calls
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Order> {
        self.order.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self, method: &str) -> Option<Spell> {
        let mut order = self.lock();
        if order.methods.is_some_and(|methods| !methods.contains(&method)) {
            return None;
        }
        order.calls += 1;
        let strikes = order.calls > order.pass && order.calls - order.pass <= order.times;
        order.spell.filter(|_| strikes)
    }
}

/// Serves an app with spells on its wire, until the runtime ends; answers where.
pub async fn serve(simulator: Simulator, spells: Spells) -> std::io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let doors: Router = simulator.router().layer(from_fn_with_state(spells, spelled));
    tokio::spawn(simulator::serve(listener, doors, CancellationToken::new()));
    Ok(url)
}

async fn spelled(State(spells): State<Spells>, request: Request, next: Next) -> Response {
    let Some(spell) = spells.next(request.method().as_str()) else { return next.run(request).await };
    match spell {
        Spell::Freeze(Moment::Before) => spells.freeze().await,
        Spell::Freeze(Moment::After) => {
            let _unread = next.run(request).await;
            spells.freeze().await
        }
        Spell::Freeze(Moment::Within) => {
            let answer = next.run(request).await;
            spells.frozen.notify_one();
            halved(answer, false).await
        }
        Spell::Break(Moment::Before) => Dropped::response(),
        Spell::Break(Moment::After) => {
            let _unread = next.run(request).await;
            Dropped::response()
        }
        Spell::Break(Moment::Within) => halved(next.run(request).await, true).await,
        Spell::Wait(Moment::Before, pause) => {
            tokio::time::sleep(pause).await;
            next.run(request).await
        }
        Spell::Wait(_, pause) => {
            let answer = next.run(request).await;
            tokio::time::sleep(pause).await;
            answer
        }
        Spell::Drip(pause) => dripping(next.run(request).await, pause).await,
        Spell::Page => {
            let mut answer = next.run(request).await;
            *answer.body_mut() = Body::from("<html><body>Please sign in</body></html>");
            typed(answer, "text/html")
        }
        Spell::OtherType => typed(next.run(request).await, "application/octet-stream"),
        Spell::Bomb => {
            let mut answer = next.run(request).await;
            *answer.body_mut() = Body::from(bomb());
            answer.headers_mut().insert("content-encoding", HeaderValue::from_static("gzip"));
            typed(answer, "application/json")
        }
        Spell::Says(moment, code) => {
            if moment != Moment::Before {
                let _unread = next.run(request).await;
            }
            let mut answer = Response::new(Body::from("{\"error\":\"not now\"}"));
            *answer.status_mut() =
                axum::http::StatusCode::from_u16(code).unwrap_or(axum::http::StatusCode::BAD_GATEWAY);
            answer.headers_mut().insert("location", HeaderValue::from_static("http://127.0.0.1:9/"));
            typed(answer, "application/json")
        }
        Spell::Nothing => {
            let mut answer = next.run(request).await;
            *answer.body_mut() = Body::empty();
            answer.headers_mut().remove("content-length");
            answer
        }
    }
}

impl Spells {
    async fn freeze(&self) -> Response {
        self.frozen.notify_one();
        std::future::pending().await
    }
}

fn typed(mut answer: Response, media: &'static str) -> Response {
    answer.headers_mut().remove("content-length");
    answer.headers_mut().insert("content-type", HeaderValue::from_static(media));
    answer
}

/// The whole length is announced and half of it comes; then the connection breaks, or nothing more happens.
async fn halved(answer: Response, breaks: bool) -> Response {
    let (mut parts, body) = answer.into_parts();
    let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    parts.headers.insert("content-length", HeaderValue::from(bytes.len().max(2)));
    let half = bytes.slice(..bytes.len() / 2);
    let first = futures_util::stream::iter([Ok::<Bytes, Dropped>(half)]);
    let rest = futures_util::stream::once(async move {
        if !breaks {
            std::future::pending::<()>().await;
        }
        // What was written has left before the connection breaks.
        tokio::time::sleep(Duration::from_millis(5)).await;
        Err::<Bytes, Dropped>(Dropped)
    });
    Response::from_parts(parts, Body::from_stream(futures_util::StreamExt::chain(first, rest)))
}

async fn dripping(answer: Response, pause: Duration) -> Response {
    let (parts, body) = answer.into_parts();
    let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    let drops = futures_util::stream::unfold((bytes, 0), move |(bytes, at)| async move {
        if at >= bytes.len() {
            return None;
        }
        tokio::time::sleep(pause).await;
        Some((Ok::<Bytes, Dropped>(bytes.slice(at..=at)), (bytes, at + 1)))
    });
    Response::from_parts(parts, Body::from_stream(drops))
}

/// Gzip (RFC 1952) of 64 MiB of spaces in some 420 KiB: one block with fixed codes (RFC 1951 §3.2.6), which repeats a
/// space as often as one code can say.
fn bomb() -> Vec<u8> {
    let (mut bytes, mut byte, mut filled) = (vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255], 0_u8, 0);
    let mut put = |bits: &[u8]| {
        for bit in bits {
            byte |= bit << filled;
            filled += 1;
            if filled == 8 {
                bytes.push(byte);
                (byte, filled) = (0, 0);
            }
        }
    };
    // The last block, with fixed codes; a space; 258 times what stood one byte before, again and again.
    put(&[1, 1, 0]);
    put(&[0, 1, 0, 1, 0, 0, 0, 0]);
    for _ in 0..260_000 {
        put(&[1, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0]);
    }
    put(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    bytes
}
