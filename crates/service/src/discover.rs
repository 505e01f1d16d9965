//! Models that a vendor lists itself, all at prices that the operator has set.
//!
//! No I/O: this module has the request and reads the answer, the binary sends it.

use crate::config::Discover;
use crate::gateway::headers_to;
use crate::served_catalogue::{ConfiguredVendor, ServedCatalogue, ServedCatalogueError};
use opencredits_catalog::Catalog;
use serde::Deserialize;
use std::collections::HashSet;
use toml::{Table, Value};

/// The longest list, in bytes.
pub const LIST_BYTES_MAX: usize = 4 << 20;
/// The largest number of models that are taken from one list.
const LISTED_MAX: usize = 1_000;
/// A placeholder name, where only the operator's part is checked.
const ANY_NAME: &str = "*";

#[derive(Deserialize)]
struct List {
    data: Vec<Listed>,
}

#[derive(Deserialize)]
struct Listed {
    id: String,
}

impl Discover {
    /// Whether the entry names a vendor that lists its models, and has valid prices.
    pub(crate) fn check(&self, vendors: &[ConfiguredVendor]) -> Result<(), ServedCatalogueError> {
        let mut named = vendors.iter().filter(|vendor| *vendor.vendor.id == *self.vendor);
        if !named.any(|vendor| vendor.vendor.discover) {
            return Err(ServedCatalogueError::NoList { vendor: self.vendor.clone() });
        }
        Catalog::empty().with_operator(&self.models_toml(&[ANY_NAME]))?;
        Ok(())
    }

    /// Models of these names, in the form of an operator's config.
    fn models_toml(&self, names: &[&str]) -> String {
        let number = |tokens: u64| Value::from(i64::try_from(tokens).unwrap_or(i64::MAX));
        let prices: Table = self.prices.iter().map(|(bucket, price)| (bucket.clone(), price.as_str().into())).collect();
        let model = |name: &&str| {
            let fields = [
                ("id", format!("{}/{name}", self.vendor).into()),
                ("vendor", self.vendor.as_str().into()),
                ("upstream_model", Value::from(*name)),
                ("context_window", number(self.context_window)),
                ("max_output_tokens", number(self.max_output_tokens)),
                ("prices", prices.clone().into()),
            ];
            Value::Table(fields.into_iter().map(|(field, value)| (field.to_owned(), value)).collect())
        };
        let models: Vec<Value> = names.iter().map(model).collect();
        Table::from_iter([("model".to_owned(), Value::Array(models))]).to_string()
    }
}

impl ConfiguredVendor {
    /// The URL of the vendor's list of models, and the headers of the request; `None` where there is none.
    #[must_use]
    pub fn list_request(&self) -> Option<(http::Uri, http::HeaderMap)> {
        self.request_to(&self.vendor.models_url()?)
    }

    /// A request that the vendor answers with 401 or 403 where our key is none of its, and that costs nothing; `None` where
    /// none is known.
    #[must_use]
    pub fn check_request(&self) -> Option<(http::Uri, http::HeaderMap)> {
        self.request_to(&self.vendor.check_url()?)
    }

    fn request_to(&self, url: &str) -> Option<(http::Uri, http::HeaderMap)> {
        Some((url.parse().ok()?, headers_to(&self.vendor, self.vendor.dialect, self.keys.first())?))
    }
}

impl ServedCatalogue {
    /// This catalogue with the models that this vendor listed before; none where it did not.
    #[must_use]
    pub fn with_list_of(&self, before: &Self, terms: &Discover) -> Option<Self> {
        let (_, list) = before.lists.iter().find(|(listed, _)| listed.vendor == terms.vendor)?;
        self.clone().with_listed(terms, list).ok()
    }

