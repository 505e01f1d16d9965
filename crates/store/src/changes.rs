//! What tells processes of each other's changes: records and port.

use crate::traits::StoreError;
use async_trait::async_trait;

/// What has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// What is in the store: people, keys, prices and the like.
    Data,
    /// The config, which each process reads from a file of its own.
    Config,
}

/// How much has changed so far. Versions are compared for being others, since a restored backup may have lower ones.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Versions {
    /// The number of all changes.
    pub changes: u64,
    /// The number of those that were of the config.
    pub configs: u64,
}

impl Versions {
    /// The versions after one more change.
    #[must_use]
    pub const fn after(self, change: Change) -> Self {
        let configs = match change {
            Change::Data => self.configs,
            Change::Config => self.configs.saturating_add(1),
        };
        Self { changes: self.changes.saturating_add(1), configs }
    }
}

/// Tells the other processes of the same service that something has changed which they may keep in memory. It does not say what of the
/// data it was: who hears of a change reads anew what it keeps.
#[async_trait]
pub trait Changes: Send + Sync {
    /// Counts a change and returns the versions, and tells those who listen, if the engine can. The change itself is committed before:
    /// who hears of it must find it.
    async fn announce(&self, change: Change) -> Result<Versions, StoreError>;
    /// The versions; both are 0 before the first change.
    async fn versions(&self) -> Result<Versions, StoreError>;
}
