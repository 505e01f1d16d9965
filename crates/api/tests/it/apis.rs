//! Responses, embeddings and generateContent: passed through, metered and charged like the rest.

use crate::app::{TestApp, request};
use http::Method;
use serde_json::{Value, json};

pub(crate) const VENDORS: &str = r#"
    [[vendor]]
    id = "v"
    dialect = "openai-chat"
    base_url = "http://upstream.example/v1"

    [vendor.also.openai-responses]

    [vendor.also.openai-embeddings]

    [vendor.also.gemini-generate]
    base_url = "http://upstream.example/v1beta"
    auth = "x-goog-api-key"
"#;
pub(crate) const MODELS: &str = r#"
    [[model]]
    id = "a/model"
    vendor = "v"
    upstream_model = "model-1"
    context_window = 100000
    max_output_tokens = 10000
    prices = { input = "1", output = "10", cache_read = "0.1" }

    [[model]]
    id = "a/vectors"
    vendor = "v"
    upstream_model = "vectors-1"
    kind = "embedding"
    context_window = 8000
    max_output_tokens = 1
    prices = { input = "1", output = "0" }
"#;
/// 20 tokens in, 5 of them cached, 7 out: 15 + 0.5 + 70 micro-dollars, and a quarter on top, in nano-dollars.
const CHARGE: i64 = 106_875;

pub(crate) const RESPONSE: &str = r#"{"id":"resp_1","object":"response","model":"model-1","status":"completed",
"output":[{"type":"message","role":"assistant","content":[{"type":"output_text","text":"Hi"}]}],
"usage":{"input_tokens":20,"input_tokens_details":{"cached_tokens":5},"output_tokens":7,"total_tokens":27}}"#;
pub(crate) const GENERATED: &str = r#"{"candidates":[{"content":{"parts":[{"text":"Hi"}]},"finishReason":"STOP"}],
"usageMetadata":{"promptTokenCount":20,"cachedContentTokenCount":5,"candidatesTokenCount":4,"thoughtsTokenCount":3}}"#;
pub(crate) const VECTORS: &str = r#"{"object":"list","data":[{"embedding":[0.5]}],"model":"vectors-1","usage":{"prompt_tokens":8,"total_tokens":8}}"#;

pub(crate) const CHAT: &str = r#"{"id":"c","model":"model-1","choices":[{"index":0,"finish_reason":"stop","message":{"content":"Hi"}}],
"usage":{"prompt_tokens":20,"completion_tokens":7,"total_tokens":27,"prompt_tokens_details":{"cached_tokens":5}}}"#;

/// Each API's path, its request, a whole answer, and where that answer's usage is.
fn apis() -> Vec<(&'static str, Value, &'static str, &'static str)> {
    let messages = json!([{"role": "user", "content": "Hello"}]);
    vec![
        ("/v1/chat/completions", json!({"model": "a/model", "messages": messages}), CHAT, "usage"),
        ("/v1/responses", json!({"model": "a/model", "input": "Hello"}), RESPONSE, "usage"),
        (
            "/v1beta/models/a%2Fmodel:generateContent",
            json!({"contents": [{"parts": [{"text": "Hello"}]}]}),
            GENERATED,
            "usageMetadata",
        ),
    ]
}

#[tokio::test]
async fn the_same_use_costs_the_same_through_each_api() {
    for (path, body, answer, usage) in apis() {
        let app = TestApp::answering(VENDORS, MODELS, "application/json", answer);
        let (user, key) = app.person(10).await;
        let before = app.available(&user);
        let got = app.post(path, &key, &body).await;
        assert_eq!(got.status, 200, "{path}: {}", got.text);
        assert_eq!(before - app.available(&user), CHARGE, "{path}");
        assert_eq!(got.json()[usage]["credits"].to_string(), got.header("x-credits-charged"), "{path}");
        app.settled();
    }
}

