//! Tools that take free text, which other dialects give in an object.

use crate::fixtures::{fields, target};
use crate::response_content::events;
use bytes::Bytes;
use opencredits_translation::{
    Dialect, End, Origin, StreamTranslator, ToolNames, Translated, UsageChunk, translate, translate_body,
};
use opencredits_units::Usage;
use serde_json::{Map, Value, json};

const PATCH: &str = "*** Begin \"Patch\"\n+ a";

fn sent(body: &Value) -> (Value, Translated) {
    let fields = fields(body.as_object().unwrap());
    let fields = fields.iter().map(|(name, raw)| (name.as_str(), raw.as_str()));
    let sent = translate(Dialect::OpenaiResponses, &target(Dialect::OpenaiChat), fields).unwrap();
    let fields = sent.fields.iter();
    let body: Map<String, Value> =
        fields.map(|(name, raw)| ((*name).to_owned(), serde_json::from_str(raw).unwrap())).collect();
    (body.into(), sent)
}

#[test]
fn a_tool_of_free_text_becomes_a_function_with_that_text_and_its_calls_follow() {
    let grammar = json!({"type": "grammar", "syntax": "lark", "definition": "start: x"});
    let (found, translated) = sent(&json!({"model": "m",
        "tools": [{"type": "custom", "name": "patch", "description": "d", "format": grammar},
            {"type": "function", "name": "f"}],
        "tool_choice": {"type": "custom", "name": "patch"},
        "input": [{"role": "user", "content": "hi"},
            {"type": "custom_tool_call", "call_id": "c", "name": "patch", "input": PATCH},
            {"type": "custom_tool_call_output", "call_id": "c", "output": "done"},
            {"type": "tool_search_call", "id": "t"}, {"type": "tool_search_output", "id": "t"},
            {"type": "local_shell_call_output", "id": "s", "output": "x"}]}));
    let dropped =
        ["input.local_shell_call_output", "input.tool_search_call", "input.tool_search_output", "tools.format"];
    assert_eq!(
        (translated.dropped, translated.tool_names.custom),
        (dropped.map(str::to_owned).to_vec(), ["patch".to_owned()].into())
    );
    let schema = json!({"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"],
        "additionalProperties": false});
    assert_eq!(found["tools"][0]["function"], json!({"name": "patch", "description": "d", "parameters": schema}));
    assert_eq!(found["tool_choice"], json!({"type": "function", "function": {"name": "patch"}}));
    let arguments = found["messages"][1]["tool_calls"][0]["function"]["arguments"].as_str().unwrap();
    assert_eq!(serde_json::from_str::<Value>(arguments).unwrap(), json!({"input": PATCH}));
    assert_eq!(found["messages"][2], json!({"role": "tool", "tool_call_id": "c", "content": "done"}));
}

fn origin() -> Origin {
    let tool_names = ToolNames { custom: ["patch".to_owned()].into(), ..ToolNames::default() };
    Origin { vendor: "v".into(), created: 1, input: 0, tool_names: Some(tool_names.into()) }
}

fn calls() -> Value {
    let patch = json!({ "input": PATCH }).to_string();
    json!([{"index": 0, "id": "c", "type": "function", "function": {"name": "patch", "arguments": patch}},
        {"index": 1, "id": "d", "type": "function", "function": {"name": "f", "arguments": "{}"}}])
}

#[test]
fn a_call_of_such_a_tool_is_told_as_free_text() {
    let choice = json!({"index": 0, "finish_reason": "tool_calls", "message": {"tool_calls": calls()}});
    let body = json!({"id": "1", "model": "m", "choices": [choice]}).to_string();
    let (from, to) = (Dialect::OpenaiChat, Dialect::OpenaiResponses);
    let given = translate_body(from, to, body.as_bytes(), &Usage::default(), &origin()).unwrap();
    let given: Value = serde_json::from_slice(&given).unwrap();
    let custom = json!({"id": "ctc_1_0", "type": "custom_tool_call", "status": "completed", "call_id": "c",
        "name": "patch", "input": PATCH});
    assert_eq!(given["output"][0], custom);
    assert_eq!(given["output"][1]["type"], "function_call");

    let chunk = json!({"id": "1", "model": "m", "choices": [{"index": 0, "delta": {"tool_calls": calls()}}]});
    let end = json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]});
    let stream = format!("data: {chunk}\n\ndata: {end}\n\ndata: [DONE]\n\n");
    let mut translator = StreamTranslator::new(from, to, origin(), UsageChunk::Requested).unwrap();
    let mut out = translator.feed(&Bytes::from(stream)).unwrap().to_vec();
    let _outcome = translator.outcome(End::Clean);
    out.extend_from_slice(&translator.close("", None));
    let events = events(std::str::from_utf8(&out).unwrap());
    let of = |kind: &str| events.iter().filter(move |event| event["type"] == kind).collect::<Vec<_>>();
    let texts = [("delta", "delta"), ("done", "input")];
    for (kind, member) in texts {
        let found = of(&format!("response.custom_tool_call_input.{kind}"));
        assert_eq!((found.len(), &found[0][member], &found[0]["item_id"]), (1, &json!(PATCH), &custom["id"]));
    }
    assert_eq!(of("response.output_item.done")[0]["item"], custom);
    assert_eq!(of("response.function_call_arguments.done").len(), 1);
    assert_eq!(of("response.completed")[0]["response"]["output"][0], custom);
}
