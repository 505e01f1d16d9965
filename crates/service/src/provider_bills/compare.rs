//! Compares what we booked with what a vendor billed. Pure.

use opencredits_units::{BasisPoints, CostClass, NanoUsd};
use std::collections::{BTreeMap, BTreeSet};

/// What a cost is of. Two rows are compared where all of it is equal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CostKey {
    /// The vendor.
    pub vendor: String,
    /// The day, counted from the epoch, UTC; the first one of several that are compared together.
    pub day: u64,
    /// The model, as the vendor names it, without a date; empty where the cost is of none.
    pub model: String,
    /// The class.
    pub class: CostClass,
}

/// A cost, as one side knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CostRow {
    /// What it is of.
    pub key: CostKey,
    /// The amount.
    pub amount: NanoUsd,
    /// Tokens or uses, where they are known.
    pub quantity: Option<u64>,
}

/// The difference that is no alarm. One above both bounds is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tolerance {
    /// The share of the larger figure.
    pub share: BasisPoints,
    /// The amount.
    pub minimum: NanoUsd,
}

/// Who knows a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KnownTo {
    /// Both sides.
    Both,
    /// Only we: the vendor has not billed it.
    Us,
    /// Only the vendor: no request of ours explains it.
    Provider,
}

impl KnownTo {
    /// The word in replies.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Both => "both",
            Self::Us => "us",
            Self::Provider => "provider",
        }
    }
}

/// Two figures and their difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Difference {
    /// What we booked.
    pub ours: NanoUsd,
    /// What the vendor billed.
    pub theirs: NanoUsd,
    /// Theirs less ours: above zero where the vendor bills more than we booked.
    pub amount: NanoUsd,
    /// The difference in hundredths of a percent of the larger figure, rounded towards zero.
    pub bps: i64,
}

/// A row of the comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// What it is of.
    pub key: CostKey,
    /// The figures.
    pub difference: Difference,
    /// Tokens or uses that we booked.
    pub our_quantity: Option<u64>,
    /// Tokens or uses that the vendor billed.
    pub their_quantity: Option<u64>,
    /// Who knows the model.
    pub known_to: KnownTo,
    /// Whether the difference is above the tolerance.
    pub beyond: bool,
}

impl Difference {
    /// The difference of two sums. What fits no integer becomes the largest one that does.
    #[must_use]
    pub fn of(ours: i128, theirs: i128) -> Self {
        let difference = theirs.saturating_sub(ours);
        let larger = ours.saturating_abs().max(theirs.saturating_abs());
        let bps = difference.saturating_mul(i128::from(BasisPoints::WHOLE)).checked_div(larger).unwrap_or(0);
        Self { ours: nano(ours), theirs: nano(theirs), amount: nano(difference), bps: nano(bps).get() }
    }

    /// Whether it is above a tolerance.
    #[must_use]
    pub fn is_beyond(&self, tolerance: Tolerance) -> bool {
        let above_minimum = self.amount.get().saturating_abs() > tolerance.minimum.get();
        above_minimum && self.bps.saturating_abs() > i64::from(tolerance.share.get())
    }
}

/// Clamped so that turning the sign loses nothing.
fn nano(sum: i128) -> NanoUsd {
    let max = i128::from(i64::MAX);
    NanoUsd::new(i64::try_from(sum.clamp(max.saturating_neg(), max)).unwrap_or(i64::MAX))
}

#[derive(Default)]
struct Side {
    amount: i128,
    quantity: Option<u64>,
}

impl Side {
    fn add(&mut self, row: &CostRow) {
        self.amount = self.amount.saturating_add(i128::from(row.amount.get()));
        self.quantity = match (self.quantity, row.quantity) {
            (Some(a), Some(b)) => Some(a.saturating_add(b)),
            (a, b) => a.or(b),
        };
    }
}

/// Every row of both sides, beside each other, in the order of their keys. The order of the input does not matter, and rows
/// of one key are added up.
#[must_use]
pub fn side_by_side(ours: &[CostRow], theirs: &[CostRow], tolerance: Tolerance) -> Vec<Drift> {
    let mut sums: BTreeMap<&CostKey, (Side, Side)> = BTreeMap::new();
    for row in ours {
        sums.entry(&row.key).or_default().0.add(row);
    }
    for row in theirs {
        sums.entry(&row.key).or_default().1.add(row);
    }
    let (us, them) = (models(ours), models(theirs));
    let drift = |(key, (ours, theirs)): (&CostKey, (Side, Side))| {
        let difference = Difference::of(ours.amount, theirs.amount);
        let model = model_of(key);
        let known_to = match (us.contains(&model), them.contains(&model)) {
            (true, false) => KnownTo::Us,
            (false, true) => KnownTo::Provider,
            _ => KnownTo::Both,
        };
        Drift {
            key: key.clone(),
            difference,
            our_quantity: ours.quantity,
            their_quantity: theirs.quantity,
            known_to,
            beyond: difference.is_beyond(tolerance),
        }
    };
    sums.into_iter().map(drift).collect()
}

/// The rows that differ.
///
/// ```
/// use opencredits_service::provider_bills::{CostKey, CostRow, Tolerance, compare};
/// use opencredits_units::{BasisPoints, CostClass, NanoUsd};
/// let key = CostKey { vendor: "v".into(), day: 20_000, model: "m".into(), class: CostClass::All };
/// let row = |nano| [CostRow { key: key.clone(), amount: NanoUsd::new(nano), quantity: None }];
/// let tolerance = Tolerance { share: BasisPoints::new(100), minimum: NanoUsd::new(1_000) };
/// assert!(compare(&row(1_000_000), &row(1_000_000), tolerance).is_empty());
/// let drift = &compare(&row(1_000_000), &row(1_030_000), tolerance)[0];
/// assert_eq!((drift.difference.amount.get(), drift.difference.bps, drift.beyond), (30_000, 291, true));
/// ```
#[must_use]
pub fn compare(ours: &[CostRow], theirs: &[CostRow], tolerance: Tolerance) -> Vec<Drift> {
    let all = side_by_side(ours, theirs, tolerance).into_iter();
    all.filter(|drift| drift.difference.amount != NanoUsd::ZERO).collect()
}

type ModelOf<'a> = (&'a str, u64, &'a str);

fn model_of(key: &CostKey) -> ModelOf<'_> {
    (&key.vendor, key.day, &key.model)
}

fn models(rows: &[CostRow]) -> BTreeSet<ModelOf<'_>> {
    rows.iter().map(|row| model_of(&row.key)).collect()
}
