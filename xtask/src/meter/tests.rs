use super::meter;
use serde_json::{Value, json};
use std::path::Path;

const BODY: &str = r#"{"id":"a","model":"m","choices":[{"finish_reason":"stop","message":{"content":"Hi"}}],"usage":{"prompt_tokens":20,"completion_tokens":5,"total_tokens":25}}"#;
const STREAM: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"},\"finish_reason\":\"stop\"}]}\n\n\
                      data: {\"choices\":[],\"usage\":{\"prompt_tokens\":20,\"completion_tokens\":5}}\n\ndata: [DONE]\n\n";

/// One recording: its interface, its body, and what differs from plain ones.
struct Sample<'a> {
    api: &'a str,
    body: &'a str,
    expected: Value,
    path: &'a str,
}

fn sample<'a>(api: &'a str, body: &'a str, input: u64) -> Sample<'a> {
    let expected = json!({"input_tokens": input, "output_tokens": 5, "usage_present": true});
    Sample { api, body, expected, path: "/x" }
}

/// A sample whose expected usage has more to it.
fn with<'a>(api: &'a str, body: &'a str, more: &Value) -> Sample<'a> {
    let mut sample = sample(api, body, 20);
    for (name, value) in more.as_object().unwrap() {
        sample.expected[name] = value.clone();
    }
    sample
}

impl Sample<'_> {
    /// Writes it into a folder and returns its line of the index.
    fn write(&self, folder: &Path, number: usize) -> String {
        let (file, expected) = (format!("{number}.json"), format!("{number}.expected.json"));
        let exchange =
            json!({"request": {"path": self.path, "body": {}}, "response": {"headers": null, "body": self.body}});
        for (name, value) in [(&file, &exchange), (&expected, &self.expected)] {
            std::fs::write(folder.join(name), value.to_string()).unwrap();
        }
        let stream = self.body.starts_with("data") || self.body.contains("\n");
        let provider = self.api.split('-').next();
        json!({"id": format!("{number:010}"), "file": file, "expected": expected, "provider": provider, "api": self.api,
               "stream": stream})
        .to_string()
    }
}

/// What a folder with these recordings comes to, and the report of it.
fn check(samples: &[Sample<'_>], unsupported_max: &str, outcome: Result<(), &str>) -> String {
    check_folder(unsupported_max, outcome, |folder| {
        samples.iter().enumerate().map(|(number, sample)| sample.write(folder, number)).collect()
    })
}

fn check_folder(unsupported_max: &str, outcome: Result<(), &str>, fill: impl FnOnce(&Path) -> Vec<String>) -> String {
    let dir = tempfile::tempdir().unwrap();
    let index = fill(dir.path());
    std::fs::write(dir.path().join("index.jsonl"), index.join("\n")).unwrap();
    let report = meter(dir.path()).unwrap();
    let verdict = report.verdict(unsupported_max.parse().unwrap()).map_err(|error| error.to_string());
    match outcome {
        Ok(()) => assert_eq!(verdict, Ok(()), "{report}"),
        Err(words) => assert!(verdict.as_ref().is_err_and(|error| error.contains(words)), "{verdict:?}\n{report}"),
    }
    report.to_string()
}

#[test]
fn a_folder_passes_where_everything_supported_is_right() {
    check(&[sample("some-chat", BODY, 20), sample("unheard-of-chat", STREAM, 20)], "0", Ok(()));
}

#[test]
fn one_token_too_many_is_told_and_how_it_was_read() {
    check(&[sample("some-chat", BODY, 20), sample("some-chat", BODY, 21)], "15", Err("1 of 2 are wrong"));
    let report = check(&[sample("some-chat", STREAM, 21)], "15", Err("1 of 1 are wrong"));
    assert!(report.contains("wrong: 0.json: input: 20 instead of 21 (as a stream in one piece)"), "{report}");
}

#[test]
fn what_is_not_supported_counts_against_its_share() {
    let samples = || [sample("some-chat", BODY, 20), sample("pictures", BODY, 20)];
    for share in ["50", "50%", "0.5", "50.0"] {
        check(&samples(), share, Ok(()));
    }
    for share in ["49", "49.9 %", "0.499", "0"] {
        check(&samples(), share, Err("1 of 2 are not supported"));
    }
    for share in ["x", "-1", "101", "NaN", ""] {
        assert!(share.parse::<super::share::Share>().is_err(), "{share}");
    }
}

#[test]
fn an_empty_folder_is_no_success() {
    check(&[], "100", Err("nothing to read"));
}

#[test]
fn a_recording_that_cannot_be_read_is_named_and_the_others_are_read() {
    let report = check_folder("15", Err("4 of 6 are wrong"), |folder| {
        let mut lines: Vec<String> = (0..5).map(|number| sample("a-chat", BODY, 20).write(folder, number)).collect();
        std::fs::write(folder.join("1.json"), "{\"request\":").unwrap();
        std::fs::write(folder.join("2.json"), b"{\"response\":{\"body\":\"\xff\"}}").unwrap();
        std::fs::remove_file(folder.join("3.expected.json")).unwrap();
        let odd = r#"{"input_tokens":20.0,"output_tokens":5,"usage_present":true,"additional_usage":null,"checks":null,
            "server_tool_calls":{"web_search_call":null,"file_search_call":0.0},"n_tool_calls":null}"#;
        std::fs::write(folder.join("4.expected.json"), odd).unwrap();
        lines.push("no json".to_owned());
        lines
    });
    for named in ["wrong: 1.json: ", "wrong: 2.json: ", "wrong: 3.expected.json: ", "wrong: line 6 of index.jsonl: "] {
        assert!(report.contains(named), "{named} is not in\n{report}");
    }
}

