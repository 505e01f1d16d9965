//! What released clients send is answered well, and nothing of them goes upstream.

use crate::app::{OUR_KEY, TestApp};
use axum::body::Body;
use http::{HeaderName, HeaderValue, Request};
use serde_json::{Map, Value, json};

/// A value that fits a field of a recorded shape: the recordings hold the shapes alone.
fn value_of(field: &str, shape: &Value, messages: bool) -> Value {
    match field {
        "model" => json!(if messages { "sandbox/claude" } else { "sandbox/gpt" }),
        "messages" => json!([{"role": "user", "content": "Hello"}]),
        "system" => json!("Be brief."),
        "max_tokens" => json!(64),
        "temperature" => json!(1),
        "metadata" => json!({"user_id": "user_canary_account_canary"}),
        "user" => json!("canary"),
        "tools" if messages => {
            json!([{"name": "weather", "description": "Weather", "input_schema": {"type": "object"}}])
        }
        "tools" => json!([{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]),
        "tool_choice" if messages => json!({"type": "auto"}),
        "tool_choice" => json!("auto"),
        "thinking" => json!({"type": "adaptive"}),
        "response_format" => json!({"type": "json_object"}),
        "output_config" => json!({"effort": "low"}),
        "reasoning_effort" => json!("low"),
        _ => shape.clone(),
    }
}

#[tokio::test]
async fn every_request_of_a_released_client_is_answered() {
    let Some(shared) = opencredits_testkit::shared_dir() else {
        return skipped();
    };
    let app = TestApp::new().await;
    let (_, key) = app.person(1_000).await;
    let mut answered = 0;
    for line in std::fs::read_to_string(shared.join("clients/real-requests.jsonl")).unwrap().lines() {
        let sent: Value = serde_json::from_str(line).unwrap();
        let path = sent["path"].as_str().unwrap();
        let messages = path == "/v1/messages";
        if !messages && path != "/v1/chat/completions" {
            continue;
        }
        let fields = sent["body"].as_object().unwrap();
        let mut body: Map<String, Value> =
            fields.iter().map(|(field, shape)| (field.clone(), value_of(field, shape, messages))).collect();
        // The model of the other API first, so that what was last sent is the client's own.
        let own = body.insert("model".to_owned(), json!(if messages { "sandbox/gpt" } else { "sandbox/claude" }));
        let crossed = app.send(rebuilt(&sent, &key, &Value::Object(body.clone()))).await;
        assert_eq!(crossed.status, 200, "{} across: {}", sent["client"], crossed.text);
        assert!(!app.last_sent_text().contains("canary"), "{}", sent["client"]);
        body.extend(own.map(|own| ("model".to_owned(), own)));
        let answer = app.send(rebuilt(&sent, &key, &Value::Object(body))).await;
        assert_eq!(answer.status, 200, "{}: {}", sent["client"], answer.text);
        let (headers, body) = app.last_sent();
        let allowed = ["content-type", "authorization", "x-api-key", "anthropic-version", "anthropic-beta"];
        for (name, value) in &headers {
            assert!(allowed.contains(&name.as_str()), "{}: {name} went upstream", sent["client"]);
            assert!(!value.to_str().unwrap().contains(&key));
        }
        assert!(!body.to_string().contains("canary"), "{}: {body}", sent["client"]);
        assert!(!headers.values().any(|value| value == OUR_KEY) || headers.contains_key("x-api-key"));
        answered += 1;
    }
    assert!(answered > 60, "only {answered} requests were found");
    app.settled();
}

/// The request as its client sent it: its headers, in their order, with our key where its own stood.
fn rebuilt(sent: &Value, key: &str, body: &Value) -> Request<Body> {
    let query =
        sent["query"].as_str().filter(|query| !query.is_empty()).map_or(String::new(), |query| format!("?{query}"));
    let mut request = Request::post(format!("{}{query}", sent["path"].as_str().unwrap()));
    for name in sent["header_names"].as_array().unwrap() {
        let name = name.as_str().unwrap();
        let value = match name {
            "authorization" => format!("Bearer {key}"),
            "x-api-key" => key.to_owned(),
            "content-length" | "transfer-encoding" => continue,
            _ => sent["header_values"][name].as_str().unwrap_or("canary").to_owned(),
        };
        request = request.header(HeaderName::try_from(name).unwrap(), HeaderValue::try_from(value).unwrap());
    }
    request.body(Body::from(body.to_string())).unwrap()
}

#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn skipped() {
    eprintln!("skipped: no shared folder with the clients' requests beside the repository");
}
