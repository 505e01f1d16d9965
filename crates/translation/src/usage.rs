//! The usage object of each dialect, from the billed buckets.

use crate::json_writer::{JsonWriter, value};
use opencredits_dialects::Dialect;
use opencredits_units::{Bucket, Tokens, Usage};

fn count(usage: &Usage, bucket: Bucket) -> Option<u64> {
    usage.get(bucket).map(Tokens::get)
}

fn written(usage: &Usage) -> Option<u64> {
    let all = [Bucket::CacheWrite5m, Bucket::CacheWrite1h, Bucket::CacheWriteOther];
    all.into_iter().filter_map(|bucket| count(usage, bucket)).reduce(u64::saturating_add)
}

fn total(tokens: Option<Tokens>) -> u64 {
    tokens.map_or(0, Tokens::get)
}

/// The members of a usage object of a dialect, without braces.
#[must_use]
pub fn usage_members(dialect: Dialect, usage: &Usage) -> String {
    let object = value(|out| match dialect {
        Dialect::OpenaiChat | Dialect::CohereChat => chat(out, usage, ""),
        Dialect::AnthropicMessages => messages(out, usage, ""),
        Dialect::OpenaiResponses => responses(out, usage, ""),
        Dialect::GeminiGenerate => gemini(out, usage, ""),
        Dialect::OpenaiEmbeddings => out.object(|out| {
            let input = total(usage.input_total());
            out.count("prompt_tokens", input);
            out.count("total_tokens", input);
        }),
    });
    object.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or_default().to_owned()
}

/// `openai-chat`: totals that include their parts. `extras` are members without braces.
pub(crate) fn chat(out: &mut JsonWriter, usage: &Usage, extras: &str) {
    let (input, output) = (total(usage.input_total()), total(usage.output_total()));
    out.object(|out| {
        out.count("prompt_tokens", input);
        out.count("completion_tokens", output);
        out.count("total_tokens", input.saturating_add(output));
        out.key("prompt_tokens_details").object(|out| {
            out.count("cached_tokens", count(usage, Bucket::CacheRead).unwrap_or(0));
            if let Some(written) = written(usage) {
                out.count("cache_write_tokens", written);
            }
            if let Some(audio) = count(usage, Bucket::InputAudio) {
                out.count("audio_tokens", audio);
            }
        });
        out.key("completion_tokens_details").object(|out| {
            out.count("reasoning_tokens", count(usage, Bucket::Reasoning).unwrap_or(0));
        });
        more(out, extras);
    });
}

/// `anthropic-messages`: input without cache reads and writes.
pub(crate) fn messages(out: &mut JsonWriter, usage: &Usage, extras: &str) {
    let read = count(usage, Bucket::CacheRead).unwrap_or(0);
    let written = written(usage).unwrap_or(0);
    let input = total(usage.input_total()).saturating_sub(read).saturating_sub(written);
    out.object(|out| {
        out.count("input_tokens", input);
        out.count("cache_creation_input_tokens", written);
        out.count("cache_read_input_tokens", read);
        out.count("output_tokens", total(usage.output_total()));
        more(out, extras);
    });
}

/// `openai-responses`: totals that include their parts.
pub(crate) fn responses(out: &mut JsonWriter, usage: &Usage, extras: &str) {
    let (input, output) = (total(usage.input_total()), total(usage.output_total()));
    out.object(|out| {
        out.count("input_tokens", input);
        out.key("input_tokens_details").object(|out| {
            out.count("cached_tokens", count(usage, Bucket::CacheRead).unwrap_or(0));
            out.count("cache_write_tokens", written(usage).unwrap_or(0));
        });
        out.count("output_tokens", output);
        out.key("output_tokens_details").object(|out| {
            out.count("reasoning_tokens", count(usage, Bucket::Reasoning).unwrap_or(0));
        });
        out.count("total_tokens", input.saturating_add(output));
        more(out, extras);
    });
}

/// `gemini-generate`: candidates without thoughts.
pub(crate) fn gemini(out: &mut JsonWriter, usage: &Usage, extras: &str) {
    let (input, output) = (total(usage.input_total()), total(usage.output_total()));
    let thoughts = count(usage, Bucket::Reasoning);
    out.object(|out| {
        out.count("promptTokenCount", input);
        out.count("candidatesTokenCount", output.saturating_sub(thoughts.unwrap_or(0)));
        out.count("totalTokenCount", input.saturating_add(output));
        if let Some(thoughts) = thoughts {
            out.count("thoughtsTokenCount", thoughts);
        }
        if let Some(read) = count(usage, Bucket::CacheRead) {
            out.count("cachedContentTokenCount", read);
        }
        more(out, extras);
    });
}

fn more(out: &mut JsonWriter, extras: &str) {
    if !extras.is_empty() {
        out.raw(extras);
    }
}
