//! What released clients send is answered well, and nothing of them goes upstream.

use crate::apis::{MODELS, RESPONSE, VECTORS, VENDORS};
use crate::app::TestApp;
use axum::body::Body;
use http::{HeaderName, HeaderValue, Request};
use serde_json::{Map, Value, json};

/// Stands wherever a client says who or where it is.
const WHO: &str = "canary";
/// How a model that a path names is called in the recordings.
const NAMED: &str = "gemini-2.5-flash";
/// A stream of `gemini-generate` and one of `openai-responses`.
const GENERATED: &str = concat!(
    "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Hi\"}]},\"finishReason\":\"STOP\"}],",
    "\"usageMetadata\":{\"promptTokenCount\":20,\"candidatesTokenCount\":7}}\n\n"
);
const RESPONDED: &str = concat!(
    "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"Hi\"}\n\n",
    "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"id\":\"resp_1\",",
    "\"status\":\"completed\",\"usage\":{\"input_tokens\":20,\"output_tokens\":7}}}\n\n"
);

/// A request as its client sent it: the recordings hold shapes alone.
struct Sent(Value);

impl Sent {
    fn path(&self) -> &str {
        self.0["path"].as_str().unwrap()
    }

    fn client(&self) -> &str {
        self.0["client"].as_str().unwrap()
    }

    fn is_for_us(&self) -> bool {
        !self.client().starts_with("stripe")
    }

    /// The body with values that fit its shapes, and a model.
    fn body(&self, model: &str) -> String {
        let fields = self.0["body"].as_object().unwrap();
        let mut body: Map<String, Value> =
            fields.iter().map(|(field, shape)| (field.clone(), value_of(field, shape, self.path()))).collect();
        if body.contains_key("model") {
            body.insert("model".to_owned(), model.into());
        }
        if body.is_empty() { String::new() } else { Value::Object(body).to_string() }
    }

    /// The request with its headers in their order, and our key where its own stood.
    fn rebuilt(&self, key: &str, model: &str) -> Request<Body> {
        let query = self.0["query"].as_str().filter(|query| !query.is_empty());
        let query = query.map_or(String::new(), |query| format!("?{query}"));
        let path = self.path().replace(NAMED, model).replace("openai%2Fgpt-5-mini", "sandbox%2Fgpt");
        let mut request = Request::builder().method(self.0["method"].as_str().unwrap()).uri(format!("{path}{query}"));
        for name in self.0["header_names"].as_array().unwrap() {
            let name = name.as_str().unwrap();
            let value = match name {
                "authorization" => format!("Bearer {key}"),
                "x-api-key" | "x-goog-api-key" => key.to_owned(),
                "content-length" | "transfer-encoding" => continue,
                _ => self.0["header_values"][name].as_str().unwrap_or(WHO).to_owned(),
            };
            request = request.header(HeaderName::try_from(name).unwrap(), HeaderValue::try_from(value).unwrap());
        }
        request.body(Body::from(self.body(model))).unwrap()
    }

    /// Who answers it, by which model: those of the sandbox, and a provider that speaks its API.
    fn served_by<'a>(&self, sandbox: &'a TestApp, own: Option<&'a TestApp>) -> Vec<(&'a TestApp, &'static str)> {
        let both = vec![(sandbox, "sandbox/gpt"), (sandbox, "sandbox/claude")];
        match own {
            Some(own) if self.path() == "/v1/embeddings" => vec![(own, "a/vectors")],
            own => both.into_iter().chain(own.map(|own| (own, "a/model"))).collect(),
        }
    }

    /// A provider that speaks its API, where the sandbox has none.
    fn own(&self) -> Option<TestApp> {
        let (kind, answer) = match (self.path(), self.0["body"]["stream"] == true) {
            ("/v1/embeddings", _) => ("application/json", VECTORS.to_owned()),
            ("/v1/responses", true) => ("text/event-stream", RESPONDED.to_owned()),
            ("/v1/responses", false) => ("application/json", RESPONSE.to_owned()),
            (path, _) if path.contains("stream") => ("text/event-stream", GENERATED.to_owned()),
            (path, _) if !path.contains(NAMED) => return None,
            _ => ("application/json", GENERATED.trim_start_matches("data: ").to_owned()),
        };
        Some(TestApp::answering(VENDORS, MODELS, kind, &answer))
    }
}

