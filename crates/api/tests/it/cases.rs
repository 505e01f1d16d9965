//! Real traffic that was answered wrongly once, each case of the shared folder by its name.

use crate::app::{Answer, Scripted, TestApp, request};
use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use opencredits_testkit::{gzip, shared_dir};
use opencredits_units::NanoUsd;
use serde_json::{Value, json};

/// A vendor for each dialect, with the names that the cases use.
const VENDORS: [(&str, &str, &str); 4] = [
    ("chat", "openai-chat", "chat-model"),
    ("resp", "openai-responses", "resp-model"),
    ("claude-test-1", "anthropic-messages", "claude-test-1"),
    ("gem", "gemini-generate", "gem-model"),
];

/// One case, and what became of it now.
struct Case {
    file: Value,
    answer: Answer,
    /// The bodies that went upstream, in their order.
    sent: Vec<Value>,
    /// What was charged, in nano-dollars.
    charged: i64,
}

fn app() -> TestApp {
    let (mut vendors, mut models) = (String::new(), String::new());
    for (name, dialect, upstream) in VENDORS {
        vendors.push_str(&format!(
            "[[vendor]]\nid = \"{name}\"\ndialect = \"{dialect}\"\nbase_url = \"http://{name}.example/v1\"\nauth = \"none\"\n"
        ));
        models.push_str(&format!(
            "[[model]]\nid = \"house/{name}\"\nvendor = \"{name}\"\nupstream_model = \"{upstream}\"\ncontext_window = 1000000\n\
             max_output_tokens = 64000\nsupports = [\"tools\", \"reasoning\", \"temperature\"]\n\
             prices = {{ input = \"1\", cache_read = \"0.1\", output = \"2\" }}\n"
        ));
    }
    TestApp::with_exposure(&vendors, &models, NanoUsd::new(500_000_000), true)
        .with_front(|settings| settings.body_bytes_max = 16 << 20)
}

/// The vendor's answer of a case.
fn scripted(answer: &Value) -> Scripted {
    let body = match &answer["body"] {
        Value::String(text) => Bytes::from(text.clone()),
        coded => Bytes::from(gzip(coded["gzip_of"].as_str().unwrap().as_bytes())),
    };
    let status = u16::try_from(answer["status"].as_u64().unwrap()).unwrap();
    if status != 200 {
        return Scripted::Answer(status, None, String::from_utf8(body.to_vec()).unwrap());
    }
    let kind = HeaderValue::from_str(answer["content_type"].as_str().unwrap()).unwrap();
    let mut headers = HeaderMap::from_iter([(CONTENT_TYPE, kind)]);
    for header in answer["headers"].as_array().unwrap() {
        let name: HeaderName = header[0].as_str().unwrap().parse().unwrap();
        headers.insert(name, HeaderValue::from_str(header[1].as_str().unwrap()).unwrap());
    }
    Scripted::Headed(headers, body)
}

/// The client's body: JSON, or bytes in hexadecimal.
fn body_of(asked: &Value) -> Vec<u8> {
    match asked["body"]["hex"].as_str() {
        Some(hex) => (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect(),
        None => asked["body"].to_string().into_bytes(),
    }
}

async fn run(name: &str, change: impl FnOnce(&mut Value)) -> Option<Case> {
    let path = shared_dir()?.join("cases").join(format!("{name}.json"));
    let mut file: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    change(&mut file);
    let app = app();
    let (user, key) = app.person(10).await;
    let before = app.available(&user);
    // What a case does not say is an answer of the house.
    let answer = if file["vendor_answer"].is_null() { house_answer() } else { file["vendor_answer"].clone() };
    for (vendor, ..) in VENDORS {
        app.script(&format!("{vendor}.example"), &[scripted(&answer)]);
    }
    let asked = &file["client_request"];
    let method: Method = asked["method"].as_str().unwrap().parse().unwrap();
    let key = if method == Method::OPTIONS { "" } else { &key };
    let mut sent = request(method, asked["path"].as_str().unwrap(), key, String::new());
    *sent.body_mut() = body_of(asked).into();
    for (name, value) in asked["headers"].as_object().unwrap() {
        let name: HeaderName = name.parse().unwrap();
        sent.headers_mut().insert(name, HeaderValue::from_str(value.as_str().unwrap()).unwrap());
    }
    let answer = app.send(sent).await;
    app.drained().await;
    let read = |body: &str| serde_json::from_str(body).unwrap_or_else(|_| body.into());
    let sent = app.upstream.sent.lock().unwrap().iter().map(|sent| read(&sent.body)).collect();
    Some(Case { file, answer, sent, charged: before - app.available(&user) })
}

fn house_answer() -> Value {
    let body = json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn",
        "content": [{"type": "text", "text": "hi"}], "usage": {"input_tokens": 10, "output_tokens": 5},
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hi"}}],
        "status": "completed", "output": [{"type": "message", "content": [{"type": "output_text", "text": "hi"}]}],
        "candidates": [{"content": {"parts": [{"text": "hi"}]}, "finishReason": "STOP"}]});
    json!({"status": 200, "content_type": "application/json", "headers": [], "body": body.to_string()})
}

