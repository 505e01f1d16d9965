//! Large bodies and answers: worked on beside the threads that serve, within the memory budget.

use crate::app::{MEMORY_MAX, Scripted, TestApp, request};
use crate::engine::OnlyOnFiles;
use crate::sockets::{LIMITS, exchange, server};
use http::Method;
use opencredits_api::Limits;
use opencredits_service::{MemoryOwner, Reservation};
use serde_json::{Value, json};
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

/// Beyond what is worked on where it came in.
const LARGE_BYTES: usize = 600_000;

const VENDORS: &str = "[[vendor]]\nid = \"v\"\ndialect = \"openai-chat\"\nbase_url = \"http://v.example/v1\"\nauth = \"none\"\n\
    [[vendor]]\nid = \"w\"\ndialect = \"openai-chat\"\nbase_url = \"http://w.example/v1\"\nauth = \"none\"\n";
const MODELS: &str = "[[model]]\nid = \"a/m\"\nvendor = \"v\"\ncontext_window = 4000000\nmax_output_tokens = 1000000\n\
    prices = { input = \"1\", output = \"10\" }\n\
    [[model.route]]\nvendor = \"w\"\nupstream_model = \"m\"\nprices = { input = \"1\", output = \"10\" }\n";

fn large_text() -> String {
    "The pilot waits for the tide. ".repeat(LARGE_BYTES / 30)
}

fn chat(model: &str, text: &str) -> Value {
    json!({"model": model, "max_tokens": 50, "messages": [{"role": "user", "content": text}]})
}

fn answer(text: &str) -> String {
    json!({"id": "a", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 40, "total_tokens": 49}})
    .to_string()
}

/// Takes of the memory budget, for as long as it is kept.
fn taken(app: &TestApp, owner: Option<MemoryOwner>, bytes: usize) -> Reservation {
    let mut taken = Arc::clone(app.gateway().memory()).reservation([owner, None]);
    taken.grow_to(bytes).unwrap();
    taken
}

#[tokio::test]
async fn a_large_body_is_served_counted_and_charged_through_each_api() {
    let app = TestApp::new().await;
    let (user, key) = app.person(1_000).await;
    let text = large_text();
    let messages = json!([{"role": "user", "content": text}]);
    let gemini = "/v1beta/models/sandbox/gpt:generateContent";
    for (path, body) in [
        ("/v1/chat/completions", chat("sandbox/gpt", &text)),
        ("/v1/messages", json!({"model": "sandbox/gpt", "max_tokens": 50, "messages": messages})),
        ("/v1/messages", json!({"model": "sandbox/gpt", "max_tokens": 50, "messages": messages, "stream": true})),
        ("/v1/responses", json!({"model": "sandbox/claude", "max_output_tokens": 50, "input": text})),
        (gemini, json!({"contents": [{"role": "user", "parts": [{"text": text}]}]})),
    ] {
        let before = app.available(&user);
        let answer = app.post(path, &key, &body).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        assert!(app.last_sent_text().contains(&text), "{path}");
        assert!(before - app.available(&user) > 1_000_000, "{path}");
        app.settled();
    }
    let answer =
        app.post("/v1/messages/count_tokens", &key, &json!({"model": "sandbox/gpt", "messages": messages})).await;
    assert!(answer.json()["input_tokens"].as_u64().unwrap() > 100_000, "{}", answer.text);
}

#[tokio::test]
async fn a_large_answer_is_translated_and_carries_its_charge() {
    let app = TestApp::answering(VENDORS, MODELS, "application/json", &answer(&large_text()));
    let (_, key) = app.person(10).await;
    let asked = json!({"model": "a/m", "max_tokens": 50, "messages": [{"role": "user", "content": "hi"}]});
    for (path, text) in [("/v1/chat/completions", "/choices/0/message/content"), ("/v1/messages", "/content/0/text")] {
        let answer = app.post(path, &key, &asked).await.json();
        assert_eq!(answer.pointer(text).unwrap().as_str().unwrap(), large_text());
        assert!(answer["usage"]["cost"].as_f64().unwrap() > 0.0);
    }
    app.settled();
}

