//! A socket that gives up when the caller keeps it waiting.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use super::request_line::RequestLine;
use super::{Timers, unread};
use crate::base::id::Ids;

/// Bytes read and thrown away after our last word.
const LINGER_BYTES: usize = 4 * 1024 * 1024;

/// Where a conversation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Connected, nothing came yet.
    Fresh,
    /// A request's head has begun.
    Head,
    /// A request is being worked on; its body has timers of its own.
    Busy,
    /// An answer was given, the next request has not begun.
    Idle,
}

/// The stage and until when it may last, shared by the socket and the service behind it.
#[derive(Debug)]
pub(super) struct Progress {
    header: Duration,
    idle: Duration,
    now: Mutex<(Stage, Option<Instant>)>,
}

impl Progress {
    pub(super) fn new(timers: &Timers) -> Self {
        let until = Instant::now() + timers.first_byte;
        Self { header: timers.header, idle: timers.idle, now: Mutex::new((Stage::Fresh, Some(until))) }
    }

    /// A request's head is complete.
    pub(super) fn request_began(&self) {
        *self.lock() = (Stage::Busy, None);
    }

    /// Its answer is ready to be written.
    pub(super) fn request_ended(&self) {
        *self.lock() = (Stage::Idle, Some(Instant::now() + self.idle));
    }

    /// Whether the caller has not said anything yet.
    pub(super) fn is_fresh(&self) -> bool {
        self.lock().0 == Stage::Fresh
    }

    /// Whether a head has begun and not ended: nothing but the parser's refusal of it can be written now.
    fn is_in_head(&self) -> bool {
        self.lock().0 == Stage::Head
    }

    /// Notes that bytes came; answers the stage they were waited for in.
    fn bytes_came(&self) -> Stage {
        let mut now = self.lock();
        let stage = now.0;
        if matches!(stage, Stage::Fresh | Stage::Idle) {
            *now = (Stage::Head, Some(Instant::now() + self.header));
        }
        stage
    }

    fn until(&self) -> Option<Instant> {
        self.lock().1
    }

    fn lock(&self) -> MutexGuard<'_, (Stage, Option<Instant>)> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A stream that fails with `TimedOut` when a stage lasts too long or an answer is not taken.
#[derive(Debug)]
pub(super) struct Watched<S> {
    inner: S,
    progress: Arc<Progress>,
    line: RequestLine,
    /// Whether the request whose head is read began with `HEAD`.
    to_head: bool,
    ids: Arc<Ids>,
    /// Everything written so far has left.
    is_flushed: bool,
    /// What is written in the place of a bare refusal, and how much of it has been.
    instead: Option<(Vec<u8>, usize)>,
    reading: Pin<Box<Sleep>>,
    write: Duration,
    /// Runs while part of an answer waits for the socket.
    writing: Option<Pin<Box<Sleep>>>,
    linger: Duration,
    /// Runs once our side is shut down, with what was thrown away since.
    lingering: Option<(Pin<Box<Sleep>>, usize)>,
}

impl<S> Watched<S> {
    pub(super) fn new(inner: S, progress: Arc<Progress>, timers: &Timers, ids: Arc<Ids>) -> Self {
        Self {
            inner,
            progress,
            line: RequestLine::default(),
            to_head: false,
            ids,
            is_flushed: true,
            instead: None,
            reading: Box::pin(sleep_until(Instant::now() + timers.first_byte)),
            write: timers.write,
            writing: None,
            linger: timers.linger,
            lingering: None,
        }
    }

    fn kept_waiting_for_bytes(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(until) = self.progress.until() else { return Poll::Pending };
        if self.reading.deadline() != until {
            self.reading.as_mut().reset(until);
        }
        self.reading.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }

    fn kept_waiting_for_room(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let write = self.write;
        let alarm = self.writing.get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + write)));
        alarm.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncWrite + Unpin> Watched<S> {
    /// Writes a SCIM error in the place of `pieces` where they are a refusal the parser made of its own accord; `None`
    /// where they are to be written as they are.
    ///
    /// One that is written behind an answer still under way goes out bare: where the answer ends cannot be told here.
    fn write_instead(
        &mut self,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Option<Poll<io::Result<usize>>> {
        if self.instead.is_none() {
            let may_be_bare = self.is_flushed && self.progress.is_in_head();
            self.is_flushed = false;
            if !may_be_bare || !pieces.first().is_some_and(|first| unread::is_bare(first)) {
                return None;
            }
            let bare: Vec<u8> = pieces.iter().flat_map(|piece| piece.iter().copied()).collect();
            self.instead = unread::told(&bare, &self.ids, self.to_head).map(|told| (told, 0));
        }
        while let Some((told, written)) = &mut self.instead {
            let Some(rest) = told.get(*written..).filter(|rest| !rest.is_empty()) else { break };
            match Pin::new(&mut self.inner).poll_write(cx, rest) {
                Poll::Ready(Ok(0)) => return Some(Poll::Ready(Err(io::ErrorKind::WriteZero.into()))),
                Poll::Ready(Ok(more)) => *written += more,
                Poll::Ready(Err(error)) => return Some(Poll::Ready(Err(error))),
                Poll::Pending => return Some(self.kept_waiting_for_room(cx)),
            }
        }
        self.instead.take().map(|_| Poll::Ready(Ok(pieces.iter().map(|piece| piece.len()).sum())))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        match Pin::new(&mut this.inner).poll_read(cx, buffer) {
            Poll::Ready(read) => {
                if let Some(bytes) = buffer.filled_mut().get_mut(before..).filter(|bytes| !bytes.is_empty()) {
                    this.line = match this.progress.bytes_came() {
                        Stage::Fresh | Stage::Idle => {
                            this.to_head = bytes.starts_with(b"HEAD ");
                            RequestLine::begin(bytes)
                        }
                        Stage::Head => this.line.go_on(bytes),
                        Stage::Busy => RequestLine::Outside,
                    };
                }
                Poll::Ready(read)
            }
            Poll::Pending => this.kept_waiting_for_bytes(cx),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if let Some(written) = this.write_instead(cx, &[io::IoSlice::new(bytes)]) {
            return written;
        }
        match Pin::new(&mut this.inner).poll_write(cx, bytes) {
            Poll::Ready(written) => Poll::Ready(written),
            Poll::Pending => this.kept_waiting_for_room(cx),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if let Some(written) = this.write_instead(cx, pieces) {
            return written;
        }
        match Pin::new(&mut this.inner).poll_write_vectored(cx, pieces) {
            Poll::Ready(written) => Poll::Ready(written),
            Poll::Pending => this.kept_waiting_for_room(cx),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match Pin::new(&mut this.inner).poll_flush(cx) {
            Poll::Ready(flushed) => {
                this.writing = None;
                this.is_flushed = true;
                Poll::Ready(flushed)
            }
            Poll::Pending => this.kept_waiting_for_room(cx).map_ok(|_| ()),
        }
    }

    /// Says that nothing more will come, then reads on for a while: closing a socket with unread bytes resets it, and
    /// the reset may reach the caller before the answer does (RFC 9112 §9.6).
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.lingering.is_none() {
            match Pin::new(&mut this.inner).poll_shutdown(cx) {
                Poll::Ready(shut) => shut?,
                Poll::Pending => return this.kept_waiting_for_room(cx).map_ok(|_| ()),
            }
        }
        let linger = this.linger;
        let (alarm, discarded) =
            this.lingering.get_or_insert_with(|| (Box::pin(sleep_until(Instant::now() + linger)), 0));
        if alarm.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Ok(()));
        }
        let mut scratch = [0; 4096];
        while *discarded < LINGER_BYTES {
            let mut buffer = ReadBuf::new(&mut scratch);
            if ready!(Pin::new(&mut this.inner).poll_read(cx, &mut buffer)).is_err()
                || buffer.filled().is_empty()
            {
                break;
            }
            *discarded += buffer.filled().len();
        }
        Poll::Ready(Ok(()))
    }
}
