//! A request to read the config again, and what it changes.

use opencredits_service::config::{NeedsRestart, ReloadPlan, SettingChange};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;

/// A request to read the config again.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReloadRequest {
    /// Whether it is put into force; otherwise it is only compared.
    #[serde(default)]
    pub apply: bool,
    /// A text to compare in place of the file's. It is never put into force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// A config may hold secrets.
impl fmt::Debug for ReloadRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.text.as_ref().map(|text| format!("{} bytes", text.len()));
        f.debug_struct("ReloadRequest").field("apply", &self.apply).field("text", &text).finish()
    }
}

/// What reading the config again changes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReloadView {
    /// Whether it is in force; otherwise it was only compared.
    pub applied: bool,
    /// The config file of the process; none where it was started without one.
    pub config: Option<PathBuf>,
    /// What changes.
    pub changes: Vec<SettingChange>,
    /// What keeps its value until the next start.
    pub needs_restart: Vec<NeedsRestart>,
    /// What may not be intended.
    pub notices: Vec<String>,
}

impl From<ReloadPlan> for ReloadView {
    fn from(plan: ReloadPlan) -> Self {
        let ReloadPlan { changes, needs_restart } = plan;
        Self { changes, needs_restart, ..Self::default() }
    }
}
