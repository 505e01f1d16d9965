//! Reads a request of `openai-responses`.

use crate::conversation::{
    Call, Conversation, Part, PartContent, Role, Seal, Text, Tool, ToolChoice, raw_text, source_of,
};
use crate::field_readers::{
    InputAudio, arguments, choice_in_a_word, content, effort, expected, format_of, name_others, push, read,
    read_fields, refused,
};
use crate::json_writer::value;
use crate::seal;
use crate::tool_names::{ToolNames, qualified};
use opencredits_dialects::RequestError;
use opencredits_wire::json;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

#[derive(Deserialize)]
struct Item<'a> {
    #[serde(borrow)]
    r#type: Option<Text<'a>>,
    #[serde(borrow)]
    role: Option<Text<'a>>,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    #[serde(borrow)]
    call_id: Option<Text<'a>>,
    #[serde(borrow)]
    name: Option<Text<'a>>,
    /// The namespace of the tool that is called.
    #[serde(borrow)]
    namespace: Option<Text<'a>>,
    #[serde(borrow)]
    arguments: Option<Text<'a>>,
    #[serde(borrow)]
    input: Option<Text<'a>>,
    #[serde(borrow)]
    output: Option<&'a RawValue>,
    #[serde(borrow)]
    summary: Option<Vec<Piece<'a>>>,
    #[serde(borrow)]
    encrypted_content: Option<Text<'a>>,
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
    image_url: Option<Text<'a>>,
    #[serde(borrow)]
    detail: Option<Text<'a>>,
    #[serde(borrow)]
    file_data: Option<Text<'a>>,
    #[serde(borrow)]
    file_url: Option<Text<'a>>,
    #[serde(borrow)]
    filename: Option<Text<'a>>,
    #[serde(borrow)]
    input_audio: Option<InputAudio<'a>>,
}

#[derive(Deserialize)]
struct ToolDef<'a> {
    #[serde(borrow)]
    r#type: Text<'a>,
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(borrow)]
    description: Option<Text<'a>>,
    #[serde(borrow)]
    parameters: Option<&'a RawValue>,
    strict: Option<bool>,
    /// The members of a namespace.
    #[serde(borrow)]
    tools: Option<Vec<ToolDef<'a>>>,
    /// The texts that a custom tool accepts.
    #[serde(borrow)]
    format: Option<CustomFormat<'a>>,
}

#[derive(Deserialize)]
struct CustomFormat<'a> {
    #[serde(borrow)]
    r#type: Text<'a>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow)]
    r#type: Text<'a>,
    #[serde(borrow)]
    name: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct TextConfig<'a> {
    #[serde(borrow)]
    format: Option<TextFormat<'a>>,
    #[serde(borrow)]
    verbosity: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct TextFormat<'a> {
    #[serde(borrow)]
    r#type: Text<'a>,
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
}

/// The member that holds free text, where a tool takes an object.
const FREE_TEXT: &str =
    r#"{"type":"object","properties":{"input":{"type":"string"}},"required":["input"],"additionalProperties":false}"#;

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
        "input" => input(to, raw, dropped)?,
        "instructions" => to.system.insert(0, PartContent::Text(read(raw, "instructions", "a text")?).into()),
        "stream" => to.stream = raw == "true",
        // Nothing is stored and usage is always shown, whatever these fields say.
        "store" | "stream_options" => {}
        "max_output_tokens" => to.output_cap = json::count(raw.as_bytes()),
        "temperature" => to.sampling.temperature = Some(raw),
        "top_p" => to.sampling.top_p = Some(raw),
        "tools" => tools(to, raw, dropped)?,
        "tool_choice" => to.tool_choice = Some(tool_choice(raw)?),
        "parallel_tool_calls" => to.parallel_tools = Some(raw == "true"),
        "text" => text(to, raw, dropped)?,
        "reasoning" => {
            let asked: ReasoningAsk<'a> = read(raw, "reasoning", "an object with effort")?;
            let set = asked.effort.filter(|raw| json::is_set(raw.get().as_bytes()));
            to.reasoning = set.map(|raw| effort(raw.get(), "reasoning.effort")).transpose()?.or(to.reasoning);
        }
        "prompt_cache_key" => to.cache_key = Some(read(raw, "prompt_cache_key", "a string")?),
        // Sealed reasoning is always included.
        "include" => {
            let asked: Vec<Text<'a>> = read(raw, "include", "a list of names")?;
            return Ok(asked.iter().all(|name| &**name == "reasoning.encrypted_content"));
        }
        "truncation" => return Ok(raw == "\"disabled\""),
        "service_tier" => return Ok(matches!(raw, "\"auto\"" | "\"default\"")),
        _ => return Ok(false),
    }
    Ok(true)
}