#[tokio::test]
async fn a_stream_of_each_api_ends_with_its_charge() {
    let compact = |text: &str| text.replace('\n', "");
    let generated = format!("data: {}\n\n", compact(GENERATED));
    let response = format!(
        "event: response.created\ndata: {{\"type\":\"response.created\",\"response\":{{\"id\":\"resp_1\"}}}}\n\n\
         event: response.output_text.delta\ndata: {{\"type\":\"response.output_text.delta\",\"delta\":\"Hi\"}}\n\n\
         event: response.completed\ndata: {{\"type\":\"response.completed\",\"response\":{}}}\n\n",
        compact(RESPONSE)
    );
    let contents = json!({"contents": [{"parts": [{"text": "Hello"}]}]});
    let asked = json!({"model": "a/model", "input": "Hello", "stream": true});
    let path = "/v1/models/a/model:streamGenerateContent?alt=sse";
    for (path, body, stream) in [("/v1/responses", asked, response), (path, contents, generated)] {
        let app = TestApp::answering(VENDORS, MODELS, "text/event-stream", &stream);
        let (user, key) = app.person(10).await;
        let before = app.available(&user);
        let got = app.post(path, &key, &body).await;
        assert_eq!(got.status, 200, "{path}: {}", got.text);
        assert_eq!(before - app.available(&user), CHARGE, "{path}: {}", got.text);
        assert!(got.text.contains("\"credits\":") && got.text.contains("\"generation_id\":\"gen_"), "{}", got.text);
        app.settled();
    }
}

#[tokio::test]
async fn embeddings_are_charged_by_their_input() {
    let app = TestApp::answering(VENDORS, MODELS, "application/json", VECTORS);
    let (user, key) = app.person(10).await;
    let before = app.available(&user);
    let got = app.post("/v1/embeddings", &key, &json!({"model": "a/vectors", "input": "Hello", "user": "jane"})).await;
    assert_eq!(got.status, 200, "{}", got.text);
    assert_eq!((before - app.available(&user), got.json()["usage"]["prompt_tokens"].as_u64()), (10_000, Some(8)));
    assert_eq!((app.last_path().as_str(), &app.last_sent().1["user"]), ("/v1/embeddings", &Value::Null));
    assert!(got.json()["data"][0]["embedding"].is_array(), "{}", got.text);
    let coded = json!({"model": "a/vectors", "input": "Hello", "encoding_format": "base64"});
    let coded = app.post("/v1/embeddings", &key, &coded).await;
    assert!(
        coded.json()["data"][0]["embedding"].is_string(),
        "the vendor gives numbers, whatever is asked: {}",
        coded.text
    );
    for (path, body) in [
        ("/v1/embeddings", json!({"model": "a/model", "input": "Hello"})),
        ("/v1/chat/completions", json!({"model": "a/vectors", "messages": []})),
    ] {
        assert_eq!(app.post(path, &key, &body).await.status, 400, "{path}");
    }
    app.settled();
}

#[tokio::test]
async fn what_goes_upstream_is_stateless_and_named_as_the_provider_wants_it() {
    let app = TestApp::answering(VENDORS, MODELS, "application/json", GENERATED);
    let (_, key) = app.person_with(opencredits_units::NanoUsd::new(60_000_000)).await;
    let config = json!({"temperature": 0.5});
    let body = json!({"contents": [{"parts": [{"text": "Hello"}]}], "generationConfig": config, "labels": {"a": "b"}});
    let got = app.post("/v1beta/models/a/model:generateContent", &key, &body).await;
    assert_eq!((got.status.as_u16(), got.header("x-opencredits-dropped")), (200, "labels"), "{}", got.text);
    assert_eq!(app.last_path(), "/v1beta/models/model-1:generateContent");
    let (headers, sent) = app.last_sent();
    assert!(headers.contains_key("x-goog-api-key") && !headers.contains_key("authorization"));
    assert!(sent["generationConfig"]["maxOutputTokens"].as_u64().unwrap() < 10_000, "a cap is put in: {sent}");
    assert_eq!((&sent["model"], &sent["stream"]), (&Value::Null, &Value::Null));

    let app = TestApp::answering(VENDORS, MODELS, "application/json", RESPONSE);
    let (_, key) = app.person(10).await;
    app.post("/v1/responses", &key, &json!({"model": "a/model", "input": "Hello", "background": false})).await;
    let sent = app.last_sent().1;
    assert_eq!((&sent["store"], &sent["model"], &sent["background"]), (&json!(false), &json!("model-1"), &Value::Null));
    for field in ["store", "background", "previous_response_id", "conversation"] {
        let value = if field.starts_with(['s', 'b']) { json!(true) } else { json!("resp_1") };
        let refused =
            app.post("/v1/responses", &key, &json!({"model": "a/model", "input": "Hello", field: value})).await;
        assert_eq!((refused.status.as_u16(), refused.json()["error"]["param"].as_str()), (400, Some(field)));
    }
    app.settled();
}

