//! Models as the price book and an operator's config define them.

use crate::card::{Fees, PriceCard, Stated};
use crate::error::CatalogError;
use crate::model::{Model, ModelKind, Route};
use crate::rates::StatedRates;
use opencredits_estimate::Family;
use opencredits_units::{Bucket, Rate, Tokens, ToolUse};
use serde::Deserialize;
use std::collections::BTreeMap;
use toml::Table;

/// A model definition: prices are decimal strings, in dollars per million tokens or per use.
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
    /// Whether its prices may be zero.
    #[serde(default)]
    free: bool,
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
    #[serde(default = "one")]
    weight: u32,
    #[serde(default)]
    region: Option<String>,
    #[serde(default)]
    data_collection: Option<bool>,
    #[serde(default)]
    zdr: Option<bool>,
    /// Its further routes.
    #[serde(default)]
    route: Vec<RouteEntry>,
}

/// The definition of a route with prices of its own.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RouteEntry {
    vendor: String,
    #[serde(default)]
    upstream_model: Option<String>,
    #[serde(default = "one")]
    weight: u32,
    #[serde(default)]
    region: Option<String>,
    #[serde(default)]
    data_collection: Option<bool>,
    #[serde(default)]
    zdr: Option<bool>,
    prices: Prices,
    #[serde(default)]
    tiers: Vec<Cliff>,
    #[serde(default)]
    service_tiers: BTreeMap<String, Prices>,
    #[serde(default)]
    per_use: Prices,
}

type Prices = BTreeMap<String, String>;

/// The fee of a grounded prompt, for any number of searches.
const GROUNDING_PROMPT: &str = "grounding_prompt";

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cliff {
    above_input_tokens: u64,
    prices: Prices,
}

/// A list of models in TOML.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    #[serde(default)]
    model: Vec<Table>,
}

/// The models of a TOML text. Each is parsed by itself, since the text may be assembled from another one with other
/// line numbers.
pub(crate) fn read(toml: &str) -> Result<Vec<Entry>, CatalogError> {
    let list: List = toml::from_str(toml)?;
    list.model.into_iter().zip(1..).map(|(table, number)| read_one(table, number)).collect()
}

fn read_one(table: Table, number: usize) -> Result<Entry, CatalogError> {
    let id = table.get("id").and_then(|id| id.as_str());
    let name = id.map_or_else(|| format!("[[model]] number {number}"), |id| format!("model {id}"));
    table.try_into().map_err(|error: toml::de::Error| {
        let problem = error.to_string().trim_end().replace('\n', " ");
        CatalogError::Toml(serde::de::Error::custom(format!("{name}: {problem}")))
    })
}

const fn one() -> u32 {
    1
}

const fn chat() -> ModelKind {
    ModelKind::Chat
}

fn text() -> Vec<String> {
    vec!["text".to_owned()]
}

impl Entry {
    pub(crate) fn into_model(self) -> Result<Model, CatalogError> {
        let id = self.id.to_lowercase();
        let (author, bare) = id.split_once('/').unwrap_or(("", &id));
        self.complete(&id, author)?;
        let route = self.own_route().into_route(&id, bare)?;
        let others = self.route.into_iter().map(|other| other.into_route(&id, bare)).collect::<Result<_, _>>()?;
        Ok(Model {
            name: self.name.unwrap_or_else(|| bare.to_owned()),
            owned_by: self.owned_by.unwrap_or_else(|| author.to_owned()),
            aliases: self.aliases.into_iter().map(|alias| alias.to_lowercase()).collect(),
            kind: self.kind,
            released: self.released,
            deprecated: self.deprecated,
            free: self.free,
            markup: None,
            context_window: self.context_window,
            max_output_tokens: self.max_output_tokens.min(self.context_window),
            input_modalities: self.input_modalities,
            output_modalities: self.output_modalities,
            supports: self.supports,
            family: Family::of(&[&route.upstream_model, &id]),
            id: id.into(),
            route,
            others,
        })
    }

