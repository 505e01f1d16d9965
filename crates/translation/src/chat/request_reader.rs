//! Reads a request of `openai-chat`.

use crate::conversation::{
    Cache, Call, Conversation, Format, Part, PartContent, Reasoning, Role, Seal, Text, Thought, Tool, ToolChoice,
    raw_text, source_of,
};
use crate::field_readers::{
    InputAudio, arguments, choice_in_a_word, content, effort, expected, format_of, name_others, push, read,
    read_fields, refused,
};
use opencredits_dialects::RequestError;
use opencredits_wire::json;
use serde::Deserialize;
use serde_json::value::RawValue;

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    role: Text<'a>,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    refusal: Option<Text<'a>>,
    #[serde(borrow)]
    reasoning_details: Option<Vec<Detail<'a>>>,
    #[serde(borrow)]
    tool_calls: Option<Vec<ToolCall<'a>>>,
    #[serde(borrow)]
    tool_call_id: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Detail<'a> {
    #[serde(borrow)]
    format: Option<Text<'a>>,
    #[serde(borrow)]
    text: Option<Text<'a>>,
    #[serde(borrow)]
    signature: Option<Text<'a>>,
    #[serde(borrow)]
    data: Option<Text<'a>>,
    index: Option<u64>,
}

#[derive(Deserialize)]
struct ToolCall<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow)]
    function: Function<'a>,
}

#[derive(Deserialize)]
struct Function<'a> {
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow, default)]
    arguments: Text<'a>,
}

#[derive(Deserialize)]
struct Piece<'a> {
    #[serde(borrow)]
    r#type: Text<'a>,
    #[serde(borrow)]
    text: Option<Text<'a>>,
    #[serde(borrow)]
    refusal: Option<Text<'a>>,
    #[serde(borrow)]
    image_url: Option<&'a RawValue>,
    #[serde(borrow)]
    input_audio: Option<InputAudio<'a>>,
    #[serde(borrow)]
    file: Option<File<'a>>,
    #[serde(borrow)]
    cache_control: Option<Mark<'a>>,
}

#[derive(Deserialize)]
struct ImageUrl<'a> {
    #[serde(borrow)]
    url: Text<'a>,
    #[serde(borrow)]
    detail: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct File<'a> {
    #[serde(borrow)]
    file_data: Option<Text<'a>>,
    #[serde(borrow)]
    filename: Option<Text<'a>>,
}

/// A cache mark in the form of `anthropic-messages`, which clients of this API send too.
#[derive(Deserialize)]
pub(crate) struct Mark<'a> {
    #[serde(borrow)]
    ttl: Option<Text<'a>>,
}

impl Mark<'_> {
    pub(crate) fn cache(&self) -> Cache {
        if self.ttl.as_deref().is_some_and(|ttl| ttl == "1h") { Cache::Hour } else { Cache::Default }
    }
}

#[derive(Deserialize)]
struct ToolDef<'a> {
    #[serde(borrow)]
    r#type: Option<Text<'a>>,
    #[serde(borrow)]
    function: Option<FunctionDef<'a>>,
    #[serde(borrow)]
    cache_control: Option<Mark<'a>>,
}

#[derive(Deserialize)]
struct FunctionDef<'a> {
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    description: Option<Text<'a>>,
    #[serde(borrow)]
    parameters: Option<&'a RawValue>,
    strict: Option<bool>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow)]
    function: Option<Named<'a>>,
}

#[derive(Deserialize)]
struct Named<'a> {
    #[serde(borrow)]
    name: Text<'a>,
}

#[derive(Deserialize)]
struct ResponseFormat<'a> {
    #[serde(borrow)]
    r#type: Text<'a>,
    #[serde(borrow)]
    json_schema: Option<JsonSchema<'a>>,
}

#[derive(Deserialize)]
struct JsonSchema<'a> {
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(borrow)]
    schema: Option<&'a RawValue>,
    strict: Option<bool>,
}