#[tokio::test]
async fn a_client_that_leaves_before_its_large_body_is_sent_pays_nothing() {
    if OnlyOnFiles::Moments.leaves_out() {
        return;
    }
    let app = TestApp::new().await;
    let (user, key) = app.person(1_000).await;
    let before = app.available(&user);
    let asked = request(Method::POST, "/v1/chat/completions", &key, chat("sandbox/gpt", &large_text()).to_string());
    {
        let mut opened = pin!(app.open(asked));
        // It identifies the key, reads the body, and gives it to another thread, which places the hold.
        let held = async {
            while app.available(&user) == before {
                assert!(opened.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), held).await.expect("a hold is placed");
    }
    app.drained().await;
    assert_eq!(app.available(&user), before);
    assert_eq!(app.upstream.sent.lock().unwrap().len(), 0);
}

#[tokio::test]
async fn an_answer_without_room_in_memory_costs_nothing_and_is_asked_for_once() {
    let app = TestApp::answering(VENDORS, MODELS, "application/json", "{}");
    let (user, key) = app.person(10).await;
    let before = app.available(&user);
    for host in ["v.example", "w.example"] {
        app.script(host, &[Scripted::Answer(200, None, answer(&large_text()))]);
    }
    let taken = taken(&app, None, MEMORY_MAX - LARGE_BYTES);
    let refused = app.post("/v1/chat/completions", &key, &chat("a/m", "hi")).await;
    assert_eq!(refused.status, 503, "{}", refused.text);
    assert_eq!((app.available(&user), app.asked().len()), (before, 1));
    app.settled();
    drop(taken);
    let answer = app.post("/v1/chat/completions", &key, &chat("a/m", "hi")).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

#[tokio::test]
async fn an_address_has_a_share_of_the_memory_also_behind_a_proxy() {
    let limits = Limits { trusted_proxies: vec!["127.0.0.1".parse().unwrap()], ..LIMITS };
    let server = server(limits).await;
    let greedy = MemoryOwner::Address("203.0.113.5".parse().unwrap());
    let _taken = taken(&server.app, Some(greedy), MEMORY_MAX / 4);
    let body = chat("sandbox/gpt", &"x".repeat(200_000)).to_string();
    for (forwarded, status) in [
        ("203.0.113.5", "503"),
        ("198.51.100.7, 203.0.113.5", "503"),
        // Only the last address is the proxy's word.
        ("203.0.113.5, 198.51.100.7", "200"),
        ("198.51.100.7", "200"),
    ] {
        let asked = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\nconnection: close\r\nx-forwarded-for: {forwarded}\r\n\
             authorization: Bearer {}\r\ncontent-length: {}\r\n\r\n{body}",
            server.key,
            body.len()
        );
        let answer = exchange(server.address, asked.as_bytes()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{forwarded}: {answer}");
        assert!(status == "200" || answer.to_ascii_lowercase().contains("retry-after: "), "{answer}");
    }
}

#[tokio::test]
async fn what_a_translation_keeps_of_a_stream_counts_as_memory() {
    let app = TestApp::answering(VENDORS, MODELS, "application/json", "{}");
    let (_, key) = app.person(10).await;
    let delta = json!({"id": "a", "object": "chat.completion.chunk", "created": 1, "model": "m",
        "choices": [{"index": 0, "delta": {"content": "x".repeat(40_000)}, "finish_reason": null}]});
    let mut chunks = vec![Ok(format!("data: {delta}\n\n").into()); 40];
    let end = json!({"id": "a", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]});
    chunks.push(Ok(format!("data: {end}\n\ndata: [DONE]\n\n").into()));
    for (path, body) in [
        ("/v1/responses", json!({"model": "a/m", "max_output_tokens": 500_000, "input": "hi", "stream": true})),
        (
            "/v1/chat/completions",
            json!({"model": "a/m", "stream": true, "messages": [{"role": "user", "content": "hi"}]}),
        ),
    ] {
        for host in ["v.example", "w.example"] {
            app.script(host, &[Scripted::Stream(chunks.clone())]);
        }
        // 1.6 MB pass; a translation into this dialect repeats them at its end.
        let taken = taken(&app, None, MEMORY_MAX - (1 << 20));
        let answer = app.post(path, &key, &body).await;
        let was_cut = answer.text.contains("\"error\"");
        assert_eq!(was_cut, path == "/v1/responses", "{path}: {}", &answer.text[answer.text.len() - 300..]);
        drop(taken);
        app.drained().await;
    }
}

#[tokio::test]
async fn a_body_of_many_small_objects_needs_the_memory_that_its_work_takes() {
    let app = TestApp::answering(VENDORS, MODELS, "application/json", &answer("Hi"))
        .with_front(|settings| settings.body_bytes_max = 16 << 20);
    let (_, key) = app.person(10_000).await;
    let check = async |messages: usize, status: u16| {
        let message = json!({"role": "user", "content": "a"});
        let body = json!({"model": "a/m", "max_tokens": 50, "messages": vec![message; messages]});
        let answer = app.post("/v1/chat/completions", &key, &body).await;
        assert_eq!(answer.status, status, "{messages}: {}", answer.text);
    };
    check(20_000, 200).await;
    // A client may have a quarter of the budget.
    check(MEMORY_MAX / 4 / 600, 503).await;
    assert_eq!(app.gateway().memory().reserved(), 0);
    check(20_000, 200).await;
}
