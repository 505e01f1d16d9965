//! The catalogue that a config puts on sale: models, the vendors that serve them, and our keys there.

mod changes;
mod notice;

pub use notice::Notice;

use crate::config::{Config, Discover};
use opencredits_catalog::{Catalog, CatalogError, Model, OfferTerms};
use opencredits_keys::Secret;
use opencredits_providers::{Auth, Vendor, Vendors};
use opencredits_units::BasisPoints;
use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::sync::Arc;

/// The longest key file, in bytes.
const SECRET_BYTES_MAX: u64 = 64 << 10;

/// The catalogue that a config puts on sale in this environment.
#[derive(Clone)]
pub struct ServedCatalogue {
    /// All models that the config knows, on sale or not.
    pub catalog: Catalog,
    /// All vendors that the config knows.
    pub vendors: Vec<ConfiguredVendor>,
    /// What is offered, and at which markup.
    pub(crate) terms: OfferTerms,
    /// The operator's own models, as TOML.
    pub(crate) own_models: String,
    /// The lists that vendors gave of their models.
    pub(crate) lists: Vec<(Discover, Vec<u8>)>,
}

/// A vendor in this environment.
#[derive(Clone)]
pub struct ConfiguredVendor {
    /// The vendor.
    pub vendor: Arc<Vendor>,
    /// Our keys there.
    pub keys: Vec<Secret<String>>,
    /// Our key for its billing report, where it has one and the key is set.
    pub billing_key: Option<Secret<String>>,
    /// The environment variables that it needs and that have no value.
    pub missing: Vec<String>,
    /// Whether its models are on sale: its key is set or not needed, and its URL is complete.
    pub offered: bool,
}

/// A config has no usable catalogue.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServedCatalogueError {
    /// The models are invalid.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The vendors are invalid.
    #[error(transparent)]
    Vendors(#[from] opencredits_providers::VendorError),
    /// The models of a vendor cannot be discovered: it has no list, or its answer was no list.
    #[error("the vendor {vendor} of [[discover]] gives no list of models; name one that has discover = true")]
    NoList {
        /// The vendor.
        vendor: String,
    },
    /// The file of a key cannot be read.
    #[error("cannot read {path}, which {variable} names: {source}; mend the path, or let the gateway's user read it")]
    File {
        /// The variable.
        variable: String,
        /// The file.
        path: String,
        /// The reason.
        source: std::io::Error,
    },
    /// An operator's model names an unknown vendor.
    #[error("the model {model} is served by {vendor}, which no [[vendor]] names; add it or mend the model")]
    NoVendor {
        /// The model.
        model: String,
        /// The vendor.
        vendor: String,
    },
}

impl ServedCatalogue {
    /// Reads the catalogue of a config over the compiled-in price book; `variables` are those of the environment.
    ///
    /// # Errors
    /// When a vendor or a model is invalid; the error names it.
    pub fn read(config: &Config, variables: &[(String, String)]) -> Result<Self, ServedCatalogueError> {
        Self::over(Catalog::builtin()?, config, variables)
    }

    /// The same over another price book.
    ///
    /// # Errors
    /// When a vendor or a model is invalid; the error names it.
    pub fn over(book: Catalog, config: &Config, variables: &[(String, String)]) -> Result<Self, ServedCatalogueError> {
        let vendors = Vendors::builtin()?.with_operator(&config.vendors_toml())?;
        // The price book has models of vendors without a file; the operator's own models must be served.
        let own_models = config.models_toml();
        let own = Catalog::empty().with_operator(&own_models)?;
        for (model, route) in own.models().iter().flat_map(|model| model.routes().map(move |route| (model, route))) {
            if vendors.get(&route.vendor).is_none() {
                let (model, vendor) = (model.id.to_string(), route.vendor.to_string());
                return Err(ServedCatalogueError::NoVendor { model, vendor });
            }
        }
        let mut terms = OfferTerms::new(&config.offer.allow, &config.offer.deny)?;
        for rule in &config.markup {
            terms = terms.with_markup(&rule.models, BasisPoints::new(rule.bps))?;
        }
        let catalog = over_book(book, &own_models)?;
        let vendor = |vendor| ConfiguredVendor::read(vendor, variables, config.catalog.sandbox);
        let vendors = vendors.iter().map(vendor).collect::<Result<Vec<_>, _>>()?;
        config.discover.iter().try_for_each(|terms| terms.check(&vendors))?;
        Ok(Self { catalog, vendors, terms, own_models, lists: Vec::new() })
    }

