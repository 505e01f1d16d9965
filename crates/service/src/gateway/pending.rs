//! A request whose answer has not begun.

use super::reaper::{Abandoned, DetachedQueue};
use super::reply::Reply;
use crate::fault::Fault;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// The exchanges of a request, up to where its answer begins.
pub(super) type Running = Pin<Box<dyn Future<Output = Result<Reply, Fault>> + Send>>;

/// Resolves to the reply of a request. Dropping it unfinished detaches the request; dropping it before it was polled voids
/// its hold, since nothing was sent.
pub struct Pending {
    running: Option<Running>,
    /// Whether anything of it may have been sent.
    has_begun: bool,
    detached: DetachedQueue,
    abandoned: Abandoned,
}

impl Pending {
    pub(super) fn new(running: Running, detached: DetachedQueue, abandoned: Abandoned) -> Self {
        Self { running: Some(running), has_begun: false, detached, abandoned }
    }
}

impl Future for Pending {
    type Output = Result<Reply, Fault>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.has_begun = true;
        let Some(running) = self.running.as_mut() else {
            return Poll::Pending;
        };
        let outcome = std::task::ready!(running.as_mut().poll(context));
        self.running = None;
        Poll::Ready(outcome)
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if let Some(running) = self.running.take().filter(|_| self.has_begun) {
            self.abandoned.set();
            self.detached.push(Box::pin(finish(running, self.detached.drain())));
        }
    }
}

/// Waits for the answer, as long as its provider may take, then reads a streamed one for `drain` at most.
async fn finish(running: Running, drain: Duration) {
    if let Ok(Reply::Stream { stream, .. }) = running.await {
        stream.into_in_flight().finish(drain).await;
    }
}
