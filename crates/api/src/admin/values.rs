//! Values that several requests have.

use opencredits_units::NanoUsd;
use serde::{Deserialize, Serialize};

/// An amount as operators write it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Amount {
    /// A decimal number of credits, at the gateway's credit price.
    Credits(String),
    /// Dollars.
    Usd(NanoUsd),
}

/// A value to set or to remove.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change<T> {
    /// There is none any more.
    Remove,
    /// It becomes this.
    To(T),
}
