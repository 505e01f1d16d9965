//! The timing of chunks, and the end of an answer.

use super::command::{Commands, Ending};
use crate::transport::TransportError;
use bytes::Bytes;
use http_body::{Body, Frame};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::Sleep;

/// The timing of an answer.
#[derive(Clone, Copy, Default)]
pub(super) struct Pace {
    /// The wait before the head.
    pub(super) head: Duration,
    /// The wait before each chunk.
    chunk: Duration,
    /// An additional wait after the first chunk.
    silence: Duration,
    /// The connection breaks after so many chunks.
    cut: Option<usize>,
}

impl Pace {
    pub(super) fn of(commands: &Commands) -> Self {
        Self {
            head: commands.wait,
            chunk: commands.slow,
            silence: commands.silent,
            cut: match commands.ending {
                Ending::Cut(chunks) => Some(chunks),
                Ending::Whole | Ending::Fail(_) => None,
            },
        }
    }

    fn before(&self, chunk: usize) -> Duration {
        if chunk == 1 { self.chunk + self.silence } else { self.chunk }
    }
}

/// A body with timed chunks.
pub(super) struct PacedBody {
    chunks: std::vec::IntoIter<Bytes>,
    pace: Pace,
    given: usize,
    waiting: Option<Pin<Box<Sleep>>>,
}

impl PacedBody {
    pub(super) fn new(chunks: Vec<Bytes>, pace: Pace) -> Self {
        Self { chunks: chunks.into_iter(), pace, given: 0, waiting: None }
    }
}

impl Body for PacedBody {
    type Data = Bytes;
    type Error = TransportError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, TransportError>>> {
        if self.pace.cut.is_some_and(|cut| self.given >= cut) {
            self.chunks = Vec::new().into_iter();
            self.pace.cut = None;
            return Poll::Ready(Some(Err(TransportError::Broken)));
        }
        let wait = self.pace.before(self.given);
        if wait > Duration::ZERO && self.chunks.len() > 0 {
            let waiting = self.waiting.get_or_insert_with(|| Box::pin(tokio::time::sleep(wait)));
            ready!(waiting.as_mut().poll(context));
            self.waiting = None;
        }
        self.given += 1;
        Poll::Ready(self.chunks.next().map(|chunk| Ok(Frame::data(chunk))))
    }
}
