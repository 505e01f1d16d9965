//! Tells an error under a success status from an answer, in the shape of any API.

use crate::dialect::Dialect;
use crate::upstream_error::UpstreamError;
use opencredits_wire::json;
use std::borrow::Cow;

/// Whether the data of an event is an error: the start of a stream and its middle are judged alike.
pub(crate) fn is_error_event(dialect: Dialect, data: &[u8]) -> bool {
    let kind = kind(data);
    match dialect {
        Dialect::OpenaiResponses if kind.starts_with("response.") => is_failed_response(&kind, data),
        _ if has(data, "error") => true,
        Dialect::AnthropicMessages if is_messages_event(&kind) => false,
        Dialect::CohereChat if is_cohere_chat_event(&kind) => false,
        _ => !has_any(data, marks(dialect)) && UpstreamError::is_shaped(data),
    }
}

/// Whether a whole answer is an error. Its members are read once: skipping them takes as long as reading the answer.
pub(crate) fn is_error_body(dialect: Dialect, body: &[u8]) -> bool {
    let (mut has_error, mut has_message, mut has_marks) = (false, false, [false; MARKS_MAX]);
    json::members(body, |name, value| {
        match name {
            b"error" => has_error = json::is_set(value),
            // Where a message is a text, it is that of an error.
            b"message" => has_message = dialect == Dialect::CohereChat && is_object(value),
            _ => {}
        }
        // Of a member that is there twice, the last one counts.
        if let Some((_, has_mark)) = marks(dialect).iter().zip(&mut has_marks).find(|(mark, _)| mark.as_bytes() == name)
        {
            *has_mark = json::is_set(value);
        }
    });
    has_error || (!has_message && !has_marks.contains(&true) && UpstreamError::is_shaped(body))
}

/// Whether a choice of a chunk has an error of its own.
pub(crate) fn has_failed_choice(dialect: Dialect, data: &[u8]) -> bool {
    let mut has_failed = false;
    if dialect == Dialect::OpenaiChat {
        let choices = json::member(data, "choices").unwrap_or_default();
        json::items(choices, |choice| has_failed |= has(choice, "error"));
    }
    has_failed
}

/// Whether the data of an event belongs to an answer, so that its stream has begun.
pub(crate) fn begins_answer(dialect: Dialect, data: &[u8]) -> bool {
    let kind = kind(data);
    match dialect {
        Dialect::AnthropicMessages => {
            matches!(&*kind, "message_start" | "message_delta") || kind.starts_with("content_block")
        }
        Dialect::OpenaiResponses => kind.starts_with("response."),
        Dialect::GeminiGenerate => has_items(data, "candidates") || json::pointer(data, BLOCK_REASON).is_some(),
        Dialect::CohereChat => is_cohere_chat_event(&kind),
        Dialect::OpenaiChat => has_items(data, "choices"),
        Dialect::OpenaiEmbeddings => has_any(data, marks(dialect)),
    }
}

/// Why a prompt was blocked, in `gemini-generate`.
const BLOCK_REASON: &str = "/promptFeedback/blockReason";

/// No dialect has more of these.
const MARKS_MAX: usize = 3;

/// Members that answers and events of a dialect have, and errors have not.
const fn marks(dialect: Dialect) -> &'static [&'static str] {
    match dialect {
        Dialect::OpenaiChat => &["choices", "usage"],
        Dialect::AnthropicMessages => &["content", "usage"],
        Dialect::OpenaiResponses => &["output", "usage"],
        Dialect::GeminiGenerate => &["candidates", "usageMetadata", "promptFeedback"],
        Dialect::CohereChat => &["finish_reason", "usage"],
        Dialect::OpenaiEmbeddings => &["data", "usage"],
    }
}

fn is_messages_event(kind: &str) -> bool {
    matches!(kind, "message_start" | "message_delta" | "message_stop" | "ping") || kind.starts_with("content_block")
}

fn is_cohere_chat_event(kind: &str) -> bool {
    ["message-", "content-", "tool-", "citation-"].iter().any(|start| kind.starts_with(start))
}

fn is_failed_response(kind: &str, data: &[u8]) -> bool {
    matches!(kind, "response.failed" | "response.cancelled")
        || matches!(json::pointer(data, "/response/status"), Some(b"\"failed\"" | b"\"cancelled\""))
}

fn kind(data: &[u8]) -> Cow<'_, str> {
    json::member(data, "type").and_then(json::text).unwrap_or_default()
}

fn has(object: &[u8], name: &str) -> bool {
    json::member(object, name).is_some_and(json::is_set)
}

fn has_any(object: &[u8], names: &[&str]) -> bool {
    names.iter().any(|name| has(object, name))
}

fn has_items(object: &[u8], name: &str) -> bool {
    let mut cursor = json::Cursor::new(json::member(object, name).unwrap_or_default());
    cursor.array() && cursor.item()
}

fn is_object(raw: &[u8]) -> bool {
    raw.starts_with(b"{")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(dialect: Dialect, body: &str, expect: bool) {
        assert_eq!(is_error_body(dialect, body.as_bytes()), expect, "{dialect}: {body}");
    }

    #[test]
    fn an_answer_is_told_from_an_error_by_the_last_member_of_each_name() {
        let chat = |body: &str, expect: bool| check(Dialect::OpenaiChat, body, expect);
        chat(r#"{"choices":[{}],"message":"said"}"#, false);
        chat(r#"{"error":{"message":"no"},"choices":[{}]}"#, true);
        chat(r#"{"choices":[{}],"error":null}"#, false);
        chat(r#"{"error":"no","error":null,"choices":[{}]}"#, false);
        chat(r#"{"choices":[{}],"choices":null,"message":"no"}"#, true);
        chat(r#"{"choices":null,"usage":{},"message":"said"}"#, false);
        chat(r#"{"message":"no"}"#, true);
        chat("{}", false);
    }

    #[test]
    fn a_message_is_an_answer_where_it_is_an_object() {
        check(Dialect::CohereChat, r#"{"message":{"content":[]}}"#, false);
        check(Dialect::CohereChat, r#"{"message":"no"}"#, true);
        check(Dialect::OpenaiChat, r#"{"message":{"content":[]}}"#, true);
        check(Dialect::GeminiGenerate, r#"{"promptFeedback":{},"message":"said"}"#, false);
    }
}
