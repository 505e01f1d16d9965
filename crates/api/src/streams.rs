//! The body of a streamed answer.

use crate::framing::{ArrayWriter, Framing};
use crate::state::App;
use crate::surface::surface_of_api;
use crate::{faults, usage};
use bytes::Bytes;
use http_body::{Body, Frame};
use metrics::Gauge;
use opencredits_sanitizer::Api;
use opencredits_service::access::RequestTrace;
use opencredits_service::{ChargedStream, Pending, Reply, StreamItem, WholeAnswer};
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Interval, MissedTickBehavior, interval};

/// A comment that every SSE parser skips.
const KEEP_ALIVE: &[u8] = b": keep-alive\n\n";

/// The source of a streamed answer.
pub(crate) enum Source {
    /// No provider has answered yet.
    Waiting(Pending),
    /// A provider streams its answer.
    Streaming(Box<ChargedStream>),
    /// The answer is complete.
    Ended,
}

/// How a stream reaches the client.
#[derive(Clone, Copy)]
pub(crate) struct StreamForm {
    /// The API, for errors.
    pub(crate) api: Api,
    pub(crate) framing: Framing,
    /// The silence after which it gets a comment.
    pub(crate) keep_alive: Duration,
}

/// Passes on the items of a [`ChargedStream`], and comments while the provider is silent.
pub(crate) struct StreamBody {
    source: Source,
    app: Arc<App>,
    api: Api,
    request_id: String,
    trace: Arc<RequestTrace>,
    /// Set where the answer is a JSON array.
    array: Option<ArrayWriter>,
    silence: Interval,
    /// Whether bytes have passed since the last tick.
    passed: bool,
    _counted: CountedStream,
}

/// Counts a stream for as long as it lasts.
struct CountedStream(Gauge);

impl CountedStream {
    fn new(gauge: Gauge) -> Self {
        gauge.increment(1.0);
        Self(gauge)
    }
}

impl Drop for CountedStream {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

impl StreamBody {
    /// A body for the request with this id and trace.
    pub(crate) fn new(
        source: Source,
        app: Arc<App>,
        form: StreamForm,
        (request_id, trace): (String, Arc<RequestTrace>),
    ) -> Self {
        trace.stream_begun();
        let mut silence = interval(form.keep_alive);
        silence.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first tick comes at once, and is no silence where the answer has begun.
        let passed = matches!(source, Source::Streaming(_));
        let counted = CountedStream::new(app.gateway.streams_open().clone());
        let array = (form.framing == Framing::Array).then(ArrayWriter::default);
        Self { source, app, api: form.api, request_id, trace, array, silence, passed, _counted: counted }
    }

    /// The next bytes of the answer; `None` at its end.
    fn poll_answer(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        loop {
            match &mut self.source {
                Source::Ended => return Poll::Ready(None),
                Source::Streaming(stream) => {
                    let item = ready!(stream.poll_item(context));
                    return Poll::Ready(item.map(|item| self.bytes_of(item)));
                }
                Source::Waiting(pending) => {
                    let reply = ready!(Pin::new(pending).poll(context));
                    self.source = Source::Ended;
                    match reply {
                        Ok(Reply::Stream { stream, .. }) => self.source = Source::Streaming(Box::new(stream)),
                        Ok(Reply::Whole(whole)) => return Poll::Ready(Some(self.as_event(&whole))),
                        Err(fault) => return Poll::Ready(Some(self.bytes_of(StreamItem::Broken(fault)))),
                    }
                }
            }
        }
    }

    fn bytes_of(&self, item: StreamItem) -> Bytes {
        match item {
            StreamItem::Chunk(bytes) => bytes,
            StreamItem::End(end) => {
                self.trace.stream_ended();
                let charged = usage::estimated(&end.receipt);
                end.adapter.close(&usage::extras(&end.receipt, &self.app.settings), charged.as_ref())
            }
            StreamItem::Broken(fault) => {
                let problem = faults::problem(&fault, &self.app.settings);
                self.trace.failed(problem.kind().row().error_type);
                problem.count(&self.app.gateway, self.api);
                problem.into_event(surface_of_api(self.api), &self.request_id).into()
            }
        }
    }

    /// A whole answer that came after the response's head was sent: it becomes one event.
    fn as_event(&self, answer: &WholeAnswer) -> Bytes {
        self.trace.stream_ended();
        let body = usage::Charged::of(&answer.receipt, &self.app.settings).written_into(&answer.body);
        let line = body.into_iter().map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { byte });
        b"data: ".iter().copied().chain(line).chain(*b"\n\n").collect()
    }

    fn poll_silence(&mut self, context: &mut Context<'_>) -> Poll<Bytes> {
        loop {
            ready!(self.silence.poll_tick(context));
            let quiet = !std::mem::take(&mut self.passed);
            let fits = match &self.source {
                Source::Waiting(_) => true,
                Source::Streaming(stream) => stream.is_between_events(),
                Source::Ended => false,
            };
            if quiet && fits {
                let comment = Bytes::from_static(KEEP_ALIVE);
                return Poll::Ready(self.array.as_ref().map_or(comment, |_| ArrayWriter::keep_alive()));
            }
        }
    }
}

impl Body for StreamBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let bytes = match self.poll_answer(context) {
            Poll::Pending => Some(ready!(self.poll_silence(context))),
            // An array needs its closing bracket.
            Poll::Ready(None) => self.array.take().map(|array| array.end()),
            Poll::Ready(Some(bytes)) => {
                self.passed = true;
                Some(self.array.as_mut().map(|array| array.elements(&bytes)).unwrap_or(bytes))
            }
        };
        Poll::Ready(bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}
