//! Reading one recording with the decoder that the gateway uses, in many ways that must all give the same.

use bytes::Bytes;
use opencredits_providers::{Dialect, End, Outcome, StreamTap, UsageChunk, read_body};
use opencredits_testkit::{FixedRandom, Recording};

/// Streams up to this size are split at every byte.
const SMALL_BYTES: usize = 4_096;
/// Places at which larger ones are split.
const SPLITS: usize = 64;
/// Times that a stream is cut into pieces of random sizes.
const SHREDS: usize = 8;
/// The largest piece of those.
const PIECE_BYTES_MAX: u64 = 64;

/// What the decoder makes of a recording, in each way of reading it.
pub(super) fn readings(dialect: Dialect, recording: &Recording) -> Result<Vec<Outcome>, String> {
    let body = recording.body.as_bytes();
    if !is_stream(recording) {
        return Ok(vec![read_body(dialect, body)]);
    }
    let random = FixedRandom::seeded(u64::from_str_radix(&recording.id, 16).unwrap_or(1));
    let mut ways = vec![vec![], (1..body.len()).collect()];
    if body.len() <= SMALL_BYTES {
        ways.extend((0..body.len()).map(|at| vec![at]));
    } else {
        let places = u64::try_from(body.len()).unwrap_or(u64::MAX);
        ways.extend((0..SPLITS).map(|_| vec![usize::try_from(random.next() % places).unwrap_or(0)]));
    }
    ways.extend((0..SHREDS).map(|_| shreds(body.len(), &random)));
    ways.iter().map(|cuts| stream(dialect, body, cuts)).collect()
}

/// An answer may be whole although a stream was asked for: an error, say.
fn is_stream(recording: &Recording) -> bool {
    let start = recording.body.trim_start();
    recording.row.stream && !start.starts_with('{') && !start.starts_with('[')
}

/// Places that cut a body into pieces of random sizes.
fn shreds(length: usize, random: &FixedRandom) -> Vec<usize> {
    let mut cuts = Vec::new();
    let mut at = 0;
    loop {
        at += usize::try_from(random.next() % PIECE_BYTES_MAX).unwrap_or(0) + 1;
        if at >= length {
            return cuts;
        }
        cuts.push(at);
    }
}

fn stream(dialect: Dialect, body: &[u8], cuts: &[usize]) -> Result<Outcome, String> {
    let mut tap = StreamTap::new(dialect, UsageChunk::Asked);
    let mut from = 0;
    for cut in cuts.iter().copied().chain([body.len()]) {
        let piece = body.get(from..cut).unwrap_or_default();
        tap.feed(&Bytes::copy_from_slice(piece)).map_err(|error| error.to_string())?;
        from = cut;
    }
    Ok(tap.outcome(End::Clean))
}