#[derive(Deserialize)]
struct ReasoningAsk<'a> {
    #[serde(borrow)]
    effort: Option<&'a RawValue>,
    max_tokens: Option<u64>,
    enabled: Option<bool>,
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
        "stream" => to.stream = raw == "true",
        // Usage is always requested, and nothing is stored; both are handled elsewhere.
        "stream_options" | "store" => {}
        "max_tokens" | "max_completion_tokens" => {
            let cap = json::count(raw.as_bytes());
            to.output_cap = to.output_cap.max(cap);
        }
        "stop" => to.stop = stop(raw)?,
        "temperature" => to.sampling.temperature = Some(raw),
        "top_p" => to.sampling.top_p = Some(raw),
        "top_k" => to.sampling.top_k = Some(raw),
        "seed" => to.sampling.seed = Some(raw),
        "frequency_penalty" => to.sampling.frequency_penalty = Some(raw),
        "presence_penalty" => to.sampling.presence_penalty = Some(raw),
        "tools" => to.tools = tools(raw, dropped)?,
        "tool_choice" => to.tool_choice = Some(tool_choice(raw)?),
        "parallel_tool_calls" => to.parallel_tools = Some(raw == "true"),
        "response_format" => to.format = format(raw)?,
        "reasoning_effort" => to.reasoning = Some(effort(raw, "reasoning_effort")?),
        "reasoning" => to.reasoning = reasoning(raw)?.or(to.reasoning),
        "prompt_cache_key" => to.cache_key = Some(read(raw, "prompt_cache_key", "a string")?),
        "service_tier" => return Ok(matches!(raw, "\"auto\"" | "\"default\"")),
        "n" if raw == "1" => {}
        "n" => return Err(refused("n", "this model gives one choice; send the request as often as you want choices")),
        "logprobs" if raw == "false" => {}
        "logprobs" => return Err(refused("logprobs", "this model gives none; leave it out")),
        "modalities" if !raw.contains("audio") && !raw.contains("image") => {}
        "modalities" | "audio" => {
            return Err(RequestError::Unsupported {
                field: "modalities",
                remedy: "this model answers in text; leave it out",
            });
        }
        "functions" | "function_call" => return Err(refused("functions", "send tools instead, which replaced it")),
        "web_search_options" => {
            return Err(refused("web_search_options", "this model has no search of its own here; leave it out"));
        }
        _ => return Ok(false),
    }
    Ok(true)
}

fn messages<'a>(to: &mut Conversation<'a>, raw: &'a str, dropped: &mut Vec<String>) -> Result<(), RequestError> {
    const FORM: &str = "a list of messages, each with role and content";
    let all: Vec<Message<'a>> = read(raw, "messages", FORM)?;
    for message in all {
        let parts = match message.content {
            Some(content) => content_parts(content)?,
            None => Vec::new(),
        };
        match &*message.role {
            "system" | "developer" if to.turns.is_empty() => to.system.extend(parts),
            "system" | "developer" => push(to, Role::System, parts),
            "user" => push(to, Role::User, parts),
            "tool" => {
                let id =
                    message.tool_call_id.ok_or(expected("messages", "complete: a tool's result names its call"))?;
                push(to, Role::User, vec![PartContent::Result { id, parts, is_error: false }.into()]);
            }
            "assistant" => {
                let mut parts_of_turn = thoughts(message.reasoning_details.unwrap_or_default());
                parts_of_turn.extend(parts);
                parts_of_turn.extend(message.refusal.map(|refusal| PartContent::Refusal(refusal).into()));
                for call in message.tool_calls.into_iter().flatten() {
                    parts_of_turn.push(PartContent::Call(call_of(call, dropped)).into());
                }
                push(to, Role::Assistant, parts_of_turn);
            }
            _ => return Err(expected("messages", "made of the roles system, developer, user, assistant and tool")),
        }
    }
    Ok(())
}

/// Reasoning. Clients send the pieces of a stream back as they came. Pieces with the same index form one reasoning
/// block, up to the piece with its seal.
fn thoughts(details: Vec<Detail<'_>>) -> Vec<Part<'_>> {
    let mut all: Vec<(Option<u64>, Thought<'_>)> = Vec::new();
    for detail in details {
        let (index, more) = (detail.index, thought(detail));
        let open = all.last_mut().filter(|(number, open)| {
            index.is_some() && *number == index && open.seal.is_none() && open.vendor == more.vendor
        });
        match open {
            Some((_, open)) if !matches!(more.seal, Some(Seal::Redacted(_))) => {
                open.continue_with(more);
            }
            _ => all.push((index, more)),
        }
    }
    all.into_iter().map(|(_, thought)| PartContent::Reasoning(thought).into()).collect()
}

fn thought(detail: Detail<'_>) -> Thought<'_> {
    let seal = match (detail.signature, detail.data) {
        (Some(signature), _) => Some(Seal::Signature(signature.0)),
        (None, Some(data)) => Some(Seal::Redacted(data.0)),
        (None, None) => None,
    };
    Thought { vendor: detail.format.unwrap_or_default().0, text: detail.text, seal }
}

fn call_of<'a>(call: ToolCall<'a>, dropped: &mut Vec<String>) -> Call<'a> {
    let ToolCall { id, function } = call;
    Call { id, name: function.name, arguments: arguments(function.arguments, "messages.tool_calls", dropped) }
}

pub(crate) fn content_parts(raw: &RawValue) -> Result<Vec<Part<'_>>, RequestError> {
    content(raw, "messages", part)
}

