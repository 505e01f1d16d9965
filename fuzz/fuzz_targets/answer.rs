//! Answers: whole and streamed, from every dialect to every other, in any pieces.

#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use opencredits_providers::{Dialect, End, Origin, Relay, UsageChunk, translate_body};
use opencredits_units::Usage;
use serde_json::value::RawValue;

const ALL: [Dialect; 4] =
    [Dialect::OpenaiChat, Dialect::AnthropicMessages, Dialect::OpenaiResponses, Dialect::GeminiGenerate];

fn origin() -> Origin {
    Origin { vendor: "v".to_owned(), created: 1 }
}

fn through(from: Dialect, to: Dialect, stream: &[u8], size: usize) -> Option<Vec<u8>> {
    let mut relay = Relay::new(from, to, origin(), UsageChunk::Asked)?;
    let mut out = Vec::new();
    for chunk in stream.chunks(size.max(1)) {
        out.extend_from_slice(&relay.feed(&Bytes::copy_from_slice(chunk)).ok()?);
    }
    drop(relay.outcome(End::Clean));
    out.extend_from_slice(&relay.close("\"cost\":1"));
    Some(out)
}

/// Each event holds JSON on one line.
fn sound(stream: &[u8]) {
    for line in std::str::from_utf8(stream).expect("text").lines() {
        if let Some(data) = line.strip_prefix("data: ").filter(|data| *data != "[DONE]") {
            assert!(serde_json::from_str::<&RawValue>(data).is_ok(), "no JSON: {data}");
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let [kind, size, rest @ ..] = data else { return };
    let from = ALL[usize::from(*kind) % ALL.len()];
    for to in ALL.into_iter().filter(|to| *to != from) {
        let whole = through(from, to, rest, rest.len());
        whole.iter().for_each(|out| sound(out));
        assert_eq!(whole, through(from, to, rest, usize::from(*size)), "{from} to {to} by {size}");
        if let Some(body) = translate_body(from, to, rest, &Usage::default(), &origin()) {
            assert!(serde_json::from_slice::<&RawValue>(&body).is_ok(), "no JSON from {from} to {to}");
        }
    }
});
