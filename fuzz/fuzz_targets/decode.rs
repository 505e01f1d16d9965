//! Decoders: any bytes, in any pieces. The outcome does not depend on where a stream is split.

#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use opencredits_providers::{Dialect, End, StreamTap, UpstreamError, UsageChunk, read_body};

/// What a stream comes to, in pieces of `size`: its outcome in words, and every byte that went out.
fn run(dialect: Dialect, stream: &[u8], size: usize) -> Option<(String, Vec<u8>)> {
    let mut tap = StreamTap::new(dialect, UsageChunk::Asked);
    let mut out = Vec::new();
    for chunk in stream.chunks(size.max(1)) {
        out.extend_from_slice(&tap.feed(&Bytes::copy_from_slice(chunk)).ok()?);
    }
    let outcome = tap.outcome(End::Clean);
    let said = format!(
        "{:?} {:?} {:?} {:?} {:?} {}",
        outcome.usage,
        outcome.trust,
        outcome.upstream_id,
        outcome.service_tier,
        outcome.finish.as_ref().map(|finish| &finish.native),
        outcome.complete
    );
    out.extend_from_slice(&tap.close("\"cost\":1"));
    Some((said, out))
}

fuzz_target!(|data: &[u8]| {
    let [kind, size, rest @ ..] = data else { return };
    let Some(dialect) = Dialect::ALL.get(usize::from(*kind) % Dialect::ALL.len()) else { return };
    let whole = run(*dialect, rest, rest.len());
    assert_eq!(whole, run(*dialect, rest, usize::from(*size)), "{dialect} by {size}");
    drop(read_body(*dialect, rest));
    drop(UpstreamError::read(u16::from(*size) + 350, rest, None));
});
