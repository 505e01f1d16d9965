//! How the fields of a request are joined again for a vendor.

use opencredits_providers::{Dialect, Rewrite, Vendors, upstream_body};
use serde_json::{Map, Value, json};

type Fields = Vec<(String, String)>;

fn fields(body: &Value) -> Fields {
    body.as_object().unwrap().iter().map(|(name, value)| (name.clone(), value.to_string())).collect()
}

fn borrowed(fields: &Fields) -> Vec<(&str, &str)> {
    fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

fn check_rewrite(vendor: &str, body: &Value, cap: Option<u64>, expect: &Value) {
    let vendors = Vendors::builtin().unwrap();
    let stream = body["stream"] == true;
    let vendor = vendors.get(vendor).unwrap();
    let rewrite = Rewrite {
        vendor,
        dialect: vendor.dialect,
        model: "upstream-model",
        output_cap: cap,
        tool_uses_max: None,
        stream,
    };
    let joined = upstream_body(&borrowed(&fields(body)), &rewrite);
    assert_eq!(&serde_json::from_slice::<Value>(&joined).unwrap(), expect);
}

#[test]
fn usage_is_always_asked_for_in_a_stream_and_other_options_stay() {
    check_rewrite(
        "openai",
        &json!({"model": "a", "stream": true}),
        None,
        &json!({"model": "upstream-model", "stream": true, "stream_options": {"include_usage": true}}),
    );
    check_rewrite(
        "openai",
        &json!({"model": "a", "stream": true, "stream_options": {"include_usage": false, "x": 1}}),
        None,
        &json!({"model": "upstream-model", "stream": true, "stream_options": {"include_usage": true, "x": 1}}),
    );
    check_rewrite(
        "openai",
        &json!({"model": "a", "stream": true, "stream_options": null}),
        None,
        &json!({"model": "upstream-model", "stream": true, "stream_options": {"include_usage": true}}),
    );
    check_rewrite(
        "anthropic",
        &json!({"model": "a", "stream": true}),
        None,
        &json!({"model": "upstream-model", "stream": true}),
    );
}

#[test]
fn a_cap_is_put_in_under_the_name_that_the_vendor_knows() {
    let body = json!({"model": "a"});
    check_rewrite("openai", &body, Some(7), &json!({"model": "upstream-model", "max_completion_tokens": 7}));
    check_rewrite("groq", &body, Some(7), &json!({"model": "upstream-model", "max_tokens": 7}));
    check_rewrite("anthropic", &body, Some(7), &json!({"model": "upstream-model", "max_tokens": 7}));
}

#[test]
fn a_cap_within_a_config_takes_the_place_of_the_clients_in_either_spelling() {
    let vendors = Vendors::builtin().unwrap();
    let vendor = vendors.get("google").unwrap();
    let check = |name: &str, config: Value, expect: Value| {
        let body = json!({"contents": [], name: config});
        let rewrite = Rewrite {
            vendor,
            dialect: Dialect::GeminiGenerate,
            model: "m",
            output_cap: Some(1_248),
            tool_uses_max: None,
            stream: false,
        };
        let joined = upstream_body(&borrowed(&fields(&body)), &rewrite);
        assert_eq!(serde_json::from_slice::<Value>(&joined).unwrap()[name], expect);
    };
    let config = |name: &str, cap: u64| json!({name: cap, "temperature": 1});
    check("generation_config", config("max_output_tokens", 8_000), config("max_output_tokens", 1_248));
    check("generation_config", config("maxOutputTokens", 8_000), config("maxOutputTokens", 1_248));
    check("generationConfig", config("max_output_tokens", 8_000), config("max_output_tokens", 1_248));
    check("generationConfig", json!({}), json!({"maxOutputTokens": 1_248}));
}

#[test]
fn a_field_that_the_vendor_refuses_is_left_out() {
    check_rewrite(
        "mistral",
        &json!({"model": "a", "store": false, "stream": true, "stream_options": {"include_usage": true}}),
        None,
        &json!({"model": "upstream-model", "stream": true}),
    );
}

#[test]
fn a_field_that_the_vendor_knows_by_another_name_gets_it_once() {
    let check = |body: &Value, expect: &Value| check_rewrite("deepseek", body, None, expect);
    let capped = json!({"model": "upstream-model", "max_tokens": 7});
    check(&json!({"model": "a", "max_completion_tokens": 7}), &capped);
    check(&json!({"model": "a", "max_tokens": 7}), &capped);
    check(&json!({"model": "a", "max_tokens": 7, "max_completion_tokens": 9}), &capped);
    check(&json!({"model": "a", "max_completion_tokens": 7, "max_tokens": null}), &capped);
    check(&json!({"model": "a", "max_completion_tokens": null, "max_tokens": 7}), &capped);
    check_rewrite(
        "minimax",
        &json!({"model": "a", "max_tokens": 7}),
        None,
        &json!({"model": "upstream-model", "max_completion_tokens": 7}),
    );
}

#[test]
fn nothing_else_is_encoded_again() {
    let vendors = Vendors::builtin().unwrap();
    let raw =
        [("messages", r#"[ {"content":"caf\u00e9 1.0e0"} ]"#), ("model", "\"a\""), ("seed", "12345678901234567890")];
    let vendor = vendors.get("openai").unwrap();
    let rewrite =
        Rewrite { vendor, dialect: vendor.dialect, model: "m", output_cap: None, tool_uses_max: None, stream: false };
    let expect = r#"{"messages":[ {"content":"caf\u00e9 1.0e0"} ],"model":"m","seed":12345678901234567890}"#;
    assert_eq!(String::from_utf8(upstream_body(&raw, &rewrite)).unwrap(), expect);
    let empty: Map<String, Value> = Map::new();
    assert_eq!(upstream_body(&borrowed(&fields(&Value::Object(empty))), &rewrite), b"{}");
}
