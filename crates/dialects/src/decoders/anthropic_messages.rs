//! `anthropic-messages`: usage, answers and events.

use crate::decoders::count::{self, Count, Read};
use crate::outcome::{Finish, Outcome, Trust};
use opencredits_units::{Bucket, Tokens, ToolUse, Usage};
use opencredits_wire::json;
use serde::Deserialize;

/// The beginning of most events of a stream.
const DELTA: &[u8] = b"{\"type\":\"content_block_delta\",";

/// The service tier of fast inference in a fixed region.
pub(crate) const FAST_US: &str = "fast_us";

/// The usage object. A stream has two; for each field, the last non-null value counts.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Counts {
    input_tokens: Count,
    output_tokens: Count,
    cache_read_input_tokens: Count,
    cache_creation_input_tokens: Count,
    cache_creation: Option<Creation>,
    output_tokens_details: Option<OutputDetails>,
    server_tool_use: Option<ServerTools>,
    service_tier: Option<String>,
    speed: Option<String>,
    inference_geo: Option<String>,
    iterations: Option<Vec<Iteration>>,
    /// Whether a count was below zero.
    #[serde(skip)]
    negative: bool,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct Creation {
    ephemeral_5m_input_tokens: Count,
    ephemeral_1h_input_tokens: Count,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct OutputDetails {
    thinking_tokens: Count,
    reasoning_tokens: Count,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct ServerTools {
    web_search_requests: Count,
    web_fetch_requests: Count,
    code_execution_requests: Count,
}

/// A part of a request that ran separately. Parts of type `message` are included in the main counts, others are not.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct Iteration {
    r#type: Option<String>,
    model: Option<String>,
    #[serde(flatten)]
    counts: IterationCounts,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct IterationCounts {
    input_tokens: Count,
    output_tokens: Count,
    cache_read_input_tokens: Count,
    cache_creation_input_tokens: Count,
    cache_creation: Option<Creation>,
}

impl Creation {
    /// A later total without a split may be lower: then the earlier split covers that much only, longer lifetimes
    /// first, since they cost more.
    fn within(&mut self, total: Count) {
        if let Some(total) = total.0 {
            let hour = self.ephemeral_1h_input_tokens.0.map(|hour| hour.min(total));
            let rest = total.saturating_sub(hour.unwrap_or(0));
            self.ephemeral_1h_input_tokens.0 = hour;
            self.ephemeral_5m_input_tokens.0 = self.ephemeral_5m_input_tokens.0.map(|short| short.min(rest));
        }
    }
}

impl Counts {
    fn merge(&mut self, newer: Self) {
        fn take<T>(slot: &mut Option<T>, newer: Option<T>) {
            if newer.is_some() {
                *slot = newer;
            }
        }
        fn take_count(slot: &mut Count, newer: Count) {
            take(&mut slot.0, newer.0);
        }
        // Placeholder zeros may follow the real input counts. An answer needs some input, so zeros are ignored.
        let placeholder = newer.input_tokens.0 == Some(0) && newer.output_tokens.0.is_some_and(|output| output > 0);
        let no_cache =
            newer.cache_read_input_tokens.0.unwrap_or(0) == 0 && newer.cache_creation_input_tokens.0.unwrap_or(0) == 0;
        if !(placeholder && no_cache) {
            take_count(&mut self.input_tokens, newer.input_tokens);
            take_count(&mut self.cache_read_input_tokens, newer.cache_read_input_tokens);
            take_count(&mut self.cache_creation_input_tokens, newer.cache_creation_input_tokens);
            match (newer.cache_creation, &mut self.cache_creation) {
                (None, Some(split)) => split.within(newer.cache_creation_input_tokens),
                (newer, slot) => take(slot, newer),
            }
        }
        take_count(&mut self.output_tokens, newer.output_tokens);
        take(&mut self.output_tokens_details, newer.output_tokens_details);
        take(&mut self.server_tool_use, newer.server_tool_use);
        take(&mut self.service_tier, newer.service_tier);
        take(&mut self.speed, newer.speed);
        take(&mut self.inference_geo, newer.inference_geo);
        take(&mut self.iterations, newer.iterations);
    }

    /// Writes the counts into the outcome, again after each change.
    fn settle(&self, outcome: &mut Outcome) {
        let mut usage = Usage::default();
        let sound = self.buckets(&mut usage).filter(|()| !self.negative);
        if usage.is_absent() && sound.is_some() {
            return;
        }
        outcome.usage = Some(usage);
        let additional = self.additional(outcome.model.as_deref());
        let sound = sound.is_some() && additional.is_some();
        outcome.trust = if sound { Trust::Sound } else { Trust::Contradictory };
        outcome.additional = additional.unwrap_or_default();
        // Inference in a fixed region has a price of its own, at each speed.
        outcome.service_tier = match (self.speed.as_deref(), self.inference_geo.as_deref()) {
            (Some("fast"), Some("us")) => Some(FAST_US.to_owned()),
            (_, Some("us")) => self.inference_geo.clone(),
            (Some("fast"), _) => self.speed.clone(),
            _ => self.service_tier.clone(),
        };
    }

    /// `input_tokens` excludes cache reads and writes.
    fn buckets(&self, usage: &mut Usage) -> Option<()> {
        set(usage, Bucket::InputUncached, self.input_tokens.0);
        set(usage, Bucket::CacheRead, self.cache_read_input_tokens.0);
        writes(self.cache_creation_input_tokens.0, split(self.cache_creation.as_ref()), usage)?;
        if let Some(output) = self.output_tokens.0 {
            let details = self.output_tokens_details.as_ref();
            let reasoning = details.and_then(|d| d.thinking_tokens.0.or(d.reasoning_tokens.0));
            // For information only: it may exceed the output by the provider's own error. The output is billed.
            let reasoning = reasoning.map(|reasoning| reasoning.min(output));
            set(usage, Bucket::Reasoning, reasoning);
            set(usage, Bucket::Output, Some(output.saturating_sub(reasoning.unwrap_or(0))));
        }
        let tools = self.server_tool_use.as_ref();
        let uses = [
            (ToolUse::WebSearch, tools.and_then(|t| t.web_search_requests.0)),
            (ToolUse::WebFetch, tools.and_then(|t| t.web_fetch_requests.0)),
            (ToolUse::CodeExecution, tools.and_then(|t| t.code_execution_requests.0)),
        ];
        for (tool, count) in uses {
            if let Some(count) = count {
                usage.set_uses(tool, Tokens::new(count));
            }
        }
        Some(())
    }

    /// `None` where the counts contradict each other.
    fn additional(&self, model: Option<&str>) -> Option<Vec<(String, Usage)>> {
        let apart = |iteration: &&Iteration| iteration.r#type.as_deref().is_some_and(|kind| kind != "message");
        let iterations = self.iterations.iter().flatten().filter(apart);
        let read = |iteration: &Iteration| {
            let counts = &iteration.counts;
            let mut usage = Usage::default();
            set(&mut usage, Bucket::InputUncached, counts.input_tokens.0);
            set(&mut usage, Bucket::CacheRead, counts.cache_read_input_tokens.0);
            writes(counts.cache_creation_input_tokens.0, split(counts.cache_creation.as_ref()), &mut usage)?;
            set(&mut usage, Bucket::Output, counts.output_tokens.0);
            let model = iteration.model.as_deref().or(model).unwrap_or_default();
            Some((model.to_owned(), usage))
        };
        iterations.map(read).collect()
    }
}

fn set(usage: &mut Usage, bucket: Bucket, count: Option<u64>) {
    if let Some(count) = count {
        usage.set(bucket, Tokens::new(count));
    }
}

fn split(creation: Option<&Creation>) -> (Option<u64>, Option<u64>) {
    creation.map_or((None, None), |split| (split.ephemeral_5m_input_tokens.0, split.ephemeral_1h_input_tokens.0))
}

/// Cache writes by lifetime (five minutes, one hour); the rest of the total has no known lifetime.
pub(crate) fn writes(total: Option<u64>, (short, hour): (Option<u64>, Option<u64>), usage: &mut Usage) -> Option<()> {
    set(usage, Bucket::CacheWrite5m, short);
    set(usage, Bucket::CacheWrite1h, hour);
    if let Some(total) = total {
        let rest = total.checked_sub(short.unwrap_or(0))?.checked_sub(hour.unwrap_or(0))?;
        if rest > 0 || (short.is_none() && hour.is_none()) {
            set(usage, Bucket::CacheWriteOther, Some(rest));
        }
    }
    Some(())
}

/// The kind of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Output, or an event without a meaning of its own.
    Plain,
    /// Carries the stop reason and the final usage.
    Delta,
    /// The end.
    Stop,
    /// An error.
    Error,
}

/// Reads a whole answer into the outcome.
pub(crate) fn absorb_message(raw: &[u8], counts: &mut Counts, outcome: &mut Outcome) {
    json::members(raw, |key, value| match key {
        b"id" => outcome.upstream_id = json::owned(value),
        b"model" => outcome.model = json::owned(value),
        b"stop_reason" => absorb_stop(value, outcome),
        b"content" if json::is_set(value) => absorb_content(value, outcome),
        b"usage" => absorb_counts(value, counts),
        _ => {}
    });
    counts.settle(outcome);
}

/// Reads an event into the outcome.
pub(crate) fn absorb_event(raw: &[u8], counts: &mut Counts, outcome: &mut Outcome) -> Kind {
    // Nearly all events are of this type, and have it first.
    if raw.starts_with(DELTA) {
        absorb_delta(raw, outcome);
        return Kind::Plain;
    }
    match json::member(raw, "type") {
        Some(b"\"content_block_delta\"") => absorb_delta(raw, outcome),
        Some(b"\"content_block_start\"") => absorb_start(raw, outcome),
        Some(b"\"message_start\"") => {
            outcome.has_frame = true;
            absorb_message(json::member(raw, "message").unwrap_or_default(), counts, outcome);
        }
        Some(b"\"message_delta\"") => {
            if let Some(reason) = json::pointer(raw, "/delta/stop_reason") {
                absorb_stop(reason, outcome);
            }
            absorb_counts(json::member(raw, "usage").unwrap_or_default(), counts);
            counts.settle(outcome);
            return Kind::Delta;
        }
        Some(b"\"message_stop\"") => return Kind::Stop,
        Some(b"\"error\"") => return Kind::Error,
        _ => {}
    }
    Kind::Plain
}

fn absorb_stop(raw: &[u8], outcome: &mut Outcome) {
    if let Some(native) = json::owned(raw) {
        outcome.finish = Some(Finish { native });
    }
}

fn absorb_counts(raw: &[u8], counts: &mut Counts) {
    match count::read(raw) {
        Read::Counts(newer) => counts.merge(newer),
        Read::Negative => counts.negative = true,
        Read::Nothing => {}
    }
}

/// `text_delta`, `thinking_delta`, `input_json_delta`, `signature_delta`, `citations_delta`.
fn absorb_delta(raw: &[u8], outcome: &mut Outcome) {
    json::Cursor::new(raw).each_member(|key, cursor| {
        if key != b"delta" {
            cursor.value();
            return;
        }
        cursor.each_member(|key, cursor| {
            let value = cursor.value();
            let inside = value.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\""));
            if let (b"text" | b"thinking" | b"partial_json", Some(inside)) = (key, inside) {
                outcome.produced.text(inside);
            }
        });
    });
}

