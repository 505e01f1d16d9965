//! Every request that released clients send keeps what its model needs.

use opencredits_sanitizer::{Api, Policy, Scrub, Strictness};
use serde_json::Value;

/// What may go: identity, state, and extensions of other gateways.
const GONE: [&str; 6] = ["metadata", "user", "transforms", "usage", "client_metadata", "session_id"];

#[test]
fn released_clients_lose_identity_and_nothing_else() {
    let Some(shared) = opencredits_testkit::shared_dir() else {
        eprintln!("skipped: no shared folder with the clients' requests beside the repository");
        return;
    };
    let text = std::fs::read_to_string(shared.join("clients/real-requests.jsonl")).unwrap();
    let mut checked = 0;
    for line in text.lines() {
        let request: Value = serde_json::from_str(line).unwrap();
        let api = match request["path"].as_str().unwrap() {
            "/v1/chat/completions" => Api::OpenaiChat,
            "/v1/messages" | "/v1/messages/count_tokens" => Api::AnthropicMessages,
            "/v1/responses" => Api::OpenaiResponses,
            "/v1/embeddings" => Api::OpenaiEmbeddings,
            path if path.contains(":generateContent") || path.contains(":streamGenerateContent") => Api::GeminiGenerate,
            // Look-ups, which have no body, and what is meant for others.
            _ => continue,
        };
        let body = request["body"].to_string();
        let hash = |_: &str| String::new();
        let policy = Policy::builtin(api).unwrap();
        let scrubbed = policy.scrub(body.as_bytes(), &Scrub { strictness: Strictness::Lax, hash: &hash }).unwrap();
        for field in scrubbed.dropped() {
            assert!(GONE.contains(&field.as_str()), "{} loses {field}", request["client"]);
        }
        checked += 1;
    }
    assert_eq!(checked, 78, "requests were found");
}
