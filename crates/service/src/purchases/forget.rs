//! People who are restricted, leaving or gone.

use super::error::PurchaseError;
use super::state::Purchases;
use opencredits_billing::{CustomerId, PaymentError, SessionId};
use opencredits_store::{OrderState, PrivacyState};
use opencredits_units::UserId;

/// A person's latest orders that are looked through for pages that can still be paid on.
const LATEST_MAX: u32 = 100;

impl Purchases {
    pub(super) async fn privacy_of(&self, user: UserId) -> Result<PrivacyState, PurchaseError> {
        match &self.privacy {
            Some((states, _)) => Ok(states.privacy_of(user).await?),
            None => Ok(PrivacyState::default()),
        }
    }

    pub(super) async fn refuse_paused(&self, user: UserId) -> Result<(), PurchaseError> {
        if self.privacy_of(user).await?.is_paused() { Err(PurchaseError::Paused) } else { Ok(()) }
    }

    /// Ends a person's pages that can still be paid on, and deletes at the processor what it keeps of them besides payments.
    /// Repeating it is harmless.
    ///
    /// # Errors
    /// When processor or store fail.
    pub async fn forget_person(&self, user: UserId) -> Result<(), PurchaseError> {
        for order in self.tables.orders.orders(Some(user), None, LATEST_MAX).await? {
            if let (OrderState::Open, Some(page)) = (order.state, order.page) {
                let session: SessionId = page.session.parse()?;
                self.ports.payments.expire_checkout(&session).await?;
            }
        }
        let payer = self.tables.payers.payer(user).await?;
        let customer = payer.and_then(|payer| payer.customer);
        let (Some(customer), Some((_, customers))) = (customer, &self.privacy) else { return Ok(()) };
        let customer: CustomerId = customer.parse()?;
        match customers.delete_customer(&customer).await {
            Ok(()) | Err(PaymentError::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
