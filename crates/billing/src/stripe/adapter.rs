//! The port on Stripe.

use super::client::Client;
use super::settings::StripeSettings;
use super::{create, lists, read};
use crate::error::PaymentError;
use crate::hint::Hint;
use crate::ids::{CustomerId, EventId, MovementId, SessionId};
use crate::payments::{Customers, Payments};
use crate::requests::{After, ChargeOutcome, Checkout, CheckoutRequest, Page, PaymentRef, RefundRequest, SavedCharge};
use crate::state::{Mode, MoneyMovement, PaymentState, RefundState};
use async_trait::async_trait;

/// Payments by Stripe. It keeps connections, and nothing else.
pub struct Stripe {
    client: Client,
}

impl Stripe {
    /// Prepares it; nothing is sent.
    ///
    /// # Errors
    /// [`PaymentError::Malformed`] when no HTTP client can be made of the settings.
    pub fn new(settings: StripeSettings) -> Result<Self, PaymentError> {
        Ok(Self { client: Client::new(settings)? })
    }

    /// Whether it moves real money: the mode of its key, which that of events must equal.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        self.client.mode()
    }
}

#[async_trait]
impl Payments for Stripe {
    async fn create_checkout(&self, request: &CheckoutRequest) -> Result<Checkout, PaymentError> {
        create::checkout(&self.client, request).await
    }

    async fn expire_checkout(&self, session: &SessionId) -> Result<(), PaymentError> {
        create::expire(&self.client, session).await
    }

    async fn payment(&self, payment: &PaymentRef) -> Result<PaymentState, PaymentError> {
        read::payment(&self.client, payment).await
    }

    async fn charge_saved(&self, charge: &SavedCharge) -> Result<ChargeOutcome, PaymentError> {
        create::charge_saved(&self.client, charge).await
    }

    async fn refund(&self, request: &RefundRequest) -> Result<RefundState, PaymentError> {
        create::refund(&self.client, request).await
    }

    async fn events_after(&self, after: After<'_, EventId>) -> Result<Page<Hint, EventId>, PaymentError> {
        lists::events(&self.client, after).await
    }

    async fn movements_after(
        &self,
        after: After<'_, MovementId>,
    ) -> Result<Page<MoneyMovement, MovementId>, PaymentError> {
        lists::movements(&self.client, after).await
    }

    async fn portal_url(&self, customer: &CustomerId, return_url: &str) -> Result<String, PaymentError> {
        create::portal(&self.client, customer, return_url).await
    }
}

#[async_trait]
impl Customers for Stripe {
    async fn delete_customer(&self, customer: &CustomerId) -> Result<(), PaymentError> {
        create::delete_customer(&self.client, customer).await
    }
}
