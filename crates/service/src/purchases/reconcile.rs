//! Reconciliation: walks the processor's events and its books, and finds what nobody told us.

use super::booking::minor;
use super::error::PurchaseError;
use super::listed::Listed;
use super::movements::Whose;
use super::settle::{Settled, SettledOrder};
use super::state::Purchases;
use super::webhook::Heard;
use crate::books::PerCurrency;
use opencredits_billing::{After, Currency, MoneyMovement, MovementKind, PaymentError};
use opencredits_units::{Measure, NanoUsd, OrderId, Progress, UnixMs};
use std::collections::BTreeMap;

/// Pages of a list that one run reads at most; the next run goes on.
const PAGES_MAX: usize = 1_000;
/// Orders of one round of checks.
const CHECKS_MAX: u32 = 200;
/// How long the processor keeps events, with some hours to spare.
const EVENTS_MS: u64 = 29 * UnixMs::DAY_MS;
/// An order whose check failed waits so long for the next.
const AGAIN_MS: u64 = 5 * 60_000;
const EVENTS: &str = "payments.events";
const MOVEMENTS: &str = "payments.movements";

/// What a reconciliation found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReconcileReport {
    /// Events that were read.
    pub events: usize,
    /// Of these, those about payments of ours.
    pub events_ours: usize,
    /// Orders that were read again.
    pub orders: usize,
    /// Movements of money that were read.
    pub movements: usize,
    /// Movements that were not in the books before this run, by their ids.
    pub booked: Listed<String>,
    /// Orders of which this run changed what the books show.
    pub changed: Listed<OrderId>,
    /// Orders whose payments or refunds are not all in the processor's books yet, or the other way about: what they leave in
    /// clearing is explained.
    pub unmoved: BTreeMap<OrderId, Unmoved>,
    /// Movements of ours whose order is unknown, by their ids, of this run.
    pub suspense: Vec<String>,
    /// What failed, and is tried again in the next run.
    pub failures: Vec<String>,
    /// Payments and refunds that are in one of both books only, by currency, in billionths: zero when all agree.
    pub clearing: BTreeMap<String, NanoUsd>,
    /// Money of ours that belongs to no order, by currency, in billionths: zero when all agree.
    pub in_suspense: BTreeMap<String, NanoUsd>,
    /// Money of other products on the same account, by currency, in billionths.
    pub foreign: BTreeMap<String, NanoUsd>,
    /// What the processor holds for us by our books, by currency, in billionths.
    pub processor: BTreeMap<String, NanoUsd>,
}

/// What an order leaves in payment clearing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmoved {
    /// The currency.
    pub currency: String,
    /// In billionths of it: the movements of money less the payments and refunds.
    pub amount: NanoUsd,
}

impl ReconcileReport {
    /// Whether both books have every payment and every refund but those of the orders that are named, nothing is in
    /// suspense, and nothing failed. What is foreign is nobody's business here.
    #[must_use]
    pub fn agrees(&self) -> bool {
        let is_explained = self.clearing.iter().all(|(currency, amount)| *amount == self.explained(currency));
        let is_zero = self.in_suspense.values().all(|amount| *amount == NanoUsd::ZERO);
        is_explained && is_zero && self.suspense.is_empty() && self.failures.is_empty()
    }

    /// What the named orders leave in clearing.
    fn explained(&self, currency: &str) -> NanoUsd {
        let of_currency = self.unmoved.values().filter(|unmoved| unmoved.currency == currency);
        NanoUsd::new(of_currency.map(|unmoved| unmoved.amount.get()).fold(0, i64::saturating_add))
    }

    /// Notes what the settlement of an order has found. The last one of an order counts.
    fn note(&mut self, settled: &SettledOrder) -> Result<(), PurchaseError> {
        let order = &settled.order;
        if settled.is_changed {
            self.changed.add(order.id);
        }
        settled.booked.iter().for_each(|movement| self.booked.add(movement.to_string()));
        if settled.unmoved_minor == 0 {
            self.unmoved.remove(&order.id);
        } else {
            let amount = minor(settled.unmoved_minor)?;
            self.unmoved.insert(order.id, Unmoved { currency: order.currency.clone(), amount });
        }
        Ok(())
    }
}

