//! Reads a request of `gemini-generate`. Names are accepted in both of their forms, `camelCase` and `snake_case`.

use crate::conversation::{
    Call, Conversation, Effort, Format, Part, PartContent, Reasoning, Role, Seal, Source, Text, Tool, ToolChoice,
    raw_text,
};
use crate::field_readers::{expected, name_others, object, push, read, read_fields, refused};
use crate::{schema, seal};
use opencredits_dialects::RequestError;
use opencredits_wire::json;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};

#[derive(Deserialize)]
struct Content<'a> {
    #[serde(borrow)]
    role: Option<Text<'a>>,
    #[serde(borrow, default)]
    parts: Vec<Piece<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Piece<'a> {
    #[serde(borrow)]
    text: Option<Text<'a>>,
    thought: Option<bool>,
    #[serde(borrow, alias = "thought_signature")]
    thought_signature: Option<Text<'a>>,
    #[serde(borrow, alias = "inline_data")]
    inline_data: Option<Blob<'a>>,
    #[serde(borrow, alias = "file_data")]
    file_data: Option<FileData<'a>>,
    #[serde(borrow, alias = "function_call")]
    function_call: Option<FunctionCall<'a>>,
    #[serde(borrow, alias = "function_response")]
    function_response: Option<FunctionResponse<'a>>,
    #[serde(borrow, alias = "executable_code")]
    executable_code: Option<&'a RawValue>,
    #[serde(borrow, alias = "code_execution_result")]
    code_execution_result: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Blob<'a> {
    #[serde(borrow, alias = "mime_type")]
    mime_type: Text<'a>,
    #[serde(borrow)]
    data: Text<'a>,
    #[serde(borrow, alias = "display_name")]
    display_name: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FileData<'a> {
    #[serde(borrow, alias = "mime_type")]
    mime_type: Option<Text<'a>>,
    #[serde(borrow, alias = "file_uri")]
    file_uri: Text<'a>,
}

#[derive(Deserialize)]
struct FunctionCall<'a> {
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    args: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct FunctionResponse<'a> {
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    response: Option<&'a RawValue>,
    #[serde(borrow, default)]
    parts: Vec<Piece<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Function<'a> {
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    description: Option<Text<'a>>,
    #[serde(borrow)]
    parameters: Option<&'a RawValue>,
    #[serde(borrow, alias = "parameters_json_schema")]
    parameters_json_schema: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ThinkingConfig<'a> {
    #[serde(alias = "thinking_budget")]
    thinking_budget: Option<i64>,
    #[serde(borrow, alias = "thinking_level")]
    thinking_level: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ToolConfig<'a> {
    #[serde(borrow, alias = "function_calling_config")]
    function_calling_config: Option<CallingConfig<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CallingConfig<'a> {
    #[serde(borrow)]
    mode: Option<Text<'a>>,
    #[serde(borrow, default, alias = "allowed_function_names")]
    allowed_function_names: Vec<Text<'a>>,
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
        "stream" => to.stream = raw == "true",
        "contents" => contents(to, raw, dropped)?,
        "systemInstruction" | "system_instruction" => {
            let mut reading = Reading { ids: Ids::default(), dropped };
            for piece in read::<Content<'a>>(raw, "systemInstruction", "a content with parts")?.parts {
                to.system.extend(part(piece, &mut reading)?);
            }
        }
        "tools" => tools(to, raw, dropped)?,
        "toolConfig" | "tool_config" => {
            let config: ToolConfig<'a> = read(raw, "toolConfig", "an object with functionCallingConfig")?;
            name_others(raw, &["functionCallingConfig", "function_calling_config"], "toolConfig", dropped);
            to.tool_choice = config.function_calling_config.map(choice).transpose()?;
        }
        "generationConfig" | "generation_config" => {
            for (name, value) in members(raw, "generationConfig")? {
                if !setting(to, name, value)? {
                    dropped.push(format!("generationConfig.{name}"));
                }
            }
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// The members of an object that are not null.
fn members<'a>(raw: &'a str, field: &'static str) -> Result<Vec<(&'a str, &'a str)>, RequestError> {
    let _checked: &RawValue = read(raw, field, "an object")?;
    let mut all = Vec::new();
    json::members(raw.as_bytes(), |name, value| {
        let text = |bytes| std::str::from_utf8(bytes).unwrap_or_default();
        all.push((text(name), text(value)));
    });
    all.retain(|(_, value)| json::is_set(value.as_bytes()));
    Ok(all)
}

