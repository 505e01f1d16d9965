//! Failures under a success status: whole answers and streams are judged alike.

use bytes::Bytes;
use opencredits_dialects::{Dialect, End, ErrorKind, Outcome, StreamTap, UsageChunk, read_body};

use Dialect::{AnthropicMessages, CohereChat, GeminiGenerate, OpenaiChat, OpenaiEmbeddings, OpenaiResponses};

/// The first event of a stream.
fn first(dialect: Dialect) -> &'static str {
    match dialect {
        OpenaiChat | OpenaiEmbeddings => r#"{"choices":[{"index":0,"delta":{"content":"Hi"}}]}"#,
        AnthropicMessages => r#"{"type":"content_block_delta","delta":{"type":"text_delta","text":"Hi"}}"#,
        OpenaiResponses => r#"{"type":"response.output_text.delta","delta":"Hi"}"#,
        GeminiGenerate => r#"{"candidates":[{"content":{"parts":[{"text":"Hi"}]}}]}"#,
        CohereChat => r#"{"type":"content-delta","delta":{"message":{"content":{"text":"Hi"}}}}"#,
    }
}

/// What passes of a stream of these events, and its outcome.
fn streamed(dialect: Dialect, events: &[&str]) -> (Bytes, Outcome) {
    let mut tap = StreamTap::new(dialect, UsageChunk::Requested);
    let stream: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
    let passed = tap.feed(&Bytes::from(stream)).unwrap();
    (passed, tap.outcome(End::Clean))
}

fn kind_of(outcome: &Outcome) -> Option<ErrorKind> {
    outcome.error.as_ref().map(|error| error.kind)
}

/// An error has its kind as a whole answer and in the middle of a stream, from where it does not pass.
#[track_caller]
fn check(dialect: Dialect, error: &str, expect: ErrorKind) {
    assert_eq!(kind_of(&read_body(dialect, error.as_bytes())), Some(expect), "{dialect}, whole: {error}");
    check_streamed(dialect, error, expect);
}

#[track_caller]
fn check_streamed(dialect: Dialect, error: &str, expect: ErrorKind) {
    let (passed, outcome) = streamed(dialect, &[first(dialect), error, "[DONE]"]);
    assert_eq!(kind_of(&outcome), Some(expect), "{dialect}, streamed: {error}");
    assert_eq!(passed, format!("data: {}\n\n", first(dialect)), "{error}");
    assert!(!outcome.is_final(), "{error}");
}

const CONVERSATIONS: [Dialect; 5] = [OpenaiChat, AnthropicMessages, OpenaiResponses, GeminiGenerate, CohereChat];

