//! `gemini-generate`: usage, answers and chunks.

use crate::decoders::count::{self, Count, Read};
use crate::enum_names::{BLOCK_REASONS, FINISH_REASONS, MODALITIES, enum_name, is_named};
use crate::outcome::{Finish, Outcome, Trust};
use crate::upstream_error::UpstreamError;
use opencredits_units::{Bucket, Tokens, ToolUse, Usage};
use opencredits_wire::json::{self, Cursor};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeSet;

/// The largest number of different searches that are counted in one answer.
const QUERIES_MAX: usize = 1_000;

/// The usage object. Every chunk has one, which replaces the previous one.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Counts {
    prompt_token_count: Count,
    cached_content_token_count: Count,
    tool_use_prompt_token_count: Count,
    candidates_token_count: Count,
    thoughts_token_count: Count,
    prompt_tokens_details: Option<Vec<Share>>,
    cache_tokens_details: Option<Vec<Share>>,
    candidates_tokens_details: Option<Vec<Share>>,
    service_tier: Value,
}

/// The tokens of one modality.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Share {
    modality: Value,
    token_count: Count,
}

fn of_kind(shares: &Option<Vec<Share>>, modality: &str) -> u64 {
    let shares = shares.iter().flatten().filter(|share| is_named(&share.modality, modality, MODALITIES));
    shares.filter_map(|share| share.token_count.0).fold(0, u64::saturating_add)
}

/// The kind of a chunk or answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Output, or a chunk without a meaning of its own.
    Plain,
    /// Carries the finish reason.
    Finish,
    /// An error.
    Error,
}

fn native(raw: &[u8], names: &[&'static str]) -> Option<Finish> {
    enum_name(raw, names).map(|name| Finish { native: name.into_owned() })
}

/// The search queries of all chunks: each is billed once, however often it is repeated.
pub(crate) type Queries = BTreeSet<String>;

/// Reads a chunk, or a whole answer, into the outcome. Without the parameter for events, a stream is a list of chunks.
pub(crate) fn absorb(data: &[u8], queries: &mut Queries, outcome: &mut Outcome) -> Kind {
    if data.trim_ascii_start().first() != Some(&b'[') {
        return absorb_chunk(data, queries, outcome);
    }
    let mut last = Kind::Plain;
    json::items(data, |chunk| {
        let kind = absorb_chunk(chunk, queries, outcome);
        if kind != Kind::Plain {
            last = kind;
        }
    });
    last
}

fn absorb_chunk(data: &[u8], queries: &mut Queries, outcome: &mut Outcome) -> Kind {
    let mut seen = Seen { kind: Kind::Plain, queries, ran_code: 0 };
    Cursor::new(data).each_member(|name, cursor| match name {
        b"candidates" => {
            cursor.each_item(|cursor| {
                outcome.has_frame = true;
                cursor.each_member(|name, cursor| seen.candidate(name, cursor, outcome));
            });
        }
        _ => seen.member(name, cursor.value(), (data, &mut *outcome)),
    });
    let Seen { kind, queries, ran_code } = seen;
    let queries = u64::try_from(queries.len()).unwrap_or(u64::MAX);
    // Code runs are reported once.
    note_uses(outcome, ToolUse::Grounding, |_| queries);
    note_uses(outcome, ToolUse::CodeExecution, |before| before.saturating_add(ran_code));
    kind
}

/// The findings in one chunk besides its output.
struct Seen<'a> {
    kind: Kind,
    queries: &'a mut Queries,
    /// The number of code runs at the provider.
    ran_code: u64,
}

impl Seen<'_> {
    fn candidate(&mut self, name: &[u8], cursor: &mut Cursor<'_>, outcome: &mut Outcome) {
        match name {
            b"content" => cursor.each_member(|name, cursor| {
                if name == b"parts" {
                    self.ran_code = self.ran_code.saturating_add(absorb_parts(cursor, outcome));
                } else {
                    cursor.value();
                }
            }),
            b"finishReason" => {
                let value = cursor.value();
                if json::is_set(value) {
                    outcome.finish = native(value, FINISH_REASONS);
                    self.kind = Kind::Finish;
                }
            }
            b"groundingMetadata" => {
                json::items(json::member(cursor.value(), "webSearchQueries").unwrap_or_default(), |query| {
                    if self.queries.len() < QUERIES_MAX {
                        self.queries.extend(json::owned(query).filter(|query| !query.trim().is_empty()));
                    }
                });
            }
            _ => drop(cursor.value()),
        }
    }

    fn member(&mut self, name: &[u8], value: &[u8], (data, outcome): (&[u8], &mut Outcome)) {
        match name {
            b"promptFeedback" => {
                if let Some(finish) = json::member(value, "blockReason").and_then(|raw| native(raw, BLOCK_REASONS)) {
                    outcome.finish = Some(finish);
                    outcome.has_frame = true;
                    self.kind = Kind::Finish;
                }
            }
            b"usageMetadata" => absorb_usage(value, outcome),
            // Each chunk repeats both.
            b"modelVersion" if outcome.model.is_none() => outcome.model = json::owned(value),
            b"responseId" if outcome.upstream_id.is_none() => outcome.upstream_id = json::owned(value),
            b"error" if json::is_set(value) => {
                outcome.fail(UpstreamError::in_answer(data));
                self.kind = Kind::Error;
            }
            _ => {}
        }
    }
}

