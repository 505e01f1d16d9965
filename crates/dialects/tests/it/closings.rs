//! The closing events of a stream are whole and say everything, whatever the provider left out.

use bytes::Bytes;
use opencredits_dialects::{Dialect, End, Outcome, StreamTap, UsageChunk, read_body, splice_usage, without_mark};
use opencredits_wire::sse::{Event, Framer};
use serde_json::{Value, json};

use Dialect::{AnthropicMessages, GeminiGenerate, OpenaiChat};

const EXTRAS: &str = r#""cost":0.5"#;

/// What a client gets of a stream, fed in pieces of `size`, and its outcome.
fn through(dialect: Dialect, usage_chunk: UsageChunk, stream: &[u8], size: usize) -> (Vec<u8>, Outcome) {
    let mut tap = StreamTap::new(dialect, usage_chunk);
    let mut out = Vec::new();
    for chunk in stream.chunks(size) {
        out.extend_from_slice(&tap.feed(&Bytes::copy_from_slice(chunk)).unwrap());
    }
    let outcome = tap.outcome(End::Clean);
    out.extend_from_slice(&tap.close(EXTRAS));
    (out, outcome)
}

/// The events that a client dispatches: those that end with a blank line.
fn dispatched(stream: &[u8]) -> Vec<String> {
    let mut events = Vec::new();
    let mut framer = Framer::new();
    framer
        .feed(stream, |raw, _| {
            events.extend(Event::read(raw).data.map(|data| String::from_utf8(data.into_owned()).unwrap()));
        })
        .unwrap();
    assert!(framer.take_rest().is_empty(), "an event without its end");
    events
}

/// What a client gets of a stream of these events, the same in pieces of any size.
fn client(dialect: Dialect, usage_chunk: UsageChunk, events: &[&str]) -> Vec<String> {
    let stream: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
    let whole = through(dialect, usage_chunk, stream.as_bytes(), stream.len()).0;
    assert_eq!(through(dialect, usage_chunk, stream.as_bytes(), 1).0, whole);
    dispatched(&whole)
}

fn parsed(events: &[String]) -> Vec<Value> {
    events.iter().filter_map(|event| serde_json::from_str(event).ok()).collect()
}

const WORD: &str = r#"{"choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}]}"#;
const STOP: &str = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
const COUNTS: &str = r#""usage":{"prompt_tokens":30,"completion_tokens":2,"total_tokens":32,"prompt_tokens_details":{"cached_tokens":7}}"#;

