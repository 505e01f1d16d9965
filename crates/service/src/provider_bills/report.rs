//! The outcome of a comparison.

use super::compare::{Difference, Drift, Tolerance};
use opencredits_units::NanoUsd;

/// A comparison of what we booked with what vendors billed, for a day or several days together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderReport {
    /// The first day, counted from the epoch, UTC.
    pub from: u64,
    /// The last day.
    pub to: u64,
    /// The tolerance.
    pub tolerance: Tolerance,
    /// Every class of every model, whether it differs or not.
    pub rows: Vec<Drift>,
    /// The sums of each vendor.
    pub totals: Vec<VendorTotal>,
    /// What we booked on days without a bill.
    pub not_billed: Vec<NotBilled>,
    /// Vendors whose bill could not be read now. What they told before is compared.
    pub failures: Vec<VendorFailure>,
}

/// The sums of a vendor, over the days of which its bill is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VendorTotal {
    /// The vendor.
    pub vendor: String,
    /// The number of days.
    pub days: u64,
    /// The figures.
    pub difference: Difference,
    /// Whether the difference is above the tolerance.
    pub beyond: bool,
}

/// Cost that no bill is known for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotBilled {
    /// The vendor.
    pub vendor: String,
    /// The number of days.
    pub days: u64,
    /// What we booked.
    pub ours: NanoUsd,
}

/// A vendor whose bill could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VendorFailure {
    /// The vendor.
    pub vendor: String,
    /// The problem and its remedy.
    pub problem: String,
}

impl ProviderReport {
    /// Whether a class of a model, or a vendor's total, differs by more than the tolerance.
    #[must_use]
    pub fn is_beyond(&self) -> bool {
        self.rows.iter().any(|row| row.beyond) || self.totals.iter().any(|total| total.beyond)
    }

    /// Logs each difference above the tolerance, each failure, and the totals.
    pub(super) fn log(&self) {
        for drift in self.rows.iter().filter(|drift| drift.beyond) {
            let (key, difference) = (&drift.key, &drift.difference);
            tracing::error!(vendor = key.vendor, day = key.day, model = key.model, class = key.class.name(),
                ours_usd = %difference.ours, theirs_usd = %difference.theirs, difference_usd = %difference.amount,
                difference_bps = difference.bps, known_to = drift.known_to.name(),
                "the provider's bill differs from the cost that was booked");
        }
        for failure in &self.failures {
            let (vendor, problem) = (&*failure.vendor, &*failure.problem);
            tracing::error!(vendor, problem, "the provider's bill could not be read; it is asked for again");
        }
        for VendorTotal { vendor, days, difference, beyond } in &self.totals {
            let (ours, theirs) = (difference.ours, difference.theirs);
            if *beyond {
                tracing::error!(vendor, days, ours_usd = %ours, theirs_usd = %theirs, difference_bps = difference.bps,
                    "the total of the provider's bill differs from the cost that was booked");
            } else {
                tracing::info!(vendor, days, ours_usd = %ours, theirs_usd = %theirs, "compared the provider's bill");
            }
        }
    }
}
