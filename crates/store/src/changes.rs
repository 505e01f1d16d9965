//! What tells processes of each other's changes: port.

use crate::traits::StoreError;
use async_trait::async_trait;

/// Tells the other processes of the same service that something has changed which they may keep in memory. It does not say what:
/// who hears of a change reads anew what it keeps.
#[async_trait]
pub trait Changes: Send + Sync {
    /// Raises the version by one and returns it, and tells those who listen, if the engine can. The change itself is committed before:
    /// who hears of it must find it.
    async fn announce(&self) -> Result<u64, StoreError>;
    /// The version: 0 before the first change. It is compared for being another one, since a restored backup may have a lower one.
    async fn version(&self) -> Result<u64, StoreError>;
}
