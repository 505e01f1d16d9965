//! Translation: nothing that both sides can say is lost, wherever a stream is split.

use crate::fixtures::{ALL, fields, target};
use crate::response_content::{ResponseContent, content_of_body, content_of_stream, events, in_response, str_of};
use bytes::Bytes;
use opencredits_testkit::{Recording, recordings};
use opencredits_translation::{Dialect, End, Origin, StreamTranslator, Target, UsageChunk, translate, translate_body};
use opencredits_units::Usage;
use serde_json::{Map, Value, json};

fn pairs() -> impl Iterator<Item = (Dialect, Dialect)> {
    ALL.into_iter().flat_map(|from| ALL.into_iter().filter(move |to| *to != from).map(move |to| (from, to)))
}

pub(crate) fn through(from: Dialect, to: Dialect, stream: &str, size: usize) -> String {
    let origin = Origin { vendor: "v".into(), created: 1, ..Origin::default() };
    let mut translator = StreamTranslator::new(from, to, origin, UsageChunk::Requested).unwrap();
    let mut out = Vec::new();
    for chunk in stream.as_bytes().chunks(size.max(1)) {
        out.extend_from_slice(&translator.feed(&Bytes::copy_from_slice(chunk)).unwrap());
    }
    let _outcome = translator.outcome(End::Clean);
    out.extend_from_slice(&translator.close(r#""cost":0.5"#, None));
    String::from_utf8(out).unwrap()
}

fn recorded(dialect: Dialect, stream: bool) -> Vec<Recording> {
    let form = match dialect {
        Dialect::OpenaiChat => "-chat",
        Dialect::AnthropicMessages => "anthropic-messages",
        Dialect::OpenaiResponses => "-responses",
        _ => "gemini-generate",
    };
    recordings(move |row| row.stream == stream && row.status == 200 && row.api.ends_with(form))
        .into_iter()
        .filter(|recording| recording.expected.error.is_none() && recording.row.api != "ollama-chat")
        .collect()
}

/// The content of an answer that another dialect keeps. Calls that cannot be made are text where arguments are objects, and
/// so is everywhere a call that was cut off before its arguments.
fn expected(from: Dialect, to: Dialect, mut content: ResponseContent) -> ResponseContent {
    // A call without a name and without arguments is nothing.
    content.calls.retain(|(name, arguments)| !(name.is_empty() && arguments.is_null()));
    if content.calls.is_empty() && content.finish == "tool_calls" {
        "stop".clone_into(&mut content.finish);
    }
    content.finish = finish(from, to, &content);
    let is_cut = ["length", "max_tokens", "max_output_tokens", "MAX_TOKENS"].contains(&content.finish.as_str());
    let last = content.calls.len();
    for ((_, arguments), at) in content.calls.iter_mut().zip(1..).filter(|((_, arguments), _)| arguments.is_null()) {
        *arguments = if is_cut && at == last { json!("") } else { json!({}) };
    }
    let gives_objects = matches!(to, Dialect::AnthropicMessages | Dialect::GeminiGenerate);
    let is_broken =
        |(_, arguments): &(String, Value)| arguments.as_str().is_some_and(|text| gives_objects || text.is_empty());
    if !content.calls.iter().any(is_broken) {
        return content;
    }
    if content.calls.iter().all(is_broken) && matches!(content.finish.as_str(), "tool_use" | "STOP") {
        let failed = if to == Dialect::GeminiGenerate { "MALFORMED_FUNCTION_CALL" } else { "max_tokens" };
        failed.clone_into(&mut content.finish);
    }
    let (broken, sound): (Vec<_>, Vec<_>) = content.calls.into_iter().partition(is_broken);
    let text = |(name, json): (String, Value)| format!("{name}({})", json.as_str().unwrap().trim());
    content.text.extend(broken.into_iter().map(text));
    content.calls = sound;
    content
}

/// A block of a call without arguments has an empty object.
fn given(to: Dialect, content: &mut ResponseContent) {
    if to == Dialect::AnthropicMessages {
        let blank = content.calls.iter_mut().filter(|(_, arguments)| arguments.is_null());
        blank.for_each(|(_, arguments)| *arguments = json!({}));
    }
}

/// Why an answer ended, from the word of one dialect to that of another.
fn finish(from: Dialect, to: Dialect, content_of_stream: &ResponseContent) -> String {
    let called = !content_of_stream.calls.is_empty();
    let [length, filter, calls, end, failed] = [0, 1, 2, 3, 4];
    let kind = match (from, content_of_stream.finish.as_str()) {
        // Clients take an answer without a reason for broken.
        (_, "") if called => calls,
        (_, "length" | "max_tokens" | "max_output_tokens" | "MAX_TOKENS" | "model_context_window_exceeded") => length,
        (_, "content_filter" | "refusal" | "SAFETY" | "PROHIBITED_CONTENT") => filter,
        (_, "MALFORMED_FUNCTION_CALL" | "UNEXPECTED_TOOL_CALL" | "error" | "in_progress" | "queued") => failed,
        (Dialect::AnthropicMessages, "tool_use") | (_, "tool_calls" | "function_call") => calls,
        (Dialect::AnthropicMessages, "pause_turn") => length,
        (Dialect::AnthropicMessages, _) => end,
        _ if called => calls,
        _ => end,
    };
    let words = match to {
        Dialect::OpenaiChat => ["length", "content_filter", "tool_calls", "stop", "error"],
        Dialect::AnthropicMessages => ["max_tokens", "refusal", "tool_use", "end_turn", "max_tokens"],
        Dialect::OpenaiResponses => {
            ["max_output_tokens", "content_filter", "completed", "completed", "max_output_tokens"]
        }
        _ => ["MAX_TOKENS", "SAFETY", "STOP", "STOP", "OTHER"],
    };
    words[kind].to_owned()
}

#[test]
fn a_recorded_stream_says_the_same_in_every_other_dialect_wherever_it_is_split() {
    for (from, to) in pairs() {
        for recording in recorded(from, true) {
            let file = format!("{} to {to}", recording.row.file);
            let whole = through(from, to, &recording.body, recording.body.len());
            let mut found = content_of_stream(to, &whole);
            given(to, &mut found);
            if found.finish == "stop_sequence" {
                "end_turn".clone_into(&mut found.finish);
            }
            if found.finish == "pause_turn" {
                "max_tokens".clone_into(&mut found.finish);
            }
            assert_eq!(found, expected(from, to, content_of_stream(from, &recording.body)), "{file}");
            for size in [1, 7, 100] {
                assert!(through(from, to, &recording.body, size) == whole, "{file} by {size}");
            }
            assert!(whole.contains("\"cost\":0.5"), "{file}");
            well_formed(to, &whole, &file);
        }
    }
}

/// The frame that the clients of a dialect rely on.
fn well_formed(dialect: Dialect, stream: &str, file: &str) {
    match dialect {
        Dialect::OpenaiChat => assert!(stream.trim_end().ends_with("data: [DONE]"), "{file}"),
        Dialect::AnthropicMessages => well_formed_messages(stream, file),
        Dialect::OpenaiResponses => well_formed_responses(stream, file),
        _ => assert!(events(stream).last().unwrap()["usageMetadata"].is_object(), "{file}"),
    }
}

/// Numbers rise by one, each item begins and ends, and the last event has all of them.
fn well_formed_responses(stream: &str, file: &str) {
    let events = events(stream);
    let mut done = Vec::new();
    for (event, number) in events.iter().zip(0_u64..) {
        assert_eq!(event["sequence_number"], number, "{file}");
        match str_of(&event["type"]) {
            "response.output_item.added" => {
                assert_eq!(event["output_index"], done.len(), "{file}");
                done.push(Value::Null);
            }
            "response.output_item.done" => {
                let at = usize::try_from(event["output_index"].as_u64().unwrap()).unwrap();
                done[at] = event["item"].clone();
            }
            _ => {}
        }
    }
    let last = events.last().unwrap();
    assert_eq!(last["response"]["output"], Value::Array(done), "{file}");
    assert_eq!(last["type"], format!("response.{}", str_of(&last["response"]["status"])), "{file}");
    assert_eq!(in_response(&last["response"]), content_of_stream(Dialect::OpenaiResponses, stream), "{file}");
}

/// One block is open at a time, indices rise, and the end comes last.
fn well_formed_messages(stream: &str, file: &str) {
    let (mut open, mut next, mut kinds) = (None, 0, Vec::new());
    for event in events(stream) {
        let (kind, index) = (str_of(&event["type"]).to_owned(), event["index"].as_u64());
        match kind.as_str() {
            "content_block_start" => {
                assert_eq!((open, index), (None, Some(next)), "{file}");
                open = index;
            }
            "content_block_delta" => assert_eq!(index, open, "{file}"),
            "content_block_stop" => {
                assert_eq!(index, open, "{file}");
                (open, next) = (None, next + 1);
            }
            _ => {}
        }
        kinds.push(kind);
    }
    assert_eq!(open, None, "{file}");
    assert_eq!(kinds[0], "message_start", "{file}");
    assert_eq!(kinds[kinds.len() - 2..], ["message_delta", "message_stop"], "{file}");
}

#[test]
fn a_recorded_answer_says_the_same_in_every_other_dialect() {
    let origin = Origin { vendor: "v".into(), created: 1, ..Origin::default() };
    for (from, to) in pairs() {
        for recording in recorded(from, false) {
            let there = translate_body(from, to, recording.body.as_bytes(), &Usage::default(), &origin).unwrap();
            let mut found = content_of_body(to, &there);
            given(to, &mut found);
            if found.finish == "stop_sequence" {
                "end_turn".clone_into(&mut found.finish);
            }
            let wanted = expected(from, to, content_of_body(from, recording.body.as_bytes()));
            assert_eq!(found, wanted, "{} to {to}", recording.row.file);
        }
    }
}

fn check_round_trip(from: Dialect, to: Dialect, body: Value, kept: &[&str]) {
    let fields = fields(body.as_object().unwrap());
    let there = translate(from, &target(to), fields.iter().map(|(name, raw)| (name.as_str(), raw.as_str()))).unwrap();
    let back = translate(to, &target(from), there.fields.iter().map(|(name, raw)| (*name, raw.as_str()))).unwrap();
    let found: Map<String, Value> =
        back.fields.iter().map(|(name, raw)| ((*name).to_owned(), serde_json::from_str(raw).unwrap())).collect();
    for name in kept {
        assert_eq!(found.get(*name), body.get(*name), "{name} by way of {to}");
    }
}

#[test]
fn a_request_comes_back_as_it_was_in_all_that_both_sides_can_say() {
    let schema = json!({"type": "object", "properties": {"q": {"type": "string"}}});
    let mut closed = schema.clone();
    (closed["required"], closed["additionalProperties"]) = (json!(["q"]), json!(false));
    let chat = json!({"model": "m", "temperature": 0.5, "stop": ["a", "b"], "parallel_tool_calls": false, "stream": true,
        "messages": [{"role": "system", "content": "S"}, {"role": "user", "content": [
            {"type": "text", "text": "look"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBO"}},
            {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
            {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBE"}}]},
            {"role": "assistant", "content": null, "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{\"q\":\"x\"}"}},
                {"id": "c2", "type": "function", "function": {"name": "g", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "c1", "content": "one"},
            {"role": "tool", "tool_call_id": "c2", "content": "two"},
            {"role": "assistant", "content": "done"}, {"role": "user", "content": "more"}],
        "tools": [{"type": "function", "function": {"name": "f", "description": "d", "parameters": schema}}],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
        "response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": closed, "strict": true}}});
    let kept = [
        "model",
        "temperature",
        "stop",
        "parallel_tool_calls",
        "stream",
        "messages",
        "tools",
        "tool_choice",
        "response_format",
    ];
    check_round_trip(Dialect::OpenaiChat, Dialect::AnthropicMessages, chat, &kept);
    let messages = json!({"model": "m", "system": "S", "top_p": 0.25, "stop_sequences": ["a"],
        "messages": [{"role": "user", "content": "hi"},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "f", "input": {"q": 1e300}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "ok"},
                                         {"type": "text", "text": "and"}]}],
        "tools": [{"name": "f", "input_schema": schema}], "tool_choice": {"type": "any"}});
    let kept = ["model", "system", "top_p", "stop_sequences", "messages", "tools", "tool_choice"];
    check_round_trip(Dialect::AnthropicMessages, Dialect::OpenaiChat, messages, &kept);
}

/// A conversation in all that every dialect can say.
fn plain_chat() -> Value {
    let schema = json!({"type": "object", "properties": {"q": {"type": "string"}}});
    json!({"model": "m", "temperature": 0.5, "top_p": 0.25, "stream": true,
        "messages": [{"role": "system", "content": "S"}, {"role": "user", "content": [
            {"type": "text", "text": "look"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBO"}}]},
            {"role": "assistant", "content": null, "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{\"q\":12345678901234567890}"}},
                {"id": "c2", "type": "function", "function": {"name": "g", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "c1", "content": "one"},
            {"role": "tool", "tool_call_id": "c2", "content": "two"},
            {"role": "assistant", "content": "done"}, {"role": "user", "content": "more"}],
        "tools": [{"type": "function", "function": {"name": "f", "description": "d", "parameters": schema}}],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
        "response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}})
}

#[test]
fn a_request_comes_back_as_it_was_by_way_of_every_dialect() {
    let kept = ["model", "temperature", "top_p", "stream", "messages", "tools", "tool_choice", "response_format"];
    for to in [Dialect::OpenaiResponses, Dialect::GeminiGenerate] {
        let mut body = plain_chat();
        if to == Dialect::OpenaiResponses {
            // There it must be content_of_stream that a schema is not to be taken strictly.
            body["tools"][0]["function"]["strict"] = json!(false);
        }
        check_round_trip(Dialect::OpenaiChat, to, body, &kept);
    }
}

#[test]
fn names_in_both_forms_and_types_in_capitals_are_read() {
    let request = |snake: bool| {
        let name = |camel: &str, other: &str| if snake { other.to_owned() } else { camel.to_owned() };
        json!({"model": "m", "contents": [
                {"role": "user", "parts": [{"text": "a"},
                    {name("inlineData", "inline_data"): {name("mimeType", "mime_type"): "image/png", "data": "iVBO"}}]},
                {"role": "model", "parts": [{name("functionCall", "function_call"): {"name": "f", "args": {"x": 1}}}]},
                {"role": "user", "parts": [{name("functionResponse", "function_response"):
                    {"name": "f", "response": {"output": "done"}}}]}],
            name("systemInstruction", "system_instruction"): {"parts": [{"text": "S"}]},
            "tools": [{name("functionDeclarations", "function_declarations"): [{"name": "f", "description": "d",
                "parameters": {"type": "OBJECT", "properties": {"type": {"type": "STRING"}, "n": {"type": "INTEGER"}}}}]}],
            name("toolConfig", "tool_config"): {name("functionCallingConfig", "function_calling_config"):
                {"mode": "ANY", name("allowedFunctionNames", "allowed_function_names"): ["f"]}},
            name("generationConfig", "generation_config"): {name("maxOutputTokens", "max_output_tokens"): 100,
                name("stopSequences", "stop_sequences"): ["END"], name("topP", "top_p"): 0.5,
                name("responseMimeType", "response_mime_type"): "application/json",
                name("thinkingConfig", "thinking_config"): {name("thinkingBudget", "thinking_budget"): 60}}})
    };
    let sent = |body: &Value| {
        let fields = fields(body.as_object().unwrap());
        let fields = fields.iter().map(|(name, raw)| (name.as_str(), raw.as_str()));
        let sent = translate(Dialect::GeminiGenerate, &target(Dialect::OpenaiChat), fields).unwrap();
        assert_eq!((sent.output_cap, sent.dropped), (Some(100), vec![]));
        let fields = sent.fields.into_iter().map(|(name, raw)| (name.to_owned(), serde_json::from_str(&raw).unwrap()));
        Value::Object(fields.collect())
    };
    let expected = json!({"model": "m", "store": false, "top_p": 0.5, "stop": ["END"], "reasoning_effort": "medium",
        "messages": [{"role": "system", "content": "S"},
            {"role": "user", "content": [{"type": "text", "text": "a"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBO"}}]},
            {"role": "assistant", "content": null, "tool_calls": [
                {"id": "call_0", "type": "function", "function": {"name": "f", "arguments": "{\"x\":1}"}}]},
            {"role": "tool", "tool_call_id": "call_0", "content": "done"}],
        "tools": [{"type": "function", "function": {"name": "f", "description": "d", "parameters":
            {"type": "object", "properties": {"type": {"type": "string"}, "n": {"type": "integer"}}}}}],
        "tool_choice": {"type": "function", "function": {"name": "f"}}, "response_format": {"type": "json_object"}});
    assert_eq!(sent(&request(false)), expected);
    assert_eq!(sent(&request(true)), expected);
}

#[test]
fn sealed_thoughts_go_back_to_their_provider_byte_for_byte_and_to_no_other() {
    let details = json!([
        {"type": "reasoning.text", "text": "hm", "signature": "sig+/=", "format": "v", "index": 0},
        {"type": "reasoning.encrypted", "data": "data+/=", "format": "v", "index": 1},
        {"type": "reasoning.text", "text": "unsigned", "format": "v", "index": 2}]);
    let body = json!({"model": "m", "reasoning_effort": "low", "messages": [{"role": "user", "content": "hi"},
        {"role": "assistant", "content": "yes", "reasoning_details": details}, {"role": "user", "content": "more"}]});
    let fields = fields(body.as_object().unwrap());
    let sent = |vendor| {
        let to = Target { vendor, ..target(Dialect::AnthropicMessages) };
        let fields = fields.iter().map(|(name, raw)| (name.as_str(), raw.as_str()));
        let sent = translate(Dialect::OpenaiChat, &to, fields).unwrap().fields;
        let raw = sent.into_iter().find_map(|(name, raw)| (name == "messages").then_some(raw)).unwrap();
        serde_json::from_str::<Value>(&raw).unwrap()[1]["content"].clone()
    };
    let own = json!([{"type": "thinking", "thinking": "hm", "signature": "sig+/="},
        {"type": "redacted_thinking", "data": "data+/="}, {"type": "text", "text": "yes"}]);
    assert_eq!(sent("v"), own);
    assert_eq!(sent("other"), "yes");
}

#[test]
fn a_result_that_answers_no_call_is_refused_by_name_in_every_dialect() {
    let hi = json!({"role": "user", "content": "hi"});
    let cases = [
        (
            Dialect::OpenaiChat,
            json!({"model": "m", "messages": [hi, {"role": "tool", "tool_call_id": "a", "content": "x"}]}),
        ),
        (
            Dialect::AnthropicMessages,
            json!({"model": "m", "messages": [
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": "x"}]}]}),
        ),
        (
            Dialect::AnthropicMessages,
            json!({"model": "m", "messages": [
                {"role": "user", "content": [{"type": "tool_use", "id": "a", "name": "f", "input": {}}]},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": "x"}]}]}),
        ),
        (
            Dialect::OpenaiResponses,
            json!({"model": "m", "input": [hi, {"type": "function_call_output", "call_id": "a", "output": "x"}]}),
        ),
        (
            Dialect::GeminiGenerate,
            json!({"model": "m", "contents": [
                {"parts": [{"functionResponse": {"id": "a", "name": "f", "response": {"output": "x"}}}]}]}),
        ),
    ];
    for (from, body) in cases {
        let fields = fields(body.as_object().unwrap());
        let fields = fields.iter().map(|(name, raw)| (name.as_str(), raw.as_str()));
        let to = if from == Dialect::OpenaiChat { Dialect::AnthropicMessages } else { Dialect::OpenaiChat };
        let refused = translate(from, &target(to), fields).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(refused.contains("the result of a tool follows the call"), "{from}: {refused}");
    }
}

#[test]
fn calls_that_a_host_gave_no_id_have_others_in_every_answer() {
    let call = json!({"id": "", "type": "function", "function": {"name": "f", "arguments": "{}"}});
    let ids: Vec<String> = ["a1", "a2"]
        .iter()
        .flat_map(|id| {
            let message = json!({"role": "assistant", "tool_calls": [call, call]});
            let body = json!({"id": id, "model": "m", "choices": [{"index": 0, "message": message}]}).to_string();
            let there = translate_body(
                Dialect::OpenaiChat,
                Dialect::AnthropicMessages,
                body.as_bytes(),
                &Usage::default(),
                &Origin::default(),
            );
            let there: Value = serde_json::from_slice(&there.unwrap()).unwrap();
            [0, 1].map(|at| str_of(&there["content"][at]["id"]).to_owned())
        })
        .collect();
    assert_eq!(ids, ["call_a1_0", "call_a1_1", "call_a2_0", "call_a2_1"]);
}

#[test]
fn an_answer_that_could_not_be_given_is_no_refusal() {
    for (native, expected) in [
        ("MALFORMED_FUNCTION_CALL", "error"),
        ("UNEXPECTED_TOOL_CALL", "error"),
        ("TOO_MANY_TOOL_CALLS", "error"),
        ("PROHIBITED_CONTENT", "content_filter"),
        ("IMAGE_SAFETY", "content_filter"),
        ("STOP", "stop"),
    ] {
        let body = json!({"candidates": [{"index": 0, "finishReason": native}]}).to_string();
        let (from, to) = (Dialect::GeminiGenerate, Dialect::OpenaiChat);
        let there = translate_body(from, to, body.as_bytes(), &Usage::default(), &Origin::default()).unwrap();
        let there: Value = serde_json::from_slice(&there).unwrap();
        assert_eq!(there["choices"][0]["finish_reason"], expected);
        assert_eq!(there["choices"][0]["native_finish_reason"], native);
    }
}
