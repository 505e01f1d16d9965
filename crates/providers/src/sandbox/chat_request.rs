//! Reads an `openai-chat` request.

use super::command::Commands;
use super::problem::Problem;
use super::request::{
    Calls, Choice, Delivery, Form, SandboxRequest, Shown, Takes, Thinking, Tool, Tools, WebSearch, items, set, steps,
    text,
};
use super::token_count::{DOCUMENT_TOKENS, IMAGE_TOKENS, Input, Lifetime, MESSAGE_TOKENS, TokenCount};
use serde_json::{Value, json};

/// The largest number of answers to one request.
const ANSWERS_MAX: u64 = 16;
/// The default output cap.
const OUTPUT_TOKENS: u64 = 16_384;

pub(super) fn read(body: &Value) -> Result<SandboxRequest, Problem> {
    let missing = |name: &str| Problem::invalid(format!("you must provide {name}"));
    let model = set(body, "model").and_then(Value::as_str);
    let model = model.ok_or_else(|| missing("a model"))?.to_owned();
    let messages = items(body, "messages");
    let last = messages.last().ok_or_else(|| missing("messages"))?;
    let answers = set(body, "n").map_or(Some(1), Value::as_u64);
    let answers = answers.filter(|n| (1..=ANSWERS_MAX).contains(n));
    let answers = answers.ok_or_else(|| Problem::invalid(format!("n must be between 1 and {ANSWERS_MAX}")))?;
    let prompt = prompt(messages);
    let tool_result = matches!(text(last, "role"), "tool" | "function").then(|| words(&last["content"]));
    Ok(SandboxRequest {
        model,
        delivery: delivery(body),
        answers: usize::try_from(answers).unwrap_or(1),
        output_tokens_max: output_tokens_max(body)?,
        stops: stops(body),
        tools: tools(body),
        form: form(body),
        thinking: thinking(body),
        input: input(body, messages),
        commands: Commands::read(&prompt),
        prompt,
        tool_result,
        service_tier: match text(body, "service_tier") {
            "" | "auto" => "default".to_owned(),
            tier => tier.to_owned(),
        },
    })
}

fn delivery(body: &Value) -> Delivery {
    let usage = body.pointer("/stream_options/include_usage");
    match (body["stream"].as_bool(), usage.and_then(Value::as_bool)) {
        (Some(true), Some(true)) => Delivery::StreamWithUsage,
        (Some(true), _) => Delivery::Stream,
        _ => Delivery::Whole,
    }
}

fn output_tokens_max(body: &Value) -> Result<u64, Problem> {
    let cap = set(body, "max_completion_tokens").or_else(|| set(body, "max_tokens"));
    let cap = cap.map_or(Some(OUTPUT_TOKENS), Value::as_u64);
    cap.filter(|cap| *cap > 0).ok_or_else(|| Problem::invalid("max_completion_tokens must be above 0".to_owned()))
}

fn stops(body: &Value) -> Vec<String> {
    match body.get("stop") {
        Some(Value::String(stop)) => vec![stop.clone()],
        _ => items(body, "stop").iter().filter_map(|stop| stop.as_str().map(str::to_owned)).collect(),
    }
}

fn tools(body: &Value) -> Tools {
    let function = |function: &Value| Tool {
        name: text(function, "name").to_owned(),
        takes: Takes::Json(function.get("parameters").cloned().unwrap_or(json!({"type": "object"}))),
    };
    let tool = |tool: &Value| match text(tool, "type") {
        "custom" => Tool { name: text(&tool["custom"], "name").to_owned(), takes: Takes::Text },
        _ => function(&tool["function"]),
    };
    let tools = items(body, "tools").iter().map(tool);
    let older = items(body, "functions").iter().map(function);
    let parallel = body["parallel_tool_calls"].as_bool().unwrap_or(true);
    Tools {
        offered: tools.chain(older).filter(|tool| !tool.name.is_empty()).collect(),
        choice: choice(&body["tool_choice"]),
        calls: if parallel { Calls::Several } else { Calls::One },
        web_search: WebSearch::NotOffered,
    }
}

fn choice(choice: &Value) -> Choice {
    let word = |word: &str| match word {
        "none" => Choice::Never,
        "required" => Choice::Any,
        _ => Choice::Auto,
    };
    match (choice.as_str(), text(choice, "type")) {
        (Some(name), _) => word(name),
        (None, "allowed_tools") => word(text(&choice["allowed_tools"], "mode")),
        (None, kind @ ("function" | "custom")) => Choice::Named(text(&choice[kind], "name").to_owned()),
        _ => Choice::Auto,
    }
}

fn form(body: &Value) -> Form {
    match body.pointer("/response_format/type").and_then(Value::as_str) {
        Some("json_schema") => {
            let schema = body.pointer("/response_format/json_schema/schema");
            Form::Json(schema.cloned().unwrap_or(json!({"type": "object"})))
        }
        Some("json_object") => Form::Json(json!({"properties": {"answer": {"type": "string"}}})),
        _ => Form::Free,
    }
}

fn thinking(body: &Value) -> Option<Thinking> {
    let effort = set(body, "reasoning_effort")?.as_str()?;
    Some(Thinking { steps: steps(effort)?, tokens_max: u64::MAX, shown: Shown::SignatureOnly })
}

/// The text of the last user message; of several parts the last text.
fn prompt(messages: &[Value]) -> String {
    let mut backwards = messages.iter().rev();
    let last = backwards.find(|message| text(message, "role") == "user");
    match last.map(|message| &message["content"]) {
        Some(Value::String(words)) => words.clone(),
        Some(Value::Array(parts)) => {
            let mut backwards = parts.iter().rev();
            let part = backwards.find(|part| text(part, "type") == "text");
            part.map(|part| text(part, "text").to_owned()).unwrap_or_default()
        }
        _ => String::new(),
    }
}

/// All text of a message.
fn words(content: &Value) -> String {
    match content {
        Value::String(words) => words.clone(),
        Value::Array(parts) => parts.iter().map(|part| text(part, "text")).collect(),
        _ => String::new(),
    }
}

/// Caching is automatic in this dialect: everything before the last message may be cached.
fn input(body: &Value, messages: &[Value]) -> Input {
    let mut tally = TokenCount::default();
    for name in ["tools", "functions", "response_format"] {
        if let Some(value) = set(body, name) {
            tally.json(value);
        }
    }
    if let Some((last, before)) = messages.split_last() {
        before.iter().for_each(|message| count(message, &mut tally));
        tally.mark(Lifetime::FiveMinutes);
        count(last, &mut tally);
    }
    let input = tally.input();
    // Only reads are reported; writes are not billed.
    Input { uncached: input.uncached + input.written(), write_5m: 0, ..input }
}

fn count(message: &Value, tally: &mut TokenCount) {
    tally.flat(MESSAGE_TOKENS);
    match &message["content"] {
        Value::String(words) => tally.text(words),
        Value::Array(parts) => parts.iter().for_each(|part| count_part(part, tally)),
        _ => {}
    }
    for call in items(message, "tool_calls") {
        match set(call, "function") {
            Some(function) => {
                tally.text(text(function, "name"));
                tally.text(text(function, "arguments"));
            }
            None => tally.json(call),
        }
    }
}

fn count_part(part: &Value, tally: &mut TokenCount) {
    match text(part, "type") {
        "text" => tally.text(text(part, "text")),
        "refusal" => tally.text(text(part, "refusal")),
        "image_url" => tally.flat(IMAGE_TOKENS),
        "input_audio" => tally.audio(),
        "file" => tally.flat(DOCUMENT_TOKENS),
        _ => tally.json(part),
    }
}
