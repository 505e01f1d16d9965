//! PartContent a request says, in no dialect.

use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::HashSet;

/// Text that is borrowed where it has no escapes.
#[derive(Clone, Default, Deserialize)]
#[serde(transparent)]
pub(crate) struct Text<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

impl std::ops::Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

/// PartContent a request says.
#[derive(Default)]
pub(crate) struct Conversation<'a> {
    pub(crate) model: Text<'a>,
    /// Instructions that come before everything.
    pub(crate) system: Vec<Part<'a>>,
    pub(crate) turns: Vec<Turn<'a>>,
    pub(crate) tools: Vec<Tool<'a>>,
    /// The names of those that take free text, which other dialects give in an object.
    pub(crate) custom_tools: Vec<String>,
    pub(crate) tool_choice: Option<ToolChoice<'a>>,
    /// Whether several tools may be called at once.
    pub(crate) parallel_tools: Option<bool>,
    pub(crate) output_cap: Option<u64>,
    pub(crate) stop: Vec<Text<'a>>,
    pub(crate) format: Option<Format<'a>>,
    pub(crate) reasoning: Option<Reasoning>,
    pub(crate) sampling: Sampling<'a>,
    pub(crate) cache_key: Option<Text<'a>>,
    /// A mark that caches everything up to the last block.
    pub(crate) cache: Option<Cache>,
    pub(crate) stream: bool,
}

impl Conversation<'_> {
    /// Whether every result of a tool answers a call that the model made before: every provider refuses others, each in its own way.
    pub(crate) fn results_follow_calls(&self) -> bool {
        let mut calls = HashSet::new();
        let mut parts = self.turns.iter().flat_map(|turn| turn.parts.iter().map(|part| (turn.role, &part.content)));
        parts.all(|(role, content)| match content {
            PartContent::Call(call) if role == Role::Assistant => {
                calls.insert(&*call.id);
                true
            }
            PartContent::Result { id, .. } => calls.contains(&**id),
            _ => true,
        })
    }
}

/// Numbers that steer sampling, in their raw JSON.
#[derive(Default)]
pub(crate) struct Sampling<'a> {
    pub(crate) temperature: Option<&'a str>,
    pub(crate) top_p: Option<&'a str>,
    pub(crate) top_k: Option<&'a str>,
    pub(crate) seed: Option<&'a str>,
    pub(crate) frequency_penalty: Option<&'a str>,
    pub(crate) presence_penalty: Option<&'a str>,
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Instructions in the midst of a conversation.
    System,
    User,
    Assistant,
}

/// PartContent one side says before the other answers.
pub(crate) struct Turn<'a> {
    pub(crate) role: Role,
    pub(crate) parts: Vec<Part<'a>>,
}

/// How long a cached prefix lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cache {
    /// As long as the provider's default: five minutes.
    Default,
    /// An hour.
    Hour,
}

/// A part with its mark for the cache.
pub(crate) struct Part<'a> {
    pub(crate) content: PartContent<'a>,
    pub(crate) cache: Option<Cache>,
}

impl<'a> From<PartContent<'a>> for Part<'a> {
    fn from(content: PartContent<'a>) -> Self {
        Self { content, cache: None }
    }
}

