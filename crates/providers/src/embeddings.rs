//! `openai-embeddings`: what an answer counts.

use crate::json;
use crate::outcome::Outcome;
use opencredits_units::{Bucket, Tokens, Usage};

/// Takes a whole answer into the outcome. Some hosts give a total alone: there is no output that could be in it.
pub(crate) fn absorb(body: &[u8], outcome: &mut Outcome) {
    json::members(body, |name, value| match name {
        b"model" => outcome.model = json::owned(value),
        b"id" => outcome.upstream_id = json::owned(value),
        b"data" if value.starts_with(b"[") && value != b"[]" => outcome.produced.part(),
        b"usage" => {
            let count = |name| json::member(value, name).and_then(json::count);
            if let Some(input) = count("prompt_tokens").or_else(|| count("total_tokens")) {
                let mut usage = Usage::default();
                usage.set(Bucket::InputUncached, Tokens::new(input));
                outcome.usage = Some(usage);
            }
        }
        _ => {}
    });
}
