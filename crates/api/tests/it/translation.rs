//! Any model through any API: what arrives, what comes back, what it costs.

use crate::app::{TestApp, request};
use http::Method;
use serde_json::{Value, json};

const TOOL: &str = "weather";

/// The same request for the other side's model, by API.
fn crossed(path: &str) -> Value {
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    if path == "/v1/messages" {
        json!({"model": "sandbox/gpt", "max_tokens": 60, "system": "Be brief.",
               "messages": [{"role": "user", "content": "Hello"}],
               "tools": [{"name": TOOL, "input_schema": schema}]})
    } else {
        json!({"model": "sandbox/claude", "max_tokens": 60,
               "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}],
               "tools": [{"type": "function", "function": {"name": TOOL, "parameters": schema}}]})
    }
}

#[tokio::test]
async fn each_api_reaches_the_model_of_the_other_and_answers_in_its_own_shape() {
    let app = TestApp::new().await;
    let (user, key) = app.person(10).await;
    for path in ["/v1/chat/completions", "/v1/messages"] {
        let before = app.available(&user);
        let answer = app.post(path, &key, &crossed(path)).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let body = answer.json();
        let sent = app.last_sent().1;
        if path == "/v1/messages" {
            assert_eq!(sent["messages"][0], json!({"role": "system", "content": "Be brief."}));
            assert_eq!(sent["tools"][0]["function"]["name"], TOOL);
            assert_eq!(body["type"], "message");
            assert!(body["usage"]["input_tokens"].as_u64().unwrap() > 0);
        } else {
            assert_eq!((&sent["system"], &sent["max_tokens"]), (&json!("Be brief."), &json!(60)));
            assert_eq!(sent["tools"][0]["name"], TOOL);
            assert_eq!(body["object"], "chat.completion");
            assert!(body["usage"]["prompt_tokens"].as_u64().unwrap() > 0);
        }
        assert_eq!(answer.header("x-credits-charged"), body["usage"]["credits"].to_string());
        assert!(before > app.available(&user), "{body}");
        app.settled();
    }
}

#[tokio::test]
async fn a_translated_stream_ends_with_its_charge_and_costs_what_the_whole_answer_costs() {
    let app = TestApp::new().await;
    let (user, key) = app.person(10).await;
    for path in ["/v1/chat/completions", "/v1/messages"] {
        let mut charges = Vec::new();
        for stream in [false, true] {
            let mut body = crossed(path);
            body["stream"] = stream.into();
            let before = app.available(&user);
            let answer = app.post(path, &key, &body).await;
            charges.push(before - app.available(&user));
            if stream {
                let last = if path == "/v1/messages" { "message_stop" } else { "[DONE]" };
                assert!(answer.text.trim_end().ends_with(last) || answer.text.contains(last), "{}", answer.text);
                assert!(answer.text.contains("\"generation_id\":\"gen_"), "{}", answer.text);
            }
        }
        assert_eq!(charges[0], charges[1], "{path}");
        app.settled();
    }
}

