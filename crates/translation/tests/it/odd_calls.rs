//! Calls of tools as providers stream them: mixed, in pieces, late, broken. None is given as another call than it is.

use crate::response_content::{ResponseContent, content_of_body, content_of_stream};
use crate::translate::through;
use opencredits_translation::{Dialect, Origin, translate_body};
use opencredits_units::Usage;
use serde_json::{Value, json};

const ALL: [Dialect; 4] =
    [Dialect::OpenaiChat, Dialect::AnthropicMessages, Dialect::OpenaiResponses, Dialect::GeminiGenerate];

/// The content in each of the other dialects.
fn others(from: Dialect, read: impl Fn(Dialect) -> ResponseContent) -> Vec<(Dialect, ResponseContent)> {
    ALL.into_iter().filter(|to| *to != from).map(|to| (to, read(to))).collect()
}

fn stream_of(from: Dialect, events: &[Value]) -> String {
    let mut stream: String = events
        .iter()
        .map(|event| match event["type"].as_str().filter(|_| from != Dialect::OpenaiChat) {
            Some(kind) => format!("event: {kind}\ndata: {event}\n\n"),
            None => format!("data: {event}\n\n"),
        })
        .collect();
    if from == Dialect::OpenaiChat {
        stream.push_str("data: [DONE]\n\n");
    }
    stream
}

/// A stream has these calls and this text, in every other dialect.
fn check(from: Dialect, events: &[Value], calls: &[(&str, Value)], text: &str) {
    let stream = stream_of(from, events);
    for (to, found) in others(from, |to| content_of_stream(to, &through(from, to, &stream, 7))) {
        compare(&found, calls, text, &format!("{stream} to {to}"));
    }
}

fn check_whole(from: Dialect, body: &Value, calls: &[(&str, Value)], text: &str) {
    let origin = Origin { vendor: "v".into(), created: 1, ..Origin::default() };
    let whole = |to| translate_body(from, to, body.to_string().as_bytes(), &Usage::default(), &origin).unwrap();
    for (to, found) in others(from, |to| content_of_body(to, &whole(to))) {
        compare(&found, calls, text, &format!("{body} to {to}"));
    }
}

fn compare(found: &ResponseContent, calls: &[(&str, Value)], text: &str, what: &str) {
    // An object without members is nothing in a stream of messages.
    let given = |arguments: &Value| if arguments.is_null() { json!({}) } else { arguments.clone() };
    let found_calls: Vec<(&str, Value)> =
        found.calls.iter().map(|(name, arguments)| (name.as_str(), given(arguments))).collect();
    assert_eq!((found_calls.as_slice(), found.text.as_str()), (calls, text), "{what}");
}

/// A chunk of `openai-chat` with pieces of calls.
fn pieces(calls: Value) -> Value {
    chunk(json!({"tool_calls": calls}))
}

fn chunk(delta: Value) -> Value {
    json!({"id": "c", "choices": [{"index": 0, "delta": delta, "finish_reason": null}]})
}

