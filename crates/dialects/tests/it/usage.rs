//! What the counts that a provider reports come to, in disjoint buckets.

use bytes::Bytes;
use opencredits_dialects::{Dialect, End, Outcome, StreamTap, Trust, UsageChunk, read_body};
use opencredits_units::{Bucket, Tokens, ToolUse, Usage};

use Bucket::{
    CacheRead, CacheWrite1h, CacheWrite5m, CacheWriteOther, InputAudio, InputAudioCached, InputImage, InputUncached,
    Output, OutputAudio, OutputImage, Reasoning,
};
use Dialect::{AnthropicMessages, CohereChat, GeminiGenerate, OpenaiChat, OpenaiEmbeddings, OpenaiResponses};

/// A whole answer with this usage object.
fn answer(dialect: Dialect, usage: &str) -> Outcome {
    let (head, member) = match dialect {
        OpenaiChat => (r#""choices":[{"finish_reason":"stop"}]"#, "usage"),
        AnthropicMessages => (r#""stop_reason":"end_turn""#, "usage"),
        OpenaiResponses => (r#""status":"completed""#, "usage"),
        GeminiGenerate => (r#""candidates":[]"#, "usageMetadata"),
        OpenaiEmbeddings => (r#""data":[{}]"#, "usage"),
        CohereChat => (r#""finish_reason":"COMPLETE""#, "usage"),
    };
    read_body(dialect, format!("{{{head},\"{member}\":{usage}}}").as_bytes())
}

fn of(counts: &[(Bucket, u64)]) -> Option<Usage> {
    let mut usage = Usage::default();
    counts.iter().for_each(|(bucket, count)| usage.set(*bucket, Tokens::new(*count)));
    (!counts.is_empty()).then_some(usage)
}

#[track_caller]
fn check(dialect: Dialect, usage: &str, counts: &[(Bucket, u64)]) {
    let outcome = answer(dialect, usage);
    assert_eq!((outcome.usage, outcome.trust), (of(counts), Trust::Sound), "{usage}");
}

#[track_caller]
fn check_contradictory(dialect: Dialect, usage: &str) {
    assert_eq!(answer(dialect, usage).trust, Trust::Contradictory, "{usage}");
}

#[test]
fn a_count_that_no_integer_holds_is_the_largest_one_so_that_it_shows() {
    let most = Tokens::new(u64::MAX);
    for huge in ["1e30", "99999999999999999999999", "\"99999999999999999999999\"", "18446744073709551616"] {
        for (dialect, usage) in [
            (OpenaiChat, format!("{{\"prompt_tokens\":{huge},\"completion_tokens\":5}}")),
            (AnthropicMessages, format!("{{\"input_tokens\":{huge},\"output_tokens\":5}}")),
        ] {
            let usage = answer(dialect, &usage).usage.unwrap();
            assert_eq!(usage.get(InputUncached), Some(most), "{huge}");
        }
        let part = format!("{{\"prompt_tokens\":12,\"completion_tokens\":5,\"num_cached_tokens\":{huge}}}");
        check(OpenaiChat, &part, &[(InputUncached, 12), (Output, 5)]);
    }
}

#[test]
fn one_odd_field_does_not_cost_the_others() {
    let both = [(InputUncached, 12), (Output, 5)];
    for odd in ["null", "[]", "{\"a\":[1]}", "true", "\"-\"", "\"many\"", "0.5", "[{\"a\":null}]"] {
        let chat = format!("{{\"num_cached_tokens\":{odd},\"prompt_tokens\":12.0,\"completion_tokens\":\"5\"}}");
        check(OpenaiChat, &chat, &both);
        let responses = format!("{{\"total_tokens\":{odd},\"input_tokens\":12.0,\"output_tokens\":\"5\"}}");
        check(OpenaiResponses, &responses, &both);
        let messages = format!("{{\"cache_read_input_tokens\":{odd},\"input_tokens\":12.0,\"output_tokens\":\"5\"}}");
        check(AnthropicMessages, &messages, &both);
        let gemini =
            format!("{{\"thoughtsTokenCount\":{odd},\"promptTokenCount\":12.0,\"candidatesTokenCount\":\"5\"}}");
        check(GeminiGenerate, &gemini, &both);
        let cohere = format!("{{\"billed_units\":{{\"images\":{odd},\"input_tokens\":12.0,\"output_tokens\":\"5\"}}}}");
        check(CohereChat, &cohere, &both);
        let embeddings = format!("{{\"prompt_tokens\":{odd},\"total_tokens\":12.0}}");
        check(OpenaiEmbeddings, &embeddings, &[(InputUncached, 12)]);
    }
    let null = r#"{"promptTokenCount":12,"candidatesTokenCount":5,"promptTokensDetails":null,"cacheTokensDetails":null,
        "candidatesTokensDetails":[{"modality":null,"tokenCount":null}]}"#;
    check(GeminiGenerate, null, &both);
    for none in ["\"none\"", "5", "{}", "null"] {
        for dialect in Dialect::ALL {
            check(dialect, none, &[]);
        }
    }
}

#[test]
fn a_count_below_zero_is_contradictory() {
    for below in ["-1", "-1.0", "\"-1\""] {
        let counts = |name: &str| format!("{{\"{name}\":{below}}}");
        check_contradictory(OpenaiChat, &counts("prompt_tokens"));
        check_contradictory(OpenaiChat, &format!("{{\"completion_tokens_details\":{}}}", counts("reasoning_tokens")));
        check_contradictory(OpenaiResponses, &counts("output_tokens"));
        check_contradictory(AnthropicMessages, &counts("output_tokens"));
        check_contradictory(GeminiGenerate, &counts("thoughtsTokenCount"));
        check_contradictory(OpenaiEmbeddings, &counts("prompt_tokens"));
        check_contradictory(CohereChat, &format!("{{\"billed_units\":{}}}", counts("input_tokens")));
    }
}

#[test]
fn images_and_audio_that_came_out_are_counted_apart_and_never_above_the_output() {
    let chat = |details: &str| {
        format!("{{\"prompt_tokens\":12,\"completion_tokens\":100,\"completion_tokens_details\":{{{details}}}}}")
    };
    check(
        OpenaiChat,
        &chat(r#""image_tokens":60,"audio_tokens":10,"reasoning_tokens":20"#),
        &[(InputUncached, 12), (OutputImage, 60), (OutputAudio, 10), (Reasoning, 20), (Output, 10)],
    );
    check(
        OpenaiChat,
        &chat(r#""image_tokens":600,"reasoning_tokens":20"#),
        &[(InputUncached, 12), (OutputImage, 100), (Reasoning, 0), (Output, 0)],
    );
    check(
        GeminiGenerate,
        r#"{"promptTokenCount":12,"candidatesTokenCount":100,"candidatesTokensDetails":[{"modality":"IMAGE","tokenCount":129}]}"#,
        &[(InputUncached, 12), (OutputImage, 100), (Output, 0)],
    );
}

#[test]
fn what_is_cached_and_audio_is_counted_once() {
    let chat = |details: &str| format!("{{\"prompt_tokens\":100,\"prompt_tokens_details\":{{{details}}}}}");
    check(
        OpenaiChat,
        &chat(r#""cached_tokens":80,"audio_tokens":50"#),
        &[(CacheRead, 50), (InputAudio, 20), (InputAudioCached, 30), (InputUncached, 0)],
    );
    check(
        OpenaiChat,
        &chat(r#""cached_tokens":40,"audio_tokens":50,"cached_tokens_details":{"audio_tokens":30}"#),
        &[(CacheRead, 10), (InputAudio, 20), (InputAudioCached, 30), (InputUncached, 40)],
    );
    check(
        OpenaiChat,
        &chat(r#""cached_tokens":40,"audio_tokens":50"#),
        &[(CacheRead, 40), (InputAudio, 50), (InputUncached, 10)],
    );
    check_contradictory(OpenaiChat, &chat(r#""cached_tokens":101,"audio_tokens":50"#));
    check_contradictory(OpenaiChat, &chat(r#""cached_tokens":5,"cached_tokens_details":{"audio_tokens":6}"#));
    let responses = |cached: u64| {
        format!(
            "{{\"input_tokens\":100,\"input_tokens_details\":{{\"cached_tokens\":{cached},\"image_tokens\":90}},\
             \"output_tokens\":5,\"output_tokens_details\":{{\"image_tokens\":9}}}}"
        )
    };
    let images_out = [(OutputImage, 5), (Output, 0)];
    let counts = [&[(CacheRead, 80), (InputImage, 20), (InputUncached, 0)][..], &images_out].concat();
    check(OpenaiResponses, &responses(80), &counts);
    check_contradictory(OpenaiResponses, &responses(101));
    let gemini = |kind: &str, cached: u64| {
        format!(
            "{{\"promptTokenCount\":100,\"cachedContentTokenCount\":{cached},\
             \"promptTokensDetails\":[{{\"modality\":\"TEXT\",\"tokenCount\":10}},{{\"modality\":\"{kind}\",\"tokenCount\":90}}]}}"
        )
    };
    check(GeminiGenerate, &gemini("IMAGE", 80), &[(CacheRead, 80), (InputImage, 20), (InputUncached, 0)]);
    let audio = [(CacheRead, 10), (InputAudio, 20), (InputAudioCached, 70), (InputUncached, 0)];
    check(GeminiGenerate, &gemini("AUDIO", 80), &audio);
    check_contradictory(GeminiGenerate, &gemini("IMAGE", 101));
}

#[test]
fn what_is_missing_to_the_total_is_reasoning_unless_it_is_audio() {
    let chat = |more: &str| format!("{{\"prompt_tokens\":10,\"completion_tokens\":5,\"total_tokens\":115{more}}}");
    let hidden = [(InputUncached, 10), (Reasoning, 100), (Output, 5)];
    check(OpenaiChat, &chat(""), &hidden);
    check(OpenaiChat, &chat(r#","completion_tokens_details":{"reasoning_tokens":0}"#), &hidden);
    check(OpenaiChat, &chat(r#","prompt_audio_seconds":null"#), &hidden);
    check(OpenaiChat, &chat(r#","prompt_audio_seconds":5"#), &[(InputUncached, 10), (Output, 5)]);
    check(
        OpenaiChat,
        &chat(r#","prompt_audio_seconds":5,"prompt_tokens_details":{"audio_tokens":100}"#),
        &[(InputUncached, 10), (InputAudio, 100), (Output, 5)],
    );
}

#[test]
fn cache_writes_of_a_chat_have_two_names() {
    for name in ["cache_write_tokens", "cache_creation_input_tokens"] {
        let usage = format!("{{\"prompt_tokens\":10,\"prompt_tokens_details\":{{\"{name}\":4}}}}");
        check(OpenaiChat, &usage, &[(InputUncached, 6), (CacheWriteOther, 4)]);
    }
    let both =
        r#"{"prompt_tokens":10,"prompt_tokens_details":{"cache_write_tokens":4,"cache_creation_input_tokens":4}}"#;
    check(OpenaiChat, both, &[(InputUncached, 6), (CacheWriteOther, 4)]);
}

#[test]
fn searches_of_a_chat_are_counted() {
    let outcome = answer(OpenaiChat, r#"{"prompt_tokens":10,"server_tool_use":{"web_search_requests":2}}"#);
    assert_eq!(outcome.usage.unwrap().uses(ToolUse::WebSearch), Some(Tokens::new(2)));
}

/// The outcome of a stream of these events.
fn streamed(dialect: Dialect, events: &[&str]) -> Outcome {
    let mut tap = StreamTap::new(dialect, UsageChunk::Requested);
    for event in events {
        tap.feed(&Bytes::from(format!("data: {event}\n\n"))).unwrap();
    }
    tap.outcome(End::Clean)
}

#[test]
fn usage_within_a_choice_counts_where_there_is_none_beside_it() {
    let within =
        r#"{"choices":[{"delta":{},"finish_reason":"stop","usage":{"prompt_tokens":10,"completion_tokens":5}}]}"#;
    let beside = r#"{"choices":[],"usage":{"prompt_tokens":11,"completion_tokens":6}}"#;
    let of_both = r#"{"usage":{"prompt_tokens":11},"choices":[{"finish_reason":"stop","usage":{"prompt_tokens":10}}]}"#;
    for (events, input) in [(&[within, "[DONE]"][..], 10), (&[within, beside], 11), (&[of_both], 11)] {
        let usage = streamed(OpenaiChat, events).usage.unwrap();
        assert_eq!(usage.get(InputUncached), Some(Tokens::new(input)), "{events:?}");
    }
}

#[test]
fn an_error_is_one_whatever_the_choices_beside_it_say() {
    let choices = r#""choices":[{"delta":{"content":""},"finish_reason":"error"}]"#;
    for event in
        [format!("{{\"error\":{{\"code\":502}},{choices}}}"), format!("{{{choices},\"error\":{{\"code\":502}}}}")]
    {
        assert!(streamed(OpenaiChat, &[&event]).error.is_some(), "{event}");
        assert!(read_body(OpenaiChat, event.as_bytes()).error.is_some(), "{event}");
    }
}

#[test]
fn searches_of_a_response_are_those_that_it_tells_or_else_those_that_it_shows() {
    let searches = |told: &str| {
        let call = |action: &str| format!("{{\"type\":\"web_search_call\",\"action\":{{\"type\":\"{action}\"}}}}");
        let output = [call("search"), call("search"), call("open_page")].join(",");
        let body = format!("{{\"output\":[{output}],\"usage\":{{\"input_tokens\":10}}{told}}}");
        read_body(OpenaiResponses, body.as_bytes()).usage.unwrap().uses(ToolUse::WebSearch).map(Tokens::get)
    };
    assert_eq!(searches(""), Some(2));
    assert_eq!(searches(r#","tool_usage":{"image_gen":{}}"#), Some(2));
    assert_eq!(searches(r#","tool_usage":{"web_search":{"num_requests":5}}"#), Some(5));
}

#[test]
fn uses_of_tools_that_a_stream_shows_are_seen_before_they_are_reported() {
    let check = |dialect: Dialect, events: &[&str], expect: &[(ToolUse, u64)]| {
        let seen = streamed(dialect, events).seen_uses;
        for tool in ToolUse::ALL {
            let expect = expect.iter().find(|(named, _)| *named == tool).map_or(0, |(_, count)| *count);
            assert_eq!(seen.uses(tool).map_or(0, Tokens::get), expect, "{tool:?}: {events:?}");
        }
    };
    let block = |kind: &str, name: &str| {
        format!(
            "{{\"type\":\"content_block_start\",\"content_block\":{{\"type\":\"{kind}\",\"id\":\"t\",\"name\":\"{name}\"}}}}"
        )
    };
    let [search, fetch, code, own] = [
        block("server_tool_use", "web_search"),
        block("server_tool_use", "web_fetch"),
        block("server_tool_use", "bash_code_execution"),
        block("tool_use", "web_search"),
    ];
    let all = [(ToolUse::WebSearch, 2), (ToolUse::WebFetch, 1), (ToolUse::CodeExecution, 1)];
    check(AnthropicMessages, &[&search, &fetch, &code, &search, &own], &all);
    let item = |event: &str, kind: &str, action: &str| {
        format!("{{\"type\":\"response.output_item.{event}\",\"item\":{{\"type\":\"{kind}\"{action}}}}}")
    };
    let [added, code, message] =
        ["web_search_call", "code_interpreter_call", "message"].map(|kind| item("added", kind, ""));
    let [done, code_done, message_done] =
        ["web_search_call", "code_interpreter_call", "message"].map(|kind| item("done", kind, ""));
    let opened = item("done", "web_search_call", r#","action":{"type":"open_page"}"#);
    check(OpenaiResponses, &[&added], &[(ToolUse::WebSearch, 1)]);
    check(OpenaiResponses, &[&added, &done, &added, &done], &[(ToolUse::WebSearch, 2)]);
    check(OpenaiResponses, &[&added, &opened, &message, &message_done], &[]);
    let opening = opened.replace("item.done", "item.added");
    check(OpenaiResponses, &[&added, &done, &opening, &opened], &[(ToolUse::WebSearch, 1)]);
    check(OpenaiResponses, &[&done, &opened, &done], &[(ToolUse::WebSearch, 2)]);
    let both = [(ToolUse::WebSearch, 1), (ToolUse::CodeExecution, 1)];
    check(OpenaiResponses, &[&added, &done, &code, &code_done, &message], &both);
}

#[test]
fn what_was_searched_for_is_billed_once_whichever_chunk_tells_it() {
    let chunk = |queries: &str, count: u64| {
        format!(
            "{{\"candidates\":[{{\"groundingMetadata\":{{\"webSearchQueries\":[{queries}]}}}}],\
             \"usageMetadata\":{{\"promptTokenCount\":{count}}}}}"
        )
    };
    let chunks = [chunk("\"a\",\"b\",\" \"", 1), chunk("\"b\",\"c\"", 2), chunk("", 3)];
    let list = format!("\u{feff}[{}]", chunks.join(",\r\n"));
    let [one, two, three] = &chunks;
    for outcome in [streamed(GeminiGenerate, &[one, two, three]), read_body(GeminiGenerate, list.as_bytes())] {
        let usage = outcome.usage.unwrap();
        assert_eq!(usage.uses(ToolUse::Grounding), Some(Tokens::new(3)));
        assert_eq!(usage.get(InputUncached), Some(Tokens::new(3)));
    }
}

#[test]
fn a_later_total_of_cache_writes_bounds_the_split_before_it() {
    let start = |split: &str| {
        format!(
            "{{\"type\":\"message_start\",\"message\":{{\"usage\":{{\"input_tokens\":1,\"cache_creation_input_tokens\":100,\"cache_creation\":{{{split}}}}}}}}}"
        )
    };
    let delta = |total: u64| {
        format!(
            "{{\"type\":\"message_delta\",\"usage\":{{\"cache_creation_input_tokens\":{total},\"output_tokens\":5}}}}"
        )
    };
    let check = |split: &str, total: u64, counts: &[(Bucket, u64)]| {
        let outcome = streamed(AnthropicMessages, &[&start(split), &delta(total)]);
        let all = [&[(InputUncached, 1), (Output, 5)][..], counts].concat();
        assert_eq!((outcome.usage, outcome.trust), (of(&all), Trust::Sound), "{split} and {total}");
    };
    let short = r#""ephemeral_5m_input_tokens":100"#;
    check(short, 40, &[(CacheWrite5m, 40)]);
    check(short, 140, &[(CacheWrite5m, 100), (CacheWriteOther, 40)]);
    check(
        r#""ephemeral_5m_input_tokens":70,"ephemeral_1h_input_tokens":30"#,
        40,
        &[(CacheWrite5m, 10), (CacheWrite1h, 30)],
    );
}

#[test]
fn a_part_that_contradicts_itself_is_no_less_contradictory_for_being_billed_besides() {
    let usage = |written: i64| {
        format!(
            "{{\"input_tokens\":10,\"output_tokens\":5,\"iterations\":[{{\"type\":\"compaction\",\"input_tokens\":3,\
             \"cache_creation_input_tokens\":{written},\"cache_creation\":{{\"ephemeral_5m_input_tokens\":4}}}}]}}"
        )
    };
    assert_eq!(answer(AnthropicMessages, &usage(4)).additional.len(), 1);
    check_contradictory(AnthropicMessages, &usage(3));
    check_contradictory(AnthropicMessages, &usage(-1));
}
