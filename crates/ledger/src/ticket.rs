//! The result of a decision, and a future that waits until it is on disk.

use crate::error::LedgerError;
use crate::persister::Core;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// A decision that every reader sees already. It may not be on disk yet.
#[must_use = "say whether to wait for the disk: `accepted()`, `durable().await` or `wait()`"]
pub struct Accepted<T> {
    /// The outcome.
    pub value: T,
    pub(crate) mark: u64,
    pub(crate) core: Arc<Core>,
}

impl<T> Accepted<T> {
    /// The outcome, without waiting: it is on disk with the next batch.
    pub fn accepted(self) -> T {
        self.value
    }

    /// Resolves once the decision is on disk.
    pub fn durable(&self) -> Durable {
        self.core.hurry(self.mark);
        Durable { mark: self.mark, core: Arc::clone(&self.core) }
    }

    /// Blocks until the decision is on disk.
    ///
    /// # Errors
    /// [`LedgerError::CommitUnknown`] when the commit failed.
    pub fn wait(self) -> Result<T, LedgerError> {
        self.core.hurry(self.mark);
        self.core.progress.wait(self.mark)?;
        Ok(self.value)
    }
}

/// Resolves once a decision is on disk; fails with [`LedgerError::CommitUnknown`] when the commit failed.
#[must_use = "a future does nothing unless it is polled"]
pub struct Durable {
    mark: u64,
    core: Arc<Core>,
}

impl Future for Durable {
    type Output = Result<(), LedgerError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.core.progress.poll(self.mark, context.waker())
    }
}
