//! What a message can order.

use super::*;

#[test]
fn an_ordered_length_is_exact() {
    for tokens in [0, 1, 11, 12, 500, 131_072] {
        let answer = chat(&format!("sandbox:tokens {tokens}"), json!({"max_tokens": 200_000}));
        assert_eq!(answer["usage"]["completion_tokens"], tokens);
    }
}

#[tokio::main(flavor = "current_thread")]
async fn refused(dialect: Dialect, body: &Value) -> (u16, UpstreamError, HeaderMap) {
    let response = send(dialect, body).await;
    let status = response.status.as_u16();
    let body = response.body.read_all(BODY_BYTES_MAX).await.unwrap();
    (status, UpstreamError::read(status, &body, None), response.headers)
}

#[test]
fn an_error_is_ordered_by_its_status() {
    for dialect in [Dialect::OpenaiChat, Dialect::AnthropicMessages] {
        let check = |what: &str, status: u16, kind: ErrorKind| {
            let body = request(dialect, &format!("sandbox:error {what}"), json!({}));
            let (got, error, headers) = refused(dialect, &body);
            assert_eq!((got, error.kind), (status, kind), "{dialect} {what}");
            let retry = headers.get("retry-after").map(|after| after.to_str().unwrap());
            let wanted = matches!(what, "429" | "503" | "529").then_some("1");
            assert_eq!(retry, wanted, "{dialect} {what}");
        };
        check("400", 400, ErrorKind::InvalidRequest);
        check("401", 401, ErrorKind::OurAccount);
        check("402", 402, ErrorKind::OurAccount);
        check("429", 429, ErrorKind::RateLimited);
        check("500", 500, ErrorKind::Server);
        check("529", 529, ErrorKind::Overloaded);
        check("7", 500, ErrorKind::Server);
    }
    let body = request(Dialect::OpenaiChat, "sandbox:error quota", json!({}));
    assert_eq!(refused(Dialect::OpenaiChat, &body).1.kind, ErrorKind::OurAccount);
    for dialect in [Dialect::OpenaiChat, Dialect::AnthropicMessages] {
        let (status, error, _) = refused(dialect, &request(dialect, "sandbox:error overflow", json!({})));
        assert_eq!((status, error.kind), (400, ErrorKind::ContextLength), "{dialect}");
    }
}

#[test]
fn a_request_that_lacks_something_is_refused() {
    let check = |dialect, body: Value| {
        let (status, error, _) = refused(dialect, &body);
        assert_eq!((status, error.kind), (400, ErrorKind::InvalidRequest), "{body}");
    };
    let hello = json!([{"role": "user", "content": "Hello"}]);
    check(Dialect::OpenaiChat, json!(7));
    check(Dialect::OpenaiChat, json!({"messages": hello}));
    check(Dialect::OpenaiChat, json!({"model": "m"}));
    check(Dialect::OpenaiChat, json!({"model": "m", "messages": []}));
    check(Dialect::OpenaiChat, json!({"model": "m", "messages": hello, "n": 0}));
    check(Dialect::OpenaiChat, json!({"model": "m", "messages": hello, "n": 1_000}));
    check(Dialect::OpenaiChat, json!({"model": "m", "messages": hello, "max_tokens": 0}));
    check(Dialect::AnthropicMessages, json!({"model": "m", "messages": hello}));
    check(Dialect::AnthropicMessages, json!({"model": "m", "messages": hello, "max_tokens": -1}));
    let thinking = json!({"type": "enabled", "budget_tokens": 1024});
    check(
        Dialect::AnthropicMessages,
        json!({"model": "m", "messages": hello, "max_tokens": 1024, "thinking": thinking}),
    );
}

#[test]
fn a_cut_stream_breaks_after_so_many_chunks() {
    for dialect in [Dialect::OpenaiChat, Dialect::AnthropicMessages] {
        for most in [0, 3] {
            let body = request(dialect, &format!("sandbox:cut {most}"), json!({"stream": true}));
            let (chunks, end) = chunks(dialect, &body);
            assert_eq!((chunks.len(), end), (most, Err(TransportError::Broken)));
            assert!(!tapped(dialect, &body).is_final());
        }
    }
}

#[test]
fn a_failing_stream_says_so() {
    for dialect in [Dialect::OpenaiChat, Dialect::AnthropicMessages] {
        let outcome = tapped(dialect, &request(dialect, "sandbox:fail 4", json!({})));
        let error = outcome.error.as_ref().unwrap();
        assert!(matches!(error.kind, ErrorKind::Overloaded | ErrorKind::Server));
        assert!(!outcome.is_final());
    }
}

#[test]
fn an_empty_answer_is_empty() {
    for dialect in [Dialect::OpenaiChat, Dialect::AnthropicMessages] {
        let body = request(dialect, "sandbox:empty", json!({}));
        assert!(tapped(dialect, &body).is_empty());
        let whole = read_body(dialect, answer(dialect, &body).to_string().as_bytes());
        assert!(whole.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_stream_takes_its_time() {
    let check = async |said: &str, head_ms: u64, all_ms: u64| {
        let dialect = Dialect::AnthropicMessages;
        let started = tokio::time::Instant::now();
        let response = send(dialect, &request(dialect, said, json!({"stream": true}))).await;
        assert_eq!(started.elapsed(), Duration::from_millis(head_ms), "{said}");
        response.body.read_all(BODY_BYTES_MAX).await.unwrap();
        assert_eq!(started.elapsed(), Duration::from_millis(all_ms), "{said}");
    };
    check("sandbox:echo a b", 0, 0).await;
    check("sandbox:echo a b sandbox:slow 50", 0, 8 * 50).await;
    check("sandbox:echo a b sandbox:silent 15000", 0, 15_000).await;
    check("sandbox:echo a b sandbox:wait 2000", 2_000, 2_000).await;
}