#[test]
fn what_is_spoken_at_an_interface_may_hang_on_the_path() {
    let path = |api, path, body| Sample { path, ..sample(api, body, 20) };
    let native = r#"{"done_reason":"stop","prompt_eval_count":20,"eval_count":5}"#;
    let message = r#"{"stop_reason":"end_turn","usage":{"input_tokens":20,"output_tokens":5}}"#;
    let samples = [
        path("ollama-chat", "/api/chat", native),
        path("ollama-chat", "/api/chat", "{\"eval_count\":1}\n{\"prompt_eval_count\":20,\"eval_count\":5}\n"),
        path("ollama-chat", "/v1/chat/completions", BODY),
        path("ollama-generate", "/api/generate", native),
        path("vertex-generate", "/models/claude-sonnet-4:rawPredict", message),
        path("vertex-generate", "/models/claude-sonnet-4:streamRawPredict", message),
        path("bedrock-invoke", "/model/anthropic.claude/invoke", message),
        path("bedrock-invoke", "/model/x/invoke", r#"{"prompt_token_count":20,"generation_token_count":5}"#),
    ];
    check(&samples, "0", Ok(()));
    check(&[sample("other-generate", BODY, 20)], "0", Err("1 of 1 are not supported"));
}

#[test]
fn usage_that_names_no_tokens_is_not_missed() {
    let images = r#"{"meta":{"billed_units":{"images":1}}}"#;
    check(&[with("cohere-embed", images, &json!({"input_tokens": null, "output_tokens": 0}))], "0", Ok(()));
}

#[test]
fn what_is_cached_counts_only_where_it_is_billed() {
    let billed = r#"{"finish_reason":"COMPLETE","usage":{"billed_units":{"input_tokens":20,"output_tokens":5}}}"#;
    let cached = json!({"cached_input_tokens": 7, "unbilled_tokens_view": {"input_tokens": 30}});
    check(&[with("cohere-chat-v2", billed, &cached)], "0", Ok(()));
    check(&[with("cohere-chat-v2", billed, &json!({"cached_input_tokens": 7}))], "0", Err("1 of 1 are wrong"));
}

#[test]
fn tools_that_cannot_be_compared_are_named() {
    let report = check(&[with("a-chat", BODY, &json!({"server_tool_calls": {"weather_calls": 2}}))], "0", Ok(()));
    assert!(report.contains("not compared: uses of weather_calls"), "{report}");
    let known = json!({"server_tool_calls": {"web_search_call": 2}});
    check(&[with("a-chat", BODY, &known)], "0", Err("1 of 1 are wrong"));
}

#[test]
fn tools_that_a_reseller_ran_are_counted() {
    let uses = |details: &str| BODY.replace("\"total_tokens\":25", &format!("\"total_tokens\":25,{details}"));
    let searches = uses(r#""server_tool_use_details":{"web_search_requests":2,"web_fetch_requests":1}"#);
    let counted = |name: &str, count: u64| json!({"server_tool_calls": {name: count}});
    check(&[with("openrouter-chat", &searches, &counted("web_search_requests", 2))], "0", Ok(()));
    let both =
        uses(r#""server_tool_use":{"web_search_requests":0},"server_tool_use_details":{"web_search_requests":2}"#);
    check(&[with("openrouter-chat", &both, &counted("web_search_requests", 2))], "0", Ok(()));
    check(&[with("openrouter-chat", &searches, &counted("web_search_requests", 1))], "0", Err("1 of 1 are wrong"));
    let none = uses(r#""server_tool_use_details":{"web_search_requests":null},"server_tool_use":null"#);
    check(&[with("openrouter-chat", &none, &counted("web_search_requests", 0))], "0", Ok(()));
    let streamed = format!(
        "data: {{\"choices\":[{{\"delta\":{{\"content\":\"Hi\"}},\"finish_reason\":\"stop\"}}]}}\n\ndata: {searches}\n\ndata: [DONE]\n\n"
    );
    check(&[with("openrouter-chat", &streamed, &counted("web_search_requests", 2))], "0", Ok(()));
    let response = r#"{"id":"r","object":"response","status":"completed","output":[],"usage":{"input_tokens":20,"output_tokens":5,
        "total_tokens":25,"server_tool_use_details":{"web_search_requests":3}}}"#;
    check(&[with("openrouter-responses", response, &counted("web_search_requests", 3))], "0", Ok(()));
}

#[test]
fn the_odd_forms_of_one_api_are_read() {
    let numbers = r#"{"candidates":[{"content":{"parts":[{"text":"Hi"}],"role":"model"},"finishReason":1,"index":0}],
        "usageMetadata":{"promptTokenCount":20,"candidatesTokenCount":5,"totalTokenCount":25,
            "promptTokensDetails":[{"modality":1,"tokenCount":20}],"candidatesTokensDetails":[{"modality":1,"tokenCount":5}]}}"#;
    let spoken = numbers.replacen("\"modality\":1,\"tokenCount\":20", "\"modality\":4,\"tokenCount\":20", 1);
    let audio = json!({"input_audio_tokens": 20});
    check(&[sample("gemini-generate", numbers, 20), with("gemini-generate", &spoken, &audio)], "0", Ok(()));
    let streamed = format!("data: {}\n\n", numbers.replace('\n', ""));
    check(&[sample("gemini-generate", &streamed, 20), sample("vertex-generate", numbers, 20)], "0", Ok(()));
    let nothing = json!({"input_tokens": null, "output_tokens": null, "usage_present": false});
    let blocked = r#"{"promptFeedback":{"blockReason":"PROHIBITED_CONTENT"},"modelVersion":"m"}"#;
    let by_number =
        r#"{"promptFeedback":{"blockReason":4,"safetyRatings":[{"category":7,"probability":4,"blocked":true}]}}"#;
    let stream = format!("data: {blocked}\n\n");
    let all = [blocked, by_number, &stream].map(|body| with("gemini-generate", body, &nothing));
    check(&all, "0", Ok(()));
    let prompt = json!({"output_tokens": 0});
    let counted =
        r#"{"promptFeedback":{"blockReason":1},"usageMetadata":{"promptTokenCount":20,"totalTokenCount":20}}"#;
    check(&[with("gemini-generate", counted, &prompt)], "0", Ok(()));
    let array = format!("[{numbers}]");
    check(&[sample("gemini-generate", &array, 20)], "0", Ok(()));
}

/// `openai/gpt-4o` costs 2.5 and 10 USD for a million: 20 and 5 tokens are 0.0001 USD.
#[test]
fn a_price_that_the_provider_told_is_ours_or_explained() {
    let cost =
        |api, model: &str, cost: Value| with(api, BODY, &json!({"model": model, "provider_reported_cost": cost}));
    let ticks =
        |ticks: u64| with("openai-chat", BODY, &json!({"model": "gpt-4o", "provider_reported_cost_usd_ticks": ticks}));
    check(&[cost("openai-chat", "gpt-4o", json!(0.0001)), ticks(1_000_000)], "0", Ok(()));
    check(&[cost("openai-chat", "gpt-4o", json!(0.0002))], "0", Err("1 prices differ"));
    check(&[ticks(1_100_000)], "0", Err("1 prices differ"));
    for resold in [json!(0.0005), json!(0.00002), json!(0)] {
        check(&[cost("reseller-chat", "gpt-4o", resold)], "0", Ok(()));
    }
    check(&[cost("reseller-chat", "gpt-4o", json!(0.002))], "0", Err("1 prices differ"));
    check(&[cost("a-chat", "nobodys-model", json!(7))], "0", Ok(()));
    let none = r#"{"choices":[{"finish_reason":"stop","message":{"content":"Hi"}}]}"#;
    let missing = json!({"usage_present": false, "provider_reported_cost": 1});
    check(&[with("a-chat", none, &missing)], "0", Err("1 prices differ"));
}
