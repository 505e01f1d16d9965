//! Stops a backup that nobody waits for any more.

use crate::error::BackupError;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A switch that ends a backup before it is finished. A clone is another handle to the same switch.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Makes the backup end with [`BackupError::Stopped`] soon.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Fails once it was stopped.
    pub(crate) fn check(&self) -> Result<(), BackupError> {
        if self.0.load(Ordering::Relaxed) { Err(BackupError::Stopped) } else { Ok(()) }
    }
}
