//! Writes a request of `openai-chat`.

use crate::conversation::{
    Conversation, Effort, Format, Part, PartContent, Reasoning, Role, Sampling, Seal, Source, Tool, ToolChoice, Turn,
};
use crate::json_writer::{JsonWriter, value};
use crate::schema;
use crate::target::Target;
use opencredits_dialects::RequestError;
use opencredits_wire::json;
use serde_json::value::RawValue;
use std::borrow::Cow;

type Fields = Vec<(&'static str, String)>;

/// Writes the fields of a request.
pub(crate) fn write_request(
    from: &Conversation<'_>,
    to: &Target<'_>,
    dropped: &mut Vec<String>,
) -> Result<Fields, RequestError> {
    let mut fields: Fields = vec![("model", value(|out| out.text(&from.model))), ("store", "false".to_owned())];
    let mut messages = JsonWriter::default();
    let mut wrong = None;
    messages.array(|out| {
        if !from.system.is_empty() {
            message(out, "system", &from.system, &mut wrong);
        }
        for side in from.turns.chunk_by(|a, b| is_model(a) == is_model(b)) {
            write_side(out, side, to, &mut wrong);
        }
    });
    if let Some(error) = wrong {
        return Err(error);
    }
    fields.push(("messages", messages.string()));
    sampling(&from.sampling, &mut fields, dropped);
    tools(from, &mut fields);
    if !from.stop.is_empty() {
        fields.push(("stop", value(|out| out.array(|out| from.stop.iter().for_each(|stop| out.text(stop))))));
    }
    if let Some(format) = &from.format {
        fields.push(("response_format", write_format(format)));
    }
    if let Some(effort) = effort_of(from, to, dropped) {
        fields.push(("reasoning_effort", value(|out| out.text(effort))));
    }
    if let Some(key) = &from.cache_key {
        fields.push(("prompt_cache_key", value(|out| out.text(key))));
    }
    if from.stream {
        fields.push(("stream", "true".to_owned()));
    }
    Ok(fields)
}

fn sampling(from: &Sampling<'_>, fields: &mut Fields, dropped: &mut Vec<String>) {
    let all = [
        ("temperature", from.temperature),
        ("top_p", from.top_p),
        ("seed", from.seed),
        ("frequency_penalty", from.frequency_penalty),
        ("presence_penalty", from.presence_penalty),
    ];
    fields.extend(all.into_iter().filter_map(|(name, raw)| Some((name, raw?.to_owned()))));
    if from.top_k.is_some() {
        // Compatible hosts know this field, the API does not.
        dropped.push("top_k".to_owned());
    }
}

/// The reasoning effort; `None` leaves it to the model's default, since not every model accepts an effort of none.
/// One that the provider does not know becomes the nearest, and is named.
pub(crate) fn effort_of(from: &Conversation<'_>, to: &Target<'_>, dropped: &mut Vec<String>) -> Option<&'static str> {
    match from.reasoning? {
        Reasoning::Off | Reasoning::Adaptive => None,
        Reasoning::Effort(effort) => {
            let nearest = effort.nearest(to.efforts);
            if nearest != effort {
                dropped.push("effort".to_owned());
            }
            Some(nearest.name())
        }
        Reasoning::Budget(budget) => Some(Effort::of_budget(budget, from.output_cap.unwrap_or(to.output_max)).name()),
    }
}

