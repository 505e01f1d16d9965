//! What a backup has to do with who waits for it.

use crate::error::BackupError;
use opencredits_units::Progress;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A switch that ends a backup before it is finished, and the place where the backup tells how far it is. A clone is
/// another handle to the same switch.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    is_stopped: Arc<AtomicBool>,
    progress: Progress,
}

impl Stop {
    /// A switch of a backup that tells its progress here.
    #[must_use]
    pub fn telling(progress: &Progress) -> Self {
        Self { progress: progress.clone(), ..Self::default() }
    }

    /// Makes the backup end with [`BackupError::Stopped`] soon.
    pub fn stop(&self) {
        self.is_stopped.store(true, Ordering::Relaxed);
    }

    /// How far the backup is.
    pub(crate) const fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Fails once it was stopped.
    pub(crate) fn check(&self) -> Result<(), BackupError> {
        if self.is_stopped.load(Ordering::Relaxed) { Err(BackupError::Stopped) } else { Ok(()) }
    }
}
