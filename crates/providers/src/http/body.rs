//! A response body with bounds on silence and on total time.

use super::plain::Lease;
use crate::transport::TransportError;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep};

/// The time-outs of an exchange.
#[derive(Clone, Copy)]
pub(super) struct Bounds {
    pub(super) first_byte: Duration,
    pub(super) idle: Duration,
    pub(super) total: Duration,
}

/// The one timer of an exchange. It is created at the first wait, and moves only when it fires or has to fire earlier:
/// a stream of a thousand chunks touches it rarely.
pub(super) struct Alarm {
    started: Instant,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Alarm {
    pub(super) const fn new(started: Instant) -> Self {
        Self { started, sleep: None }
    }

    pub(super) const fn started(&self) -> Instant {
        self.started
    }

    /// Ready once it is later than `due`.
    pub(super) fn poll(&mut self, due: Instant, context: &mut Context<'_>) -> Poll<()> {
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(due)));
        if sleep.deadline() > due {
            sleep.as_mut().reset(due);
        }
        loop {
            std::task::ready!(sleep.as_mut().poll(context));
            if sleep.deadline() >= due {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(due);
        }
    }
}

/// Counts a request as running until its body is dropped.
pub(super) struct Running {
    count: Arc<AtomicUsize>,
    pub(super) before: usize,
}

impl Running {
    pub(super) fn start(count: &Arc<AtomicUsize>) -> Self {
        Self { count: Arc::clone(count), before: count.fetch_add(1, Ordering::Relaxed) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Resources that an exchange keeps until its body has been read or dropped.
pub(super) struct Held {
    pub(super) _running: Running,
    pub(super) lease: Option<Lease>,
}

/// Bounds a body in time.
pub(super) struct TimedBody {
    body: Incoming,
    held: Held,
    alarm: Alarm,
    idle: Duration,
    deadline: Instant,
    last_data: Instant,
}

impl TimedBody {
    pub(super) fn new(body: Incoming, alarm: Alarm, held: Held, bounds: Bounds) -> Self {
        let deadline = alarm.started() + bounds.total;
        Self { body, held, alarm, idle: bounds.idle, deadline, last_data: Instant::now() }
    }

    fn poll_alarm(&mut self, context: &mut Context<'_>) -> Poll<TransportError> {
        let silent = self.last_data + self.idle;
        self.alarm
            .poll(silent.min(self.deadline), context)
            .map(|()| if silent < self.deadline { TransportError::IdleTimeout } else { TransportError::TotalTimeout })
    }
}

impl Body for TimedBody {
    type Data = Bytes;
    type Error = TransportError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, TransportError>>> {
        match Pin::new(&mut self.body).poll_frame(context) {
            Poll::Ready(None) => {
                if let Some(lease) = self.held.lease.take() {
                    lease.give_back();
                }
                Poll::Ready(None)
            }
            Poll::Ready(Some(Err(_))) => Poll::Ready(Some(Err(TransportError::Broken))),
            Poll::Ready(Some(Ok(frame))) => {
                self.last_data = Instant::now();
                if self.last_data > self.deadline {
                    return Poll::Ready(Some(Err(TransportError::TotalTimeout)));
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Pending => self.poll_alarm(context).map(|error| Some(Err(error))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
