//! What we booked as the cost of vendors, and what they say that they billed.

use crate::traits::StoreError;
use crate::usage::{Days, VendorCost};
use async_trait::async_trait;
use opencredits_units::{CostClass, NanoUsd, UnixMs};

/// Where a bill is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BillSource {
    /// The vendor's own interface.
    Report,
    /// A file of the operator.
    File,
}

impl BillSource {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Report, Self::File];

    /// The name in tables and replies.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Report => "report",
            Self::File => "file",
        }
    }
}

/// A line of a vendor's bill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BilledLine {
    /// The model, as the vendor names it; empty where the line is of none.
    pub model: String,
    /// The class.
    pub class: CostClass,
    /// Tokens or uses, where the vendor tells them.
    pub quantity: Option<u64>,
    /// The amount.
    pub amount: NanoUsd,
}

/// A vendor's bill of a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BilledDay {
    /// The vendor.
    pub vendor: String,
    /// The day, counted from the epoch, UTC.
    pub day: u64,
    /// Where it is from.
    pub source: BillSource,
    /// When it was read.
    pub told_at: UnixMs,
    /// Its lines: each model and class once.
    pub lines: Vec<BilledLine>,
}

/// Costs as booked and as billed.
#[async_trait]
pub trait ProviderBills: Send + Sync {
    /// The costs that were booked on these days, by day, model and class; of one vendor where it is named.
    async fn vendor_costs(&self, vendor: Option<String>, days: Days) -> Result<Vec<VendorCost>, StoreError>;
    /// Puts a bill in the place of the one of the same vendor and day; returns whether there was one.
    async fn replace_bill(&self, bill: BilledDay) -> Result<bool, StoreError>;
    /// The bills of these days, by vendor and day; of one vendor where it is named.
    async fn bills(&self, vendor: Option<String>, days: Days) -> Result<Vec<BilledDay>, StoreError>;
}
