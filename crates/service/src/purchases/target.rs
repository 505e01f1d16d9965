//! Where the books of an order must stand, given what the processor says.

use opencredits_billing::{DisputeEffect, Grant, Money, PaymentError, PaymentState, Position, Progress, RefundState};
use opencredits_store::{Booked, Order, OrderState};
use opencredits_units::NanoUsd;

/// The figures that the books must show. Money counts up to what was paid: a refund in another currency counts as all of it.
pub(super) fn target(order: &Order, state: &PaymentState) -> Result<Booked, PaymentError> {
    let units = u64::try_from(granted(order).get()).unwrap_or_default();
    let position = Position::of(state, &Grant { units, price: price(order)? })?;
    let paid = state.paid.filter(|_| position.granted > 0 || is_paid(state.progress));
    let paid_minor = paid.map_or(0, Money::minor);
    let refunded = refunded(state, paid).min(paid_minor);
    let rest = paid_minor.saturating_sub(refunded);
    let lost =
        if state.progress == Progress::Reversed { rest } else { disputed(state, paid, DisputeEffect::Take).min(rest) };
    let open = disputed(state, paid, DisputeEffect::Freeze).min(rest.saturating_sub(lost));
    Ok(Booked {
        paid_minor,
        refunded_minor: refunded,
        disputed_minor: open,
        lost_minor: lost,
        granted: nano(position.granted),
        taken: nano(position.taken),
        frozen: nano(position.frozen),
    })
}

/// The credits of an order, the bonus too.
pub(super) fn granted(order: &Order) -> NanoUsd {
    order.credits.checked_add(order.bonus).unwrap_or(order.credits)
}

/// What is to be paid for an order.
pub(super) fn price(order: &Order) -> Result<Money, PaymentError> {
    Ok(Money::new(order.amount_minor, order.currency.parse()?))
}

pub(super) const fn order_state(progress: Progress) -> OrderState {
    match progress {
        Progress::Waiting => OrderState::Waiting,
        Progress::Paid => OrderState::Paid,
        Progress::Failed | Progress::Reversed => OrderState::Failed,
        Progress::Expired => OrderState::Expired,
        // One that is not known here may still be paid.
        _ => OrderState::Open,
    }
}

const fn is_paid(progress: Progress) -> bool {
    matches!(progress, Progress::Paid | Progress::Reversed)
}

fn refunded(state: &PaymentState, paid: Option<Money>) -> i64 {
    let mut refunds: Vec<&RefundState> = state.refunds.iter().filter(|refund| refund.status.counts()).collect();
    refunds.sort_by(|a, b| a.id.cmp(&b.id));
    refunds.dedup_by(|a, b| a.id == b.id);
    refunds.into_iter().fold(0, |sum, refund| sum.saturating_add(minor_in(refund.amount, paid)))
}

fn disputed(state: &PaymentState, paid: Option<Money>, effect: DisputeEffect) -> i64 {
    let mut disputes: Vec<_> = state.disputes.iter().filter(|dispute| dispute.effect() == effect).collect();
    disputes.sort_by(|a, b| a.id.cmp(&b.id));
    disputes.dedup_by(|a, b| a.id == b.id);
    disputes.into_iter().fold(0, |sum, dispute| sum.saturating_add(minor_in(dispute.amount, paid)))
}

fn minor_in(amount: Money, paid: Option<Money>) -> i64 {
    match paid {
        Some(paid) if paid.currency() == amount.currency() => amount.minor(),
        _ => i64::MAX,
    }
}

fn nano(units: u64) -> NanoUsd {
    NanoUsd::new(i64::try_from(units).unwrap_or(i64::MAX))
}
