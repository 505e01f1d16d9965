//! The page on translation lists what becomes of every field, as the code has it.

use opencredits_providers::{Dialect, Efforts, RequestError, Target, translate};
use opencredits_sanitizer::{Api, Policy};
use serde_json::{Value, json};
use std::fmt::Write;

const PAGE: &str = include_str!("../../../../docs/translation.md");
const BEGIN: &str = "<!-- tables: begin -->\n";
const END: &str = "<!-- tables: end -->";
/// Set to have the page written anew.
const UPDATE: &str = "TEST_UPDATE_DOCS";

const ALL: [(Api, Dialect); 4] = [
    (Api::OpenaiChat, Dialect::OpenaiChat),
    (Api::AnthropicMessages, Dialect::AnthropicMessages),
    (Api::OpenaiResponses, Dialect::OpenaiResponses),
    (Api::GeminiGenerate, Dialect::GeminiGenerate),
];
/// What `generationConfig` may hold.
const CONFIG: [&str; 15] = [
    "candidateCount",
    "frequencyPenalty",
    "maxOutputTokens",
    "mediaResolution",
    "presencePenalty",
    "responseJsonSchema",
    "responseLogprobs",
    "responseMimeType",
    "responseModalities",
    "responseSchema",
    "seed",
    "speechConfig",
    "stopSequences",
    "temperature",
    "thinkingConfig",
];
const CONFIG_MORE: [&str; 2] = ["topK", "topP"];

