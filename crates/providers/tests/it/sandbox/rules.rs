//! The rules of `docs/sandbox.md`: tools, forms, limits, counts.

use super::*;

#[test]
fn a_tool_is_called_where_the_words_bring_it_to_mind() {
    let calls = |said, members: Value| {
        let mut body = json!({"tools": chat_tools()});
        body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        let answer = chat(said, body);
        let choice = &answer["choices"][0];
        let calls = choice["message"]["tool_calls"].as_array().cloned().unwrap_or_default();
        let reason = if calls.is_empty() { "stop" } else { "tool_calls" };
        assert_eq!(choice["finish_reason"], reason, "{said}");
        let called = calls.iter().map(|call| {
            let function = &call["function"];
            format!("{}({})", function["name"].as_str().unwrap(), function["arguments"].as_str().unwrap())
        });
        called.collect::<Vec<_>>()
    };
    let paris = r#"get_weather({"city":"Paris","unit":"celsius"})"#;
    let london = r#"get_weather({"city":"London","unit":"celsius"})"#;
    let named = json!({"tool_choice": {"type": "function", "function": {"name": "get_weather"}}});
    assert_eq!(calls("Hello", json!({})), [""; 0]);
    assert_eq!(calls("How is the weather?", json!({})), [paris]);
    assert_eq!(calls("Use a tool", json!({})), ["add({})"]);
    assert_eq!(calls("Use a tool", json!({"tool_choice": "none"})), [""; 0]);
    assert_eq!(calls("Hello", json!({"tool_choice": "required"})), ["add({})"]);
    assert_eq!(calls("Hello", named.clone()), [paris]);
    assert_eq!(calls("Hello in parallel", named), [paris, london]);
    assert_eq!(calls("Weather in parallel", json!({})), [paris, "add({})"]);
    let alone = json!({"parallel_tool_calls": false});
    assert_eq!(calls("Weather in parallel", alone), [paris]);
}

#[test]
fn a_message_calls_tools_too() {
    let answer = messages("Weather, in parallel", json!({"tools": messages_tools()}));
    assert_eq!(answer["stop_reason"], "tool_use");
    let content = answer["content"].as_array().unwrap();
    assert_eq!(content[0]["type"], "tool_use");
    assert_eq!(content[0]["input"], json!({"city": "Paris", "unit": "celsius"}));
    assert_eq!(content[1]["name"], "add");
    assert_ne!(content[0]["id"], content[1]["id"]);
    let one = json!({"tools": messages_tools(), "tool_choice": {"type": "tool", "name": "add", "disable_parallel_tool_use": true}});
    let answer = messages("In parallel", one);
    assert_eq!(answer["content"].as_array().unwrap().len(), 1);
    assert_eq!(answer["content"][0]["name"], "add");
}

