//! Bodies: what stays, what goes, what is refused.

use opencredits_sanitizer::{Api, Policy, SanitizeError, Scrub, Strictness};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

fn hash(value: &str) -> String {
    format!("h{}", value.len())
}

/// Scrubs and writes what is left as one object, and what was dropped.
fn scrub(api: Api, strictness: Strictness, body: &str) -> Result<(String, Vec<String>), SanitizeError> {
    let policy = Policy::builtin(api).unwrap();
    let scrubbed = policy.scrub(body.as_bytes(), &Scrub { strictness, hash: &hash })?;
    let fields: Vec<String> = scrubbed.fields().map(|(name, value)| format!("{}:{value}", json!(name))).collect();
    Ok((format!("{{{}}}", fields.join(",")), scrubbed.dropped().to_vec()))
}

fn check(api: Api, body: &str, expect: &str, dropped: &[&str]) {
    let (left, gone) = scrub(api, Strictness::Lax, body).unwrap();
    assert_eq!((left.as_str(), gone.iter().map(String::as_str).collect::<Vec<_>>()), (expect, dropped.to_vec()));
}

#[test]
fn identity_and_state_go_and_are_named() {
    check(
        Api::OpenaiChat,
        r#"{"model":"m","user":"u","metadata":{"a":1},"safety_identifier":"s","messages":[{"role":"user"}],"store":true,"prompt_cache_key":"abc","surprise":1}"#,
        r#"{"model":"m","messages":[{"role":"user"}],"store":false,"prompt_cache_key":"h5"}"#,
        &["user", "metadata", "safety_identifier", "surprise"],
    );
    check(
        Api::AnthropicMessages,
        r#"{"model":"m","metadata":{"user_id":"user_1_account_2_session_3"},"max_tokens":5}"#,
        r#"{"model":"m","max_tokens":5}"#,
        &["metadata"],
    );
    check(Api::OpenaiChat, r#"{"model":"m"}"#, r#"{"model":"m","store":false}"#, &[]);
}

#[test]
fn what_is_kept_is_kept_byte_for_byte() {
    let body = r#"{ "messages" : [ {"content": "caf\u00e9 \ud83d\ude00", "n": 1.0000000000000000001} ], "seed":12345678901234567890 }"#;
    let kept = r#"{"messages":[ {"content": "caf\u00e9 \ud83d\ude00", "n": 1.0000000000000000001} ],"seed":12345678901234567890,"store":false}"#;
    check(Api::OpenaiChat, body, kept, &[]);
}

#[test]
fn what_would_need_state_at_the_provider_is_refused_with_a_remedy() {
    for (api, field) in [
        (Api::OpenaiChat, "previous_response_id"),
        (Api::OpenaiChat, "background"),
        (Api::AnthropicMessages, "container"),
        (Api::AnthropicMessages, "mcp_servers"),
    ] {
        let error = scrub(api, Strictness::Lax, &json!({ field: "x" }).to_string()).unwrap_err();
        assert_eq!(error.field(), Some(field));
        assert!(scrub(api, Strictness::Lax, &json!({ field: null }).to_string()).is_ok(), "null is not a use of it");
    }
}

#[test]
fn a_name_that_stands_twice_is_refused_however_it_is_written() {
    for body in [r#"{"model":"a","model":"b"}"#, r#"{"user":"a","user":"b"}"#, r#"{"model":"a","mod\u0065l":"b"}"#] {
        assert!(
            matches!(scrub(Api::OpenaiChat, Strictness::Lax, body), Err(SanitizeError::Duplicate { .. })),
            "{body}"
        );
    }
}

#[test]
fn what_is_no_object_is_refused_with_its_place() {
    for body in ["", "[]", "1", "{", r#"{"a":}"#, r#"{"a":1}x"#, "\u{feff}{}"] {
        let refused = scrub(Api::OpenaiChat, Strictness::Lax, body);
        assert!(matches!(refused, Err(SanitizeError::NotAnObject { .. })), "{body}");
    }
    let policy = Policy::builtin(Api::OpenaiChat).unwrap();
    assert!(policy.scrub(b"{\"a\":\"\xff\"}", &Scrub { strictness: Strictness::Lax, hash: &hash }).is_err());
    let many: Map<String, Value> = (0..200).map(|at| (format!("f{at}"), Value::Null)).collect();
    let refused = scrub(Api::OpenaiChat, Strictness::Lax, &Value::Object(many).to_string());
    assert_eq!(refused, Err(SanitizeError::TooManyFields { max: 128 }));
}

#[test]
fn a_body_nested_without_end_is_no_danger() {
    let deep = format!(r#"{{"messages":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    let _either_way_no_crash = scrub(Api::OpenaiChat, Strictness::Lax, &deep);
}

fn any_body() -> impl Strategy<Value = Map<String, Value>> {
    let names = prop::sample::select(vec![
        "model",
        "messages",
        "user",
        "metadata",
        "store",
        "stream",
        "tools",
        "prompt_cache_key",
        "zzz",
        "a b",
        "é",
    ]);
    let values = "[a-zA-Z\"\\\\é]{8,20}".prop_map(|text| json!([{"value": text}]));
    prop::collection::btree_map(names.prop_map(str::to_owned), values, 0..11).prop_map(|map| map.into_iter().collect())
}

proptest! {
    #[test]
    fn strict_mode_refuses_exactly_where_lax_mode_drops(body in any_body()) {
        let text = Value::Object(body).to_string();
        let (_, dropped) = scrub(Api::OpenaiChat, Strictness::Lax, &text).unwrap();
        let strict = scrub(Api::OpenaiChat, Strictness::Strict, &text);
        match dropped.first() {
            Some(field) => prop_assert_eq!(strict, Err(SanitizeError::NotPassedOn { field: field.clone() })),
            None => prop_assert!(strict.is_ok()),
        }
    }

    #[test]
    fn nothing_of_what_is_dropped_or_hashed_crosses(body in any_body()) {
        let (left, dropped) = scrub(Api::OpenaiChat, Strictness::Lax, &Value::Object(body.clone()).to_string()).unwrap();
        let left: Map<String, Value> = serde_json::from_str(&left).unwrap();
        for (name, value) in &body {
            let crossed = left.get(name) == Some(value);
            let may = !dropped.contains(name) && !["store", "prompt_cache_key"].contains(&name.as_str());
            prop_assert_eq!(crossed, may, "{}", name);
            prop_assert_eq!(left.contains_key(name), !dropped.contains(name));
        }
    }

    #[test]
    fn no_bytes_make_it_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let policy = Policy::builtin(Api::AnthropicMessages).unwrap();
        let _ = policy.scrub(&body, &Scrub { strictness: Strictness::Lax, hash: &hash });
    }
}
