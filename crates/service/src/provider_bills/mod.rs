//! Reconciliation with providers: what we booked as cost, beside what they say that they billed.
//!
//! Our side is a table of the read model, by day, vendor, model and class. Their side is read from a vendor's own
//! interface, where its file describes one, or imported from a file; the figures are stored by day, and a day that is read
//! again replaces the day before. A comparison is computed from these two tables alone, so it can be repeated at any time.

mod align;
mod amount;
mod compare;
mod error;
mod fetch;
mod gauges;
mod import;
mod job;
mod names;
mod read;
mod report;
mod request;
#[cfg(test)]
mod tests;

pub use compare::{CostKey, CostRow, Difference, Drift, KnownTo, Tolerance, compare, side_by_side};
pub use error::ReconcileError;
pub use fetch::FetchPatience;
pub use import::{BillColumns, IMPORT_BYTES_MAX};
pub use job::job;
pub use report::{NotBilled, ProviderReport, VendorFailure, VendorTotal};
pub use request::BilledVendor;

use crate::config;
use crate::ports::Clock;
use crate::telemetry::Samples;
use crate::usage::{UsageReads, day_text};
use arc_swap::ArcSwap;
use fetch::Asking;
use gauges::DriftGauges;
use names::ModelNames;
use opencredits_catalog::Catalog;
use opencredits_providers::Get;
use opencredits_store::{BillSource, BilledDay, BilledLine, Days, ProviderBills, VendorCost};
use opencredits_units::{BasisPoints, Bucket, CostClass, NanoUsd};
use read::{Lines, Told};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::sync::Mutex;

/// The most days that one comparison has: a leap year.
const DAYS_MAX: u64 = 366;
/// What vendors without a billing report bill together: few name reasoning apart.
const MERGED: [(Bucket, Bucket); 2] =
    [(Bucket::Reasoning, Bucket::Output), (Bucket::InputToolPrompt, Bucket::InputUncached)];

/// The settings of the comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReconcileSettings {
    /// The difference that is no alarm.
    pub tolerance: Tolerance,
    /// Days after the end of a day until its bill counts as complete.
    pub lag_days: u64,
    /// The patience with vendors.
    pub patience: FetchPatience,
}

impl From<&config::Reconcile> for ReconcileSettings {
    fn from(set: &config::Reconcile) -> Self {
        let tolerance = Tolerance { share: BasisPoints::new(set.tolerance_bps), minimum: set.minimum_usd };
        Self { tolerance, lag_days: set.lag_days, patience: FetchPatience::default() }
    }
}

/// What [`ProviderReconciliation`] works on.
pub struct ReconcileParts {
    /// The read model, which is brought up to date before it is compared.
    pub usage: Arc<UsageReads>,
    /// Costs as booked and as billed.
    pub bills: Arc<dyn ProviderBills>,
    /// Asks vendors.
    pub get: Arc<dyn Get>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// What the config says of it.
    pub terms: ReconcileTerms,
}

/// What a config says of the comparison.
pub struct ReconcileTerms {
    /// All vendors that the config knows.
    pub vendors: Vec<BilledVendor>,
    /// All models that the config knows, for their names at the vendors.
    pub catalog: Catalog,
    /// The settings.
    pub settings: ReconcileSettings,
}

/// A day of a bill that was imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedDay {
    /// The day, counted from the epoch, UTC.
    pub day: u64,
    /// Its lines, by model and class.
    pub lines: usize,
    /// Their sum.
    pub amount: NanoUsd,
    /// Whether it replaced a bill of the same vendor and day.
    pub replaced: bool,
}

/// Compares what we booked as cost with what providers billed.
pub struct ProviderReconciliation {
    usage: Arc<UsageReads>,
    bills: Arc<dyn ProviderBills>,
    get: Arc<dyn Get>,
    clock: Arc<dyn Clock>,
    terms: ArcSwap<ReconcileTerms>,
    gauges: DriftGauges,
    /// One at a time: the recurring job and an operator would ask a vendor twice.
    turn: Mutex<()>,
}

