//! The body of a streamed answer.

use crate::app::App;
use crate::errors::Skin;
use crate::{faults, usage};
use bytes::Bytes;
use http_body::{Body, Frame};
use opencredits_service::{ChargedStream, Piece};
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::time::{Interval, MissedTickBehavior, interval};

/// A comment that every reader of server-sent events skips.
const KEEP_ALIVE: &[u8] = b": keep-alive\n\n";

/// Passes the pieces of a [`ChargedStream`] on, and a comment where the provider is silent.
pub(crate) struct StreamBody {
    stream: ChargedStream,
    app: Arc<App>,
    skin: Skin,
    request_id: String,
    silence: Interval,
    /// Whether anything has passed since the last tick.
    passed: bool,
}

impl StreamBody {
    pub(crate) fn new(stream: ChargedStream, app: Arc<App>, skin: Skin, request_id: String) -> Self {
        let mut silence = interval(app.face.keep_alive);
        silence.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first tick comes at once, and is no silence.
        Self { stream, app, skin, request_id, silence, passed: true }
    }

    fn poll_silence(&mut self, context: &mut Context<'_>) -> Poll<Bytes> {
        loop {
            std::task::ready!(self.silence.poll_tick(context));
            let quiet = !std::mem::take(&mut self.passed);
            if quiet && self.stream.is_between_events() {
                return Poll::Ready(Bytes::from_static(KEEP_ALIVE));
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
        let bytes = match self.stream.poll_piece(context) {
            Poll::Pending => std::task::ready!(self.poll_silence(context)),
            Poll::Ready(None) => return Poll::Ready(None),
            Poll::Ready(Some(Piece::Chunk(bytes))) => bytes,
            Poll::Ready(Some(Piece::Last(last))) => {
                let extras = usage::extras(&last.receipt, &self.app.face);
                last.tap.close(&extras)
            }
            Poll::Ready(Some(Piece::Broken(fault))) => {
                let problem = faults::problem(&fault, &self.app.face);
                problem.into_event(self.skin, &self.request_id).into()
            }
        };
        self.passed = true;
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }
}
