//! Work on large bodies, beside the threads that serve: it would hold up every other request of a thread.

use crate::fault::Fault;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bodies of up to so many bytes are worked on where they came in, which takes some milliseconds at most.
const SMALL_BYTES_MAX: usize = 256 << 10;

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