fn input<'a>(to: &mut Conversation<'a>, raw: &'a str, dropped: &mut Vec<String>) -> Result<(), RequestError> {
    const FORM: &str = "a text or a list of items";
    if !raw.starts_with('[') {
        push(to, Role::User, vec![PartContent::Text(read(raw, "input", FORM)?).into()]);
        return Ok(());
    }
    let items: Vec<Item<'a>> = read(raw, "input", FORM)?;
    items.into_iter().try_for_each(|item| take(to, item, dropped))
}

fn take<'a>(to: &mut Conversation<'a>, item: Item<'a>, dropped: &mut Vec<String>) -> Result<(), RequestError> {
    let lacking = || expected("input", "complete: an item has what its type says");
    match item.r#type.as_deref().unwrap_or("message") {
        "message" => {
            let parts = item.content.map_or(Ok(Vec::new()), parts)?;
            match item.role.as_deref() {
                Some("system" | "developer") if to.turns.is_empty() => to.system.extend(parts),
                Some("system" | "developer") => push(to, Role::System, parts),
                Some("user") => push(to, Role::User, parts),
                Some("assistant") => push(to, Role::Assistant, parts),
                _ => return Err(expected("input", "made of the roles system, developer, user and assistant")),
            }
        }
        "function_call" => {
            let (id, name) = (item.call_id.ok_or_else(lacking)?, item.name.ok_or_else(lacking)?);
            let name = in_one_name(item.namespace.as_deref(), name);
            let arguments = arguments(item.arguments.unwrap_or_default(), "input", dropped);
            push(to, Role::Assistant, vec![PartContent::Call(Call { id, name, arguments }).into()]);
        }
        // A tool with free-text input, which other dialects give in an object.
        "custom_tool_call" => {
            let (id, name) = (item.call_id.ok_or_else(lacking)?, item.name.ok_or_else(lacking)?);
            let name = in_one_name(item.namespace.as_deref(), name);
            let input = item.input.unwrap_or_default();
            let arguments = Cow::Owned(value(|out| out.object(|out| out.member("input", &input))));
            push(to, Role::Assistant, vec![PartContent::Call(Call { id, name, arguments }).into()]);
        }
        "function_call_output" | "custom_tool_call_output" => {
            let id = item.call_id.ok_or_else(lacking)?;
            let parts = item.output.map_or(Ok(Vec::new()), parts)?;
            push(to, Role::User, vec![PartContent::Result { id, parts, is_error: false }.into()]);
        }
        "reasoning" => {
            let shown: String = item.summary.iter().flatten().filter_map(|piece| piece.text.as_deref()).collect();
            let shown = (!shown.is_empty()).then_some(Text(Cow::Owned(shown)));
            let thought = seal::thought(shown, item.encrypted_content, Seal::Redacted);
            push(to, Role::Assistant, vec![PartContent::Reasoning(thought).into()]);
        }
        "item_reference" => return Err(refused("item_reference", "send the item itself; no answers are kept here")),
        // Only the provider that ran a built-in tool can read its items.
        kind if kind.ends_with("_call") || kind.ends_with("_output") => dropped.push(format!("input.{kind}")),
        _ => return Err(refused("input", "send messages, function calls and their outputs")),
    }
    Ok(())
}

fn parts(raw: &RawValue) -> Result<Vec<Part<'_>>, RequestError> {
    content(raw, "input", |piece| part(piece).map(Part::from))
}

fn part(piece: Piece<'_>) -> Result<PartContent<'_>, RequestError> {
    Ok(match &*piece.r#type {
        "input_text" | "output_text" | "text" | "summary_text" => PartContent::Text(piece.text.unwrap_or_default()),
        "refusal" => PartContent::Refusal(piece.refusal.unwrap_or_default()),
        "input_image" => {
            let url = piece.image_url.ok_or(refused("file_id", "send the image itself in image_url"))?;
            PartContent::Image { source: source_of(url), detail: piece.detail }
        }
        "input_file" => {
            let data = piece.file_data.or(piece.file_url);
            let data = data.ok_or(refused("file_id", "send the file itself in file_data"))?;
            PartContent::Document { source: source_of(data), name: piece.filename }
        }
        "input_audio" => {
            piece.input_audio.ok_or(expected("input", "complete: input_audio has data and format"))?.content()
        }
        _ => {
            return Err(expected(
                "input",
                "made of parts of the types input_text, input_image, input_file and output_text",
            ));
        }
    })
}

