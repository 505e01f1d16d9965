//! Stripe's objects in our words.

use super::client::unexpected;
use super::wire;
use crate::error::PaymentError;
use crate::ids::{Kind, ProcessorId};
use crate::money::Money;
use crate::state::{
    DisputeState, DisputeStatus, FraudWarning, Mode, MoneyMovement, MovementKind, RefundState, RefundStatus,
};
use opencredits_units::UnixMs;
use std::str::FromStr;

/// Where a refund's metadata names our request.
pub(super) const REFUND_KEY: &str = "opencredits_refund";
/// Characters of a dispute's reason that are kept.
const REASON_CHARS_MAX: usize = 100;

pub(super) fn id<K: Kind>(operation: &'static str, text: &str) -> Result<ProcessorId<K>, PaymentError> {
    text.parse().map_err(|_| unexpected(operation, K::NAME))
}

pub(super) fn money(operation: &'static str, minor: i64, currency: &str) -> Result<Money, PaymentError> {
    let currency = currency.parse().map_err(|_| unexpected(operation, "currency"))?;
    Ok(Money::new(minor, currency))
}

pub(super) const fn mode(livemode: bool) -> Mode {
    if livemode { Mode::Live } else { Mode::Test }
}

pub(super) const fn time(seconds: u64) -> UnixMs {
    UnixMs::new(seconds.saturating_mul(1_000))
}

/// What we told Stripe under this name. What others wrote there may not be ours, and is then as good as absent.
pub(super) fn told<T: FromStr>(metadata: Option<&wire::Metadata>, name: &str) -> Option<T> {
    metadata?.get(name)?.parse().ok()
}

pub(super) fn refund(operation: &'static str, refund: &wire::Refund) -> Result<RefundState, PaymentError> {
    Ok(RefundState {
        id: id(operation, &refund.id)?,
        amount: money(operation, refund.amount, &refund.currency)?,
        status: match refund.status.as_deref() {
            Some("pending") => RefundStatus::Pending,
            Some("requires_action") => RefundStatus::RequiresAction,
            Some("succeeded") => RefundStatus::Succeeded,
            Some("failed") => RefundStatus::Failed,
            Some("canceled") => RefundStatus::Canceled,
            _ => RefundStatus::Unknown,
        },
        requested_by: told(refund.metadata.as_ref(), REFUND_KEY),
    })
}

pub(super) fn dispute(operation: &'static str, dispute: &wire::Dispute) -> Result<DisputeState, PaymentError> {
    let movements = dispute.balance_transactions.iter().map(|transaction| movement(operation, transaction));
    Ok(DisputeState {
        id: id(operation, &dispute.id)?,
        amount: money(operation, dispute.amount, &dispute.currency)?,
        status: match dispute.status.as_str() {
            "warning_needs_response" | "warning_under_review" => DisputeStatus::Inquiry,
            "warning_closed" => DisputeStatus::InquiryClosed,
            "needs_response" => DisputeStatus::NeedsResponse,
            "under_review" => DisputeStatus::UnderReview,
            "won" => DisputeStatus::Won,
            "lost" => DisputeStatus::Lost,
            "appeal_needs_response" | "appeal_under_review" => DisputeStatus::Appealed,
            "prevented" => DisputeStatus::Prevented,
            _ => DisputeStatus::Unknown,
        },
        reason: dispute.reason.chars().take(REASON_CHARS_MAX).collect(),
        is_charge_refundable: dispute.is_charge_refundable,
        movements: movements.collect::<Result<_, _>>()?,
    })
}

pub(super) fn warning(operation: &'static str, warning: &wire::Warning) -> Result<FraudWarning, PaymentError> {
    Ok(FraudWarning { id: id(operation, &warning.id)?, actionable: warning.actionable })
}

pub(super) fn movement(
    operation: &'static str,
    transaction: &wire::BalanceTransaction,
) -> Result<MoneyMovement, PaymentError> {
    Ok(MoneyMovement {
        id: id(operation, &transaction.id)?,
        kind: movement_kind(transaction),
        amount: money(operation, transaction.amount, &transaction.currency)?,
        fee: money(operation, transaction.fee, &transaction.currency)?,
        net: money(operation, transaction.net, &transaction.currency)?,
        source: transaction.source.as_ref().map(|source| source.id().to_owned()),
        created_at: time(transaction.created),
    })
}

fn movement_kind(transaction: &wire::BalanceTransaction) -> MovementKind {
    match (transaction.kind.as_str(), transaction.reporting_category.as_str()) {
        ("charge" | "payment", _) => MovementKind::Payment,
        ("payment_failure_refund" | "payment_reversal", _) => MovementKind::PaymentReversal,
        ("refund" | "payment_refund", _) => MovementKind::Refund,
        ("refund_failure", _) => MovementKind::RefundReversal,
        ("adjustment", "dispute") => MovementKind::Dispute,
        ("adjustment", "dispute_reversal") => MovementKind::DisputeReversal,
        ("stripe_fee" | "stripe_fx_fee" | "tax_fee", _) => MovementKind::Fee,
        ("payout" | "payout_cancel" | "payout_failure", _) => MovementKind::Payout,
        (kind, _) => MovementKind::Other(kind.to_owned()),
    }
}

/// The movement of a link that was asked to be an object.
pub(super) fn linked_movement(
    operation: &'static str,
    link: Option<&wire::Linked<wire::BalanceTransaction>>,
) -> Result<Option<MoneyMovement>, PaymentError> {
    match link {
        Some(wire::Linked::Object(transaction)) => movement(operation, transaction).map(Some),
        Some(wire::Linked::Id(_)) => Err(unexpected(operation, "balance transaction")),
        None => Ok(None),
    }
}