/// The data of a stream's events, but for the mark at its end.
fn events(answer: &Answer) -> Vec<Value> {
    let data = answer.text.lines().filter_map(|line| line.strip_prefix("data: "));
    data.filter(|data| *data != "[DONE]").map(|data| serde_json::from_str(data).unwrap()).collect()
}

/// A case is answered as `right` says; it is skipped, aloud, without the shared folder.
async fn check(name: &str, right: impl FnOnce(&Case)) {
    if let Some(case) = run(name, |_| {}).await {
        right(&case);
    }
}

#[tokio::test]
async fn f01_an_implausible_usage_is_not_charged() {
    check("F01-implausible-usage", |case| {
        assert_eq!(case.answer.status, 200);
        assert!(case.charged < 100_000, "{} of 5,000,000 tokens", case.charged);
        assert!(case.answer.json()["usage"]["prompt_tokens"].as_u64().unwrap() < 100);
    })
    .await;
}

#[tokio::test]
async fn f02_a_responses_usage_of_null_becomes_the_counts_that_were_charged() {
    check("F02-responses-usage-null", |case| {
        let events = events(&case.answer);
        let usage = &events.last().unwrap()["response"]["usage"];
        for (member, is_kind) in [
            ("input_tokens", Value::is_u64 as fn(&Value) -> bool),
            ("input_tokens_details", Value::is_object),
            ("output_tokens", Value::is_u64),
            ("output_tokens_details", Value::is_object),
            ("total_tokens", Value::is_u64),
        ] {
            assert!(is_kind(&usage[member]), "{member} in {usage}");
        }
    })
    .await;
}

#[tokio::test]
async fn f03_a_call_whose_arguments_are_no_object_is_never_given_as_another() {
    for arguments in ["{\"path\": \"/srv/data/old", "[1]", "null", "{} {}", "```json\n{}\n```"] {
        let broken = |file: &mut Value| {
            let mut body: Value = serde_json::from_str(file["vendor_answer"]["body"].as_str().unwrap()).unwrap();
            body["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"] = arguments.into();
            file["vendor_answer"]["body"] = body.to_string().into();
        };
        for streamed in [false, true] {
            let change = |file: &mut Value| {
                broken(file);
                file["client_request"]["body"]["stream"] = streamed.into();
            };
            let Some(case) = run("F03-broken-arguments-become-empty", change).await else { return };
            if streamed {
                let events = events(&case.answer);
                let said: String = events.iter().filter_map(|event| event["delta"]["text"].as_str()).collect();
                let end = events.iter().find(|event| event["type"] == "message_delta").unwrap();
                let shown = format!("delete_files({arguments})");
                assert_eq!((said, &end["delta"]["stop_reason"]), (shown, &json!("max_tokens")));
                assert!(!case.answer.text.contains("tool_use"), "{}", case.answer.text);
            } else {
                let answer = case.answer.json();
                let shown = format!("delete_files({arguments})");
                assert_eq!(answer["content"], json!([{"type": "text", "text": shown}]), "{answer}");
                assert_eq!(answer["stop_reason"], "max_tokens");
            }
        }
        let gemini = |file: &mut Value| {
            broken(file);
            file["client_request"]["path"] = "/v1beta/models/house/chat:generateContent".into();
            file["client_request"]["body"] = json!({"contents": [{"role": "user", "parts": [{"text": "q"}]}],
                "tools": [{"functionDeclarations": [{"name": "delete_files"}]}]});
        };
        let Some(case) = run("F03-broken-arguments-become-empty", gemini).await else { return };
        let candidate = &case.answer.json()["candidates"][0];
        assert_eq!(candidate["finishReason"], "MALFORMED_FUNCTION_CALL", "{candidate}");
        assert!(!candidate.to_string().contains("functionCall"), "{candidate}");
    }
}

