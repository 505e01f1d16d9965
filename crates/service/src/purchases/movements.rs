//! Movements of money at the processor: each is booked once, under its own id.

use super::booking::minor;
use super::error::PurchaseError;
use super::state::Purchases;
use crate::books::PerCurrency;
use crate::ledger_ids::entry_id;
use opencredits_billing::{Money, MoneyMovement, MovementId, MovementKind, PaymentState};
use opencredits_ledger::{EntryRow, Floor, OpenAccount, Transfer};
use opencredits_store::{Booked, Order};
use opencredits_units::{AccountId, EntryId, NanoUsd};
use std::collections::BTreeMap;

/// An order, and what the processor says of it.
#[derive(Clone, Copy)]
pub(super) struct Owned<'a> {
    pub(super) order: &'a Order,
    pub(super) state: &'a PaymentState,
}

/// Whose a movement is.
#[derive(Clone, Copy)]
pub(super) enum Whose<'a> {
    Order(Owned<'a>),
    /// Ours, for an order that is unknown.
    Suspense,
    /// Of another product on the account.
    Foreign,
}

/// One transfer of a movement; an amount below zero goes the other way.
struct Part {
    role: &'static str,
    from: AccountId,
    to: AccountId,
    amount: NanoUsd,
}

impl Purchases {
    /// Books every movement of an order that is not in the books yet.
    pub(super) async fn book_movements(
        &self,
        owned: Owned<'_>,
        booked: &mut Vec<MovementId>,
    ) -> Result<(), PurchaseError> {
        for movement in owned.state.all_movements() {
            if self.book_movement(movement, Whose::Order(owned)).await? {
                booked.push(movement.id.clone());
            }
        }
        Ok(())
    }

    /// Books a movement, unless it is in the books; whether it was not.
    pub(super) async fn book_movement(
        &self,
        movement: &MoneyMovement,
        whose: Whose<'_>,
    ) -> Result<bool, PurchaseError> {
        let parts = match self.ledger.entry(part_id(movement, GROSS)).await? {
            None => parts(movement, whose)?,
            Some(before) => found_parts(movement, whose, &before)?,
        };
        if parts.is_empty() || self.is_made(movement, &parts).await? {
            return Ok(false);
        }
        let memo = format!("{} {}", movement.id, movement.source.as_deref().unwrap_or_default());
        for part in &parts {
            for id in [part.from, part.to] {
                let account = OpenAccount { id, floor: Floor::None, contra: None };
                self.ledger.open_account(account, self.now()).accepted().await?;
            }
        }
        let transfer = |part: &Part| -> Result<Transfer<'_>, PurchaseError> {
            let Part { role, from, to, amount } = *part;
            let back = amount.is_negative();
            let (from, to) = if back { (to, from) } else { (from, to) };
            let amount = if back { amount.checked_neg().ok_or(PurchaseError::Overflow)? } else { amount };
            Ok(Transfer { id: part_id(movement, role), from, to, amount, memo: memo.as_bytes() })
        };
        let transfers = parts.iter().map(transfer).collect::<Result<Vec<_>, _>>()?;
        self.ledger.transfer_linked(&transfers, self.now()).durable().await?;
        Ok(true)
    }

    /// Whether the first of these parts is in the books, and so all of them.
    async fn is_made(&self, movement: &MoneyMovement, parts: &[Part]) -> Result<bool, PurchaseError> {
        match parts.first() {
            Some(part) => Ok(self.ledger.entry(part_id(movement, part.role)).await?.is_some()),
            None => Ok(true),
        }
    }

    /// Whether a movement is in suspense: no order has claimed it yet.
    pub(super) async fn is_suspended(&self, movement: &MoneyMovement) -> Result<bool, PurchaseError> {
        let suspense = suspense_of(movement);
        let entry = self.ledger.entry(part_id(movement, GROSS)).await?;
        let was_suspended = entry.is_some_and(|entry| entry.legs.iter().any(|(account, _)| *account == suspense));
        Ok(was_suspended && self.ledger.entry(part_id(movement, FOUND)).await?.is_none())
    }

    /// Whether a movement is in the books.
    pub(super) async fn is_booked(&self, movement: &MoneyMovement) -> Result<bool, PurchaseError> {
        Ok(self.ledger.entry(part_id(movement, GROSS)).await?.is_some())
    }
}

/// The part that every movement has.
const GROSS: &str = "gross";
/// The part by which a movement leaves suspense for its order.
const FOUND: &str = "found";

