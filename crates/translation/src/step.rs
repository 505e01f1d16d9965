//! The content of an answer, in no dialect: a sequence of steps, from a stream or a whole answer.

use crate::field_readers::is_object;
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
    /// The start of a tool call; calls are numbered from zero.
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
    /// The end of a part; dialects without parts omit it.
    PartEnd,
    Stop(Stop),
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

/// Whether the calls of an answer can be made. A model may write arguments that are no object: such a call is never given as
/// another call than it wrote.
#[derive(Default)]
pub(crate) struct Calls {
    has_sound: bool,
    has_broken: bool,
}

impl Calls {
    /// Notes the complete arguments of a call; whether they are an object.
    pub(crate) fn note(&mut self, json: &str) -> bool {
        let is_sound = json.trim().is_empty() || is_object(json);
        self.has_sound |= is_sound;
        self.has_broken |= !is_sound;
        is_sound
    }

    pub(crate) const fn has_only_broken(&self) -> bool {
        self.has_broken && !self.has_sound
    }

    /// The reason for the end: an answer of nothing but broken calls has failed.
    pub(crate) fn judged(&self, mut stop: Stop) -> Stop {
        if self.has_only_broken() && matches!(stop.reason, Reason::Calls | Reason::End) {
            stop.reason = Reason::BrokenCall;
        }
        stop
    }
}

/// A call that cannot be made, as the text that the model wrote.
pub(crate) fn broken_call(name: &str, json: &str) -> String {
    format!("{name}({json})")
}