impl ProviderReconciliation {
    /// The comparison on these parts.
    #[must_use]
    pub fn new(parts: ReconcileParts) -> Self {
        let ReconcileParts { usage, bills, get, clock, terms } = parts;
        let terms = ArcSwap::from_pointee(terms);
        Self { usage, bills, get, clock, terms, gauges: DriftGauges::default(), turn: Mutex::default() }
    }

    /// Compares by these terms from now on; a comparison that runs goes on by those that it began with.
    pub fn compare_by(&self, terms: ReconcileTerms) {
        self.terms.store(Arc::new(terms));
    }

    /// The latest day whose bill counts as complete.
    #[must_use]
    pub fn latest_day(&self) -> Option<u64> {
        let today = self.clock.now().day();
        today.checked_sub(self.terms.load().settings.lag_days)?.checked_sub(1)
    }

    /// Reads every vendor's bill of a day, compares it, logs each difference above the tolerance and sets the metrics. A
    /// vendor that fails is a failure in the report and does not keep the others from being compared. Repeating it is
    /// harmless: the day's figures are replaced.
    ///
    /// # Errors
    /// When the day is not complete, or ledger or store fail.
    pub async fn reconcile_day(&self, day: u64) -> Result<ProviderReport, ReconcileError> {
        let report = self.reconcile(None, Days { from: day, to: day }).await?;
        self.gauges.set(&report);
        Ok(report)
    }

    /// Adds the figures of the day that was compared last.
    pub fn sample(&self, samples: &mut Samples) {
        self.gauges.sample(samples);
    }

    /// The same for one vendor, or for several days, which are compared together; without metrics. Days that are not
    /// complete yet are left out.
    ///
    /// # Errors
    /// When no day is complete, the named vendor's bill cannot be read, or ledger or store fail.
    pub async fn reconcile(&self, vendor: Option<&str>, days: Days) -> Result<ProviderReport, ReconcileError> {
        let _turn = self.turn.lock().await;
        let days = self.complete(days)?;
        let mut failures = Vec::new();
        if let Some(name) = vendor {
            self.ask_named(name, days).await?;
        } else {
            let terms = self.terms.load_full();
            for vendor in terms.vendors.iter().filter(|vendor| vendor.report().is_some() && vendor.key.is_some()) {
                match self.ask(vendor, days).await {
                    Ok(()) => {}
                    // What the store refuses, it refuses for every vendor.
                    Err(error @ ReconcileError::Store(_)) => return Err(error),
                    Err(error) => failures
                        .push(VendorFailure { vendor: vendor.vendor.id.to_string(), problem: error.to_string() }),
                }
            }
        }
        let report = ProviderReport { failures, ..self.compared(vendor, days).await? };
        report.log();
        Ok(report)
    }

    /// The comparison with the bills that are stored. Nobody is asked.
    ///
    /// # Errors
    /// When no day is complete, there is no such vendor, or ledger or store fail.
    pub async fn report(&self, vendor: Option<&str>, days: Days) -> Result<ProviderReport, ReconcileError> {
        if let Some(name) = vendor {
            self.known(name)?;
        }
        self.compared(vendor, self.complete(days)?).await
    }

    /// Stores the bill of a file (CSV). Each day of it replaces what was known of that vendor and day.
    ///
    /// # Errors
    /// When there is no such vendor, a line is wrong (the error names it, and nothing was stored), a day is in the future,
    /// or the store fails: the days before are stored then, and importing the file again is harmless.
    pub async fn import(
        &self,
        vendor: &str,
        file: &str,
        columns: &BillColumns,
    ) -> Result<Vec<ImportedDay>, ReconcileError> {
        self.known(vendor)?;
        let bill = import::bill_of_file(file, columns)?;
        let today = self.clock.now().day();
        if let Some(day) = bill.keys().copied().find(|day| *day > today) {
            let problem = "the day is in the future; check the column of days";
            return Err(ReconcileError::Days { days: day_text(day), problem });
        }
        let days = bill.into_iter().map(|(day, lines)| self.billed(vendor, (day, BillSource::File), lines));
        let days = days.collect::<Result<Vec<_>, _>>()?;
        let mut imported = Vec::new();
        for bill in days {
            let sum = bill.lines.iter().map(|line| i128::from(line.amount.get())).fold(0, i128::saturating_add);
            let (day, lines, amount) = (bill.day, bill.lines.len(), Difference::of(0, sum).theirs);
            let replaced = self.bills.replace_bill(bill).await?;
            imported.push(ImportedDay { day, lines, amount, replaced });
        }
        Ok(imported)
    }

