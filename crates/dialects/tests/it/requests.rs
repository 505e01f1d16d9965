//! What a request asks for.

use opencredits_dialects::{Dialect, RequestError, RequestFacts, read_body};
use opencredits_testkit::recordings;
use opencredits_units::{Bucket, ToolUse};
use serde_json::{Value, json};

type Fields = Vec<(String, String)>;

fn fields(body: &Value) -> Fields {
    body.as_object().unwrap().iter().map(|(name, value)| (name.clone(), value.to_string())).collect()
}

fn borrowed(fields: &Fields) -> Vec<(&str, &str)> {
    fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

fn read(dialect: Dialect, body: &Value) -> Result<RequestFacts, RequestError> {
    RequestFacts::read(dialect, borrowed(&fields(body)).into_iter())
}

fn chat(body: &Value) -> RequestFacts {
    read(Dialect::OpenaiChat, body).unwrap()
}

#[test]
fn the_larger_of_two_caps_counts_since_a_provider_may_heed_either() {
    assert_eq!(chat(&json!({"model": "m", "max_tokens": 5, "max_completion_tokens": 9})).output_cap, Some(9));
    assert_eq!(chat(&json!({"model": "m", "max_tokens": null})).output_cap, None);
    for cap in [json!(0), json!(-1), json!("5"), json!(1.5)] {
        assert!(read(Dialect::OpenaiChat, &json!({"model": "m", "max_tokens": cap})).is_err(), "{cap}");
    }
}

#[test]
fn choices_streams_tiers_and_usage_are_read() {
    let facts = chat(
        &json!({"model": "a/b", "n": 3, "stream": true, "service_tier": "flex", "stream_options": {"include_usage": true}}),
    );
    assert_eq!(
        (facts.model.as_str(), facts.choices, facts.stream, facts.usage_chunk_requested),
        ("a/b", 3, true, true)
    );
    assert_eq!(facts.tier.as_deref(), Some("flex"));
    assert!(matches!(
        read(Dialect::OpenaiChat, &json!({"messages": []})),
        Err(RequestError::Missing { field: "model", .. })
    ));
}

#[test]
fn what_is_billed_apart_is_expected() {
    let facts = read(
        Dialect::AnthropicMessages,
        &json!({"model": "m", "system": [{"text": "x", "cache_control": {"ttl": "1h"}}]}),
    )
    .unwrap();
    assert!(facts.extra.contains(&Bucket::CacheWrite1h) && facts.extra.contains(&Bucket::CacheWrite5m));
    let facts = read(
        Dialect::AnthropicMessages,
        &json!({"model": "m", "tools": [{"type": "web_search_20250305", "max_uses": 4}]}),
    )
    .unwrap();
    assert_eq!((facts.uses, facts.input_max), (vec![(ToolUse::WebSearch, 4)], None), "a search adds input without end");
    assert!(chat(&json!({"model": "m", "modalities": ["text", "audio"]})).extra.contains(&Bucket::OutputAudio));
}

#[test]
fn the_bound_of_the_input_holds_for_every_recorded_request() {
    let all = recordings(|row| row.status == 200 && ["openai-chat", "anthropic-messages"].contains(&row.api.as_str()));
    for recording in all {
        let dialect = recording.row.api.parse().unwrap();
        let Some(Value::Object(body)) = Some(&recording.request_body) else { continue };
        // What a search found was taken out of the recording.
        if recording.request_body.to_string().contains("encrypted_content_REDACTED") {
            continue;
        }
        let Ok(facts) = read(dialect, &Value::Object(body.clone())) else { continue };
        if let (Some(bound), Some(input)) = (facts.input_max, recording.expected.input_tokens) {
            assert!(bound >= input, "{}: {bound} below {input}", recording.row.file);
        }
    }
}

/// The bound of a request with this content, in tokens; `None` where there is none.
fn bound(dialect: Dialect, content: &str) -> Option<u64> {
    let field = match dialect {
        Dialect::OpenaiResponses => "input",
        Dialect::GeminiGenerate => "contents",
        _ => "messages",
    };
    let content = format!("[{content}]");
    RequestFacts::read(dialect, [("model", "\"m\""), (field, content.as_str())].into_iter()).unwrap().input_max
}

#[test]
fn what_lies_elsewhere_is_bounded_however_it_is_written() {
    let check = |dialect, content: &str, least: Option<u64>| {
        let found = bound(dialect, content);
        assert!(found.zip(least).map_or(found == least, |(found, least)| found >= least), "{found:?}: {content}");
    };
    let (chat, responses, gemini) = (Dialect::OpenaiChat, Dialect::OpenaiResponses, Dialect::GeminiGenerate);
    check(chat, r#"{"image_url":{"url":"https://a.example/1.png"}}"#, Some(50_000));
    check(chat, r#"{"image_url":{"\u0075rl":"https://a.example/1.png"}}"#, Some(50_000));
    check(responses, r#"{"type":"input_image","image_url":"https://a.example/1.png"}"#, Some(50_000));
    check(responses, r#"{"type":"input_file","file_url":"https://a.example/1.pdf"}"#, None);
    check(responses, r#"{"type":"input_file","file_\u0075rl":"https://a.example/1.pdf"}"#, None);
    check(gemini, r#"{"parts":[{"fileData":{"fileUri":"https://video.example/1"}}]}"#, None);
    let far = "x".repeat(500);
    for content in [
        format!(r#"{{"type":"document","title":"{far}","source":{{"type":"url","note":"{far}","url":"https://a.example/1"}}}}"#),
        r#"{"type":"video_url","video_url":{"url":"https://a.example/1.mp4"}}"#.to_owned(),
        r#"{"type":"audio_url","audio_url":{"url":"https://a.example/1.mp3"}}"#.to_owned(),
        r#"{"type":"video","video":"https://a.example/1.mp4"}"#.to_owned(),
        r#"{"role":"assistant","audio":{"id":"audio_1"}}"#.to_owned(),
        r#"{"type":"file","file":{"file_id":"file-1"}}"#.to_owned(),
        r#"{"type":"document","source":{"type":"file","file_id":"file_1"}}"#.to_owned(),
        r#"{"type":"image","source":{"type":"url","url":"https://a.example/1"},"document":{"url":"https://a.example"}}"#.to_owned(),
    ] {
        check(chat, &content, None);
    }
    check(chat, r#"{"type":"image","image":"https://a.example/1.png"}"#, Some(50_000));
    check(chat, r#"{"images":["https://a.example/1.png","https://a.example/2.png"]}"#, Some(100_000));
    // The address in a call, a result or a citation is text.
    for content in [
        r#"{"type":"tool_use","name":"fetch","input":{"url":"https://a.example","file":"a.pdf"}}"#,
        r#"{"type":"web_search_result","url":"https://a.example","title":"A"}"#,
        r#"{"functionCall":{"name":"f","args":{"url":"https://a.example","document":"a"}}}"#,
        r#"{"type":"output_text","text":"A","annotations":[{"type":"url_citation","url":"https://a.example"}]}"#,
        r#"{"type":"document","source":{"type":"text","media_type":"text/plain","data":"The text of it."}}"#,
        r#"{"type":"text","text":"data:image/png;base64,AAAA"}"#,
    ] {
        assert!(bound(chat, content).is_some_and(|bound| bound < 3_000), "{content}");
    }
    // Text counts by its bytes, whatever it looks like.
    let digits = "7".repeat(90_000);
    check(chat, &format!(r#"{{"type":"text","text":"data:image/png;base64,{digits}"}}"#), Some(90_000));
    check(chat, &format!(r#"{{"type":"text","text":"see "url" and ;base64,{digits}"}}"#), Some(90_000));
    let payload = "A".repeat(400_000);
    check(
        gemini,
        &format!(r#"{{"parts":[{{"inlineData":{{"mimeType":"application/pdf","data":"{payload}"}}}}]}}"#),
        Some(400_000),
    );
    let picture =
        bound(gemini, &format!(r#"{{"parts":[{{"inlineData":{{"mimeType":"image/png","data":"{payload}"}}}}]}}"#));
    assert!(picture.unwrap() < 60_000, "a picture is a picture, however large");
    // A tool of the client's may call its members as it likes, and a screenshot beside a call is a screenshot.
    let tools = r#"[{"name":"f","input_schema":{"properties":{"file_id":{"type":"string"},"url":{},"fileUri":{}}}}]"#;
    let facts = RequestFacts::read(Dialect::AnthropicMessages, [("model", "\"m\""), ("tools", tools)].into_iter());
    assert!(facts.unwrap().input_max.unwrap() < 3_000);
    let used = format!(
        r#"{{"content":[{{"type":"tool_use","input":{{"accept":"application/json","why":"{}"}}}},{{"type":"image",
        "source":{{"type":"base64","media_type":"image/png","data":"{payload}"}}}}]}}"#,
        "x".repeat(200)
    );
    assert!(bound(Dialect::AnthropicMessages, &used).unwrap() < 60_000);
    let spaced = format!(r#"{{"source":{{"media_type":"application/pdf",{}"data":"{payload}"}}}}"#, " ".repeat(500));
    assert!(bound(Dialect::AnthropicMessages, &spaced).unwrap() > 400_000);
    // A picture in the address is one picture, and words in quotes are words.
    let inline =
        bound(responses, &format!(r#"{{"type":"input_image","image_url":"data:image/png;base64,{payload}"}}"#));
    assert!(inline.unwrap() < 60_000, "{inline:?}");
    assert!(bound(chat, r#"{"content":"say \"url\" or \"file_id\""}"#).unwrap() < 3_000);
}

#[test]
fn a_payload_is_one_in_every_way_to_write_base64() {
    let payload = "A".repeat(400_000);
    for kind in ["application\\/pdf", "video\\/mp4", "audio\\/mp3"] {
        let content = format!(r#"{{"parts":[{{"inlineData":{{"mimeType":"{kind}","data":"{payload}"}}}}]}}"#);
        assert!(bound(Dialect::GeminiGenerate, &content).unwrap() > 400_000, "{kind}");
    }
    // Slashes that are escaped, lines, and the alphabet for addresses.
    for line in ["AAAA\\/AAA", "AAAAAAAA\\r\\n", "AAAA-AA_AA"] {
        let lines = line.repeat(40_000);
        let content =
            format!(r#"{{"type":"image","source":{{"type":"base64","media_type":"image\/png","data":"{lines}"}}}}"#);
        assert!(bound(Dialect::AnthropicMessages, &content).unwrap() < 60_000, "{line}");
    }
}

#[test]
fn a_video_may_be_billed_as_sound_and_pictures() {
    let contents = json!([{"parts": [{"fileData": {"fileUri": "https://video.example/1"}}]}]);
    let facts = read(Dialect::GeminiGenerate, &json!({"model": "m", "contents": contents})).unwrap();
    assert!([Bucket::InputAudio, Bucket::InputVideo].iter().all(|bucket| facts.extra.contains(bucket)));
}

#[test]
fn tools_that_nobody_here_can_bill_are_refused_by_name() {
    let check = |dialect, tool: Value, expect: Result<&[ToolUse], ()>| {
        let read = read(dialect, &json!({"model": "m", "tools": [tool]}));
        let found = read.map(|facts| facts.uses.iter().map(|(tool, _)| *tool).collect::<Vec<_>>());
        let found = found
            .map_err(|error| assert!(matches!(error, RequestError::Unsupported { field: "tools", .. }), "{error}"));
        assert_eq!(found, expect.map(<[ToolUse]>::to_vec), "{tool}");
    };
    use Dialect::{
        AnthropicMessages as Messages, GeminiGenerate as Gemini, OpenaiChat as Chat, OpenaiResponses as Responses,
    };
    check(Responses, json!({"type": "function", "name": "f"}), Ok(&[]));
    check(Responses, json!({"type": "custom", "name": "apply_patch"}), Ok(&[]));
    check(Responses, json!({"type": "web_search_preview"}), Ok(&[ToolUse::WebSearch]));
    check(Responses, json!({"type": "code_interpreter", "container": {"type": "auto"}}), Ok(&[ToolUse::CodeExecution]));
    check(Responses, json!({"type": "code_interpreter", "container": "cntr_1"}), Err(()));
    check(Responses, json!({"type": "shell", "environment": {"type": "local"}}), Ok(&[]));
    check(Responses, json!({"type": "shell", "environment": {"type": "container_auto"}}), Err(()));
    check(Responses, json!({"type": "computer_use_preview", "environment": "browser"}), Ok(&[]));
    check(Responses, json!({"type": "image_generation"}), Err(()));
    check(Responses, json!({"type": "mcp", "server_url": "https://a.example", "authorization": "x"}), Err(()));
    check(Responses, json!({"type": "file_search", "vector_store_ids": ["vs_1"]}), Err(()));
    check(Chat, json!({"type": "function", "function": {"name": "f"}}), Ok(&[]));
    check(Chat, json!({"type": "openrouter:web_search"}), Err(()));
    check(Messages, json!({"name": "f", "input_schema": {}}), Ok(&[]));
    check(Messages, json!({"type": "bash_20250124", "name": "bash"}), Ok(&[]));
    check(Messages, json!({"type": "web_search_20260209", "name": "web_search"}), Ok(&[ToolUse::WebSearch]));
    check(Messages, json!({"type": "mcp_toolset", "mcp_server_name": "a"}), Err(()));
    // It asks another model, which the key may not be allowed and whose prices are not this one's.
    check(Messages, json!({"type": "advisor_20260301", "name": "advisor", "model": "dear"}), Err(()));
    check(Gemini, json!({"functionDeclarations": []}), Ok(&[]));
    check(Gemini, json!({"googleSearch": {}}), Ok(&[ToolUse::Grounding]));
    check(Gemini, json!({"fileSearch": {"fileSearchStoreNames": ["a"]}}), Err(()));
    // A word that is written with escapes is the same word.
    let tools = r#"[{"\u0074ype":"im\u0061ge_generation"}]"#;
    let read = RequestFacts::read(Responses, [("model", "\"m\""), ("tools", tools)].into_iter());
    assert!(matches!(read, Err(RequestError::Unsupported { field: "tools", .. })));
}

#[test]
fn speed_and_place_are_kept_whatever_stands_beside_them() {
    let check = |fields: &[(&str, &str)], expect: &str| {
        let facts = RequestFacts::read(Dialect::AnthropicMessages, fields.iter().copied()).unwrap();
        assert_eq!(facts.tier.as_deref(), Some(expect), "{fields:?}");
    };
    let (model, speed, tier, geo) =
        (("model", "\"m\""), ("speed", "\"fast\""), ("service_tier", "\"auto\""), ("inference_geo", "\"us\""));
    check(&[model, speed, tier], "fast");
    check(&[model, tier, speed], "fast");
    check(&[model, tier, geo, speed], "fast_us");
    check(&[model, speed, geo, tier], "fast_us");
}

#[test]
fn a_request_says_whether_its_model_may_think() {
    let check = |dialect, more: Value, expect: bool| {
        let mut body = json!({"model": "m"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        assert_eq!(read(dialect, &body).unwrap().thinks, expect, "{more}");
    };
    check(Dialect::OpenaiChat, json!({}), true);
    check(Dialect::OpenaiChat, json!({"reasoning_effort": "none"}), false);
    check(Dialect::OpenaiResponses, json!({"reasoning": {"effort": "none"}}), false);
    check(Dialect::AnthropicMessages, json!({}), false);
    check(Dialect::AnthropicMessages, json!({"thinking": {"type": "adaptive"}}), true);
    check(Dialect::AnthropicMessages, json!({"thinking": {"type": "disabled"}}), false);
}

#[test]
fn a_payload_is_counted_as_media_and_a_long_word_as_text() {
    let image = format!("data:image/png;base64,{}", "A".repeat(1_000_000));
    let with_image = chat(&json!({"model": "m", "messages": [{"content": [{"image_url": {"url": image}}]}]}));
    assert!(with_image.input_max.unwrap() < 120_000);
    let with_word = chat(&json!({"model": "m", "messages": [{"content": "A".repeat(1_000_000)}]}));
    assert!(with_word.input_max.unwrap() >= 1_000_000);
}

#[test]
fn where_and_how_fast_a_model_computes_are_one_tier() {
    let cases = [
        (json!({"inference_geo": "us"}), Some("us")),
        (json!({"inference_geo": "global"}), None),
        (json!({"speed": "fast"}), Some("fast")),
        (json!({"speed": "fast", "inference_geo": "us"}), Some("fast_us")),
        (json!({"inference_geo": "us", "service_tier": "auto", "speed": "standard"}), Some("us")),
        (json!({"inference_geo": "not_available", "service_tier": "priority"}), Some("priority")),
    ];
    for (fields, expected) in cases {
        let mut request = json!({"model": "m", "max_tokens": 9, "messages": []});
        request.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let asked = read(Dialect::AnthropicMessages, &request).unwrap();
        let mut usage = json!({"input_tokens": 1, "output_tokens": 1});
        usage.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let answer = json!({"id": "m", "type": "message", "model": "m", "content": [], "usage": usage}).to_string();
        let served = read_body(Dialect::AnthropicMessages, answer.as_bytes());
        let is_known = |tier: &String| tier.starts_with("fast") || tier == "us" || tier == "priority";
        assert_eq!(asked.tier.filter(is_known).as_deref(), expected, "asked for {fields}");
        assert_eq!(served.service_tier.filter(is_known).as_deref(), expected, "served as {fields}");
    }
}

#[test]
fn a_priced_field_that_could_be_read_in_two_ways_is_refused() {
    let check = |dialect: Dialect, name: &str, raw: &str, refused: bool| {
        let fields = [("model", "\"m\""), (name, raw)];
        let answer = RequestFacts::read(dialect, fields.into_iter());
        assert_eq!(answer.is_err(), refused, "{name}: {raw}: {:?}", answer.err());
    };
    let searches = r#"{"type": "web_search_20250305", "name": "web_search"}"#;
    check(Dialect::AnthropicMessages, "tools", &format!("[{searches}]"), false);
    check(Dialect::AnthropicMessages, "tools", searches, true);
    check(Dialect::AnthropicMessages, "tools", r#"[{"type": "custom", "type": "web_search_20250305"}]"#, true);
    check(Dialect::GeminiGenerate, "tools", r#"{"googleSearch": {}}"#, true);
    check(Dialect::OpenaiChat, "tools", r#""web_search""#, true);
    check(Dialect::OpenaiChat, "tools", "null", false);
    check(Dialect::OpenaiChat, "web_search_options", "true", true);
    check(Dialect::OpenaiChat, "web_search_options", "{}", false);
    check(Dialect::OpenaiResponses, "reasoning", r#"{"effort": "none", "effort": "high"}"#, true);
    check(Dialect::AnthropicMessages, "thinking", r#"{"type": "disabled", "t\u0079pe": "enabled"}"#, true);
    for config in ["generationConfig", "generation_config"] {
        let gemini = |raw, refused| check(Dialect::GeminiGenerate, config, raw, refused);
        gemini(r#"{"maxOutputTokens": 5, "thinkingConfig": {"thinkingBudget": 1}}"#, false);
        gemini(r#"{"max_output_tokens": 5}"#, false);
        gemini(r#"{"maxOutputTokens": 5, "maxOutputTokens": 500}"#, true);
        gemini(r#"{"maxOutputTokens": 5, "max_output_tokens": 500}"#, true);
        gemini(r#"{"thinkingConfig": {"thinkingBudget": 1, "thinking_budget": 9}}"#, true);
        gemini("[5]", true);
    }
    let both = [("model", "\"m\""), ("generationConfig", "{}"), ("generation_config", "{}")];
    assert!(RequestFacts::read(Dialect::GeminiGenerate, both.into_iter()).is_err());
}

#[test]
fn what_gemini_is_to_make_is_read_in_every_spelling_or_refused() {
    let facts = |config: Value| read(Dialect::GeminiGenerate, &json!({"model": "m", "generationConfig": config}));
    for (asked, choices) in [(json!(null), 1), (json!(1), 1), (json!(8), 8), (json!(8.0), 8)] {
        assert_eq!(facts(json!({"candidateCount": asked})).unwrap().choices, choices);
    }
    for asked in [json!("8"), json!(8.5), json!(-1), json!(0), json!([8])] {
        assert!(facts(json!({"candidateCount": asked})).is_err(), "{asked}");
        assert!(facts(json!({"candidate_count": asked})).is_err(), "{asked}");
    }
    let check = |name: &str, asked: Value, expect: &[Bucket]| {
        assert_eq!(facts(json!({name: asked})).unwrap().extra, expect, "{asked}");
    };
    for name in ["responseModalities", "response_modalities"] {
        check(name, json!(["TEXT"]), &[]);
        check(name, json!([1]), &[]);
        check(name, json!(["TEXT", "IMAGE"]), &[Bucket::OutputImage]);
        check(name, json!([1, 2]), &[Bucket::OutputImage]);
        check(name, json!(["image"]), &[Bucket::OutputImage]);
        check(name, json!(["AUDIO"]), &[Bucket::OutputAudio]);
        check(name, json!([3]), &[Bucket::OutputAudio]);
        check(name, json!(["of tomorrow"]), &[Bucket::OutputAudio]);
    }
}
