//! Streams: the outcome and what goes to the client do not depend on how the bytes were cut up on their way.

use crate::splits::splits;
use crate::{others, spoken};
use bytes::Bytes;
use opencredits_providers::{
    Dialect, End, Origin, Outcome, StreamAdapter, StreamTap, UsageChunk, read_body, splice_usage,
};
use serde_json::Value;

/// What a charge adds to a usage object.
const EXTRAS: &str = r#""cost":0.5"#;

/// A decoder reads any stream and any whole answer.
///
/// # Panics
/// When it gives another outcome, or other bytes, for other pieces.
pub fn decodes(bytes: &[u8]) {
    let Some((first, bytes)) = bytes.split_first() else { return };
    let Some(dialect) = Dialect::ALL.get(usize::from(*first) % Dialect::ALL.len()).copied() else { return };
    let (usage_chunk, end) = how(*first);
    let [whole, single, some] = splits(bytes).map(|pieces| tapped(dialect, usage_chunk, end, &pieces));
    assert_eq!(whole, single, "{dialect} {usage_chunk:?} {end:?}, byte by byte");
    assert_eq!(whole, some, "{dialect} {usage_chunk:?} {end:?}, in some pieces");
    let _outcome = read_body(dialect, bytes);
    if serde_json::from_slice::<Value>(bytes).is_ok_and(|body| body.is_object()) {
        let charged = splice_usage(dialect, bytes, EXTRAS);
        assert!(serde_json::from_slice::<Value>(&charged).is_ok(), "{}", charged.escape_ascii());
    }
}

/// A translated stream is the same wherever it is split, and every event of it is JSON.
///
/// # Panics
/// When it is not.
pub fn streams(bytes: &[u8]) {
    let (Some((from, stream)), Some(first)) = (spoken(bytes), bytes.first()) else { return };
    let (usage_chunk, end) = how(*first);
    for to in others(from) {
        let passed = |pieces: Vec<Bytes>| {
            let origin = Origin { vendor: "v".into(), created: 1, ..Origin::default() };
            let passage = StreamAdapter::new(from, to, origin, usage_chunk);
            assert!(matches!(passage, StreamAdapter::Translated(_)));
            passed(passage, end, &pieces)
        };
        let [whole, single, some] = splits(stream).map(passed);
        events_are_json(&whole.1);
        assert_eq!(whole, single, "{from} to {to} {usage_chunk:?} {end:?}, byte by byte");
        assert_eq!(whole, some, "{from} to {to} {usage_chunk:?} {end:?}, in some pieces");
    }
}

/// What the client asked for, and how the stream ends: by the highest bits of the first byte.
const fn how(first: u8) -> (UsageChunk, End) {
    let usage_chunk = if first & 0x80 == 0 { UsageChunk::Requested } else { UsageChunk::NotRequested };
    (usage_chunk, if first & 0x40 == 0 { End::Clean } else { End::Cut })
}

fn tapped(dialect: Dialect, usage_chunk: UsageChunk, end: End, pieces: &[Bytes]) -> (Seen, Shown) {
    passed(StreamAdapter::SameDialect(Box::new(StreamTap::new(dialect, usage_chunk))), end, pieces)
}

fn passed(mut passage: StreamAdapter, end: End, pieces: &[Bytes]) -> (Seen, Shown) {
    let mut out = Vec::new();
    for piece in pieces {
        match passage.feed(piece) {
            Ok(bytes) => out.extend_from_slice(&bytes),
            // An input is far below the largest event.
            Err(error) => panic!("{error}"),
        }
    }
    let ended = passage.is_ended();
    let outcome = passage.outcome(end);
    assert!(!ended || outcome.complete, "an end that was seen is one");
    let seen = Seen::of(outcome);
    out.extend_from_slice(&passage.close(EXTRAS, None));
    (seen, Shown(out))
}

fn events_are_json(stream: &Shown) {
    for line in stream.0.split(|byte| *byte == b'\n') {
        let Some(data) = line.strip_prefix(b"data: ").filter(|data| *data != b"[DONE]") else { continue };
        assert!(serde_json::from_slice::<Value>(data).is_ok(), "an event is no JSON: {}", data.escape_ascii());
    }
}

/// Bytes that are shown as text.
#[derive(PartialEq)]
struct Shown(Vec<u8>);

impl std::fmt::Debug for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

/// An outcome as something that can be compared and shown.
#[derive(Debug, PartialEq)]
struct Seen(Vec<String>);

impl Seen {
    fn of(outcome: Outcome) -> Self {
        let Outcome { usage, additional, trust, finish, model, upstream_id, service_tier, .. } = &outcome;
        let error = outcome.error.as_ref().map(|error| (error.kind, error.status, &error.code, &error.message));
        Self(vec![
            format!("{usage:?} {additional:?} {trust:?}"),
            format!("{finish:?} {model:?} {upstream_id:?} {service_tier:?}"),
            format!("{} {} {} {error:?}", outcome.produced.bytes(), outcome.produced.parts(), outcome.complete),
        ])
    }
}
