//! What differs between the usage that was read and the one that was expected.

use opencredits_providers::{Outcome, Trust};
use opencredits_testkit::{ExpectedUsage, Recording};
use opencredits_units::{Bucket, Tokens, ToolUse, Usage};

/// Tools that are billed by the use, by the names that the recordings have for them.
const USES: [(&str, ToolUse); 13] = [
    ("web_search_call", ToolUse::WebSearch),
    ("web_search_calls", ToolUse::WebSearch),
    ("web_search_requests", ToolUse::WebSearch),
    ("web_fetch_requests", ToolUse::WebFetch),
    ("code_execution", ToolUse::CodeExecution),
    ("code_execution_requests", ToolUse::CodeExecution),
    ("code_interpreter_call", ToolUse::CodeExecution),
    ("code_interpreter_calls", ToolUse::CodeExecution),
    ("file_search_call", ToolUse::FileSearch),
    ("file_search_calls", ToolUse::FileSearch),
    ("web_search_queries", ToolUse::Grounding),
    ("x_search_call", ToolUse::XSearch),
    ("x_search_calls", ToolUse::XSearch),
];

/// What differs, in words without content; empty when nothing does.
pub(super) fn differences(recording: &Recording, outcome: &Outcome) -> Vec<String> {
    let expected = &recording.expected;
    let mut wrong = Vec::new();
    if outcome.trust == Trust::Contradictory {
        wrong.push("the counts are taken for contradictory".to_owned());
    }
    let Some(usage) = outcome.usage.as_ref().filter(|usage| !usage.is_absent()) else {
        // What is billed by the image or the second has no tokens.
        let some = |(_, _, count): &Count| count.is_some_and(|count| count > 0);
        let tokens = expected.input_tokens.is_some() || counts(&Usage::default(), expected).iter().any(some);
        if expected.usage_present && tokens {
            wrong.push("no usage was found".to_owned());
        }
        return wrong;
    };
    for (name, found, expected) in counts(usage, expected) {
        if found.unwrap_or(0) != expected.unwrap_or(0) {
            wrong.push(format!("{name}: {} instead of {}", shown(found), shown(expected)));
        }
    }
    wrong.extend(uses(usage, expected));
    wrong.extend(additional(outcome, expected));
    wrong
}

fn shown(count: Option<u64>) -> String {
    count.map_or_else(|| "nothing".to_owned(), |count| count.to_string())
}

type Count = (&'static str, Option<u64>, Option<u64>);

fn counts(usage: &Usage, expected: &ExpectedUsage) -> Vec<Count> {
    let sum = |buckets: &[Bucket]| {
        let known = buckets.iter().filter_map(|bucket| usage.get(*bucket).map(Tokens::get));
        known.reduce(u64::saturating_add)
    };
    let tool_prompt = sum(&[Bucket::InputToolPrompt]);
    let total = usage.input_total().map(|total| total.get().saturating_sub(tool_prompt.unwrap_or(0)));
    let writes = [Bucket::CacheWrite5m, Bucket::CacheWrite1h, Bucket::CacheWriteOther];
    // What is not billed is counted in other units, and so is what was cached.
    let other = expected.unbilled_tokens_view.is_some() || expected.cached_input_tokens > expected.input_tokens;
    let cached = expected.cached_input_tokens.filter(|_| !other);
    // A part above the output is a provider's own slip, and is cut to what is billed.
    let within = |part: Option<u64>| part.map(|part| expected.output_tokens.map_or(part, |output| output.min(part)));
    let mut counts = vec![
        ("input", total, expected.input_tokens),
        ("prompts of tools", tool_prompt, expected.tool_use_prompt_tokens),
        ("cached", sum(&[Bucket::CacheRead, Bucket::InputAudioCached]), cached),
        ("written to the cache", sum(&writes), expected.cache_write_tokens),
        ("output", usage.output_total().map(Tokens::get), expected.output_tokens),
        // Audio that is said to be there and was read from the cache is counted in both.
        ("audio in", sum(&[Bucket::InputAudio, Bucket::InputAudioCached]), expected.input_audio_tokens),
        ("audio out", sum(&[Bucket::OutputAudio]), within(expected.output_audio_tokens)),
        ("images out", sum(&[Bucket::OutputImage]), within(expected.output_image_tokens)),
    ];
    if expected.cache_write_1h_tokens.is_some() {
        counts.push(("written for an hour", sum(&[Bucket::CacheWrite1h]), expected.cache_write_1h_tokens));
    }
    if expected.cache_write_5m_tokens.is_some() {
        counts.push(("written for 5 minutes", sum(&[Bucket::CacheWrite5m]), expected.cache_write_5m_tokens));
    }
    if let Some(reasoning) = expected.reasoning_tokens {
        let others =
            expected.output_audio_tokens.unwrap_or(0).saturating_add(expected.output_image_tokens.unwrap_or(0));
        let bound = expected.output_tokens.map_or(reasoning, |output| output.saturating_sub(others).min(reasoning));
        counts.push(("reasoning", sum(&[Bucket::Reasoning]), Some(bound)));
    }
    counts
}

fn uses(usage: &Usage, expected: &ExpectedUsage) -> Vec<String> {
    let mut wrong = Vec::new();
    for (name, count) in expected.server_tool_calls.iter().flatten() {
        let Some(tool) = tool(name) else { continue };
        let found = usage.uses(tool).map_or(0, Tokens::get);
        if found != *count {
            wrong.push(format!("uses of {name}: {found} instead of {count}"));
        }
    }
    wrong
}

fn tool(name: &str) -> Option<ToolUse> {
    USES.iter().find(|(known, _)| *known == name).map(|(_, tool)| *tool)
}

/// Uses that one side knows and the other does not: they cannot be compared.
pub(super) fn unknown_tools(recording: &Recording, outcome: &Outcome) -> Vec<String> {
    let expected = || recording.expected.server_tool_calls.iter().flatten().map(|(name, _)| name.as_str());
    let theirs =
        expected().filter(|name| tool(name).is_none()).map(|name| format!("uses of {name}, for want of a price"));
    let usage = outcome.usage.unwrap_or_default();
    let used = ToolUse::ALL.into_iter().filter(|tool| usage.uses(*tool).is_some_and(|count| count > Tokens::ZERO));
    let ours = used
        .filter(|used| !expected().any(|name| tool(name) == Some(*used)))
        .map(|used| format!("uses of {} that the expected usage does not name", used.name()));
    theirs.chain(ours).collect()
}

fn additional(outcome: &Outcome, expected: &ExpectedUsage) -> Vec<String> {
    let found = outcome.additional.iter().map(|(model, usage)| {
        let sums = (usage.input_total().map(Tokens::get), usage.output_total().map(Tokens::get));
        (Some(model.clone()).filter(|model| !model.is_empty()), sums.0, sums.1)
    });
    let wanted =
        expected.additional_usage.iter().map(|more| (more.model.clone(), more.input_tokens, more.output_tokens));
    let (found, wanted): (Vec<_>, Vec<_>) = (found.collect(), wanted.collect());
    let same = found.len() == wanted.len()
        && found.iter().zip(&wanted).all(|(a, b)| a.1 == b.1 && a.2 == b.2 && (b.0.is_none() || a.0 == b.0));
    if same { Vec::new() } else { vec![format!("billed besides: {} parts instead of {}", found.len(), wanted.len())] }
}