fn finish(reason: &str) -> Value {
    json!({"id": "c", "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
}

fn piece(index: Value, id: Value, name: Value, arguments: Value) -> Value {
    json!({"index": index, "id": id, "function": {"name": name, "arguments": arguments}})
}

#[test]
fn text_between_a_call_and_its_arguments_does_not_end_the_call() {
    for said in [json!({"content": "mid"}), json!({"refusal": "mid"}), json!({"reasoning_content": "mid"})] {
        let text = if said.get("reasoning_content").is_some() { "" } else { "mid" };
        let events = [
            pieces(json!([piece(json!(0), json!("k0"), json!("a"), json!(""))])),
            chunk(said),
            pieces(json!([piece(json!(0), json!(null), json!(null), json!("{\"x\":"))])),
            pieces(json!([piece(json!(0), json!(null), json!(null), json!("1}"))])),
            finish("tool_calls"),
        ];
        let stream = stream_of(Dialect::OpenaiChat, &events);
        for (to, found) in
            others(Dialect::OpenaiChat, |to| content_of_stream(to, &through(Dialect::OpenaiChat, to, &stream, 7)))
        {
            // A refusal is text in some, and apart in others.
            assert_eq!(found.calls, [("a".to_owned(), json!({"x": 1}))], "{to}");
            assert!(found.text == text || found.text.is_empty(), "{to}: {}", found.text);
        }
    }
}

#[test]
fn another_name_or_another_id_with_a_name_begins_another_call() {
    let two = [("a", json!({"x": 1})), ("b", json!({"y": 2}))];
    let (null, first, second) = (json!(null), json!("{\"x\":1}"), json!("{\"y\":2}"));
    let check = |calls: &[Value], expected: &[(&str, Value)]| {
        let mut events: Vec<Value> = calls.iter().map(|call| pieces(json!([call]))).collect();
        events.push(finish("tool_calls"));
        check(Dialect::OpenaiChat, &events, expected, "");
    };
    let (zero, k) = (json!(0), |id: &str| json!(id));
    // One index for both, without ids, with the same id, with two.
    check(
        &[
            piece(zero.clone(), null.clone(), k("a"), first.clone()),
            piece(zero.clone(), null.clone(), k("b"), second.clone()),
        ],
        &two,
    );
    check(
        &[piece(zero.clone(), k("k"), k("a"), first.clone()), piece(zero.clone(), k("k"), k("b"), second.clone())],
        &two,
    );
    check(
        &[piece(zero.clone(), k("k"), k("a"), first.clone()), piece(zero.clone(), k("l"), k("b"), second.clone())],
        &two,
    );
    // A new id in each piece, the name in the first only.
    check(
        &[piece(zero.clone(), k("k"), k("a"), k("")), piece(zero.clone(), k("l"), null.clone(), first.clone())],
        &two[..1],
    );
    // No index, and an empty name.
    check(&[piece(null.clone(), k("k"), k("a"), k("")), piece(null.clone(), k(""), k(""), first.clone())], &two[..1]);
    // The name repeated, in two parts, or late.
    check(
        &[piece(zero.clone(), k("k"), k("a"), k("{\"x\":")), piece(zero.clone(), k("k"), k("a"), k("1}"))],
        &two[..1],
    );
    check(
        &[piece(zero.clone(), k("k"), k("get_"), k("")), piece(zero.clone(), null.clone(), k("it"), first.clone())],
        &[("get_it", json!({"x": 1}))],
    );
    check(
        &[piece(zero.clone(), k("k"), null.clone(), k("")), piece(zero.clone(), null.clone(), k("a"), first.clone())],
        &two[..1],
    );
    check(
        &[piece(zero.clone(), null.clone(), null.clone(), k("{\"x\":")), piece(zero, k("k"), k("a"), k("1}"))],
        &two[..1],
    );
    // Indices as text, and below zero.
    check(&[piece(k("0"), k("k"), k("a"), first.clone()), piece(k("1"), k("l"), k("b"), second.clone())], &two);
    check(&[piece(json!(-1), k("k"), k("a"), first)], &two[..1]);
    let mixed = [
        piece(json!(0), k("k"), k("a"), k("{\"x\":")),
        piece(json!(1), k("l"), k("b"), k("{\"y\":")),
        piece(json!(0), null.clone(), null.clone(), k("1}")),
        piece(json!(1), null.clone(), null, k("2}")),
    ];
    check(&mixed, &two);
}

#[test]
fn calls_of_a_whole_answer_are_each_their_own() {
    let two = [("a", json!({"x": 1})), ("b", json!({"y": 2}))];
    let body = |calls: Value| {
        let message = json!({"role": "assistant", "content": null, "tool_calls": calls});
        json!({"id": "c", "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]})
    };
    for index in [json!(0), json!(null)] {
        let calls = json!([
            piece(index.clone(), json!("k"), json!("a"), json!("{\"x\":1}")),
            piece(index, json!("k"), json!("b"), json!("{\"y\":2}")),
        ]);
        check_whole(Dialect::OpenaiChat, &body(calls), &two, "");
    }
    let objects = json!([piece(json!(0), json!("k"), json!("a"), json!({"x": 1}))]);
    check_whole(Dialect::OpenaiChat, &body(objects), &two[..1], "");
}

#[test]
fn a_call_that_was_cut_off_or_has_no_name_is_text() {
    let call =
        |name: &str, arguments: &str| pieces(json!([piece(json!(0), json!("k"), json!(name), json!(arguments))]));
    check(Dialect::OpenaiChat, &[call("a", ""), finish("length")], &[], "a()");
    check(Dialect::OpenaiChat, &[call("a", ""), finish("content_filter")], &[], "a()");
    check(Dialect::OpenaiChat, &[call("a", ""), finish("tool_calls")], &[("a", json!({}))], "");
    check(Dialect::OpenaiChat, &[call("", "{\"x\":1}"), finish("tool_calls")], &[], "({\"x\":1})");
    let block = json!({"type": "tool_use", "id": "t", "name": "a", "input": {}});
    let messages = |reason: &str| {
        [
            json!({"type": "message_start", "message": {"id": "m", "model": "m"}}),
            json!({"type": "content_block_start", "index": 0, "content_block": block}),
            json!({"type": "content_block_stop", "index": 0}),
            json!({"type": "message_delta", "delta": {"stop_reason": reason}}),
            json!({"type": "message_stop"}),
        ]
    };
    check(Dialect::AnthropicMessages, &messages("max_tokens"), &[], "a()");
    check(Dialect::AnthropicMessages, &messages("tool_use"), &[("a", json!({}))], "");
    let gemini = |name: Value, reason: &str| {
        let part = json!({"functionCall": {"name": name}});
        [json!({"candidates": [{"content": {"parts": [{"text": "t"}, part]}, "finishReason": reason}]})]
    };
    check(Dialect::GeminiGenerate, &gemini(json!("a"), "MAX_TOKENS"), &[], "ta()");
    check(Dialect::GeminiGenerate, &gemini(json!("a"), "STOP"), &[("a", json!({}))], "t");
    check(Dialect::GeminiGenerate, &gemini(json!(null), "STOP"), &[], "t");
}

#[test]
fn blocks_that_are_open_at_once_keep_their_arguments() {
    let start = |index: u64, name: &str| {
        let block = json!({"type": "tool_use", "id": name, "name": name, "input": {}});
        json!({"type": "content_block_start", "index": index, "content_block": block})
    };
    let delta = |index: u64, json: &str| json!({"type": "content_block_delta", "index": index, "delta": {"type": "input_json_delta", "partial_json": json}});
    let stop = |index: u64| json!({"type": "content_block_stop", "index": index});
    let text = json!({"type": "content_block_start", "index": 2, "content_block": {"type": "text", "text": ""}});
    let word = json!({"type": "content_block_delta", "index": 2, "delta": {"type": "text_delta", "text": "hm"}});
    let unknown = json!({"type": "content_block_start", "index": 3, "content_block": {"type": "of_tomorrow"}});
    let inside = json!({"type": "content_block_delta", "index": 3, "delta": {"type": "text_delta", "text": "NOT"}});
    let events = [
        json!({"type": "message_start", "message": {"id": null, "model": null}}),
        start(0, "a"),
        start(1, "b"),
        text,
        delta(0, "{\"x\":"),
        word,
        delta(1, "{\"y\":2}"),
        unknown,
        inside,
        delta(0, "1}"),
        stop(1),
        stop(0),
        stop(2),
        stop(3),
        json!({"type": "message_delta", "delta": {"stop_reason": "tool_use"}}),
        json!({"type": "message_stop"}),
    ];
    check(Dialect::AnthropicMessages, &events, &[("a", json!({"x": 1})), ("b", json!({"y": 2}))], "hm");
}

#[test]
fn arguments_are_read_wherever_a_stream_of_responses_has_them() {
    let created = json!({"type": "response.created", "response": {"id": "r", "model": "m"}});
    let item = |arguments: Value| json!({"type": "function_call", "id": "f", "call_id": "k", "name": "a", "arguments": arguments});
    let added =
        |arguments: Value| json!({"type": "response.output_item.added", "output_index": 0, "item": item(arguments)});
    let done =
        |arguments: Value| json!({"type": "response.output_item.done", "output_index": 0, "item": item(arguments)});
    let told = |arguments: Value| json!({"type": "response.function_call_arguments.done", "output_index": 0, "arguments": arguments});
    let delta =
        |json: &str| json!({"type": "response.function_call_arguments.delta", "output_index": 0, "delta": json});
    let completed = |output: Value| json!({"type": "response.completed", "response": {"id": "r", "status": "completed", "output": output}});
    let (nothing, given) = (json!(""), json!("{\"x\":1}"));
    let none = || completed(json!([]));
    let check = |events: &[Value]| {
        let events = [std::slice::from_ref(&created), events].concat();
        check(Dialect::OpenaiResponses, &events, &[("a", json!({"x": 1}))], "");
    };
    check(&[added(nothing.clone()), delta("{\"x\":"), delta("1}"), done(given.clone()), none()]);
    check(&[added(nothing.clone()), told(given.clone()), done(nothing.clone()), none()]);
    check(&[added(given.clone()), done(nothing.clone()), none()]);
    check(&[added(nothing.clone()), done(given.clone()), none()]);
    check(&[added(nothing.clone()), done(json!({"x": 1})), none()]);
    check(&[done(given.clone()), none()]);
    check(&[added(nothing), completed(json!([item(given.clone())]))]);
    check(&[completed(json!([item(given.clone())]))]);
    // Each of several ways, which say the same.
    check(&[
        added(given.clone()),
        delta("{\"x\":1}"),
        told(given.clone()),
        done(given.clone()),
        completed(json!([item(given)])),
    ]);
}

#[test]
fn an_item_of_another_kind_between_does_not_end_a_call() {
    let event = |kind: &str, at: u64, more: Value| {
        let mut event = json!({"type": format!("response.{kind}"), "output_index": at});
        event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        event
    };
    let call = |name: &str| json!({"item": {"type": "function_call", "id": name, "call_id": name, "name": name, "arguments": ""}});
    let events = [
        json!({"type": "response.created", "response": {"id": "r", "model": "m"}}),
        event("output_item.added", 0, call("a")),
        event("output_item.added", 1, call("b")),
        event("output_item.added", 2, json!({"item": {"type": "message", "id": "m", "content": []}})),
        event("output_text.delta", 2, json!({"delta": "hm"})),
        event(
            "output_item.done",
            2,
            json!({"item": {"type": "message", "id": "m", "content": [{"type": "output_text", "text": "hm"}]}}),
        ),
        event("function_call_arguments.delta", 1, json!({"delta": "{\"y\":"})),
        event("function_call_arguments.delta", 0, json!({"delta": "{\"x\":1}"})),
        event("output_item.done", 0, call("a")),
        event("function_call_arguments.delta", 1, json!({"delta": "2}"})),
        event("output_item.done", 1, call("b")),
        json!({"type": "response.completed", "response": {"id": "r", "status": "completed", "output": []}}),
    ];
    check(Dialect::OpenaiResponses, &events, &[("a", json!({"x": 1})), ("b", json!({"y": 2}))], "hm");
}

#[test]
fn what_is_of_another_type_does_not_take_the_rest_of_an_answer_with_it() {
    let chat =
        |message: Value| json!({"id": 7, "choices": [{"index": null, "message": message, "finish_reason": "stop"}]});
    for message in [
        json!({"content": ["hi"]}),
        json!({"content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "hi"}]}),
        json!({"content": "hi", "reasoning": {}, "refusal": false}),
        json!({"content": "hi", "reasoning_content": [], "tool_calls": {}}),
        json!({"content": "hi", "tool_calls": [null]}),
        json!({"content": "hi", "tool_calls": null, "reasoning": 7.5, "reasoning_details": "none"}),
    ] {
        let shown = message.to_string();
        let origin = Origin { vendor: "v".into(), created: 1, ..Origin::default() };
        for (to, found) in others(Dialect::OpenaiChat, |to| {
            let body = chat(message.clone()).to_string();
            content_of_body(
                to,
                &translate_body(Dialect::OpenaiChat, to, body.as_bytes(), &Usage::default(), &origin).unwrap(),
            )
        }) {
            assert_eq!(found.text, "hi", "{shown} to {to}");
        }
    }
    let block = json!([{"text": "hi"}]);
    for content in [json!("hi"), block] {
        let body = json!({"type": "message", "id": null, "model": null, "content": content, "stop_reason": "end_turn"});
        check_whole(Dialect::AnthropicMessages, &body, &[], "hi");
    }
    let message = json!({"type": "message", "id": null, "content": [{"type": "output_text", "text": "hi"}]});
    for output in [json!([message]), json!([{"type": "message", "id": null, "content": "hi"}])] {
        let body = json!({"id": null, "model": null, "status": null, "incomplete_details": {"reason": null}, "output": output});
        check_whole(Dialect::OpenaiResponses, &body, &[], "hi");
    }
    for parts in [json!([{"text": "hi", "thought": null}]), json!([null, {"text": "hi"}])] {
        let body = json!({"responseId": 7, "candidates": [{"index": null, "content": {"parts": parts}, "finishReason": "STOP"}]});
        check_whole(Dialect::GeminiGenerate, &body, &[], "hi");
    }
}

#[test]
fn the_reason_for_the_end_fits_the_calls_and_is_known_by_every_word() {
    let origin = Origin { vendor: "v".into(), created: 1, ..Origin::default() };
    let check = |message: Value, reason: &str, expected: &str| {
        let body =
            json!({"id": "c", "choices": [{"index": 0, "message": message, "finish_reason": reason}]}).to_string();
        let (from, to) = (Dialect::OpenaiChat, Dialect::AnthropicMessages);
        let found =
            content_of_body(to, &translate_body(from, to, body.as_bytes(), &Usage::default(), &origin).unwrap());
        assert_eq!(found.finish, expected, "{body}");
    };
    let text = json!({"content": "hi"});
    let call = json!({"content": null, "tool_calls": [piece(json!(0), json!("k"), json!("a"), json!("{}"))]});
    check(text.clone(), "tool_calls", "end_turn");
    check(text.clone(), "stop", "end_turn");
    check(call.clone(), "stop", "tool_use");
    check(call, "tool_calls", "tool_use");
    for word in ["length", "max_tokens", "MAX_TOKENS", "model_length", "model_context_window_exceeded"] {
        check(text.clone(), word, "max_tokens");
    }
    for word in ["content_filter", "safety", "SAFETY", "sensitive"] {
        check(text.clone(), word, "refusal");
    }
    for word in ["network_error", "insufficient_system_resource"] {
        check(text.clone(), word, "max_tokens");
    }
}
