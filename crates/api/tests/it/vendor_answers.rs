//! Answers of vendors that their API does not describe: what the client gets is of its own API all the same.

use crate::app::{Answer, Scripted, TestApp, request};
use bytes::Bytes;
use http::Method;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use std::time::Duration;

/// A vendor for each dialect.
const DIALECTS: [&str; 4] = ["openai-chat", "anthropic-messages", "openai-responses", "gemini-generate"];

fn app() -> TestApp {
    let (mut vendors, mut models) = (String::new(), String::new());
    for dialect in DIALECTS {
        vendors.push_str(&format!(
            "[[vendor]]\nid = \"{dialect}\"\ndialect = \"{dialect}\"\nbase_url = \"http://{dialect}.example/v1\"\nauth = \"none\"\nstop_billing = \"ends\"\n"
        ));
        models.push_str(&format!(
            "[[model]]\nid = \"a/{dialect}\"\nvendor = \"{dialect}\"\ncontext_window = 200000\nmax_output_tokens = 1000\nsupports = [\"tools\"]\nprices = {{ input = \"1\", output = \"10\" }}\nper_use = {{ web_search = \"0.01\" }}\n"
        ));
    }
    TestApp::answering(&vendors, &models, "application/json", "{}")
}

/// What a client of `to` gets where a vendor of `from` answers so.
async fn asked(from: &str, to: &str, streamed: bool, answer: Scripted) -> Answer {
    let app = app();
    let (_, key) = app.person(10).await;
    app.script(&format!("{from}.example"), &[answer]);
    let model = format!("a/{from}");
    let (path, body) = match to {
        "openai-responses" => {
            ("/v1/responses".to_owned(), json!({"model": model, "input": "Hello", "stream": streamed}))
        }
        "gemini-generate" => {
            let method = if streamed { "streamGenerateContent?alt=sse" } else { "generateContent" };
            (format!("/v1beta/models/{model}:{method}"), json!({"contents": [{"parts": [{"text": "Hello"}]}]}))
        }
        _ => {
            let path = if to == "openai-chat" { "/v1/chat/completions" } else { "/v1/messages" };
            let messages = json!([{"role": "user", "content": "Hello"}]);
            (path.to_owned(), json!({"model": model, "max_tokens": 20, "messages": messages, "stream": streamed}))
        }
    };
    let answer = app.send(request(Method::POST, &path, &key, body.to_string())).await;
    app.settled();
    answer
}

fn whole(body: &str) -> Scripted {
    Scripted::Answer(200, None, body.to_owned())
}

fn stream(events: &[&str]) -> Scripted {
    Scripted::Stream(events.iter().map(|event| Ok(Bytes::from(format!("data: {event}\n\n")))).collect())
}

#[tokio::test]
async fn who_leaves_after_a_search_pays_for_it_and_for_what_it_found() {
    let app = app();
    let (user, key) = app.person(10).await;
    let before = app.available(&user);
    let events = [
        r#"{"type":"message_start","message":{"id":"m","content":[],"usage":{"input_tokens":8,"output_tokens":1}}}"#,
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"server_tool_use","id":"s","name":"web_search"}}"#,
        r#"{"type":"content_block_stop","index":0}"#,
    ];
    let chunks = events.iter().map(|event| Ok(Bytes::from(format!("data: {event}\n\n")))).collect();
    app.script("anthropic-messages.example", &[Scripted::Paced(chunks, Duration::from_millis(50))]);
    let body = json!({"model": "a/anthropic-messages", "max_tokens": 20, "stream": true,
        "messages": [{"role": "user", "content": "Hello"}],
        "tools": [{"type": "web_search_20250305", "name": "web_search", "max_uses": 1}]});
    let mut response = app.open(request(Method::POST, "/v1/messages", &key, body.to_string())).await;
    assert_eq!(response.status(), 200);
    let mut got = String::new();
    while !got.contains("web_search") {
        let frame = response.body_mut().frame().await.unwrap().unwrap();
        got.push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap());
    }
    drop(response);
    app.drained().await;
    // A cent for the search, 20,008 tokens of input and 8 of output, and the margin.
    assert_eq!(before - app.available(&user), 37_610_000);
    app.settled();
}

const CHAT: &str = r#"{"id":"c","choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":4,"completion_tokens":1}}"#;

#[tokio::test]
async fn a_whole_answer_with_a_byte_order_mark_is_read_and_translated() {
    let marked = format!("\u{feff}{CHAT}");
    let messages = asked("openai-chat", "anthropic-messages", false, whole(&marked)).await;
    assert_eq!(messages.json()["content"][0]["text"], "Hi", "{}", messages.text);
    let chat = asked("openai-chat", "openai-chat", false, whole(&marked)).await;
    assert_eq!(chat.json()["choices"][0]["message"]["content"], "Hi", "{}", chat.text);
    assert!(chat.json()["usage"]["cost"].is_number(), "{}", chat.text);
    let streamed = asked("openai-chat", "anthropic-messages", true, whole(&marked)).await;
    assert!(streamed.text.contains("\"text\":\"Hi\""), "{}", streamed.text);
}

