//! Reads the config again, while the process runs.

use super::answer::{Admin, Answer};
use super::config_reload::ConfigReload;
use super::reload_view::ReloadRequest;
use super::reply::{AdminReply, Refusal};
use std::sync::Arc;

impl Admin {
    /// Answers about the config by this.
    #[must_use]
    pub fn of_reload(mut self, reload: Arc<dyn ConfigReload>) -> Self {
        self.reload = Some(reload);
        self
    }

    pub(super) async fn reload(&self, request: ReloadRequest) -> Answer {
        let Some(reload) = &self.reload else {
            return Err(Refusal::invalid(
                "no gateway runs here that reads a config; one reads it when it starts, and test mode follows the live one",
            ));
        };
        if request.apply && request.text.is_some() {
            return Err(Refusal::invalid("a text is only compared; write it into the config file, then reload"));
        }
        Ok(AdminReply::Reloaded { reload: reload.reload(request).await? })
    }
}
