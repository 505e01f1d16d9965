//! `[privacy]`: people's data.

use super::secret::SecretText;
use serde::{Deserialize, Serialize};

/// The longest grace period of a deletion, in days: people have a right to it within a month.
const GRACE_DAYS_MAX: u32 = 30;

/// `[privacy]`: people's data.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct PrivacySettings {
    /// The keys that addresses are encrypted with: 64 hexadecimal digits each, the newest first, separated by spaces.
    pub address_keys: Option<SecretText>,
    /// A file with the keys. Without either setting, the systemd credential `opencredits-address-keys` holds.
    pub address_keys_file: Option<String>,
    /// The days from a person's wish to delete their account to the deletion, in which they can call it off. Default 14.
    pub deletion_grace_days: u32,
}

impl Default for PrivacySettings {
    fn default() -> Self {
        Self { address_keys: None, address_keys_file: None, deletion_grace_days: 14 }
    }
}

impl PrivacySettings {
    /// The first problem of this section, and its remedy.
    pub(super) fn problem(&self) -> Option<(&'static str, &'static str)> {
        if self.address_keys.is_some() && self.address_keys_file.is_some() {
            return Some(("privacy.address_keys_file", "is set besides privacy.address_keys; remove one of them"));
        }
        let is_long = self.deletion_grace_days > GRACE_DAYS_MAX;
        is_long.then_some(("privacy.deletion_grace_days", "exceeds 30; people have a right to it within a month"))
    }
}
