//! A request body that must keep coming.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use super::Timers;
use crate::http::body::BodyFailure;

/// A body that fails with [`BodyFailure::TooSlow`] when it pauses or lasts too long.
#[derive(Debug)]
pub(super) struct TimedBody {
    inner: Incoming,
    until: Instant,
    pause: Duration,
    alarm: Pin<Box<Sleep>>,
    waiting: bool,
    read: Arc<AtomicBool>,
}

impl TimedBody {
    /// `read` becomes true once the body was read to its end.
    pub(super) fn new(inner: Incoming, timers: &Timers, read: Arc<AtomicBool>) -> Self {
        let until = Instant::now() + timers.body;
        Self {
            inner,
            until,
            pause: timers.body_pause,
            alarm: Box::pin(sleep_until(until)),
            waiting: false,
            read,
        }
    }
}

impl Body for TimedBody {
    type Data = Bytes;
    type Error = BodyFailure;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyFailure>>> {
        let this = self.get_mut();
        match Pin::new(&mut this.inner).poll_frame(cx) {
            Poll::Ready(frame) => {
                this.waiting = false;
                if frame.is_none() {
                    this.read.store(true, Ordering::Release);
                }
                if Instant::now() >= this.until && frame.is_some() {
                    return Poll::Ready(Some(Err(BodyFailure::TooSlow)));
                }
                Poll::Ready(frame.map(|frame| frame.map_err(|_| BodyFailure::Broken)))
            }
            Poll::Pending => {
                if !this.waiting {
                    this.waiting = true;
                    this.alarm.as_mut().reset(this.until.min(Instant::now() + this.pause));
                }
                this.alarm.as_mut().poll(cx).map(|()| Some(Err(BodyFailure::TooSlow)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