/// A value that a client might send, for each field that the policies let on.
fn sample(field: &str, dialect: Dialect) -> Value {
    let schema = json!({"type": "object", "properties": {}});
    match (dialect, field) {
        (_, "model") => json!("m"),
        (_, "messages") => json!([{"role": "user", "content": "Hello"}]),
        (_, "input") => json!("Hello"),
        (_, "contents") => json!([{"role": "user", "parts": [{"text": "Hello"}]}]),
        (_, "systemInstruction") => json!({"parts": [{"text": "Be brief."}]}),
        (_, "system" | "instructions") => json!("Be brief."),
        (_, "max_tokens" | "max_completion_tokens" | "max_output_tokens" | "maxOutputTokens") => json!(4_000),
        (_, "stream" | "enable_thinking" | "logprobs" | "responseLogprobs") => json!(true),
        (_, "stream_options") => json!({"include_usage": true}),
        (_, "stop" | "stop_sequences" | "stopSequences") => json!(["END"]),
        (Dialect::OpenaiChat, "tools") => {
            json!([{"type": "function", "function": {"name": "f", "parameters": schema}}])
        }
        (Dialect::OpenaiResponses, "tools") => json!([{"type": "function", "name": "f", "parameters": schema}]),
        (Dialect::GeminiGenerate, "tools") => json!([{"functionDeclarations": [{"name": "f"}]}]),
        (_, "tools") => json!([{"name": "f", "input_schema": schema}]),
        (_, "functions") => json!([{"name": "f"}]),
        (Dialect::AnthropicMessages, "tool_choice") => json!({"type": "auto"}),
        (_, "tool_choice") => json!("auto"),
        (_, "toolConfig") => json!({"functionCallingConfig": {"mode": "AUTO"}}),
        (_, "parallel_tool_calls") => json!(false),
        (_, "response_format") => json!({"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}),
        (_, "output_format") => json!({"type": "json_schema", "schema": schema}),
        (_, "text") => json!({"format": {"type": "json_schema", "name": "n", "schema": schema}}),
        (_, "responseSchema" | "responseJsonSchema") => schema,
        (_, "responseMimeType") => json!("application/json"),
        (_, "responseModalities") => json!(["AUDIO"]),
        (_, "output_config" | "reasoning") => json!({"effort": "low"}),
        (_, "reasoning_effort") => json!("low"),
        (_, "thinking") => json!({"type": "enabled", "budget_tokens": 2_000}),
        (_, "thinkingConfig") => json!({"thinkingBudget": 2_000}),
        (_, "include") => json!(["reasoning.encrypted_content"]),
        (_, "truncation") => json!("auto"),
        (_, "cache_control") => json!({"type": "ephemeral"}),
        (_, "modalities") => json!(["text", "audio"]),
        (_, "audio") => json!({"voice": "v", "format": "wav"}),
        (_, "n" | "candidateCount") => json!(2),
        (_, "service_tier") => json!("priority"),
        (_, "prompt_cache_key") => json!("k"),
        (_, "temperature" | "top_p" | "topP") => json!(0.5),
        _ => json!(1),
    }
}

/// The fields of a body that has these, each in its place.
fn body(fields: &[&str], dialect: Dialect) -> Vec<(String, String)> {
    let mut config = serde_json::Map::new();
    let mut body = Vec::new();
    for field in fields {
        match field.strip_prefix("generationConfig.") {
            Some(member) => drop(config.insert(member.to_owned(), sample(member, dialect))),
            None => body.push(((*field).to_owned(), sample(field, dialect).to_string())),
        }
    }
    if !config.is_empty() {
        body.push(("generationConfig".to_owned(), Value::Object(config).to_string()));
    }
    body
}

/// What becomes of a field: beside what every request needs, and, for a choice of tools, beside tools.
fn fate(field: &str, from: Dialect, to: Dialect) -> &'static str {
    let target = Target {
        dialect: to,
        vendor: "v",
        output_max: 16_000,
        reasons: true,
        samples: true,
        wants_reasoning: false,
        efforts: Efforts::Three,
        call_id_length: None,
    };
    let sent = |fields: &[&str]| {
        let fields = body(fields, from);
        translate(from, &target, fields.iter().map(|(name, raw)| (name.as_str(), raw.as_str())))
            .map(|done| (done.fields, done.output_cap, done.dropped))
    };
    let said = match from {
        Dialect::OpenaiResponses => "input",
        Dialect::GeminiGenerate => "contents",
        _ => "messages",
    };
    let beside = ["tool_choice", "toolConfig", "parallel_tool_calls"].contains(&field).then_some("tools");
    let base: Vec<&str> = ["model", said].into_iter().chain(beside).filter(|name| *name != field).collect();
    let with: Vec<&str> = base.iter().copied().chain([field]).collect();
    match (sent(&base), sent(&with)) {
        (_, Err(RequestError::Unsupported { .. })) => "refused",
        (_, Ok((.., dropped))) if !dropped.is_empty() => "dropped",
        (Ok(before), Ok(after)) if before.0 == after.0 && before.1 == after.1 => "not needed",
        (_, Ok(_)) => "mapped",
        (_, Err(error)) => panic!("{field}: {error}"),
    }
}

/// The fields that an API has, in one of their forms.
fn fields_of(api: Api) -> Vec<String> {
    let policy = Policy::builtin(api).unwrap();
    let plain = |name: &&str| api != Api::GeminiGenerate || !name.contains('_');
    let mut fields: Vec<String> = policy.kept().filter(plain).map(str::to_owned).collect();
    match api {
        Api::OpenaiChat | Api::OpenaiResponses => fields.push("prompt_cache_key".to_owned()),
        Api::GeminiGenerate => {
            fields.retain(|name| name != "generationConfig");
            fields.extend(CONFIG.iter().chain(&CONFIG_MORE).map(|name| format!("generationConfig.{name}")));
        }
        _ => {}
    }
    fields.sort_unstable();
    fields
}

fn tables() -> String {
    let mut out = String::new();
    for (api, from) in ALL {
        let others: Vec<Dialect> = ALL.into_iter().map(|(_, to)| to).filter(|to| *to != from).collect();
        let heads: Vec<String> = others.iter().map(|to| format!("to `{to}`")).collect();
        writeln!(out, "\n| from `{from}` | {} |\n| --- | --- | --- | --- |", heads.join(" | ")).unwrap();
        for field in fields_of(api) {
            let fates: Vec<&str> = others.iter().map(|to| fate(&field, from, *to)).collect();
            writeln!(out, "| `{field}` | {} |", fates.join(" | ")).unwrap();
        }
    }
    out.push('\n');
    out
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test's own switch, which no program reads")]
fn the_fields_on_the_page_become_what_the_code_makes_of_them() {
    let (head, rest) = PAGE.split_once(BEGIN).expect("the page has a place for the tables");
    let (shown, tail) = rest.split_once(END).expect("the tables end");
    let tables = tables();
    if std::env::var_os(UPDATE).is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/translation.md");
        std::fs::write(path, [head, BEGIN, &tables, END, tail].concat()).unwrap();
        return;
    }
    let wrong = shown.lines().zip(tables.lines()).find(|(shown, right)| shown != right);
    assert!(shown == tables, "the first line that differs: {wrong:?}; {UPDATE}=1 writes the page anew");
}
