//! Writes a request of `openai-responses`.

use crate::chat::{effort_of, text_of, url_of};
use crate::conversation::{
    Call, Conversation, Format, Part, PartContent, Role, Seal, Source, Thought, Tool, ToolChoice, Turn,
};
use crate::json_writer::{JsonWriter, value};
use crate::schema;
use crate::target::Target;
use opencredits_dialects::RequestError;

type Fields = Vec<(&'static str, String)>;

/// Writes the fields of a request.
pub(crate) fn write_request(
    from: &Conversation<'_>,
    to: &Target<'_>,
    dropped: &mut Vec<String>,
) -> Result<Fields, RequestError> {
    // The provider stores answers by default.
    let mut fields: Fields = vec![("model", value(|out| out.text(&from.model))), ("store", "false".to_owned())];
    let mut input = JsonWriter::default();
    let mut wrong = None;
    input.array(|out| {
        if !from.system.is_empty() {
            message(out, "system", &from.system.iter().collect::<Vec<_>>(), &mut wrong);
        }
        for turn in &from.turns {
            write_turn(out, turn, to, &mut wrong);
        }
    });
    if let Some(error) = wrong {
        return Err(error);
    }
    fields.push(("input", input.string()));
    sampling(from, &mut fields, dropped);
    tools(from, &mut fields);
    if let Some(format) = &from.format {
        fields.push(("text", value(|out| out.object(|out| write_format(out.key("format"), format)))));
    }
    if to.reasons {
        fields.push(("include", r#"["reasoning.encrypted_content"]"#.to_owned()));
        let effort = effort_of(from, to, dropped);
        if let Some(effort) = effort {
            let reasoning = |out: &mut JsonWriter| {
                out.member("effort", effort);
                out.member("summary", "auto");
            };
            fields.push(("reasoning", value(|out| out.object(reasoning))));
        }
    }
    if let Some(key) = &from.cache_key {
        fields.push(("prompt_cache_key", value(|out| out.text(key))));
    }
    if from.stream {
        fields.push(("stream", "true".to_owned()));
    }
    Ok(fields)
}

fn sampling(from: &Conversation<'_>, fields: &mut Fields, dropped: &mut Vec<String>) {
    let kept = [("temperature", from.sampling.temperature), ("top_p", from.sampling.top_p)];
    fields.extend(kept.into_iter().filter_map(|(name, raw)| Some((name, raw?.to_owned()))));
    let unknown = [
        ("top_k", from.sampling.top_k.is_some()),
        ("seed", from.sampling.seed.is_some()),
        ("frequency_penalty", from.sampling.frequency_penalty.is_some()),
        ("presence_penalty", from.sampling.presence_penalty.is_some()),
        ("stop", !from.stop.is_empty()),
    ];
    dropped.extend(unknown.into_iter().filter(|(_, there)| *there).map(|(name, _)| name.to_owned()));
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
                out.member("name", name);
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
        out.member("name", &tool.name);
        if let Some(description) = &tool.description {
            out.member("description", description);
        }
        out.member_raw("parameters", &schema::of_tool(tool.schema.as_deref()));
        // Schemas are strict by default in this dialect.
        out.member_raw("strict", if tool.strict == Some(true) { "true" } else { "false" });
    });
}

fn write_format(out: &mut JsonWriter, format: &Format<'_>) {
    out.object(|out| match format {
        Format::Json => out.member("type", "json_object"),
        Format::Schema { name, schema, strict } => {
            out.member("type", "json_schema");
            out.member("name", name);
            out.member_raw("schema", schema);
            if let Some(strict) = strict {
                out.member_raw("strict", if *strict { "true" } else { "false" });
            }
        }
    });
}

/// The items of one turn, in its order. Adjacent parts stay in one message.
fn write_turn(out: &mut JsonWriter, turn: &Turn<'_>, to: &Target<'_>, wrong: &mut Option<RequestError>) {
    let role = match turn.role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
    };
    let mut pending: Vec<&Part<'_>> = Vec::new();
    let flush = |out: &mut JsonWriter, pending: &mut Vec<&Part<'_>>, wrong: &mut Option<RequestError>| {
        if !pending.is_empty() {
            message(out, role, pending, wrong);
            pending.clear();
        }
    };
    for part in &turn.parts {
        match &part.content {
            PartContent::Call(call) => {
                flush(out, &mut pending, wrong);
                write_call(out, call);
            }
            PartContent::Result { id, parts, is_error } => {
                flush(out, &mut pending, wrong);
                write_result(out, id, (parts, *is_error), wrong);
            }
            PartContent::Reasoning(thought) => {
                flush(out, &mut pending, wrong);
                write_thought(out, thought, to);
            }
            _ => pending.push(part),
        }
    }
    flush(out, &mut pending, wrong);
}