/// One member of `generationConfig`; false where no other dialect has an equivalent.
fn setting<'a>(to: &mut Conversation<'a>, name: &str, raw: &'a str) -> Result<bool, RequestError> {
    match name {
        "maxOutputTokens" | "max_output_tokens" => to.output_cap = json::count(raw.as_bytes()),
        "temperature" => to.sampling.temperature = Some(raw),
        "topP" | "top_p" => to.sampling.top_p = Some(raw),
        "topK" | "top_k" => to.sampling.top_k = Some(raw),
        "seed" => to.sampling.seed = Some(raw),
        "presencePenalty" | "presence_penalty" => to.sampling.presence_penalty = Some(raw),
        "frequencyPenalty" | "frequency_penalty" => to.sampling.frequency_penalty = Some(raw),
        "stopSequences" | "stop_sequences" => to.stop = read(raw, "stopSequences", "a list of texts")?,
        "candidateCount" | "candidate_count" if raw == "1" => {}
        "candidateCount" | "candidate_count" => {
            return Err(refused("candidateCount", "this model gives one; send the request as often as you want some"));
        }
        "responseMimeType" | "response_mime_type" => match raw {
            "\"text/plain\"" => {}
            "\"application/json\"" => to.format = to.format.take().or(Some(Format::Json)),
            _ => return Err(refused("responseMimeType", "this model answers in text/plain or application/json")),
        },
        "responseSchema" | "response_schema" | "responseJsonSchema" | "response_json_schema" => {
            let schema: &RawValue = read(raw, "responseSchema", "a schema")?;
            let name = Text(Cow::Borrowed("answer"));
            to.format = Some(Format::Schema { name, schema: schema::from_open_api(schema.get()), strict: None });
        }
        "responseModalities" | "response_modalities" if !raw.contains("AUDIO") && !raw.contains("IMAGE") => {}
        "responseModalities" | "response_modalities" => {
            return Err(refused("responseModalities", "this model answers in text; leave it out"));
        }
        "responseLogprobs" | "response_logprobs" if raw == "false" => {}
        "responseLogprobs" | "response_logprobs" => {
            return Err(refused("responseLogprobs", "this model gives none; leave it out"));
        }
        "thinkingConfig" | "thinking_config" => to.reasoning = thinking(raw)?,
        _ => return Ok(false),
    }
    Ok(true)
}

fn thinking(raw: &str) -> Result<Option<Reasoning>, RequestError> {
    let config: ThinkingConfig<'_> = read(raw, "thinkingConfig", "an object with thinkingBudget or thinkingLevel")?;
    let level = config.thinking_level.map(|level| level.to_ascii_lowercase());
    Ok(match (config.thinking_budget, level.as_deref()) {
        (Some(0), _) => Some(Reasoning::Off),
        (Some(budget), _) => Some(u64::try_from(budget).map_or(Reasoning::Adaptive, Reasoning::Budget)),
        (None, Some("minimal")) => Some(Reasoning::Effort(Effort::Minimal)),
        (None, Some("low")) => Some(Reasoning::Effort(Effort::Low)),
        (None, Some("medium")) => Some(Reasoning::Effort(Effort::Medium)),
        (None, Some("high")) => Some(Reasoning::Effort(Effort::High)),
        (None, _) => None,
    })
}

/// Assigns results to calls where the client gives no ids: by the function's name, in their order.
#[derive(Default)]
struct Ids<'a> {
    made: u64,
    /// The ids of the calls, in their order; `None` once a result has answered one.
    calls: Vec<Option<Text<'a>>>,
    /// The unanswered calls of an id, and of a name, by their index in `calls`, oldest first.
    by_id: HashMap<String, VecDeque<usize>>,
    by_name: HashMap<String, VecDeque<usize>>,
}

