//! A request, in no dialect.

use super::command::Commands;
use super::token_count::Input;
use serde_json::Value;

/// The delivery of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Delivery {
    Whole,
    Stream,
    StreamWithUsage,
}

/// A tool of the client.
#[derive(Clone)]
pub(super) struct Tool {
    pub(super) name: String,
    pub(super) takes: Takes,
}

/// The input of a tool.
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

/// The number of tools that may be called at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Calls {
    One,
    Several,
}

/// The format of the text.
pub(super) enum Form {
    Free,
    Json(Value),
}

/// The amount of reasoning before the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Thinking {
    /// In sentences.
    pub(super) steps: usize,
    pub(super) tokens_max: u64,
    pub(super) shown: Shown,
}

/// Whether reasoning is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    Text,
    SignatureOnly,
}

/// Whether web search is available.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WebSearch {
    Offered,
    NotOffered,
}

/// A request.
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
    /// The last user text, commands included.
    pub(super) prompt: String,
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

/// The number of sentences for an effort; none for an effort without reasoning.
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

/// The text of a member; empty where there is none.
pub(super) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The items of a member; none where it is no array.
pub(super) fn items<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The member, where it is not null.
pub(super) fn set<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    value.get(name).filter(|member| !member.is_null())
}
