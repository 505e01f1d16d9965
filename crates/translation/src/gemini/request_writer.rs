//! Writes a request of `gemini-generate`.

use crate::chat::text_of;
use crate::conversation::{
    Conversation, Format, Part, PartContent, Reasoning, Role, Seal, Source, Tool, ToolChoice, Turn,
};
use crate::json_writer::{JsonWriter, value};
use crate::target::Target;
use opencredits_dialects::RequestError;
use std::collections::{HashMap, HashSet, VecDeque};

type Fields = Vec<(&'static str, String)>;

/// The largest reasoning budget, in tokens, that every reasoning model accepts: see `thinkingBudget` in the provider's
/// guide on thinking.
const BUDGET_MAX: u64 = 24_576;
/// The smallest reasoning budget, in tokens.
const BUDGET_MIN: u64 = 512;
/// The placeholder seal for a call that another model made, from the provider's guide on thought signatures.
const NO_SEAL: &str = "skip_thought_signature_validator";

/// Writes the fields of a request.
pub(crate) fn write_request(
    from: &Conversation<'_>,
    to: &Target<'_>,
    dropped: &mut Vec<String>,
) -> Result<Fields, RequestError> {
    let mut fields: Fields = vec![("model", value(|out| out.text(&from.model)))];
    let mut wrong = None;
    if !from.system.is_empty() {
        let system = value(|out| {
            out.object(|out| {
                let all = from.system.iter();
                out.key("parts").array(|out| all.for_each(|part| write_part(out, &part.content, None, &mut wrong)));
            });
        });
        fields.push(("systemInstruction", system));
    }
    let mut names = CallNames::default();
    let contents = value(|out| {
        out.array(|out| {
            for side in from.turns.chunk_by(|a, b| is_model(a) == is_model(b)) {
                let parts: Vec<&Part<'_>> = side.iter().flat_map(|turn| &turn.parts).collect();
                if side.iter().all(is_model) {
                    names.note(&parts);
                    write_content(out, "model", |out| write_model(out, &parts, to, &mut wrong));
                } else {
                    write_user(out, &parts, &mut names, &mut wrong);
                }
            }
        });
    });
    wrong.map_or(Ok(()), Err)?;
    fields.push(("contents", contents));
    if !from.tools.is_empty() {
        let tools = value(|out| {
            out.array(|out| {
                out.object(|out| {
                    let all = |out: &mut JsonWriter| from.tools.iter().for_each(|tool| write_tool(out, tool));
                    out.key("functionDeclarations").array(all);
                });
            });
        });
        fields.push(("tools", tools));
        fields.extend(from.tool_choice.as_ref().map(|choice| ("toolConfig", tool_config(choice))));
    }
    let config = value(|out| out.object(|out| generation_config(out, from, to)));
    if config != "{}" {
        fields.push(("generationConfig", config));
    }
    let unknown =
        [("prompt_cache_key", from.cache_key.is_some()), ("parallel_tool_calls", from.parallel_tools == Some(false))];
    dropped.extend(unknown.into_iter().filter(|(_, there)| *there).map(|(name, _)| name.to_owned()));
    if from.stream {
        fields.push(("stream", "true".to_owned()));
    }
    Ok(fields)
}

fn generation_config(out: &mut JsonWriter, from: &Conversation<'_>, to: &Target<'_>) {
    let sampling = &from.sampling;
    let numbers = [
        ("temperature", sampling.temperature),
        ("topP", sampling.top_p),
        ("topK", sampling.top_k),
        ("seed", sampling.seed),
        ("presencePenalty", sampling.presence_penalty),
        ("frequencyPenalty", sampling.frequency_penalty),
    ];
    for (name, raw) in numbers {
        if let Some(raw) = raw {
            out.member_raw(name, raw);
        }
    }
    if !from.stop.is_empty() {
        out.key("stopSequences").array(|out| from.stop.iter().for_each(|stop| out.text(stop)));
    }
    if let Some(format) = &from.format {
        out.member("responseMimeType", "application/json");
        if let Format::Schema { schema, .. } = format {
            out.member_raw("responseJsonSchema", schema);
        }
    }
    let cap = from.output_cap.unwrap_or(to.output_max).min(to.output_max);
    let budget = match from.reasoning {
        None | Some(Reasoning::Off) => return,
        Some(Reasoning::Adaptive) => None,
        Some(Reasoning::Budget(budget)) => Some(budget),
        Some(Reasoning::Effort(effort)) => Some(cap.saturating_mul(effort.percent()).div_euclid(100)),
    };
    out.key("thinkingConfig").object(|out| {
        out.member_raw("includeThoughts", "true");
        if let Some(budget) = budget {
            out.count("thinkingBudget", budget.min(cap.saturating_sub(1)).clamp(BUDGET_MIN, BUDGET_MAX));
        }
    });
}

fn tool_config(choice: &ToolChoice<'_>) -> String {
    value(|out| {
        out.object(|out| {
            out.key("functionCallingConfig").object(|out| match choice {
                ToolChoice::Auto => out.member("mode", "AUTO"),
                ToolChoice::None => out.member("mode", "NONE"),
                ToolChoice::Any => out.member("mode", "ANY"),
                ToolChoice::Named(name) => {
                    out.member("mode", "ANY");
                    out.key("allowedFunctionNames").array(|out| out.text(name));
                }
            });
        });
    })
}

fn write_tool(out: &mut JsonWriter, tool: &Tool<'_>) {
    out.object(|out| {
        out.member("name", &tool.name);
        out.member("description", tool.description.as_deref().unwrap_or_default());
        if let Some(schema) = &tool.schema {
            out.member_raw("parametersJsonSchema", schema);
        }
    });
}

/// The functions of the calls so far, by id: in this dialect results are matched to calls by the function's name. Some clients
/// use an id again: then its results answer its calls in their order.
#[derive(Default)]
struct CallNames<'a>(HashMap<&'a str, VecDeque<&'a str>>);

impl<'a> CallNames<'a> {
    /// Takes the calls of a turn, which replace those of earlier turns.
    fn note(&mut self, parts: &[&'a Part<'_>]) {
        let mut seen = HashSet::new();
        for part in parts {
            if let PartContent::Call(call) = &part.content {
                let names = self.0.entry(&*call.id).or_default();
                if seen.insert(&*call.id) {
                    names.clear();
                }
                names.push_back(&*call.name);
            }
        }
    }

    /// The function that a result answers.
    fn of_result(&mut self, id: &str) -> Option<&'a str> {
        let names = self.0.get_mut(id)?;
        if names.len() > 1 { names.pop_front() } else { names.front().copied() }
    }
}