impl<'a> Ids<'a> {
    fn call(&mut self, id: Option<Text<'a>>, name: &Text<'a>) -> Text<'a> {
        let made = self.made;
        let id = id.filter(|id| !id.is_empty()).unwrap_or_else(|| {
            self.made = made.saturating_add(1);
            Text(Cow::Owned(format!("call_{made}")))
        });
        let index = self.calls.len();
        self.by_id.entry(id.to_string()).or_default().push_back(index);
        self.by_name.entry(name.to_string()).or_default().push_back(index);
        self.calls.push(Some(id.clone()));
        id
    }

    /// The oldest unanswered call of a queue. Each call is passed over once at most, so that this stays linear.
    fn take(calls: &mut [Option<Text<'a>>], queue: Option<&mut VecDeque<usize>>) -> Option<Text<'a>> {
        let queue = queue?;
        while let Some(index) = queue.pop_front() {
            if let Some(id) = calls.get_mut(index).and_then(Option::take) {
                return Some(id);
            }
        }
        None
    }

    /// The call that a result answers. Clients invent ids for results of calls that had none, so an id that no open
    /// call has is ignored where the name matches.
    fn result(&mut self, id: Option<Text<'a>>, name: &str) -> Result<Text<'a>, RequestError> {
        let id = id.filter(|id| !id.is_empty());
        let own = id.as_deref().and_then(|id| Self::take(&mut self.calls, self.by_id.get_mut(id)));
        let found = own.or_else(|| Self::take(&mut self.calls, self.by_name.get_mut(name)));
        match (found, id) {
            (Some(call), _) => Ok(call),
            (None, Some(id)) => Ok(id),
            (None, None) => Err(expected("contents", "complete: a functionResponse follows its functionCall")),
        }
    }
}

/// The state from the contents read so far.
struct Reading<'a, 'b> {
    ids: Ids<'a>,
    dropped: &'b mut Vec<String>,
}

fn contents<'a>(to: &mut Conversation<'a>, raw: &'a str, dropped: &mut Vec<String>) -> Result<(), RequestError> {
    let all: Vec<Content<'a>> = read(raw, "contents", "a list of contents, each with role and parts")?;
    let mut reading = Reading { ids: Ids::default(), dropped };
    for content in all {
        let role = match content.role.as_deref() {
            None | Some("user" | "function") => Role::User,
            Some("model") => Role::Assistant,
            _ => return Err(expected("contents", "made of the roles user and model")),
        };
        let mut parts: Vec<Part<'a>> = Vec::new();
        for piece in content.parts {
            for part in part(piece, &mut reading)? {
                match join(&mut parts, part) {
                    Some(part) => parts.push(part),
                    None => continue,
                }
            }
        }
        push(to, role, parts);
    }
    Ok(())
}

/// Joins the pieces of a reasoning block; returns parts that are none.
fn join<'a>(parts: &mut [Part<'a>], part: Part<'a>) -> Option<Part<'a>> {
    let open = parts.last_mut().and_then(|last| match &mut last.content {
        PartContent::Reasoning(thought) if thought.seal.is_none() => Some(thought),
        _ => None,
    });
    match (open, part.content) {
        (Some(open), PartContent::Reasoning(more)) if !matches!(more.seal, Some(Seal::Redacted(_))) => {
            open.continue_with(more);
            None
        }
        (_, content) => Some(content.into()),
    }
}

/// The parts of one part. A seal on anything but reasoning comes before it.
fn part<'a>(piece: Piece<'a>, reading: &mut Reading<'a, '_>) -> Result<Vec<Part<'a>>, RequestError> {
    if piece.thought == Some(true) {
        let thought = seal::thought(piece.text, piece.thought_signature, Seal::Signature);
        return Ok(vec![PartContent::Reasoning(thought).into()]);
    }
    let mut parts = Vec::with_capacity(2);
    let thought = seal::thought(None, piece.thought_signature, Seal::Redacted);
    if thought.seal.is_some() {
        parts.push(PartContent::Reasoning(thought).into());
    }
    if let Some(blob) = piece.inline_data {
        parts.push(media(blob).into());
    } else if let Some(file) = piece.file_data {
        parts.push(file_part(file)?.into());
    } else if let Some(call) = piece.function_call {
        let id = reading.ids.call(call.id, &call.name);
        let arguments = object(call.args, "contents.functionCall", reading.dropped);
        parts.push(PartContent::Call(Call { id, name: call.name, arguments }).into());
    } else if let Some(response) = piece.function_response {
        parts.push(result(response, reading)?.into());
    } else if let Some(text) = piece.text {
        parts.push(PartContent::Text(text).into());
    } else if piece.executable_code.is_some() || piece.code_execution_result.is_some() {
        // Only the provider that ran a built-in tool can read its parts.
        reading.dropped.push("contents.executableCode".to_owned());
    } else if parts.is_empty() {
        return Err(refused(
            "contents",
            "this model takes parts of text, inlineData, functionCall and functionResponse",
        ));
    }
    Ok(parts)
}

