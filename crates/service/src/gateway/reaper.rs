//! Detached requests: their client has disconnected. The reaper runs each to its end within bounds, so that it is charged
//! for its usage, no more and no less.

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;

/// The rest of a detached request. Dropping it unfinished settles the request with the usage known so far.
pub(super) type DetachedRequest = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Bounds on running detached requests to their end.
#[derive(Debug, Clone, Copy)]
pub struct DrainLimits {
    /// How many at once.
    pub drains_max: usize,
    /// How long each is read on.
    pub drain: Duration,
}

/// Hands detached requests to the [`Reaper`]. A request that the queue refuses (it is full, or the process ends) is
/// dropped, which settles it: no hold is left behind.
#[derive(Clone)]
pub(super) struct DetachedQueue {
    requests: mpsc::Sender<DetachedRequest>,
    drain: Duration,
}

impl DetachedQueue {
    pub(super) fn push(&self, request: DetachedRequest) {
        if let Err(refused) = self.requests.try_send(request) {
            tracing::warn!("too many abandoned requests at once; one is charged by what it has produced so far");
            drop(refused);
        }
    }

    /// How long a detached stream is read on at most.
    pub(super) const fn drain(&self) -> Duration {
        self.drain
    }
}

/// Runs detached requests to their end, as one task of the process, until the gateway is gone. Dropping it settles all of
/// them with the usage known so far.
pub struct Reaper {
    requests: mpsc::Receiver<DetachedRequest>,
    at_once_max: usize,
}

/// A queue and the reaper at its other end.
pub(super) fn reaper(limits: DrainLimits) -> (DetachedQueue, Reaper) {
    let at_once_max = limits.drains_max.max(1);
    let (sender, requests) = mpsc::channel(at_once_max);
    (DetachedQueue { requests: sender, drain: limits.drain }, Reaper { requests, at_once_max })
}

impl Reaper {
    /// Runs until the gateway is gone, then until the last detached request is settled.
    pub async fn run(mut self) {
        let mut running = FuturesUnordered::new();
        loop {
            tokio::select! {
                request = self.requests.recv(), if running.len() < self.at_once_max => match request {
                    Some(request) => running.push(request),
                    None => break,
                },
                Some(()) = running.next(), if !running.is_empty() => {}
            }
        }
        while running.next().await.is_some() {}
    }
}

/// Set when the client has disconnected before an answer began.
#[derive(Clone, Default)]
pub(super) struct Abandoned(Arc<AtomicBool>);

impl Abandoned {
    pub(super) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
