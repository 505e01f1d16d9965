//! Reads an `anthropic-messages` request.

use super::command::Commands;
use super::problem::Problem;
use super::request::{
    Calls, Choice, Delivery, Form, SandboxRequest, Shown, Takes, Thinking, Tool, Tools, WebSearch, items, set, steps,
    text,
};
use super::token_count::{DOCUMENT_TOKENS, IMAGE_TOKENS, Input, Lifetime, MESSAGE_TOKENS, TokenCount};
use serde_json::{Value, json};

/// Prefixes of the types of built-in tools.
const OWN_TOOLS: [&str; 5] = ["web_search_", "web_fetch_", "code_execution_", "tool_search_", "advisor_"];
/// The tokens of hidden reasoning.
const REDACTED_TOKENS: u64 = 10;

pub(super) fn read(body: &Value) -> Result<SandboxRequest, Problem> {
    let missing = |name: &str| Problem::invalid(format!("{name}: Field required"));
    let model = set(body, "model").and_then(Value::as_str);
    let model = model.ok_or_else(|| missing("model"))?.to_owned();
    let cap = set(body, "max_tokens").ok_or_else(|| missing("max_tokens"))?;
    let cap = cap.as_u64().filter(|cap| *cap > 0);
    let cap = cap.ok_or_else(|| Problem::invalid("max_tokens: must be greater than or equal to 1".to_owned()))?;
    let messages = items(body, "messages");
    let last = messages.last().ok_or_else(|| missing("messages"))?;
    let prompt = prompt(messages);
    Ok(SandboxRequest {
        model,
        delivery: match body["stream"].as_bool() {
            Some(true) => Delivery::StreamWithUsage,
            _ => Delivery::Whole,
        },
        answers: 1,
        output_tokens_max: cap,
        stops: stops(body),
        tools: tools(body),
        form: form(body),
        thinking: thinking(body, cap)?,
        input: input(body, messages),
        commands: Commands::read(&prompt),
        prompt,
        tool_result: tool_result(last),
        service_tier: "standard".to_owned(),
    })
}

fn stops(body: &Value) -> Vec<String> {
    let stops = items(body, "stop_sequences").iter();
    stops.filter_map(|stop| stop.as_str().map(str::to_owned)).collect()
}

fn tools(body: &Value) -> Tools {
    let offered = items(body, "tools");
    let is_own = |tool: &&Value| {
        let kind = text(tool, "type");
        OWN_TOOLS.iter().any(|own| kind.starts_with(own)) || kind == "mcp_toolset"
    };
    let search = offered.iter().any(|tool| text(tool, "type").starts_with("web_search_"));
    let callable = offered.iter().filter(|tool| !is_own(tool)).map(|tool| Tool {
        name: text(tool, "name").to_owned(),
        takes: Takes::Json(tool.get("input_schema").cloned().unwrap_or(json!({"type": "object"}))),
    });
    let choice = &body["tool_choice"];
    let alone = choice["disable_parallel_tool_use"].as_bool().unwrap_or(false);
    Tools {
        offered: callable.filter(|tool| !tool.name.is_empty()).collect(),
        choice: match text(choice, "type") {
            "none" => Choice::Never,
            "any" => Choice::Any,
            "tool" => Choice::Named(text(choice, "name").to_owned()),
            _ => Choice::Auto,
        },
        calls: if alone { Calls::One } else { Calls::Several },
        web_search: if search { WebSearch::Offered } else { WebSearch::NotOffered },
    }
}

fn form(body: &Value) -> Form {
    let format = body.pointer("/output_config/format").or_else(|| body.get("output_format"));
    match format.and_then(|format| format.get("schema")) {
        Some(schema) => Form::Json(schema.clone()),
        None => Form::Free,
    }
}

fn thinking(body: &Value, cap: u64) -> Result<Option<Thinking>, Problem> {
    let thinking = &body["thinking"];
    let tokens_max = match text(thinking, "type") {
        "adaptive" => u64::MAX,
        "enabled" => {
            let budget = thinking["budget_tokens"].as_u64().unwrap_or(u64::MAX);
            if budget >= cap {
                return Err(Problem::invalid("`max_tokens` must be greater than `thinking.budget_tokens`".to_owned()));
            }
            budget
        }
        _ => return Ok(None),
    };
    let effort = body.pointer("/output_config/effort").and_then(Value::as_str);
    let shown = match text(thinking, "display") {
        "omitted" => Shown::SignatureOnly,
        _ => Shown::Text,
    };
    Ok(steps(effort.unwrap_or_default()).map(|steps| Thinking { steps, tokens_max, shown }))
}

/// The text of the last user message that has any; of several blocks the last text.
fn prompt(messages: &[Value]) -> String {
    let backwards = messages.iter().rev();
    let mut of_a_person = backwards.filter(|message| text(message, "role") == "user");
    let words = of_a_person.find_map(|message| match &message["content"] {
        Value::String(words) => Some(words.as_str()),
        Value::Array(blocks) => {
            let mut backwards = blocks.iter().rev();
            let block = backwards.find(|block| text(block, "type") == "text")?;
            Some(text(block, "text"))
        }
        _ => None,
    });
    words.unwrap_or_default().to_owned()
}

/// The result of a client's tool, where the last message has one.
fn tool_result(last: &Value) -> Option<String> {
    let mut blocks = items(last, "content").iter();
    let result = blocks.find(|block| text(block, "type") == "tool_result")?;
    Some(match &result["content"] {
        Value::String(words) => words.clone(),
        Value::Array(blocks) => blocks.iter().map(|block| text(block, "text")).collect(),
        _ => String::new(),
    })
}

/// In the order of cached prefixes: tools, system, messages.
fn input(body: &Value, messages: &[Value]) -> Input {
    let mut tally = TokenCount::default();
    for tool in items(body, "tools") {
        tally.json(tool);
        mark(tool, &mut tally);
    }
    if let Form::Json(schema) = form(body) {
        tally.json(&schema);
    }
    count_content(&body["system"], &mut tally);
    for message in messages {
        tally.flat(MESSAGE_TOKENS);
        count_content(&message["content"], &mut tally);
    }
    // A cache mark on the request stands for one at its end.
    mark(body, &mut tally);
    tally.input()
}

fn mark(marked: &Value, tally: &mut TokenCount) {
    if let Some(control) = set(marked, "cache_control") {
        tally.mark(match text(control, "ttl") {
            "1h" => Lifetime::OneHour,
            _ => Lifetime::FiveMinutes,
        });
    }
}

fn count_content(content: &Value, tally: &mut TokenCount) {
    match content {
        Value::String(words) => tally.text(words),
        Value::Array(blocks) => {
            for block in blocks {
                count_block(block, tally);
                mark(block, tally);
            }
        }
        _ => {}
    }
}

fn count_block(block: &Value, tally: &mut TokenCount) {
    match text(block, "type") {
        "text" => tally.text(text(block, "text")),
        "thinking" => tally.text(text(block, "thinking")),
        "redacted_thinking" => tally.flat(REDACTED_TOKENS),
        "image" => tally.flat(IMAGE_TOKENS),
        "document" => tally.flat(DOCUMENT_TOKENS),
        "tool_use" => {
            tally.text(text(block, "name"));
            tally.json(&block["input"]);
        }
        "tool_result" => count_content(&block["content"], tally),
        _ => tally.json(block),
    }
}
