//! A body that may not be silent for long, nor take forever.

use crate::transport::TransportError;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep};

/// Bounds a body in time. It has a timer only once it has had to wait, and moves it only when it fires.
pub(super) struct TimedBody {
    body: Incoming,
    idle: Duration,
    deadline: Instant,
    last_data: Instant,
    alarm: Option<Pin<Box<Sleep>>>,
}

impl TimedBody {
    pub(super) fn new(body: Incoming, idle: Duration, deadline: Instant) -> Self {
        Self {
            body,
            idle,
            deadline,
            last_data: Instant::now(),
            alarm: None,
        }
    }

    /// Ready when the body has been silent for too long or the whole is over.
    fn poll_alarm(&mut self, context: &mut Context<'_>) -> Poll<TransportError> {
        loop {
            let due = (self.last_data + self.idle).min(self.deadline);
            let alarm = self
                .alarm
                .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(due)));
            std::task::ready!(alarm.as_mut().poll(context));
            let now = Instant::now();
            if now >= self.deadline {
                return Poll::Ready(TransportError::TotalTimeout);
            }
            if now >= due {
                return Poll::Ready(TransportError::IdleTimeout);
            }
            alarm.as_mut().reset(due);
        }
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
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Ready(Some(Err(_))) => Poll::Ready(Some(Err(TransportError::Broken))),
            Poll::Ready(Some(Ok(frame))) => {
                self.last_data = Instant::now();
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