#[test]
fn an_error_in_the_shape_of_any_api_is_one_in_every_dialect() {
    for dialect in CONVERSATIONS {
        for error in [
            r#"{"object":"error","message":"busy","code":500}"#,
            r#"{"object":"error","message":"busy","type":"InternalServerError","param":null,"code":500}"#,
            r#"{"detail":"busy"}"#,
            r#"{"detail":[{"loc":["body"],"msg":"busy"}]}"#,
            r#"{"message":"busy"}"#,
            r#"{"msg":"busy"}"#,
            r#"{"errors":[{"message":"busy"}]}"#,
            r#"[{"error":{"message":"busy"}}]"#,
            r#"{"error":"busy"}"#,
            r#"{"type":"error","error":{"type":"api_error","message":"busy"}}"#,
        ] {
            check(dialect, error, ErrorKind::Server);
        }
        let overflow = r#"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 210000 tokens > 200000 maximum"}}"#;
        check(dialect, overflow, ErrorKind::ContextLength);
        check(dialect, r#"{"detail":"prompt is too long"}"#, ErrorKind::ContextLength);
    }
}

#[test]
fn an_error_after_the_finish_reason_is_one_too() {
    let finish = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
    let (_, outcome) = streamed(OpenaiChat, &[first(OpenaiChat), finish, r#"{"detail":"busy"}"#, "[DONE]"]);
    assert!(outcome.error.is_some() && !outcome.is_final());
}

#[test]
fn the_kind_is_that_of_the_status_that_an_error_names() {
    use ErrorKind::{InvalidRequest, NotFound, OurAccount, Overloaded, RateLimited, Server, TimedOut, TooLarge};
    for (status, kind) in [
        (400, InvalidRequest),
        (401, OurAccount),
        (402, OurAccount),
        (403, OurAccount),
        (404, NotFound),
        (408, TimedOut),
        (413, TooLarge),
        (429, RateLimited),
        (500, Server),
        (502, Server),
        (503, Overloaded),
        (504, TimedOut),
        (529, Overloaded),
    ] {
        for dialect in CONVERSATIONS {
            check(dialect, &format!("{{\"error\":{{\"code\":{status},\"message\":\"no\"}}}}"), kind);
            check(dialect, &format!("{{\"error\":{{\"code\":\"{status}\",\"message\":\"no\"}}}}"), kind);
            check(dialect, &format!("{{\"object\":\"error\",\"message\":\"no\",\"code\":{status}}}"), kind);
        }
    }
    for (name, kind) in [
        ("RESOURCE_EXHAUSTED", RateLimited),
        ("UNAVAILABLE", Overloaded),
        ("INVALID_ARGUMENT", InvalidRequest),
        ("DEADLINE_EXCEEDED", TimedOut),
        ("PERMISSION_DENIED", OurAccount),
        ("UNAUTHENTICATED", OurAccount),
        ("NOT_FOUND", NotFound),
        ("INTERNAL", Server),
    ] {
        check(GeminiGenerate, &format!("{{\"error\":{{\"message\":\"no\",\"status\":\"{name}\"}}}}"), kind);
    }
    check(OpenaiChat, r#"{"code":"invalid-argument","error":"no"}"#, InvalidRequest);
    // No status of a failure.
    check(OpenaiChat, r#"{"error":{"code":200,"message":"no"}}"#, Server);
    check(OpenaiChat, r#"{"error":{"code":1302,"message":"no"}}"#, Server);
    check(OpenaiChat, r#"{"error":{"code":400,"message":"maximum context length is 8192"}}"#, ErrorKind::ContextLength);
}

#[test]
fn a_choice_that_failed_without_content_is_a_failure() {
    let choice = |part: &str, content: &str| {
        format!(
            "{{\"choices\":[{{\"index\":0,\"{part}\":{{\"role\":\"assistant\",\"content\":\"{content}\"}},\"finish_reason\":\"error\",\
             \"error\":{{\"code\":429,\"message\":\"slow down\"}}}}]}}"
        )
    };
    let whole = read_body(OpenaiChat, choice("message", "").as_bytes());
    assert_eq!(kind_of(&whole), Some(ErrorKind::RateLimited));
    assert!(whole.is_empty());
    check_streamed(OpenaiChat, &choice("delta", ""), ErrorKind::RateLimited);
    assert!(read_body(OpenaiChat, choice("message", "Hi").as_bytes()).error.is_none());
}

#[test]
fn counts_alone_are_no_answer() {
    let check = |dialect: Dialect, body: &str, expect: bool| {
        let outcome = read_body(dialect, body.as_bytes());
        assert_eq!((outcome.is_answer(), outcome.error.is_none()), (expect, true), "{dialect}: {body}");
    };
    let gemini = r#""usageMetadata":{"promptTokenCount":4}"#;
    check(GeminiGenerate, &format!("{{{gemini}}}"), false);
    check(GeminiGenerate, &format!("{{\"candidates\":[],{gemini}}}"), false);
    check(GeminiGenerate, &format!("{{\"promptFeedback\":{{}},{gemini}}}"), false);
    check(GeminiGenerate, &format!("{{\"promptFeedback\":{{\"blockReason\":\"SAFETY\"}},{gemini}}}"), true);
    check(GeminiGenerate, &format!("{{\"candidates\":[{{\"finishReason\":\"STOP\"}}],{gemini}}}"), true);
    let chat = r#""usage":{"prompt_tokens":4,"completion_tokens":0}"#;
    check(OpenaiChat, &format!("{{{chat}}}"), false);
    check(OpenaiChat, &format!("{{\"choices\":[],{chat}}}"), false);
    check(OpenaiChat, r#"{"choices":[]}"#, false);
    check(OpenaiChat, &format!("{{\"choices\":[{{\"finish_reason\":\"stop\"}}],{chat}}}"), true);
    let messages = r#""usage":{"input_tokens":4,"output_tokens":0}"#;
    check(AnthropicMessages, &format!("{{\"stop_reason\":\"end_turn\",{messages}}}"), false);
    check(AnthropicMessages, &format!("{{\"content\":[],\"stop_reason\":\"end_turn\",{messages}}}"), true);
    check(OpenaiResponses, &format!("{{\"status\":\"completed\",{messages}}}"), false);
    check(OpenaiResponses, &format!("{{\"status\":\"completed\",\"output\":[],{messages}}}"), true);
    check(OpenaiEmbeddings, r#"{"data":[{"embedding":[1]}],"usage":{"prompt_tokens":4}}"#, true);
}

#[test]
fn a_response_that_failed_is_a_failure_and_one_that_goes_on_is_none() {
    let output = r#""output":[{"type":"message","content":[{"type":"output_text","text":"Hi"}]}]"#;
    let response = |status: &str, more: &str| format!("{{\"status\":\"{status}\",{output}{more}}}");
    let whole = |status: &str, more: &str| kind_of(&read_body(OpenaiResponses, response(status, more).as_bytes()));
    for status in ["failed", "cancelled"] {
        assert_eq!(whole(status, ""), Some(ErrorKind::Server), "{status}");
    }
    for status in ["completed", "incomplete", "in_progress", "queued"] {
        assert_eq!(whole(status, ""), None, "{status}");
    }
    let error = r#","error":{"code":"rate_limit_exceeded","message":"slow down"}"#;
    assert_eq!(whole("failed", error), Some(ErrorKind::RateLimited));
    let event = |kind: &str, status: &str, more: &str| {
        format!("{{\"type\":\"response.{kind}\",\"response\":{}}}", response(status, more))
    };
    for (kind, status) in
        [("failed", "failed"), ("cancelled", "cancelled"), ("completed", "failed"), ("done", "cancelled")]
    {
        check_streamed(OpenaiResponses, &event(kind, status, ""), ErrorKind::Server);
        check_streamed(OpenaiResponses, &event(kind, status, error), ErrorKind::RateLimited);
    }
    let (_, outcome) = streamed(OpenaiResponses, &[&event("incomplete", "incomplete", "")]);
    assert!(outcome.is_final());
}
