//! The content of an answer, in no dialect: a sequence of steps, from a stream or a whole answer.

use opencredits_units::Usage;
use std::borrow::Cow;

/// A step of an answer.
pub(crate) enum Step<'a> {
    Start {
        id: Cow<'a, str>,
        model: Cow<'a, str>,
    },
    Text(Cow<'a, str>),
    Refusal(Cow<'a, str>),
    /// Visible reasoning.
    Reasoning(Cow<'a, str>),
    /// A signature of the preceding reasoning, for its provider only.
    Signature(Cow<'a, str>),
    /// Hidden reasoning, for its provider only.
    Redacted(Cow<'a, str>),
    /// The start of a tool call, or more of its name; calls are numbered from zero.
    Call {
        index: u64,
        id: Cow<'a, str>,
        name: Cow<'a, str>,
    },
    /// More of a call's arguments, as JSON text.
    Arguments {
        index: u64,
        json: Cow<'a, str>,
    },
    /// The end of a tool call; dialects without one omit it. Writers get the end of a part.
    CallEnd {
        index: u64,
    },
    /// The end of a part; dialects without parts omit it.
    PartEnd,
    Stop(Stop),
}

impl Step<'_> {
    pub(crate) fn into_owned(self) -> Step<'static> {
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        match self {
            Self::Start { id, model } => Step::Start { id: owned(id), model: owned(model) },
            Self::Text(text) => Step::Text(owned(text)),
            Self::Refusal(text) => Step::Refusal(owned(text)),
            Self::Reasoning(text) => Step::Reasoning(owned(text)),
            Self::Signature(seal) => Step::Signature(owned(seal)),
            Self::Redacted(seal) => Step::Redacted(owned(seal)),
            Self::Call { index, id, name } => Step::Call { index, id: owned(id), name: owned(name) },
            Self::Arguments { index, json } => Step::Arguments { index, json: owned(json) },
            Self::CallEnd { index } => Step::CallEnd { index },
            Self::PartEnd => Step::PartEnd,
            Self::Stop(stop) => Step::Stop(stop),
        }
    }

    /// The bytes of its content.
    pub(crate) fn content_bytes(&self) -> usize {
        match self {
            Self::Text(text) | Self::Refusal(text) | Self::Reasoning(text) => text.len(),
            Self::Signature(seal) | Self::Redacted(seal) => seal.len(),
            Self::Arguments { json, .. } => json.len(),
            Self::Start { .. } | Self::Call { .. } | Self::CallEnd { .. } | Self::PartEnd | Self::Stop(_) => 0,
        }
    }
}

/// The reason why the model stopped.
#[derive(Clone)]
pub(crate) struct Stop {
    pub(crate) reason: Reason,
    /// The provider's own word.
    pub(crate) native: String,
    /// The stop sequence that matched.
    pub(crate) sequence: Option<String>,
}

/// A stop reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    End,
    Sequence,
    Length,
    Calls,
    Filter,
    /// The output could not be given, such as a malformed call: the answer is incomplete.
    Failed,
    /// The model wrote a call that cannot be made.
    BrokenCall,
    /// The provider paused a long turn, which the client continues.
    Pause,
}

/// The content of an answer's closing events.
pub(crate) struct Closing<'a> {
    pub(crate) stop: Option<&'a Stop>,
    pub(crate) usage: &'a Usage,
    /// More members of the usage object, without braces.
    pub(crate) extras: &'a str,
    /// Whether the client requested a usage chunk.
    pub(crate) usage_chunk: bool,
}
