//! All models, found by name.

use crate::book::{self, Entry};
use crate::error::CatalogError;
use crate::model::Model;
use crate::names::{self, Names};
use crate::version::BookVersion;
use std::sync::Arc;

/// The price book: one model a line, derived by `cargo xtask pricebook`.
const BOOK: &str = include_str!("../data/pricebook.jsonl");
/// The version of the price book: the date of its facts and our revision.
const BOOK_VERSION: &str = include_str!("../data/version.txt");
/// Models of the offline sandbox, priced so that everything can be tried.
const SANDBOX: &str = include_str!("../data/sandbox.toml");

/// All models on sale.
#[derive(Debug, Clone)]
pub struct Catalog {
    models: Vec<Arc<Model>>,
    names: Names,
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
        let mut models = Vec::new();
        for (at, line) in BOOK.lines().enumerate() {
            let entry: Entry =
                serde_json::from_str(line).map_err(|_| CatalogError::Book { line: at.saturating_add(1) })?;
            models.push(Arc::new(entry.into_model()?));
        }
        let version = BookVersion::parse(BOOK_VERSION.trim()).ok_or(CatalogError::Book { line: 0 })?;
        Ok(Self { version, ..Self::of(models) })
    }

    /// The version of the compiled-in price book.
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
        Self { version: self.version, ..Self::of(models) }
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

    fn of(mut models: Vec<Arc<Model>>) -> Self {
        models.sort_by(|a, b| a.id.cmp(&b.id));
        let names = Names::of(&models);
        Self { models, names, version: BookVersion::NONE }
    }
}