#[tokio::test]
async fn a_list_of_chunks_is_one_object_for_who_asked_for_no_stream() {
    let text = |text: &str, more: &str| {
        format!(
            "{{\"candidates\":[{{\"index\":0,\"content\":{{\"role\":\"model\",\"parts\":[{{\"text\":\"{text}\"}}]}}{more}}}],\"usageMetadata\":{{\"promptTokenCount\":4,\"candidatesTokenCount\":2}}}}"
        )
    };
    let list = format!("[{},\n{}]", text("Hel", ""), text("lo", ",\"finishReason\":\"STOP\""));
    let answer = asked("gemini-generate", "gemini-generate", false, whole(&list)).await.json();
    let parts = answer["candidates"][0]["content"]["parts"].as_array().unwrap();
    let texts: String = parts.iter().filter_map(|part| part["text"].as_str()).collect();
    assert_eq!(texts, "Hello", "{answer}");
    assert_eq!(answer["candidates"][0]["finishReason"], "STOP");
    assert_eq!(answer["usageMetadata"]["promptTokenCount"], 4);
    assert!(answer["usageMetadata"]["cost"].is_number(), "{answer}");
}

#[tokio::test]
async fn an_error_under_a_success_status_is_told_as_if_it_had_its_own() {
    let check = async |dialect: &str, body: &str, status: u16, error_type: &str| {
        for streamed in [false, true] {
            for answer in [whole(body), stream(&[body])] {
                let got = asked(dialect, "openai-chat", streamed, answer).await;
                let found = (got.status.as_u16(), got.json()["error"]["type"].clone());
                assert_eq!(found, (status, json!(error_type)), "{dialect}: {body}");
            }
        }
    };
    for dialect in DIALECTS {
        check(dialect, r#"{"error":{"code":429,"message":"slow down"}}"#, 429, "rate_limit_exceeded").await;
        check(dialect, r#"{"error":{"code":"401","message":"no"}}"#, 502, "provider_unavailable").await;
        check(dialect, r#"{"error":{"status":"INVALID_ARGUMENT","message":"no"}}"#, 400, "invalid_request").await;
        let overflow = r#"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 210000 tokens > 200000 maximum"}}"#;
        check(dialect, overflow, 400, "context_length_exceeded").await;
        check(dialect, r#"{"detail":"busy"}"#, 502, "provider_unavailable").await;
    }
    let failed = r#"{"choices":[{"index":0,"delta":{"content":""},"message":{"content":""},"finish_reason":"error","error":{"code":503,"message":"busy"}}]}"#;
    check("openai-chat", failed, 503, "provider_overloaded").await;
}

#[tokio::test]
async fn counts_without_an_answer_are_a_failure() {
    for (dialect, body) in [
        ("gemini-generate", r#"{"usageMetadata":{"promptTokenCount":4,"totalTokenCount":4}}"#),
        ("openai-chat", r#"{"choices":[],"usage":{"prompt_tokens":4,"completion_tokens":0}}"#),
        ("openai-chat", r#"{"id":"c","usage":{"prompt_tokens":4,"completion_tokens":0}}"#),
        (
            "anthropic-messages",
            r#"{"type":"message","stop_reason":"end_turn","usage":{"input_tokens":4,"output_tokens":0}}"#,
        ),
        ("openai-responses", r#"{"status":"completed","usage":{"input_tokens":4,"output_tokens":0}}"#),
        ("openai-responses", r#"{"status":"failed","output":[],"usage":{"input_tokens":4,"output_tokens":0}}"#),
    ] {
        for to in DIALECTS {
            let answer = asked(dialect, to, false, whole(body)).await;
            assert_eq!(answer.status, 502, "{dialect} to {to}: {body} as {}", answer.text);
        }
    }
    let usage = r#"{"choices":[],"usage":{"prompt_tokens":4,"completion_tokens":0}}"#;
    assert_eq!(asked("openai-chat", "openai-chat", true, stream(&[usage, "[DONE]"])).await.status, 502);
}

#[tokio::test]
async fn an_error_in_mid_stream_is_one_of_the_clients_api() {
    let word = r#"{"id":"c","choices":[{"index":0,"delta":{"content":"Hi"}}]}"#;
    for error in [r#"{"object":"error","message":"busy","code":503}"#, r#"{"detail":"busy"}"#, r#"[{"error":"busy"}]"#]
    {
        let answer = asked("openai-chat", "openai-chat", true, stream(&[word, error, "[DONE]"])).await;
        let data = answer.text.lines().filter_map(|line| line.strip_prefix("data: "));
        let chunks: Vec<Value> = data.filter_map(|data| serde_json::from_str(data).ok()).collect();
        assert!(chunks.iter().all(|chunk| chunk["choices"].is_array()), "{}", answer.text);
        assert_eq!(chunks.last().unwrap()["choices"][0]["finish_reason"], "error", "{}", answer.text);
        let messages = asked("openai-chat", "anthropic-messages", true, stream(&[word, error, "[DONE]"])).await;
        assert!(
            messages.text.contains("event: error\n") && !messages.text.contains("message_stop"),
            "{}",
            messages.text
        );
    }
}

#[tokio::test]
async fn an_answer_without_content_is_asked_for_again_only_where_nobody_bills_it() {
    for (body, is_again) in
        [(r#"{"choices":[],"usage":{"prompt_tokens":4,"completion_tokens":9}}"#, false), ("{}", true)]
    {
        let app = app();
        let (user, key) = app.person(10).await;
        let before = app.available(&user);
        app.script("openai-chat.example", &[whole(body)]);
        let asks =
            json!({"model": "a/openai-chat", "max_tokens": 20, "messages": [{"role": "user", "content": "Hello"}]});
        assert_eq!(app.post("/v1/chat/completions", &key, &asks).await.status, 502, "{body}");
        assert_eq!((app.asked().len() > 1, app.available(&user)), (is_again, before), "{body}");
        app.settled();
    }
}