    /// The same over another price book.
    ///
    /// # Errors
    /// When the models of both have one name.
    pub fn rebased(&self, book: Catalog) -> Result<Self, ServedCatalogueError> {
        let catalog = over_book(book, &self.own_models)?;
        let mut rebased = Self { catalog, lists: Vec::new(), ..self.clone() };
        for (terms, list) in &self.lists {
            rebased = rebased.with_listed(terms, list)?;
        }
        Ok(rebased)
    }

    /// Its models without those that are not offered, each with its markup.
    #[must_use]
    pub fn offered(&self) -> Catalog {
        self.catalog.clone().offered(&self.terms)
    }

    /// The models on sale: those that are offered, of vendors with a key.
    #[must_use]
    pub fn on_sale(&self) -> Catalog {
        self.offered().only(|vendor| self.has_vendor(vendor))
    }

    /// The models of test mode: those that are on sale, and the sandbox's own.
    #[must_use]
    pub fn in_test_mode(&self) -> Catalog {
        self.offered().only(|id| {
            self.vendors.iter().any(|vendor| (vendor.offered || vendor.is_inside()) && *vendor.vendor.id == *id)
        })
    }

    /// Whether a model would be on sale.
    #[must_use]
    pub fn sells(&self, model: &Model) -> bool {
        self.terms.offers(&model.id) && model.routes().any(|route| self.has_vendor(&route.vendor))
    }

    fn has_vendor(&self, id: &str) -> bool {
        self.vendors.iter().any(|vendor| vendor.offered && *vendor.vendor.id == *id)
    }
}

/// A price book with the sandbox's models and the operator's, which replace others of the same id.
fn over_book(book: Catalog, own_models: &str) -> Result<Catalog, CatalogError> {
    book.with_sandbox()?.with_operator(own_models)
}

impl ConfiguredVendor {
    fn read(vendor: &Arc<Vendor>, variables: &[(String, String)], sandbox: bool) -> Result<Self, ServedCatalogueError> {
        let mut values = HashMap::new();
        for name in vendor.key_env.as_deref().into_iter().chain(vendor.variables()) {
            values.insert(name, value_of(name, variables)?);
        }
        let value = |name: &str| values.get(name).cloned().flatten();
        let given = vendor.key_env.as_deref().and_then(value).unwrap_or_default();
        // Several keys are separated by commas or spaces: no key contains one.
        let keys = given.split([',', ' ', '\n', '\t']).map(str::trim).filter(|key| !key.is_empty());
        let keys: Vec<_> = keys.map(|key| Secret::new(key.to_owned())).collect();
        let without = vendor.variables().into_iter().filter(|name| value(name).is_none());
        let missing: Vec<String> = without.map(str::to_owned).collect();
        let reached = missing.is_empty() && (!keys.is_empty() || vendor.auth == Auth::None);
        let billing_key = match &vendor.billing_report {
            Some(report) => value_of(&report.key_env, variables)?.map(Secret::new),
            None => None,
        };
        let vendor = Self { vendor: Arc::new(vendor.filled(value)?), keys, billing_key, missing, offered: reached };
        Ok(if vendor.is_inside() { Self { offered: sandbox, ..vendor } } else { vendor })
    }

    /// Whether it is served inside of the process.
    #[must_use]
    pub fn is_inside(&self) -> bool {
        self.vendor.is_inside()
    }
}

/// The value of a variable, else the content of the file that the variable with the suffix `_FILE` names. A blank value
/// counts as none, and a line break after a key is not a part of it.
fn value_of(name: &str, variables: &[(String, String)]) -> Result<Option<String>, ServedCatalogueError> {
    let set = |name: &str| {
        let found = variables.iter().find(|(found, _)| found == name);
        found.map(|(_, value)| value.trim().to_owned()).filter(|value| !value.is_empty())
    };
    let variable = format!("{name}_FILE");
    match (set(name), set(&variable)) {
        (None, Some(path)) => match read_secret(&path) {
            Ok(value) => Ok(Some(value.trim().to_owned()).filter(|value| !value.is_empty())),
            Err(source) => Err(ServedCatalogueError::File { variable, path, source }),
        },
        (value, _) => Ok(value),
    }
}

