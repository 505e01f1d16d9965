//! Input that is counted by a public vocabulary.

use opencredits_dialects::{Dialect, ExactInput, RequestFacts};
use opencredits_estimate::Vocabulary;
use opencredits_testkit::recordings;
use serde_json::{Value, json};

fn read(dialect: Dialect, body: &Value) -> Option<(RequestFacts, RequestFacts)> {
    let fields: Vec<(String, String)> =
        body.as_object()?.iter().map(|(name, value)| (name.clone(), value.to_string())).collect();
    let borrowed = || fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let facts = RequestFacts::read(dialect, borrowed()).ok()?;
    let mut counted = facts.clone();
    counted.count_exactly(ExactInput::count(borrowed(), Vocabulary::O200k)?);
    Some((facts, counted))
}

/// A text is counted as it is, and the bound falls to between its tokens and so many more.
fn check(text: &str, more: u64) {
    let body = json!({"model": "gpt-5", "messages": [{"role": "user", "content": text}]});
    let (facts, counted) = read(Dialect::OpenaiChat, &body).unwrap();
    let tokens = Vocabulary::O200k.count(text).unwrap();
    assert_eq!(counted.exact.unwrap().text, tokens);
    let (before, bound) = (facts.input_max.unwrap(), counted.input_max.unwrap());
    assert!((tokens..=tokens + more).contains(&bound) && bound <= before, "{tokens} {bound} {before}");
}

#[test]
fn a_text_is_counted_and_bounded_by_its_tokens() {
    // The provider's own additions are in the bound.
    let frame = 2_048 + 64;
    check("", frame);
    check("Say hello.", frame);
    check(&"Every good word is one token. ".repeat(500), frame);
    check(&"0123456789".repeat(3_000), frame);
    check(&"日本語の文字 \"quoted\"\n\u{1F600}".repeat(300), frame);
    check(&"a!b?".repeat(5_000), frame);
}

#[test]
fn what_is_no_text_keeps_its_bound() {
    let picture = format!("data:image/png;base64,{}", "A".repeat(4_000));
    let content = json!([{"type": "text", "text": "What is it? ".repeat(100)}, {"type": "image_url", "image_url": {"url": picture}}]);
    let body = json!({"model": "gpt-5", "messages": [{"role": "user", "content": content}]});
    let (facts, counted) = read(Dialect::OpenaiChat, &body).unwrap();
    assert_eq!(facts.input_max, counted.input_max);
    let tools = json!([{"type": "web_search_preview"}]);
    let searching = json!({"model": "gpt-5", "input": "Hello", "tools": tools});
    let (_, counted) = read(Dialect::OpenaiResponses, &searching).unwrap();
    assert_eq!(counted.input_max, None, "what a search finds has no bound");
}

#[test]
fn the_bound_holds_for_every_recorded_request() {
    let all = recordings(|row| row.status == 200 && row.api.starts_with("openai-"));
    let mut compared = 0;
    for recording in &all {
        let Ok(dialect) = recording.row.api.parse::<Dialect>() else { continue };
        let Some((facts, counted)) = read(dialect, &recording.request_body) else { continue };
        let Some(input) = recording.expected.input_tokens else { continue };
        let Some((before, bound)) = facts.input_max.zip(counted.input_max) else { continue };
        assert!((input..=before).contains(&bound), "{}: {input} of {bound}, {before}", recording.row.file);
        compared += 1;
    }
    assert!(all.is_empty() || compared > 50, "{compared} compared");
}
