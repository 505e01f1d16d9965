//! The path of a streamed answer to the client, with or without translation.

use crate::origin::Origin;
use crate::stream_translator::StreamTranslator;
use crate::usage::usage_members;
use bytes::Bytes;
use opencredits_dialects::Dialect;
use opencredits_dialects::{End, Outcome};
use opencredits_dialects::{StreamTap, UsageChunk};
use opencredits_units::Usage;
use opencredits_wire::EventTooLarge;

/// Meters a streamed answer, and translates it where the dialects differ.
pub enum StreamAdapter {
    /// The bytes pass unchanged.
    SameDialect(Box<StreamTap>),
    /// The events are written anew in the client's dialect.
    Translated(Box<StreamTranslator>),
}

impl StreamAdapter {
    /// An adapter from the provider's dialect to the client's.
    #[must_use]
    pub fn new(from: Dialect, to: Dialect, origin: Origin, usage_chunk: UsageChunk) -> Self {
        // A tool whose name the provider was not given gets its name back.
        let passes = from == to && !origin.renames();
        let translator = if passes { None } else { StreamTranslator::new(from, to, origin, usage_chunk) };
        match translator {
            Some(translator) => Self::Translated(Box::new(translator)),
            None => Self::SameDialect(Box::new(StreamTap::new(from, usage_chunk))),
        }
    }

    /// Makes a stream of a whole answer: an adapter for its end, and the bytes up to there. `None` where one of the dialects
    /// has no conversations.
    #[must_use]
    pub fn of_whole(
        (from, to): (Dialect, Dialect),
        origin: Origin,
        usage_chunk: UsageChunk,
        (body, usage): (&[u8], &Usage),
    ) -> Option<(Self, Bytes)> {
        let mut translator = StreamTranslator::new(from, to, origin, usage_chunk)?;
        let begin = translator.whole(body, usage);
        Some((Self::Translated(Box::new(translator)), begin))
    }

    /// Takes a chunk and returns the bytes to send for it: complete events.
    ///
    /// # Errors
    /// When an event exceeds the size limit.
    pub fn feed(&mut self, chunk: &Bytes) -> Result<Bytes, EventTooLarge> {
        match self {
            Self::SameDialect(tap) => tap.feed(chunk),
            Self::Translated(translator) => translator.feed(chunk),
        }
    }

    /// Whether the event that ends the stream was seen.
    #[must_use]
    pub const fn is_ended(&self) -> bool {
        match self {
            Self::SameDialect(tap) => tap.is_ended(),
            Self::Translated(translator) => translator.is_ended(),
        }
    }

    /// Whether the bytes given out so far end between two events, where a comment may be inserted.
    #[must_use]
    pub fn is_between_events(&self) -> bool {
        match self {
            Self::SameDialect(tap) => tap.is_between_events(),
            Self::Translated(_) => true,
        }
    }

    /// The bytes that are kept until the event, or the stream, ends.
    #[must_use]
    pub const fn kept_bytes(&self) -> usize {
        match self {
            Self::SameDialect(tap) => tap.kept_bytes(),
            Self::Translated(translator) => translator.kept_bytes(),
        }
    }

    /// Whether any billable output has passed.
    pub fn has_produced(&mut self) -> bool {
        match self {
            Self::SameDialect(tap) => tap.has_produced(),
            Self::Translated(translator) => translator.has_produced(),
        }
    }

    /// The outcome of the exchange. Call it once, at the end.
    pub fn outcome(&mut self, end: End) -> Outcome {
        match self {
            Self::SameDialect(tap) => tap.outcome(end),
            Self::Translated(translator) => translator.outcome(end),
        }
    }

    /// The closing events, with `extras` (JSON members without braces) added to the usage object. `charged` is the usage to
    /// show, where it is not what the provider reported.
    #[must_use]
    pub fn close(self, extras: &str, charged: Option<&Usage>) -> Bytes {
        match (self, charged) {
            (Self::SameDialect(tap), None) => tap.close(extras),
            (Self::SameDialect(tap), Some(charged)) => {
                let counts = usage_members(tap.dialect(), charged);
                tap.close(&[counts.as_str(), extras].join(","))
            }
            (Self::Translated(translator), charged) => translator.close(extras, charged),
        }
    }
}
