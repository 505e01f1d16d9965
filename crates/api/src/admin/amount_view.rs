//! Amounts in the form that operators read.

use opencredits_units::{CreditPrice, NanoUsd};
use serde::{Deserialize, Serialize};

/// An amount in both units: as it is posted, and as it is shown to people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AmountView {
    /// In dollars.
    pub usd: NanoUsd,
    /// In credits.
    pub credits: String,
}

impl AmountView {
    pub(super) fn new(usd: NanoUsd, price: CreditPrice) -> Self {
        Self { usd, credits: price.show(usd).to_string() }
    }
}
