use super::meter;
use serde_json::{Value, json};
use std::path::Path;

const BODY: &str = r#"{"id":"a","model":"m","choices":[{"finish_reason":"stop","message":{"content":"Hi"}}],"usage":{"prompt_tokens":20,"completion_tokens":5,"total_tokens":25}}"#;
const STREAM: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"},\"finish_reason\":\"stop\"}]}\n\n\
                      data: {\"choices\":[],\"usage\":{\"prompt_tokens\":20,\"completion_tokens\":5}}\n\ndata: [DONE]\n\n";

/// Writes a recording into a folder and returns its line of the index.
fn recording(folder: &Path, number: usize, api: &str, body: &str, input: u64) -> String {
    let (file, expected) = (format!("{number}.json"), format!("{number}.expected.json"));
    let exchange = json!({"request": {"path": "/x", "body": {}}, "response": {"status": 200, "body": body}});
    let usage = json!({"input_tokens": input, "output_tokens": 5, "usage_present": true});
    for (name, value) in [(&file, &exchange), (&expected, &usage)] {
        std::fs::write(folder.join(name), value.to_string()).unwrap();
    }
    json!({"id": format!("{number:010}"), "file": file, "expected": expected, "provider": "p", "api": api,
           "stream": body.starts_with("data"), "status": 200, "model": Value::Null, "features": [], "body_exact": true})
    .to_string()
}

/// What a folder with these recordings comes to.
fn check(recordings: &[(&str, &str, u64)], unsupported_max: usize, outcome: Result<(), &str>) {
    let dir = tempfile::tempdir().unwrap();
    let numbered = recordings.iter().enumerate();
    let index: Vec<String> =
        numbered.map(|(number, (api, body, input))| recording(dir.path(), number, api, body, *input)).collect();
    std::fs::write(dir.path().join("index.jsonl"), index.join("\n")).unwrap();
    let report = meter(dir.path()).unwrap();
    let verdict = report.verdict(unsupported_max).map_err(|error| error.to_string());
    match outcome {
        Ok(()) => assert_eq!(verdict, Ok(()), "{report}"),
        Err(words) => assert!(verdict.as_ref().is_err_and(|error| error.contains(words)), "{verdict:?}\n{report}"),
    }
}

#[test]
fn a_folder_passes_where_everything_supported_is_right() {
    check(&[("some-chat", BODY, 20), ("unheard-of-chat", STREAM, 20)], 0, Ok(()));
}

#[test]
fn one_token_too_many_is_told() {
    check(&[("some-chat", BODY, 20), ("some-chat", BODY, 21)], 15, Err("1 of 2 are wrong"));
    check(&[("some-chat", STREAM, 21)], 15, Err("1 of 1 are wrong"));
}

#[test]
fn what_is_not_supported_counts_against_its_share() {
    check(&[("some-chat", BODY, 20), ("pictures", BODY, 20)], 50, Ok(()));
    check(&[("some-chat", BODY, 20), ("pictures", BODY, 20)], 49, Err("1 of 2 are not supported"));
}

#[test]
fn an_empty_folder_is_no_success() {
    check(&[], 100, Err("nothing to read"));
}
