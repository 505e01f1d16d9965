//! What the canary asks for: each route, answered, streamed, refused and cut.

use base64::Engine;
use http::Method;
use serde_json::{Value, json};

/// Stands in every prompt, and comes back in every answer of `sandbox:echo`.
pub(crate) const MARK: &str = "cAnArY7f3aPrOmPt";

/// A marked file, in base64.
pub(crate) fn file() -> String {
    base64::engine::general_purpose::STANDARD.encode(MARK.repeat(3))
}

/// A request, and the status that it gets.
pub(crate) struct PriceRequest {
    pub(crate) what: &'static str,
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) body: String,
    pub(crate) status: u16,
    /// An idempotency key that others have, too.
    pub(crate) again: Option<&'static str>,
}

impl PriceRequest {
    pub(crate) fn post(what: &'static str, path: impl Into<String>, body: &Value, status: u16) -> Self {
        Self { what, method: Method::POST, path: path.into(), body: body.to_string(), status, again: None }
    }

    fn of(method: Method, path: String, status: u16) -> Self {
        Self { what: "a look-up", method, path, body: String::new(), status, again: None }
    }
}

/// What the sandbox is told, and the status of a whole and of a streamed answer.
pub(crate) struct Outcome {
    pub(crate) text: &'static str,
    pub(crate) whole: u16,
    pub(crate) streamed: u16,
}

const OUTCOMES: [Outcome; 9] = [
    Outcome { text: "Hello", whole: 200, streamed: 200 },
    Outcome { text: "sandbox:echo", whole: 200, streamed: 200 },
    Outcome { text: "sandbox:error 400", whole: 400, streamed: 400 },
    Outcome { text: "sandbox:error 401", whole: 502, streamed: 502 },
    Outcome { text: "sandbox:error 500", whole: 502, streamed: 502 },
    Outcome { text: "sandbox:cut 2", whole: 502, streamed: 200 },
    Outcome { text: "sandbox:fail 2", whole: 200, streamed: 200 },
    Outcome { text: "sandbox:refusal", whole: 200, streamed: 200 },
    Outcome { text: "sandbox:empty", whole: 200, streamed: 200 },
];

/// Every route that infers, by a model of its own dialect and by one of another, whole and streamed.
pub(crate) fn inference(outcome: &Outcome) -> Vec<PriceRequest> {
    let Outcome { text, whole, streamed } = outcome;
    let content = format!("{text} {MARK}");
    let mut all = Vec::new();
    for model in ["sandbox/gpt", "sandbox/claude"] {
        for (stream, status) in [(false, *whole), (true, *streamed)] {
            let chat = json!({"model": model, "max_tokens": 50, "stream": stream, "user": MARK, "prompt_cache_key": MARK,
                "metadata": {"note": MARK}, "session_id": MARK, "messages": [{"role": "user", "content": content}]});
            let messages = json!({"model": model, "max_tokens": 50, "stream": stream, "system": MARK,
                "metadata": {"user_id": MARK}, "messages": [{"role": "user", "content": content}]});
            let responses = json!({"model": model, "max_output_tokens": 50, "stream": stream, "instructions": MARK,
                "user": MARK, "metadata": {"note": MARK}, "input": content});
            all.push(PriceRequest::post(text, "/v1/chat/completions", &chat, status));
            all.push(PriceRequest::post(text, "/v1/messages?beta=true", &messages, status));
            all.push(PriceRequest::post(text, "/v1/responses", &responses, status));
            for version in ["v1", "v1beta"] {
                let method = if stream { "streamGenerateContent?alt=sse" } else { "generateContent" };
                let contents = json!({"contents": [{"role": "user", "parts": [{"text": content}]}],
                    "systemInstruction": {"parts": [{"text": MARK}]}, "labels": {"who": MARK}});
                all.push(PriceRequest::post(text, format!("/{version}/models/{model}:{method}"), &contents, status));
            }
        }
    }
    all
}