#[tokio::test]
async fn f04_a_stream_that_says_nothing_is_a_failure() {
    for name in ["F04-empty-stream-done-only", "F04-empty-stream-fastapi-detail"] {
        check(name, |case| {
            assert_eq!((case.answer.status.as_u16(), case.charged), (502, 0), "{name}: {}", case.answer.text);
        })
        .await;
    }
}

/// An answer of the chat vendor that calls this tool, whole or streamed.
fn calling(name: &str, streamed: bool) -> Value {
    let call = json!({"index": 0, "id": "call_1", "type": "function", "function": {"name": name, "arguments": "{}"}});
    let usage = json!({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15});
    let (kind, body) = if streamed {
        let first =
            json!({"id": "c", "choices": [{"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": null}]});
        let last =
            json!({"id": "c", "choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}], "usage": usage});
        ("text/event-stream", format!("data: {first}\n\ndata: {last}\n\ndata: [DONE]\n\n"))
    } else {
        let message = json!({"role": "assistant", "content": null, "tool_calls": [call]});
        let whole = json!({"id": "c", "object": "chat.completion", "created": 1, "model": "m", "usage": usage,
            "choices": [{"index": 0, "finish_reason": "tool_calls", "message": message}]});
        ("application/json", whole.to_string())
    };
    json!({"status": 200, "content_type": kind, "headers": [], "body": body})
}

#[tokio::test]
async fn f05_tools_of_a_namespace_are_given_flat_and_come_back_with_their_namespace() {
    for streamed in [false, true] {
        let change = |file: &mut Value| {
            file["vendor_answer"] = calling("mcp__docs__search", streamed);
            file["client_request"]["body"]["stream"] = streamed.into();
            let call = json!({"type": "function_call", "call_id": "c1", "namespace": "mcp__docs__", "name": "search",
                "arguments": "{}"});
            let output = json!({"type": "function_call_output", "call_id": "c1", "output": "found"});
            file["client_request"]["body"]["input"] = json!([{"role": "user", "content": "q"}, call, output]);
        };
        let Some(case) = run("F05-codex-namespace-tools", change).await else { return };
        let names: Vec<&Value> =
            case.sent[0]["tools"].as_array().unwrap().iter().map(|tool| &tool["function"]["name"]).collect();
        assert_eq!(names, ["shell", "mcp__docs__search"]);
        let history = &case.sent[0]["messages"][1]["tool_calls"][0]["function"]["name"];
        assert_eq!(history, "mcp__docs__search");
        let item = match streamed {
            true => events(&case.answer).pop().unwrap()["response"]["output"][0].clone(),
            false => case.answer.json()["output"][0].clone(),
        };
        assert_eq!((&item["namespace"], &item["name"]), (&json!("mcp__docs__"), &json!("search")), "{item}");
        assert!(!case.answer.headers.contains_key("x-opencredits-dropped"));
    }
}

#[tokio::test]
async fn f08_ids_of_calls_fit_the_provider_in_its_own_dialect_too() {
    check("F08-foreign-tool-id", |case| {
        let messages = &case.sent[0]["messages"];
        let (call, result) = (&messages[1]["content"][0]["id"], &messages[2]["content"][0]["tool_use_id"]);
        assert_eq!(call, result);
        let id = call.as_str().unwrap();
        assert!(id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')), "{id}");
        let asked = &case.file["client_request"]["body"]["messages"];
        assert_eq!(messages[1]["content"][0]["input"], asked[1]["content"][0]["input"]);
    })
    .await;
}

#[tokio::test]
async fn f09_names_of_tools_fit_the_provider_and_come_back_in_full() {
    for (model, dots) in [("house/chat", false), ("house/resp", false), ("house/gem", false), ("house/chat", true)] {
        let mut long = String::new();
        let to = |file: &mut Value| {
            let body = &mut file["client_request"]["body"];
            body["model"] = model.into();
            if dots {
                body["tools"][0]["name"] = "docs.getText".into();
            }
            body["tools"][0]["name"].as_str().unwrap().clone_into(&mut long);
            file["vendor_answer"] = Value::Null;
        };
        let Some(case) = run("F09-long-tool-name", to).await else { return };
        let sent = &case.sent[0]["tools"][0];
        let name =
            sent.pointer("/function/name").or(sent.pointer("/functionDeclarations/0/name")).unwrap_or(&sent["name"]);
        let name = name.as_str().unwrap().to_owned();
        assert!(name.len() <= 64 && name != long, "{model}: {name}");
        if model != "house/chat" {
            continue;
        }
        // The same provider, through two APIs: another one, and its own.
        for (path, streamed) in [("/v1/messages", false), ("/v1/messages", true), ("/v1/chat/completions", true)] {
            let answered = |file: &mut Value| {
                file["vendor_answer"] = calling(&name, streamed);
                file["client_request"]["path"] = path.into();
                let body = &mut file["client_request"]["body"];
                body["stream"] = streamed.into();
                body["tools"] = match path {
                    "/v1/messages" => json!([{"name": long, "input_schema": {"type": "object"}}]),
                    _ => json!([{"type": "function", "function": {"name": long}}]),
                };
            };
            let Some(case) = run("F09-long-tool-name", answered).await else { return };
            assert!(case.sent[0].to_string().contains(&name), "{path}: {}", case.sent[0]);
            assert!(
                case.answer.text.contains(&long) && !case.answer.text.contains(&name),
                "{path}: {}",
                case.answer.text
            );
        }
    }
}

#[tokio::test]
async fn f06_a_compressed_body_is_decoded_and_an_unknown_coding_refused() {
    check("F06-gzip-request", |case| assert_eq!(case.answer.status, 200, "{}", case.answer.text)).await;
    let unknown = |file: &mut Value| file["client_request"]["headers"]["content-encoding"] = "compress".into();
    if let Some(case) = run("F06-gzip-request", unknown).await {
        assert_eq!(case.answer.status, 415);
        assert!(case.answer.text.contains("content-encoding"), "{}", case.answer.text);
    }
}

#[tokio::test]
async fn f07_an_overflow_is_told_in_the_words_that_clients_act_on() {
    for (name, words) in [
        ("F07-overflow-openai", "prompt is too long: 130462 tokens > 128000 maximum"),
        ("F07-overflow-vllm", "prompt is too long: 262462 tokens > 262144 maximum"),
    ] {
        check(name, |case| {
            let error = &case.answer.json()["error"];
            assert_eq!((case.answer.status.as_u16(), &error["error_type"]), (400, &json!("context_length_exceeded")));
            assert!(error["message"].as_str().unwrap().starts_with(words), "{error}");
        })
        .await;
    }
}

#[tokio::test]
async fn f10_a_preflight_is_answered_without_a_key() {
    check("F10-cors", |case| {
        assert_eq!(case.answer.status, 204);
        assert_eq!(case.answer.header("access-control-allow-origin"), "*");
        assert_eq!(case.answer.header("access-control-allow-headers"), "authorization,content-type,x-stainless-lang");
        assert!(case.answer.header("access-control-allow-methods").contains("POST"));
        assert!(!case.answer.headers.contains_key("access-control-allow-credentials"));
    })
    .await;
}

#[tokio::test]
async fn f11_json_for_a_stream_becomes_a_stream() {
    check("F11-json-for-stream", |case| {
        assert!(case.answer.header("content-type").starts_with("text/event-stream"));
        let events = events(&case.answer);
        let text: String = events.iter().filter_map(|event| event["choices"][0]["delta"]["content"].as_str()).collect();
        assert_eq!(text, "hi");
        assert!(events.iter().any(|event| event["choices"][0]["finish_reason"] == "stop"), "{}", case.answer.text);
        assert!(events.iter().any(|event| event["usage"]["cost"].is_number()), "{}", case.answer.text);
        assert!(case.answer.text.ends_with("data: [DONE]\n\n") && case.charged > 0);
    })
    .await;
}

#[tokio::test]
async fn f13_events_under_another_content_type_are_a_stream() {
    for kind in ["text/plain", "application/json", "application/octet-stream", "TEXT/EVENT-STREAM"] {
        let labelled = |file: &mut Value| file["vendor_answer"]["content_type"] = kind.into();
        let Some(case) = run("F13-sse-other-content-type", labelled).await else { return };
        assert_eq!(case.answer.status, 200, "{kind}");
        assert!(case.answer.text.contains("Hello") && case.charged > 0, "{kind}: {}", case.answer.text);
        assert_eq!(case.sent.len(), 1, "{kind}");
    }
}

#[tokio::test]
async fn f13_events_for_a_whole_request_become_a_whole_answer() {
    let whole = |file: &mut Value| file["client_request"]["body"]["stream"] = false.into();
    let Some(case) = run("F13-sse-other-content-type", whole).await else { return };
    let answer = case.answer.json();
    assert_eq!(answer["choices"][0]["message"]["content"], "Hello");
    assert_eq!((&answer["object"], &answer["usage"]["prompt_tokens"]), (&json!("chat.completion"), &json!(10)));
}

#[tokio::test]
async fn f14_a_compressed_answer_is_decoded() {
    check("F14-gzip-answer", |case| {
        assert_eq!(case.answer.json()["choices"][0]["message"]["content"], "hi");
        assert_eq!(case.sent.len(), 1);
        assert!(!case.answer.headers.contains_key(CONTENT_ENCODING));
    })
    .await;
}

#[tokio::test]
async fn f16_a_conversation_goes_on_after_broken_arguments() {
    for model in ["house/claude-test-1", "house/gem", "house/resp"] {
        let to = |file: &mut Value| file["client_request"]["body"]["model"] = model.into();
        let Some(case) = run("F16-malformed-args-history", to).await else { return };
        let sent = case.sent[0].to_string();
        assert!(sent.contains("invalid_arguments") && sent.contains("unterm"), "{model}: {sent}");
        assert!(sent.contains("error: arguments are not JSON"), "{model}: {sent}");
        assert!(case.answer.header("x-opencredits-dropped").contains("messages.tool_calls.arguments"), "{model}");
    }
}

#[tokio::test]
async fn f16_a_lone_surrogate_does_not_end_a_conversation() {
    for model in ["house/claude-test-1", "house/gem", "house/resp", "house/chat"] {
        let cut = |file: &mut Value| {
            let body = json!({"model": model, "messages": [{"role": "user", "content": "SURROGATE"}]});
            let text = body.to_string().replace("SURROGATE", "a\\ud83d");
            let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
            file["client_request"]["body"] = json!({"hex": hex});
        };
        let Some(case) = run("F16-malformed-args-history", cut).await else { return };
        assert_eq!(case.answer.status, 200, "{model}: {}", case.answer.text);
        if model != "house/chat" {
            assert!(case.sent[0].to_string().contains("a\u{fffd}"), "{model}: {}", case.sent[0]);
            assert_eq!(case.answer.header("x-opencredits-dropped"), "messages.surrogate", "{model}");
        }
    }
}

#[tokio::test]
async fn f17_a_tool_reference_becomes_a_text_that_names_the_tool() {
    for model in ["house/chat", "house/gem", "house/resp"] {
        let to = |file: &mut Value| file["client_request"]["body"]["model"] = model.into();
        let Some(case) = run("F17-tool-reference", to).await else { return };
        assert!(case.sent[0].to_string().contains("The tool mcp__a__b can be called."), "{model}: {}", case.sent[0]);
        assert!(case.answer.header("x-opencredits-dropped").contains("tools.defer_loading"), "{model}");
    }
    let strict = |file: &mut Value| file["client_request"]["headers"]["x-opencredits-strict"] = "true".into();
    let Some(case) = run("F17-tool-reference", strict).await else { return };
    assert_eq!(case.answer.status, 400);
    assert!(case.answer.text.contains("tools.defer_loading"), "{}", case.answer.text);
}

#[tokio::test]
async fn f19_an_answer_without_a_finish_reason_gets_one() {
    check("F19-null-stop-reason", |case| {
        let events = events(&case.answer);
        let delta = events.iter().find(|event| event["type"] == "message_delta").unwrap();
        assert_eq!(delta["delta"]["stop_reason"], "end_turn");
    })
    .await;
}

#[tokio::test]
async fn f20_a_charge_by_estimate_is_told() {
    check("F20-usage-estimate-hidden", |case| {
        let usage = &case.answer.json()["usage"];
        assert!(usage["input_tokens"].as_u64().unwrap() > 0 && usage["output_tokens"].as_u64().unwrap() > 0, "{usage}");
    })
    .await;
}

#[tokio::test]
async fn f21_a_cap_that_is_put_in_leaves_room_for_the_input() {
    let filled = |file: &mut Value| {
        let text = "The pilot waits for the tide. ".repeat(140_000);
        file["client_request"]["body"]["messages"][0]["content"] = text.into();
    };
    let Some(case) = run("F21-cap-ignores-input", filled).await else { return };
    assert_eq!(case.answer.status, 200, "{}", case.answer.text);
    let (cap, sent) = (case.sent[0]["max_tokens"].as_u64().unwrap(), 140_000 * 7);
    assert!(cap + sent <= 1_000_000 && cap < 64_000, "{cap}");
}

#[tokio::test]
async fn f22_an_effort_goes_on_where_the_vendor_has_it_and_is_named_where_it_is_lowered() {
    check("F22-effort", |case| assert_eq!(case.sent[0]["reasoning"]["effort"], "xhigh", "{}", case.sent[0])).await;
    for (model, asked, sent) in
        [("house/resp", "max", "xhigh"), ("house/resp", "high", "high"), ("house/chat", "xhigh", "high")]
    {
        for strict in [true, false] {
            let change = |file: &mut Value| {
                file["client_request"]["body"]["model"] = model.into();
                file["client_request"]["body"]["output_config"]["effort"] = asked.into();
                file["vendor_answer"] = Value::Null;
                file["client_request"]["headers"]["x-opencredits-strict"] = strict.to_string().into();
            };
            let Some(case) = run("F22-effort", change).await else { return };
            if strict && asked != sent {
                assert_eq!(case.answer.status, 400);
                assert!(case.answer.text.contains("output_config.effort"), "{}", case.answer.text);
                continue;
            }
            let upstream = &case.sent[0];
            let effort = upstream["reasoning"]["effort"].as_str().or(upstream["reasoning_effort"].as_str());
            assert_eq!(effort, Some(sent), "{upstream}");
            let named = case.answer.headers.get("x-opencredits-dropped").map(|names| names.to_str().unwrap());
            assert_eq!(named.is_some_and(|names| names.contains("output_config.effort")), asked != sent, "{named:?}");
        }
    }
}

#[tokio::test]
async fn f23_the_mark_of_a_larger_window_is_taken_off_in_the_messages_api_only() {
    check("F23-1m-suffix", |case| {
        assert_eq!((case.answer.status.as_u16(), &case.sent[0]["model"]), (200, &json!("claude-test-1")));
    })
    .await;
    let chat = |file: &mut Value| file["client_request"]["path"] = "/v1/chat/completions".into();
    let Some(case) = run("F23-1m-suffix", chat).await else { return };
    assert_eq!(case.answer.status, 404);
}

#[tokio::test]
async fn f24_a_call_without_an_index_gets_one() {
    check("F24-missing-index", |case| {
        let events = events(&case.answer);
        let calls: Vec<&Value> =
            events.iter().filter_map(|event| event.pointer("/choices/0/delta/tool_calls/0")).collect();
        assert_eq!(calls[0]["index"], 0, "{}", case.answer.text);
        assert_eq!((calls.len(), &calls[0]["function"]["name"]), (1, &json!("get_weather")));
    })
    .await;
}

#[tokio::test]
async fn f26_message_start_has_an_estimate_of_the_input() {
    check("F26-message-start-zero", |case| {
        let events = events(&case.answer);
        assert!(events[0]["message"]["usage"]["input_tokens"].as_u64().unwrap() > 0, "{}", events[0]);
        let delta = events.iter().find(|event| event["type"] == "message_delta").unwrap();
        assert_eq!(delta["usage"]["input_tokens"], 1_234);
        assert_eq!(case.file["charged"]["p"], 1_234);
    })
    .await;
}
