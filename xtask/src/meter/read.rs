//! Reading one recording with the decoder that the gateway uses, in many ways that must all give the same.

use super::forms::Reader;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use opencredits_providers::{End, Outcome, StreamTap, UsageChunk, UsageLayoutTap, read_body, read_usage};
use opencredits_testkit::{FixedRandom, Recording};
use std::fmt;

/// Streams up to this size are split at every byte.
const SMALL_BYTES: usize = 4_096;
/// Places at which larger ones are split.
const SPLITS: usize = 64;
/// Times that a stream is cut into pieces of random sizes.
const SHREDS: usize = 8;
/// The largest piece of those.
const PIECE_BYTES_MAX: u64 = 64;

/// A way of reading a recording.
pub(super) enum RouteCandidate {
    /// As a whole answer.
    Whole,
    /// As a stream, cut at these places.
    Cut(Vec<usize>),
}

impl fmt::Display for RouteCandidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => f.write_str("read as a whole"),
            Self::Cut(cuts) => match cuts.as_slice() {
                [] => f.write_str("as a stream in one piece"),
                [at] => write!(f, "as a stream, split at byte {at}"),
                [first, .., last] => {
                    write!(f, "as a stream in {} pieces, split from byte {first} to {last}", cuts.len() + 1)
                }
            },
        }
    }
}

/// What the decoder makes of a recording, in each way of reading it.
pub(super) fn readings(
    reader: Reader,
    recording: &Recording,
) -> impl Iterator<Item = (RouteCandidate, Result<Outcome, String>)> + use<> {
    let binary = recording.body_base64.as_ref().map(|text| BASE64.decode(text.as_bytes()));
    let unreadable = matches!(binary, Some(Err(_)));
    let body = match binary {
        Some(Ok(bytes)) => bytes,
        _ => recording.body.clone().into_bytes(),
    };
    let ways = if is_stream(reader, recording) {
        stream_ways(body.len(), u64::from_str_radix(&recording.id, 16).unwrap_or(1))
    } else {
        vec![RouteCandidate::Whole]
    };
    ways.into_iter().map(move |way| {
        let outcome = match (&way, reader) {
            _ if unreadable => Err("the body is no base64".to_owned()),
            (RouteCandidate::Whole, Reader::Dialect(dialect)) => Ok(read_body(dialect, &body)),
            (RouteCandidate::Whole, Reader::Counts(form)) => Ok(read_usage(form, &body)),
            (RouteCandidate::Cut(cuts), reader) => stream(reader, &body, cuts),
        };
        (way, outcome)
    })
}

/// The body says by its first byte which it is: an answer may be whole although a stream was asked for (an error, say).
/// Lines of JSON alone begin as a whole answer does.
fn is_stream(reader: Reader, recording: &Recording) -> bool {
    let start = recording.body.trim_start_matches('\u{feff}').trim_start();
    let whole = start.is_empty() || start.starts_with(['{', '[']);
    match reader {
        Reader::Dialect(_) => !whole,
        Reader::Counts(_) => recording.row.stream || recording.body_base64.is_some(),
    }
}

fn stream_ways(length: usize, seed: u64) -> Vec<RouteCandidate> {
    let random = FixedRandom::seeded(seed);
    let mut ways = vec![vec![], (1..length).collect()];
    if length <= SMALL_BYTES {
        ways.extend((0..length).map(|at| vec![at]));
    } else {
        let places = u64::try_from(length).unwrap_or(u64::MAX);
        ways.extend((0..SPLITS).map(|_| vec![usize::try_from(random.next() % places).unwrap_or(0)]));
    }
    ways.extend((0..SHREDS).map(|_| shreds(length, &random)));
    ways.into_iter().map(RouteCandidate::Cut).collect()
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

fn stream(reader: Reader, body: &[u8], cuts: &[usize]) -> Result<Outcome, String> {
    let mut from = 0;
    let pieces = cuts.iter().copied().chain([body.len()]).map(|cut| {
        let piece = body.get(from..cut).unwrap_or_default();
        from = cut;
        piece
    });
    match reader {
        Reader::Dialect(dialect) => {
            let mut tap = StreamTap::new(dialect, UsageChunk::Requested);
            for piece in pieces {
                tap.feed(&Bytes::copy_from_slice(piece)).map_err(|error| error.to_string())?;
            }
            Ok(tap.outcome(End::Clean))
        }
        Reader::Counts(form) => {
            let mut tap = UsageLayoutTap::new(form);
            for piece in pieces {
                tap.feed(piece).map_err(|error| error.to_string())?;
            }
            Ok(tap.outcome(End::Clean))
        }
    }
}
