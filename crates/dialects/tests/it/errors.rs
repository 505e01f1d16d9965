//! What providers say when they refuse: whose fault it is.

use opencredits_dialects::{ErrorKind, UpstreamError};
use opencredits_testkit::recordings;

fn check(status: u16, body: &str, expect: ErrorKind) {
    assert_eq!(UpstreamError::read(status, body.as_bytes(), None).kind, expect, "{status} {body}");
}

#[test]
fn our_own_account_is_told_from_the_persons_request() {
    check(401, r#"{"error":{"message":"Incorrect API key","code":"invalid_api_key"}}"#, ErrorKind::OurAccount);
    check(
        429,
        r#"{"error":{"message":"You exceeded your current quota","code":"insufficient_quota"}}"#,
        ErrorKind::OurAccount,
    );
    check(
        400,
        r#"{"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low to access"}}"#,
        ErrorKind::OurAccount,
    );
    check(
        400,
        r#"[{"error":{"code":400,"message":"API key not valid. Please pass a valid API key."}}]"#,
        ErrorKind::OurAccount,
    );
    check(
        400,
        r#"{"code":"invalid-argument","error":"Incorrect API key provided. You can obtain an API key from https://console.x.ai."}"#,
        ErrorKind::OurAccount,
    );
    check(
        400,
        r#"{"error":{"code":400,"message":"API key expired. Please renew the API key."}}"#,
        ErrorKind::OurAccount,
    );
    check(
        400,
        r#"{"error":{"code":400,"message":"User location is not supported for the API use.","status":"FAILED_PRECONDITION"}}"#,
        ErrorKind::OurAccount,
    );
    check(403, "", ErrorKind::OurAccount);
}

#[test]
fn the_kind_is_read_from_code_type_and_status_in_this_order() {
    check(400, r#"{"error":{"code":"context_length_exceeded","message":"too long"}}"#, ErrorKind::ContextLength);
    check(
        400,
        r#"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 210000 tokens"}}"#,
        ErrorKind::ContextLength,
    );
    check(400, r#"{"error":{"code":"content_policy_violation"}}"#, ErrorKind::ContentPolicy);
    check(429, r#"{"error":{"type":"rate_limit_error"}}"#, ErrorKind::RateLimited);
    check(529, r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#, ErrorKind::Overloaded);
    check(200, r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#, ErrorKind::Overloaded);
    check(400, r#"{"error":"plain words"}"#, ErrorKind::InvalidRequest);
    check(404, "<html>", ErrorKind::NotFound);
    check(413, "", ErrorKind::TooLarge);
    check(504, "", ErrorKind::TimedOut);
    check(500, "", ErrorKind::Server);
}

#[test]
fn filters_and_accounts_are_told_by_their_words_whatever_the_status_is() {
    let says = |status, message: &str, kind| check(status, &format!(r#"{{"error":{{"message":"{message}"}}}}"#), kind);
    for status in [400, 403] {
        says(status, "Content violates usage guidelines.", ErrorKind::ContentPolicy);
        says(status, "Your input was flagged", ErrorKind::ContentPolicy);
        says(status, "Output blocked by content filtering policy", ErrorKind::ContentPolicy);
        says(status, "Content Exists Risk", ErrorKind::ContentPolicy);
    }
    check(400, r#"{"error":{"code":"data_inspection_failed","message":"no"}}"#, ErrorKind::ContentPolicy);
    check(400, r#"{"error":{"code":"1301","message":"no"}}"#, ErrorKind::ContentPolicy);
    says(400, "You have reached your specified API usage limits.", ErrorKind::OurAccount);
    says(400, "This organization has been disabled.", ErrorKind::OurAccount);
    says(404, "Your organization must be verified to use the model", ErrorKind::OurAccount);
    check(429, r#"{"error":{"code":"1113","message":"no"}}"#, ErrorKind::OurAccount);
    check(400, r#"{"code":"Arrearage","message":"no"}"#, ErrorKind::OurAccount);
}

#[test]
fn an_overflow_is_told_in_the_words_of_many() {
    let says = |status, message: &str| {
        let body = format!(r#"{{"error":{{"message":"{message}"}}}}"#);
        check(status, &body, ErrorKind::ContextLength);
    };
    says(400, "The input token count is 1048577 but model only supports up to 1048576");
    says(400, "This model's context length is only 4096 tokens");
    says(422, "`inputs` must have less than 1024 tokens. Given: 1208");
    says(400, "Invalid request: Your request exceeded model token limit: 8192");
    says(400, "Range of input length should be [1, 30720]");
    says(500, "Context size has been exceeded.");
    let behind = r#"{"error":{"code":400,"message":"Provider returned error","metadata":{"raw":"{\"message\":\"prompt is too long\"}"}}}"#;
    check(400, behind, ErrorKind::ContextLength);
    let of =
        |param: &str| format!(r#"{{"error":{{"code":"string_above_max_length","param":"{param}","message":"no"}}}}"#);
    check(400, &of("messages[1].content"), ErrorKind::ContextLength);
    check(400, &of("tools[0].function.name"), ErrorKind::InvalidRequest);
}

#[test]
fn retry_after_is_heeded_and_words_are_cut_but_never_printed() {
    let long = format!(r#"{{"error":{{"message":"{}"}}}}"#, "é".repeat(3_000));
    let error = UpstreamError::read(429, long.as_bytes(), Some(7_000));
    assert_eq!(error.retry_after_ms, Some(7_000));
    assert!(error.message.len() <= 2_000);
    assert!(!format!("{error:?}").contains('é'));
}

#[test]
fn every_recorded_refusal_has_a_kind_and_words() {
    let all = recordings(|row| row.status >= 400 && ["openai-chat", "anthropic-messages"].contains(&row.api.as_str()));
    for recording in all {
        let error = UpstreamError::read(recording.row.status, recording.body.as_bytes(), None);
        assert!(!error.message.is_empty(), "{}", recording.row.file);
        assert_ne!(error.kind, ErrorKind::Server, "{}", recording.row.file);
    }
}

const WORD: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"}}]}\n\n";
const FINISH: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";

fn tap() -> opencredits_dialects::StreamTap {
    opencredits_dialects::StreamTap::new(
        opencredits_dialects::Dialect::OpenaiChat,
        opencredits_dialects::UsageChunk::Requested,
    )
}

#[test]
fn an_answer_that_is_no_json_is_an_error_and_a_broken_event_ends_its_stream() {
    let read = |body: &str| {
        opencredits_dialects::read_body(opencredits_dialects::Dialect::OpenaiChat, body.as_bytes()).error.is_some()
    };
    assert!(read(r#"{"choices":[{"message":{"content":"Hi"}"#));
    assert!(!read(r#"{"choices":[{"message":{"content":"Hi"}}]}"#));
    let mut tap = tap();
    let sent = tap.feed(&format!("{WORD}data: {{\"choices\":[\n\n{WORD}").into()).unwrap();
    assert_eq!(sent, WORD);
    let outcome = tap.outcome(opencredits_dialects::End::Clean);
    assert!(outcome.error.is_some() && !outcome.is_final());
}

#[test]
fn closing_events_that_never_end_are_not_kept_for_ever() {
    let (mut tap, chunk) = (tap(), FINISH.repeat(1_000).into());
    let fed = (0..1_000).take_while(|_| tap.feed(&chunk).is_ok()).count();
    assert!((50..300).contains(&fed), "{fed} chunks of {} bytes", FINISH.len() * 1_000);
}
