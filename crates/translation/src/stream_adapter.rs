//! PartContent a streamed answer passes through on its way to the client.

use crate::origin::Origin;
use crate::stream_translator::StreamTranslator;
use bytes::Bytes;
use opencredits_dialects::Dialect;
use opencredits_dialects::{End, Outcome};
use opencredits_dialects::{StreamTap, UsageChunk};
use opencredits_wire::EventTooLarge;

/// PartContent a streamed answer passes through: a tap alone where both sides speak the same, else a translation too.
pub enum StreamAdapter {
    /// The bytes go through as they came.
    SameDialect(Box<StreamTap>),
    /// The events are said anew.
    Translated(Box<StreamTranslator>),
}

impl StreamAdapter {
    /// The passage from what the provider speaks to what the client speaks.
    #[must_use]
    pub fn new(from: Dialect, to: Dialect, origin: Origin, usage_chunk: UsageChunk) -> Self {
        let translator = if from == to { None } else { StreamTranslator::new(from, to, origin, usage_chunk) };
        match translator {
            Some(translator) => Self::Translated(Box::new(translator)),
            None => Self::SameDialect(Box::new(StreamTap::new(from, usage_chunk))),
        }
    }

    /// Takes a chunk and gives what goes out for it: whole events.
    ///
    /// # Errors
    /// When an event is larger than any that a provider sends.
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

    /// Whether what was given out ends between two events, so that a comment may follow.
    #[must_use]
    pub fn is_between_events(&self) -> bool {
        match self {
            Self::SameDialect(tap) => tap.is_between_events(),
            Self::Translated(_) => true,
        }
    }

    /// Whether anything that is paid for has passed so far.
    pub fn has_produced(&mut self) -> bool {
        match self {
            Self::SameDialect(tap) => tap.has_produced(),
            Self::Translated(translator) => translator.has_produced(),
        }
    }

    /// PartContent has become of the request. Call it once, at the end.
    pub fn outcome(&mut self, end: End) -> Outcome {
        match self {
            Self::SameDialect(tap) => tap.outcome(end),
            Self::Translated(translator) => translator.outcome(end),
        }
    }

    /// The closing events, with `extras` (JSON members without braces) added to the usage object.
    #[must_use]
    pub fn close(self, extras: &str) -> Bytes {
        match self {
            Self::SameDialect(tap) => tap.close(extras),
            Self::Translated(translator) => translator.close(extras),
        }
    }
}