/// PartContent a part is.
pub(crate) enum PartContent<'a> {
    Text(Text<'a>),
    /// The model's own word that it will not.
    Refusal(Text<'a>),
    Image {
        source: Source<'a>,
        detail: Option<Text<'a>>,
    },
    Document {
        source: Source<'a>,
        name: Option<Text<'a>>,
    },
    Audio {
        data: Text<'a>,
        format: Text<'a>,
    },
    Call(Call<'a>),
    Result {
        id: Text<'a>,
        parts: Vec<Part<'a>>,
        is_error: bool,
    },
    Reasoning(Thought<'a>),
}

/// Where bytes come from.
pub(crate) enum Source<'a> {
    Url(Text<'a>),
    Base64 { mime: Cow<'a, str>, data: Cow<'a, str> },
}

/// A call of a tool.
pub(crate) struct Call<'a> {
    pub(crate) id: Text<'a>,
    pub(crate) name: Text<'a>,
    /// A JSON object, byte for byte: numbers of any size and double keys come through.
    pub(crate) arguments: Cow<'a, str>,
}

/// Thinking: what the model has shown of it, and what only its provider can read.
pub(crate) struct Thought<'a> {
    /// Who signed it; empty where nobody did.
    pub(crate) vendor: Cow<'a, str>,
    pub(crate) text: Option<Text<'a>>,
    pub(crate) seal: Option<Seal<'a>>,
}

/// PartContent only the provider can read, byte for byte.
pub(crate) enum Seal<'a> {
    /// Signs the text.
    Signature(Cow<'a, str>),
    /// Stands for a text that is not shown.
    Redacted(Cow<'a, str>),
}

/// A tool that the client runs.
pub(crate) struct Tool<'a> {
    pub(crate) name: Text<'a>,
    pub(crate) description: Option<Text<'a>>,
    /// A JSON Schema, raw.
    pub(crate) schema: Option<Cow<'a, str>>,
    pub(crate) strict: Option<bool>,
    pub(crate) cache: Option<Cache>,
}

/// Whether tools are to be called.
#[derive(Clone)]
pub(crate) enum ToolChoice<'a> {
    Auto,
    None,
    Any,
    Named(Text<'a>),
}

/// The form of the answer.
pub(crate) enum Format<'a> {
    /// Any JSON object.
    Json,
    /// JSON of this schema.
    Schema { name: Text<'a>, schema: Cow<'a, str>, strict: Option<bool> },
}

/// The text of raw JSON.
pub(crate) fn raw_text(raw: &RawValue) -> Cow<'_, str> {
    Cow::Borrowed(raw.get())
}

/// How much the model thinks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reasoning {
    Off,
    /// As much as the model finds right.
    Adaptive,
    Effort(Effort),
    /// At most so many tokens.
    Budget(u64),
}

/// How hard the model tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Effort {
    Minimal,
    Low,
    Medium,
    High,
    XHigh,
    Max,
}

impl Effort {
    /// The effort that a budget amounts to, as a part of the output cap.
    pub(crate) fn of_budget(budget: u64, cap: u64) -> Self {
        let percent = budget.saturating_mul(100).checked_div(cap).unwrap_or(100);
        match percent {
            0..=29 => Self::Low,
            30..=64 => Self::Medium,
            _ => Self::High,
        }
    }

    /// The part of the output cap that may be thought, in percent.
    pub(crate) const fn percent(self) -> u64 {
        match self {
            Self::Minimal => 10,
            Self::Low => 20,
            Self::Medium => 50,
            Self::High => 80,
            Self::XHigh | Self::Max => 90,
        }
    }

    /// The nearest of the three that every model knows.
    pub(crate) const fn plain(self) -> &'static str {
        match self {
            Self::Minimal | Self::Low => "low",
            Self::Medium => "medium",
            Self::High | Self::XHigh | Self::Max => "high",
        }
    }
}

/// Takes `data:MIME;base64,DATA` apart; any other address stays one.
pub(crate) fn source_of(url: Text<'_>) -> Source<'_> {
    let split = |url: &str| {
        let (mime, data) = url.strip_prefix("data:")?.split_once(";base64,")?;
        Some((mime.len(), data.len()))
    };
    let Some((mime, data)) = split(&url) else {
        return Source::Url(url);
    };
    let (mime, data) = ("data:".len().."data:".len().saturating_add(mime), url.len().saturating_sub(data)..);
    let cut = |range: (usize, usize)| match &url.0 {
        Cow::Borrowed(text) => Cow::Borrowed(text.get(range.0..range.1).unwrap_or_default()),
        Cow::Owned(text) => Cow::Owned(text.get(range.0..range.1).unwrap_or_default().to_owned()),
    };
    Source::Base64 { mime: cut((mime.start, mime.end)), data: cut((data.start, url.len())) }
}
