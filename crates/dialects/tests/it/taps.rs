//! Taps: what passes is unchanged, the closing events carry what was charged.

use bytes::Bytes;
use opencredits_dialects::{Dialect, End, StreamTap, Trust, UsageChunk, read_body, splice_usage};
use opencredits_testkit::recordings;
use opencredits_units::{Bucket, Tokens};
use opencredits_wire::EventTooLarge;
use proptest::prelude::*;

const EXTRAS: &str = r#""cost":0.5"#;

/// Feeds a stream in chunks of `size` and closes it.
fn through(dialect: Dialect, usage_chunk: UsageChunk, stream: &str, size: usize) -> String {
    let mut tap = StreamTap::new(dialect, usage_chunk);
    let mut out = Vec::new();
    for chunk in stream.as_bytes().chunks(size.max(1)) {
        out.extend_from_slice(&tap.feed(&Bytes::copy_from_slice(chunk)).unwrap());
    }
    let _outcome = tap.outcome(End::Clean);
    out.extend_from_slice(&tap.close(EXTRAS));
    String::from_utf8(out).unwrap()
}

fn chunk(delta: &str, finish: &str) -> String {
    format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{delta},\"finish_reason\":{finish}}}]}}\n\n")
}

const USAGE: &str =
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2,\"total_tokens\":5}}\n\n";
const DONE: &str = "data: [DONE]\n\n";

