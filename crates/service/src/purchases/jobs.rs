//! What recurs for purchases: orders that are due are read again, balances are topped up, the books are reconciled.

use super::error::PurchaseError;
use super::state::Purchases;
use opencredits_units::UnixMs;
use std::sync::Arc;
use std::time::Duration;

/// The interval of the rounds.
const ROUND: Duration = Duration::from_secs(10);
const HOUR_MS: u64 = 3_600_000;
/// The time of the last reconciliation.
const RECONCILED: &str = "payments.reconciled";

/// Runs the jobs until the task is stopped. A failed job is repeated in the next round. `reconcile_hours` is the time between
/// two reconciliations; zero for none.
pub async fn run(purchases: Arc<Purchases>, reconcile_hours: u64) {
    let mut rounds = tokio::time::interval(ROUND);
    loop {
        rounds.tick().await;
        if let Err(error) = purchases.check_due().await {
            tracing::warn!(%error, "cannot read orders that are due; trying again");
        }
        if let Err(error) = purchases.settle_partner_debts().await {
            tracing::warn!(%error, "cannot settle what partners owe; trying again");
        }
        if let Err(error) = purchases.top_up_all().await {
            tracing::warn!(%error, "cannot top up balances; trying again");
        }
        if let Err(error) = purchases.reconcile_when_due(reconcile_hours).await {
            tracing::warn!(%error, "cannot reconcile with the payment processor; trying again");
        }
    }
}

impl Purchases {
    /// Settles what partners owe, after commission was taken back that had been paid out, from what they earned since.
    ///
    /// # Errors
    /// When ledger or store fail.
    pub async fn settle_partner_debts(&self) -> Result<(), PurchaseError> {
        Ok(self.ports.commissions.settle_debts(self.now(), &*self.ports.entropy).await?)
    }

    /// Reconciles when the last time is so many hours ago. What differs is logged as an error.
    ///
    /// # Errors
    /// As [`Purchases::reconcile`].
    pub async fn reconcile_when_due(&self, hours: u64) -> Result<(), PurchaseError> {
        if hours == 0 {
            return Ok(());
        }
        let last = self.tables.cursors.cursor(RECONCILED).await?.and_then(|text| text.parse().ok());
        let last = UnixMs::new(last.unwrap_or_default());
        if last.saturating_add_ms(hours.saturating_mul(HOUR_MS)) > self.now() {
            return Ok(());
        }
        let report = self.reconcile().await?;
        if report.agrees() {
            tracing::info!(
                events = report.events,
                movements = report.movements,
                "reconciled with the payment processor"
            );
        } else {
            tracing::error!(
                suspense = report.suspense.len(),
                failures = report.failures.len(),
                clearing = ?report.clearing,
                "our books and those of the payment processor differ; see opencredits-admin reconcile"
            );
        }
        self.tables.cursors.set_cursor(RECONCILED, &self.now().get().to_string()).await?;
        Ok(())
    }
}
