//! The port to a payment processor.

use crate::error::PaymentError;
use crate::hint::Hint;
use crate::ids::{CustomerId, EventId, MovementId, SessionId};
use crate::requests::{After, ChargeOutcome, Checkout, CheckoutRequest, Page, PaymentRef, RefundRequest, SavedCharge};
use crate::state::{MoneyMovement, PaymentState, RefundState};
use async_trait::async_trait;

/// A payment processor.
///
/// Every method is bounded in time, and repeating one is harmless: what it makes has an idempotency key that follows
/// from its arguments. All methods fail with a [`PaymentError`], whose [`PaymentError::retry`] says what helps.
#[async_trait]
pub trait Payments: Send + Sync {
    /// Makes a hosted page for a purchase; the same order and attempt give the same page.
    ///
    /// # Errors
    /// [`PaymentError::Malformed`] before anything is sent, else as the processor answers.
    async fn create_checkout(&self, request: &CheckoutRequest) -> Result<Checkout, PaymentError>;

    /// Ends a page that was not paid. One that is paid, or has ended, stays as it is, which is no error.
    ///
    /// # Errors
    /// As the processor answers.
    async fn expire_checkout(&self, session: &SessionId) -> Result<(), PaymentError>;

    /// Reads a payment as it stands now, with its refunds, disputes and movements of money.
    ///
    /// # Errors
    /// [`PaymentError::NotFound`] when there is none, else as the processor answers.
    async fn payment(&self, payment: &PaymentRef) -> Result<PaymentState, PaymentError>;

    /// Charges a saved payment method while the buyer is away. It looks for earlier charges of the order first, so that
    /// an answer that was lost does not lead to a second one.
    ///
    /// # Errors
    /// As the processor answers. A refusal by the bank is a [`ChargeOutcome`].
    async fn charge_saved(&self, charge: &SavedCharge) -> Result<ChargeOutcome, PaymentError>;

    /// Sends money back.
    ///
    /// # Errors
    /// [`PaymentError::NotRefundable`] when a dispute or an earlier refund stands against it, else as the processor
    /// answers.
    async fn refund(&self, request: &RefundRequest) -> Result<RefundState, PaymentError>;

    /// Events of kinds that concern payments, older before newer. Processors keep them for some weeks.
    ///
    /// # Errors
    /// [`PaymentError::NotFound`] when the event to go on from is not kept any more, else as the processor answers.
    async fn events_after(&self, after: After<'_, EventId>) -> Result<Page<Hint, EventId>, PaymentError>;

    /// The processor's own books, older before newer: every cent is in exactly one movement.
    ///
    /// # Errors
    /// As the processor answers.
    async fn movements_after(
        &self,
        after: After<'_, MovementId>,
    ) -> Result<Page<MoneyMovement, MovementId>, PaymentError>;

    /// A page of the processor on which a buyer sees their receipts and saved payment methods.
    ///
    /// # Errors
    /// [`PaymentError::Malformed`] for the return address, else as the processor answers.
    async fn portal_url(&self, customer: &CustomerId, return_url: &str) -> Result<String, PaymentError>;
}

/// The buyers that a payment processor knows.
#[async_trait]
pub trait Customers: Send + Sync {
    /// Deletes a buyer with their saved payment methods. Their payments stay, and can still be refunded. One that is not there
    /// any more is no error.
    ///
    /// # Errors
    /// As the processor answers.
    async fn delete_customer(&self, customer: &CustomerId) -> Result<(), PaymentError>;
}