fn part(piece: Piece<'_>) -> Result<Part<'_>, RequestError> {
    let cache = piece.cache_control.as_ref().map(Mark::cache);
    let content = match &*piece.r#type {
        "text" => PartContent::Text(piece.text.unwrap_or_default()),
        "refusal" => PartContent::Refusal(piece.refusal.unwrap_or_default()),
        "image_url" => image(piece.image_url)?,
        "input_audio" => {
            piece.input_audio.ok_or(expected("messages", "complete: input_audio has data and format"))?.content()
        }
        "file" => {
            let file = piece.file.ok_or(expected("messages", "complete: a part of type file has a file"))?;
            let data = file.file_data.ok_or(refused("file_id", "send the file itself in file_data"))?;
            PartContent::Document { source: source_of(data), name: file.filename }
        }
        _ => return Err(expected("messages", "made of parts of the types text, image_url, input_audio and file")),
    };
    Ok(Part { content, cache })
}

fn image(raw: Option<&RawValue>) -> Result<PartContent<'_>, RequestError> {
    const FORM: &str = "complete: image_url has a url";
    let raw = raw.ok_or(expected("messages", FORM))?.get();
    if raw.starts_with('"') {
        return Ok(PartContent::Image { source: source_of(read(raw, "messages", FORM)?), detail: None });
    }
    let ImageUrl { url, detail } = read(raw, "messages", FORM)?;
    Ok(PartContent::Image { source: source_of(url), detail })
}

fn stop(raw: &str) -> Result<Vec<Text<'_>>, RequestError> {
    const FORM: &str = "a text or a list of texts";
    if raw.starts_with('[') { read(raw, "stop", FORM) } else { Ok(vec![read(raw, "stop", FORM)?]) }
}

fn tools<'a>(raw: &'a str, dropped: &mut Vec<String>) -> Result<Vec<Tool<'a>>, RequestError> {
    const FORM: &str = "a list of tools";
    let all: Vec<&RawValue> = read(raw, "tools", FORM)?;
    let mut tools = Vec::with_capacity(all.len());
    for raw in all {
        name_others(raw.get(), &["type", "function", "cache_control"], "tools", dropped);
        if let Some(function) = json::member(raw.get().as_bytes(), "function").and_then(|raw| str::from_utf8(raw).ok())
        {
            name_others(function, &["name", "description", "parameters", "strict"], "tools.function", dropped);
        }
        tools.push(tool(read(raw.get(), "tools", FORM)?)?);
    }
    Ok(tools)
}

fn tool(def: ToolDef<'_>) -> Result<Tool<'_>, RequestError> {
    let is_function = def.r#type.as_deref().is_none_or(|kind| kind == "function");
    let function = def.function.filter(|_| is_function);
    let FunctionDef { name, description, parameters, strict } =
        function.ok_or(refused("tools", "this model takes tools of the type function, which the client runs"))?;
    let cache = def.cache_control.as_ref().map(Mark::cache);
    Ok(Tool { name, description, schema: parameters.map(raw_text), strict, cache })
}

fn tool_choice(raw: &str) -> Result<ToolChoice<'_>, RequestError> {
    const FORM: &str = "auto, none, required or a function's name";
    if let Some(choice) = choice_in_a_word(raw) {
        return Ok(choice);
    }
    let choice: Choice<'_> = read(raw, "tool_choice", FORM)?;
    let named = choice.function.ok_or(expected("tool_choice", FORM))?;
    Ok(ToolChoice::Named(named.name))
}

fn format(raw: &str) -> Result<Option<Format<'_>>, RequestError> {
    const FORM: &str = "text, json_object or json_schema with a schema";
    let asked: ResponseFormat<'_> = read(raw, "response_format", FORM)?;
    let schema = asked.json_schema.map(|asked| (asked.name, asked.schema, asked.strict));
    format_of(&asked.r#type, schema.unwrap_or_default(), expected("response_format", FORM))
}

fn reasoning(raw: &str) -> Result<Option<Reasoning>, RequestError> {
    let asked: ReasoningAsk<'_> = read(raw, "reasoning", "an object with effort, max_tokens or enabled")?;
    Ok(match asked {
        ReasoningAsk { enabled: Some(false), .. } => Some(Reasoning::Off),
        ReasoningAsk { max_tokens: Some(budget), .. } => Some(Reasoning::Budget(budget)),
        ReasoningAsk { effort: Some(asked), .. } => Some(effort(asked.get(), "reasoning.effort")?),
        ReasoningAsk { enabled: Some(true), .. } => Some(Reasoning::Adaptive),
        _ => None,
    })
}
