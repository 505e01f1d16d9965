//! `cargo xtask holds DIR`: the input that a hold counts with, against the input that the provider counted.

use crate::meter::{Forms, Reader};
use crate::outcome::Outcome;
use opencredits_estimate::Family;
use opencredits_providers::{Dialect, RequestFacts, Vendors};
use opencredits_sanitizer::{Api, Policy, Scrub, Strictness};
use opencredits_service::InputEstimate;
use opencredits_testkit::{Recording, recordings_in};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The fields that a prompt stands in.
const PROMPTS: [&str; 4] = ["messages", "input", "contents", "prompt"];

/// What to read and how to show it.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A folder with an `index.jsonl`, in the form of the shared recordings
    folder: PathBuf,
    /// Print one flat JSON object instead of a table
    #[arg(long)]
    json: bool,
    /// Print each request that had more input than its hold counts with
    #[arg(long)]
    overruns: bool,
}

/// One request.
struct Held {
    held: u64,
    used: u64,
    /// The most that is believed.
    bound: u64,
}

impl Held {
    fn ratio(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a ratio of token counts")]
        let ratio = self.held as f64 / self.used as f64;
        ratio
    }
}

/// Reads every recorded request and compares.
pub(crate) fn run(args: &Args) -> Outcome {
    let (forms, vendors) = (Forms::read()?, Vendors::builtin()?);
    let mut by_api: BTreeMap<String, Vec<Held>> = BTreeMap::new();
    let mut not_believed = 0_usize;
    for recording in recordings_in(&args.folder)?.into_iter().flatten() {
        let Ok(Reader::Dialect(dialect)) = forms.reader(&recording) else { continue };
        let Some(held) = held(&recording, dialect, &vendors) else { continue };
        if args.overruns && held.held < held.used {
            let why = if held.used > held.bound { ", more than is believed" } else { "" };
            println!("{}: held {}, used {}{why}", recording.row.file, held.held, held.used);
        }
        if held.used > held.bound {
            not_believed += 1;
            continue;
        }
        by_api.entry(recording.row.api.clone()).or_default().push(held);
    }
    let all: Vec<&Held> = by_api.values().flatten().collect();
    if all.is_empty() {
        return Err("the folder has no request with a known input".into());
    }
    if args.json {
        let (p50, p99, overruns) = figures(&all);
        let object = json!({"held_over_used_p50": p50, "held_over_used_p99": p99, "overrun_share": overruns,
            "requests": all.len(), "not_believed": not_believed});
        println!("{object}");
        return Ok(());
    }
    show(&by_api, all);
    if not_believed > 0 {
        println!("{not_believed} left out: more input than their bodies can have, which is not believed");
    }
    Ok(())
}

/// Prints the table.
fn show(by_api: &BTreeMap<String, Vec<Held>>, all: Vec<&Held>) {
    println!("{:<28} {:>8} {:>8} {:>8} {:>9}", "API", "REQUESTS", "P50", "P99", "OVERRUNS");
    let rows = by_api.iter().map(|(api, held)| (api.as_str(), held.iter().collect::<Vec<_>>()));
    for (api, held) in rows.chain([("all", all)]) {
        let (p50, p99, overruns) = figures(&held);
        println!("{api:<28} {:>8} {p50:>8.2} {p99:>8.2} {:>7.1} %", held.len(), overruns * 100.0);
    }
}

/// Whether the gateway would send the request on: fields that need state at the provider are refused. A request without a
/// prompt has one that is stored there.
fn is_served(recording: &Recording, dialect: Dialect) -> bool {
    if !PROMPTS.iter().any(|field| recording.request_body.get(field).is_some()) {
        return false;
    }
    let api = match dialect {
        Dialect::AnthropicMessages => Api::AnthropicMessages,
        Dialect::OpenaiResponses => Api::OpenaiResponses,
        Dialect::GeminiGenerate => Api::GeminiGenerate,
        Dialect::OpenaiEmbeddings => Api::OpenaiEmbeddings,
        _ => Api::OpenaiChat,
    };
    let body = recording.request_body.to_string();
    let how = Scrub { strictness: Strictness::Lax, hash: &str::to_owned };
    Policy::builtin(api).is_ok_and(|policy| policy.scrub(body.as_bytes(), &how).is_ok())
}

