//! What a provider or a model would refuse is said in another way, or dropped and named.

use super::{fields, target};
use opencredits_providers::{Dialect, Target, translate};
use serde_json::{Map, Value, json};

/// What goes to `to`, and what was dropped.
fn sent(from: Dialect, to: &Target<'_>, body: &Value) -> (Value, Vec<String>) {
    let fields = fields(body.as_object().unwrap());
    let sent = translate(from, to, fields.iter().map(|(name, raw)| (name.as_str(), raw.as_str()))).unwrap();
    let fields = sent.fields.iter();
    let body: Map<String, Value> =
        fields.map(|(name, raw)| ((*name).to_owned(), serde_json::from_str(raw).unwrap())).collect();
    (body.into(), sent.dropped)
}

/// A request with these fields beside what every request has.
fn asking(from: Dialect, more: &Value) -> Value {
    let mut body = match from {
        Dialect::OpenaiResponses => json!({"model": "m", "input": "Hello"}),
        Dialect::GeminiGenerate => json!({"model": "m", "contents": [{"parts": [{"text": "Hello"}]}]}),
        _ => json!({"model": "m", "messages": [{"role": "user", "content": "Hello"}]}),
    };
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

/// The members of `expected` are what goes out, with null for what must not be there.
fn check(from: Dialect, to: &Target<'_>, more: &Value, (expected, dropped): (Value, &[&str])) {
    let (found, named) = sent(from, to, &asking(from, more));
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&found[name], value, "{name} of {more} to {}", to.dialect);
    }
    assert_eq!(named, dropped, "{more} to {}", to.dialect);
}

#[test]
fn sampling_is_left_out_and_named_where_the_model_does_not_take_it() {
    let asked = json!({"temperature": 0.5, "top_p": 0.9, "top_k": 4});
    let steered = json!({"temperature": 0.5, "top_p": 0.9});
    for (from, to) in [
        (Dialect::OpenaiChat, Dialect::AnthropicMessages),
        (Dialect::OpenaiChat, Dialect::OpenaiResponses),
        (Dialect::OpenaiChat, Dialect::GeminiGenerate),
        (Dialect::AnthropicMessages, Dialect::OpenaiChat),
    ] {
        let to = Target { samples: false, ..target(to) };
        let nothing = json!({"temperature": null, "top_p": null, "top_k": null, "generationConfig": null});
        check(from, &to, &asked, (nothing, &["temperature", "top_k", "top_p"]));
    }
    let to = target(Dialect::OpenaiResponses);
    check(Dialect::OpenaiChat, &to, &steered, (steered.clone(), &[]));
}
