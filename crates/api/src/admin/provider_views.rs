//! What operators ask about the bills of providers, and what they are shown.

use opencredits_service::day_text;
use opencredits_service::provider_bills::{
    BillColumns, Difference, Drift, ImportedDay, NotBilled, ProviderReport, VendorFailure, VendorTotal,
};
use opencredits_units::{CostClass, NanoUsd};
use serde::{Deserialize, Serialize};

/// Days that are compared together, UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DaySpan {
    /// A day, `2026-11-30`.
    Day(String),
    /// A month, `2026-11`.
    Month(String),
}

/// A request about the bills of providers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "provider", rename_all = "snake_case")]
pub enum ProviderRequest {
    /// Reads the bills and compares them with what was booked.
    Reconcile {
        /// Of this vendor; of all without it.
        vendor: Option<String>,
        /// The days; the latest complete day without them.
        days: Option<DaySpan>,
    },
    /// Compares the bills that are known. Nobody is asked.
    Report {
        /// Of this vendor; of all without it.
        vendor: Option<String>,
        /// The days; the latest complete day without them.
        days: Option<DaySpan>,
    },
    /// Stores a bill from a file.
    Import {
        /// The vendor.
        vendor: String,
        /// The file, CSV.
        file: String,
        /// Its columns.
        columns: BillColumns,
    },
}

/// Two figures, in dollars, and their difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DifferenceView {
    /// What we booked.
    pub ours_usd: NanoUsd,
    /// What the provider billed.
    pub theirs_usd: NanoUsd,
    /// Theirs less ours.
    pub difference_usd: NanoUsd,
    /// The difference in hundredths of a percent of the larger figure.
    pub difference_bps: i64,
    /// Whether it is above the tolerance.
    pub beyond: bool,
}

/// A class of a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriftView {
    /// The vendor.
    pub vendor: String,
    /// The model, as the vendor names it; empty where the cost is of none.
    pub model: String,
    /// The class.
    pub class: CostClass,
    /// The figures.
    #[serde(flatten)]
    pub difference: DifferenceView,
    /// Tokens or uses that we booked.
    pub our_quantity: Option<u64>,
    /// Tokens or uses that the provider billed, where it tells them.
    pub their_quantity: Option<u64>,
    /// Who knows the model: `both`, `us` or `provider`.
    pub known_to: String,
}

/// The sums of a vendor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VendorTotalView {
    /// The vendor.
    pub vendor: String,
    /// The days of which its bill is known.
    pub days: u64,
    /// The figures.
    #[serde(flatten)]
    pub difference: DifferenceView,
}

/// Cost without a bill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotBilledView {
    /// The vendor.
    pub vendor: String,
    /// The days of which its bill is not known.
    pub days: u64,
    /// What we booked on them.
    pub ours_usd: NanoUsd,
}

/// A vendor whose bill could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VendorFailureView {
    /// The vendor.
    pub vendor: String,
    /// The problem and its remedy.
    pub problem: String,
}

/// A comparison with the bills of providers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderReportView {
    /// The first day.
    pub from: String,
    /// The last day.
    pub to: String,
    /// Whether nothing differs by more than the tolerance.
    pub agrees: bool,
    /// The share that may differ, in hundredths of a percent.
    pub tolerance_bps: u32,
    /// The amount that may differ.
    pub minimum_usd: NanoUsd,
    /// Every class of every model.
    pub rows: Vec<DriftView>,
    /// The sums of each vendor.
    pub totals: Vec<VendorTotalView>,
    /// What we booked on days without a bill.
    pub not_billed: Vec<NotBilledView>,
    /// Vendors whose bill could not be read.
    pub failures: Vec<VendorFailureView>,
}

/// A day of a bill that was imported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportedDayView {
    /// The day.
    pub day: String,
    /// Its lines, by model and class.
    pub lines: usize,
    /// Their sum.
    pub amount_usd: NanoUsd,
    /// Whether it replaced a bill of that day.
    pub replaced: bool,
}

impl DifferenceView {
    const fn new(difference: Difference, beyond: bool) -> Self {
        Self {
            ours_usd: difference.ours,
            theirs_usd: difference.theirs,
            difference_usd: difference.amount,
            difference_bps: difference.bps,
            beyond,
        }
    }
}

impl From<Drift> for DriftView {
    fn from(drift: Drift) -> Self {
        Self {
            vendor: drift.key.vendor,
            model: drift.key.model,
            class: drift.key.class,
            difference: DifferenceView::new(drift.difference, drift.beyond),
            our_quantity: drift.our_quantity,
            their_quantity: drift.their_quantity,
            known_to: drift.known_to.name().to_owned(),
        }
    }
}

impl From<VendorTotal> for VendorTotalView {
    fn from(total: VendorTotal) -> Self {
        let difference = DifferenceView::new(total.difference, total.beyond);
        Self { vendor: total.vendor, days: total.days, difference }
    }
}

impl From<NotBilled> for NotBilledView {
    fn from(cost: NotBilled) -> Self {
        Self { vendor: cost.vendor, days: cost.days, ours_usd: cost.ours }
    }
}

impl From<VendorFailure> for VendorFailureView {
    fn from(failure: VendorFailure) -> Self {
        Self { vendor: failure.vendor, problem: failure.problem }
    }
}

impl From<ProviderReport> for ProviderReportView {
    fn from(report: ProviderReport) -> Self {
        Self {
            from: day_text(report.from),
            to: day_text(report.to),
            agrees: !report.is_beyond(),
            tolerance_bps: report.tolerance.share.get(),
            minimum_usd: report.tolerance.minimum,
            rows: report.rows.into_iter().map(Into::into).collect(),
            totals: report.totals.into_iter().map(Into::into).collect(),
            not_billed: report.not_billed.into_iter().map(Into::into).collect(),
            failures: report.failures.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<ImportedDay> for ImportedDayView {
    fn from(day: ImportedDay) -> Self {
        Self { day: day_text(day.day), lines: day.lines, amount_usd: day.amount, replaced: day.replaced }
    }
}
