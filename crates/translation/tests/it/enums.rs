//! Enums of `gemini-generate`, by name and by number.

use opencredits_translation::{Dialect, Origin, translate_body};
use opencredits_units::Usage;
use serde_json::Value;

#[test]
fn an_answer_says_the_same_by_names_and_by_numbers_and_in_a_list() {
    let check = |reason: &str, expect: &str| {
        let whole =
            format!(r#"{{"candidates":[{{"content":{{"parts":[{{"text":"Hi"}}]}},"finishReason":{reason}}}]}}"#);
        for body in [whole.clone(), format!(" [{whole}]")] {
            let (from, to) = (Dialect::GeminiGenerate, Dialect::OpenaiChat);
            let chat = translate_body(from, to, body.as_bytes(), &Usage::default(), &Origin::default()).unwrap();
            let chat: Value = serde_json::from_slice(&chat).unwrap();
            assert_eq!(chat["choices"][0]["message"]["content"], "Hi", "{body}");
            assert_eq!(chat["choices"][0]["finish_reason"], expect, "{body}");
        }
    };
    for (named, number, expect) in [
        ("STOP", 1, "stop"),
        ("MAX_TOKENS", 2, "length"),
        ("SAFETY", 3, "content_filter"),
        ("SPII", 9, "content_filter"),
    ] {
        check(&format!("\"{named}\""), expect);
        check(&number.to_string(), expect);
    }
}

#[test]
fn a_blocked_prompt_is_filtered_whatever_form_its_reason_has() {
    for reason in ["\"OTHER\"", "2", "99"] {
        let body = format!(r#"{{"promptFeedback":{{"blockReason":{reason}}}}}"#);
        let (from, to) = (Dialect::GeminiGenerate, Dialect::OpenaiChat);
        let chat = translate_body(from, to, body.as_bytes(), &Usage::default(), &Origin::default()).unwrap();
        let chat: Value = serde_json::from_slice(&chat).unwrap();
        assert_eq!(chat["choices"][0]["finish_reason"], "content_filter", "{body}");
    }
}
