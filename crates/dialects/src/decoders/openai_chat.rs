//! `openai-chat`: usage, answers and events.

use crate::decoders::count::{self, Count, Read};
use crate::outcome::{Finish, Outcome, Trust};
use crate::upstream_error::UpstreamError;
use opencredits_units::{Bucket, Tokens, ToolUse, Usage};
use opencredits_wire::json::{self, Cursor};
use serde::Deserialize;

/// Members of a message or delta whose strings are output.
pub(crate) const TEXTS: [&[u8]; 5] = [b"content", b"reasoning_content", b"reasoning", b"refusal", b"arguments"];

/// The usage object in the forms of all vendors of this dialect. Counts that some vendors put elsewhere have a second
/// place.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Counts {
    prompt_tokens: Count,
    completion_tokens: Count,
    total_tokens: Count,
    prompt_tokens_details: Option<PromptDetails>,
    completion_tokens_details: Option<CompletionDetails>,
    prompt_cache_hit_tokens: Count,
    cached_tokens: Count,
    num_cached_tokens: Count,
    reasoning_tokens: Count,
    prompt_audio_seconds: Count,
    server_tool_use: Option<ServerTools>,
    server_tool_use_details: Option<ServerTools>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ServerTools {
    web_search_requests: Count,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PromptDetails {
    cached_tokens: Count,
    cached_tokens_details: Option<CachedDetails>,
    cache_write_tokens: Count,
    cache_creation_input_tokens: Count,
    audio_tokens: Count,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct CachedDetails {
    audio_tokens: Count,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct CompletionDetails {
    reasoning_tokens: Count,
    audio_tokens: Count,
    image_tokens: Count,
}

/// A usage object, read.
struct Report {
    usage: Usage,
    trust: Trust,
    /// Output tokens that only the total speaks of.
    inferred: Tokens,
}

/// Reads a usage object into disjoint buckets; `None` where it has no counts.
fn usage(raw: &[u8]) -> Option<Report> {
    let counts: Counts = match count::read(raw) {
        Read::Counts(counts) => counts,
        Read::Negative => {
            let (usage, trust) = (Usage::default(), Trust::Contradictory);
            return Some(Report { usage, trust, inferred: Tokens::ZERO });
        }
        Read::Nothing => return None,
    };
    let mut usage = Usage::default();
    let sound = input(&counts, &mut usage).and_then(|()| output(&counts, &mut usage));
    let tools = [counts.server_tool_use, counts.server_tool_use_details];
    if let Some(searches) = tools.into_iter().flatten().filter_map(|tools| tools.web_search_requests.0).max() {
        usage.set_uses(ToolUse::WebSearch, Tokens::new(searches));
    }
    if usage.is_absent() && sound.is_some() {
        return None;
    }
    let trust = if sound.is_some() { Trust::Sound } else { Trust::Contradictory };
    Some(Report { usage, trust, inferred: sound.unwrap_or_default() })
}

/// `prompt_tokens` includes cached, written and audio tokens.
fn input(counts: &Counts, usage: &mut Usage) -> Option<()> {
    let Some(total) = counts.prompt_tokens.0 else {
        return Some(());
    };
    let details = counts.prompt_tokens_details.as_ref();
    let cached = details.and_then(|d| d.cached_tokens.0).or(counts.prompt_cache_hit_tokens.0);
    let cached = known(cached.or(counts.cached_tokens.0).or(counts.num_cached_tokens.0));
    let audio = known(details.and_then(|d| d.audio_tokens.0));
    // Some hosts exclude audio from the prompt; the total shows it.
    let sum = total.saturating_add(counts.completion_tokens.0.unwrap_or(0));
    let apart = audio.filter(|audio| *audio > 0 && counts.total_tokens.0 == sum.checked_add(*audio));
    let total = total.saturating_add(apart.unwrap_or(0));
    let reported = details.and_then(|d| d.cached_tokens_details.as_ref()).and_then(|d| d.audio_tokens.0);
    let both = reported.or_else(|| in_both(total, cached?, audio?)).filter(|both| *both > 0);
    let parts = [
        (Bucket::CacheRead, less(cached, both)?),
        (Bucket::CacheWriteOther, details.and_then(|d| d.cache_write_tokens.0.or(d.cache_creation_input_tokens.0))),
        (Bucket::InputAudio, less(audio, both)?),
        (Bucket::InputAudioCached, both),
    ];
    let rest = take_parts(total, &parts, usage)?;
    usage.set(Bucket::InputUncached, Tokens::new(rest));
    Some(())
}

/// A part of a total; none where no integer holds it, so that the total stands.
fn known(part: Option<u64>) -> Option<u64> {
    part.filter(|count| *count != u64::MAX)
}

/// The audio tokens that must be cached: the overlap of cached and audio tokens where together they exceed the prompt.
fn in_both(total: u64, cached: u64, audio: u64) -> Option<u64> {
    let sum = cached.checked_add(audio).filter(|_| cached <= total && audio <= total)?;
    Some(sum.saturating_sub(total))
}

/// A count less one of its parts; `None` where the part is larger.
fn less(count: Option<u64>, part: Option<u64>) -> Option<Option<u64>> {
    match (count, part) {
        (Some(count), Some(part)) => count.checked_sub(part).map(Some),
        (count, _) => Some(count),
    }
}

/// `completion_tokens` includes reasoning, unless the total shows that reasoning is added. Where no reasoning is
/// reported and the total exceeds its parts, the difference is hidden reasoning, unless it is audio that is counted in
/// seconds. Returns this inferred reasoning; `None` where the counts contradict each other.
fn output(counts: &Counts, usage: &mut Usage) -> Option<Tokens> {
    let Some(completion) = counts.completion_tokens.0 else {
        return Some(Tokens::ZERO);
    };
    let details = counts.completion_tokens_details.as_ref();
    let reasoning = known(details.and_then(|d| d.reasoning_tokens.0).or(counts.reasoning_tokens.0));
    let [audio, image] = [details.and_then(|d| d.audio_tokens.0), details.and_then(|d| d.image_tokens.0)];
    let input = counts.prompt_tokens.0.unwrap_or(0);
    let sum = input.saturating_add(completion);
    let on_top = counts.total_tokens.0 == sum.checked_add(reasoning.unwrap_or(0));
    let apart = counts.prompt_tokens_details.as_ref().and_then(|d| d.audio_tokens.0).unwrap_or(0);
    let hidden = counts
        .prompt_tokens
        .0
        .and(counts.total_tokens.0)
        .and_then(|total| total.checked_sub(sum))
        .filter(|more| *more > 0 && *more != apart && counts.prompt_audio_seconds.0.unwrap_or(0) == 0);
    let reasoning = reasoning.filter(|reported| *reported > 0 || hidden.is_none()).or(hidden);
    let total = match reasoning {
        Some(reasoning) if on_top || hidden == Some(reasoning) => completion.saturating_add(reasoning),
        _ => completion,
    };
    // A provider's own error: parts that exceed the output. The output is billed.
    let parts = [(Bucket::OutputAudio, audio), (Bucket::OutputImage, image), (Bucket::Reasoning, reasoning)];
    let rest = take_within(total, &parts, usage);
    usage.set(Bucket::Output, Tokens::new(rest));
    Some(Tokens::new(hidden.filter(|hidden| reasoning == Some(*hidden)).unwrap_or(0)))
}

/// Sets each part and returns the rest of the total; `None` where the parts exceed it.
pub(crate) fn take_parts(total: u64, parts: &[(Bucket, Option<u64>)], usage: &mut Usage) -> Option<u64> {
    let mut rest = total;
    for (bucket, part) in parts {
        if let Some(part) = part {
            usage.set(*bucket, Tokens::new(*part));
            rest = rest.checked_sub(*part)?;
        }
    }
    Some(rest)
}

/// Sets each part as far as the total reaches, and returns the rest.
pub(crate) fn take_within(total: u64, parts: &[(Bucket, Option<u64>)], usage: &mut Usage) -> u64 {
    let mut rest = total;
    for (bucket, part) in parts {
        if let Some(part) = part.map(|part| part.min(rest)) {
            usage.set(*bucket, Tokens::new(part));
            rest = rest.saturating_sub(part);
        }
    }
    rest
}

/// The kind of an event or answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Output, or an event without a meaning of its own.
    Plain,
    /// Carries the finish reason.
    Finish,
    /// Usage without choices, or, after a finish reason, with choices that say nothing.
    Usage,
    /// An event without choices, such as the result of a moderation.
    Aside,
    /// An error.
    Error,
}

/// Reads an answer or a chunk into the outcome. Some hosts put the usage into an extension named `x_…`.
pub(crate) fn absorb(raw: &[u8], outcome: &mut Outcome) -> Kind {
    let mut seen = Seen::default();
    let (before, was_finished) = (outcome.produced.amount(), outcome.finish.is_some());
    let (mut error, mut has_usage, mut has_object) = (None, false, false);
    let mut cursor = Cursor::new(raw);
    if !cursor.object() {
        return Kind::Aside;
    }
    while let Some(key) = cursor.key() {
        if key == b"choices" {
            absorb_choices(&mut cursor, outcome, &mut seen);
            continue;
        }
        let value = cursor.value();
        match key {
            b"usage" if json::is_set(value) => {
                has_usage |= absorb_usage(value, outcome);
                has_object = value.starts_with(b"{");
            }
            key if key.starts_with(b"x_") => {
                has_usage |= json::member(value, "usage").is_some_and(|usage| absorb_usage(usage, outcome));
            }
            b"error" if json::is_set(value) => error = Some(raw),
            b"id" if outcome.upstream_id.is_none() => outcome.upstream_id = json::owned(value),
            b"model" if outcome.model.as_ref().is_none_or(String::is_empty) => outcome.model = json::owned(value),
            b"service_tier" if json::is_set(value) => outcome.service_tier = json::owned(value),
            _ => {}
        }
    }
    // Some hosts put the usage into the choice with the finish reason.
    if let (Some(usage), false) = (seen.usage, has_usage) {
        absorb_usage(usage, outcome);
    }
    let is_silent = outcome.produced.amount() == before;
    if let Some(error) = error.or(seen.error.filter(|_| is_silent)) {
        outcome.fail(UpstreamError::in_answer(error));
        return Kind::Error;
    }
    match seen {
        Seen { finished: true, .. } => Kind::Finish,
        // The charge goes into any usage object, even one whose members have other names.
        Seen { count: 0, .. } if has_usage || has_object => Kind::Usage,
        // Some resellers repeat an empty choice on the chunk with the usage.
        _ if has_usage && was_finished && is_silent => Kind::Usage,
        Seen { count: 0, .. } => Kind::Aside,
        _ => Kind::Plain,
    }
}

/// The findings in the choices besides their output.
#[derive(Default)]
struct Seen<'a> {
    count: usize,
    /// Whether a choice has a finish reason.
    finished: bool,
    usage: Option<&'a [u8]>,
    error: Option<&'a [u8]>,
}

fn absorb_usage(raw: &[u8], outcome: &mut Outcome) -> bool {
    let Some(Report { mut usage, trust, inferred }) = usage(raw) else {
        return false;
    };
    // Models that search with each request report the size of the search context, which has a price.
    let searched = match json::member(raw, "search_context_size") {
        Some(b"\"low\"") => Some(ToolUse::SearchLow),
        Some(b"\"medium\"") => Some(ToolUse::SearchMedium),
        Some(b"\"high\"") => Some(ToolUse::SearchHigh),
        _ => None,
    };
    if let Some(size) = searched {
        usage.set_uses(size, Tokens::new(1));
    }
    outcome.keep_cost(raw);
    outcome.usage = Some(usage);
    outcome.trust = trust;
    outcome.inferred = inferred;
    true
}

/// Reads the choices in place: skipping them first and reading them later would cost as much as all the rest.
fn absorb_choices<'a>(cursor: &mut Cursor<'a>, outcome: &mut Outcome, seen: &mut Seen<'a>) {
    if !cursor.array() {
        cursor.value();
        return;
    }
    while cursor.item() {
        seen.count += 1;
        outcome.has_frame = true;
        if !cursor.object() {
            cursor.value();
            continue;
        }
        while let Some(key) = cursor.key() {
            if matches!(key, b"delta" | b"message") {
                absorb_output(cursor, outcome);
                continue;
            }
            let value = cursor.value();
            match key {
                // Completions without messages.
                b"text" => {
                    if let Some(inside) = value.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")) {
                        outcome.produced.text(inside);
                    }
                }
                b"usage" if json::is_set(value) => seen.usage = Some(value),
                b"error" if json::is_set(value) => seen.error = Some(value),
                b"finish_reason" if json::is_set(value) => {
                    if let Some(native) = json::owned(value).filter(|native| !native.is_empty()) {
                        outcome.finish = Some(Finish { native });
                        seen.finished = true;
                    }
                }
                _ => {}
            }
        }
    }
}

fn absorb_output(cursor: &mut Cursor<'_>, outcome: &mut Outcome) {
    if !cursor.object() {
        cursor.value();
        return;
    }
    while let Some(key) = cursor.key() {
        let value = cursor.value();
        match key {
            b"tool_calls" | b"function_call" | b"audio" | b"images" if json::is_set(value) && value != b"[]" => {
                outcome.has_calls |= matches!(key, b"tool_calls" | b"function_call");
                outcome.produced.part();
                outcome.produced.text(value);
            }
            key if TEXTS.contains(&key) => {
                if let Some(inside) = value.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")) {
                    outcome.produced.text(inside);
                }
            }
            _ => {}
        }
    }
}