#[test]
fn a_streamed_call_joins_to_its_arguments() {
    let members = json!({"tools": chat_tools()});
    let of_chat = events(Dialect::OpenaiChat, "weather", members);
    let calls = of_chat.iter().map(|event| &event["choices"][0]["delta"]["tool_calls"][0]);
    let joined: String = calls.filter_map(|call| call["function"]["arguments"].as_str()).collect();
    assert_eq!(joined, r#"{"city":"Paris","unit":"celsius"}"#);
    let members = json!({"tools": messages_tools()});
    let of_messages = events(Dialect::AnthropicMessages, "weather", members);
    let joined: String = of_messages.iter().filter_map(|event| event["delta"]["partial_json"].as_str()).collect();
    assert_eq!(joined, r#"{"city":"Paris","unit":"celsius"}"#);
}

#[test]
fn what_a_tool_gave_is_told() {
    let dialect = Dialect::OpenaiChat;
    let call = json!({"id": "c", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}});
    let mut body = request(dialect, "weather", json!({"tools": chat_tools()}));
    let turn = body["messages"].as_array_mut().unwrap();
    turn.push(json!({"role": "assistant", "content": null, "tool_calls": [call]}));
    turn.push(json!({"role": "tool", "tool_call_id": "c", "content": "sunny"}));
    let message = &answer(dialect, &body)["choices"][0]["message"];
    assert_eq!(message["content"], "The tool says: sunny");

    let dialect = Dialect::AnthropicMessages;
    let mut body = request(dialect, "weather", json!({"tools": messages_tools()}));
    let turn = body["messages"].as_array_mut().unwrap();
    turn.push(
        json!({"role": "assistant", "content": [{"type": "tool_use", "id": "c", "name": "get_weather", "input": {}}]}),
    );
    turn.push(json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c", "content": [{"type": "text", "text": "sunny"}]}]}));
    assert_eq!(answer(dialect, &body)["content"][0]["text"], "The tool says: sunny");
}

#[test]
fn structured_output_fits_its_schema() {
    let schema = json!({"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]});
    let format = json!({"type": "json_schema", "json_schema": {"name": "a", "schema": schema.clone()}});
    let answer = chat("Hello", json!({"response_format": format}));
    assert_eq!(answer["choices"][0]["message"]["content"], r#"{"age":3}"#);
    let format = json!({"format": {"type": "json_schema", "schema": schema}});
    let answer = messages("Hello", json!({"output_config": format}));
    assert_eq!(answer["content"][0]["text"], r#"{"age":3}"#);
}

#[test]
fn the_output_cap_is_kept() {
    let answer = chat("sandbox:tokens 500", json!({"max_completion_tokens": 7}));
    assert_eq!(answer["choices"][0]["finish_reason"], "length");
    assert_eq!(answer["usage"]["completion_tokens"], 7);
    let answer = messages("sandbox:tokens 500", json!({"max_tokens": 7}));
    assert_eq!(answer["stop_reason"], "max_tokens");
    assert_eq!(answer["usage"]["output_tokens"], 7);
    let thinking = json!({"reasoning_effort": "high", "max_completion_tokens": 7});
    let answer = chat("Hello", thinking);
    assert_eq!(answer["choices"][0]["message"]["content"], "");
    assert_eq!(answer["usage"]["completion_tokens_details"]["reasoning_tokens"], 7);
    let call = json!({"tools": messages_tools(), "max_tokens": 2, "tool_choice": {"type": "any"}});
    let answer = messages("weather", call);
    assert_eq!((&answer["stop_reason"], &answer["content"]), (&json!("max_tokens"), &json!([])));
}

#[test]
fn a_stop_sequence_ends_the_text_before_it() {
    let answer = chat("sandbox:echo one two three", json!({"stop": ["three", " two"]}));
    assert_eq!(answer["choices"][0]["message"]["content"], "one");
    assert_eq!(answer["choices"][0]["finish_reason"], "stop");
    let answer = messages("sandbox:echo one two three", json!({"stop_sequences": [" two"]}));
    assert_eq!(answer["content"][0]["text"], "one");
    assert_eq!(answer["stop_reason"], "stop_sequence");
    assert_eq!(answer["stop_sequence"], " two");
}

#[test]
fn several_answers_are_counted_together() {
    let answer = chat("sandbox:echo abc", json!({"n": 3}));
    let texts = answer["choices"].as_array().unwrap().iter();
    let texts: Vec<_> = texts.map(|choice| choice["message"]["content"].as_str().unwrap()).collect();
    assert_eq!(texts, ["abc", "abc (Answer 2.)", "abc (Answer 3.)"]);
    assert_eq!(answer["usage"]["completion_tokens"], 1 + 4 + 4);
}

#[test]
fn thoughts_come_first_and_are_counted() {
    let answer = messages("Hello", json!({"thinking": {"type": "enabled", "budget_tokens": 1024}}));
    let thought = &answer["content"][0];
    assert_eq!(thought["type"], "thinking");
    assert!(thought["thinking"].as_str().unwrap().starts_with("The sandbox turns"));
    assert!(thought["signature"].as_str().unwrap().len() > 20);
    assert_eq!(answer["content"][1]["type"], "text");
    let thoughts = &answer["usage"]["output_tokens_details"]["thinking_tokens"];
    assert_eq!(thoughts, 59);
    let hidden = json!({"thinking": {"type": "adaptive", "display": "omitted"}});
    let answer = messages("Hello", hidden);
    assert_eq!(answer["content"][0]["thinking"], "");
    let none = chat("Hello", json!({"reasoning_effort": "none"}));
    assert_eq!(none["usage"]["completion_tokens_details"]["reasoning_tokens"], 0);
}

fn input_of(members: Value) -> [Option<u64>; 4] {
    let body = request(Dialect::AnthropicMessages, "Hello", members);
    let usage = tapped(Dialect::AnthropicMessages, &body).usage.unwrap();
    [Bucket::InputUncached, Bucket::CacheRead, Bucket::CacheWrite5m, Bucket::CacheWrite1h]
        .map(|bucket| usage.get(bucket).map(Tokens::get))
}

#[test]
fn a_marked_prefix_is_written_and_with_the_word_it_is_read() {
    let system =
        |words: &str, control: Value| json!({"system": [{"type": "text", "text": words, "cache_control": control}]});
    let five = json!({"type": "ephemeral"});
    let hour = json!({"type": "ephemeral", "ttl": "1h"});
    assert_eq!(input_of(json!({})), [Some(5), Some(0), Some(0), Some(0)]);
    assert_eq!(input_of(system("12345678", five.clone())), [Some(5), Some(0), Some(2), Some(0)]);
    assert_eq!(input_of(system("12345678", hour)), [Some(5), Some(0), Some(0), Some(2)]);
    assert_eq!(input_of(system("a cached text", five.clone())), [Some(5), Some(4), Some(0), Some(0)]);
    assert_eq!(input_of(json!({"cache_control": five})), [Some(0), Some(0), Some(5), Some(0)]);
}

#[test]
fn a_chat_reads_its_beginning_from_the_cache_by_itself() {
    let dialect = Dialect::OpenaiChat;
    let messages = json!([{"role": "system", "content": "a cached text"}, {"role": "user", "content": "Hello"}]);
    let usage = &answer(dialect, &json!({"model": "m", "messages": messages}))["usage"];
    assert_eq!(usage["prompt_tokens"], 12);
    assert_eq!(usage["prompt_tokens_details"]["cached_tokens"], 7);
}

#[test]
fn a_search_is_counted_as_a_use() {
    let search = json!({"tools": [{"type": "web_search_20250305", "name": "web_search"}]});
    let dialect = Dialect::AnthropicMessages;
    let outcome = tapped(dialect, &request(dialect, "Search for news", search));
    assert_eq!(outcome.usage.unwrap().uses(ToolUse::WebSearch), Some(Tokens::new(1)));
}

#[test]
fn images_and_documents_are_taken() {
    let image = json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}});
    let audio = json!({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}});
    let body = json!({"model": "m", "messages": [{"role": "user", "content": [image, audio]}]});
    let usage = &answer(Dialect::OpenaiChat, &body)["usage"];
    assert_eq!(usage["prompt_tokens"], 3 + 85 + 100);
    assert_eq!(usage["prompt_tokens_details"]["audio_tokens"], 100);
    let image = json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}});
    let document = json!({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "A"}});
    let body = json!({"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": [image, document]}]});
    assert_eq!(answer(Dialect::AnthropicMessages, &body)["usage"]["input_tokens"], 3 + 85 + 300);
}
