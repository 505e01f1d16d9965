//! Reads a request of `anthropic-messages`.

use crate::chat::Mark;
use crate::conversation::{
    Call, Conversation, Effort, Format, Part, PartContent, Reasoning, Role, Seal, Source, Text, Tool, ToolChoice,
    plain_mime, raw_text,
};
use crate::field_readers::{expected, name_others, object, push, read, read_fields, refused};
use crate::{schema, seal};
use opencredits_dialects::RequestError;
use opencredits_wire::json;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    role: Text<'a>,
    #[serde(borrow)]
    content: &'a RawValue,
}

#[derive(Deserialize)]
struct Block<'a> {
    #[serde(borrow)]
    r#type: Text<'a>,
    #[serde(borrow)]
    text: Option<Text<'a>>,
    #[serde(borrow)]
    source: Option<&'a RawValue>,
    #[serde(borrow)]
    title: Option<Text<'a>>,
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(borrow)]
    input: Option<&'a RawValue>,
    #[serde(borrow)]
    tool_use_id: Option<Text<'a>>,
    #[serde(borrow)]
    tool_name: Option<Text<'a>>,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    is_error: Option<bool>,
    #[serde(borrow)]
    thinking: Option<Text<'a>>,
    #[serde(borrow)]
    signature: Option<Text<'a>>,
    #[serde(borrow)]
    data: Option<Text<'a>>,
    #[serde(borrow)]
    cache_control: Option<Mark<'a>>,
}

#[derive(Deserialize)]
struct BlockSource<'a> {
    #[serde(borrow)]
    r#type: Text<'a>,
    #[serde(borrow)]
    media_type: Option<Text<'a>>,
    #[serde(borrow)]
    data: Option<Text<'a>>,
    #[serde(borrow)]
    url: Option<Text<'a>>,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct ToolDef<'a> {
    #[serde(borrow)]
    r#type: Option<Text<'a>>,
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    description: Option<Text<'a>>,
    #[serde(borrow)]
    input_schema: Option<&'a RawValue>,
    strict: Option<bool>,
    #[serde(borrow)]
    cache_control: Option<Mark<'a>>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow)]
    r#type: Text<'a>,
    #[serde(borrow)]
    name: Option<Text<'a>>,
    disable_parallel_tool_use: Option<bool>,
}

#[derive(Deserialize)]
struct Thinking<'a> {
    #[serde(borrow)]
    r#type: Text<'a>,
    budget_tokens: Option<u64>,
}

#[derive(Deserialize)]
struct OutputConfig<'a> {
    effort: Option<Effort>,
    #[serde(borrow)]
    format: Option<OutputFormat<'a>>,
}

#[derive(Deserialize)]
struct OutputFormat<'a> {
    #[serde(borrow)]
    schema: Option<&'a RawValue>,
}

/// Reads the fields of a request.
pub(crate) fn read_request<'a>(
    fields: impl Iterator<Item = (&'a str, &'a str)>,
    dropped: &mut Vec<String>,
) -> Result<Conversation<'a>, RequestError> {
    read_fields(fields, dropped, field)
}

