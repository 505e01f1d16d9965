//! The content of a request, in no dialect.

use crate::target::Efforts;
use crate::tool_names::ToolNames;
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

impl Text<'_> {
    /// Appends `more`, in time proportional to its length.
    pub(crate) fn append(&mut self, more: &str) {
        if !more.is_empty() {
            self.0.to_mut().push_str(more);
        }
    }
}

/// The content of a request.
#[derive(Default)]
pub(crate) struct Conversation<'a> {
    pub(crate) model: Text<'a>,
    /// Instructions before all turns.
    pub(crate) system: Vec<Part<'a>>,
    pub(crate) turns: Vec<Turn<'a>>,
    pub(crate) tools: Vec<Tool<'a>>,
    /// The names of tools that other dialects do not have as the client gave them.
    pub(crate) tool_names: ToolNames,
    pub(crate) tool_choice: Option<ToolChoice<'a>>,
    /// Whether the model may call several tools at once.
    pub(crate) parallel_tools: Option<bool>,
    pub(crate) output_cap: Option<u64>,
    pub(crate) stop: Vec<Text<'a>>,
    pub(crate) format: Option<Format<'a>>,
    pub(crate) reasoning: Option<Reasoning>,
    pub(crate) sampling: Sampling<'a>,
    pub(crate) cache_key: Option<Text<'a>>,
    /// A cache mark that covers everything up to the last block.
    pub(crate) cache: Option<Cache>,
    pub(crate) stream: bool,
}

impl Conversation<'_> {
    /// Whether every tool result answers an earlier call: every provider refuses others, each in its own way.
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

/// Sampling parameters, in their raw JSON.
#[derive(Default)]
pub(crate) struct Sampling<'a> {
    pub(crate) temperature: Option<&'a str>,
    pub(crate) top_p: Option<&'a str>,
    pub(crate) top_k: Option<&'a str>,
    pub(crate) seed: Option<&'a str>,
    pub(crate) frequency_penalty: Option<&'a str>,
    pub(crate) presence_penalty: Option<&'a str>,
}

/// The author of a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Instructions in the middle of a conversation.
    System,
    User,
    Assistant,
}

/// The parts of one author before the other answers.
pub(crate) struct Turn<'a> {
    pub(crate) role: Role,
    pub(crate) parts: Vec<Part<'a>>,
}

/// The lifetime of a cached prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cache {
    /// The provider's default: five minutes.
    Default,
    /// An hour.
    Hour,
}

/// A part with its cache mark.
pub(crate) struct Part<'a> {
    pub(crate) content: PartContent<'a>,
    pub(crate) cache: Option<Cache>,
}

impl<'a> From<PartContent<'a>> for Part<'a> {
    fn from(content: PartContent<'a>) -> Self {
        Self { content, cache: None }
    }
}

/// The content of a part.
pub(crate) enum PartContent<'a> {
    Text(Text<'a>),
    /// The model's refusal, in its own words.
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

/// The source of bytes.
pub(crate) enum Source<'a> {
    Url(Text<'a>),
    Base64 { mime: Cow<'a, str>, data: Cow<'a, str> },
}

/// A call of a tool.
pub(crate) struct Call<'a> {
    pub(crate) id: Text<'a>,
    pub(crate) name: Text<'a>,
    /// A JSON object, byte for byte: numbers of any size and duplicate keys are kept.
    pub(crate) arguments: Cow<'a, str>,
}

/// Reasoning: its visible text, and data that only its provider can read.
pub(crate) struct Thought<'a> {
    /// The vendor that signed it; empty where it is unsigned.
    pub(crate) vendor: Cow<'a, str>,
    pub(crate) text: Option<Text<'a>>,
    pub(crate) seal: Option<Seal<'a>>,
}

impl Thought<'_> {
    /// Continues the text, and takes the seal and the vendor of `more`.
    pub(crate) fn continue_with(&mut self, more: Self) {
        let mut text = self.text.take().unwrap_or_default();
        text.append(more.text.as_deref().unwrap_or_default());
        *self = Self { text: Some(text), ..more };
    }
}

/// Data that only the provider can read, byte for byte.
pub(crate) enum Seal<'a> {
    /// A signature of the text.
    Signature(Cow<'a, str>),
    /// Encrypted reasoning in place of a visible text.
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

/// Whether the model may or must call tools.
#[derive(Clone)]
pub(crate) enum ToolChoice<'a> {
    Auto,
    None,
    Any,
    Named(Text<'a>),
}

/// The format of the answer.
pub(crate) enum Format<'a> {
    /// Any JSON object.
    Json,
    /// JSON that follows this schema.
    Schema { name: Text<'a>, schema: Cow<'a, str>, strict: Option<bool> },
}

/// The text of raw JSON.
pub(crate) fn raw_text(raw: &RawValue) -> Cow<'_, str> {
    Cow::Borrowed(raw.get())
}

/// The amount of reasoning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reasoning {
    Off,
    /// The model decides.
    Adaptive,
    Effort(Effort),
    /// At most so many tokens.
    Budget(u64),
}

/// The reasoning effort.
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
    /// The effort that corresponds to a budget, as a share of the output cap.
    pub(crate) fn of_budget(budget: u64, cap: u64) -> Self {
        let percent = budget.saturating_mul(100).checked_div(cap).unwrap_or(100);
        match percent {
            0..=29 => Self::Low,
            30..=64 => Self::Medium,
            _ => Self::High,
        }
    }

    /// The share of the output cap that reasoning may take, in percent.
    pub(crate) const fn percent(self) -> u64 {
        match self {
            Self::Minimal => 10,
            Self::Low => 20,
            Self::Medium => 50,
            Self::High => 80,
            Self::XHigh | Self::Max => 90,
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Minimal => "minimal",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::XHigh => "xhigh",
            Self::Max => "max",
        }
    }

    /// The nearest effort that a provider knows.
    pub(crate) const fn nearest(self, known: Efforts) -> Self {
        match (self, known) {
            (Self::Minimal, Efforts::Three) => Self::Low,
            (Self::XHigh | Self::Max, Efforts::Three) => Self::High,
            (Self::Max, Efforts::Five) => Self::XHigh,
            (effort, _) => effort,
        }
    }
}

/// Splits `data:MIME;base64,DATA`; any other address stays a URL.
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
    Source::Base64 { mime: plain_mime(cut((mime.start, mime.end))), data: cut((data.start, url.len())) }
}

/// A media type without its parameters, in lower case, as providers compare it.
pub(crate) fn plain_mime(mime: Cow<'_, str>) -> Cow<'_, str> {
    let plain = mime.split(';').next().unwrap_or_default().trim();
    if plain.len() == mime.len() && !plain.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return mime;
    }
    Cow::Owned(plain.to_ascii_lowercase())
}
