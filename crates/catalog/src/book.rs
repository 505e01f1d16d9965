//! Models as they stand in the price book and in an operator's config.

use crate::card::{PriceCard, Stated};
use crate::error::CatalogError;
use crate::model::{Model, ModelKind, Route};
use crate::rates::StatedRates;
use opencredits_units::{Bucket, Rate, Tokens, ToolUse};
use serde::Deserialize;
use std::collections::BTreeMap;

/// A model as written: prices are decimal strings, dollars per million tokens or per use.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    id: String,
    vendor: String,
    #[serde(default)]
    upstream_model: Option<String>,
    #[serde(default)]
    aliases: Vec<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    owned_by: Option<String>,
    #[serde(default = "chat")]
    kind: ModelKind,
    #[serde(default)]
    released: u64,
    #[serde(default)]
    deprecated: bool,
    context_window: u64,
    max_output_tokens: u64,
    #[serde(default = "text")]
    input_modalities: Vec<String>,
    #[serde(default = "text")]
    output_modalities: Vec<String>,
    #[serde(default)]
    supports: Vec<String>,
    prices: Prices,
    #[serde(default)]
    tiers: Vec<Cliff>,
    #[serde(default)]
    service_tiers: BTreeMap<String, Prices>,
    #[serde(default)]
    per_use: Prices,
}

type Prices = BTreeMap<String, String>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cliff {
    above_input_tokens: u64,
    prices: Prices,
}

/// A list of models in TOML.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct List {
    #[serde(default)]
    pub(crate) model: Vec<Entry>,
}

const fn chat() -> ModelKind {
    ModelKind::Chat
}

fn text() -> Vec<String> {
    vec!["text".to_owned()]
}

impl Entry {
    pub(crate) fn into_model(self) -> Result<Model, CatalogError> {
        let card = self.card()?;
        let id = self.id.to_lowercase();
        let (author, bare) = id.split_once('/').unwrap_or(("", &id));
        self.complete(&id, author)?;
        let route =
            Route { vendor: self.vendor.into(), upstream_model: self.upstream_model.as_deref().unwrap_or(bare).into() };
        Ok(Model {
            name: self.name.unwrap_or_else(|| bare.to_owned()),
            owned_by: self.owned_by.unwrap_or_else(|| author.to_owned()),
            aliases: self.aliases.into_iter().map(|alias| alias.to_lowercase()).collect(),
            kind: self.kind,
            released: self.released,
            deprecated: self.deprecated,
            context_window: self.context_window,
            max_output_tokens: self.max_output_tokens.min(self.context_window),
            input_modalities: self.input_modalities,
            output_modalities: self.output_modalities,
            supports: self.supports,
            id: id.into(),
            route,
            card,
        })
    }

    fn complete(&self, id: &str, author: &str) -> Result<(), CatalogError> {
        let needed = [
            (author.is_empty(), "author in its id (ids are author/model)"),
            (self.vendor.is_empty(), "vendor"),
            (self.context_window == 0, "context_window"),
            (self.max_output_tokens == 0, "max_output_tokens"),
        ];
        match needed.into_iter().find(|(lacks, _)| *lacks) {
            Some((_, missing)) => Err(CatalogError::Incomplete { model: id.to_owned(), missing }),
            None => Ok(()),
        }
    }

    fn card(&self) -> Result<PriceCard, CatalogError> {
        let mut cliffs = Vec::with_capacity(self.tiers.len());
        for cliff in &self.tiers {
            cliffs.push((Tokens::new(cliff.above_input_tokens), self.rates(&cliff.prices)?));
        }
        cliffs.sort_by_key(|(above, _)| *above);
        let mut tiers = Vec::with_capacity(self.service_tiers.len());
        for (name, prices) in &self.service_tiers {
            tiers.push((name.clone(), self.rates(prices)?));
        }
        let stated = Stated { base: self.rates(&self.prices)?, cliffs, tiers, per_use: self.fees()? };
        let missing = "price for input and output (write \"0\" for what is free)";
        PriceCard::new(&stated).ok_or_else(|| CatalogError::Incomplete { model: self.id.clone(), missing })
    }

    fn rates(&self, prices: &Prices) -> Result<StatedRates, CatalogError> {
        let mut rates = StatedRates::default();
        for (field, price) in prices {
            let bucket = Bucket::ALL.into_iter().find(|bucket| bucket.name() == field);
            let bucket = bucket.ok_or_else(|| self.wrong(field, opencredits_units::DecimalError::Malformed))?;
            let rate = Rate::from_usd_per_million(price).map_err(|problem| self.wrong(field, problem))?;
            rates.set(bucket, rate);
        }
        Ok(rates)
    }

    fn fees(&self) -> Result<[Option<Rate>; ToolUse::COUNT], CatalogError> {
        let mut fees = [None; ToolUse::COUNT];
        for (field, price) in &self.per_use {
            let tool = ToolUse::ALL.into_iter().find(|tool| tool.name() == field);
            let slot = tool.and_then(|tool| fees.get_mut(tool.index()));
            let slot = slot.ok_or_else(|| self.wrong(field, opencredits_units::DecimalError::Malformed))?;
            *slot = Some(Rate::from_usd_per_use(price).map_err(|problem| self.wrong(field, problem))?);
        }
        Ok(fees)
    }

    fn wrong(&self, field: &str, problem: opencredits_units::DecimalError) -> CatalogError {
        CatalogError::Price { model: self.id.clone(), field: field.to_owned(), problem }
    }
}
