//! `cargo xtask holds DIR`: the input that a hold counts with, against the input that the provider counted.

use crate::meter::{Forms, Reader};
use crate::outcome::Outcome;
use opencredits_estimate::Family;
use opencredits_providers::{Dialect, RequestFacts};
use opencredits_sanitizer::{Api, Policy, Scrub, Strictness};
use opencredits_service::InputEstimate;
use opencredits_testkit::{Recording, recordings_in};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;

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
    let forms = Forms::read()?;
    let mut by_api: BTreeMap<String, Vec<Held>> = BTreeMap::new();
    for recording in recordings_in(&args.folder)?.into_iter().flatten() {
        let Ok(Reader::Dialect(dialect)) = forms.reader(&recording) else { continue };
        let Some(held) = held(&recording, dialect) else { continue };
        if args.overruns && held.held < held.used {
            println!("{}: held {}, used {}", recording.row.file, held.held, held.used);
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
            "requests": all.len()});
        println!("{object}");
        return Ok(());
    }
    println!("{:<28} {:>8} {:>8} {:>8} {:>9}", "API", "REQUESTS", "P50", "P99", "OVERRUNS");
    let rows = by_api.iter().map(|(api, held)| (api.as_str(), held.iter().collect::<Vec<_>>()));
    for (api, held) in rows.chain([("all", all)]) {
        let (p50, p99, overruns) = figures(&held);
        println!("{api:<28} {:>8} {p50:>8.2} {p99:>8.2} {:>7.1} %", held.len(), overruns * 100.0);
    }
    Ok(())
}

/// Whether the gateway would send the request on: fields that need state at the provider are refused.
fn is_served(recording: &Recording, dialect: Dialect) -> bool {
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
fn held(recording: &Recording, dialect: Dialect) -> Option<Held> {
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
    let likely = InputEstimate::of(&facts, Family::of(&[&model])).likely(100).get();
    Some(Held { held: facts.input_max.map_or(likely, |bound| likely.min(bound)), used })
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
