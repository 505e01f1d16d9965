//! What a request asks for, in either dialect.

use super::command::Commands;
use super::token_count::Input;
use serde_json::Value;

/// How the answer comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Delivery {
    Whole,
    Stream,
    StreamWithUsage,
}

/// A tool that the caller runs.
#[derive(Clone)]
pub(super) struct Tool {
    pub(super) name: String,
    pub(super) takes: Takes,
}

/// What a tool takes.
#[derive(Clone)]
pub(super) enum Takes {
    /// JSON of this schema.
    Json(Value),
    /// Text.
    Text,
}

/// Whether a tool is to be called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Choice {
    Auto,
    Never,
    Any,
    Named(String),
}

/// How many tools may be called at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Calls {
    One,
    Several,
}

/// The form of the text.
pub(super) enum Form {
    Free,
    Json(Value),
}

/// How much is thought before the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Thinking {
    /// How many sentences.
    pub(super) steps: usize,
    pub(super) tokens_max: u64,
    pub(super) shown: Shown,
}

/// Whether thoughts are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    Text,
    SignatureOnly,
}

/// Whether the web can be searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WebSearch {
    Offered,
    NotOffered,
}

/// What a request asks for.
pub(super) struct SandboxRequest {
    pub(super) model: String,
    pub(super) delivery: Delivery,
    pub(super) answers: usize,
    pub(super) output_tokens_max: u64,
    pub(super) stops: Vec<String>,
    pub(super) tools: Tools,
    pub(super) form: Form,
    pub(super) thinking: Option<Thinking>,
    pub(super) input: Input,
    /// The last words of the person, commands included.
    pub(super) said: String,
    pub(super) tool_result: Option<String>,
    pub(super) commands: Commands,
    pub(super) service_tier: String,
}

/// The tools and how they may be used.
pub(super) struct Tools {
    pub(super) offered: Vec<Tool>,
    pub(super) choice: Choice,
    pub(super) calls: Calls,
    pub(super) web_search: WebSearch,
}

/// How many sentences are thought for a word for effort; none where the word asks for no thinking.
pub(super) fn steps(effort: &str) -> Option<usize> {
    match effort {
        "none" => None,
        "minimal" => Some(1),
        "low" => Some(2),
        "high" => Some(8),
        "xhigh" | "max" => Some(16),
        _ => Some(4),
    }
}

/// The text of a member, empty where there is none.
pub(super) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The members of an array, none where it is no array.
pub(super) fn items<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The member, where it is there and not null.
pub(super) fn set<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    value.get(name).filter(|member| !member.is_null())
}