#[tokio::test]
async fn a_conversation_with_tools_crosses_both_ways() {
    let app = TestApp::new().await;
    let (_, key) = app.person(10).await;
    let mut chat = crossed("/v1/chat/completions");
    chat["messages"] = json!([
        {"role": "user", "content": "Weather in Lisbon and Porto?"},
        {"role": "assistant", "content": null, "tool_calls": [
            {"id": "call_1", "type": "function", "function": {"name": TOOL, "arguments": "{\"city\":\"Lisbon\",\"n\":12345678901234567890}"}},
            {"id": "call.2", "type": "function", "function": {"name": TOOL, "arguments": ""}}]},
        {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
        {"role": "tool", "tool_call_id": "call.2", "content": "rain"},
        {"role": "user", "content": "And?"}]);
    let answer = app.post("/v1/chat/completions", &key, &chat).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert!(app.last_sent_text().contains(r#""input":{"city":"Lisbon","n":12345678901234567890}"#));
    let sent = app.last_sent().1;
    let turns = sent["messages"].as_array().unwrap();
    assert_eq!(turns.len(), 3, "{sent}");
    let id = &turns[2]["content"][1]["tool_use_id"];
    assert!(id.as_str().unwrap().starts_with("call_2_"), "{id}");
    assert_eq!(turns[1]["content"][1], json!({"type": "tool_use", "id": id, "name": TOOL, "input": {}}));
    let kinds: Vec<_> = turns[2]["content"].as_array().unwrap().iter().map(|part| &part["type"]).collect();
    assert_eq!(kinds, ["tool_result", "tool_result", "text"]);

    let mut messages = crossed("/v1/messages");
    messages["messages"] = json!([
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "content": [
            {"type": "thinking", "thinking": "hm", "signature": "abc"},
            {"type": "tool_use", "id": "toolu_1", "name": TOOL, "input": {"city": "Lisbon"}}]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "toolu_1", "content": [
                {"type": "text", "text": "sunny"},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBO"}}]},
            {"type": "text", "text": "And?"}]}]);
    let answer = app.post("/v1/messages", &key, &messages).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let sent = app.last_sent().1;
    assert!(!sent.to_string().contains("abc"), "a signature goes to its provider alone");
    assert_eq!(sent["messages"][2]["tool_calls"][0]["function"]["arguments"], r#"{"city": "Lisbon"}"#.replace(' ', ""));
    assert_eq!(sent["messages"][3], json!({"role": "tool", "tool_call_id": "toolu_1", "content": "sunny"}));
    assert_eq!(sent["messages"][4]["content"][0]["image_url"]["url"], "data:image/png;base64,iVBO");
    app.settled();
}

#[tokio::test]
async fn what_the_other_side_cannot_say_is_named_or_refused() {
    let app = TestApp::new().await;
    let (_, key) = app.person(10).await;
    let mut body = crossed("/v1/chat/completions");
    body["seed"] = 5.into();
    body["presence_penalty"] = json!(0.5);
    let answer = app.post("/v1/chat/completions", &key, &body).await;
    assert_eq!((answer.status.as_u16(), answer.header("x-opencredits-dropped")), (200, "presence_penalty, seed"));
    let mut strict = request(Method::POST, "/v1/chat/completions", &key, body.to_string());
    strict.headers_mut().insert("x-opencredits-strict", "1".parse().unwrap());
    let refused = app.send(strict).await;
    assert_eq!((refused.status.as_u16(), &refused.json()["error"]["type"]), (400, &json!("unsupported_parameter")));
    for (field, value) in [("n", json!(2)), ("logprobs", json!(true)), ("web_search_options", json!({}))] {
        let mut body = crossed("/v1/chat/completions");
        body[field] = value;
        let refused = app.post("/v1/chat/completions", &key, &body).await;
        assert_eq!(refused.json()["error"]["type"], "unsupported_parameter", "{}", refused.text);
        assert!(refused.text.contains(field), "{}", refused.text);
    }
    let mut server_tool = crossed("/v1/messages");
    server_tool["tools"] = json!([{"type": "web_search_20250305", "name": "web_search"}]);
    let refused = app.post("/v1/messages", &key, &server_tool).await;
    assert_eq!(refused.json()["error"]["error_type"], "unsupported_parameter", "{}", refused.text);
    app.settled();
}

#[tokio::test]
async fn an_error_in_a_translated_stream_comes_in_the_clients_own_shape() {
    let app = TestApp::new().await;
    let (_, key) = app.person(10).await;
    for path in ["/v1/chat/completions", "/v1/messages"] {
        let mut body = crossed(path);
        body["stream"] = true.into();
        let last = body["messages"].as_array().unwrap().len() - 1;
        body["messages"][last]["content"] = "sandbox:fail 3".into();
        let answer = app.post(path, &key, &body).await;
        let wanted = if path == "/v1/messages" { "event: error" } else { "\"finish_reason\":\"error\"" };
        assert!(answer.text.contains(wanted), "{}", answer.text);
        app.settled();
    }
}

#[tokio::test]
async fn a_model_that_thinks_is_reached_in_the_dialect_in_which_it_thinks() {
    const VENDOR: &str = r#"
        [[vendor]]
        id = "v"
        dialect = "openai-chat"
        also = { openai-responses = {} }
        thinks_in = "openai-responses"
        only_in = { openai-responses = ["*-pro"] }
        base_url = "http://upstream.example/v1"
        auth = "none"
    "#;
    let model = |id: &str, supports: &str| {
        format!(
            "[[model]]\nid = \"a/{id}\"\nvendor = \"v\"\ncontext_window = 100000\nmax_output_tokens = 10000\n\
             supports = [{supports}]\nprices = {{ input = \"1\", output = \"10\" }}\n"
        )
    };
    let models = [model("plain", ""), model("thinks", "\"reasoning\""), model("thinks-pro", "\"reasoning\"")].concat();
    let messages = json!([{"role": "user", "content": "Hello"}]);
    for (path, id, expected) in [
        ("/v1/messages", "plain", "/v1/chat/completions"),
        ("/v1/messages", "thinks", "/v1/responses"),
        ("/v1/chat/completions", "thinks", "/v1/chat/completions"),
        ("/v1/chat/completions", "thinks-pro", "/v1/responses"),
    ] {
        let app = TestApp::answering(VENDOR, &models, "application/json", "{}");
        let (_, key) = app.person(10).await;
        for (cap, least) in [(100, 100), (5, 16)] {
            let body = json!({"model": format!("a/{id}"), "max_tokens": cap, "temperature": 0.5, "messages": messages});
            app.post(path, &key, &body).await;
            assert_eq!(app.last_path(), expected, "{id} through {path}");
            let (name, sent) = match expected {
                "/v1/responses" => ("max_output_tokens", least),
                _ => ("max_tokens", cap),
            };
            assert_eq!(app.last_sent().1[name], sent, "{id} through {path}");
        }
    }
}
