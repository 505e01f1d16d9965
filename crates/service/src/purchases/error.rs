//! Errors of purchases.

use super::terms::NotSold;
use crate::fault::Fault;
use opencredits_billing::PaymentError;
use opencredits_ledger::LedgerError;
use opencredits_store::StoreError;
use opencredits_units::OrderId;

/// A purchase was refused or failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PurchaseError {
    /// Nothing is sold for this amount.
    #[error("nothing is sold for this amount")]
    NotSold(NotSold),
    /// The idempotency key was used for another purchase: another amount or currency, other addresses, another app.
    #[error("the idempotency key was used for another purchase; use a new key for a new purchase")]
    OtherRequest,
    /// Too many purchases of this person wait to be paid.
    #[error("{max} purchases wait to be paid; pay one of them, or wait until they expire")]
    TooManyOpen {
        /// How many may wait.
        max: usize,
    },
    /// No purchase has this id.
    #[error("no order {id}")]
    NoOrder {
        /// The id.
        id: String,
    },
    /// The order was not paid.
    #[error("order {id} was not paid")]
    NotPaid {
        /// The order.
        id: OrderId,
    },
    /// No payment method is saved.
    #[error("no payment method is saved; buy credits once with the method saved, then turn top-ups on")]
    NoMethod,
    /// The month's maximum of top-ups is below one of them.
    #[error("the monthly maximum is below one top-up with its fee, {least_minor} minor units; raise it")]
    MonthlyMax {
        /// One top-up, in minor units.
        least_minor: i64,
    },
    /// The person is restricted or leaving.
    #[error("this account is restricted or going to be deleted; lift that before you buy")]
    Paused,
    /// A payment has our marker, and its order is unknown: a write was lost, or a backup is old.
    #[error("payment {payment} is ours and its order is unknown; restore the order, or refund the payment by hand")]
    UnknownOrder {
        /// The payment.
        payment: String,
    },
    /// Another process changes the order at the same time.
    #[error("order {id} is being changed at the same time; ask again")]
    Contended {
        /// The order.
        id: OrderId,
    },
    /// The processor refused, failed, or says what does not fit the order.
    #[error(transparent)]
    Payment(#[from] PaymentError),
    /// An amount fits no integer.
    #[error("an amount is too large")]
    Overflow,
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Fault> for PurchaseError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Ledger(error) => error.into(),
            Fault::Store(error) => error.into(),
            Fault::Overflow => Self::Overflow,
            _ => Self::Store(StoreError::Closing),
        }
    }
}