#[test]
fn usage_goes_where_the_client_expects_it() {
    let stream =
        [chunk(r#"{"content":"Hi"}"#, "null"), chunk("{}", r#""stop""#), USAGE.to_owned(), DONE.to_owned()].concat();
    for size in [1, 7, stream.len()] {
        let asked = through(Dialect::OpenaiChat, UsageChunk::Requested, &stream, size);
        assert_eq!(asked, stream.replace("\"total_tokens\":5}", "\"total_tokens\":5,\"cost\":0.5}"));
        let not_asked = through(Dialect::OpenaiChat, UsageChunk::NotRequested, &stream, size);
        assert!(!not_asked.contains("\"choices\":[]"));
        assert!(not_asked.contains(r#""finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5,"cost":0.5}}"#), "{not_asked}");
    }
}

#[test]
fn usage_that_comes_on_the_finish_chunk_gets_its_own_where_that_was_asked_for() {
    let finish = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}\n\n";
    let stream = [chunk(r#"{"content":"Hi"}"#, "null"), finish.to_owned(), DONE.to_owned()].concat();
    let asked = through(Dialect::OpenaiChat, UsageChunk::Requested, &stream, 9);
    assert!(
        asked.contains(
            "\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2,\"total_tokens\":5,\"cost\":0.5}"
        ),
        "{asked}"
    );
}

#[test]
fn usage_beside_an_empty_choice_after_the_finish_is_still_the_last_chunk() {
    let usage = USAGE.replace("\"choices\":[]", "\"choices\":[{\"delta\":{\"content\":\"\"},\"finish_reason\":null}]");
    let stream = [chunk(r#"{"content":"Hi"}"#, "null"), chunk("{}", r#""stop""#), usage, DONE.to_owned()].concat();
    for size in [1, 7, stream.len()] {
        let asked = through(Dialect::OpenaiChat, UsageChunk::Requested, &stream, size);
        assert_eq!(asked, stream.replace("\"total_tokens\":5}", "\"total_tokens\":5,\"cost\":0.5}"));
        let not_asked = through(Dialect::OpenaiChat, UsageChunk::NotRequested, &stream, size);
        assert_eq!(not_asked.matches("\"usage\"").count(), 1, "{not_asked}");
        assert_eq!(not_asked.matches("\"finish_reason\":\"stop\"").count(), 1, "{not_asked}");
    }
}

#[test]
fn a_chunk_that_has_to_be_made_is_of_the_same_answer() {
    let head = r#""id":"c1","object":"chat.completion.chunk","created":7,"model":"m""#;
    let stream = format!(
        "data: {{{head},\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"Hi\"}},\"finish_reason\":null}}]}}\n\n"
    );
    for usage_chunk in [UsageChunk::Requested, UsageChunk::NotRequested] {
        let out = through(Dialect::OpenaiChat, usage_chunk, &[stream.as_str(), DONE].concat(), stream.len());
        let made: Vec<&str> = out.lines().filter(|line| line.starts_with("data: {")).skip(1).collect();
        assert!(!made.is_empty() && made.iter().all(|line| line.contains(head)), "{out}");
    }
}

#[test]
fn a_choice_that_goes_on_after_another_has_finished_passes() {
    let second = "data: {\"choices\":[{\"index\":1,\"delta\":{\"content\":\"more\"},\"finish_reason\":null}]}\n\n";
    let stream =
        [chunk("{}", r#""stop""#), second.to_owned(), chunk("{}", r#""length""#), USAGE.to_owned(), DONE.to_owned()]
            .concat();
    let out = through(Dialect::OpenaiChat, UsageChunk::Requested, &stream, stream.len());
    assert_eq!(out, stream.replace("\"total_tokens\":5}", "\"total_tokens\":5,\"cost\":0.5}"));
}

#[test]
fn words_that_look_like_usage_are_only_words() {
    let content = r#"{"content":"\"usage\": {\"prompt_tokens\": 999} data: [DONE]"}"#;
    let stream = [chunk(content, "null"), chunk("{}", r#""stop""#), USAGE.to_owned(), DONE.to_owned()].concat();
    let mut tap = StreamTap::new(Dialect::OpenaiChat, UsageChunk::NotRequested);
    tap.feed(&Bytes::from(stream)).unwrap();
    let usage = tap.outcome(End::Clean).usage.unwrap();
    assert_eq!(usage.get(Bucket::InputUncached), Some(Tokens::new(3)));
}

#[test]
fn usage_replaces_and_never_adds() {
    let stream =
        [USAGE, USAGE, "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":4,\"completion_tokens\":1}}\n\n", DONE]
            .concat();
    let mut tap = StreamTap::new(Dialect::OpenaiChat, UsageChunk::Requested);
    tap.feed(&Bytes::from(stream)).unwrap();
    let usage = tap.outcome(End::Clean).usage.unwrap();
    assert_eq!(
        (usage.get(Bucket::InputUncached), usage.get(Bucket::Output)),
        (Some(Tokens::new(4)), Some(Tokens::new(1)))
    );
}

#[test]
fn reasoning_is_added_or_contained_as_the_total_says() {
    let check = |usage: &str, output: u64, reasoning: Option<u64>| {
        let body = format!("{{\"choices\":[{{\"finish_reason\":\"stop\"}}],\"usage\":{usage}}}");
        let found = read_body(Dialect::OpenaiChat, body.as_bytes()).usage.unwrap();
        assert_eq!(found.output_total(), Some(Tokens::new(output)), "{usage}");
        assert_eq!(found.get(Bucket::Reasoning), reasoning.map(Tokens::new), "{usage}");
    };
    check(
        r#"{"prompt_tokens":32,"completion_tokens":9,"total_tokens":135,"completion_tokens_details":{"reasoning_tokens":94}}"#,
        103,
        Some(94),
    );
    check(
        r#"{"prompt_tokens":32,"completion_tokens":100,"total_tokens":132,"completion_tokens_details":{"reasoning_tokens":94}}"#,
        100,
        Some(94),
    );
    check(
        r#"{"prompt_tokens":32,"completion_tokens":9,"total_tokens":41,"completion_tokens_details":{"reasoning_tokens":0}}"#,
        9,
        Some(0),
    );
    check(r#"{"prompt_tokens":32,"completion_tokens":9,"total_tokens":41}"#, 9, None);
}

#[test]
fn a_part_above_its_whole_is_told_and_never_clamped() {
    let body = br#"{"choices":[{"finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":1,"prompt_tokens_details":{"cached_tokens":9}}}"#;
    assert_eq!(read_body(Dialect::OpenaiChat, body).trust, Trust::Contradictory);
    let body = br#"{"stop_reason":"end_turn","usage":{"input_tokens":5,"output_tokens":1,"cache_creation_input_tokens":3,"cache_creation":{"ephemeral_5m_input_tokens":9}}}"#;
    assert_eq!(read_body(Dialect::AnthropicMessages, body).trust, Trust::Contradictory);
}

#[test]
fn placeholder_zeros_do_not_replace_real_input() {
    let stream = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"model\":\"x\",\"usage\":{\"input_tokens\":25,\"output_tokens\":1}}}\n\n\
        event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"input_tokens\":0,\"output_tokens\":15}}\n\n\
        event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
    let mut tap = StreamTap::new(Dialect::AnthropicMessages, UsageChunk::NotRequested);
    tap.feed(&Bytes::from(stream)).unwrap();
    let usage = tap.outcome(End::Clean).usage.unwrap();
    assert_eq!(
        (usage.get(Bucket::InputUncached), usage.get(Bucket::Output)),
        (Some(Tokens::new(25)), Some(Tokens::new(15)))
    );
}

#[test]
fn explicit_zero_usage_is_usage_and_none_is_none() {
    let zero = read_body(Dialect::OpenaiChat, br#"{"choices":[],"usage":{"prompt_tokens":0,"completion_tokens":0}}"#);
    assert_eq!(zero.usage.unwrap().get(Bucket::Output), Some(Tokens::ZERO));
    for body in [r#"{"choices":[]}"#, r#"{"choices":[],"usage":null}"#, r#"{"choices":[],"usage":{}}"#] {
        assert!(read_body(Dialect::OpenaiChat, body.as_bytes()).usage.is_none(), "{body}");
    }
}

#[test]
fn an_event_without_an_end_is_refused() {
    let mut tap = StreamTap::new(Dialect::OpenaiChat, UsageChunk::Requested);
    let chunk = Bytes::from(vec![b'x'; 4 << 20]);
    let refused = (0..8).find_map(|_| tap.feed(&chunk).err());
    assert!(matches!(refused, Some(EventTooLarge { .. })));
}

#[test]
fn every_recorded_stream_passes_unchanged_up_to_its_closing_events() {
    let all = recordings(|row| {
        row.stream && row.status == 200 && ["openai-chat", "anthropic-messages"].contains(&row.api.as_str())
    });
    for recording in all {
        let dialect = recording.row.api.parse().unwrap();
        let [whole, split] =
            [recording.body.len(), 13].map(|size| through(dialect, UsageChunk::Requested, &recording.body, size));
        assert_eq!(whole, split, "{}", recording.row.file);
        let shared = recording.body.bytes().zip(whole.bytes()).take_while(|(a, b)| a == b).count();
        let closing = match dialect {
            Dialect::OpenaiChat => {
                recording.body.find("\"finish_reason\":\"").or(recording.body.find("\"finish_reason\": \""))
            }
            _ => recording.body.find("event: message_delta"),
        };
        if let (Some(closing), true) = (closing, recording.row.body_exact) {
            let last = recording.body[..closing].rfind("\n\n").unwrap_or(0);
            assert!(shared >= last, "{} differs at {shared}, before {last}", recording.row.file);
        }
        assert_eq!(whole.contains("\"cost\":0.5"), closing.is_some(), "{}", recording.row.file);
    }
}

proptest! {
    #[test]
    fn no_bytes_make_a_tap_panic(chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..6)) {
        for dialect in Dialect::ALL {
            let mut tap = StreamTap::new(dialect, UsageChunk::NotRequested);
            for chunk in &chunks {
                let _ = tap.feed(&Bytes::copy_from_slice(chunk));
            }
            let _ = tap.outcome(End::Clean);
            let _ = tap.close(EXTRAS);
            let bytes = chunks.concat();
            let _ = (read_body(dialect, &bytes), splice_usage(dialect, &bytes, EXTRAS));
        }
    }
}

#[test]
fn line_breaks_of_two_bytes_go_out_whole_wherever_they_are_split() {
    let chunk =
        |text: &str| format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}}}}]}}\r\n\r\n");
    let finish = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\r\n\r\n";
    let stream = [&chunk("a"), &chunk("b"), finish, "data: [DONE]\r\n\r\n"].concat();
    let through_in = through;
    let through = |size: usize| through_in(Dialect::OpenaiChat, UsageChunk::Requested, &stream, size);
    let whole = through(stream.len());
    assert!(whole.starts_with(&[chunk("a"), chunk("b")].concat()));
    for size in 1..stream.len() {
        assert_eq!(through(size), whole, "in pieces of {size}");
    }
    // The line feed belongs to the last of three empty lines, and not to the event.
    let stream = [finish.trim_end(), "\r\r\r\r\n", DONE].concat();
    let through = |size: usize| through_in(Dialect::OpenaiChat, UsageChunk::Requested, &stream, size);
    assert_eq!(through(1), through(stream.len()));
}

/// The outcome of a stream that is fed event by event, and that of the same in one piece, which is read event by event.
fn check_alike(dialect: Dialect, stream: &str) {
    let outcome = |pieces: Vec<&str>| {
        let mut tap = StreamTap::new(dialect, UsageChunk::Requested);
        let passed: Vec<Bytes> =
            pieces.iter().map(|piece| tap.feed(&Bytes::copy_from_slice(piece.as_bytes())).unwrap()).collect();
        let outcome = tap.outcome(End::Cut);
        let produced = (outcome.produced.bytes(), outcome.produced.parts());
        (passed.concat(), outcome.usage, outcome.trust, produced, outcome.finish, outcome.service_tier)
    };
    assert_eq!(outcome(stream.split_inclusive("\n\n").collect()), outcome(vec![stream]), "{stream}");
}

#[test]
fn events_of_one_shape_come_to_what_they_say() {
    let chat = |text: &str, noise: &str, count: u64| {
        format!(
            "data: {{\"id\":\"c\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}},\"finish_reason\":null}}],\
             \"usage\":{{\"prompt_tokens\":7,\"completion_tokens\":{count}}},\"obfuscation\":\"{noise}\"}}\n\n"
        )
    };
    let alike = [chat("Hi", "x", 1), chat("", "yy", 2), chat("\\\"ho\\\"", "", 31), chat("\u{5927}\u{962a}", "z", 40)];
    check_alike(Dialect::OpenaiChat, &alike.concat());
    // A part above its whole, in the last one; a tool's call and an error among them.
    let cached = chat("Hi", "x", 5).replace("7,", "7,\"prompt_tokens_details\":{\"cached_tokens\":6},");
    check_alike(Dialect::OpenaiChat, &[cached.clone(), cached.clone(), cached.replace(":6}", ":8}")].concat());
    let call = chunk(r#"{"tool_calls":[{"function":{"arguments":"a"}}]}"#, "null");
    check_alike(Dialect::OpenaiChat, &[alike.concat(), call.clone(), call, alike.concat()].concat());
    let error = "data: {\"error\":{\"message\":\"no\"}}\n\n".to_owned();
    check_alike(Dialect::OpenaiChat, &[alike.concat(), error, alike.concat()].concat());
    let gemini = |text: &str, count: u64| {
        format!(
            "data: {{\"candidates\":[{{\"content\":{{\"parts\":[{{\"text\":\"{text}\"}}]}}}}],\
             \"usageMetadata\":{{\"promptTokenCount\":4,\"candidatesTokenCount\":{count}}}}}\n\n"
        )
    };
    let stream = [gemini("a", 1), gemini("bcd", 22), gemini("", 3)].concat();
    check_alike(Dialect::GeminiGenerate, &stream);
    let mut tap = StreamTap::new(Dialect::GeminiGenerate, UsageChunk::Requested);
    for event in stream.split_inclusive("\n\n") {
        tap.feed(&Bytes::copy_from_slice(event.as_bytes())).unwrap();
    }
    let outcome = tap.outcome(End::Cut);
    assert_eq!(outcome.usage.unwrap().get(Bucket::Output), Some(Tokens::new(3)));
    assert_eq!(outcome.produced.bytes(), 4);
}
