//! Writes a request of `anthropic-messages`.

use crate::conversation::{
    Cache, Conversation, Effort, Format, Part, PartContent, Reasoning, Role, Seal, Source, Tool, ToolChoice, Turn,
};
use crate::json_writer::{JsonWriter, value};
use crate::schema;
use crate::target::Target;
use opencredits_dialects::RequestError;

type Fields = Vec<(&'static str, String)>;

/// The smallest reasoning budget, in tokens, by the provider's documentation of `thinking.budget_tokens`.
const BUDGET_MIN: u64 = 1_024;

/// Writes the fields of a request.
pub(crate) fn write_request(
    from: &Conversation<'_>,
    to: &Target<'_>,
    dropped: &mut Vec<String>,
) -> Result<Fields, RequestError> {
    let cap = from.output_cap.unwrap_or(to.output_max).min(to.output_max);
    let mut fields: Fields = vec![("model", value(|out| out.text(&from.model)))];
    if from.system.iter().any(says_something) {
        let mut wrong = None;
        fields.push(("system", value(|out| write_parts(out, &from.system, to, &mut wrong))));
        wrong.map_or(Ok(()), Err)?;
    }
    fields.push(("messages", messages(from, to)?));
    if !from.tools.is_empty() {
        fields.push(("tools", value(|out| out.array(|out| from.tools.iter().for_each(|tool| write_tool(out, tool))))));
        if from.tools.iter().any(|tool| tool.strict == Some(true)) {
            dropped.push("tools.strict".to_owned());
        }
        fields.extend(tool_choice(from).map(|choice| ("tool_choice", choice)));
    }
    let thinks = thinking(from, to, cap, dropped);
    let effort = if let Some(Thinking::Adaptive(effort)) = thinks { effort } else { None };
    let schema = match &from.format {
        Some(Format::Schema { schema, .. }) => {
            let (schema, lost) = schema::closed(schema);
            if lost {
                dropped.push("response_format.schema".to_owned());
            }
            Some(schema)
        }
        Some(Format::Json) => {
            dropped.push("response_format".to_owned());
            None
        }
        None => None,
    };
    if schema.is_some() || effort.is_some() {
        fields.push(("output_config", output_config(schema.as_deref(), effort)));
    }
    let stop: Vec<&str> = from.stop.iter().map(|stop| &**stop).filter(|stop| !stop.trim().is_empty()).collect();
    if !stop.is_empty() {
        fields.push(("stop_sequences", value(|out| out.array(|out| stop.iter().for_each(|stop| out.text(stop))))));
    }
    sampling(from, thinks.is_some(), &mut fields, dropped);
    fields.extend(thinks.map(|thinking| ("thinking", value(|out| thinking.write(out)))));
    if let Some(cache) = from.cache {
        fields.push(("cache_control", value(|out| mark(out, cache))));
    }
    if from.stream {
        fields.push(("stream", "true".to_owned()));
    }
    Ok(fields)
}

/// Sampling parameters have narrower ranges in this dialect, and narrower still with reasoning.
fn sampling(from: &Conversation<'_>, thinks: bool, fields: &mut Fields, dropped: &mut Vec<String>) {
    let sampling = &from.sampling;
    let mut drop = |name: &str, there: bool| {
        if there {
            dropped.push(name.to_owned());
        }
    };
    drop("seed", sampling.seed.is_some());
    drop("frequency_penalty", sampling.frequency_penalty.is_some());
    drop("presence_penalty", sampling.presence_penalty.is_some());
    drop("prompt_cache_key", from.cache_key.is_some());
    if thinks {
        drop("temperature", sampling.temperature.is_some());
        drop("top_p", sampling.top_p.is_some());
        drop("top_k", sampling.top_k.is_some());
        return;
    }
    // Newer models accept only one of the two.
    drop("top_p", sampling.temperature.is_some() && sampling.top_p.is_some());
    match (sampling.temperature, sampling.top_p) {
        // Other dialects have a range up to 2, this one up to 1.
        (Some(raw), _) => {
            let above = raw.parse::<f32>().is_ok_and(|temperature| temperature > 1.0);
            fields.push(("temperature", if above { "1" } else { raw }.to_owned()));
        }
        (None, Some(raw)) => fields.push(("top_p", raw.to_owned())),
        (None, None) => {}
    }
    fields.extend(sampling.top_k.map(|raw| ("top_k", raw.to_owned())));
}

/// How a model is told to reason.
enum Thinking {
    /// A budget of so many tokens.
    Budget(u64),
    /// Adaptive, with an effort: models without sampling parameters know no budget.
    Adaptive(Option<&'static str>),
}

/// The amount of reasoning. A forced tool and reasoning exclude each other.
fn thinking(from: &Conversation<'_>, to: &Target<'_>, cap: u64, dropped: &mut Vec<String>) -> Option<Thinking> {
    let asked = from.reasoning.filter(|asked| *asked != Reasoning::Off)?;
    let forced = matches!(from.tool_choice, Some(ToolChoice::Any | ToolChoice::Named(_)));
    let budgeted = to.samples;
    if forced || (budgeted && (cap <= BUDGET_MIN || goes_on_unthought(from, to))) {
        dropped.push("reasoning_effort".to_owned());
        return None;
    }
    if !budgeted {
        return Some(Thinking::Adaptive(match asked {
            Reasoning::Effort(effort) => Some(effort_name(effort, dropped)),
            Reasoning::Budget(budget) => Some(Effort::of_budget(budget, cap).name()),
            Reasoning::Off | Reasoning::Adaptive => None,
        }));
    }
    let wanted = match asked {
        Reasoning::Effort(effort) => cap.saturating_mul(effort.percent()).div_euclid(100),
        Reasoning::Budget(budget) => budget,
        Reasoning::Off | Reasoning::Adaptive => cap.div_euclid(2),
    };
    Some(Thinking::Budget(wanted.clamp(BUDGET_MIN, cap.saturating_sub(1))))
}

/// The nearest effort of this dialect, which has no minimal one.
fn effort_name(effort: Effort, dropped: &mut Vec<String>) -> &'static str {
    if effort == Effort::Minimal {
        dropped.push("effort".to_owned());
        return Effort::Low.name();
    }
    effort.name()
}

/// Whether tool results follow calls that lack this provider's own reasoning: it then refuses to reason by a budget.
fn goes_on_unthought(from: &Conversation<'_>, to: &Target<'_>) -> bool {
    // A system text in the middle of a conversation is no turn of its own in this dialect.
    let is_model = |turn: &&Turn<'_>| turn.role == Role::Assistant;
    let has_results =
        |turn: &Turn<'_>| turn.parts.iter().any(|part| matches!(part.content, PartContent::Result { .. }));
    let goes_on = from.turns.iter().rev().take_while(|turn| !is_model(turn)).any(has_results);
    let thought = |part: &Part<'_>| matches!(part.content, PartContent::Reasoning(_)) && crosses(part, to);
    goes_on && !from.turns.iter().rfind(is_model).is_some_and(|turn| turn.parts.iter().any(thought))
}

impl Thinking {
    /// Reasoning is shown as a summary: by default, newer models do not show it at all.
    fn write(&self, out: &mut JsonWriter) {
        out.object(|out| match self {
            Self::Budget(budget) => {
                out.member("type", "enabled");
                out.count("budget_tokens", *budget);
            }
            Self::Adaptive(_) => {
                out.member("type", "adaptive");
                out.member("display", "summarized");
            }
        });
    }
}

/// The answer format and the effort.
fn output_config(schema: Option<&str>, effort: Option<&str>) -> String {
    value(|out| {
        out.object(|out| {
            if let Some(effort) = effort {
                out.member("effort", effort);
            }
            if let Some(schema) = schema {
                out.key("format").object(|out| {
                    out.member("type", "json_schema");
                    out.member_raw("schema", schema);
                });
            }
        });
    })
}

fn tool_choice(from: &Conversation<'_>) -> Option<String> {
    let alone = from.parallel_tools == Some(false);
    let choice = match (&from.tool_choice, alone) {
        (Some(choice), _) => choice.clone(),
        (None, true) => ToolChoice::Auto,
        (None, false) => return None,
    };
    Some(value(|out| {
        out.object(|out| {
            match &choice {
                ToolChoice::Auto => out.member("type", "auto"),
                ToolChoice::Any => out.member("type", "any"),
                ToolChoice::None => out.member("type", "none"),
                ToolChoice::Named(name) => {
                    out.member("type", "tool");
                    out.member("name", name);
                }
            }
            if alone && !matches!(choice, ToolChoice::None) {
                out.member_raw("disable_parallel_tool_use", "true");
            }
        });
    }))
}

fn write_tool(out: &mut JsonWriter, tool: &Tool<'_>) {
    out.object(|out| {
        out.member("name", &tool.name);
        if let Some(description) = &tool.description {
            out.member("description", description);
        }
        out.member_raw("input_schema", &schema::of_tool(tool.schema.as_deref()));
        if let Some(cache) = tool.cache {
            mark(out.key("cache_control"), cache);
        }
    });
}

fn mark(out: &mut JsonWriter, cache: Cache) {
    out.object(|out| {
        out.member("type", "ephemeral");
        if cache == Cache::Hour {
            out.member("ttl", "1h");
        }
    });
}

/// Turns alternate: a system text in the middle becomes a user text in its place.
fn messages(from: &Conversation<'_>, to: &Target<'_>) -> Result<String, RequestError> {
    let mut merged: Vec<(&str, Vec<&Part<'_>>)> = Vec::new();
    for turn in &from.turns {
        let role = if turn.role == Role::Assistant { "assistant" } else { "user" };
        let parts = turn.parts.iter().filter(|part| crosses(part, to));
        match merged.last_mut().filter(|(last, _)| *last == role) {
            Some((_, all)) => all.extend(parts),
            None => merged.push((role, parts.collect())),
        }
    }
    let mut wrong = None;
    let text = value(|out| {
        out.array(|out| {
            for (role, mut parts) in merged.into_iter().filter(|(_, parts)| !parts.is_empty()) {
                // Tool results come first in a turn, directly after their calls.
                parts.sort_by_key(|part| !matches!(part.content, PartContent::Result { .. }));
                out.object(|out| {
                    out.member("role", role);
                    write_content(out.key("content"), &parts, to, &mut wrong);
                });
            }
        });
    });
    wrong.map_or(Ok(text), Err)
}

/// The provider refuses empty texts. Reasoning goes back to its signer only.
fn crosses(part: &Part<'_>, to: &Target<'_>) -> bool {
    match &part.content {
        PartContent::Reasoning(thought) => thought.seal.is_some() && thought.vendor == to.vendor,
        _ => says_something(part),
    }
}

fn says_something(part: &Part<'_>) -> bool {
    !matches!(&part.content, PartContent::Text(text) | PartContent::Refusal(text) if text.trim().is_empty())
}

fn write_parts(out: &mut JsonWriter, parts: &[Part<'_>], to: &Target<'_>, wrong: &mut Option<RequestError>) {
    let parts: Vec<_> = parts.iter().filter(|part| crosses(part, to)).collect();
    write_content(out, &parts, to, wrong);
}

fn write_content(out: &mut JsonWriter, parts: &[&Part<'_>], to: &Target<'_>, wrong: &mut Option<RequestError>) {
    if let [Part { content: PartContent::Text(text), cache: None }] = parts {
        return out.text(text);
    }
    out.array(|out| {
        for part in parts {
            out.object(|out| {
                if let Err(error) = block(out, &part.content, to, wrong) {
                    *wrong = Some(error);
                }
                if let Some(cache) = part.cache {
                    mark(out.key("cache_control"), cache);
                }
            });
        }
    });
}

fn block(
    out: &mut JsonWriter,
    content: &PartContent<'_>,
    to: &Target<'_>,
    wrong: &mut Option<RequestError>,
) -> Result<(), RequestError> {
    match content {
        PartContent::Text(text) | PartContent::Refusal(text) => {
            out.member("type", "text");
            out.member("text", text);
        }
        PartContent::Image { source, .. } => {
            out.member("type", "image");
            write_source(out, source);
        }
        PartContent::Document { source: Source::Base64 { mime, .. }, .. } if mime != "application/pdf" => {
            return Err(RequestError::Unsupported {
                field: "file",
                remedy: "this model takes PDF files; send text as text",
            });
        }
        PartContent::Document { source, name } => {
            out.member("type", "document");
            write_source(out, source);
            if let Some(name) = name {
                out.member("title", name);
            }
        }
        PartContent::Audio { .. } => {
            return Err(RequestError::Unsupported { field: "input_audio", remedy: "this model takes no audio" });
        }
        PartContent::Call(call) => {
            out.member("type", "tool_use");
            out.member("id", &call.id);
            out.member("name", &call.name);
            out.member_raw("input", &call.arguments);
        }
        PartContent::Result { id, parts, is_error } => {
            out.member("type", "tool_result");
            out.member("tool_use_id", id);
            if parts.iter().any(says_something) {
                write_parts(out.key("content"), parts, to, wrong);
            }
            if *is_error {
                out.member_raw("is_error", "true");
            }
        }
        PartContent::Reasoning(thought) => match &thought.seal {
            Some(Seal::Redacted(data)) => {
                out.member("type", "redacted_thinking");
                out.member("data", data);
            }
            seal => {
                out.member("type", "thinking");
                out.member("thinking", thought.text.as_deref().unwrap_or_default());
                if let Some(Seal::Signature(signature)) = seal {
                    out.member("signature", signature);
                }
            }
        },
    }
    Ok(())
}

fn write_source(out: &mut JsonWriter, source: &Source<'_>) {
    out.key("source").object(|out| match source {
        Source::Url(url) => {
            out.member("type", "url");
            out.member("url", url);
        }
        Source::Base64 { mime, data } => {
            out.member("type", "base64");
            out.member("media_type", mime);
            out.member("data", data);
        }
    });
}