/// The texts of a tool result, joined.
pub(crate) fn text_of(parts: &[Part<'_>], is_error: bool) -> String {
    let mut text = String::new();
    if is_error {
        text.push_str("RequestError: ");
    }
    for part in parts {
        if let PartContent::Text(more) = &part.content {
            text.push_str(more);
        }
    }
    text
}

fn tools(from: &Conversation<'_>, fields: &mut Fields) {
    if from.tools.is_empty() {
        return;
    }
    fields.push(("tools", value(|out| out.array(|out| from.tools.iter().for_each(|tool| write_tool(out, tool))))));
    if let Some(choice) = &from.tool_choice {
        let choice = value(|out| match choice {
            ToolChoice::Auto => out.text("auto"),
            ToolChoice::None => out.text("none"),
            ToolChoice::Any => out.text("required"),
            ToolChoice::Named(name) => out.object(|out| {
                out.member("type", "function");
                out.key("function").object(|out| out.member("name", name));
            }),
        });
        fields.push(("tool_choice", choice));
    }
    if let Some(parallel) = from.parallel_tools {
        fields.push(("parallel_tool_calls", parallel.to_string()));
    }
}

fn write_tool(out: &mut JsonWriter, tool: &Tool<'_>) {
    out.object(|out| {
        out.member("type", "function");
        out.key("function").object(|out| {
            out.member("name", &tool.name);
            if let Some(description) = &tool.description {
                out.member("description", description);
            }
            if let Some(schema) = &tool.schema {
                out.member_raw("parameters", &schema::of_tool(Some(schema)));
            }
            if let Some(strict) = tool.strict {
                out.member_raw("strict", if strict { "true" } else { "false" });
            }
        });
    });
}

fn write_format(format: &Format<'_>) -> String {
    value(|out| {
        out.object(|out| match format {
            Format::Json => out.member("type", "json_object"),
            Format::Schema { name, schema, strict } => {
                out.member("type", "json_schema");
                out.key("json_schema").object(|out| {
                    out.member("name", name);
                    out.member_raw("schema", schema);
                    if let Some(strict) = strict {
                        out.member_raw("strict", if *strict { "true" } else { "false" });
                    }
                });
            }
        });
    })
}

fn is_model(turn: &Turn<'_>) -> bool {
    turn.role == Role::Assistant
}

/// The messages of one turn. Tool results are messages of their own, directly after their calls and before the text of
/// the user and the system.
fn write_side(out: &mut JsonWriter, side: &[Turn<'_>], to: &Target<'_>, wrong: &mut Option<RequestError>) {
    side.iter().filter(|turn| !is_model(turn)).for_each(|turn| results(out, &turn.parts));
    for turn in side {
        match turn.role {
            Role::System => message(out, "system", &turn.parts, wrong),
            Role::User => user(out, &turn.parts, wrong),
            Role::Assistant => assistant(out, &turn.parts, to),
        }
    }
}

fn results(out: &mut JsonWriter, parts: &[Part<'_>]) {
    for part in parts {
        let PartContent::Result { id, parts, is_error } = &part.content else {
            continue;
        };
        out.object(|out| {
            out.member("role", "tool");
            out.member("tool_call_id", id);
            out.member("content", &text_of(parts, *is_error));
        });
    }
}

/// A user turn. A tool result takes text only in this dialect: its images go into the user's message.
fn user(out: &mut JsonWriter, parts: &[Part<'_>], wrong: &mut Option<RequestError>) {
    let shown = |part: &&Part<'_>| !matches!(part.content, PartContent::Text(_) | PartContent::Result { .. });
    let from_results = parts.iter().filter_map(|part| match &part.content {
        PartContent::Result { parts, .. } => Some(parts.iter().filter(shown)),
        _ => None,
    });
    let own = parts.iter().filter(|part| !matches!(part.content, PartContent::Result { .. }));
    let all: Vec<&Part<'_>> = from_results.flatten().chain(own).collect();
    if !all.is_empty() {
        write_message(out, "user", &all, wrong);
    }
}

fn message(out: &mut JsonWriter, role: &str, parts: &[Part<'_>], wrong: &mut Option<RequestError>) {
    write_message(out, role, &parts.iter().collect::<Vec<_>>(), wrong);
}

/// A single text is a string, which every host of this dialect accepts; anything else is a list of parts.
fn write_message(out: &mut JsonWriter, role: &str, parts: &[&Part<'_>], wrong: &mut Option<RequestError>) {
    out.object(|out| {
        out.member("role", role);
        if let [Part { content: PartContent::Text(text), .. }] = parts {
            out.member("content", text);
            return;
        }
        out.key("content").array(|out| {
            for part in parts {
                if let Err(error) = write_part(out, &part.content) {
                    *wrong = Some(error);
                }
            }
        });
    });
}

fn write_part(out: &mut JsonWriter, content: &PartContent<'_>) -> Result<(), RequestError> {
    match content {
        PartContent::Text(text) | PartContent::Refusal(text) => out.object(|out| {
            out.member("type", "text");
            out.member("text", text);
        }),
        PartContent::Image { source, detail } => out.object(|out| {
            out.member("type", "image_url");
            out.key("image_url").object(|out| {
                out.member("url", &url_of(source));
                if let Some(detail) = detail {
                    out.member("detail", detail);
                }
            });
        }),
        PartContent::Audio { data, format } => out.object(|out| {
            out.member("type", "input_audio");
            out.key("input_audio").object(|out| {
                out.member("data", data);
                out.member("format", format);
            });
        }),
        PartContent::Document { source: Source::Url(_), .. } => {
            return Err(RequestError::NeedsBytes { field: "document" });
        }
        PartContent::Document { source, name } => out.object(|out| {
            out.member("type", "file");
            out.key("file").object(|out| {
                out.member("filename", name.as_deref().unwrap_or("document.pdf"));
                out.member("file_data", &url_of(source));
            });
        }),
        PartContent::Call(_) | PartContent::Result { .. } | PartContent::Reasoning(_) => {}
    }
    Ok(())
}

/// The URL of a source; inline bytes become a data URI.
pub(crate) fn url_of(source: &Source<'_>) -> String {
    match source {
        Source::Url(url) => url.to_string(),
        Source::Base64 { mime, data } => ["data:", mime, ";base64,", data].concat(),
    }
}

/// Reasoning goes back to its vendor only: a host accepts its own seals.
fn assistant(out: &mut JsonWriter, parts: &[Part<'_>], to: &Target<'_>) {
    out.object(|out| {
        out.member("role", "assistant");
        let texts = parts.iter().filter_map(|part| match &part.content {
            PartContent::Text(text) | PartContent::Refusal(text) => Some(&**text),
            _ => None,
        });
        let text = texts.collect::<String>();
        let calls: Vec<_> = parts
            .iter()
            .filter_map(|part| if let PartContent::Call(call) = &part.content { Some(call) } else { None })
            .collect();
        if text.is_empty() && !calls.is_empty() {
            out.member_raw("content", "null");
        } else {
            out.member("content", &text);
        }
        if let Some(thought) = thought(parts, to, !calls.is_empty()) {
            out.member("reasoning_content", &thought);
        }
        let details: Vec<_> = parts.iter().filter_map(|part| detail(part, to)).collect();
        if !details.is_empty() {
            out.key("reasoning_details").array(|out| details.iter().for_each(|detail| out.raw(detail)));
        }
        if calls.is_empty() {
            return;
        }
        out.key("tool_calls").array(|out| {
            for call in calls {
                out.object(|out| {
                    out.member("id", &call.id);
                    out.member("type", "function");
                    out.key("function").object(|out| {
                        out.member("name", &call.name);
                        out.member("arguments", &call.arguments);
                    });
                });
            }
        });
    });
}

/// The reasoning text, for a model that wants it back. Beside calls it is required; where another model made the calls,
/// a blank stands for it.
fn thought(parts: &[Part<'_>], to: &Target<'_>, has_calls: bool) -> Option<String> {
    let own = parts.iter().filter_map(|part| match &part.content {
        PartContent::Reasoning(thought) if thought.vendor == to.vendor => thought.text.as_deref(),
        _ => None,
    });
    let text = Some(own.collect::<String>()).filter(|text| !text.is_empty());
    text.or_else(|| has_calls.then(|| " ".to_owned())).filter(|_| to.wants_reasoning)
}

/// A reasoning detail that this vendor sealed, unchanged. The pieces of a stream leave the text to earlier pieces.
fn detail<'a>(part: &'a Part<'_>, to: &Target<'_>) -> Option<Cow<'a, str>> {
    let PartContent::Reasoning(thought) = &part.content else { return None };
    let (Seal::Signature(raw) | Seal::Redacted(raw)) = thought.seal.as_ref()?;
    let is_own = thought.vendor == to.vendor && serde_json::from_str::<&RawValue>(raw).is_ok() && raw.starts_with('{');
    if !is_own {
        return None;
    }
    let lacks_text = json::member(raw.as_bytes(), "text").is_none_or(|text| matches!(text, b"\"\"" | b"null"));
    match (&thought.text, &thought.seal) {
        (Some(text), Some(Seal::Signature(_))) if lacks_text => {
            let text = value(|out| out.text(text));
            let whole = json::edit(raw.as_bytes(), &[json::Edit { name: "text", value: text.as_bytes() }]);
            String::from_utf8(whole).ok().map(Cow::Owned)
        }
        _ => Some(Cow::Borrowed(raw)),
    }
}