    /// The days that may be compared.
    fn complete(&self, days: Days) -> Result<Days, ReconcileError> {
        let refused = |problem| ReconcileError::Days { days: day_text(days.from), problem };
        let latest = self.latest_day().unwrap_or_default();
        if days.from > latest || days.from > days.to {
            return Err(refused("the day is not complete yet; see reconcile.lag_days"));
        }
        let to = days.to.min(latest);
        if to.saturating_sub(days.from) >= DAYS_MAX {
            return Err(refused("more than 366 days follow it; name fewer days"));
        }
        Ok(Days { from: days.from, to })
    }

    fn known(&self, name: &str) -> Result<BilledVendor, ReconcileError> {
        let terms = self.terms.load();
        let vendor = terms.vendors.iter().find(|vendor| *vendor.vendor.id == *name);
        vendor.cloned().ok_or_else(|| ReconcileError::NoVendor { vendor: name.to_owned() })
    }

    /// Asks a vendor that was named: there, a bill that cannot be had is an error.
    async fn ask_named(&self, name: &str, days: Days) -> Result<(), ReconcileError> {
        let vendor = self.known(name)?;
        match (vendor.report(), &vendor.key) {
            (Some(_), Some(_)) => return self.ask(&vendor, days).await,
            _ if !self.bills.bills(Some(name.to_owned()), days).await?.is_empty() => Ok(()),
            (Some(report), None) => {
                Err(ReconcileError::NoKey { vendor: name.to_owned(), variable: report.key_env.clone() })
            }
            (None, _) => Err(ReconcileError::NoBill { vendor: name.to_owned() }),
        }
    }

    /// Reads a vendor's bill of these days and stores its figures.
    async fn ask(&self, vendor: &BilledVendor, days: Days) -> Result<(), ReconcileError> {
        let (Some(report), Some(key)) = (vendor.report(), &vendor.key) else { return Ok(()) };
        let patience = self.terms.load().settings.patience;
        let asking = Asking { get: &*self.get, vendor, report, key, patience };
        let mut from = days.from;
        while from <= days.to {
            let to = from.saturating_add(request::DAYS_MAX).saturating_sub(1).min(days.to);
            for (day, lines) in asking.bill(Days { from, to }).await? {
                let bill = self.billed(&vendor.vendor.id, (day, BillSource::Report), lines)?;
                self.bills.replace_bill(bill).await?;
            }
            from = to.saturating_add(1);
        }
        Ok(())
    }

    fn billed(
        &self,
        vendor: &str,
        (day, source): (u64, BillSource),
        lines: Lines,
    ) -> Result<BilledDay, ReconcileError> {
        let line = |((model, class), Told { amount, quantity })| {
            let amount =
                amount.round_to_nano().ok_or_else(|| ReconcileError::Overflow { vendor: vendor.to_owned() })?;
            Ok(BilledLine { model, class, quantity, amount })
        };
        let lines = lines.into_iter().map(line).collect::<Result<_, ReconcileError>>()?;
        Ok(BilledDay { vendor: vendor.to_owned(), day, source, told_at: self.clock.now(), lines })
    }