fn read_secret(path: &str) -> std::io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(SECRET_BYTES_MAX).read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use opencredits_catalog::ModelKind;
    use opencredits_providers::Dialect;

    fn read(toml: &str, variables: &[(&str, &str)]) -> Result<ServedCatalogue, ServedCatalogueError> {
        let variables: Vec<_> =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        ServedCatalogue::read(&Config::read(toml, []).unwrap(), &variables)
    }

    fn offered(offer: &ServedCatalogue) -> Vec<&str> {
        offer.vendors.iter().filter(|vendor| vendor.offered).map(|vendor| &*vendor.vendor.id).collect()
    }

    #[test]
    fn a_vendor_is_offered_where_its_key_is_in_the_environment() {
        let none = read("", &[("OPENAI_API_KEY", "  ")]).unwrap();
        let one = read("", &[("OPENAI_API_KEY", " sk-1 ")]).unwrap();
        assert!(!offered(&none).contains(&"openai"));
        assert!(offered(&one).contains(&"openai"));
        let key = one.vendors.iter().find_map(|vendor| vendor.keys.first()).unwrap();
        assert_eq!(key.reveal(), "sk-1", "a line break after a key is not a part of it");
        let several = read("", &[("OPENAI_API_KEY", "sk-1, sk-2\nsk-3")]).unwrap();
        let keys = several.vendors.iter().find(|vendor| !vendor.keys.is_empty()).unwrap();
        assert_eq!(keys.keys.iter().map(|key| key.reveal().as_str()).collect::<Vec<_>>(), ["sk-1", "sk-2", "sk-3"]);
    }

    #[test]
    fn a_key_may_be_in_a_file_and_a_file_that_cannot_be_read_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, " sk-1\nsk-2\n").unwrap();
        let path = path.to_str().unwrap();
        let keys = |variables: &[(&str, &str)]| -> Result<Vec<String>, String> {
            let offer = read("", variables).map_err(|error| error.to_string())?;
            let vendor = offer.vendors.iter().find(|vendor| &*vendor.vendor.id == "openai").unwrap();
            assert_eq!(vendor.offered, !vendor.keys.is_empty());
            Ok(vendor.keys.iter().map(|key| key.reveal().clone()).collect())
        };
        assert_eq!(keys(&[("OPENAI_API_KEY_FILE", path)]).unwrap(), ["sk-1", "sk-2"]);
        assert_eq!(keys(&[("OPENAI_API_KEY_FILE", path), ("OPENAI_API_KEY", "sk-3")]).unwrap(), ["sk-3"]);
        assert!(keys(&[("OPENAI_API_KEY_FILE", " ")]).unwrap().is_empty());
        let error = keys(&[("OPENAI_API_KEY_FILE", "/nowhere/key")]).unwrap_err();
        assert!(error.contains("/nowhere/key") && error.contains("OPENAI_API_KEY_FILE"), "{error}");
    }

    #[test]
    fn a_vendor_whose_address_has_our_part_is_offered_once_that_is_known() {
        let own = "[[vendor]]\nid = \"own\"\ndialect = \"openai-chat\"\nkey_env = \"OWN_KEY\"\nbase_url = \"https://{OWN_NAME}.example/v1\"";
        let check = |variables: &[(&str, &str)], offered: bool, missing: &[&str], base_url: &str| {
            let offer = read(own, variables).unwrap();
            let vendor = offer.vendors.iter().find(|vendor| &*vendor.vendor.id == "own").unwrap();
            assert_eq!((vendor.offered, &*vendor.vendor.base_url), (offered, base_url), "{variables:?}");
            assert_eq!(vendor.missing, missing, "{variables:?}");
        };
        check(&[], false, &["OWN_KEY", "OWN_NAME"], "https://{OWN_NAME}.example/v1");
        check(&[("OWN_KEY", "k")], false, &["OWN_NAME"], "https://{OWN_NAME}.example/v1");
        check(&[("OWN_NAME", "acme")], false, &["OWN_KEY"], "https://acme.example/v1");
        check(&[("OWN_NAME", "acme"), ("OWN_KEY", "k")], true, &[], "https://acme.example/v1");
        let error = read(own, &[("OWN_NAME", "evil.example/x?")]).err().unwrap().to_string();
        assert!(error.contains("OWN_NAME") && error.contains("own"), "{error}");
    }

    const PROVIDERS: &str = include_str!("../../../../docs/providers.md");

    /// The first TOML block of a page after this text.
    fn toml_after(page: &'static str, text: &str) -> &'static str {
        let (_, rest) = page.split_once(text).unwrap();
        rest.split_once("```toml\n").unwrap().1.split_once("```").unwrap().0
    }

    #[test]
    fn the_config_on_the_page_can_be_used() {
        let offer = read(toml_after(PROVIDERS, "## Adding a vendor"), &[("HOUSE_API_KEY", "k")]).unwrap();
        assert!(offered(&offer).contains(&"house"));
        assert!(offer.catalog.resolve("house/small").is_ok());
        let offer = read(toml_after(PROVIDERS, "An embedding model needs"), &[("HOUSE_API_KEY", "k")]).unwrap();
        let (model, dialect) = (offer.catalog.resolve("house/vectors").unwrap(), Dialect::OpenaiEmbeddings);
        let house = offer.vendors.iter().find(|vendor| vendor.vendor.id == model.route.vendor).unwrap();
        assert_eq!(
            (model.kind, house.vendor.dialect_for(dialect, "vectors", false)),
            (ModelKind::Embedding, Some(dialect))
        );
    }

    #[test]
    fn the_routes_on_the_page_can_be_used_beside_the_vendor_of_the_other_page() {
        let (house, _) = toml_after(PROVIDERS, "## Adding a vendor").split_once("[[model]]").unwrap();
        let models = toml_after(include_str!("../../../../docs/routing.md"), "## Routes of a model");
        let offer = read(&[house, models].concat(), &[("TOGETHER_API_KEY", "k")]).unwrap();
        let model = offer.catalog.resolve("house/small").unwrap();
        let routes: Vec<_> =
            model.routes().map(|route| (&*route.vendor, &*route.upstream_model, route.weight)).collect();
        assert_eq!(routes, [("house", "small", 1), ("together", "house-small-v1", 2)]);
    }

    #[test]
    fn every_vendor_of_the_price_book_has_a_file_or_is_known_to_have_none() {
        // A new vendor file needs no change here.
        const NO_FILE_YET: [&str; 1] = ["inception"];
        let offer = read("", &[]).unwrap();
        for route in offer.catalog.models().iter().flat_map(|model| model.routes()) {
            let has_file = offer.vendors.iter().any(|vendor| vendor.vendor.id == route.vendor);
            assert!(has_file || NO_FILE_YET.contains(&&*route.vendor), "{} has no file", route.vendor);
        }
    }

    #[test]
    fn only_what_is_offered_is_on_sale_each_at_its_markup() {
        let config = "[catalog]\nsandbox = true\n[offer]\nallow = [\"sandbox/*\", \"openai/*\"]\ndeny = [\"*/claude\"]\n\
                      [[markup]]\nmodels = [\"*/gpt\"]\nbps = 7\n[[markup]]\nmodels = [\"sandbox/*\"]\nbps = 8";
        let on_sale = read(config, &[]).unwrap().on_sale();
        let found: Vec<_> = on_sale.models().iter().map(|model| (&*model.id, model.markup)).collect();
        assert_eq!(found, [("sandbox/gpt", Some(BasisPoints::new(7)))]);
        let error = read("[offer]\ndeny = [\"a/[b\"]", &[]).err().unwrap().to_string();
        assert!(error.contains("a/[b"), "{error}");
    }

    #[test]
    fn the_operators_models_stay_over_every_book_and_what_vendors_list_too() {
        let own = "[[model]]\nid = \"openai/gpt-5.5\"\nvendor = \"ollama\"\ncontext_window = 9\nmax_output_tokens = 9\n\
                   prices = { input = \"7\", output = \"7\" }\n\
                   [[discover]]\nvendor = \"ollama\"\ncontext_window = 9\nmax_output_tokens = 9\n\
                   prices = { input = \"1\", output = \"1\" }";
        let config = Config::read(own, []).unwrap();
        let served = ServedCatalogue::read(&config, &[]).unwrap();
        let list = br#"{"data": [{"id": "small"}, {"id": "known"}]}"#;
        let served = served.with_listed(&config.discover[0], list).unwrap();
        let line = |id: &str, vendor: &str| {
            format!(
                "{{\"id\": \"{id}\", \"vendor\": \"{vendor}\", \"context_window\": 9, \"max_output_tokens\": 9, \
                 \"prices\": {{\"input\": \"3\", \"output\": \"3\"}}}}\n"
            )
        };
        let book = [line("openai/gpt-5.5", "openai"), line("ollama/known", "ollama"), line("a/new", "nobody")].concat();
        let rebased = served.rebased(Catalog::from_book(&book).unwrap()).unwrap();
        let input = |id: &str| {
            rebased.catalog.get(id).map(|model| model.route.card.rate(opencredits_units::Bucket::InputUncached).get())
        };
        assert_eq!(input("openai/gpt-5.5"), Some(7_000_000));
        assert_eq!((input("ollama/small"), input("ollama/known")), (Some(1_000_000), Some(3_000_000)));
        assert_eq!((input("a/new"), input("sandbox/gpt")), (Some(3_000_000), Some(400_000)));
        let on_sale = rebased.on_sale();
        assert!(on_sale.get("a/new").is_none(), "nobody has a key of its vendor");
        assert_eq!(on_sale.version(), Catalog::from_book(&book).unwrap().version());
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
