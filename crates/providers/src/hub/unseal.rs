//! Where a conversation goes on in its own dialect with a vendor that did not seal it: what others sealed is left out.

use super::seal::ENCODED_MARK;
use crate::dialect::Dialect;
use crate::json;
use memchr::memmem::Finder;
use std::sync::LazyLock;

static MARK: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(ENCODED_MARK));

/// A field of a request that stays in its dialect, without what providers of other dialects sealed and would be refused
/// here; `None` where there is nothing of that kind, which is the rule.
#[must_use]
pub fn unsealed(dialect: Dialect, field: &str, raw: &str) -> Option<String> {
    let (list, is_foreign): (_, fn(&[u8]) -> bool) = match (dialect, field) {
        (Dialect::AnthropicMessages, "messages") => (Some("content"), is_thinking),
        (Dialect::OpenaiResponses, "input") => (None, is_reasoning),
        (Dialect::GeminiGenerate, "contents") => (Some("parts"), is_thought),
        _ => return None,
    };
    MARK.find(raw.as_bytes())?;
    let mut out = Vec::with_capacity(raw.len());
    match list {
        None => without(raw.as_bytes(), is_foreign, &mut out),
        Some(list) => each_message(raw.as_bytes(), list, is_foreign, &mut out),
    }
    String::from_utf8(out).ok()
}

/// The messages, each with its list filtered; one of which nothing is left is left out.
fn each_message(raw: &[u8], list: &str, is_foreign: fn(&[u8]) -> bool, out: &mut Vec<u8>) {
    joined(raw, out, |message, out| {
        let parts = json::member(message, list).filter(|parts| parts.first() == Some(&b'['));
        let Some(parts) = parts.filter(|parts| MARK.find(parts).is_some()) else {
            out.extend_from_slice(message);
            return;
        };
        let mut kept = Vec::with_capacity(parts.len());
        without(parts, is_foreign, &mut kept);
        if kept != b"[]" {
            out.extend_from_slice(&json::edit(message, &[json::Edit { name: list, value: &kept }]));
        }
    });
}

/// A list without what another vendor sealed.
fn without(raw: &[u8], is_foreign: fn(&[u8]) -> bool, out: &mut Vec<u8>) {
    joined(raw, out, |item, out| {
        if MARK.find(item).is_none() {
            out.extend_from_slice(item);
        } else if !is_foreign(item) {
            unsigned(item, out);
        }
    });
}

/// Writes a list of what `write` makes of each item of `raw`: nothing for some.
fn joined(raw: &[u8], out: &mut Vec<u8>, mut write: impl FnMut(&[u8], &mut Vec<u8>)) {
    out.push(b'[');
    let begin = out.len();
    json::items(raw, |item| {
        let before = out.len();
        if before > begin {
            out.push(b',');
        }
        let empty = out.len();
        write(item, out);
        if out.len() == empty {
            out.truncate(before);
        }
    });
    out.push(b']');
}

/// A part that says something beside the foreign seal that stands on it.
fn unsigned(part: &[u8], out: &mut Vec<u8>) {
    let begin = out.len();
    out.push(b'{');
    json::members(part, |name, value| {
        let is_seal = matches!(name, b"thoughtSignature" | b"thought_signature") && MARK.find(value).is_some();
        if is_seal {
            return;
        }
        if out.len() > begin.saturating_add(1) {
            out.push(b',');
        }
        out.push(b'"');
        out.extend_from_slice(name);
        out.extend_from_slice(b"\":");
        out.extend_from_slice(value);
    });
    out.push(b'}');
}

fn has_type(item: &[u8], kinds: &[&str]) -> bool {
    let kind = json::member(item, "type").and_then(json::text);
    kind.is_some_and(|kind| kinds.contains(&&*kind))
}

fn is_thinking(block: &[u8]) -> bool {
    has_type(block, &["thinking", "redacted_thinking"])
}

fn is_reasoning(item: &[u8]) -> bool {
    has_type(item, &["reasoning"])
}

fn is_thought(part: &[u8]) -> bool {
    json::member(part, "thought") == Some(b"true")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(dialect: Dialect, field: &str, raw: &str, expected: Option<&str>) {
        assert_eq!(unsealed(dialect, field, raw).as_deref(), expected, "{raw}");
    }

    #[test]
    fn what_others_sealed_is_left_out_and_every_other_byte_stays() {
        let seal = "b2Mtc2VhbDE6cnY6eA==";
        let (messages, responses, gemini) =
            (Dialect::AnthropicMessages, Dialect::OpenaiResponses, Dialect::GeminiGenerate);
        check(messages, "messages", r#"[{"role":"user","content":"Hi"}]"#, None);
        let thinking = format!(r#"{{"type":"thinking","thinking":"t","signature":"{seal}"}}"#);
        let call = r#"{"type":"tool_use","id":"a","name":"f","input":{"n":12345678901234567890}}"#;
        let own = r#"{"type":"thinking","thinking":"t","signature":"own"}"#;
        let raw = format!(
            r#"[{{"role":"user","content":"Hi"}}, {{"role":"assistant","content":[{thinking},{own}, {call}]}},{{"role":"assistant","content":[{thinking}]}}]"#
        );
        let kept = format!(r#"[{{"role":"user","content":"Hi"}},{{"role":"assistant","content":[{own},{call}]}}]"#);
        check(messages, "messages", &raw, Some(&kept));
        let raw = format!(r#"[{{"type":"reasoning","summary":[],"encrypted_content":"{seal}"}},{{"role":"user"}}]"#);
        check(responses, "input", &raw, Some(r#"[{"role":"user"}]"#));
        let raw = format!(
            r#"[{{"role":"model","parts":[{{"text":"t","thought":true,"thoughtSignature":"{seal}"}},{{"functionCall":{{"name":"f"}},"thoughtSignature":"{seal}"}}]}}]"#
        );
        check(gemini, "contents", &raw, Some(r#"[{"role":"model","parts":[{"functionCall":{"name":"f"}}]}]"#));
    }

    #[test]
    fn a_person_may_write_about_the_mark() {
        let raw = format!(r#"[{{"role":"user","content":[{{"type":"text","text":"{ENCODED_MARK}"}}]}}]"#);
        check(Dialect::AnthropicMessages, "messages", &raw, Some(&raw));
    }
}
