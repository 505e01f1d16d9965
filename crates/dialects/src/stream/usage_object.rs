//! The usage object of an answer, complete and with its charge.

use crate::dialect::Dialect;
use opencredits_units::{Bucket, Tokens, Usage};
use opencredits_wire::json::{self, Edit};

/// What goes into the usage object of the closing events.
pub(crate) struct Charge<'a> {
    pub(crate) dialect: Dialect,
    /// The usage of the answer, where the provider reported one.
    pub(crate) usage: Option<Usage>,
    /// Further members, without braces.
    pub(crate) extras: &'a str,
}

impl Charge<'_> {
    /// A usage object of the provider's with the totals that it lacks, and the further members.
    pub(crate) fn written_into(&self, reported: &[u8]) -> Vec<u8> {
        let reported = reported.trim_ascii();
        let is_object = reported.starts_with(b"{");
        let mut members = self.usage.map(|usage| totals(self.dialect, &usage)).unwrap_or_default();
        if let (Some(usage), false) = (&self.usage, is_object) {
            members.extend(parts(self.dialect, usage));
        }
        members.retain(|(name, _)| !json::member(reported, name).is_some_and(json::is_set));
        let edits: Vec<Edit<'_>> = members.iter().map(|(name, value)| Edit { name, value: value.as_bytes() }).collect();
        let complete = json::edit(if is_object { reported } else { b"{}" }, &edits);
        spliced(&complete, self.extras)
    }
}

/// A member of a usage object, and its raw value.
type Member = (&'static str, String);

/// The totals that every usage object of a dialect has.
fn totals(dialect: Dialect, usage: &Usage) -> Vec<Member> {
    let total = |tokens: Option<Tokens>| tokens.map_or(0, Tokens::get);
    let (input, output) = (total(usage.input_total()), total(usage.output_total()));
    let both = input.saturating_add(output);
    let uncached = input.saturating_sub(usage.count(Bucket::CacheRead).get()).saturating_sub(written(usage));
    let totals: &[(&'static str, u64)] = match dialect {
        Dialect::OpenaiChat => &[("prompt_tokens", input), ("completion_tokens", output), ("total_tokens", both)],
        Dialect::OpenaiEmbeddings => &[("prompt_tokens", input), ("total_tokens", both)],
        Dialect::AnthropicMessages => &[("input_tokens", uncached), ("output_tokens", output)],
        Dialect::OpenaiResponses => &[("input_tokens", input), ("output_tokens", output), ("total_tokens", both)],
        Dialect::GeminiGenerate => &[
            ("promptTokenCount", input),
            ("candidatesTokenCount", output.saturating_sub(usage.count(Bucket::Reasoning).get())),
            ("totalTokenCount", both),
        ],
        Dialect::CohereChat => &[],
    };
    totals.iter().map(|(name, count)| (*name, count.to_string())).collect()
}

/// The parts of the totals, for a usage object that has to be made.
fn parts(dialect: Dialect, usage: &Usage) -> Vec<Member> {
    let (read, reasoning) = (usage.count(Bucket::CacheRead).get(), usage.count(Bucket::Reasoning).get());
    let within = |name: &str, count: u64| format!("{{\"{name}\":{count}}}");
    match dialect {
        Dialect::OpenaiChat => vec![
            ("prompt_tokens_details", within("cached_tokens", read)),
            ("completion_tokens_details", within("reasoning_tokens", reasoning)),
        ],
        Dialect::OpenaiResponses => vec![
            ("input_tokens_details", within("cached_tokens", read)),
            ("output_tokens_details", within("reasoning_tokens", reasoning)),
        ],
        Dialect::AnthropicMessages => vec![
            ("cache_creation_input_tokens", written(usage).to_string()),
            ("cache_read_input_tokens", read.to_string()),
        ],
        Dialect::GeminiGenerate => {
            vec![("cachedContentTokenCount", read.to_string()), ("thoughtsTokenCount", reasoning.to_string())]
        }
        Dialect::OpenaiEmbeddings | Dialect::CohereChat => Vec::new(),
    }
}

/// The input that was written into the cache.
fn written(usage: &Usage) -> u64 {
    let buckets = [Bucket::CacheWrite5m, Bucket::CacheWrite1h, Bucket::CacheWriteOther];
    buckets.into_iter().map(|bucket| usage.count(bucket).get()).fold(0, u64::saturating_add)
}

/// A usage object with further members; they take the place of members with the same names.
pub(crate) fn spliced(usage: &[u8], extras: &str) -> Vec<u8> {
    let object = [b"{", extras.as_bytes(), b"}"].concat();
    let mut edits = Vec::new();
    json::members(&object, |name, value| {
        edits.extend(std::str::from_utf8(name).map(|name| Edit { name, value }));
    });
    let usage = usage.trim_ascii();
    json::edit(if usage.starts_with(b"{") { usage } else { b"{}" }, &edits)
}
