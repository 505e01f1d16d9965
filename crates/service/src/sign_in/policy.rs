//! Who may sign up, and how often somebody may try, as the operator sets it.

use opencredits_identity::{Limit, Limits};
use serde::{Deserialize, Serialize};

/// Whether people make accounts themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SignUp {
    /// Whoever proves an address gets an account.
    Open,
    /// Only people whom the operator has added sign in.
    Closed,
}

/// The limits of an action, in attempts an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActionLimits {
    /// For one address.
    pub address: u32,
    /// From one network.
    pub network: u32,
    /// In all.
    pub overall: u32,
}

/// The limits of signing in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignInLimits {
    /// Of mails with a code, and of those with a link.
    pub mails: ActionLimits,
    /// Of answers.
    pub answers: ActionLimits,
}

/// A /48 of IPv6 may have so many times what a network may.
const SITE_FACTOR: u32 = 4;
/// An hour, in ms.
pub(super) const HOUR_MS: u64 = 3_600_000;

impl ActionLimits {
    /// A whole hour's attempts may be made at once; then they come back one by one. None where a figure is zero.
    pub(super) fn limits(self) -> Option<Limits> {
        let limit = |count: u32| Limit::new(count, HOUR_MS.checked_div(u64::from(count)).unwrap_or(HOUR_MS).max(1));
        Some(Limits {
            address: limit(self.address)?,
            network: limit(self.network)?,
            site: limit(self.network.saturating_mul(SITE_FACTOR))?,
            overall: limit(self.overall)?,
        })
    }
}