/// Tool uses are counted over all chunks, while each chunk's usage replaces the previous one: they are carried over.
fn note_uses(outcome: &mut Outcome, tool: ToolUse, count: impl Fn(u64) -> u64) {
    let mut usage = outcome.usage.unwrap_or_default();
    let before = usage.uses(tool).map_or(0, Tokens::get);
    let after = count(before);
    if after > before {
        usage.set_uses(tool, Tokens::new(after));
        outcome.usage = Some(usage);
    }
}

/// Counts the produced output; returns the number of code runs at the provider.
fn absorb_parts(cursor: &mut Cursor<'_>, outcome: &mut Outcome) -> u64 {
    let mut ran_code = 0_u64;
    cursor.each_item(|cursor| {
        cursor.each_member(|name, cursor| {
            let value = cursor.value();
            match name {
                b"text" => {
                    if let Some(inside) = value.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")) {
                        outcome.produced.text(inside);
                    }
                }
                b"functionCall" | b"inlineData" => outcome.produced.part(),
                b"executableCode" => {
                    outcome.produced.part();
                    ran_code = ran_code.saturating_add(1);
                }
                _ => {}
            }
        });
    });
    ran_code
}

fn absorb_usage(raw: &[u8], outcome: &mut Outcome) {
    let counts: Counts = match count::read(raw) {
        Read::Counts(counts) => counts,
        Read::Negative => {
            (outcome.usage, outcome.trust) = (Some(Usage::default()), Trust::Contradictory);
            return;
        }
        Read::Nothing => return,
    };
    let mut usage = Usage::default();
    let sound = counts.buckets(&mut usage);
    if usage.is_absent() && sound.is_some() {
        return;
    }
    for tool in ToolUse::ALL {
        if let Some(uses) = outcome.usage.and_then(|before| before.uses(tool)) {
            usage.set_uses(tool, uses);
        }
    }
    outcome.usage = Some(usage);
    outcome.trust = if sound.is_some() { Trust::Sound } else { Trust::Contradictory };
    if let Value::String(tier) = counts.service_tier {
        outcome.service_tier = Some(tier);
    }
}

impl Counts {
    /// The prompt includes cached tokens and excludes tokens that tools added; the candidates exclude reasoning.
    fn buckets(&self, usage: &mut Usage) -> Option<()> {
        if let Some(prompt) = self.prompt_token_count.0 {
            let cached = self.cached_content_token_count.0;
            let kinds = [(Bucket::InputAudio, "AUDIO"), (Bucket::InputImage, "IMAGE"), (Bucket::InputVideo, "VIDEO")];
            let mut rest = prompt.checked_sub(cached.unwrap_or(0))?;
            // Cached tokens may come without modalities. Audio beyond the uncached rest must have been cached.
            let audio = of_kind(&self.prompt_tokens_details, "AUDIO").saturating_sub(rest);
            let cached_audio = of_kind(&self.cache_tokens_details, "AUDIO").max(audio).min(cached.unwrap_or(0));
            for (bucket, modality) in kinds {
                let cached = of_kind(&self.cache_tokens_details, modality);
                let fresh = of_kind(&self.prompt_tokens_details, modality).saturating_sub(cached).min(rest);
                if fresh > 0 {
                    usage.set(bucket, Tokens::new(fresh));
                    rest = rest.saturating_sub(fresh);
                }
            }
            if cached_audio > 0 {
                usage.set(Bucket::InputAudioCached, Tokens::new(cached_audio));
            }
            if let Some(cached) = cached {
                usage.set(Bucket::CacheRead, Tokens::new(cached.saturating_sub(cached_audio)));
            }
            usage.set(Bucket::InputUncached, Tokens::new(rest));
        }
        if let Some(more) = self.tool_use_prompt_token_count.0 {
            usage.set(Bucket::InputToolPrompt, Tokens::new(more));
        }
        if let Some(thoughts) = self.thoughts_token_count.0 {
            usage.set(Bucket::Reasoning, Tokens::new(thoughts));
        }
        if let Some(candidates) = self.candidates_token_count.0 {
            let mut rest = candidates;
            for (bucket, modality) in [(Bucket::OutputAudio, "AUDIO"), (Bucket::OutputImage, "IMAGE")] {
                let part = of_kind(&self.candidates_tokens_details, modality).min(rest);
                if part > 0 {
                    usage.set(bucket, Tokens::new(part));
                    rest = rest.saturating_sub(part);
                }
            }
            usage.set(Bucket::Output, Tokens::new(rest));
        }
        Some(())
    }
}
