//! `[connections]`: the apps that people connect.

use crate::connections::{ConnectionTerms, Unregistered};
use opencredits_units::NanoUsd;
use serde::{Deserialize, Serialize};

/// `[connections]`: the apps that people connect.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConnectionSection {
    /// What an app may spend where a person chooses nothing else, in dollars, as a decimal string. Default "10".
    pub default_cap_usd: NanoUsd,
    /// The most that a person may let an app spend, in dollars, as a decimal string. Default "1000".
    pub cap_usd_max: NanoUsd,
    /// Whether apps that are not registered may ask for keys, by `/auth`. Default false.
    pub unregistered_apps: bool,
    /// The most that a key of such an app may spend, in dollars, as a decimal string. Default "5".
    pub unregistered_cap_usd: NanoUsd,
}

impl ConnectionSection {
    /// The terms of connected apps.
    #[must_use]
    pub const fn terms(&self) -> ConnectionTerms {
        let unregistered = match self.unregistered_apps {
            true => Unregistered::CapMax(self.unregistered_cap_usd),
            false => Unregistered::Refused,
        };
        ConnectionTerms { cap_default: self.default_cap_usd, cap_max: self.cap_usd_max, unregistered }
    }
}

impl Default for ConnectionSection {
    fn default() -> Self {
        Self {
            default_cap_usd: NanoUsd::new(10_000_000_000),
            cap_usd_max: NanoUsd::new(1_000_000_000_000),
            unregistered_apps: false,
            unregistered_cap_usd: NanoUsd::new(5_000_000_000),
        }
    }
}