/// Files, sounds and what tools said, in the words of each API.
fn parts() -> Vec<PriceRequest> {
    let file = file();
    let url = |kind: &str| format!("data:{kind};base64,{file}");
    let chat = |model: &str, messages: Value| json!({"model": model, "max_tokens": 50, "messages": messages});
    let of = |content: Value| json!([{"role": "user", "content": content}]);
    let said = json!({"type": "text", "text": format!("sandbox:echo {MARK}")});
    let image = json!({"type": "image_url", "image_url": {"url": url("image/png")}});
    let pdf = json!({"type": "file", "file": {"filename": MARK, "file_data": url("application/pdf")}});
    let sound = json!({"type": "input_audio", "input_audio": {"data": file, "format": "wav"}});
    let called = json!([{"role": "user", "content": MARK},
        {"role": "assistant", "content": null, "tool_calls": [{"id": "call_1", "type": "function",
            "function": {"name": "look", "arguments": json!({"at": MARK}).to_string()}}]},
        {"role": "tool", "tool_call_id": "call_1", "content": MARK}]);
    let source = |kind: &str| json!({"type": "base64", "media_type": kind, "data": file});
    let picture = json!({"type": "image", "source": source("image/png")});
    let document = json!({"type": "document", "title": MARK, "source": source("application/pdf")});
    let used = json!([{"role": "user", "content": MARK},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"at": MARK}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": MARK}]}]);
    let output = json!([{"type": "function_call", "call_id": "call_1", "name": "look", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "call_1", "output": MARK}]);
    let answered =
        json!([{"role": "user", "parts": [{"text": MARK}, {"inlineData": {"mimeType": "image/png", "data": file}}]}]);
    let mut all = Vec::new();
    for model in ["sandbox/gpt", "sandbox/claude"] {
        let chats = [
            ("a picture", of(json!([image, said]))),
            ("a document", of(json!([pdf, said]))),
            ("a tool's word", called.clone()),
        ];
        all.extend(
            chats.map(|(what, messages)| PriceRequest::post(what, "/v1/chat/completions", &chat(model, messages), 200)),
        );
        let messages = [
            ("a picture", of(json!([picture, said]))),
            ("a document", of(json!([document, said]))),
            ("a tool's word", used.clone()),
        ];
        all.extend(
            messages.map(|(what, messages)| PriceRequest::post(what, "/v1/messages", &chat(model, messages), 200)),
        );
        all.push(PriceRequest::post("a tool's word", "/v1/responses", &json!({"model": model, "input": output}), 200));
        let path = format!("/v1beta/models/{model}:generateContent");
        all.push(PriceRequest::post("a picture", path, &json!({"contents": answered}), 200));
    }
    all.push(PriceRequest::post(
        "a sound",
        "/v1/chat/completions",
        &chat("sandbox/gpt", of(json!([sound, said]))),
        200,
    ));
    all.push(PriceRequest::post("a sound", "/v1/chat/completions", &chat("sandbox/claude", of(json!([sound]))), 400));
    all
}

/// What is refused before it is sent.
fn refused(key: &str) -> Vec<PriceRequest> {
    let messages = json!([{"role": "user", "content": MARK}]);
    let mut all = Vec::new();
    for path in ["/v1/chat/completions", "/v1/messages", "/v1/responses", "/v1/embeddings", "/v1/messages/count_tokens"]
    {
        let what = "a refusal";
        all.push(PriceRequest::post(what, path, &json!({"model": MARK, "messages": [MARK], "input": MARK}), 404));
        let wrong = json!({"model": "sandbox/gpt", "max_tokens": MARK, "max_output_tokens": MARK, "messages": MARK, "input": {MARK: 1}});
        all.push(PriceRequest::post(what, path, &wrong, 400));
        all.push(PriceRequest {
            body: format!("{{\"model\":\"{MARK}"),
            ..PriceRequest::post(what, path, &Value::Null, 400)
        });
        all.push(PriceRequest { body: MARK.repeat(1 << 17), ..PriceRequest::post(what, path, &Value::Null, 413) });
        all.push(PriceRequest::post(
            what,
            format!("{path}?key={key}"),
            &json!({"model": MARK, "messages": messages}),
            400,
        ));
        all.push(PriceRequest::of(Method::GET, format!("{path}?{MARK}"), 405));
    }
    let chat = json!({"model": "sandbox/gpt", "max_tokens": 9, "messages": messages, MARK: 1});
    for status in [200, 409] {
        let again = Some("cAnArY7f3aPrOmPt-again");
        all.push(PriceRequest { again, ..PriceRequest::post("the same twice", "/v1/chat/completions", &chat, status) });
    }
    all
}

/// What is looked up, with marks wherever something may stand.
fn look_ups(key: &str) -> Vec<PriceRequest> {
    let get = |path: String, status| PriceRequest::of(Method::GET, path, status);
    let mut all = Vec::new();
    for path in [
        "/v1/key",
        "/v1/credits/balance",
        "/v1/models",
        "/v1/features",
        "/",
        "/healthz",
        "/readyz",
        "/v1/models/sandbox%2Fgpt",
        "/v1/models/sandbox/gpt/endpoints",
        "/v1/credits/pricing",
    ] {
        all.push(get(path.to_owned(), 200));
        all.push(get(format!("{path}?{MARK}={MARK}"), 200));
        all.push(get(format!("{path}?a=b&%6bey={key}"), 400));
    }
    all.extend(
        [
            (format!("/v1/models/{MARK}"), 404),
            (format!("/v1/models/{MARK}/endpoints"), 404),
            (format!("/v1/generation?id={MARK}"), 400),
            ("/v1/generation?id=gen_00000000000000000000000001".to_owned(), 404),
            (format!("/v1/credits/pricing?models={MARK}"), 404),
            (format!("/v1/credits/pricing?publishable_key={MARK}"), 400),
            (format!("/v1/credits/pricing?input_tokens={MARK}"), 400),
            (format!("/{MARK}"), 404),
            (format!("/v1/{MARK}?{MARK}"), 404),
        ]
        .map(|(path, status)| get(path, status)),
    );
    let quote = "/v1/credits/pricing";
    all.push(PriceRequest::post("a quote", quote, &json!({"models": ["sandbox/gpt"], MARK: MARK}), 200));
    all.push(PriceRequest::post("a quote", quote, &json!({"models": [MARK]}), 404));
    all.push(PriceRequest { body: MARK.to_owned(), ..PriceRequest::post("a quote", quote, &Value::Null, 400) });
    all.push(PriceRequest { body: MARK.repeat(5_000), ..PriceRequest::post("a quote", quote, &Value::Null, 413) });
    all.push(PriceRequest::of(Method::HEAD, "/".to_owned(), 200));
    all.push(PriceRequest::of(Method::DELETE, format!("/v1/key?{MARK}"), 405));
    let count = json!({"model": "sandbox/gpt", "messages": [{"role": "user", "content": MARK}]});
    all.push(PriceRequest::post("a count", "/v1/messages/count_tokens", &count, 200));
    for version in ["v1", "v1beta"] {
        let path = format!("/{version}/models/sandbox/gpt:countTokens");
        all.push(PriceRequest::post("a count", path, &json!({"contents": [{"parts": [{"text": MARK}]}]}), 200));
    }
    all
}

/// All of it.
pub(crate) fn all(key: &str) -> Vec<PriceRequest> {
    let inferred = OUTCOMES.iter().flat_map(inference);
    inferred.chain(parts()).chain(refused(key)).chain(look_ups(key)).collect()
}
