//! The dialects that are replayed, and how their vendors stand in the config.

pub(super) const CHAT: &str = "openai-chat";
pub(super) const MESSAGES: &str = "anthropic-messages";
pub(super) const RESPONSES: &str = "openai-responses";
pub(super) const GEMINI: &str = "gemini-generate";
/// The models that are made up, in `openai-chat` and `anthropic-messages`.
pub(super) const SANDBOX: [&str; 2] = ["sandbox/gpt", "sandbox/claude"];

/// How the replayed vendors differ. One kind stops billing when a stream is stopped, the other does not say so.
pub(super) fn vendor_lines(dialect: &str) -> &'static str {
    match dialect {
        CHAT => "stop_billing = \"ends\"",
        MESSAGES => "auth = \"x-api-key\"\nheaders = { anthropic-version = \"2023-06-01\" }",
        GEMINI => "auth = \"x-goog-api-key\"",
        _ => "",
    }
}
