//! Headers: both lists.

use opencredits_sanitizer::{Api, Headers};

#[test]
fn only_listed_headers_cross() {
    let headers = Headers::builtin().unwrap();
    assert!(headers.request(Api::OpenaiChat).is_empty());
    assert_eq!(headers.request(Api::AnthropicMessages), ["anthropic-beta", "anthropic-version"]);
    for (name, crosses) in [
        ("content-type", true),
        ("retry-after", true),
        ("set-cookie", false),
        ("openai-organization", false),
        ("anthropic-organization-id", false),
        ("x-request-id", false),
        ("x-ratelimit-remaining-tokens", false),
    ] {
        assert_eq!(headers.response(name), crosses, "{name}");
    }
}

#[test]
fn features_that_need_state_or_look_like_data_are_removed() {
    let headers = Headers::builtin().unwrap();
    let check = |value: &str, expect: Option<&str>, gone: usize| {
        let mut dropped = Vec::new();
        let crossed = headers.request_value("anthropic-beta", value, &mut dropped);
        assert_eq!((crossed.as_deref(), dropped.len()), (expect, gone), "{value}");
    };
    check(
        "interleaved-thinking-2025-05-14, effort-2025-11-24",
        Some("interleaved-thinking-2025-05-14,effort-2025-11-24"),
        0,
    );
    check("files-api-2025-04-14,context-1m-2025-08-07", Some("context-1m-2025-08-07"), 1);
    check("mcp-client-2025-04-04", None, 1);
    check("jane@example.com", None, 1);
    check(&"a".repeat(65), None, 1);
    check("", None, 0);
}
