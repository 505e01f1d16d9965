//! Members of tools that another dialect has no place for are named.

use crate::fixtures::{fields, target};
use opencredits_translation::{Dialect, translate};
use serde_json::{Value, json};

fn check(from: Dialect, body: &Value, to: Dialect, expect: &[&str]) {
    let fields = fields(body.as_object().unwrap());
    let fields = fields.iter().map(|(name, raw)| (name.as_str(), raw.as_str()));
    let translated = translate(from, &target(to), fields).unwrap();
    assert_eq!(translated.dropped, expect, "{from} to {to}");
}

#[test]
fn members_of_tools_that_are_not_carried_are_named_in_every_dialect() {
    let schema = json!({"type": "object", "properties": {}});
    let response = |tool: Value| json!({"model": "m", "input": "hi", "tools": [tool]});
    let gemini = |function: Value| json!({"model": "m", "contents": [{"parts": [{"text": "hi"}]}], "tools": [{"functionDeclarations": [function]}]});
    for to in [Dialect::OpenaiChat, Dialect::AnthropicMessages] {
        let plain = response(json!({"type": "function", "name": "f", "parameters": schema, "strict": null}));
        check(Dialect::OpenaiResponses, &plain, to, &[]);
        let more =
            response(json!({"type": "function", "name": "f", "parameters": schema, "defer_loading": true, "x": 1}));
        check(Dialect::OpenaiResponses, &more, to, &["tools.defer_loading", "tools.x"]);
        let inside = json!({"type": "function", "name": "g", "defer_loading": true});
        let namespace = response(json!({"type": "namespace", "name": "n", "description": "d", "tools": [inside]}));
        check(Dialect::OpenaiResponses, &namespace, to, &["tools.defer_loading"]);
        let search = response(json!({"type": "web_search", "user_location": {}}));
        check(Dialect::OpenaiResponses, &search, to, &["tools.web_search"]);
        check(
            Dialect::GeminiGenerate,
            &gemini(json!({"name": "f", "description": "d", "parameters": schema})),
            to,
            &[],
        );
        let answers = gemini(json!({"name": "f", "response": schema, "behavior": "BLOCKING"}));
        let expect = ["tools.functionDeclarations.behavior", "tools.functionDeclarations.response"];
        check(Dialect::GeminiGenerate, &answers, to, &expect);
        let mut config = gemini(json!({"name": "f"}));
        config["toolConfig"] =
            json!({"functionCallingConfig": {"mode": "AUTO"}, "retrievalConfig": {"languageCode": "de"}});
        check(Dialect::GeminiGenerate, &config, to, &["toolConfig.retrievalConfig"]);
    }
}
