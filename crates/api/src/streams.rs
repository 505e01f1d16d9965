//! The body of a streamed answer.

use crate::app::App;
use crate::errors::ApiSurface;
use crate::framing::{ArrayWriter, Framing};
use crate::{faults, inference, usage};
use bytes::Bytes;
use http_body::{Body, Frame};
use opencredits_service::{ChargedStream, Pending, Reply, StreamItem, Whole};
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::time::{Interval, MissedTickBehavior, interval};

/// A comment that every reader of server-sent events skips.
const KEEP_ALIVE: &[u8] = b": keep-alive\n\n";

/// What a streamed answer comes from.
pub(crate) enum Source {
    /// No provider has answered yet.
    Waiting(Pending),
    /// One does.
    Flowing(Box<ChargedStream>),
    /// Everything was said.
    Ended,
}

/// Passes the pieces of a [`ChargedStream`] on, and a comment where the provider is silent.
pub(crate) struct StreamBody {
    source: Source,
    app: Arc<App>,
    surface: ApiSurface,
    request_id: String,
    /// Where the answer is an array.
    array: Option<ArrayWriter>,
    silence: Interval,
    /// Whether anything has passed since the last tick.
    passed: bool,
}

impl StreamBody {
    pub(crate) fn new(
        source: Source,
        app: Arc<App>,
        (surface, framing): (ApiSurface, Framing),
        request_id: String,
    ) -> Self {
        let mut silence = interval(app.settings.keep_alive);
        silence.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first tick comes at once: where a stream flows that is no silence.
        let passed = matches!(source, Source::Flowing(_));
        let array = (framing == Framing::Array).then(ArrayWriter::default);
        Self { source, app, surface, request_id, array, silence, passed }
    }

    /// The next bytes of the answer; `None` at its end.
    fn poll_answer(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        loop {
            match &mut self.source {
                Source::Ended => return Poll::Ready(None),
                Source::Flowing(stream) => {
                    let piece = ready!(stream.poll_item(context));
                    return Poll::Ready(piece.map(|piece| self.said(piece)));
                }
                Source::Waiting(pending) => {
                    let reply = ready!(Pin::new(pending).poll(context));
                    self.source = Source::Ended;
                    match reply {
                        Ok(Reply::Stream { stream, .. }) => self.source = Source::Flowing(Box::new(stream)),
                        Ok(Reply::Whole(whole)) => return Poll::Ready(Some(self.whole(&whole))),
                        Err(fault) => return Poll::Ready(Some(self.said(StreamItem::Broken(fault)))),
                    }
                }
            }
        }
    }

    fn said(&self, piece: StreamItem) -> Bytes {
        match piece {
            StreamItem::Chunk(bytes) => bytes,
            StreamItem::End(last) => last.tap.close(&usage::extras(&last.receipt, &self.app.settings)),
            StreamItem::Broken(fault) => {
                faults::problem(&fault, &self.app.settings).into_event(self.surface, &self.request_id).into()
            }
        }
    }

    /// A provider that streams nothing answered after the head had gone: its answer is one event.
    fn whole(&self, whole: &Whole) -> Bytes {
        let body = inference::whole_body(&self.app, whole);
        let line = body.into_iter().map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { byte });
        b"data: ".iter().copied().chain(line).chain(*b"\n\n").collect()
    }

    fn poll_silence(&mut self, context: &mut Context<'_>) -> Poll<Bytes> {
        loop {
            ready!(self.silence.poll_tick(context));
            let quiet = !std::mem::take(&mut self.passed);
            let fits = match &self.source {
                Source::Waiting(_) => true,
                Source::Flowing(stream) => stream.is_between_events(),
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
            // The end of an array has to be said.
            Poll::Ready(None) => self.array.take().map(|array| array.end()),
            Poll::Ready(Some(bytes)) => {
                self.passed = true;
                Some(self.array.as_mut().map(|array| array.elements(&bytes)).unwrap_or(bytes))
            }
        };
        Poll::Ready(bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}
