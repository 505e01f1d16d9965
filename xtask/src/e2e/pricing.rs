//! The prices that charges are checked against.

use crate::gateway::Rates;

/// What the operator adds where the config names nothing else.
pub(super) const MARKUP_BPS: i128 = 2_500;

/// What the replayed models cost.
pub(super) const PRICE: Rates = Rates {
    input: 3_000_000,
    cache_read: 300_000,
    cache_write_5m: 3_750_000,
    cache_write_1h: 6_000_000,
    output: 15_000_000,
};

/// What is known of a model's charges before any is made.
pub(super) struct Known {
    /// `None` where its lines' own rates hold.
    pub(super) rates: Option<Rates>,
    /// What its recording costs the operator, where it has one that reports its usage.
    pub(super) recorded_pico: Option<i128>,
    pub(super) may_be_estimated: bool,
}