/// An empty text block is no output yet; any other block is.
fn absorb_start(raw: &[u8], outcome: &mut Outcome) {
    let block = json::member(raw, "content_block").unwrap_or_default();
    if json::member(block, "type") != Some(b"\"text\"") {
        absorb_part(block, outcome);
    }
}

fn absorb_content(raw: &[u8], outcome: &mut Outcome) {
    outcome.has_frame = true;
    json::items(raw, |block| match json::member(block, "text") {
        Some(text) => outcome.produced.text(text.get(1..text.len().saturating_sub(1)).unwrap_or_default()),
        None => absorb_part(block, outcome),
    });
}

/// A block that is no text.
fn absorb_part(block: &[u8], outcome: &mut Outcome) {
    match json::member(block, "type") {
        Some(b"\"tool_use\"") => outcome.has_calls = true,
        Some(b"\"server_tool_use\"") => match json::member(block, "name") {
            Some(b"\"web_search\"") => outcome.see_use(ToolUse::WebSearch),
            Some(b"\"web_fetch\"") => outcome.see_use(ToolUse::WebFetch),
            Some(name) if name.ends_with(b"code_execution\"") => outcome.see_use(ToolUse::CodeExecution),
            _ => {}
        },
        _ => {}
    }
    outcome.produced.part();
}
