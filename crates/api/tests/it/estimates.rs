//! An estimate is near what the provider counts: shown on recorded answers whose count is known.

use opencredits_estimate::Family;
use opencredits_providers::{Dialect, End, Outcome, StreamTap, UsageChunk, read_body};
use opencredits_testkit::{Recording, recordings};
use opencredits_units::{Bucket, Tokens};

/// Shorter answers say nothing of how dense a text is.
const TOKENS_MIN: u64 = 40;

fn outcome_of(recording: &Recording) -> Option<Outcome> {
    let ends = [
        ("anthropic-messages", Dialect::AnthropicMessages),
        ("-responses", Dialect::OpenaiResponses),
        ("-generate", Dialect::GeminiGenerate),
        ("-chat", Dialect::OpenaiChat),
    ];
    let dialect = ends.into_iter().find(|(end, _)| recording.row.api.ends_with(end))?.1;
    if !recording.row.stream {
        return Some(read_body(dialect, recording.body.as_bytes()));
    }
    let mut tap = StreamTap::new(dialect, UsageChunk::Requested);
    tap.feed(&recording.body.clone().into()).ok()?;
    Some(tap.outcome(End::Clean))
}

/// The estimate of an answer over what was counted, in percent; `None` where the answer holds more than plain text.
fn percent(recording: &Recording) -> Option<u64> {
    let outcome = outcome_of(recording)?;
    let usage = outcome.usage?;
    let count = |bucket| usage.get(bucket).map_or(0, Tokens::get);
    let plain = count(Bucket::Reasoning) == 0 && outcome.produced.parts() == 0 && outcome.produced.bytes() > 0;
    let counted = Some(count(Bucket::Output)).filter(|count| plain && *count >= TOKENS_MIN)?;
    let family = Family::of(&[recording.row.model.as_deref().unwrap_or_default(), &recording.row.provider]);
    Some(outcome.produced.tokens(family) * 100 / counted)
}

#[test]
fn an_estimate_is_near_what_the_provider_counts() {
    let all = recordings(|row| row.status == 200);
    let mut found: Vec<(u64, String)> =
        all.iter().filter_map(|recording| Some((percent(recording)?, recording.row.file.clone()))).collect();
    if all.is_empty() {
        eprintln!("skipped: no shared folder with recordings beside the repository");
        return;
    }
    found.sort_unstable();
    let median = found[found.len() / 2].0;
    let near = found.iter().filter(|(percent, _)| (80..=125).contains(percent)).count();
    eprintln!("{} answers: median {median} %, {near} within a fifth", found.len());
    assert!((95..=105).contains(&median), "{found:?}");
    assert!(near * 10 >= found.len() * 7, "{found:?}");
}