#[test]
fn the_usage_that_closes_a_chat_is_complete_wherever_the_provider_told_it() {
    let check = |events: &[&str]| {
        for usage_chunk in [UsageChunk::Requested, UsageChunk::NotRequested] {
            let got = parsed(&client(OpenaiChat, usage_chunk, events));
            let last = got.iter().rev().map(|chunk| &chunk["usage"]).find(|usage| usage.is_object()).unwrap();
            let expect = json!([30, 2, 32, 7, 0.5]);
            let found = json!([
                last["prompt_tokens"],
                last["completion_tokens"],
                last["total_tokens"],
                last["prompt_tokens_details"]["cached_tokens"],
                last["cost"]
            ]);
            assert_eq!(found, expect, "{usage_chunk:?}: {events:?}");
        }
    };
    let with = |chunk: &str, member: &str| chunk.replacen('{', &format!("{{{member},"), 1);
    let within = STOP.replace(r#""finish_reason""#, &format!("{COUNTS},\"finish_reason\""));
    let extension = format!("\"x_groq\":{{{COUNTS}}}");
    check(&[WORD, STOP, &format!("{{\"choices\":[],{COUNTS}}}"), "[DONE]"]);
    check(&[WORD, &with(STOP, COUNTS), "[DONE]"]);
    check(&[WORD, &with(WORD, COUNTS), STOP, "[DONE]"]);
    check(&[WORD, &with(WORD, COUNTS), "[DONE]"]);
    check(&[WORD, &with(STOP, &extension), "[DONE]"]);
    check(&[WORD, &within, "[DONE]"]);
}

#[test]
fn a_usage_object_whose_members_have_other_names_gets_the_charge_too() {
    let usage = r#"{"choices":[],"usage":{"input_tokens":30,"output_tokens":2}}"#;
    for usage_chunk in [UsageChunk::Requested, UsageChunk::NotRequested] {
        let got = parsed(&client(OpenaiChat, usage_chunk, &[WORD, STOP, usage, "[DONE]"]));
        let usages: Vec<_> = got.iter().map(|chunk| &chunk["usage"]).filter(|usage| usage.is_object()).collect();
        assert_eq!(usages, [&json!({"input_tokens": 30, "output_tokens": 2, "cost": 0.5})], "{usage_chunk:?}");
    }
}

#[test]
fn the_usage_that_closes_a_gemini_stream_is_complete_though_its_last_chunk_has_none() {
    let text = r#"{"candidates":[{"content":{"parts":[{"text":"Hi"}]}}],"usageMetadata":{"promptTokenCount":4,"candidatesTokenCount":2,"totalTokenCount":6}}"#;
    let check = |events: &[&str]| {
        let got = parsed(&client(GeminiGenerate, UsageChunk::Requested, events));
        let last = &got.last().unwrap()["usageMetadata"];
        let found =
            json!([last["promptTokenCount"], last["candidatesTokenCount"], last["totalTokenCount"], last["cost"]]);
        assert_eq!(found, json!([4, 2, 6, 0.5]), "{events:?}");
    };
    let finish = r#"{"candidates":[{"finishReason":"STOP"}]}"#;
    check(&[text, &finish.replacen('{', r#"{"usageMetadata":null,"#, 1)]);
    check(&[text, finish]);
    check(&[&text.replace("\"content\"", "\"finishReason\":\"STOP\",\"content\""), r#"{"usageMetadata":null}"#]);
}

#[test]
fn the_mark_of_another_dialect_is_kept_from_gemini_clients() {
    let finish = r#"{"candidates":[{"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":4}}"#;
    for events in [&[finish, "[DONE]"][..], &[r#"{"candidates":[{}]}"#, "[DONE]", finish]] {
        let got = client(GeminiGenerate, UsageChunk::Requested, events);
        assert!(got.iter().all(|event| serde_json::from_str::<Value>(event).is_ok()), "{got:?}");
    }
}

const START: &str =
    r#"{"type":"message_start","message":{"id":"m","content":[],"usage":{"input_tokens":8,"output_tokens":1}}}"#;
const TEXT: &str = r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}"#;
const CALL: &str =
    r#"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","name":"f"}}"#;
const THOUGHT: &str = r#"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":""}}"#;
const END: &str = r#"{"type":"message_stop"}"#;

#[test]
fn a_message_without_a_stop_reason_gets_one() {
    let check = |events: &[&str], expect: &str| {
        let got = parsed(&client(AnthropicMessages, UsageChunk::NotRequested, events));
        let [.., delta, stop] = got.as_slice() else { panic!("{got:?}") };
        assert_eq!((&delta["type"], &stop["type"]), (&json!("message_delta"), &json!("message_stop")), "{events:?}");
        assert_eq!(delta["delta"]["stop_reason"], expect, "{events:?}");
        assert_eq!((&delta["usage"]["input_tokens"], &delta["usage"]["cost"]), (&json!(8), &json!(0.5)), "{events:?}");
        assert!(delta["usage"]["output_tokens"].is_number(), "{events:?}");
        let deltas = got.iter().filter(|event| event["type"] == "message_delta").count();
        assert_eq!(deltas, events.iter().filter(|event| event.contains("message_delta")).count().max(1), "{events:?}");
    };
    let delta = |reason: &str| {
        format!(
            "{{\"type\":\"message_delta\",\"delta\":{{\"stop_reason\":{reason}}},\"usage\":{{\"output_tokens\":2}}}}"
        )
    };
    let (null, length, bare) = (delta("null"), delta("\"max_tokens\""), r#"{"type":"message_delta"}"#);
    check(&[START, TEXT, END], "end_turn");
    check(&[START, CALL, END], "tool_use");
    check(&[START, THOUGHT, TEXT, END], "end_turn");
    check(&[START, TEXT, &null, END], "end_turn");
    check(&[START, CALL, &null, END], "tool_use");
    check(&[START, TEXT, bare, END], "end_turn");
    check(&[START, TEXT, &null, &null, END], "end_turn");
    check(&[START, TEXT, &length, END], "max_tokens");
}

#[test]
fn a_last_event_without_its_blank_line_gets_one() {
    let delta = r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2}}"#;
    for end in ["", "\n"] {
        let stream = format!("data: {START}\n\ndata: {TEXT}\n\ndata: {delta}\n\nevent: message_stop\ndata: {END}{end}");
        let (out, outcome) = through(AnthropicMessages, UsageChunk::NotRequested, stream.as_bytes(), stream.len());
        assert_eq!(dispatched(&out).last().map(String::as_str), Some(END));
        assert!(outcome.is_final());
    }
}

#[test]
fn a_byte_order_mark_is_skipped() {
    let stream = format!("data: {WORD}\n\ndata: {STOP}\n\ndata: [DONE]\n\n");
    let marked = format!("\u{feff}{stream}");
    for size in [1, 2, 3, 4, marked.len()] {
        let got = through(OpenaiChat, UsageChunk::NotRequested, marked.as_bytes(), size).0;
        assert_eq!(got, through(OpenaiChat, UsageChunk::NotRequested, stream.as_bytes(), stream.len()).0, "by {size}");
    }
    let body = "\u{feff}{\"choices\":[{\"message\":{\"content\":\"Hi\"}}]}".as_bytes();
    assert!(read_body(OpenaiChat, body).is_answer());
    let spliced = splice_usage(OpenaiChat, without_mark(body), EXTRAS);
    assert_eq!(serde_json::from_slice::<Value>(&spliced).unwrap()["usage"], json!({"cost": 0.5}));
}
