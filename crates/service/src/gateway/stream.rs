//! A streamed answer on its candidate to the client, settled before its last bytes leave.

use super::reaper::{DetachedQueue, DetachedRequest};
use super::settle::{OpenRequest, Receipt, Settled};
use crate::fault::{Fault, UpstreamFault, UpstreamKind};
use bytes::Bytes;
use opencredits_ledger::Durable;
use opencredits_providers::{End, StreamAdapter, UpstreamBody};
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

/// What a model has thought out of sight is told at the end alone. Once it has begun to speak, its stream is read on for so
/// long, so that its thoughts are not free for whoever leaves just before the last word.
const LINGER: Duration = Duration::from_secs(5);

/// What comes out of a [`ChargedStream`].
pub enum StreamItem {
    /// Bytes for the client, as the provider sent them.
    Chunk(Bytes),
    /// The end: the charge is booked, and the closing bytes are to be made with its receipt.
    End(Box<StreamEnd>),
    /// The provider broke off, or our books failed; nothing more comes.
    Broken(Fault),
}

/// The end of a stream.
pub struct StreamEnd {
    /// The closing events, still open for the members that the receipt adds.
    pub tap: StreamAdapter,
    /// What was charged.
    pub receipt: Receipt,
}

/// A streamed answer. Dropping it unfinished hands it to the reaper.
pub struct ChargedStream {
    stream: InFlightStream,
    detached: DetachedQueue,
}

/// The stream of a streamed answer, whoever reads it.
pub(super) struct InFlightStream {
    flow: Option<StreamState>,
}

enum StreamState {
    /// Events pass.
    Open(Box<Open>),
    /// The charge is decided and waits for the disk.
    Flushing(Durable, Box<StreamEnd>, UpstreamBody),
    /// The end was told; the upstream connection may still have its last bytes to give.
    Trailing(UpstreamBody),
}

struct Open {
    body: UpstreamBody,
    tap: StreamAdapter,
    open: OpenRequest,
}

impl ChargedStream {
    pub(super) fn new(stream: InFlightStream, detached: DetachedQueue) -> Self {
        Self { stream, detached }
    }

    /// Whether the bytes given out so far end between two events, so that a comment may follow.
    #[must_use]
    pub fn is_between_events(&self) -> bool {
        matches!(&self.stream.flow, Some(StreamState::Open(open)) if open.tap.is_between_events())
    }

    /// The next piece; `None` after the last.
    pub fn poll_item(&mut self, context: &mut Context<'_>) -> Poll<Option<StreamItem>> {
        self.stream.poll_item(context)
    }

    /// Takes the stream away from a reader that stays.
    pub(super) fn into_course(mut self) -> InFlightStream {
        InFlightStream { flow: self.stream.flow.take() }
    }
}

impl InFlightStream {
    pub(super) fn new(body: UpstreamBody, tap: StreamAdapter, open: OpenRequest) -> Self {
        Self { flow: Some(StreamState::Open(Box::new(Open { body, tap, open }))) }
    }

    fn poll_item(&mut self, context: &mut Context<'_>) -> Poll<Option<StreamItem>> {
        match self.flow.take() {
            None => Poll::Ready(None),
            Some(StreamState::Open(open)) => self.poll_open(open, context),
            Some(StreamState::Flushing(durable, last, body)) => self.poll_flush(durable, last, body, context),
            Some(StreamState::Trailing(mut body)) => {
                // One look is enough to let a finished connection return to its pool.
                let _end_or_not = body.poll_chunk(context);
                Poll::Ready(None)
            }
        }
    }

    fn poll_open(&mut self, mut open: Box<Open>, context: &mut Context<'_>) -> Poll<Option<StreamItem>> {
        loop {
            match open.body.poll_chunk(context) {
                Poll::Pending if open.tap.is_ended() => {
                    return self.close(*open, End::Clean, context);
                }
                Poll::Pending => {
                    self.flow = Some(StreamState::Open(open));
                    return Poll::Pending;
                }
                Poll::Ready(None) => return self.close(*open, End::Clean, context),
                Poll::Ready(Some(Err(_))) => return self.close(*open, End::Cut, context),
                Poll::Ready(Some(Ok(chunk))) => match open.tap.feed(&chunk) {
                    Err(_) => return self.close(*open, End::Cut, context),
                    Ok(out) if out.is_empty() => {}
                    Ok(out) => {
                        open.open.first_byte();
                        self.flow = Some(StreamState::Open(open));
                        return Poll::Ready(Some(StreamItem::Chunk(out)));
                    }
                },
            }
        }
    }

