//! Asks the vendors of `[[discover]]` for their models.

use opencredits_providers::TransportError;
use opencredits_providers::http::Client;
use opencredits_service::config::{Config, Discover};
use opencredits_service::discover::LIST_BYTES_MAX;
use opencredits_service::{ConfiguredVendor, ServedCatalogue, ServedCatalogueError};
use std::time::Duration;

/// The time limit for a vendor's list, since nothing is served before.
const LIST_WAIT: Duration = Duration::from_secs(5);

/// A vendor's models could not be listed.
#[derive(Debug, thiserror::Error)]
enum Unlisted {
    #[error("it is not offered; opencredits-admin config check says what it needs")]
    NotOffered,
    #[error("it answered {0}")]
    Refused(u16),
    #[error(transparent)]
    Transport(#[from] TransportError),
    #[error(transparent)]
    List(#[from] ServedCatalogueError),
}

/// The catalogue with the models that the vendors list. A vendor that cannot be asked lists what it did `before`, else it is
/// skipped, so that the others are served.
pub(crate) async fn ask(
    config: &Config,
    mut offer: ServedCatalogue,
    (client, before): (&Client, Option<&ServedCatalogue>),
) -> ServedCatalogue {
    for terms in &config.discover {
        match with_list(&offer, terms, client).await {
            Ok(more) => offer = more,
            Err(reason) => {
                let vendor = &*terms.vendor;
                if let Some(kept) = before.and_then(|before| offer.with_list_of(before, terms)) {
                    tracing::warn!(vendor, %reason, "the vendor's list of models is that of before");
                    offer = kept;
                } else {
                    tracing::warn!(vendor, %reason, "the vendor's models are not offered until the next reload or start");
                }
            }
        }
    }
    offer
}

async fn with_list(offer: &ServedCatalogue, terms: &Discover, client: &Client) -> Result<ServedCatalogue, Unlisted> {
    let mut offered = offer.vendors.iter().filter(|vendor| vendor.offered);
    let vendor = offered.find(|vendor| *vendor.vendor.id == *terms.vendor).ok_or(Unlisted::NotOffered)?;
    let late = |_| TransportError::TotalTimeout;
    let list = tokio::time::timeout(LIST_WAIT, list_of(vendor, client)).await.map_err(late)??;
    Ok(offer.clone().with_listed(terms, &list)?)
}

async fn list_of(vendor: &ConfiguredVendor, client: &Client) -> Result<Vec<u8>, Unlisted> {
    let (url, headers) = vendor.list_request().ok_or(TransportError::InvalidRequest)?;
    let response = client.get(url, headers).await?;
    if !response.status.is_success() {
        return Err(Unlisted::Refused(response.status.as_u16()));
    }
    Ok(response.body.read_all(LIST_BYTES_MAX).await?.to_vec())
}
