//! The port that reads the config again.

use super::reload_view::{ReloadRequest, ReloadView};
use super::reply::Refusal;
use async_trait::async_trait;

/// Reads the config of the process again.
#[async_trait]
pub trait ConfigReload: Send + Sync {
    /// Checks the config as it is now, and serves by it where that is asked for. What is wrong changes nothing.
    ///
    /// # Errors
    /// When there is no config file, or something in it is wrong; the words name the setting.
    async fn reload(&self, request: ReloadRequest) -> Result<ReloadView, Refusal>;
}