impl Purchases {
    /// Reads orders that are due to be read again. A failure with one does not keep others waiting.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn check_due(&self) -> Result<usize, PurchaseError> {
        let due = self.tables.orders.orders_to_check(self.now(), CHECKS_MAX).await?;
        for order in &due {
            if let Err(error) = self.settle_order(order.id).await {
                tracing::warn!(order = %order.id, %error, "cannot read an order's payment; trying again");
                self.postpone(order.id).await?;
            }
        }
        Ok(due.len())
    }

    async fn postpone(&self, id: OrderId) -> Result<(), PurchaseError> {
        let mut order = self.order(id).await?;
        order.check_at = Some(self.now().saturating_add_ms(AGAIN_MS));
        match self.stored(order).await {
            Ok(_) | Err(PurchaseError::Contended { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Walks everything, and says what differed.
    ///
    /// # Errors
    /// When the processor cannot be asked, or ledger or store fail.
    pub async fn reconcile(&self) -> Result<ReconcileReport, PurchaseError> {
        self.reconcile_watched(&Progress::default()).await
    }

    /// The same; tells in `progress` how far it is.
    ///
    /// # Errors
    /// As [`Purchases::reconcile`].
    pub async fn reconcile_watched(&self, progress: &Progress) -> Result<ReconcileReport, PurchaseError> {
        let mut report = ReconcileReport::default();
        progress.begin("walking the processor's events", Measure::Count, None);
        self.walk_events(&mut report, progress).await?;
        progress.begin("reading orders again", Measure::Count, None);
        self.walk_orders(&mut report, progress).await?;
        progress.begin("walking movements of money", Measure::Count, None);
        self.walk_movements(&mut report, progress).await?;
        self.sum_up(&mut report).await?;
        Ok(report)
    }

    async fn walk_events(&self, report: &mut ReconcileReport, progress: &Progress) -> Result<(), PurchaseError> {
        let mut position = self.tables.cursors.cursor(EVENTS).await?.and_then(|id| id.parse().ok());
        let failures_before = report.failures.len();
        for _ in 0..PAGES_MAX {
            let from = UnixMs::new(self.now().get().saturating_sub(EVENTS_MS));
            let after = position.as_ref().map_or(After::Time(from), After::Id);
            let page = match self.ports.payments.events_after(after).await {
                // The event is too old to go on from.
                Err(PaymentError::NotFound { .. }) if position.is_some() => {
                    position = None;
                    continue;
                }
                page => page?,
            };
            for hint in &page.items {
                report.events = report.events.saturating_add(1);
                progress.advance(1);
                match self.heed(hint).await {
                    Ok(Heard::Settled(settled)) => {
                        report.events_ours = report.events_ours.saturating_add(1);
                        report.note(&settled)?;
                    }
                    Ok(_) => {}
                    Err(error) => report.failures.push(format!("event {}: {error}", hint.event)),
                }
            }
            if let Some(next) = page.next {
                // A failed event is heeded again by the next walk: nothing else may tell of what it says.
                if report.failures.len() == failures_before {
                    self.tables.cursors.set_cursor(EVENTS, next.as_str()).await?;
                }
                position = Some(next);
            }
            if !page.has_more {
                break;
            }
        }
        Ok(())
    }

    /// Every order of which something more is expected, due or not.
    async fn walk_orders(&self, report: &mut ReconcileReport, progress: &Progress) -> Result<(), PurchaseError> {
        let mut before = None;
        loop {
            let page = self.tables.orders.orders(None, before, CHECKS_MAX).await?;
            let Some(last) = page.last() else {
                return Ok(());
            };
            before = Some(last.id);
            for order in page.iter().filter(|order| order.check_at.is_some()) {
                report.orders = report.orders.saturating_add(1);
                progress.advance(1);
                match self.settle_order(order.id).await {
                    Ok(Settled::Ours(settled)) => report.note(&settled)?,
                    Ok(Settled::Foreign) => {}
                    Err(error) => report.failures.push(format!("{}: {error}", order.id)),
                }
            }
        }
    }

    async fn walk_movements(&self, report: &mut ReconcileReport, progress: &Progress) -> Result<(), PurchaseError> {
        let mut position = self.tables.cursors.cursor(MOVEMENTS).await?.and_then(|id| id.parse().ok());
        for _ in 0..PAGES_MAX {
            let after = position.as_ref().map_or(After::Time(UnixMs::default()), After::Id);
            let page = self.ports.payments.movements_after(after).await?;
            for movement in &page.items {
                report.movements = report.movements.saturating_add(1);
                progress.advance(1);
                if let Err(error) = self.walk_movement(movement, report).await {
                    // The walk stops here, so that no cent is passed over.
                    report.failures.push(format!("movement {}: {error}", movement.id));
                    return Ok(());
                }
            }
            if let Some(next) = page.next {
                self.tables.cursors.set_cursor(MOVEMENTS, next.as_str()).await?;
                position = Some(next);
            }
            if !page.has_more {
                break;
            }
        }
        Ok(())
    }

    async fn walk_movement(&self, movement: &MoneyMovement, report: &mut ReconcileReport) -> Result<(), PurchaseError> {
        if self.is_booked(movement).await? {
            // An event has put it there.
            if self.is_suspended(movement).await? {
                report.suspense.push(movement.id.to_string());
            }
            return Ok(());
        }
        let is_the_accounts = matches!(movement.kind, MovementKind::Fee | MovementKind::Payout);
        let subject = movement.subject().filter(|_| !is_the_accounts);
        let whose = match subject {
            None => Whose::Foreign,
            Some(subject) => match self.settle(&subject).await {
                // Settling it books its movements; one that is still not among them is booked by itself.
                Ok(Settled::Ours(settled)) => {
                    report.note(&settled)?;
                    Whose::Suspense
                }
                Err(PurchaseError::UnknownOrder { .. }) => Whose::Suspense,
                Ok(Settled::Foreign) | Err(PurchaseError::Payment(PaymentError::NotFound { .. })) => Whose::Foreign,
                Err(error) => return Err(error),
            },
        };
        let was_booked = self.book_movement(movement, whose).await?;
        if was_booked {
            report.booked.add(movement.id.to_string());
        }
        if was_booked && matches!(whose, Whose::Suspense) {
            tracing::error!(movement = %movement.id, "money of ours at the payment processor belongs to no order; it is in suspense");
            report.suspense.push(movement.id.to_string());
        }
        Ok(())
    }

    async fn sum_up(&self, report: &mut ReconcileReport) -> Result<(), PurchaseError> {
        for row in self.ledger.accounts().await? {
            let Some((kind, currency)) = PerCurrency::of(row.account.id) else { continue };
            let sums = match kind {
                PerCurrency::Clearing => &mut report.clearing,
                PerCurrency::Processor => &mut report.processor,
                PerCurrency::Suspense => &mut report.in_suspense,
                PerCurrency::Foreign => &mut report.foreign,
                _ => continue,
            };
            let posted = row.balance.posted;
            // What we own is below zero in the ledger.
            let shown = if kind == PerCurrency::Processor { posted.checked_neg() } else { Some(posted) };
            sums.insert(currency, shown.ok_or(PurchaseError::Overflow)?);
        }
        Ok(())
    }

    /// The currencies that credits are sold in, the default first.
    #[must_use]
    pub fn currencies(&self) -> Vec<Currency> {
        self.settings().terms.currencies.iter().map(|terms| terms.currency).collect()
    }
}
