//! A streamed answer, settled before its last bytes leave.

use super::booking::Receipt;
use super::open_request::OpenRequest;
use super::settling::Settling;
use crate::fault::{Fault, UpstreamFault, UpstreamKind};
use crate::memory::{NoMemory, Reservation};
use bytes::Bytes;
use opencredits_providers::{End, Outcome, StreamAdapter, UpstreamBody};
use std::future::{Future as _, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

/// Hidden reasoning is counted in the last event only. The stream of a model that has begun to answer is read on for so long
/// after the client has left, so that its reasoning is not free for a client that leaves just before the end.
const LINGER: Duration = Duration::from_secs(5);

/// An item of a [`ChargedStream`].
pub enum StreamItem {
    /// Bytes for the client, as the provider sent them.
    Chunk(Bytes),
    /// The end. The charge is booked; the caller makes the closing events with its receipt.
    End(Box<StreamEnd>),
    /// The provider broke off, or the ledger failed. Nothing more comes.
    Broken(Fault),
}

/// The end of a stream.
pub struct StreamEnd {
    /// Holds the closing events, to which the receipt adds members.
    pub adapter: StreamAdapter,
    /// What was charged.
    pub receipt: Receipt,
}

/// A streamed answer. Dropping it unfinished detaches the request.
pub struct ChargedStream {
    stream: InFlightStream,
}

/// A streamed answer and its open request. Dropping it unfinished charges the usage known so far.
pub(super) struct InFlightStream {
    state: Option<StreamState>,
}

enum StreamState {
    /// Events pass.
    Open(Box<OpenStream>),
    /// The charge is on its way.
    Settling(Box<Closing>),
    /// A whole answer, already charged: its events, then its end.
    Whole(Bytes, Box<StreamEnd>),
    /// The end was given out. The upstream connection may still have bytes to read.
    Trailing(UpstreamBody),
}

/// A stream that has ended upstream.
struct Closing {
    settling: Settling,
    adapter: StreamAdapter,
    body: UpstreamBody,
    /// Why it broke off.
    fault: Option<UpstreamFault>,
}

struct OpenStream {
    body: UpstreamBody,
    adapter: StreamAdapter,
    open: OpenRequest,
    /// The memory that the adapter takes.
    memory: Reservation,
}

impl ChargedStream {
    pub(super) const fn new(stream: InFlightStream) -> Self {
        Self { stream }
    }

    /// A stream of a whole answer, which was charged: its events up to the end.
    pub(super) fn of_whole(events: Bytes, end: StreamEnd) -> Self {
        Self { stream: InFlightStream { state: Some(StreamState::Whole(events, Box::new(end))) } }
    }

    /// Whether the bytes given out so far end between two events, where a comment may be inserted.
    #[must_use]
    pub fn is_between_events(&self) -> bool {
        matches!(&self.stream.state, Some(StreamState::Open(open)) if open.adapter.is_between_events())
    }

    /// The next item; `None` after the last.
    pub fn poll_item(&mut self, context: &mut Context<'_>) -> Poll<Option<StreamItem>> {
        self.stream.poll_item(context)
    }

    /// Takes the stream out, without detaching it.
    pub(super) fn into_in_flight(mut self) -> InFlightStream {
        InFlightStream { state: self.stream.state.take() }
    }
}

impl InFlightStream {
    pub(super) fn new(body: UpstreamBody, adapter: StreamAdapter, open: OpenRequest, memory: Reservation) -> Self {
        Self { state: Some(StreamState::Open(Box::new(OpenStream { body, adapter, open, memory }))) }
    }

    fn poll_item(&mut self, context: &mut Context<'_>) -> Poll<Option<StreamItem>> {
        match self.state.take() {
            None => Poll::Ready(None),
            Some(StreamState::Open(open)) => self.poll_open(open, context),
            Some(StreamState::Settling(closing)) => self.poll_settling(closing, context),
            Some(StreamState::Whole(events, end)) if events.is_empty() => Poll::Ready(Some(StreamItem::End(end))),
            Some(StreamState::Whole(events, end)) => {
                self.state = Some(StreamState::Whole(Bytes::new(), end));
                Poll::Ready(Some(StreamItem::Chunk(events)))
            }
            Some(StreamState::Trailing(mut body)) => {
                // One poll is enough to let a finished connection return to its pool.
                let _end_or_not = body.poll_chunk(context);
                Poll::Ready(None)
            }
        }
    }

    fn poll_open(&mut self, mut open: Box<OpenStream>, context: &mut Context<'_>) -> Poll<Option<StreamItem>> {
        loop {
            match open.body.poll_chunk(context) {
                Poll::Pending if open.adapter.is_ended() => {
                    return self.close(*open, End::Clean, None, context);
                }
                Poll::Pending => {
                    self.state = Some(StreamState::Open(open));
                    return Poll::Pending;
                }
                Poll::Ready(None) => return self.close(*open, End::Clean, None, context),
                Poll::Ready(Some(Err(error))) => return self.close(*open, End::Cut, Some(&error), context),
                Poll::Ready(Some(Ok(chunk))) => match open.adapter.feed(&chunk) {
                    Err(error) => return self.close(*open, End::Cut, Some(&error), context),
                    Ok(_) if open.memory.grow_to(open.adapter.kept_bytes()).is_err() => {
                        return self.close(*open, End::Cut, Some(&NoMemory), context);
                    }
                    Ok(out) if out.is_empty() => {}
                    Ok(out) => {
                        open.open.first_byte();
                        self.state = Some(StreamState::Open(open));
                        return Poll::Ready(Some(StreamItem::Chunk(out)));
                    }
                },
            }
        }
    }

    fn close(
        &mut self,
        open: OpenStream,
        end: End,
        cause: Option<&dyn std::error::Error>,
        context: &mut Context<'_>,
    ) -> Poll<Option<StreamItem>> {
        let OpenStream { body, mut adapter, open, .. } = open;
        let outcome = adapter.outcome(end);
        let whole = outcome.is_final();
        if !whole {
            log_failure(&open, &outcome, cause);
        }
        let fault = || UpstreamFault::of_outcome(&outcome, UpstreamKind::Unavailable, &open.served.upstreams.keys);
        let fault = (!whole).then(fault);
        match open.settle(&outcome) {
            Ok(settling) => self.poll_settling(Box::new(Closing { settling, adapter, body, fault }), context),
            Err(fault) => Poll::Ready(Some(StreamItem::Broken(fault))),
        }
    }

    fn poll_settling(&mut self, mut closing: Box<Closing>, context: &mut Context<'_>) -> Poll<Option<StreamItem>> {
        let settled = Pin::new(&mut closing.settling).poll(context);
        let Poll::Ready(settled) = settled else {
            self.state = Some(StreamState::Settling(closing));
            return Poll::Pending;
        };
        let Closing { adapter, body, fault, .. } = *closing;
        match (settled, fault) {
            (Err(fault), _) => Poll::Ready(Some(StreamItem::Broken(fault))),
            (Ok(_), Some(fault)) => Poll::Ready(Some(StreamItem::Broken(Box::new(fault).into()))),
            (Ok(receipt), None) => self.give_end(Box::new(StreamEnd { adapter, receipt }), body),
        }
    }

    fn give_end(&mut self, end: Box<StreamEnd>, body: UpstreamBody) -> Poll<Option<StreamItem>> {
        self.state = Some(StreamState::Trailing(body));
        Poll::Ready(Some(StreamItem::End(end)))
    }

    /// Reads a detached stream on, for `drain` at most, and settles it.
    pub(super) async fn finish(mut self, drain: Duration) {
        let bound = self.client_gone().unwrap_or(drain);
        let _ended_or_cut = tokio::time::timeout(bound, self.run_out()).await;
    }

    /// Records that the client has left. Stops upstream at once where that stops the provider's bill and the usage is
    /// known; else says how long to read on, where that is less than the drain time.
    fn client_gone(&mut self) -> Option<Duration> {
        let Some(StreamState::Open(open)) = self.state.as_mut() else {
            return None;
        };
        open.open.client_gone();
        if !open.open.stop_ends_billing() {
            return None;
        }
        if open.open.may_reason() && open.adapter.has_produced() {
            return Some(LINGER);
        }
        self.take_arrived();
        self.cut_short();
        None
    }

    /// Takes the chunks that have arrived already: the end may be among them.
    fn take_arrived(&mut self) {
        let mut no_waker = Context::from_waker(Waker::noop());
        while let Poll::Ready(Some(_)) = self.poll_item(&mut no_waker) {}
    }

    /// Reads on to the end and settles.
    async fn run_out(&mut self) {
        while poll_fn(|context| Poll::Ready(ready!(self.poll_item(context)))).await.is_some() {}
    }

    /// Closes the upstream connection and settles with the usage known so far.
    fn cut_short(&mut self) {
        if let Some(StreamState::Open(open)) = self.state.take() {
            let OpenStream { body, mut adapter, open, .. } = *open;
            drop(body);
            match open.settle(&adapter.outcome(End::Cut)) {
                // It is seen through.
                Ok(settling) => drop(settling),
                Err(fault) => {
                    tracing::error!(%fault, "an abandoned request could not be settled; its hold is released");
                }
            }
        }
    }
}

/// Tells the operator why a stream of a provider has failed after its first event.
fn log_failure(open: &OpenRequest, outcome: &Outcome, cause: Option<&dyn std::error::Error>) {
    let (generation, vendor, model) = (open.generation, &*open.upstream.vendor.id, &*open.model.id);
    let dialect = open.upstream.dialect;
    let cause = match (cause, &outcome.error) {
        (Some(cause), _) => cause.to_string(),
        (None, Some(error)) => format!("it told an error: {:?}", error.kind),
        (None, None) => "it ended without its closing events".to_owned(),
    };
    tracing::warn!(%generation, vendor, model, %dialect, cause, "the provider's stream failed");
}

impl Drop for ChargedStream {
    fn drop(&mut self) {
        if let Some(StreamState::Open(mut open)) = self.stream.state.take() {
            open.open.client_gone();
            let detached = open.open.gateway.detached.clone();
            let stream = InFlightStream { state: Some(StreamState::Open(open)) };
            detached.push(Box::pin(stream.finish(detached.drain())));
        }
    }
}

/// Charges the usage known so far.
impl Drop for InFlightStream {
    fn drop(&mut self) {
        self.cut_short();
    }
}
