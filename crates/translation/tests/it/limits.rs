//! Content that a provider or a model would refuse is written in another way, or dropped and named.

use crate::fixtures::{fields, target};
use opencredits_translation::{Dialect, Target, translate};
use serde_json::{Map, Value, json};

/// The request for `to`, and the dropped fields.
fn sent(from: Dialect, to: &Target<'_>, body: &Value) -> (Value, Vec<String>) {
    let fields = fields(body.as_object().unwrap());
    let sent = translate(from, to, fields.iter().map(|(name, raw)| (name.as_str(), raw.as_str()))).unwrap();
    let fields = sent.fields.iter();
    let body: Map<String, Value> =
        fields.map(|(name, raw)| ((*name).to_owned(), serde_json::from_str(raw).unwrap())).collect();
    (body.into(), sent.dropped)
}

/// A request with these fields beside what every request has.
fn asking(from: Dialect, more: &Value) -> Value {
    let mut body = match from {
        Dialect::OpenaiResponses => json!({"model": "m", "input": "Hello"}),
        Dialect::GeminiGenerate => json!({"model": "m", "contents": [{"parts": [{"text": "Hello"}]}]}),
        _ => json!({"model": "m", "messages": [{"role": "user", "content": "Hello"}]}),
    };
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

/// The members of `expected` are what goes out, with null for what must not be there.
fn check(from: Dialect, to: &Target<'_>, more: &Value, (expected, dropped): (Value, &[&str])) {
    let (found, named) = sent(from, to, &asking(from, more));
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&found[name], value, "{name} of {more} to {}", to.dialect);
    }
    assert_eq!(named, dropped, "{more} to {}", to.dialect);
}

#[test]
fn sampling_is_left_out_and_named_where_the_model_does_not_take_it() {
    let asked = json!({"temperature": 0.5, "top_p": 0.9, "top_k": 4});
    let steered = json!({"temperature": 0.5, "top_p": 0.9});
    for (from, to) in [
        (Dialect::OpenaiChat, Dialect::AnthropicMessages),
        (Dialect::OpenaiChat, Dialect::OpenaiResponses),
        (Dialect::OpenaiChat, Dialect::GeminiGenerate),
        (Dialect::AnthropicMessages, Dialect::OpenaiChat),
    ] {
        let to = Target { samples: false, ..target(to) };
        let nothing = json!({"temperature": null, "top_p": null, "top_k": null, "generationConfig": null});
        check(from, &to, &asked, (nothing, &["temperature", "top_k", "top_p"]));
    }
    let to = target(Dialect::OpenaiResponses);
    check(Dialect::OpenaiChat, &to, &steered, (steered.clone(), &[]));
}

#[test]
fn a_model_that_thinks_as_it_finds_right_is_given_an_effort_and_no_budget() {
    let to = Target { samples: false, ..target(Dialect::AnthropicMessages) };
    let adaptive = json!({"type": "adaptive", "display": "summarized"});
    let chat = |more: Value, expected: Value, dropped: &[&str]| {
        check(Dialect::OpenaiChat, &to, &more, (expected, dropped));
    };
    for (asked, given) in [("minimal", "low"), ("medium", "medium"), ("xhigh", "xhigh"), ("max", "max")] {
        let expected = json!({"thinking": adaptive, "output_config": {"effort": given}});
        let named: &[&str] = if asked == given { &[] } else { &["reasoning_effort"] };
        chat(json!({"reasoning_effort": asked}), expected, named);
    }
    let budget = json!({"reasoning": {"max_tokens": 30_000}});
    chat(budget, json!({"thinking": adaptive, "output_config": {"effort": "high"}}), &[]);
    chat(json!({"reasoning": {"enabled": true}}), json!({"thinking": adaptive, "output_config": null}), &[]);
    chat(json!({"reasoning_effort": "low", "max_tokens": 100}), json!({"thinking": adaptive}), &[]);
    let schema = json!({"type": "object", "properties": {}, "additionalProperties": false});
    let format = json!({"type": "json_schema", "json_schema": {"name": "n", "schema": schema}});
    let both = json!({"effort": "low", "format": {"type": "json_schema", "schema": schema}});
    chat(json!({"reasoning_effort": "low", "response_format": format}), json!({"output_config": both}), &[]);
    let tools = json!([{"type": "function", "function": {"name": "f"}}]);
    let forced = json!({"reasoning_effort": "low", "tools": tools, "tool_choice": "required"});
    chat(forced, json!({"thinking": null, "output_config": null}), &["reasoning_effort"]);
}