fn suspense_of(movement: &MoneyMovement) -> AccountId {
    PerCurrency::Suspense.account(movement.amount.currency().code())
}

fn part_id(movement: &MoneyMovement, role: &str) -> EntryId {
    entry_id(movement.created_at, &["movement", role], &[movement.id.as_str().as_bytes()])
}

/// What is left to book of a movement that was booked before: where it was in suspense and its order is there by now, the
/// order's money leaves suspense.
fn found_parts(movement: &MoneyMovement, whose: Whose<'_>, before: &EntryRow) -> Result<Vec<Part>, PurchaseError> {
    let suspense = suspense_of(movement);
    let was_suspended = before.legs.iter().any(|(account, _)| *account == suspense);
    if !was_suspended || !matches!(whose, Whose::Order(_)) {
        return Ok(Vec::new());
    }
    let mut parts = parts(movement, whose)?;
    // The processor's side and its fee are booked.
    parts.retain(|part| part.role != "fee");
    for part in parts.iter_mut().filter(|part| part.role == GROSS) {
        (part.role, part.from) = (FOUND, suspense);
    }
    Ok(parts)
}

fn parts(movement: &MoneyMovement, whose: Whose<'_>) -> Result<Vec<Part>, PurchaseError> {
    let currency = movement.amount.currency();
    let in_its = |kind: PerCurrency| kind.account(currency.code());
    let (gross, fee) = (minor(movement.amount.minor())?, minor(movement.fee.minor())?);
    let processor = in_its(PerCurrency::Processor);
    let converted = match whose {
        Whose::Order(owned) if owned.order.currency != currency.code() => Some(owned),
        _ => None,
    };
    let counter = match (&movement.kind, whose) {
        (MovementKind::Payout, _) => PerCurrency::Bank,
        (MovementKind::Fee, _) => PerCurrency::ProcessorFees,
        (_, Whose::Order(_)) if converted.is_some() => PerCurrency::Exchange,
        (_, Whose::Order(_)) => PerCurrency::Clearing,
        (_, Whose::Suspense) => PerCurrency::Suspense,
        (_, Whose::Foreign) => PerCurrency::Foreign,
    };
    let part = |role, from, to, amount| Part { role, from, to, amount };
    let mut parts = vec![part(GROSS, processor, in_its(counter), gross)];
    if fee != NanoUsd::ZERO {
        parts.push(part("fee", in_its(PerCurrency::ProcessorFees), processor, fee));
    }
    // The account is settled in another currency than the order: what the order expects is met by the exchange.
    if let Some(owned) = converted {
        let [exchange, clearing] =
            [PerCurrency::Exchange, PerCurrency::Clearing].map(|kind| kind.account(&owned.order.currency));
        let amount = minor(ordered(movement, owned.state).map_or(0, Money::minor))?;
        let amount = if gross.is_negative() { amount.checked_neg().ok_or(PurchaseError::Overflow)? } else { amount };
        if amount != NanoUsd::ZERO {
            parts.push(part("converted", exchange, clearing, amount));
        }
    }
    Ok(parts)
}

/// What an order leaves in payment clearing, in its minor unit: its movements of money less its payments and refunds.
pub(super) fn unmoved_minor(owned: Owned<'_>) -> i64 {
    let Booked { paid_minor, refunded_minor, disputed_minor, lost_minor, .. } = owned.order.bookings.after;
    let expected = [refunded_minor, disputed_minor, lost_minor].into_iter().fold(paid_minor, i64::saturating_sub);
    let each: BTreeMap<&str, &MoneyMovement> =
        owned.state.all_movements().map(|movement| (movement.id.as_str(), movement)).collect();
    let moved = each.values().map(|movement| match movement.amount.minor() {
        minor if movement.amount.currency().code() == owned.order.currency => minor,
        minor => ordered(movement, owned.state).map_or(0, Money::minor).saturating_mul(minor.signum()),
    });
    moved.fold(0, i64::saturating_add).saturating_sub(expected)
}

/// The amount of a movement in the order's currency, without its sign: that of the object that caused it.
fn ordered(movement: &MoneyMovement, state: &PaymentState) -> Option<Money> {
    let source = movement.source.as_deref()?;
    let refund = state.refunds.iter().find(|refund| refund.id.as_str() == source).map(|refund| refund.amount);
    let dispute = || state.disputes.iter().find(|dispute| dispute.id.as_str() == source).map(|dispute| dispute.amount);
    refund.or_else(dispute).or(state.paid)
}
