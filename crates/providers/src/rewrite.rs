//! Writes a client's fields into an upstream body: the same bytes, joined again.

use crate::vendor::{OutputCap, Vendor};
use opencredits_dialects::Dialect;
use opencredits_wire::json::{self, Edit};

/// The changes to a body.
#[derive(Clone, Copy)]
pub struct Rewrite<'a> {
    /// The vendor that gets the body.
    pub vendor: &'a Vendor,
    /// The dialect of the body.
    pub dialect: Dialect,
    /// The vendor's name for the model.
    pub model: &'a str,
    /// An output cap to set, in the place of the client's.
    pub output_cap: Option<u64>,
    /// The largest number of uses of built-in tools to set, where the client has set none and the dialect has a field.
    pub tool_uses_max: Option<u64>,
    /// Whether a stream is requested.
    pub stream: bool,
}

/// The smallest reasoning budget of `anthropic-messages`, in tokens, by the provider's documentation of
/// `thinking.budget_tokens`.
const BUDGET_TOKENS_MIN: u64 = 1_024;

/// The field of `openai-responses` that limits the calls of all built-in tools together.
pub const TOOL_CALLS_MAX: &str = "max_tool_calls";
/// The tools of `anthropic-messages` that take a limit, by the beginnings of their types.
const LIMITED_TOOLS: [&[u8]; 2] = [b"\"web_search_", b"\"web_fetch_"];

/// Joins the fields into the body for a vendor, in their order and byte for byte. It changes the model, sets the output
/// cap and the limits of built-in tools, drops fields that the vendor refuses, renames fields that the vendor knows by another name, and requests usage
/// in streams.
#[must_use]
pub fn upstream_body(fields: &[(&str, &str)], rewrite: &Rewrite<'_>) -> Vec<u8> {
    let size: usize = fields.iter().map(|(name, value)| name.len() + value.len() + 4).sum();
    let mut body = Object::with_capacity(size + 96);
    let asks_usage = rewrite.stream && rewrite.dialect == Dialect::OpenaiChat;
    let mut options = false;
    let omitted = |name: &str| rewrite.vendor.omit.iter().any(|omitted| omitted == name);
    let asks_usage = asks_usage && !omitted("stream_options");
    let in_config = rewrite.dialect == Dialect::GeminiGenerate && rewrite.output_cap.is_some();
    let mut config_written = false;
    let is_limited = || fields.iter().any(|(name, value)| *name == TOOL_CALLS_MAX && json::is_set(value.as_bytes()));
    let calls = rewrite.tool_uses_max.filter(|_| rewrite.dialect == Dialect::OpenaiResponses);
    let calls = calls.filter(|_| !omitted(TOOL_CALLS_MAX) && !is_limited());
    for (name, value) in fields.iter().filter(|(name, _)| !omitted(name)) {
        let Some(name) = vendors_name(fields, rewrite.vendor, name, value) else { continue };
        match name {
            // The gateway's cap takes its place.
            "max_tokens" | "max_completion_tokens" | "max_output_tokens" if rewrite.output_cap.is_some() => {}
            "thinking" if rewrite.output_cap.is_some() => {
                body.member(name, &within_cap(value.as_bytes(), "budget_tokens", rewrite.output_cap));
            }
            "tools" if rewrite.dialect == Dialect::AnthropicMessages => {
                body.member(name, &with_limits(value.as_bytes(), rewrite.tool_uses_max));
            }
            // It is set below.
            TOOL_CALLS_MAX if calls.is_some() => {}
            // The URL gives both.
            "model" | "stream" if rewrite.dialect.names_model_in_path() => {}
            "generationConfig" | "generation_config" if in_config => {
                config_written = true;
                body.member(name, &with_cap(value.as_bytes(), rewrite.output_cap));
            }
            "model" => body.text("model", rewrite.model),
            "stream_options" if asks_usage => {
                options = true;
                body.member(name, &with_usage(value.as_bytes()));
            }
            _ => body.member(name, value.as_bytes()),
        }
    }
    if asks_usage && !options {
        body.member("stream_options", b"{\"include_usage\":true}");
    }
    if in_config && !config_written {
        body.member("generationConfig", &with_cap(b"{}", rewrite.output_cap));
    }
    if let Some(calls) = calls {
        body.member(TOOL_CALLS_MAX, calls.to_string().as_bytes());
    }
    if let (Some(cap), Some(field)) = (rewrite.output_cap, cap_field(rewrite)) {
        body.member(field, cap.to_string().as_bytes());
    }
    body.end()
}

/// The vendor's name for a field; `None` where the client has set another field that has this name at the vendor.
fn vendors_name<'a>(fields: &[(&str, &str)], vendor: &'a Vendor, name: &'a str, value: &str) -> Option<&'a str> {
    let is_set = |wanted: &str| fields.iter().any(|(name, value)| *name == wanted && json::is_set(value.as_bytes()));
    match vendor.renames.get(name) {
        Some(other) => Some(other.as_str()).filter(|other| !is_set(other)),
        // An empty field must not stand beside one that is renamed to it.
        None => {
            let taken = vendor.renames.iter().any(|(from, to)| to == name && is_set(from));
            Some(name).filter(|_| !taken || json::is_set(value.as_bytes()))
        }
    }
}