#[tokio::test]
async fn a_key_in_the_address_is_refused_in_the_shape_of_that_api() {
    let app = TestApp::answering(VENDORS, MODELS, "application/json", GENERATED);
    let (_, key) = app.person(10).await;
    let path = format!("/v1beta/models/a/model:generateContent?key={key}");
    let refused = app.send(request(Method::POST, &path, "", "{}".to_owned())).await;
    assert_eq!((refused.status.as_u16(), &refused.json()["error"]["status"]), (400, &json!("INVALID_ARGUMENT")));
    assert!(refused.text.contains("x-goog-api-key") && !refused.text.contains(&key), "{}", refused.text);
    for path in ["/v1/models", "/v1/key", "/healthz", "/v1/chat/completions", "/nowhere", "/v1/messages"] {
        for name in ["key", "%6Bey", "k%65y"] {
            for method in [Method::GET, Method::POST] {
                let path = format!("{path}?a=b&{name}={key}");
                let refused = app.send(request(method, &path, &key, "{}".to_owned())).await;
                assert_eq!(refused.status, 400, "{path}: {}", refused.text);
                assert!(refused.text.contains("replace this one") && !refused.text.contains(&key), "{}", refused.text);
                assert!(!refused.header("x-request-id").is_empty(), "{path}");
            }
        }
    }
    let unknown = app.post("/v1beta/models/nobody:generateContent", &key, &json!({"contents": []})).await;
    assert_eq!((unknown.status.as_u16(), &unknown.json()["error"]["status"]), (404, &json!("NOT_FOUND")));
}

#[tokio::test]
async fn a_stream_that_is_not_asked_for_as_events_is_one_array() {
    let app = TestApp::new().await;
    let (user, key) = app.person(10).await;
    let ask = |text: &str| json!({"contents": [{"role": "user", "parts": [{"text": text}]}]});
    let path = "/v1beta/models/sandbox/gpt:streamGenerateContent";
    let whole = app.post(path, &key, &ask("sandbox:wait 100 Hello")).await;
    assert_eq!(whole.header("content-type"), "application/json; charset=utf-8");
    let chunks = whole.json();
    let last = chunks.as_array().unwrap().last().unwrap();
    assert!(last["usageMetadata"]["credits"].is_number() && app.available(&user) < 10_000_000_000, "{chunks}");
    let events = app.post(&format!("{path}?alt=sse"), &key, &ask("Hello")).await;
    assert!(events.header("content-type").starts_with("text/event-stream"));
    let broken = app.post(path, &key, &ask("sandbox:cut 3")).await.json();
    assert_eq!(broken.as_array().unwrap().last().unwrap()["error"]["status"], "UNAVAILABLE", "{broken}");
    app.settled();
}

const MESSAGE: &str = r#"{"id":"msg_1","type":"message","role":"assistant","model":"model-1","content":[{"type":"text","text":"Hi"}],
"stop_reason":"end_turn","usage":{"input_tokens":15,"cache_read_input_tokens":5,"output_tokens":7}}"#;

/// Conformance: what is billed is what was used, whichever way it was asked for.
#[tokio::test]
async fn the_same_use_ends_in_the_same_entry_through_every_api_and_over_every_dialect() {
    let dialects = [
        ("openai-chat", CHAT),
        ("anthropic-messages", MESSAGE),
        ("openai-responses", RESPONSE),
        ("gemini-generate", GENERATED),
    ];
    let messages = json!([{"role": "user", "content": "Hello"}]);
    let message = json!({"model": "a/model", "max_tokens": 100, "messages": messages});
    for (dialect, answer) in dialects {
        let vendor = format!(
            "[[vendor]]\nid = \"v\"\ndialect = \"{dialect}\"\nbase_url = \"http://upstream.example/v1\"\nauth = \"none\""
        );
        let all = apis().into_iter().map(|(path, body, _, usage)| (path, body, usage));
        for (path, body, usage) in all.chain([("/v1/messages", message.clone(), "usage")]) {
            let app = TestApp::answering(&vendor, MODELS, "application/json", answer);
            let (user, key) = app.person(10).await;
            let before = app.available(&user);
            let got = app.post(path, &key, &body).await;
            assert_eq!(got.status, 200, "{path} over {dialect}: {}", got.text);
            assert_eq!(before - app.available(&user), CHARGE, "{path} over {dialect}");
            assert_eq!(
                got.json()[usage]["credits"].to_string(),
                got.header("x-credits-charged"),
                "{path}: {}",
                got.text
            );
            assert!(got.text.contains("\"Hi\""), "{}", got.text);
            let id = got.header("x-generation-id");
            let record = app.get(&format!("/v1/generation?id={id}"), &key).await.json();
            let counts = &record["data"];
            assert_eq!(
                (&counts["native_tokens_prompt"], &counts["native_tokens_completion"], &counts["native_tokens_cached"]),
                (&json!(20), &json!(7), &json!(5)),
                "{path} over {dialect}: {record}"
            );
            app.settled();
        }
    }
}