/// Reads one field; false where no other dialect has an equivalent.
fn field<'a>(
    to: &mut Conversation<'a>,
    name: &str,
    raw: &'a str,
    dropped: &mut Vec<String>,
) -> Result<bool, RequestError> {
    match name {
        "model" => to.model = read(raw, "model", "a string")?,
        "messages" => messages(to, raw, dropped)?,
        "system" => to.system = blocks(raw, "system", dropped)?,
        "stream" => to.stream = raw == "true",
        "max_tokens" => to.output_cap = json::count(raw.as_bytes()),
        "stop_sequences" => to.stop = read(raw, "stop_sequences", "a list of texts")?,
        "temperature" => to.sampling.temperature = Some(raw),
        "top_p" => to.sampling.top_p = Some(raw),
        "top_k" => to.sampling.top_k = Some(raw),
        "tools" => to.tools = tools(raw, dropped)?,
        "tool_choice" => tool_choice(to, raw)?,
        // `output_config`, earlier or later, gives the effort where this leaves it open.
        "thinking" => to.reasoning = thinking(raw)?.or(to.reasoning.take()),
        "output_config" => {
            let config: OutputConfig<'a> = read(raw, "output_config", "an object with effort or format")?;
            // `thinking` takes precedence: it gives tokens.
            to.reasoning = to.reasoning.or(config.effort.map(Reasoning::Effort));
            to.format = config.format.and_then(format).or(to.format.take());
        }
        "output_format" => to.format = format(read(raw, "output_format", "an object with a schema")?),
        "cache_control" => to.cache = Some(read::<Mark<'_>>(raw, "cache_control", "an object")?.cache()),
        "service_tier" => return Ok(raw == "\"auto\""),
        // The region of the computation must not be dropped silently.
        "inference_geo" if raw != "\"global\"" && raw != "null" => {
            let remedy = "leave it out, or ask for a model of a provider that knows it";
            return Err(RequestError::Unsupported { field: "inference_geo", remedy });
        }
        "inference_geo" => {}
        _ => return Ok(false),
    }
    Ok(true)
}

fn messages<'a>(to: &mut Conversation<'a>, raw: &'a str, dropped: &mut Vec<String>) -> Result<(), RequestError> {
    let all: Vec<Message<'a>> = read(raw, "messages", "a list of messages, each with role and content")?;
    for message in all {
        let role = match &*message.role {
            "user" => Role::User,
            "assistant" => Role::Assistant,
            "system" => Role::System,
            _ => return Err(expected("messages", "made of the roles user and assistant")),
        };
        push(to, role, blocks(message.content.get(), "messages", dropped)?);
    }
    Ok(())
}

fn blocks<'a>(raw: &'a str, field: &'static str, dropped: &mut Vec<String>) -> Result<Vec<Part<'a>>, RequestError> {
    const FORM: &str = "complete: content is a text or a list of blocks";
    if !raw.starts_with('[') {
        return Ok(vec![PartContent::Text(read(raw, field, FORM)?).into()]);
    }
    let all: Vec<&'a RawValue> = read(raw, field, FORM)?;
    let mut parts = Vec::with_capacity(all.len());
    for raw in all {
        let block: Block<'a> = read(raw.get(), field, FORM)?;
        let cache = block.cache_control.as_ref().map(Mark::cache);
        if let Some(content) = part(block, raw.get(), dropped)? {
            parts.push(Part { content, cache });
        }
    }
    Ok(parts)
}

/// The content of a block; `None` for a block that only the provider which ran a built-in tool can read.
fn part<'a>(
    block: Block<'a>,
    raw: &'a str,
    dropped: &mut Vec<String>,
) -> Result<Option<PartContent<'a>>, RequestError> {
    const FORM: &str = "complete: a block has what its type says";
    let lacking = || expected("messages", FORM);
    Ok(Some(match &*block.r#type {
        "text" => PartContent::Text(block.text.unwrap_or_default()),
        "image" => {
            let from = read(block.source.ok_or_else(lacking)?.get(), "messages", FORM)?;
            PartContent::Image { source: source(from)?, detail: None }
        }
        "document" => {
            let from: BlockSource<'a> = read(block.source.ok_or_else(lacking)?.get(), "messages", FORM)?;
            match &*from.r#type {
                "text" => PartContent::Text(from.data.unwrap_or_default()),
                "content" => PartContent::Text(text_of(from.content.ok_or_else(lacking)?.get(), dropped)?),
                _ => PartContent::Document { source: source(from)?, name: block.title },
            }
        }
        "tool_use" => PartContent::Call(Call {
            id: block.id.ok_or_else(lacking)?,
            name: block.name.ok_or_else(lacking)?,
            arguments: object(block.input, "messages.tool_use", dropped),
        }),
        "tool_result" => PartContent::Result {
            id: block.tool_use_id.ok_or_else(lacking)?,
            parts: block.content.map_or(Ok(Vec::new()), |content| blocks(content.get(), "messages", dropped))?,
            is_error: block.is_error.unwrap_or(false),
        },
        "thinking" => PartContent::Reasoning(seal::thought(block.thinking, block.signature, Seal::Signature)),
        "redacted_thinking" => {
            PartContent::Reasoning(seal::thought(None, Some(block.data.ok_or_else(lacking)?), Seal::Redacted))
        }
        // A tool that was found by a search. The schemas of all tools are sent in any case.
        "tool_reference" => {
            let name = block.tool_name.ok_or_else(lacking)?;
            PartContent::Text(Text(Cow::Owned(format!("The tool {} can be called.", &*name))))
        }
        kind if matches!(kind, "server_tool_use" | "mcp_tool_use") || kind.ends_with("_tool_result") => {
            dropped.push(format!("messages.{kind}"));
            return Ok(None);
        }
        // One block that is unknown here does not end a conversation: the model reads it as it is.
        kind => {
            dropped.push(format!("messages.{kind}"));
            PartContent::Text(Text(Cow::Borrowed(raw)))
        }
    }))
}