    /// This catalogue with the models of a list, except those that have prices of their own already.
    ///
    /// # Errors
    /// When the answer is no list of models.
    pub fn with_listed(self, terms: &Discover, list_bytes: &[u8]) -> Result<Self, ServedCatalogueError> {
        let no_list = |_| ServedCatalogueError::NoList { vendor: terms.vendor.clone() };
        let list: List = serde_json::from_slice(list_bytes).map_err(no_list)?;
        let is_known = |name: &str| {
            let id = format!("{}/{name}", terms.vendor).to_lowercase();
            self.catalog.models().iter().any(|model| {
                *model.id == *id || (*model.route.vendor == *terms.vendor && *model.route.upstream_model == *name)
            })
        };
        let names = list.data.iter().map(|listed| listed.id.as_str());
        // Names that differ in case only are one model here.
        let mut listed = HashSet::new();
        let names = names.filter(|name| listed.insert(name.to_lowercase()));
        let new: Vec<&str> = names.filter(|name| !name.is_empty() && !is_known(name)).take(LISTED_MAX).collect();
        let catalog = self.catalog.clone().with_operator(&terms.models_toml(&new))?;
        let mut lists = self.lists;
        lists.push((terms.clone(), list_bytes.to_vec()));
        Ok(Self { catalog, lists, ..self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    const LOCAL: &str = r#"
        [[discover]]
        vendor = "ollama"
        context_window = 8192
        max_output_tokens = 2048
        prices = { input = "0.02", output = "0.05" }

        [[model]]
        id = "house/dear"
        vendor = "ollama"
        upstream_model = "dear:70b"
        context_window = 8192
        max_output_tokens = 2048
        prices = { input = "2", output = "5" }
    "#;

    fn read(toml: &str) -> Result<(ServedCatalogue, Config), ServedCatalogueError> {
        let config = Config::read(toml, []).unwrap();
        ServedCatalogue::read(&config, &[]).map(|offer| (offer, config))
    }

    fn of_ollama(list: &str) -> Result<Vec<String>, String> {
        let (offer, config) = read(LOCAL).unwrap();
        let offer = offer.with_listed(&config.discover[0], list.as_bytes()).map_err(|error| error.to_string())?;
        let models = offer.catalog.models().iter().filter(|model| &*model.route.vendor == "ollama");
        Ok(models.map(|model| format!("{} {}", model.id, model.route.upstream_model)).collect())
    }

    #[test]
    fn what_a_vendor_lists_is_offered_at_the_operators_price_unless_it_has_its_own() {
        let list =
            r#"{"object": "list", "data": [{"id": "Qwen3:8b"}, {"id": "qwen3:8b"}, {"id": "dear:70b"}, {"id": ""}]}"#;
        assert_eq!(of_ollama(list).unwrap(), ["house/dear dear:70b", "ollama/qwen3:8b Qwen3:8b"]);
        assert_eq!(of_ollama(r#"{"data": []}"#).unwrap(), ["house/dear dear:70b"]);
        assert!(of_ollama("<html>").unwrap_err().contains("ollama"));
    }

    #[test]
    fn a_list_is_asked_for_at_the_vendors_address() {
        let (offer, _) = read(LOCAL).unwrap();
        let url = |id: &str| {
            let vendor = offer.vendors.iter().find(|vendor| &*vendor.vendor.id == id).unwrap();
            vendor.list_request().map(|(url, _)| url.to_string())
        };
        assert_eq!(url("ollama").unwrap(), "http://127.0.0.1:11434/v1/models");
        assert_eq!(url("openai"), None);
    }

    #[test]
    fn discovery_without_a_price_or_from_a_vendor_without_a_list_is_refused_by_name() {
        let check = |from: &str, to: &str, named: &str| {
            let error = read(&LOCAL.replacen(from, to, 1)).err().unwrap().to_string();
            assert!(error.contains(named), "{error}");
        };
        check("\"ollama\"", "\"openai\"", "openai");
        check("\"ollama\"", "\"olama\"", "olama");
        check("input = \"0.02\", ", "", "price");
        check("\"0.02\"", "\"cheap\"", "the price input of ollama/* is wrong");
    }
}