/// Tools that the client does not run as functions are dropped and named: the answer is useful without them.
fn tools<'a>(to: &mut Conversation<'a>, raw: &'a str, dropped: &mut Vec<String>) -> Result<(), RequestError> {
    let defs: Vec<ToolDef<'a>> = read(raw, "tools", "a list of tools")?;
    json::items(raw.as_bytes(), |def| name_dropped(def, dropped));
    for def in flattened(defs, &mut to.tool_names)? {
        let is_custom = &*def.r#type == "custom";
        if !is_custom && &*def.r#type != "function" {
            dropped.push(format!("tools.{}", &*def.r#type));
            continue;
        }
        let ToolDef { name, description, parameters, strict, format, .. } = def;
        let name = name.ok_or(expected("tools", "complete: a function has a name"))?;
        let mut schema = parameters.filter(|raw| json::is_set(raw.get().as_bytes())).map(raw_text);
        if is_custom {
            to.tool_names.custom.insert(name.to_string());
            schema = Some(Cow::Borrowed(FREE_TEXT));
            // Other dialects do not enforce a grammar of the text.
            if format.is_some_and(|format| &*format.r#type != "text") {
                dropped.push("tools.format".to_owned());
            }
        }
        to.tools.push(Tool { name, description, schema, strict, cache: None });
    }
    Ok(())
}

/// Names the members of a tool that are not carried, in a namespace too. Other tools are dropped as a whole.
fn name_dropped(def: &[u8], dropped: &mut Vec<String>) {
    let kind = json::member(def, "type").and_then(json::text).unwrap_or_default();
    let known: &[&str] = match &*kind {
        "function" => &["type", "name", "description", "parameters", "strict"],
        "custom" => &["type", "name", "description", "format"],
        "namespace" => &["type", "name", "description", "tools"],
        _ => return,
    };
    name_others(str::from_utf8(def).unwrap_or_default(), known, "tools", dropped);
    json::items(json::member(def, "tools").unwrap_or_default(), |def| name_dropped(def, dropped));
}

/// The name of a call, whose tool may stand in a namespace.
fn in_one_name<'a>(namespace: Option<&str>, name: Text<'a>) -> Text<'a> {
    match namespace {
        Some(namespace) => Text(Cow::Owned(qualified(namespace, &name))),
        None => name,
    }
}

/// The tools of namespaces, each under one name that stands for both.
fn flattened<'a>(defs: Vec<ToolDef<'a>>, names: &mut ToolNames) -> Result<Vec<ToolDef<'a>>, RequestError> {
    let mut flat = Vec::with_capacity(defs.len());
    for mut def in defs {
        let (Some(namespace), Some(members)) = (def.name.as_deref(), def.tools.take()) else {
            flat.push(def);
            continue;
        };
        for mut member in members {
            let name = member.name.ok_or(expected("tools", "complete: a function has a name"))?;
            let both = qualified(namespace, &name);
            names.namespaces.insert(both.clone(), (namespace.to_owned(), name.to_string()));
            member.name = Some(Text(Cow::Owned(both)));
            flat.push(member);
        }
    }
    Ok(flat)
}

fn tool_choice(raw: &str) -> Result<ToolChoice<'_>, RequestError> {
    const FORM: &str = "auto, none, required or a function";
    if let Some(choice) = choice_in_a_word(raw) {
        return Ok(choice);
    }
    let choice: Choice<'_> = read(raw, "tool_choice", FORM)?;
    match (&*choice.r#type, choice.name) {
        ("function" | "custom", Some(name)) => Ok(ToolChoice::Named(name)),
        _ => Err(refused("tool_choice", "this model takes auto, none, required or the name of a function")),
    }
}

fn text<'a>(to: &mut Conversation<'a>, raw: &'a str, dropped: &mut Vec<String>) -> Result<(), RequestError> {
    const FORM: &str = "an object whose format is text, json_object or json_schema with a schema";
    let config: TextConfig<'a> = read(raw, "text", FORM)?;
    if config.verbosity.is_some_and(|raw| json::is_set(raw.get().as_bytes())) {
        dropped.push("text.verbosity".to_owned());
    }
    let Some(TextFormat { r#type, name, schema, strict }) = config.format else {
        return Ok(());
    };
    to.format = format_of(&r#type, (name, schema, strict), expected("text", FORM))?;
    Ok(())
}