/// The text of blocks, a paragraph for each.
fn text_of<'a>(raw: &'a str, dropped: &mut Vec<String>) -> Result<Text<'a>, RequestError> {
    let texts = blocks(raw, "messages", dropped)?.into_iter().filter_map(|part| match part.content {
        PartContent::Text(text) => Some(text.0.into_owned()),
        _ => None,
    });
    Ok(Text(Cow::Owned(texts.collect::<Vec<_>>().join("\n\n"))))
}

fn source(from: BlockSource<'_>) -> Result<Source<'_>, RequestError> {
    match (&*from.r#type, from.media_type, from.data, from.url) {
        ("base64", Some(mime), Some(data), _) => Ok(Source::Base64 { mime: plain_mime(mime.0), data: data.0 }),
        ("url", _, _, Some(url)) => Ok(Source::Url(url)),
        ("file", ..) => Err(refused("file_id", "send the file itself, in base64")),
        _ => Err(expected("messages", "complete: a source is base64 with media_type and data, or a url")),
    }
}

fn tools<'a>(raw: &'a str, dropped: &mut Vec<String>) -> Result<Vec<Tool<'a>>, RequestError> {
    const FORM: &str = "a list of tools";
    const KNOWN: [&str; 6] = ["type", "name", "description", "input_schema", "strict", "cache_control"];
    let all: Vec<&RawValue> = read(raw, "tools", FORM)?;
    let mut tools = Vec::with_capacity(all.len());
    for raw in all {
        tools.push(tool(read(raw.get(), "tools", FORM)?)?);
        name_others(raw.get(), &KNOWN, "tools", dropped);
    }
    Ok(tools)
}

fn tool(def: ToolDef<'_>) -> Result<Tool<'_>, RequestError> {
    if def.r#type.as_deref().is_some_and(|kind| kind != "custom") {
        return Err(refused("tools", "this model takes tools that the client defines and runs, with an input_schema"));
    }
    let ToolDef { name, description, input_schema, strict, cache_control, .. } = def;
    let cache = cache_control.as_ref().map(Mark::cache);
    Ok(Tool { name, description, schema: input_schema.map(raw_text), strict, cache })
}

fn tool_choice<'a>(to: &mut Conversation<'a>, raw: &'a str) -> Result<(), RequestError> {
    const FORM: &str = "of the type auto, any, none or tool";
    let choice: Choice<'a> = read(raw, "tool_choice", FORM)?;
    if choice.disable_parallel_tool_use == Some(true) {
        to.parallel_tools = Some(false);
    }
    to.tool_choice = Some(match (&*choice.r#type, choice.name) {
        ("auto", _) => ToolChoice::Auto,
        ("any", _) => ToolChoice::Any,
        ("none", _) => ToolChoice::None,
        ("tool", Some(name)) => ToolChoice::Named(name),
        _ => return Err(expected("tool_choice", FORM)),
    });
    Ok(())
}

fn thinking(raw: &str) -> Result<Option<Reasoning>, RequestError> {
    const FORM: &str = "of the type enabled with budget_tokens, adaptive or disabled";
    let thinking: Thinking<'_> = read(raw, "thinking", FORM)?;
    match (&*thinking.r#type, thinking.budget_tokens) {
        ("disabled", _) => Ok(Some(Reasoning::Off)),
        // `output_config` then gives the effort.
        ("adaptive", _) => Ok(None),
        ("enabled", Some(budget)) => Ok(Some(Reasoning::Budget(budget))),
        _ => Err(expected("thinking", FORM)),
    }
}

fn format(from: OutputFormat<'_>) -> Option<Format<'_>> {
    let name = Text(Cow::Borrowed("answer"));
    let schema = from.schema.map(raw_text)?;
    // In this dialect an answer always follows the schema. Other dialects promise that for some schemas only, and
    // refuse others.
    let strict = schema::is_strict(&schema).then_some(true);
    Some(Format::Schema { name, schema, strict })
}