    /// Compares the stored figures, day by day where both sides know the day, and summed up over the days.
    async fn compared(&self, vendor: Option<&str>, days: Days) -> Result<ProviderReport, ReconcileError> {
        self.usage.refresh().await?;
        self.usage.catch_up().await?;
        let named = || vendor.map(str::to_owned);
        let costs = self.bills.vendor_costs(named(), days).await?;
        let mut bills: BTreeMap<String, Vec<BilledDay>> = BTreeMap::new();
        for bill in self.bills.bills(named(), days).await? {
            bills.entry(bill.vendor.clone()).or_default().push(bill);
        }
        let terms = self.terms.load_full();
        let tolerance = terms.settings.tolerance;
        let known: BTreeSet<(&str, u64)> = bills.values().flatten().map(|bill| (&*bill.vendor, bill.day)).collect();
        let (billed, not_billed): (Vec<_>, Vec<_>) =
            costs.iter().partition(|cost| known.contains(&(&*cost.vendor, cost.day)));
        let (mut rows, mut totals) = (Vec::new(), Vec::new());
        for (vendor, bills) in &bills {
            let of_vendor = billed.iter().copied().filter(|cost| cost.vendor == *vendor);
            let of_vendor = of_vendor_by(&terms, (vendor, days.from), of_vendor, bills);
            totals.push(total(vendor, bills.len(), &of_vendor, tolerance));
            rows.extend(of_vendor);
        }
        let Days { from, to } = days;
        let not_billed = sums_of(not_billed);
        Ok(ProviderReport { from, to, tolerance, rows, totals, not_billed, failures: Vec::new() })
    }
}

fn of_vendor_by<'c>(
    terms: &ReconcileTerms,
    (vendor, day): (&str, u64),
    costs: impl Iterator<Item = &'c VendorCost>,
    bills: &[BilledDay],
) -> Vec<Drift> {
    let known = terms.vendors.iter().find(|known| *known.vendor.id == *vendor);
    let report = known.and_then(BilledVendor::report);
    let none = BTreeMap::new();
    let names = ModelNames::new(&terms.catalog, vendor, report.map_or(&none, |report| &report.models));
    let key = |model, class| CostKey { vendor: vendor.to_owned(), day, model, class };
    let mut ours: Vec<CostRow> = costs
        .map(|cost| CostRow {
            key: key(names.of_ours(&cost.model), cost.class),
            amount: cost.cost,
            quantity: Some(cost.quantity),
        })
        .collect();
    let mut theirs: Vec<CostRow> = bills
        .iter()
        .flat_map(|bill| &bill.lines)
        .map(|line| CostRow {
            key: key(names.of_theirs(&line.model), line.class),
            amount: line.amount,
            quantity: line.quantity,
        })
        .collect();
    let merge = report.map_or_else(usual_merge, |report| report.merge.clone());
    align::align(&mut ours, &mut theirs, &merge);
    side_by_side(&ours, &theirs, terms.settings.tolerance)
}

fn usual_merge() -> BTreeMap<CostClass, CostClass> {
    MERGED.into_iter().map(|(from, into)| (CostClass::Tokens(from), CostClass::Tokens(into))).collect()
}

fn total(vendor: &str, days: usize, rows: &[Drift], tolerance: Tolerance) -> VendorTotal {
    let sum = |side: fn(&Difference) -> NanoUsd| {
        rows.iter().map(|row| i128::from(side(&row.difference).get())).fold(0, i128::saturating_add)
    };
    let difference = Difference::of(sum(|difference| difference.ours), sum(|difference| difference.theirs));
    VendorTotal {
        vendor: vendor.to_owned(),
        days: u64::try_from(days).unwrap_or(u64::MAX),
        difference,
        beyond: difference.is_beyond(tolerance),
    }
}

fn sums_of(costs: Vec<&VendorCost>) -> Vec<NotBilled> {
    let mut sums: BTreeMap<&str, (BTreeSet<u64>, i128)> = BTreeMap::new();
    for cost in costs {
        let (days, sum) = sums.entry(&cost.vendor).or_default();
        days.insert(cost.day);
        *sum = sum.saturating_add(i128::from(cost.cost.get()));
    }
    let row = |(vendor, (days, sum)): (&str, (BTreeSet<u64>, i128))| NotBilled {
        vendor: vendor.to_owned(),
        days: u64::try_from(days.len()).unwrap_or(u64::MAX),
        ours: Difference::of(sum, 0).ours,
    };
    sums.into_iter().map(row).collect()
}