fn media(blob: Blob<'_>) -> PartContent<'_> {
    let Blob { mime_type, data, display_name } = blob;
    if mime_type.starts_with("image/") {
        return PartContent::Image { source: Source::Base64 { mime: mime_type.0, data: data.0 }, detail: None };
    }
    if let Some(format) = mime_type.strip_prefix("audio/") {
        // In other dialects audio is named by its file format.
        let format = match format {
            "mpeg" | "x-mp3" => "mp3",
            "wave" | "x-wav" | "vnd.wave" => "wav",
            format => format,
        };
        return PartContent::Audio { data, format: Text(Cow::Owned(format.to_owned())) };
    }
    PartContent::Document { source: Source::Base64 { mime: mime_type.0, data: data.0 }, name: display_name }
}

fn file_part(file: FileData<'_>) -> Result<PartContent<'_>, RequestError> {
    if !file.file_uri.starts_with("http") || file.file_uri.contains("/v1beta/files/") {
        return Err(refused("fileData", "send the file itself in inlineData"));
    }
    let source = Source::Url(file.file_uri);
    let is_image = file.mime_type.as_deref().is_none_or(|mime| mime.starts_with("image/"));
    Ok(if is_image {
        PartContent::Image { source, detail: None }
    } else {
        PartContent::Document { source, name: None }
    })
}

/// The answer of a function is an object. By convention `output` and `error` hold its content; any other object is the
/// content itself.
fn result<'a>(from: FunctionResponse<'a>, reading: &mut Reading<'a, '_>) -> Result<PartContent<'a>, RequestError> {
    let id = reading.ids.result(from.id, &from.name)?;
    let raw = from.response.map_or("{}", RawValue::get);
    let all = members(raw, "contents")?;
    let (text, is_error) = match all.as_slice() {
        [("output" | "result", value)] => (json::owned(value.as_bytes()), false),
        [("error", value)] => (json::owned(value.as_bytes()), true),
        _ => (None, false),
    };
    let text = text.map_or(Cow::Borrowed(raw), Cow::Owned);
    let mut parts = vec![PartContent::Text(Text(text)).into()];
    for piece in from.parts {
        parts.extend(part(piece, reading)?);
    }
    Ok(PartContent::Result { id, parts, is_error })
}

/// The members of a function that are carried.
const OF_FUNCTION: [&str; 5] = ["name", "description", "parameters", "parametersJsonSchema", "parameters_json_schema"];

fn tools<'a>(to: &mut Conversation<'a>, raw: &'a str, dropped: &mut Vec<String>) -> Result<(), RequestError> {
    let all: Vec<&'a RawValue> = read(raw, "tools", "a list of tools")?;
    for tool in all {
        for (name, value) in members(tool.get(), "tools")? {
            if !matches!(name, "functionDeclarations" | "function_declarations") {
                return Err(refused("tools", "this model takes functionDeclarations, which the client runs"));
            }
            let functions: Vec<Function<'a>> = read(value, "tools", "made of functions with a name")?;
            json::items(value.as_bytes(), |function| {
                let function = str::from_utf8(function).unwrap_or_default();
                name_others(function, &OF_FUNCTION, "tools.functionDeclarations", dropped);
            });
            to.tools.extend(functions.into_iter().map(|function| {
                let Function { name, description, parameters, parameters_json_schema } = function;
                let schema =
                    parameters_json_schema.map(raw_text).or(parameters.map(|raw| schema::from_open_api(raw.get())));
                Tool { name, description, schema, strict: None, cache: None }
            }));
        }
    }
    Ok(())
}

fn choice(config: CallingConfig<'_>) -> Result<ToolChoice<'_>, RequestError> {
    let mut names = config.allowed_function_names;
    match (config.mode.as_deref(), names.len()) {
        (None | Some("AUTO" | "VALIDATED" | "MODE_UNSPECIFIED"), _) => Ok(ToolChoice::Auto),
        (Some("NONE"), _) => Ok(ToolChoice::None),
        (Some("ANY"), 1) => Ok(ToolChoice::Named(names.swap_remove(0))),
        (Some("ANY"), 0) => Ok(ToolChoice::Any),
        (Some("ANY"), _) => {
            Err(refused("allowedFunctionNames", "name one function, or send only the tools that may be called"))
        }
        _ => Err(expected("toolConfig", "of the mode AUTO, ANY or NONE")),
    }
}