fn is_model(turn: &Turn<'_>) -> bool {
    turn.role == Role::Assistant
}

/// The provider refuses contents without parts.
fn write_content(out: &mut JsonWriter, role: &str, write: impl FnOnce(&mut JsonWriter)) {
    let parts = value(|out| out.array(write));
    if parts != "[]" {
        out.object(|out| {
            out.member("role", role);
            out.member_raw("parts", &parts);
        });
    }
}

/// All results of one turn's calls stand together, directly after the calls and alone: the provider demands as many
/// parts as there were calls.
fn write_user(out: &mut JsonWriter, parts: &[&Part<'_>], names: &mut CallNames<'_>, wrong: &mut Option<RequestError>) {
    write_content(out, "user", |out| {
        for part in parts {
            if let PartContent::Result { id, parts, is_error } = &part.content {
                let name = names.of_result(id);
                write_result(out, (id, name.unwrap_or("function")), (parts, *is_error));
            }
        }
    });
    write_content(out, "user", |out| {
        for part in parts {
            match &part.content {
                PartContent::Result { parts, .. } => {
                    let shown = parts.iter().filter(|part| !matches!(part.content, PartContent::Text(_)));
                    shown.for_each(|part| write_part(out, &part.content, None, wrong));
                }
                content => write_part(out, content, None, wrong),
            }
        }
    });
}

/// Seals go back to their vendor: each on the part that follows it, calls first.
fn write_model(out: &mut JsonWriter, parts: &[&Part<'_>], to: &Target<'_>, wrong: &mut Option<RequestError>) {
    let has_calls = parts.iter().any(|part| matches!(part.content, PartContent::Call(_)));
    let mut seals = VecDeque::new();
    let mut calls = 0_usize;
    for part in parts {
        match &part.content {
            PartContent::Reasoning(thought) if thought.vendor == to.vendor => match &thought.seal {
                Some(Seal::Redacted(seal)) => seals.push_back(&**seal),
                Some(Seal::Signature(seal)) => out.object(|out| {
                    out.member("text", thought.text.as_deref().unwrap_or_default());
                    out.member_raw("thought", "true");
                    out.member("thoughtSignature", seal);
                }),
                None => {}
            },
            PartContent::Reasoning(_) => {}
            content @ PartContent::Call(_) => {
                let own = seals.pop_front();
                let seal = own.or((calls == 0 && to.reasons).then_some(NO_SEAL));
                calls = calls.saturating_add(1);
                write_part(out, content, seal, wrong);
            }
            content => {
                let seal = if has_calls { None } else { seals.pop_front() };
                write_part(out, content, seal, wrong);
            }
        }
    }
}

fn write_result(out: &mut JsonWriter, (id, name): (&str, &str), (parts, is_error): (&[Part<'_>], bool)) {
    out.object(|out| {
        out.key("functionResponse").object(|out| {
            out.member("id", id);
            out.member("name", name);
            out.key("response").object(|out| {
                out.member(if is_error { "error" } else { "output" }, &text_of(parts, false));
            });
        });
    });
}

fn write_part(out: &mut JsonWriter, content: &PartContent<'_>, seal: Option<&str>, wrong: &mut Option<RequestError>) {
    if matches!(content, PartContent::Result { .. } | PartContent::Reasoning(_)) {
        return;
    }
    // The provider refuses empty texts, unless they carry a seal.
    if matches!(content, PartContent::Text(text) | PartContent::Refusal(text) if text.is_empty() && seal.is_none()) {
        return;
    }
    out.object(|out| {
        match content {
            PartContent::Text(text) | PartContent::Refusal(text) => out.member("text", text),
            PartContent::Image { source, .. } | PartContent::Document { source, .. } => match source {
                Source::Base64 { mime, data } => inline(out, mime, data),
                Source::Url(_) => *wrong = Some(RequestError::NeedsBytes { field: "image_url" }),
            },
            PartContent::Audio { data, format } => inline(out, &["audio/", format].concat(), data),
            PartContent::Call(call) => out.key("functionCall").object(|out| {
                out.member("id", &call.id);
                out.member("name", &call.name);
                out.member_raw("args", &call.arguments);
            }),
            PartContent::Result { .. } | PartContent::Reasoning(_) => {}
        }
        if let Some(seal) = seal {
            out.member("thoughtSignature", seal);
        }
    });
}

fn inline(out: &mut JsonWriter, mime: &str, data: &str) {
    out.key("inlineData").object(|out| {
        out.member("mimeType", mime);
        out.member("data", data);
    });
}