    fn close(&mut self, open: Open, end: End, context: &mut Context<'_>) -> Poll<Option<StreamItem>> {
        let Open { body, mut tap, open } = open;
        let outcome = tap.outcome(end);
        let whole = outcome.is_final();
        let settled = match open.settle(&outcome) {
            Ok(settled) => settled,
            Err(fault) => return Poll::Ready(Some(StreamItem::Broken(fault))),
        };
        if !whole {
            let fault = UpstreamFault::of_outcome(&outcome, UpstreamKind::Unavailable);
            return Poll::Ready(Some(StreamItem::Broken(Box::new(fault).into())));
        }
        let Settled { receipt, durable } = settled;
        let last = Box::new(StreamEnd { tap, receipt });
        match durable {
            Some(durable) => self.poll_flush(durable, last, body, context),
            None => self.tell_last(last, body),
        }
    }

    fn poll_flush(
        &mut self,
        mut durable: Durable,
        last: Box<StreamEnd>,
        body: UpstreamBody,
        context: &mut Context<'_>,
    ) -> Poll<Option<StreamItem>> {
        match Pin::new(&mut durable).poll(context) {
            Poll::Ready(Ok(())) => self.tell_last(last, body),
            Poll::Ready(Err(error)) => Poll::Ready(Some(StreamItem::Broken(error.into()))),
            Poll::Pending => {
                self.flow = Some(StreamState::Flushing(durable, last, body));
                Poll::Pending
            }
        }
    }

    fn tell_last(&mut self, last: Box<StreamEnd>, body: UpstreamBody) -> Poll<Option<StreamItem>> {
        self.flow = Some(StreamState::Trailing(body));
        Poll::Ready(Some(StreamItem::End(last)))
    }

    /// The client has gone: notes it, and stops upstream at once where that stops the provider's bill and what was used is
    /// known. Says how long to read on otherwise, where that is not to the end.
    pub(super) fn client_gone(&mut self) -> Option<Duration> {
        let Some(StreamState::Open(open)) = self.flow.as_mut() else {
            return None;
        };
        open.open.client_gone();
        if !open.open.stop_ends_billing() {
            return None;
        }
        if open.open.may_think() && open.tap.has_produced() {
            return Some(LINGER);
        }
        self.skim();
        self.cut_short();
        None
    }

    /// Takes what has arrived already: the end may be among it.
    fn skim(&mut self) {
        let mut nobody = Context::from_waker(Waker::noop());
        while let Poll::Ready(Some(_)) = self.poll_item(&mut nobody) {}
    }

    /// Reads on to the end and settles, for nobody.
    pub(super) async fn run_out(&mut self) {
        while poll_fn(|context| Poll::Ready(ready!(self.poll_item(context)))).await.is_some() {}
    }

    /// Settles what is known so far and lets go of the upstream connection.
    fn cut_short(&mut self) {
        if let Some(StreamState::Open(open)) = self.flow.take() {
            let Open { body, mut tap, open } = *open;
            drop(body);
            if let Err(fault) = open.settle(&tap.outcome(End::Cut)) {
                tracing::error!(%fault, "an abandoned request could not be settled; its hold is released");
            }
        }
    }
}

impl Drop for ChargedStream {
    fn drop(&mut self) {
        if let Some(StreamState::Open(mut open)) = self.stream.flow.take() {
            open.open.client_gone();
            self.detached.adopt(DetachedRequest::Streaming(InFlightStream { flow: Some(StreamState::Open(open)) }));
        }
    }
}

/// Nobody carries it on: what is known is charged.
impl Drop for InFlightStream {
    fn drop(&mut self) {
        self.cut_short();
    }
}