fn with_usage(options: &[u8]) -> Vec<u8> {
    if options.first() != Some(&b'{') {
        return b"{\"include_usage\":true}".to_vec();
    }
    json::edit(options, &[Edit { name: "include_usage", value: b"true" }])
}

/// Tools of `anthropic-messages` with a limit on each that takes one and has none.
fn with_limits(tools: &[u8], limit: Option<u64>) -> Vec<u8> {
    let Some(limit) = limit.map(|limit| limit.to_string()) else { return tools.to_vec() };
    let mut limited = Vec::with_capacity(tools.len().saturating_add(64));
    json::items(tools, |tool| {
        limited.push(if limited.is_empty() { b'[' } else { b',' });
        let kind = json::member(tool, "type").unwrap_or_default();
        let takes_one = LIMITED_TOOLS.iter().any(|start| kind.starts_with(start));
        if takes_one && !json::member(tool, "max_uses").is_some_and(json::is_set) {
            limited.extend(json::edit(tool, &[Edit { name: "max_uses", value: limit.as_bytes() }]));
        } else {
            limited.extend_from_slice(tool);
        }
    });
    if limited.is_empty() {
        return tools.to_vec();
    }
    limited.push(b']');
    limited
}

/// The spellings of the output cap in a generation config; a request with both is refused.
const CAP_SPELLINGS: [&str; 2] = ["maxOutputTokens", "max_output_tokens"];

/// A generation config with this output cap.
fn with_cap(config: &[u8], cap: Option<u64>) -> Vec<u8> {
    let cap = cap.unwrap_or_default().to_string();
    let config = if config.first() == Some(&b'{') { config } else { b"{}" };
    // In the client's spelling: the provider takes either, and would choose between two caps.
    let [camel, snake] = CAP_SPELLINGS;
    let name = if json::member(config, snake).is_some() { snake } else { camel };
    let mut edited = json::edit(config, &[Edit { name, value: cap.as_bytes() }]);
    for name in ["thinkingConfig", "thinking_config"] {
        if let Some(thinking) = json::member(&edited, name).map(<[u8]>::to_vec) {
            let budgets = ["thinkingBudget", "thinking_budget"];
            let thinking =
                budgets.iter().fold(thinking, |thinking, budget| within_cap(&thinking, budget, cap_of(&cap)));
            edited = json::edit(&edited, &[Edit { name, value: &thinking }]);
        }
    }
    edited
}

fn cap_of(text: &str) -> Option<u64> {
    text.parse().ok()
}

/// A reasoning setting whose budget leaves room for an answer within the cap. Below the smallest budget that providers take
/// there is no reasoning.
fn within_cap(setting: &[u8], budget: &str, cap: Option<u64>) -> Vec<u8> {
    let (Some(cap), Some(asked)) = (cap, json::member(setting, budget).and_then(json::count)) else {
        return setting.to_vec();
    };
    if asked < cap {
        return setting.to_vec();
    }
    let half = cap / 2;
    if budget == "budget_tokens" && half < BUDGET_TOKENS_MIN {
        return b"{\"type\":\"disabled\"}".to_vec();
    }
    json::edit(setting, &[Edit { name: budget, value: half.to_string().as_bytes() }])
}

/// The field that caps the output; `None` where it is not at the top level.
fn cap_field(rewrite: &Rewrite<'_>) -> Option<&'static str> {
    match (rewrite.dialect, rewrite.vendor.output_cap) {
        (Dialect::OpenaiChat, OutputCap::MaxCompletionTokens) => Some("max_completion_tokens"),
        (Dialect::OpenaiChat, OutputCap::MaxTokens) | (Dialect::AnthropicMessages | Dialect::CohereChat, _) => {
            Some("max_tokens")
        }
        (Dialect::OpenaiResponses, _) => Some("max_output_tokens"),
        (Dialect::GeminiGenerate | Dialect::OpenaiEmbeddings, _) => None,
    }
}

/// An object that is being written.
struct Object(Vec<u8>);

impl Object {
    fn with_capacity(bytes: usize) -> Self {
        let mut object = Vec::with_capacity(bytes);
        object.push(b'{');
        Self(object)
    }

    fn member(&mut self, name: &str, value: &[u8]) {
        if self.0.len() > 1 {
            self.0.push(b',');
        }
        json::push_member(&mut self.0, name, value);
    }

    fn text(&mut self, name: &str, value: &str) {
        let mut raw = Vec::with_capacity(value.len().saturating_add(2));
        json::push_text(&mut raw, value);
        self.member(name, &raw);
    }

    fn end(mut self) -> Vec<u8> {
        self.0.push(b'}');
        self.0
    }
}
