//! What holds for any bytes, for the fuzz targets: each takes bytes as a peer would send them, after one that chooses the
//! dialect, and panics where a promise is broken.

mod bodies;
mod identity;
mod splits;
mod streams;

pub use bodies::{answers, requests, scrub, upstream_error};
pub use identity::{authorize, passkey};
pub use streams::{decodes, streams};

use opencredits_providers::Dialect;

/// The dialects that the hub translates between: every pair of them is tried. Add a dialect here with its reader and writer.
const TRANSLATED: [Dialect; 4] =
    [Dialect::OpenaiChat, Dialect::AnthropicMessages, Dialect::OpenaiResponses, Dialect::GeminiGenerate];

/// The dialect that the first byte chooses, and what is said in it.
fn spoken(bytes: &[u8]) -> Option<(Dialect, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    Some((*TRANSLATED.get(usize::from(*first) % TRANSLATED.len())?, rest))
}

/// The dialects that what is said in `from` can be translated to.
fn others(from: Dialect) -> impl Iterator<Item = Dialect> {
    TRANSLATED.into_iter().filter(move |to| *to != from && TRANSLATED.contains(&from))
}