    /// The route that is defined by the model's own members.
    fn own_route(&self) -> RouteEntry {
        RouteEntry {
            vendor: self.vendor.clone(),
            upstream_model: self.upstream_model.clone(),
            weight: self.weight,
            region: self.region.clone(),
            data_collection: self.data_collection,
            zdr: self.zdr,
            prices: self.prices.clone(),
            tiers: self.tiers.clone(),
            service_tiers: self.service_tiers.clone(),
            per_use: self.per_use.clone(),
        }
    }

    fn complete(&self, id: &str, author: &str) -> Result<(), CatalogError> {
        let needed = [
            (author.is_empty(), "author in its id (ids are author/model)"),
            (self.context_window == 0, "context_window"),
            (self.max_output_tokens == 0, "max_output_tokens"),
        ];
        match needed.into_iter().find(|(lacks, _)| *lacks) {
            Some((_, missing)) => Err(CatalogError::Incomplete { model: id.to_owned(), missing }),
            None => Ok(()),
        }
    }
}

impl RouteEntry {
    fn into_route(self, model: &str, bare: &str) -> Result<Route, CatalogError> {
        let needed = [(self.vendor.is_empty(), "vendor"), (self.weight == 0, "weight above 0 on each route")];
        if let Some((_, missing)) = needed.into_iter().find(|(lacks, _)| *lacks) {
            return Err(CatalogError::Incomplete { model: model.to_owned(), missing });
        }
        Ok(Route {
            card: self.card(model)?,
            vendor: self.vendor.into(),
            upstream_model: self.upstream_model.as_deref().unwrap_or(bare).into(),
            weight: self.weight,
            region: self.region,
            data_collection: self.data_collection,
            zdr: self.zdr,
        })
    }

    fn card(&self, model: &str) -> Result<PriceCard, CatalogError> {
        let mut cliffs = Vec::with_capacity(self.tiers.len());
        for cliff in &self.tiers {
            cliffs.push((Tokens::new(cliff.above_input_tokens), rates(model, &cliff.prices)?));
        }
        cliffs.sort_by_key(|(above, _)| *above);
        let mut tiers = Vec::with_capacity(self.service_tiers.len());
        for (name, prices) in &self.service_tiers {
            tiers.push((name.clone(), rates(model, prices)?));
        }
        let stated = Stated { base: rates(model, &self.prices)?, cliffs, tiers, fees: self.fees(model)? };
        let missing = "price for input and output (write \"0\" for what is free)";
        PriceCard::new(&stated).ok_or_else(|| CatalogError::Incomplete { model: model.to_owned(), missing })
    }

    fn fees(&self, model: &str) -> Result<Fees, CatalogError> {
        let mut fees = Fees::default();
        for (field, price) in &self.per_use {
            let once = field == GROUNDING_PROMPT;
            let name = if once { ToolUse::Grounding.name() } else { field };
            let tool = ToolUse::ALL.into_iter().find(|tool| tool.name() == name);
            let slot = tool.and_then(|tool| fees.per_use.get_mut(tool.index()));
            let known = || ToolUse::ALL.into_iter().map(ToolUse::name).chain([GROUNDING_PROMPT]);
            let slot = slot.ok_or_else(|| unknown(model, field, known()))?;
            *slot = Some(Rate::from_usd_per_use(price).map_err(|problem| wrong(model, field, problem))?);
            fees.grounded_once |= once;
        }
        Ok(fees)
    }
}

fn rates(model: &str, prices: &Prices) -> Result<StatedRates, CatalogError> {
    let mut rates = StatedRates::default();
    for (field, price) in prices {
        let bucket = Bucket::ALL.into_iter().find(|bucket| bucket.name() == field);
        let bucket = bucket.ok_or_else(|| unknown(model, field, Bucket::ALL.map(Bucket::name)))?;
        let rate = Rate::from_usd_per_million(price).map_err(|problem| wrong(model, field, problem))?;
        rates.set(bucket, rate);
    }
    Ok(rates)
}

fn wrong(model: &str, field: &str, problem: opencredits_units::DecimalError) -> CatalogError {
    CatalogError::Price { model: model.to_owned(), field: field.to_owned(), problem }
}

fn unknown(model: &str, field: &str, known: impl IntoIterator<Item = &'static str>) -> CatalogError {
    let known = known.into_iter().collect();
    CatalogError::UnknownPrice { model: model.to_owned(), field: field.to_owned(), known }
}
