//! `openai-embeddings`: usage.

use crate::decoders::count::{self, Count, Read};
use crate::outcome::{Outcome, Trust};
use opencredits_units::{Bucket, Tokens, Usage};
use opencredits_wire::json;
use serde::Deserialize;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Counts {
    prompt_tokens: Count,
    total_tokens: Count,
}

/// Reads a whole answer into the outcome. Some hosts report a total only; it is all input, since there is no output.
pub(crate) fn absorb(body: &[u8], outcome: &mut Outcome) {
    json::members(body, |name, value| match name {
        b"model" => outcome.model = json::owned(value),
        b"id" => outcome.upstream_id = json::owned(value),
        b"data" if value.starts_with(b"[") => {
            outcome.has_frame = true;
            if value != b"[]" {
                outcome.produced.part();
            }
        }
        b"usage" => match count::read::<Counts>(value) {
            Read::Counts(counts) => {
                if let Some(input) = counts.prompt_tokens.0.or(counts.total_tokens.0) {
                    let mut usage = Usage::default();
                    usage.set(Bucket::InputUncached, Tokens::new(input));
                    outcome.usage = Some(usage);
                }
            }
            Read::Negative => outcome.trust = Trust::Contradictory,
            Read::Nothing => {}
        },
        _ => {}
    });
}