#[test]
fn instructions_after_a_tools_result_do_not_hide_that_nothing_was_thought_before_it() {
    let call = json!({"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}});
    let mut messages = vec![
        json!({"role": "user", "content": "hi"}),
        json!({"role": "assistant", "tool_calls": [call]}),
        json!({"role": "tool", "tool_call_id": "c", "content": "done"}),
        json!({"role": "system", "content": "be brief"}),
    ];
    let to = target(Dialect::AnthropicMessages);
    let mut asked = |role: &str| {
        messages.push(json!({"role": role, "content": "go on"}));
        json!({"messages": messages, "reasoning_effort": "low"})
    };
    for role in ["system", "user"] {
        check(Dialect::OpenaiChat, &to, &asked(role), (json!({"thinking": null}), &["reasoning_effort"]));
    }
    let again = asked("assistant");
    check(Dialect::OpenaiChat, &to, &again, (json!({"thinking": {"type": "enabled", "budget_tokens": 6_400}}), &[]));
}

#[test]
fn a_schema_goes_on_as_the_other_side_takes_it() {
    let closed = |more: Value| {
        let mut schema =
            json!({"type": "object", "properties": {"n": {"type": "number"}}, "additionalProperties": false});
        schema.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        schema
    };
    let (messages, chat) = (target(Dialect::AnthropicMessages), target(Dialect::OpenaiChat));
    let asked = |minimum: Value| {
        let schema = json!({"type": "object", "properties": {"n": minimum}});
        json!({"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}}})
    };
    let given = json!({"output_config": {"format": {"type": "json_schema", "schema": closed(json!({}))}}});
    check(Dialect::OpenaiChat, &messages, &asked(json!({"type": "number"})), (given.clone(), &[]));
    let named: &[&str] = &["response_format.schema"];
    check(Dialect::OpenaiChat, &messages, &asked(json!({"type": "number", "minimum": 1})), (given, named));

    for (required, strict) in [(json!({}), Value::Null), (json!({"required": ["n"]}), json!(true))] {
        let schema = closed(required);
        let asked = json!({"output_config": {"format": {"type": "json_schema", "schema": schema}}});
        let (found, _) = sent(Dialect::AnthropicMessages, &chat, &asking(Dialect::AnthropicMessages, &asked));
        assert_eq!(found["response_format"]["json_schema"]["strict"], strict);
    }
}

#[test]
fn a_tool_that_takes_nothing_says_so_in_full() {
    let nothing = json!({"type": "object", "properties": {}});
    for bare in [json!({"type": "object"}), json!({})] {
        let tools = json!({"tools": [{"name": "f", "input_schema": bare}]});
        for to in [Dialect::OpenaiChat, Dialect::OpenaiResponses] {
            let (found, _) = sent(Dialect::AnthropicMessages, &target(to), &asking(Dialect::AnthropicMessages, &tools));
            let tool = &found["tools"][0];
            let schema = if to == Dialect::OpenaiChat { &tool["function"]["parameters"] } else { &tool["parameters"] };
            assert_eq!(schema, &nothing);
        }
    }
}

#[test]
fn what_is_asked_in_vain_is_named() {
    let all = [Dialect::AnthropicMessages, Dialect::OpenaiResponses, Dialect::GeminiGenerate];
    let thinks = |dialect, reasons| Target { reasons, ..target(dialect) };
    let named: &[&str] = &["reasoning_effort"];
    for to in all {
        let dropped = if to == Dialect::AnthropicMessages { &[] } else { named };
        for off in [json!({"reasoning_effort": "none"}), json!({"reasoning": {"effort": "none"}})] {
            check(Dialect::OpenaiChat, &thinks(to, true), &off, (json!({}), dropped));
            check(Dialect::OpenaiChat, &thinks(to, false), &off, (json!({}), &[]));
        }
        let wish = json!({"reasoning_effort": "low"});
        check(Dialect::OpenaiChat, &thinks(to, false), &wish, (json!({}), named));
    }
    let chat = target(Dialect::OpenaiChat);
    let inside = json!([{"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}},
        {"type": "web_search_tool_result", "tool_use_id": "s", "content": []}, {"type": "text", "text": "found"}]);
    let messages = json!({"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": inside}]});
    let dropped: &[&str] = &["messages.server_tool_use", "messages.web_search_tool_result"];
    check(Dialect::AnthropicMessages, &chat, &messages, (json!({}), dropped));
    let parts = json!([{"executableCode": {"code": "1"}}, {"codeExecutionResult": {"output": "1"}}, {"text": "1"}]);
    let contents = json!({"contents": [{"parts": [{"text": "hi"}]}, {"role": "model", "parts": parts}]});
    check(Dialect::GeminiGenerate, &chat, &contents, (json!({}), &["contents.executableCode"]));
    let tools = json!({"tools": [{"type": "web_search"}], "tool_choice": "required"});
    let nothing = json!({"tools": null, "tool_choice": null});
    check(Dialect::OpenaiResponses, &chat, &tools, (nothing, &["tool_choice", "tools.web_search"]));
}

#[test]
fn results_of_tools_stand_together_directly_after_their_calls() {
    let image = json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBO"}});
    let result = |id: &str, content: Value| json!({"type": "tool_result", "tool_use_id": id, "content": content});
    let call = |id: &str| json!({"type": "tool_use", "id": id, "name": "f", "input": {}});
    let body = json!({"messages": [{"role": "user", "content": "hi"},
        {"role": "assistant", "content": [call("a"), call("b")]},
        {"role": "user", "content": [result("a", json!([image]))]},
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": [result("b", json!("two")), {"type": "text", "text": "go on"}]}]});
    let body = asking(Dialect::AnthropicMessages, &body);
    let (found, _) = sent(Dialect::AnthropicMessages, &target(Dialect::GeminiGenerate), &body);
    let result = |id: &str, content_of_stream: &str| json!({"functionResponse": {"id": id, "name": "f", "response": {"output": content_of_stream}}});
    let image = json!({"inlineData": {"mimeType": "image/png", "data": "iVBO"}});
    let expected = json!([{"role": "user", "parts": [result("a", ""), result("b", "two")]},
        {"role": "user", "parts": [image, {"text": "be brief"}, {"text": "go on"}]}]);
    assert_eq!(found["contents"].as_array().unwrap()[2..], *expected.as_array().unwrap());

    let (found, _) = sent(Dialect::AnthropicMessages, &target(Dialect::OpenaiChat), &body);
    let roles: Vec<&str> =
        found["messages"].as_array().unwrap().iter().map(|message| message["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["user", "assistant", "tool", "tool", "user", "system", "user"]);
}

#[test]
fn a_result_with_an_id_of_its_own_answers_the_call_of_its_name() {
    let call = |id: Value| json!({"functionCall": {"id": id, "name": "f"}});
    let result = |id: &str, content_of_stream: &str| json!({"functionResponse": {"id": id, "name": "f", "response": {"output": content_of_stream}}});
    for (calls, results) in [
        (json!([call(Value::Null), call(Value::Null)]), json!([result("made-up", "one"), result("up-made", "two")])),
        (json!([call(json!("a")), call(json!("b"))]), json!([result("b", "two"), result("other", "one")])),
    ] {
        let contents = json!({"contents": [{"parts": [{"text": "hi"}]}, {"role": "model", "parts": calls},
            {"role": "user", "parts": results}]});
        let body = asking(Dialect::GeminiGenerate, &contents);
        let (found, _) = sent(Dialect::GeminiGenerate, &target(Dialect::OpenaiChat), &body);
        for (at, content_of_stream) in ["one", "two"].into_iter().enumerate() {
            let id = &found["messages"][1]["tool_calls"][at]["id"];
            let answer = found["messages"].as_array().unwrap().iter().find(|message| message["tool_call_id"] == *id);
            assert_eq!(answer.unwrap()["content"], content_of_stream);
        }
    }
}

#[test]
fn what_was_dropped_has_the_clients_own_name() {
    let unsteered = |dialect| Target { samples: false, ..target(dialect) };
    let cases: [(Dialect, Target<'_>, Value, &[&str]); 4] = [
        (
            Dialect::AnthropicMessages,
            target(Dialect::OpenaiResponses),
            json!({"stop_sequences": ["a"]}),
            &["stop_sequences"],
        ),
        (
            Dialect::AnthropicMessages,
            target(Dialect::OpenaiChat),
            json!({"thinking": {"type": "disabled"}}),
            &["thinking"],
        ),
        (
            Dialect::OpenaiResponses,
            target(Dialect::GeminiGenerate),
            json!({"reasoning": {"effort": "none"}}),
            &["reasoning.effort"],
        ),
        (
            Dialect::GeminiGenerate,
            unsteered(Dialect::AnthropicMessages),
            json!({"generationConfig": {"topP": 0.5, "seed": 1, "speechConfig": {}}}),
            &["generationConfig.seed", "generationConfig.speechConfig", "generationConfig.topP"],
        ),
    ];
    for (from, to, asked, named) in cases {
        check(from, &to, &asked, (json!({}), named));
    }
}

#[test]
fn instructions_alone_are_the_persons_words_where_something_must_be_said() {
    let system = json!({"messages": [{"role": "system", "content": "hi"}]});
    let content_of_stream = json!({"system": null, "messages": [{"role": "user", "content": "hi"}]});
    check(Dialect::OpenaiChat, &target(Dialect::AnthropicMessages), &system, (content_of_stream, &[]));
    let content_of_stream =
        json!({"systemInstruction": null, "contents": [{"role": "user", "parts": [{"text": "hi"}]}]});
    check(Dialect::OpenaiChat, &target(Dialect::GeminiGenerate), &system, (content_of_stream, &[]));
}

#[test]
fn kinds_of_media_have_the_names_that_the_other_side_knows() {
    let sound = |mime: &str| json!({"contents": [{"parts": [{"inlineData": {"mimeType": mime, "data": "AAAA"}}]}]});
    for (mime, format) in [("audio/mpeg", "mp3"), ("audio/x-wav", "wav"), ("audio/ogg", "ogg")] {
        let asked = asking(Dialect::GeminiGenerate, &sound(mime));
        let (found, _) = sent(Dialect::GeminiGenerate, &target(Dialect::OpenaiChat), &asked);
        assert_eq!(found["messages"][0]["content"][0]["input_audio"]["format"], format);
    }
    let url = json!({"type": "image_url", "image_url": {"url": "data:image/jpg;base64,AAAA"}});
    let asked = asking(Dialect::OpenaiChat, &json!({"messages": [{"role": "user", "content": [url]}]}));
    let (found, _) = sent(Dialect::OpenaiChat, &target(Dialect::AnthropicMessages), &asked);
    assert_eq!(found["messages"][0]["content"][0]["source"]["media_type"], "image/jpeg");
}

#[test]
fn a_budget_of_thought_leaves_room_for_the_answer() {
    for (cap, expected) in [(4_000, 3_999), (100, 512), (30_000, 20_000)] {
        let config = json!({"includeThoughts": true, "thinkingBudget": expected});
        let asked = json!({"max_tokens": cap, "thinking": {"type": "enabled", "budget_tokens": 20_000}});
        let asked = asking(Dialect::AnthropicMessages, &asked);
        let (found, _) = sent(Dialect::AnthropicMessages, &target(Dialect::GeminiGenerate), &asked);
        assert_eq!(found["generationConfig"]["thinkingConfig"], config);
    }
}

#[test]
fn arguments_that_are_no_object_are_carried_as_text_and_named() {
    let call = json!({"type": "tool_use", "id": "c", "name": "f", "input": "text"});
    let result = json!({"type": "tool_result", "tool_use_id": "c", "content": "r"});
    let messages =
        json!({"messages": [{"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}]});
    let response = json!({"functionResponse": {"name": "f", "response": {"a": 1}}});
    let contents = json!({"contents": [{"role": "model", "parts": [{"functionCall": {"name": "f", "args": [1]}}]},
        {"role": "user", "parts": [response]}]});
    for (from, body, name, text) in [
        (Dialect::AnthropicMessages, messages, "messages.tool_use.arguments", "text"),
        (Dialect::GeminiGenerate, contents, "contents.functionCall.arguments", "[1]"),
    ] {
        let (found, named) = sent(from, &target(Dialect::OpenaiChat), &asking(from, &body));
        let call = &found["messages"][0]["tool_calls"][0]["function"]["arguments"];
        assert_eq!(call, &json!({"invalid_arguments": text}).to_string(), "{found}");
        assert_eq!(named, [name]);
    }
}

#[test]
fn an_effort_counts_wherever_it_stands_beside_thinking_that_leaves_it_open() {
    let fields = [
        ("model", r#""m""#),
        ("messages", r#"[{"role":"user","content":"Hello"}]"#),
        ("output_config", r#"{"effort":"low"}"#),
        ("thinking", r#"{"type":"adaptive"}"#),
    ];
    for order in [[0, 1, 2, 3], [0, 1, 3, 2]] {
        let fields = order.map(|at| fields[at]);
        let to = target(Dialect::OpenaiChat);
        let sent = translate(Dialect::AnthropicMessages, &to, fields.into_iter()).unwrap();
        let effort = sent.fields.iter().find(|(name, _)| *name == "reasoning_effort");
        assert_eq!(effort.map(|(_, raw)| raw.as_str()), Some("\"low\""), "{order:?}");
    }
}

#[test]
fn a_result_whose_id_was_used_before_answers_the_call_before_it() {
    let call = |name: &str| json!({"id": "k", "type": "function", "function": {"name": name, "arguments": "{}"}});
    let result = json!({"role": "tool", "tool_call_id": "k", "content": "done"});
    let check = |turns: &[&[&str]], expected: &[&str]| {
        let mut messages = vec![json!({"role": "user", "content": "hi"})];
        for calls in turns {
            let calls: Vec<Value> = calls.iter().map(|name| call(name)).collect();
            let results = vec![result.clone(); calls.len()];
            messages.push(json!({"role": "assistant", "content": null, "tool_calls": calls}));
            messages.extend(results);
        }
        let body = asking(Dialect::OpenaiChat, &json!({"messages": messages}));
        let (found, _) = sent(Dialect::OpenaiChat, &target(Dialect::GeminiGenerate), &body);
        let parts =
            found["contents"].as_array().unwrap().iter().flat_map(|content| content["parts"].as_array().unwrap());
        let names: Vec<&str> = parts.filter_map(|part| part["functionResponse"]["name"].as_str()).collect();
        assert_eq!(names, expected, "{found}");
    };
    check(&[&["a"], &["b"]], &["a", "b"]);
    check(&[&["a", "b"]], &["a", "b"]);
    check(&[&["a"], &["b", "c"]], &["a", "b", "c"]);
}

#[test]
fn blocks_of_documents_and_odd_media_types_are_carried() {
    let content = json!([
        {"type": "text", "text": "See."},
        {"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]}},
        {"type": "search_result", "source": "https://a.example", "title": "A", "content": [{"type": "text", "text": "found"}]},
        {"type": "image", "source": {"type": "base64", "media_type": "IMAGE/PNG; charset=utf-8", "data": "AAAA"}},
    ]);
    let body = asking(Dialect::AnthropicMessages, &json!({"messages": [{"role": "user", "content": content}]}));
    let (found, dropped) = sent(Dialect::AnthropicMessages, &target(Dialect::GeminiGenerate), &body);
    let parts = &found["contents"][0]["parts"];
    assert_eq!(parts[1]["text"], "one\n\ntwo", "{found}");
    assert!(parts[2]["text"].as_str().unwrap().contains("found"), "{found}");
    assert_eq!(parts[3]["inlineData"]["mimeType"], "image/png", "{found}");
    assert_eq!(dropped, ["messages.search_result"]);
}

#[test]
fn a_lone_surrogate_within_arguments_is_mended() {
    let call = json!({"id": "k", "type": "function", "function": {"name": "f", "arguments": r#"{"x":"a\ud800b"}"#}});
    let messages = json!([{"role": "user", "content": "hi"}, {"role": "assistant", "content": null, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "k", "content": "done"}]);
    let body = asking(Dialect::OpenaiChat, &json!({"messages": messages}));
    for to in [Dialect::AnthropicMessages, Dialect::GeminiGenerate] {
        let (found, _) = sent(Dialect::OpenaiChat, &target(to), &body);
        assert!(found.to_string().contains("a\u{FFFD}b"), "{found}");
    }
}
