//! Derives the price book from the shared folder's facts: one model a line, so that a change of price is one line.

use crate::outcome::Outcome;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// Where the book lies in the repository.
const BOOK: &str = "crates/catalog/data/pricebook.jsonl";
/// What the facts lack.
const MORE: &str = include_str!("pricebook_more.toml");
/// Members that are taken over as they are.
const KEPT: [&str; 11] = [
    "id",
    "vendor",
    "upstream_model",
    "aliases",
    "name",
    "owned_by",
    "released",
    "context_window",
    "max_output_tokens",
    "input_modalities",
    "output_modalities",
];
/// A one-hour cache write costs twice the input at every model that bills five-minute ones apart
/// (platform.claude.com/docs, prompt caching: 1.25 and 2 times the base input price); the facts lack it for old models.
const HOUR_WRITE_PERCENT: u128 = 200;

/// What the facts lack.
#[derive(Deserialize)]
struct More {
    /// Fees by model and use, in dollars.
    per_use: BTreeMap<String, BTreeMap<String, String>>,
    fees: Vec<Fees>,
    place: Vec<Place>,
}

/// What uses of a vendor's tools cost.
#[derive(Deserialize)]
struct Fees {
    vendor: String,
    /// How the names of the models begin.
    models: Vec<String>,
    per_use: BTreeMap<String, String>,
}

impl Fees {
    fn are_of(&self, model: &Value) -> bool {
        let name = model["upstream_model"].as_str().unwrap_or_default();
        let chats = model["type"] != "embedding";
        chats && model["vendor"] == self.vendor.as_str() && self.models.iter().any(|start| name.starts_with(start))
    }
}

/// What answers that stay in one place cost.
#[derive(Deserialize)]
struct Place {
    vendor: String,
    tier: String,
    /// Models released from here on, in Unix seconds.
    released_from: u64,
    /// Of every price.
    percent: u128,
}

impl Place {
    fn is_of(&self, model: &Value) -> bool {
        model["vendor"] == self.vendor.as_str() && model["released"].as_u64() >= Some(self.released_from)
    }

    fn scaled(&self, prices: &Value) -> Outcome<Value> {
        let mut scaled = Map::new();
        for (name, price) in members(prices) {
            let price = price.as_str().ok_or("a price is no text")?;
            scaled.insert(name.clone(), percent_of(price, self.percent)?.into());
        }
        Ok(scaled.into())
    }
}

/// Writes the price book from `facts`, a `models.json`.
pub(crate) fn run(facts: &Path) -> Outcome {
    let text = std::fs::read_to_string(facts)?;
    let facts: Value = serde_json::from_str(&text)?;
    let models = facts["models"].as_array().ok_or("the facts have no list of models")?;
    let more: More = toml::from_str(MORE)?;
    let mut lines = String::new();
    for model in models {
        lines.push_str(&entry(model, &more)?.to_string());
        lines.push('\n');
    }
    std::fs::write(BOOK, lines)?;
    println!("{BOOK}: {} models", models.len());
    Ok(())
}

fn entry(model: &Value, more: &More) -> Outcome<Value> {
    let mut entry = Map::new();
    for name in KEPT {
        if let Some(value) = model.get(name) {
            entry.insert(name.to_owned(), value.clone());
        }
    }
    entry.insert("kind".to_owned(), model["type"].clone());
    entry.insert("supports".to_owned(), model["supports"].clone());
    if model.get("deprecated").and_then(Value::as_bool) == Some(true) {
        entry.insert("deprecated".to_owned(), true.into());
    }
    entry.insert("prices".to_owned(), prices(&model["prices"])?);
    let tiers: Result<Vec<_>, Box<dyn std::error::Error + Send + Sync>> = list(&model["tiers"])
        .map(|tier| Ok(json!({"above_input_tokens": tier["above_input_tokens"], "prices": prices(&tier["prices"])?})))
        .collect();
    entry.insert("tiers".to_owned(), tiers?.into());
    let mut services = Map::new();
    for (name, service) in members(&model["service_tiers"]) {
        services.insert(name.clone(), prices(&service["prices"])?);
    }
    for place in more.place.iter().filter(|place| place.is_of(model)) {
        let fast = services.get("fast").map(|fast| (format!("fast_{}", place.tier), fast.clone()));
        for (name, prices) in [(place.tier.clone(), entry["prices"].clone())].into_iter().chain(fast) {
            services.insert(name, place.scaled(&prices)?);
        }
    }
    entry.insert("service_tiers".to_owned(), services.into());
    entry.insert("per_use".to_owned(), Value::Object(fees(model, more)));
    entry.retain(|_, value| !matches!(value, Value::Array(list) if list.is_empty()));
    entry.retain(|_, value| !matches!(value, Value::Object(map) if map.is_empty()));
    Ok(entry.into())
}

/// Fees of the vendor, then those of the model, then those of the facts: the last of each tool holds.
fn fees(model: &Value, more: &More) -> Map<String, Value> {
    let of_vendor = more.fees.iter().filter(|fees| fees.are_of(model)).flat_map(|fees| &fees.per_use);
    let of_model = model["id"].as_str().and_then(|id| more.per_use.get(id)).into_iter().flatten();
    let ours = of_vendor.chain(of_model).map(|(name, fee)| (name.clone(), Value::from(fee.as_str())));
    ours.chain(members(&model["per_use"]).map(|(name, fee)| (name.clone(), fee["usd"].clone()))).collect()
}

fn prices(stated: &Value) -> Outcome<Value> {
    let mut prices: Map<String, Value> = members(stated)
        .filter(|(name, _)| !["currency", "unit"].contains(&name.as_str()))
        .map(|(name, price)| (name.clone(), price.clone()))
        .collect();
    let input = prices.get("input").and_then(Value::as_str).map(str::to_owned);
    if let (Some(input), true, false) =
        (input, prices.contains_key("cache_write_5m"), prices.contains_key("cache_write_1h"))
    {
        prices.insert("cache_write_1h".to_owned(), percent_of(&input, HOUR_WRITE_PERCENT)?.into());
    }
    Ok(prices.into())
}

/// So many hundredths of a decimal string.
fn percent_of(price: &str, percent: u128) -> Outcome<String> {
    let (whole, fraction) = price.split_once('.').unwrap_or((price, ""));
    let units: u128 = format!("{whole}{fraction}").parse()?;
    let places = fraction.len() + 2;
    let product = format!("{:0width$}", units * percent, width = places + 1);
    let (whole, fraction) = product.split_at(product.len() - places);
    let fraction = fraction.trim_end_matches('0');
    Ok(if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") })
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}