#[tokio::test]
async fn every_api_reaches_the_sandbox_and_streams_from_it() {
    let app = TestApp::new().await;
    let (user, key) = app.person(10).await;
    for model in ["sandbox/gpt", "sandbox/claude"] {
        let contents = json!({"contents": [{"parts": [{"text": "Hello"}]}]});
        let path = format!("/v1beta/models/{model}:streamGenerateContent?alt=sse");
        let asked = json!({"model": model, "input": "Hello", "stream": true});
        for (path, body, last) in
            [(path.as_str(), contents, "usageMetadata"), ("/v1/responses", asked, "response.completed")]
        {
            let before = app.available(&user);
            let got = app.post(path, &key, &body).await;
            assert_eq!(got.status, 200, "{path}: {}", got.text);
            assert!(got.text.contains(last) && got.text.contains("\"generation_id\":\"gen_"), "{}", got.text);
            assert!(before > app.available(&user));
            app.settled();
        }
    }
}

#[tokio::test]
async fn tokens_are_counted_by_who_counts_them_else_estimated_and_cost_nothing() {
    let vendor = |more: &str| {
        format!(
            "[[vendor]]\nid = \"v\"\ndialect = \"anthropic-messages\"\nbase_url = \"http://upstream.example/v1\"\n{more}"
        )
    };
    let body = json!({"model": "a/model", "system": "Be brief.", "messages": [{"role": "user", "content": "Hello"}],
        "max_tokens": 100, "metadata": {"user_id": "jane"}});
    let counter =
        TestApp::answering(&vendor("counts_tokens = true"), MODELS, "application/json", "{\"input_tokens\":42}");
    let (user, key) = counter.person(10).await;
    let before = counter.available(&user);
    let counted = counter.post("/v1/messages/count_tokens", &key, &body).await;
    assert_eq!((counted.status.as_u16(), counted.json()), (200, json!({"input_tokens": 42, "estimated": false})));
    assert_eq!(counter.last_path(), "/v1/messages/count_tokens");
    let sent = counter.last_sent().1;
    assert_eq!(
        (&sent["model"], &sent["max_tokens"], &sent["metadata"]),
        (&json!("model-1"), &Value::Null, &Value::Null)
    );
    assert_eq!(before, counter.available(&user));

    let other = TestApp::answering(&vendor(""), MODELS, "application/json", "{}");
    let (user, key) = other.person(10).await;
    let before = other.available(&user);
    let contents = json!({"contents": [{"parts": [{"text": "Hello there, how are you today?"}]}]});
    for (path, body, field) in [
        ("/v1/messages/count_tokens", &body, "input_tokens"),
        ("/v1beta/models/a/model:countTokens", &contents, "totalTokens"),
    ] {
        let counted = other.post(path, &key, body).await.json();
        let tokens = counted[field].as_u64().unwrap();
        assert!((5..40).contains(&tokens) && counted["estimated"] == true, "{path}: {counted}");
    }
    assert_eq!((before, other.upstream.sent.lock().unwrap().len()), (other.available(&user), 0));
    let unknown = other.post("/v1/messages/count_tokens", &key, &json!({"model": "nobody", "messages": []})).await;
    assert_eq!((unknown.status.as_u16(), unknown.json()["error"]["type"].as_str()), (404, Some("not_found_error")));
}
