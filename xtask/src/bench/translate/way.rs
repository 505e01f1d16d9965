//! What is measured: the way of a request, and of a stream, between two dialects.

use super::samples;
use crate::outcome::Outcome;
use bytes::Bytes;
use opencredits_providers::{
    Dialect, End, Origin, RequestFacts, Rewrite, StreamAdapter, StreamTap, UsageChunk, Vendor, translate, upstream_body,
};
use opencredits_sanitizer::{Api, Policy, Scrub, Strictness};
use std::hint::black_box;
use std::sync::Arc;

/// What becomes of a request between two dialects: scrubbed, looked at, translated where need be, and joined.
pub(super) struct Way {
    from: Dialect,
    to: Dialect,
    policy: Policy,
    vendor: Arc<Vendor>,
}

impl Way {
    /// The way from one dialect to another.
    pub(super) fn new(from: Dialect, to: Dialect) -> Outcome<Self> {
        let api = match from {
            Dialect::AnthropicMessages => Api::AnthropicMessages,
            Dialect::OpenaiResponses => Api::OpenaiResponses,
            Dialect::GeminiGenerate => Api::GeminiGenerate,
            _ => Api::OpenaiChat,
        };
        Ok(Self { from, to, policy: Policy::builtin(api)?, vendor: samples::vendor(to)? })
    }

    /// Takes one body the whole way.
    pub(super) fn goes(&self, body: &[u8]) -> Outcome {
        let how = Scrub { strictness: Strictness::Lax, hash: &|value: &str| value.to_owned() };
        let scrubbed = self.policy.scrub(black_box(body), &how)?;
        let named = self.from.names_model_in_path().then_some([("model", "\"m\""), ("stream", "false")]);
        let fields = || named.into_iter().flatten().chain(scrubbed.fields());
        black_box(RequestFacts::read(self.from, fields())?);
        let rewrite = Rewrite {
            vendor: &self.vendor,
            dialect: self.to,
            model: "m",
            output_cap: None,
            tool_uses_max: None,
            stream: false,
        };
        if self.from == self.to {
            black_box(upstream_body(&scrubbed.fields().collect::<Vec<_>>(), &rewrite));
            return Ok(());
        }
        let there = translate(self.from, &samples::target(self.to), fields())?;
        let fields: Vec<(&str, &str)> = there.fields.iter().map(|(name, raw)| (*name, raw.as_str())).collect();
        black_box(RequestFacts::read(self.to, fields.iter().copied())?);
        black_box(upstream_body(&fields, &rewrite));
        Ok(())
    }
}

/// A stream that passes the tap; its bytes.
pub(super) fn tapped(dialect: Dialect, chunks: &[Bytes]) -> Outcome<usize> {
    let mut tap = StreamTap::new(dialect, UsageChunk::Requested);
    let mut bytes = 0;
    for chunk in chunks {
        bytes += tap.feed(black_box(chunk))?.len();
    }
    black_box(tap.outcome(End::Clean));
    Ok(bytes + tap.close("").len())
}

/// A stream that is translated; its bytes.
pub(super) fn relayed(from: Dialect, to: Dialect, chunks: &[Bytes]) -> Outcome<usize> {
    let origin = Origin { vendor: "v".into(), created: 1, ..Origin::default() };
    let mut passage = StreamAdapter::new(from, to, origin, UsageChunk::Requested);
    let mut bytes = 0;
    for chunk in chunks {
        bytes += passage.feed(black_box(chunk))?.len();
    }
    black_box(passage.outcome(End::Clean));
    Ok(bytes + passage.close("", None).len())
}

/// A dialect's name in the keys of figures.
pub(super) const fn short(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::AnthropicMessages => "messages",
        Dialect::OpenaiResponses => "responses",
        Dialect::GeminiGenerate => "gemini",
        _ => "chat",
    }
}