/// The input of a recorded request; `None` where it is unknown, or the request would not be served.
fn held(recording: &Recording, dialect: Dialect, vendors: &Vendors) -> Option<Held> {
    let used = recording.expected.input_tokens.filter(|used| *used > 0)?;
    if !is_served(recording, dialect) {
        return None;
    }
    let model = recording.row.model.clone().or_else(|| recording.request_body["model"].as_str().map(str::to_owned))?;
    let mut fields: Vec<(&str, String)> =
        recording.request_body.as_object()?.iter().map(|(name, value)| (name.as_str(), value.to_string())).collect();
    if !fields.iter().any(|(name, _)| *name == "model") {
        fields.push(("model", Value::from(model.as_str()).to_string()));
    }
    let borrowed = fields.iter().map(|(name, value)| (*name, value.as_str()));
    let facts = RequestFacts::read(dialect, borrowed).ok()?;
    let estimate = InputEstimate::of(&facts, Family::of(&[&model]));
    let vendor = vendors.get(&recording.row.provider);
    let likely = vendor.map_or(estimate, |vendor| estimate.at(vendor, facts.choices)).likely(100).get();
    let (added, times) =
        vendor.map_or((0, 1), |vendor| (vendor.added_input_tokens, vendor.inputs_billed(facts.choices)));
    let bound = facts.input_max.map_or(u64::MAX, |bound| bound.saturating_add(added).saturating_mul(times));
    Some(Held { held: likely.min(bound), used, bound })
}

/// The median and the 99th percentile of held over used, and the share of overruns.
fn figures(held: &[&Held]) -> (f64, f64, f64) {
    let mut ratios: Vec<f64> = held.iter().map(|held| held.ratio()).collect();
    ratios.sort_by(f64::total_cmp);
    let at = |percent: usize| ratios[(ratios.len() * percent / 100).min(ratios.len() - 1)];
    let overruns = held.iter().filter(|held| held.held < held.used).count();
    #[expect(clippy::cast_precision_loss, reason = "a share")]
    let share = overruns as f64 / held.len() as f64;
    (at(50), at(99), share)
}

#[cfg(test)]
mod tests {
    use super::*;
    use opencredits_testkit::ExpectedUsage;

    /// A request with a short prompt to a vendor: whether it is served, and what is held and believed of its input.
    fn check(provider: &str, body: Value, expect: Option<[u64; 2]>) {
        let row = json!({"file": "f", "expected": "e", "api": "openai-chat", "provider": provider});
        let recording = Recording {
            id: String::new(),
            row: serde_json::from_value(row).unwrap(),
            request_path: String::new(),
            request_body: body,
            content_type: None,
            body: String::new(),
            body_base64: None,
            expected: ExpectedUsage { input_tokens: Some(9), ..ExpectedUsage::default() },
        };
        let held = held(&recording, Dialect::OpenaiChat, &Vendors::builtin().unwrap());
        assert_eq!(held.map(|held| [held.held, held.bound]), expect, "{provider} {}", recording.request_body);
    }

    #[test]
    fn a_request_is_held_as_its_vendor_bills_it() {
        let body = |n: u64| json!({"model": "gpt-4o", "n": n, "messages": [{"role": "user", "content": "Hello"}]});
        // The fields have 44 bytes, two of which are letters beyond twice their estimate.
        let bound = 2_048 + 44 - 2;
        check("nobody", body(2), Some([11, bound]));
        check("mistral", body(2), Some([22, 2 * bound]));
        check("mistral", body(1), Some([11, bound]));
        check("venice", body(2), Some([1_111, bound + 1_100]));
    }

    #[test]
    fn a_request_without_a_prompt_is_left_out() {
        check("nobody", json!({"model": "gpt-4o", "variables": {"city": "Oslo"}}), None);
    }
}
