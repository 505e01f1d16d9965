//! Counts at places that a table names: of whole answers, lines and binary events, wherever they are split.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use opencredits_dialects::{End, Outcome, Trust, UsageLayout, UsageLayoutTap, read_usage};
use opencredits_units::{Bucket, Tokens, Usage};
use proptest::prelude::*;

fn form(name: &str) -> &'static UsageLayout {
    UsageLayout::named(name).unwrap()
}

fn of(counts: &[(Bucket, u64)]) -> Option<Usage> {
    let mut usage = Usage::default();
    counts.iter().for_each(|(bucket, count)| usage.set(*bucket, Tokens::new(*count)));
    (!counts.is_empty()).then_some(usage)
}

#[track_caller]
fn check(name: &str, body: &str, counts: &[(Bucket, u64)]) {
    let outcome = read_usage(form(name), body.as_bytes());
    assert_eq!((outcome.usage, outcome.trust), (of(counts), Trust::Sound), "{body}");
}

/// Reads a stream cut in two, at each of its bytes.
#[track_caller]
fn check_stream(name: &str, stream: &[u8], counts: &[(Bucket, u64)]) {
    for at in 0..=stream.len() {
        let (before, after) = stream.split_at(at);
        let outcome = fed(name, &[before, after]).unwrap();
        assert_eq!((outcome.usage, outcome.complete), (of(counts), true), "cut at {at}");
    }
}

fn fed(name: &str, chunks: &[&[u8]]) -> Option<Outcome> {
    let mut tap = UsageLayoutTap::new(form(name));
    chunks.iter().try_for_each(|chunk| tap.feed(chunk)).ok()?;
    Some(tap.outcome(End::Clean))
}

/// A binary event with one header.
fn frame(header: &str, payload: &str) -> Vec<u8> {
    let headers = [&[u8::try_from(header.len()).unwrap()], header.as_bytes(), &[7, 0, 1, b'x']].concat();
    let length = |bytes: usize| u32::try_from(bytes).unwrap().to_be_bytes();
    let all = 16 + headers.len() + payload.len();
    [&length(all)[..], &length(headers.len()), &[9; 4], &headers, payload.as_bytes(), &[9; 4]].concat()
}

use Bucket::{CacheRead, CacheWrite1h, CacheWrite5m, CacheWriteOther, InputUncached, Output};

#[test]
fn each_count_stands_where_the_table_says() {
    check(
        "bedrock-converse",
        r#"{"usage":{"inputTokens":3,"outputTokens":121,"cacheReadInputTokens":1712,"cacheReadInputTokenCount":1712,
            "cacheWriteInputTokens":236,"cacheDetails":[{"ttl":"1h","inputTokens":200},{"ttl":"5m","inputTokens":30}]}}"#,
        &[
            (InputUncached, 3),
            (CacheRead, 1712),
            (CacheWrite1h, 200),
            (CacheWrite5m, 30),
            (CacheWriteOther, 6),
            (Output, 121),
        ],
    );
    check(
        "bedrock-invoke",
        r#"{"prompt_token_count":8,"generation_token_count":35}"#,
        &[(InputUncached, 8), (Output, 35)],
    );
    check(
        "bedrock-invoke",
        r#"{"inputTextTokenCount":5,"results":[{"tokenCount":9}]}"#,
        &[(InputUncached, 5), (Output, 9)],
    );
    check(
        "cohere-v1",
        r#"{"meta":{"billed_units":{"input_tokens":7.0,"output_tokens":9},"tokens":{"input_tokens":70}}}"#,
        &[(InputUncached, 7), (Output, 9)],
    );
    check("cohere-v1", r#"{"meta":{"billed_units":{"images":1}}}"#, &[]);
    check("ollama", r#"{"error":"model not found"}"#, &[]);
}

#[test]
fn what_was_written_for_longer_than_was_written_at_all_is_contradictory() {
    let body = br#"{"usage":{"cacheWriteInputTokens":5,"cacheDetails":[{"ttl":"1h","inputTokens":6}]}}"#;
    assert_eq!(read_usage(form("bedrock-converse"), body).trust, Trust::Contradictory);
    assert_eq!(read_usage(form("ollama"), br#"{"eval_count":-1}"#).trust, Trust::Contradictory);
}

#[test]
fn of_several_lines_the_last_that_has_a_count_holds() {
    let lines = "{\"message\":{\"content\":\"\\\"eval_count\\\":9\"},\"eval_count\":1}\n{\"prompt_eval_count\":18,\"eval_count\":64}\n{}\n";
    let counts = [(InputUncached, 18), (Output, 64)];
    check_stream("ollama", lines.as_bytes(), &counts);
    check_stream("ollama", lines.trim_end().as_bytes(), &counts);
}

#[test]
fn binary_events_are_read_wherever_they_are_split() {
    let usage = r#"{"usage":{"inputTokens":12,"outputTokens":25}}"#;
    let stream = [frame(":event-type", r#"{"delta":{"text":"a"}}"#), frame(":event-type", usage)].concat();
    check_stream("bedrock-converse", &stream, &[(InputUncached, 12), (Output, 25)]);
    let inside = BASE64.encode(r#"{"amazon-bedrock-invocationMetrics":{"inputTokenCount":5,"outputTokenCount":10}}"#);
    let blocked = BASE64.encode(r#"{"outputText":"Input blocked","inputTextTokenCount":6.0}"#);
    let stream: Vec<u8> = [blocked, inside]
        .into_iter()
        .flat_map(|inside| frame(":event-type", &format!("{{\"bytes\":\"{inside}\"}}")))
        .collect();
    check_stream("bedrock-invoke-stream", &stream, &[(InputUncached, 5), (Output, 10)]);
}

#[test]
fn a_binary_stream_that_breaks_off_or_tells_of_an_error_is_not_final() {
    let stream = frame(":event-type", r#"{"usage":{"inputTokens":12}}"#);
    let cut = stream.get(..stream.len() - 1).unwrap();
    assert!(!fed("bedrock-converse", &[cut]).unwrap().complete);
    let error = frame(":exception-type", r#"{"message":"slow down"}"#);
    assert!(!fed("bedrock-converse", &[&error]).unwrap().is_final());
    assert!(fed("bedrock-converse", &[&[0; 16]]).is_none(), "an event of no length");
}

proptest! {
    #[test]
    fn no_bytes_make_a_reader_of_counts_panic(chunks in prop::collection::vec(prop::collection::vec(
        prop_oneof![Just(0_u8), Just(20), Just(b'{'), Just(b'['), Just(b'"'), Just(b'\n'), any::<u8>()], 0..40), 0..6)) {
        let slices: Vec<&[u8]> = chunks.iter().map(Vec::as_slice).collect();
        let _ = fed("bedrock-invoke-stream", &slices);
        let _ = read_usage(form("bedrock-converse"), &chunks.concat());
    }
}
