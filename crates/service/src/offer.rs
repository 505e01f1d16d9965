//! What a config offers: its models, the vendors that serve them, and our keys there.

use crate::config::Config;
use opencredits_catalog::{Catalog, CatalogError};
use opencredits_keys::Secret;
use opencredits_providers::{Auth, Vendor, Vendors};
use std::sync::Arc;

/// Vendors of this scheme are served inside of the process.
const SANDBOX_SCHEME: &str = "sandbox:";

/// What a config offers, in this environment.
pub struct Offer {
    /// All models that the config knows, whether their vendor is offered or not.
    pub catalog: Catalog,
    /// All vendors that the config knows.
    pub sellers: Vec<Seller>,
}

/// A vendor as this environment has it.
pub struct Seller {
    /// The vendor.
    pub vendor: Arc<Vendor>,
    /// Our key there.
    pub key: Option<Secret<String>>,
    /// Whether its models are offered: its key is in the environment, or it needs none.
    pub offered: bool,
}

/// Why a config offers nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OfferError {
    /// The models cannot be used.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The vendors cannot be used.
    #[error(transparent)]
    Vendors(#[from] opencredits_providers::Error),
    /// A model of the operator names a vendor that does not exist.
    #[error("the model {model} is served by {vendor}, which no [[vendor]] names; add it or mend the model")]
    NoVendor {
        /// The model.
        model: String,
        /// What it names.
        vendor: String,
    },
}

impl Offer {
    /// Reads what the config offers; `variables` are those of the environment.
    ///
    /// # Errors
    /// When vendors or models are wrong, by name.
    pub fn read(config: &Config, variables: &[(String, String)]) -> Result<Self, OfferError> {
        let vendors = Vendors::builtin()?.with_operator(&config.vendors_toml())?;
        // The price book knows models of vendors that have no file yet; the operator's own are meant to be served.
        for model in Catalog::empty().with_operator(&config.models_toml())?.models() {
            if vendors.get(&model.route.vendor).is_none() {
                let (model, vendor) = (model.id.to_string(), model.route.vendor.to_string());
                return Err(OfferError::NoVendor { model, vendor });
            }
        }
        let catalog = Catalog::builtin()?.with_sandbox()?.with_operator(&config.models_toml())?;
        let seller = |vendor: &Arc<Vendor>| {
            let seller = Seller { vendor: Arc::clone(vendor), key: key_of(vendor, variables), offered: false };
            let free = seller.key.is_some() || vendor.auth == Auth::None;
            Seller { offered: if seller.is_inside() { config.catalog.sandbox } else { free }, ..seller }
        };
        Ok(Self { catalog, sellers: vendors.iter().map(seller).collect() })
    }
}

impl Seller {
    /// Whether it is served inside of the process.
    #[must_use]
    pub fn is_inside(&self) -> bool {
        self.vendor.base_url.starts_with(SANDBOX_SCHEME)
    }
}

fn key_of(vendor: &Vendor, variables: &[(String, String)]) -> Option<Secret<String>> {
    let wanted = vendor.key_env.as_ref()?;
    let found = variables.iter().find(|(name, value)| name == wanted && !value.trim().is_empty());
    found.map(|(_, value)| Secret::new(value.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(toml: &str, variables: &[(&str, &str)]) -> Result<Offer, OfferError> {
        let variables: Vec<_> =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Offer::read(&Config::read(toml, []).unwrap(), &variables)
    }

    fn offered(offer: &Offer) -> Vec<&str> {
        offer.sellers.iter().filter(|seller| seller.offered).map(|seller| &*seller.vendor.id).collect()
    }

    #[test]
    fn a_vendor_is_offered_where_its_key_is_in_the_environment() {
        let none = read("", &[("OPENAI_API_KEY", "  ")]).unwrap();
        let one = read("", &[("OPENAI_API_KEY", " sk-1 ")]).unwrap();
        assert!(!offered(&none).contains(&"openai"));
        assert!(offered(&one).contains(&"openai"));
        let key = one.sellers.iter().find_map(|seller| seller.key.as_ref()).unwrap();
        assert_eq!(key.reveal(), "sk-1", "a line break after a key is not a part of it");
    }

    #[test]
    fn a_model_of_a_vendor_that_does_not_exist_is_refused_by_name() {
        let model = r#"
            [[model]]
            id = "local/m"
            vendor = "lokal"
            context_window = 8192
            max_output_tokens = 2048
            prices = { input = "1", output = "1" }
        "#;
        let error = read(model, &[]).err().unwrap().to_string();
        assert!(error.contains("local/m") && error.contains("lokal"), "{error}");
    }
}
