//! All models, found by name.

use crate::book::{self, Entry};
use crate::error::CatalogError;
use crate::model::Model;
use crate::names::{self, Names};
use crate::offer::OfferTerms;
use crate::version::BookVersion;
use std::sync::Arc;

/// The price book: one model a line, derived by `cargo xtask pricebook`.
const BOOK: &str = include_str!("../data/pricebook.jsonl");
/// The version of the price book: the date of its facts and our revision.
const BOOK_VERSION: &str = include_str!("../data/version.txt");
/// Models of the offline sandbox, priced so that everything can be tried.
const SANDBOX: &str = include_str!("../data/sandbox.toml");

/// The longest price book, in bytes.
pub const BOOK_BYTES_MAX: usize = 8 << 20;
/// The largest number of models in a price book.
pub const BOOK_MODELS_MAX: usize = 10_000;

/// All models on sale.
#[derive(Debug, Clone)]
pub struct Catalog {
    models: Vec<Arc<Model>>,
    names: Names,
    /// Models that are not offered, whose prices are known.
    hidden: Option<Arc<Catalog>>,
    version: BookVersion,
}

impl Catalog {
    /// No models at all.
    #[must_use]
    pub fn empty() -> Self {
        Self::of(Vec::new())
    }

    /// The compiled-in price book.
    ///
    /// # Errors
    /// When the book is damaged, which a test rules out.
    pub fn builtin() -> Result<Self, CatalogError> {
        Ok(Self { version: Self::builtin_version()?, ..Self::of(models_of(BOOK)?) })
    }

    /// The version of the compiled-in price book.
    ///
    /// # Errors
    /// When it is damaged, which a test rules out.
    pub fn builtin_version() -> Result<BookVersion, CatalogError> {
        let problem = || "its version is damaged".to_owned();
        BookVersion::parse(BOOK_VERSION.trim()).ok_or_else(|| CatalogError::Book { line: 0, problem: problem() })
    }

    /// A price book: one model a line, as JSON, in the form of the compiled-in one. It is read whole or not at all. Its
    /// version is that of its content.
    ///
    /// # Errors
    /// When a line is no model, a model lacks a price, two have one name, there are none, or the book exceeds
    /// [`BOOK_BYTES_MAX`] or [`BOOK_MODELS_MAX`].
    pub fn from_book(text: &str) -> Result<Self, CatalogError> {
        if text.len() > BOOK_BYTES_MAX {
            return Err(CatalogError::BookTooLarge { what: "bytes", max: BOOK_BYTES_MAX });
        }
        let models = models_of(text)?;
        if models.is_empty() {
            return Err(CatalogError::NoModels);
        }
        names::distinct(&models)?;
        Ok(Self { version: BookVersion::of_content(text), ..Self::of(models) })
    }

    /// The text of the compiled-in price book.
    #[must_use]
    pub const fn builtin_text() -> &'static str {
        BOOK
    }

    /// The version of the price book.
    #[must_use]
    pub const fn version(&self) -> BookVersion {
        self.version
    }

    /// These models and the operator's, given as TOML (`[[model]]`). An operator's model replaces the book's of the
    /// same id.
    ///
    /// # Errors
    /// When the text is no list of models, a model lacks a price, or two have one name; the error names the model and the
    /// field.
    pub fn with_operator(self, toml: &str) -> Result<Self, CatalogError> {
        let own = book::read(toml)?.into_iter().map(|entry| entry.into_model().map(Arc::new));
        let own = own.collect::<Result<Vec<_>, _>>()?;
        names::distinct(&own)?;
        let mut models = self.models;
        models.retain(|other| own.iter().all(|model| model.id != other.id));
        models.extend(own);
        Ok(Self { version: self.version, ..Self::of(models) })
    }

    /// These models and those of the offline sandbox.
    ///
    /// # Errors
    /// When the compiled-in list is damaged, which a test rules out.
    pub fn with_sandbox(self) -> Result<Self, CatalogError> {
        self.with_operator(SANDBOX)
    }

    /// Only the models and routes of vendors that are `offered`.
    #[must_use]
    pub fn only(self, offered: impl Fn(&str) -> bool) -> Self {
        let models = self.models.iter().filter_map(|model| model.only(&offered)).map(Arc::new).collect();
        Self { version: self.version, hidden: self.hidden, ..Self::of(models) }
    }

    /// All models, by id.
    #[must_use]
    pub fn models(&self) -> &[Arc<Model>] {
        &self.models
    }

    /// The model of this name, in any case, with or without author and date.
    ///
    /// # Errors
    /// When there is none; the error proposes similar ones.
    pub fn resolve(&self, name: &str) -> Result<&Arc<Model>, CatalogError> {
        self.get(name).ok_or_else(|| CatalogError::UnknownModel {
            name: names::shown(name),
            similar: self.names.similar(name, &self.models),
        })
    }

    /// The same without a search for similar names.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arc<Model>> {
        self.names.find(name).and_then(|at| self.models.get(at))
    }

    /// The model of this name, offered or not: parts of a request may run on a model that nobody can ask for.
    #[must_use]
    pub fn get_hidden(&self, name: &str) -> Option<&Arc<Model>> {
        self.get(name).or_else(|| self.hidden.as_ref()?.get(name))
    }

    /// These models without those that are not offered, and with the operator's markups.
    #[must_use]
    pub fn offered(self, terms: &OfferTerms) -> Self {
        let version = self.version;
        let (kept, hidden): (Vec<_>, Vec<_>) = self.models.into_iter().partition(|model| terms.offers(&model.id));
        let marked = |model: Arc<Model>| match terms.markup_of(&model.id) {
            None => model,
            markup => Arc::new(Model { markup, ..(*model).clone() }),
        };
        let models = kept.into_iter().map(marked).collect();
        let hidden = Some(hidden).filter(|hidden| !hidden.is_empty()).map(|hidden| Arc::new(Self::of(hidden)));
        Self { version, hidden, ..Self::of(models) }
    }

    fn of(mut models: Vec<Arc<Model>>) -> Self {
        models.sort_by(|a, b| a.id.cmp(&b.id));
        let names = Names::of(&models);
        Self { models, names, hidden: None, version: BookVersion::NONE }
    }
}

/// The models of a price book, one a line.
fn models_of(text: &str) -> Result<Vec<Arc<Model>>, CatalogError> {
    let mut models = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        if line.trim().is_empty() {
            continue;
        }
        if models.len() >= BOOK_MODELS_MAX {
            return Err(CatalogError::BookTooLarge { what: "models", max: BOOK_MODELS_MAX });
        }
        // The parser counts lines, too, and has seen only this one.
        let problem = |error: serde_json::Error| error.to_string().replace(" at line 1 column ", " at column ");
        let entry: Entry =
            serde_json::from_str(line).map_err(|error| CatalogError::Book { line: number, problem: problem(error) })?;
        models.push(Arc::new(entry.into_model()?));
    }
    Ok(models)
}