/// A value that fits a field of a recorded shape.
fn value_of(field: &str, shape: &Value, path: &str) -> Value {
    let messages = path.starts_with("/v1/messages");
    let schema = json!({"type": "object"});
    match field {
        "messages" => json!([{"role": "user", "content": "Hello"}]),
        "input" if path == "/v1/embeddings" => json!(["Hello", "you"]),
        "input" if shape.is_array() => json!([{"role": "user", "content": [{"type": "input_text", "text": "Hello"}]}]),
        "input" => json!("Hello"),
        "contents" => json!([{"role": "user", "parts": [{"text": "Hello"}]}]),
        "systemInstruction" => json!({"parts": [{"text": "Be brief."}]}),
        "system" => json!("Be brief."),
        "max_tokens" => json!(64),
        "temperature" => json!(1),
        "metadata" => json!({"user_id": "user_canary_account_canary"}),
        "client_metadata" => {
            let names = shape.as_object().unwrap().keys();
            Value::Object(names.map(|name| (name.clone(), WHO.into())).collect())
        }
        "user" | "prompt_cache_key" => json!(WHO),
        "encoding_format" => json!("float"),
        "tools" if messages => json!([{"name": "weather", "description": "Weather", "input_schema": schema}]),
        "tools" if path == "/v1/responses" => json!([{"type": "function", "name": "weather", "parameters": schema}]),
        "tools" if path.contains("/models/") => json!([{"functionDeclarations": [{"name": "weather"}]}]),
        "tools" => json!([{"type": "function", "function": {"name": "weather", "parameters": schema}}]),
        "tool_choice" if messages => json!({"type": "auto"}),
        "tool_choice" => json!("auto"),
        "thinking" => json!({"type": "adaptive"}),
        "response_format" => json!({"type": "json_object"}),
        "output_config" => json!({"effort": "low"}),
        "reasoning_effort" => json!("low"),
        _ => shape.clone(),
    }
}

/// Nothing went upstream but what the list of its dialect names, and nothing of who asked. Says how much went.
fn check_sent(app: &TestApp, client: &str, key: &str) -> usize {
    let sent: Vec<_> = app.upstream.sent.lock().unwrap().drain(..).collect();
    for sent in &sent {
        let allowed: &[&str] = match &*sent.path {
            path if path.contains("/messages") => {
                &["content-type", "authorization", "x-api-key", "anthropic-version", "anthropic-beta"]
            }
            path if path.contains("/models/") => &["content-type", "x-goog-api-key"],
            _ => &["content-type", "authorization"],
        };
        for (name, value) in &sent.headers {
            let value = value.to_str().unwrap();
            let is_ours = (name.as_str(), value) == ("accept-encoding", "identity");
            assert!(is_ours || allowed.contains(&name.as_str()), "{client}: {name} went upstream to {}", sent.path);
            assert!(!value.contains(key) && !value.contains(WHO), "{client}: {name}");
        }
        assert!(!sent.body.contains(WHO) && !sent.body.contains(key), "{client}: {}", sent.body);
        assert!(!sent.path.contains(WHO) && !sent.path.contains(key), "{client}: {}", sent.path);
    }
    sent.len()
}

#[tokio::test]
async fn promise_03_every_request_of_a_released_client_is_answered_and_tells_the_provider_nothing_of_the_person() {
    let Some(shared) = opencredits_testkit::shared_dir() else { return };
    let sandbox = TestApp::new().await;
    let (_, key) = sandbox.person(1_000).await;
    let text = std::fs::read_to_string(shared.join("clients/real-requests.jsonl")).unwrap();
    let mut answered = 0;
    for sent in text.lines().map(|line| Sent(serde_json::from_str(line).unwrap())).filter(Sent::is_for_us) {
        let (client, path) = (sent.client(), sent.path());
        let asks = sent.0["method"] == "POST" && !path.ends_with("count_tokens");
        let own = sent.own();
        // It has books and keys of its own.
        let own_key = match &own {
            Some(own) => own.person(1_000).await.1,
            None => String::new(),
        };
        for (app, model) in sent.served_by(&sandbox, own.as_ref()) {
            let key = if model.starts_with("a/") { &own_key } else { &key };
            let answer = app.send(sent.rebuilt(key, model)).await;
            assert_eq!(answer.status, 200, "{client} {path} by {model}: {}", answer.text);
            assert_eq!(check_sent(app, client, key), usize::from(asks), "{client} {path}");
        }
        own.iter().for_each(TestApp::settled);
        answered += 1;
    }
    assert_eq!(answered, 85, "requests were found");
    sandbox.settled();
}
