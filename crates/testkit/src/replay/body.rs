//! A timed body in pieces, which may break off.

use super::behaviour::{Behaviour, Fault, Pieces};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use tokio::time::{Instant, Sleep, sleep, sleep_until};

/// A body on its way.
pub(super) struct Paced {
    pieces: VecDeque<Bytes>,
    end: End,
    delay: std::time::Duration,
    timer: Option<Pin<Box<Sleep>>>,
    /// Whether the writer has had its turn since the last piece.
    flushed: bool,
    /// Counts the bodies that the other side did not take to their end.
    abandoned: Arc<AtomicUsize>,
}

/// The action after the last piece.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Regular,
    Cut,
    Stall,
    Done,
}

impl Paced {
    pub(super) fn new(body: &str, behaviour: &Behaviour, abandoned: Arc<AtomicUsize>) -> Self {
        let (sent, end) = match behaviour.fault {
            Fault::CutAfter(bytes) => (bytes.min(body.len()), End::Cut),
            Fault::StallAfter(bytes) => (bytes.min(body.len()), End::Stall),
            _ => (body.len(), End::Regular),
        };
        let sent = body.as_bytes().get(..sent).unwrap_or_default();
        Self {
            pieces: split(sent, behaviour.pieces),
            end,
            delay: behaviour.delay,
            timer: None,
            flushed: true,
            abandoned,
        }
    }

    /// Lets the last piece leave before the next one comes, and waits for that one's time.
    fn poll_turn(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if !self.flushed {
            self.flushed = true;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if self.delay.is_zero() || self.pieces.is_empty() {
            return Poll::Ready(());
        }
        let delay = self.delay;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(delay)));
        ready!(timer.as_mut().poll(context));
        self.timer = None;
        Poll::Ready(())
    }

    /// Waits for ever; the timer keeps the task alive.
    fn poll_stall(&mut self, context: &mut Context<'_>) -> Poll<()> {
        const LONG: std::time::Duration = std::time::Duration::from_secs(3_600);
        let until = Instant::now() + LONG;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(until)));
        timer.as_mut().poll(context)
    }
}

impl Body for Paced {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        ready!(self.poll_turn(context));
        if let Some(piece) = self.pieces.pop_front() {
            self.flushed = false;
            if self.pieces.is_empty() && self.end == End::Regular {
                // A body of known length is not asked again after its last byte.
                self.end = End::Done;
            }
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
        match self.end {
            End::Regular | End::Done => {
                self.end = End::Done;
                Poll::Ready(None)
            }
            End::Cut => {
                self.end = End::Done;
                Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into())))
            }
            End::Stall => {
                ready!(self.poll_stall(context));
                self.end = End::Done;
                Poll::Ready(None)
            }
        }
    }

    /// A whole answer in one piece has a content length, as with providers; anything else is chunked.
    fn size_hint(&self) -> SizeHint {
        match (self.end, self.pieces.front()) {
            (End::Regular, Some(only)) if self.pieces.len() == 1 => SizeHint::with_exact(only.len() as u64),
            _ => SizeHint::default(),
        }
    }
}

impl Drop for Paced {
    fn drop(&mut self) {
        if self.end != End::Done {
            self.abandoned.fetch_add(1, Ordering::SeqCst);
        }
    }
}

fn split(body: &[u8], pieces: Pieces) -> VecDeque<Bytes> {
    match pieces {
        Pieces::Bytes(size) => body.chunks(size.max(1)).map(Bytes::copy_from_slice).collect(),
        Pieces::Events => events(body),
    }
}

/// After each blank line, the line break included. What is no stream has none, and stays in one piece but for JSON
/// that holds blank lines, which does no harm.
fn events(body: &[u8]) -> VecDeque<Bytes> {
    let mut pieces = VecDeque::new();
    let mut start = 0;
    for end in 1..=body.len() {
        let piece = &body[start..end];
        if piece.ends_with(b"\n\n") || piece.ends_with(b"\r\n\r\n") || end == body.len() {
            pieces.push_back(Bytes::copy_from_slice(piece));
            start = end;
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_cut_after_its_events() {
        let check = |body: &str, expected: &[&str]| {
            let pieces = events(body.as_bytes());
            let pieces: Vec<&str> = pieces.iter().map(|piece| std::str::from_utf8(piece).unwrap()).collect();
            assert_eq!(pieces, expected);
        };
        check("data: a\n\ndata: b\n\n", &["data: a\n\n", "data: b\n\n"]);
        check("data: a\r\n\r\ndata: b", &["data: a\r\n\r\n", "data: b"]);
        check("{}", &["{}"]);
        check("", &[]);
    }
}
