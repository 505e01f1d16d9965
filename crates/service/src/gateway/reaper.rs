//! What becomes of a request whose client has gone: it is carried to its end within bounds, so that it is billed
//! for what it used, no more and no less.

use super::reply::Reply;
use super::stream::InFlightStream;
use crate::fault::Fault;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::mpsc;

/// A request on its candidate to an answer.
pub(super) type Running = Pin<Box<dyn Future<Output = Result<Reply, Fault>> + Send>>;

/// A request that nobody waits for any more.
pub(super) enum DetachedRequest {
    /// No answer had begun.
    Running(Running),
    /// The answer was being streamed.
    Streaming(InFlightStream),
}

/// Takes orphans in. Where it is full, or closed at the end of the process, an orphan is dropped, and settles with what is
/// known of it: no hold is left behind.
#[derive(Clone)]
pub(super) struct DetachedQueue(mpsc::Sender<DetachedRequest>);

impl DetachedQueue {
    pub(super) fn adopt(&self, orphan: DetachedRequest) {
        if let Err(refused) = self.0.try_send(orphan) {
            tracing::warn!("too many abandoned requests at once; one is charged by what it has produced so far");
            drop(refused);
        }
    }
}

/// Bounds on carrying abandoned requests to their end.
#[derive(Debug, Clone, Copy)]
pub struct DrainLimits {
    /// How many at once.
    pub drains_max: usize,
    /// How long each.
    pub drain: Duration,
}

/// Carries orphans to their end; runs as one task of the process until the gateway is gone. Dropping it settles all of them
/// with what is known.
pub struct Reaper {
    orphans: mpsc::Receiver<DetachedRequest>,
    limits: DrainLimits,
}

pub(super) fn reaper(limits: DrainLimits) -> (DetachedQueue, Reaper) {
    let (sender, orphans) = mpsc::channel(limits.drains_max.max(1));
    (DetachedQueue(sender), Reaper { orphans, limits })
}

impl Reaper {
    /// Runs until the gateway is gone, then until the last orphan is settled.
    pub async fn run(mut self) {
        let mut carried = FuturesUnordered::new();
        loop {
            tokio::select! {
                orphan = self.orphans.recv(), if carried.len() < self.limits.drains_max.max(1) => match orphan {
                    Some(orphan) => carried.push(carry(orphan, self.limits.drain)),
                    None => break,
                },
                Some(_) = carried.next(), if !carried.is_empty() => {}
            }
        }
        while carried.next().await.is_some() {}
    }
}

/// Waits for the answer, as long as its provider may take, then reads it for so long; what is cut settles with what is known.
async fn carry(orphan: DetachedRequest, drain: Duration) {
    let mut stream = match orphan {
        DetachedRequest::Streaming(stream) => stream,
        DetachedRequest::Running(running) => match running.await {
            Ok(Reply::Stream { stream, .. }) => stream.into_course(),
            Ok(Reply::Whole(_)) | Err(_) => return,
        },
    };
    let bound = stream.client_gone().unwrap_or(drain);
    let _whole_or_cut = tokio::time::timeout(bound, stream.run_out()).await;
}

/// A request that goes on without its client: dropping it unfinished hands it to the [`Reaper`].
pub struct Pending {
    running: Option<Running>,
    detached: DetachedQueue,
    abandoned: Abandoned,
}

/// Whether nobody waits for a request any more.
#[derive(Clone, Default)]
pub(super) struct Abandoned(Arc<AtomicBool>);

impl Abandoned {
    pub(super) fn is_so(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Pending {
    pub(super) fn new(running: Running, detached: DetachedQueue, abandoned: Abandoned) -> Self {
        Self { running: Some(running), detached, abandoned }
    }
}

impl Future for Pending {
    type Output = Result<Reply, Fault>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
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
        if let Some(running) = self.running.take() {
            self.abandoned.0.store(true, Ordering::Relaxed);
            self.detached.adopt(DetachedRequest::Running(running));
        }
    }
}
