//! What recurs for purchases: orders that are due are read again, balances are topped up, the books are reconciled.

use super::error::PurchaseError;
use super::reconcile::ReconcileReport;
use super::state::Purchases;
use crate::jobs::{Figures, Job, JobTerms};
use std::sync::Arc;
use std::time::Duration;

const SETTLE: JobTerms = JobTerms::every(Duration::from_secs(10), "settle-purchases")
    .that("reads the payments of orders that are due at the payment processor, and books what differs");
const PARTNER_DEBTS: JobTerms = JobTerms::every(Duration::from_secs(10), "settle-partner-debts")
    .that("settles what partners owe for commission that was taken back, from what they earned since");
const TOP_UPS: JobTerms =
    JobTerms::every(Duration::from_secs(10), "top-ups").that("charges saved payment methods where a balance is low");
const HOUR: Duration = Duration::from_secs(3_600);
const RECONCILE: &str = "reconcile-payments";
const RECONCILE_THAT: &str = "walks the payment processor's events and books, and books what differs";

/// The jobs of purchases. `reconcile_hours` is the time between two reconciliations; zero for none.
#[must_use]
pub fn jobs(purchases: &Arc<Purchases>, reconcile_hours: u64) -> Vec<Job> {
    let mut jobs = vec![
        Job::on(SETTLE, purchases, |purchases, _| async move {
            Ok(Figures::default().with_len("orders", purchases.check_due().await?))
        }),
        Job::on(PARTNER_DEBTS, purchases, |purchases, _| async move {
            purchases.settle_partner_debts().await?;
            Ok(Figures::default())
        }),
        Job::on(TOP_UPS, purchases, |purchases, _| async move {
            Ok(Figures::default().with_len("charged", purchases.top_up_all().await?))
        }),
    ];
    if let Ok(hours @ 1..) = u32::try_from(reconcile_hours) {
        let terms = JobTerms::every(HOUR.saturating_mul(hours), RECONCILE).that(RECONCILE_THAT);
        jobs.push(Job::on(terms, purchases, |purchases, signal| async move {
            Ok(purchases.reconcile_watched(signal.progress()).await.map(|report| told(&report))?)
        }));
    }
    jobs
}

/// The figures of a reconciliation. What differs is logged as an error.
fn told(report: &ReconcileReport) -> Figures {
    if !report.agrees() {
        tracing::error!(
            suspense = report.suspense.len(),
            failures = report.failures.len(),
            clearing = ?report.clearing,
            in_suspense = ?report.in_suspense,
            unmoved = report.unmoved.len(),
            "our books and those of the payment processor differ; see opencredits-admin reconcile"
        );
    }
    Figures::default()
        .with_len("events", report.events)
        .with_len("orders", report.orders)
        .with_len("movements", report.movements)
        .with_len("booked", report.booked.count())
        .with_len("orders changed", report.changed.count())
        .with_len("in suspense", report.suspense.len())
        .with_len("failures", report.failures.len())
}

impl Purchases {
    /// Settles what partners owe, after commission was taken back that had been paid out, from what they earned since.
    ///
    /// # Errors
    /// When ledger or store fail.
    pub async fn settle_partner_debts(&self) -> Result<(), PurchaseError> {
        Ok(self.ports.commissions.settle_debts(self.now(), &*self.ports.entropy).await?)
    }
}
