//! Derives the price book from the shared folder's facts: one model a line, so that a change of price is one line.

use crate::Outcome;
use serde_json::{Map, Value, json};
use std::path::Path;

/// Where the book lies in the repository.
const BOOK: &str = "crates/catalog/data/pricebook.jsonl";
/// Fees that the facts lack, by model.
const FEES: &str = include_str!("pricebook_fees.toml");
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
const HOUR_WRITE_FACTOR: u128 = 2;

/// Writes the price book from `facts`, a `models.json`.
pub(crate) fn run(facts: &Path) -> Outcome {
    let text = std::fs::read_to_string(facts)?;
    let facts: Value = serde_json::from_str(&text)?;
    let models = facts["models"].as_array().ok_or("the facts have no list of models")?;
    let more: toml::Table = toml::from_str(FEES)?;
    let mut lines = String::new();
    for model in models {
        lines.push_str(&entry(model, &more)?.to_string());
        lines.push('\n');
    }
    std::fs::write(BOOK, lines)?;
    println!("{BOOK}: {} models", models.len());
    Ok(())
}

fn entry(model: &Value, more: &toml::Table) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
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
    entry.insert("service_tiers".to_owned(), services.into());
    let fees = members(&model["per_use"]).map(|(name, fee)| (name.clone(), fee["usd"].clone()));
    let more = model["id"].as_str().and_then(|id| more.get(id)).and_then(toml::Value::as_table).into_iter().flatten();
    let more = more.filter_map(|(name, fee)| Some((name.clone(), Value::from(fee.as_str()?))));
    entry.insert("per_use".to_owned(), Value::Object(fees.chain(more).collect()));
    entry.retain(|_, value| !matches!(value, Value::Array(list) if list.is_empty()));
    entry.retain(|_, value| !matches!(value, Value::Object(map) if map.is_empty()));
    Ok(entry.into())
}

fn prices(stated: &Value) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
    let mut prices: Map<String, Value> = members(stated)
        .filter(|(name, _)| !["currency", "unit"].contains(&name.as_str()))
        .map(|(name, price)| (name.clone(), price.clone()))
        .collect();
    let input = prices.get("input").and_then(Value::as_str).map(str::to_owned);
    if let (Some(input), true, false) =
        (input, prices.contains_key("cache_write_5m"), prices.contains_key("cache_write_1h"))
    {
        prices.insert("cache_write_1h".to_owned(), times(&input, HOUR_WRITE_FACTOR)?.into());
    }
    Ok(prices.into())
}

/// A decimal string times a whole number.
fn times(price: &str, factor: u128) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
    let (whole, fraction) = price.split_once('.').unwrap_or((price, ""));
    let units: u128 = format!("{whole}{fraction}").parse()?;
    let product = format!("{:0width$}", units * factor, width = fraction.len() + 1);
    let (whole, fraction) = product.split_at(product.len() - fraction.len());
    let fraction = fraction.trim_end_matches('0');
    Ok(if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") })
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}
