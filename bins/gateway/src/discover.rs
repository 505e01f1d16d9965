//! Asks the vendors of `[[discover]]` for their models.

use opencredits_providers::TransportError;
use opencredits_providers::http::Client;
use opencredits_service::config::{Config, Discover};
use opencredits_service::discover::LIST_BYTES_MAX;
use opencredits_service::{Offer, Seller};
use std::time::Duration;

/// How long a vendor may take for its list, since nothing is served before.
const LIST_WAIT: Duration = Duration::from_secs(5);

/// The offer with what the vendors list. One that cannot be asked is left out, so that the others are served.
pub(crate) async fn ask(config: &Config, mut offer: Offer, client: &Client) -> Offer {
    for terms in &config.discover {
        let vendor = &*terms.vendor;
        let Some(list) = list_of(&offer, terms, client).await else {
            tracing::warn!(vendor, "the vendor did not list its models; they are not offered until the next start");
            continue;
        };
        match offer.clone().with_listed(terms, &list) {
            Ok(more) => offer = more,
            Err(error) => tracing::warn!(vendor, %error, "the vendor's list of models cannot be read"),
        }
    }
    offer
}

async fn list_of(offer: &Offer, terms: &Discover, client: &Client) -> Option<Vec<u8>> {
    let seller = offer.sellers.iter().find(|seller| seller.offered && *seller.vendor.id == *terms.vendor)?;
    tokio::time::timeout(LIST_WAIT, get(seller, client)).await.ok()?.ok()
}

async fn get(seller: &Seller, client: &Client) -> Result<Vec<u8>, TransportError> {
    let (url, headers) = seller.list_request().ok_or(TransportError::InvalidRequest)?;
    let response = client.get(url, headers).await?;
    if !response.status.is_success() {
        return Err(TransportError::InvalidRequest);
    }
    Ok(response.body.read_all(LIST_BYTES_MAX).await?.to_vec())
}
