//! The page on translation lists what becomes of every field, as the code has it.

use opencredits_providers::{Dialect, Error, Target, translate};
use opencredits_sanitizer::{Api, Policy};
use serde_json::{Value, json};

const PAGE: &str = include_str!("../../../../docs/translation.md");

/// A value that a client might send, for each field that the policies let on.
fn sample(field: &str, dialect: Dialect) -> Value {
    let chat = dialect == Dialect::OpenaiChat;
    let schema = json!({"type": "object", "properties": {}});
    match field {
        "model" => json!("m"),
        "messages" => json!([{"role": "user", "content": "Hello"}]),
        "system" => json!("Be brief."),
        "max_tokens" | "max_completion_tokens" => json!(4_000),
        "stream" | "enable_thinking" | "logprobs" => json!(true),
        "stream_options" => json!({"include_usage": true}),
        "stop" | "stop_sequences" => json!(["END"]),
        "tools" if chat => json!([{"type": "function", "function": {"name": "f", "parameters": schema}}]),
        "tools" => json!([{"name": "f", "input_schema": schema}]),
        "functions" => json!([{"name": "f"}]),
        "tool_choice" if chat => json!("auto"),
        "tool_choice" => json!({"type": "auto"}),
        "parallel_tool_calls" => json!(false),
        "response_format" => json!({"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}),
        "output_format" => json!({"type": "json_schema", "schema": schema}),
        "output_config" => json!({"effort": "low"}),
        "reasoning" => json!({"effort": "low"}),
        "reasoning_effort" => json!("low"),
        "thinking" => json!({"type": "enabled", "budget_tokens": 2_000}),
        "cache_control" => json!({"type": "ephemeral"}),
        "modalities" => json!(["text", "audio"]),
        "audio" => json!({"voice": "v", "format": "wav"}),
        "n" => json!(2),
        "service_tier" => json!("priority"),
        "prompt_cache_key" => json!("k"),
        "temperature" | "top_p" => json!(0.5),
        _ => json!(1),
    }
}

/// What becomes of a field: beside what every request needs, and, for a choice of tools, beside tools.
fn fate(field: &str, (from, to): (Dialect, Dialect)) -> &'static str {
    let target = Target { dialect: to, vendor: "v", output_max: 16_000, reasons: true };
    let sent = |fields: &[&str]| {
        let fields: Vec<_> = fields.iter().map(|name| ((*name).to_owned(), sample(name, from).to_string())).collect();
        translate(from, &target, fields.iter().map(|(name, raw)| (name.as_str(), raw.as_str())))
            .map(|done| (done.fields, done.output_cap, done.dropped))
    };
    let beside = ["tool_choice", "parallel_tool_calls"].contains(&field).then_some("tools");
    let base: Vec<&str> = ["model", "messages"].into_iter().chain(beside).filter(|name| *name != field).collect();
    let with: Vec<&str> = base.iter().copied().chain([field]).collect();
    match (sent(&base), sent(&with)) {
        (_, Err(Error::Unsupported { .. })) => "refused",
        (_, Ok((.., dropped))) if dropped.iter().any(|name| name == field) => "dropped",
        (Ok(before), Ok(after)) if before.0 == after.0 && before.1 == after.1 => "not needed",
        (_, Ok(_)) => "mapped",
        (_, Err(error)) => panic!("{field}: {error}"),
    }
}

fn row(start: &str, section: &str) -> Vec<String> {
    let (_, rest) = PAGE.split_once(section).unwrap_or_else(|| panic!("the page has no table {section}"));
    let row = rest.lines().find_map(|line| line.strip_prefix(start)).unwrap_or_default();
    row.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn the_fields_on_the_page_become_what_the_code_makes_of_them() {
    let pairs = [
        (Api::OpenaiChat, Dialect::OpenaiChat, Dialect::AnthropicMessages),
        (Api::AnthropicMessages, Dialect::AnthropicMessages, Dialect::OpenaiChat),
    ];
    for (api, from, to) in pairs {
        let policy = Policy::builtin(api).unwrap();
        let mut fields: Vec<&str> = policy.kept().collect();
        if api == Api::OpenaiChat {
            fields.push("prompt_cache_key");
        }
        fields.sort_unstable();
        for fate_of in ["mapped", "dropped", "refused", "not needed"] {
            let expected: Vec<&str> =
                fields.iter().copied().filter(|field| fate(field, (from, to)) == fate_of).collect();
            let head = format!("| from `{from}` to `{to}` | fields |");
            assert_eq!(row(&format!("| {fate_of} |"), &head), expected, "{head}: {fate_of}");
        }
    }
}
