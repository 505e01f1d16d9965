//! The offer of another config, over the price book in force.

use super::error::PricesError;
use super::stored::book_in_force;
use super::types::{Live, Prices};
use crate::gateway::{Gateway, PreparedOffering};
use crate::served_catalogue::ServedCatalogue;
use opencredits_catalog::Catalog;
use std::sync::{Arc, Weak};
use tokio::sync::MutexGuard;

/// A change of the offer. While it is there, no price book is put into force.
pub struct OfferChange<'a> {
    prices: &'a Prices,
    live: &'a Live,
    _one: MutexGuard<'a, ()>,
}

impl Prices {
    /// Begins to change the offer.
    ///
    /// # Errors
    /// When no gateway runs.
    pub async fn change_offer(&self) -> Result<OfferChange<'_>, PricesError> {
        let live = self.live.as_ref().ok_or(PricesError::NoGateway)?;
        Ok(OfferChange { prices: self, live, _one: self.changing.lock().await })
    }
}

impl OfferChange<'_> {
    /// The price book in force, without the models of the config.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn book(&self) -> Result<Catalog, PricesError> {
        book_in_force(&*self.prices.books).await
    }

    /// What is offered now.
    #[must_use]
    pub fn current(&self) -> Arc<ServedCatalogue> {
        Arc::clone(&self.live.served.lock())
    }

    /// The gateway, and that of test mode where there is one.
    ///
    /// # Errors
    /// When the process ends.
    pub fn gateways(&self) -> Result<(Arc<Gateway>, Option<Arc<Gateway>>), PricesError> {
        let gateway = self.live.gateway.upgrade().ok_or(PricesError::Closing)?;
        Ok((gateway, self.live.test_gateway.as_ref().and_then(Weak::upgrade)))
    }

    /// Serves by what was prepared from this catalogue, from now on.
    ///
    /// # Errors
    /// When the process ends.
    pub fn put(
        self,
        served: ServedCatalogue,
        (live, test): (PreparedOffering, Option<PreparedOffering>),
    ) -> Result<(), PricesError> {
        let (gateway, test_gateway) = self.gateways()?;
        gateway.put(live);
        if let (Some(gateway), Some(test)) = (test_gateway, test) {
            gateway.put(test);
        }
        self.prices.accounts.know(served.catalog.clone());
        *self.live.served.lock() = Arc::new(served);
        Ok(())
    }
}