fn write_call(out: &mut JsonWriter, call: &Call<'_>) {
    out.object(|out| {
        out.member("type", "function_call");
        out.member("call_id", &call.id);
        out.member("name", &call.name);
        out.member("arguments", &call.arguments);
    });
}

fn write_result(
    out: &mut JsonWriter,
    id: &str,
    (parts, is_error): (&[Part<'_>], bool),
    wrong: &mut Option<RequestError>,
) {
    out.object(|out| {
        out.member("type", "function_call_output");
        out.member("call_id", id);
        let texts_only = parts.iter().all(|part| matches!(part.content, PartContent::Text(_)));
        if texts_only {
            out.member("output", &text_of(parts, is_error));
            return;
        }
        out.key("output").array(|out| {
            for part in parts {
                write_part(out, "user", &part.content, wrong);
            }
        });
    });
}

/// Reasoning that this provider sealed goes back unchanged: the id of its item, a colon, and the encrypted content.
fn write_thought(out: &mut JsonWriter, thought: &Thought<'_>, to: &Target<'_>) {
    let (Some(Seal::Redacted(sealed)), true) = (&thought.seal, thought.vendor == to.vendor) else {
        return;
    };
    let (id, encrypted) = sealed.split_once(':').unwrap_or(("", sealed));
    out.object(|out| {
        out.member("type", "reasoning");
        if !id.is_empty() {
            out.member("id", id);
        }
        out.member_raw("summary", "[]");
        out.member("encrypted_content", encrypted);
    });
}

fn message(out: &mut JsonWriter, role: &str, parts: &[&Part<'_>], wrong: &mut Option<RequestError>) {
    out.object(|out| {
        out.member("role", role);
        if let [Part { content: PartContent::Text(text), .. }] = parts {
            out.member("content", text);
            return;
        }
        out.key("content").array(|out| {
            for part in parts {
                write_part(out, role, &part.content, wrong);
            }
        });
    });
}

fn write_part(out: &mut JsonWriter, role: &str, content: &PartContent<'_>, wrong: &mut Option<RequestError>) {
    if matches!(content, PartContent::Call(_) | PartContent::Result { .. } | PartContent::Reasoning(_)) {
        return;
    }
    out.object(|out| match content {
        PartContent::Text(text) => {
            out.member("type", if role == "assistant" { "output_text" } else { "input_text" });
            out.member("text", text);
        }
        PartContent::Refusal(text) => {
            out.member("type", "refusal");
            out.member("refusal", text);
        }
        PartContent::Image { source, detail } => {
            out.member("type", "input_image");
            out.member("image_url", &url_of(source));
            if let Some(detail) = detail {
                out.member("detail", detail);
            }
        }
        PartContent::Document { source: Source::Url(url), .. } => {
            out.member("type", "input_file");
            out.member("file_url", url);
        }
        PartContent::Document { source, name } => {
            out.member("type", "input_file");
            out.member("filename", name.as_deref().unwrap_or("document.pdf"));
            out.member("file_data", &url_of(source));
        }
        PartContent::Audio { .. } => {
            *wrong = Some(RequestError::Unsupported { field: "input_audio", remedy: "this model takes no audio" });
        }
        PartContent::Call(_) | PartContent::Result { .. } | PartContent::Reasoning(_) => {}
    });
}
