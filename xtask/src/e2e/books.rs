//! What was charged, worked out again from the journal: the bill that anyone can recompute, for every request.

use super::pricing::{Known, MARKUP_BPS};
use crate::gateway::Rates;
use crate::outcome::Outcome;
use opencredits_units::ToolUse;
use serde_json::Value;
use std::collections::BTreeMap;

/// Pico-USD in a nano-USD.
const PICO_A_NANO: i128 = 1_000;
/// Decimals of a dollar in the journal's amounts, and in its rates.
const NANO: usize = 9;
const PICO: usize = 12;
/// Goes through all entries; a model that is not known is priced by the rates that its lines name.
pub(super) fn audit(entries: &[Value], known: &BTreeMap<String, Known>) -> Outcome<String> {
    let (mut charges, mut estimates) = (0, 0);
    for entry in entries.iter().filter(|entry| entry["kind"] == "capture") {
        let model = text(&entry["usage"]["model"])?;
        let of_model = known.get(model);
        check(entry, of_model).map_err(|error| format!("{model}: {error}: {entry}"))?;
        if text(&entry["usage"]["source"])? != "reported" {
            if of_model.is_none_or(|known| !known.may_be_estimated) {
                return Err(format!("{model} was estimated although its usage was reported").into());
            }
            estimates += 1;
        }
        charges += 1;
    }
    Ok(format!("{charges} charges, {estimates} of them estimates of streams broken off or without usage"))
}

/// One charge: its lines, what the recording holds, and where the money went.
fn check(entry: &Value, known: Option<&Known>) -> Outcome {
    let charged = decimal(&entry["charged"]["usd"], NANO)?;
    let rates = known.and_then(|known| known.rates.as_ref());
    let of_lines = charge(cost(list(&entry["usage"]["lines"]), rates)?);
    if charged != of_lines {
        return Err(format!("charged {charged} nano-USD, its lines make {of_lines}").into());
    }
    let recorded = known.and_then(|known| known.recorded_pico).map(charge);
    if entry["usage"]["source"] == "reported" && recorded.is_some_and(|recorded| recorded != charged) {
        return Err(format!("charged {charged} nano-USD, the recording makes {recorded:?}").into());
    }
    let legs = list(&entry["legs"]).iter().map(|leg| decimal(&leg["amount"]["usd"], NANO));
    let legs: Vec<i128> = legs.collect::<Outcome<_>>()?;
    if legs.iter().sum::<i128>() != 0 || legs.iter().filter(|leg| **leg < 0).sum::<i128>() != -charged {
        return Err("its legs are not the charge".into());
    }
    Ok(())
}

/// The cost of the lines in pico-USD.
fn cost(lines: &[Value], rates: Option<&Rates>) -> Outcome<i128> {
    let mut cost = 0;
    for line in lines {
        let rate = match rates {
            Some(rates) => rate(text(&line["what"])?, rates)?.into(),
            None => decimal(&line["rate_usd"], PICO)?,
        };
        let quantity = line["quantity"].as_u64().ok_or("a line without quantity")?;
        cost += i128::from(quantity) * rate;
    }
    Ok(cost)
}

/// A class of tokens that has no price of its own costs what its side costs.
fn rate(what: &str, rates: &Rates) -> Outcome<u64> {
    match what {
        "input" | "input_audio" | "input_image" | "input_video" | "input_tool_prompt" => Ok(rates.input),
        "cache_read" => Ok(rates.cache_read),
        "cache_write" | "cache_write_5m" => Ok(rates.cache_write_5m),
        "cache_write_1h" => Ok(rates.cache_write_1h),
        "output" | "reasoning" | "output_audio" | "output_image" => Ok(rates.output),
        // The config sets no fee for a tool.
        _ if ToolUse::ALL.iter().any(|tool| tool.name() == what) => Ok(0),
        _ => Err(format!("{what} has no price").into()),
    }
}

/// What is charged for a cost in pico-USD, in nano-USD: one rounding, up.
fn charge(cost_pico: i128) -> i128 {
    let scaled = cost_pico * (10_000 + MARKUP_BPS);
    let unit = 10_000 * PICO_A_NANO;
    (scaled + unit - 1).div_euclid(unit)
}

/// A decimal text as a whole number of its last place.
fn decimal(value: &Value, places: usize) -> Outcome<i128> {
    let shown = text(value)?;
    let (whole, part) = shown.split_once('.').unwrap_or((shown, ""));
    if part.len() > places {
        return Err(format!("{shown} has more than {places} decimals").into());
    }
    Ok(format!("{whole}{part:0<places$}").parse()?)
}

fn text(value: &Value) -> Outcome<&str> {
    value.as_str().ok_or_else(|| format!("{value} is no text").into())
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const RATES: Rates = Rates { input: 3_000, cache_read: 300, cache_write_5m: 0, cache_write_1h: 0, output: 15_000 };

    fn entry(charged: &str, source: &str) -> Value {
        json!({
            "kind": "capture",
            "charged": {"usd": charged},
            "legs": [{"amount": {"usd": format!("-{charged}")}}, {"amount": {"usd": charged}}],
            "usage": {"model": "m", "source": source, "lines": [
                {"what": "input", "quantity": 7, "rate_usd": "0.000000003"},
                {"what": "cache_read", "quantity": 1, "rate_usd": "0.0000000003"},
                {"what": "reasoning", "quantity": 2, "rate_usd": "0.000000015"},
            ]},
        })
    }

    /// 7 × 3,000 + 300 + 2 × 15,000 pico-USD and a quarter more are 64.125 nano-USD.
    fn check(entry: Value, recorded_pico: Option<i128>, expected: Result<(), &str>) {
        let known = Known { rates: Some(RATES), recorded_pico, may_be_estimated: false };
        let known = BTreeMap::from([("m".to_owned(), known)]);
        let found = audit(&[entry], &known).map(drop).map_err(|error| error.to_string());
        match expected {
            Ok(()) => assert_eq!(found, Ok(())),
            Err(part) => assert!(found.clone().is_err_and(|error| error.contains(part)), "{found:?}"),
        }
    }

    #[test]
    fn a_charge_is_that_of_its_lines_of_the_recording_and_of_its_legs() {
        check(entry("0.000000065", "reported"), None, Ok(()));
        check(entry("0.000000065", "reported"), Some(51_300), Ok(()));
        check(entry("0.000000064", "reported"), None, Err("its lines make 65"));
        check(entry("0.000000065", "reported"), Some(90_000), Err("the recording makes Some(113)"));
        check(entry("0.000000065", "estimated"), None, Err("m was estimated"));
        let mut short = entry("0.000000065", "reported");
        short["legs"][0]["amount"]["usd"] = json!("-0.000000064");
        check(short, None, Err("its legs are not the charge"));
    }

    #[test]
    fn a_model_nobody_knows_is_priced_by_its_own_lines() {
        let found = audit(&[entry("0.000000065", "reported")], &BTreeMap::new());
        assert!(found.is_ok(), "{found:?}");
    }

    #[test]
    fn decimals_are_read_exactly() {
        for (shown, places, expected) in [("1", 9, 1_000_000_000), ("-0.5", 3, -500), ("0.000000015", 12, 15_000)] {
            assert_eq!(decimal(&json!(shown), places).unwrap(), expected);
        }
        assert!(decimal(&json!("0.0001"), 3).is_err());
    }
}
