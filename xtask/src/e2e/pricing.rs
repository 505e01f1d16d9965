//! The prices that charges are checked against.

use crate::gateway::Rates;

/// What the operator adds where the config names nothing else.
pub(super) const MARKUP_BPS: i128 = 2_500;

/// What is known of a model's charges before any is made.
pub(super) struct Known {
    pub(super) rates: Rates,
    /// What its recording costs the operator, where it has one that reports its usage.
    pub(super) recorded_pico: Option<i128>,
    pub(super) may_be_estimated: bool,
}
