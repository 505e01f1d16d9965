//! What becomes of a request whose client has gone: it is carried to its end within bounds, so that it is billed
//! for what it used, no more and no less.

use super::reply::Reply;
use super::stream::Course;
use crate::fault::Fault;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};

/// A request on its way to an answer.
pub(super) type Running = Pin<Box<dyn Future<Output = Result<Reply, Fault>> + Send>>;

/// A request that nobody waits for any more.
pub(super) enum Orphan {
    /// No answer had begun.
    Running(Running),
    /// The answer was being streamed.
    Streaming(Course),
}

/// Takes orphans in. Where it is full, an orphan is dropped: its hold then ends by its expiry.
#[derive(Clone)]
pub(super) struct Orphanage(mpsc::Sender<Orphan>);

impl Orphanage {
    pub(super) fn adopt(&self, orphan: Orphan) {
        if self.0.try_send(orphan).is_err() {
            tracing::warn!("too many abandoned requests at once; the hold of one will end by its expiry");
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

/// Carries orphans to their end; runs as one task of the process until the gateway is gone.
pub struct Drainer {
    orphans: mpsc::Receiver<Orphan>,
    limits: DrainLimits,
}

pub(super) fn drainer(limits: DrainLimits) -> (Orphanage, Drainer) {
    let (sender, orphans) = mpsc::channel(limits.drains_max.max(1));
    (Orphanage(sender), Drainer { orphans, limits })
}

impl Drainer {
    /// Runs until the gateway is gone, then until the last orphan is settled.
    pub async fn run(mut self) {
        let places = Arc::new(Semaphore::new(self.limits.drains_max));
        let mut tasks = tokio::task::JoinSet::new();
        while let Some(orphan) = self.orphans.recv().await {
            while tasks.try_join_next().is_some() {}
            let Ok(place) = Arc::clone(&places).acquire_owned().await else {
                break;
            };
            let bound = self.limits.drain;
            tasks.spawn(async move {
                carry(orphan, bound).await;
                drop(place);
            });
        }
        while tasks.join_next().await.is_some() {}
    }
}

async fn carry(orphan: Orphan, bound: Duration) {
    let mut course = match orphan {
        Orphan::Streaming(course) => course,
        Orphan::Running(running) => match running.await {
            Ok(Reply::Stream { stream, .. }) => stream.into_course(),
            Ok(Reply::Whole(_)) | Err(_) => return,
        },
    };
    course.client_gone();
    if tokio::time::timeout(bound, course.run_out()).await.is_err() {
        course.cut_short();
    }
}

/// A request that goes on without its client: dropping it unfinished hands it to the [`Drainer`].
pub struct Pending {
    running: Option<Running>,
    orphanage: Orphanage,
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
    pub(super) fn new(running: Running, orphanage: Orphanage, abandoned: Abandoned) -> Self {
        Self { running: Some(running), orphanage, abandoned }
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
            self.orphanage.adopt(Orphan::Running(running));
        }
    }
}
