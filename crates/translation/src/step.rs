//! PartContent an answer says, in no dialect: a row of steps, from a stream or all at once.

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
    /// Thinking that is shown.
    Reasoning(Cow<'a, str>),
    /// Signs the thinking before it; for its provider alone.
    Signature(Cow<'a, str>),
    /// Thinking that is not shown; for its provider alone.
    Redacted(Cow<'a, str>),
    /// A tool is called; calls count from zero.
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
    /// A part ends; dialects without parts leave it out.
    PartEnd,
    Stop(Stop),
}

/// Why the model stopped.
#[derive(Clone)]
pub(crate) struct Stop {
    pub(crate) reason: Reason,
    /// In the provider's own word.
    pub(crate) native: String,
    /// The stop sequence that was met.
    pub(crate) sequence: Option<String>,
}

/// Why a model stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    End,
    Sequence,
    Length,
    Calls,
    Filter,
    /// PartContent the model made could not be given, such as a call that was no JSON: the answer is not whole.
    Failed,
    /// The provider paused a long turn, which the client continues.
    Pause,
}

/// PartContent the end of an answer says.
pub(crate) struct Closing<'a> {
    pub(crate) stop: Option<&'a Stop>,
    pub(crate) usage: &'a Usage,
    /// More members of the usage object, without braces.
    pub(crate) extras: &'a str,
    /// Whether the client asked for a chunk with the usage.
    pub(crate) usage_chunk: bool,
}
