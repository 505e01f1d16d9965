//! What people and unregistered apps may do.

use opencredits_units::NanoUsd;

/// Whether apps that are not registered may ask for keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unregistered {
    /// They are refused.
    Refused,
    /// They may, and a person is warned. No key of theirs may spend more than this.
    CapMax(NanoUsd),
}

/// The caps of connected apps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionTerms {
    /// The cap of an app where the person chooses none.
    pub cap_default: NanoUsd,
    /// The highest cap that a person may choose.
    pub cap_max: NanoUsd,
    /// Apps that are not registered.
    pub unregistered: Unregistered,
}

impl Default for ConnectionTerms {
    fn default() -> Self {
        Self {
            cap_default: NanoUsd::new(10_000_000_000),
            cap_max: NanoUsd::new(1_000_000_000_000),
            unregistered: Unregistered::Refused,
        }
    }
}
