//! Work on large bodies, beside the threads that serve: it would hold up every other request of a thread.

use crate::fault::Fault;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bodies of up to so many bytes are worked on where they came in, which takes some milliseconds at most.
const SMALL_BYTES_MAX: usize = 256 << 10;

/// What an object or a list of a body takes while it is read and translated: some 530 bytes were measured for contents of
/// `gemini-generate`, 600 for items of `openai-responses`.
const VALUE_BYTES: usize = 640;

/// Gives work on large bodies to other threads, a few at once.
#[derive(Clone)]
pub struct LargeBodies {
    places: Arc<Semaphore>,
}

/// The right to work on a large body now.
pub(super) type LargePlace = OwnedSemaphorePermit;

impl LargeBodies {
    pub(super) fn new(at_once: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(at_once.clamp(1, Semaphore::MAX_PERMITS))) }
    }

    pub(super) const fn is_large(bytes: usize) -> bool {
        bytes > SMALL_BYTES_MAX
    }

    /// The memory that reading and translating a body may take: its text, and each of its objects and lists.
    pub(super) fn work_bytes(body: &[u8]) -> usize {
        let values = memchr::memchr2_iter(b'{', b'[', body).count();
        body.len().saturating_add(values.saturating_mul(VALUE_BYTES))
    }

    /// Waits for a place.
    pub(super) async fn place(&self) -> Result<LargePlace, Fault> {
        Arc::clone(&self.places).acquire_owned().await.map_err(|_| Fault::Closing)
    }

    /// Does work on `bytes` of content: here, or on another thread where they are many.
    ///
    /// # Errors
    /// [`Fault::Closing`] when the process ends.
    pub async fn run<T: Send + 'static>(
        &self,
        bytes: usize,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Fault> {
        if !Self::is_large(bytes) {
            return Ok(work());
        }
        // In a box, since whoever waits would otherwise have room for it.
        Box::pin(self.run_elsewhere(work)).await
    }

    async fn run_elsewhere<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Fault> {
        let place = self.place().await?;
        elsewhere(move || {
            let done = work();
            drop(place);
            done
        })
        .await
    }
}

/// Does work on another thread. A panic there is a panic here.
pub(super) async fn elsewhere<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Fault> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Ok(done),
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(Fault::Closing),
        },
    }
}
