//! Filters a conversation that continues in its own dialect at another vendor: drops the content that other vendors
//! sealed.

use crate::seal::ENCODED_MARK;
use memchr::memmem::Finder;
use opencredits_dialects::Dialect;
use opencredits_wire::json;
use std::sync::LazyLock;

/// The member of `openai-chat` that holds reasoning, each piece with its vendor's name.
const DETAILS: &str = "reasoning_details";

static MARK: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(ENCODED_MARK));
static DETAILS_NAME: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(DETAILS));

/// A field without the content that vendors of other dialects sealed, which this provider would refuse; `None` where
/// there is none, which is the rule. `is_vendor` recognises the names of our vendors: in `openai-chat` they mark
/// translated content, and hosts of that dialect use other names.
#[must_use]
pub fn unsealed(dialect: Dialect, field: &str, raw: &str, is_vendor: &dyn Fn(&str) -> bool) -> Option<String> {
    if (dialect, field) == (Dialect::OpenaiChat, "messages") {
        return without_details(raw.as_bytes(), is_vendor);
    }
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

/// The messages of `openai-chat` without the details that carry our vendors' names.
fn without_details(raw: &[u8], is_vendor: &dyn Fn(&str) -> bool) -> Option<String> {
    DETAILS_NAME.find(raw)?;
    let (mut out, mut changed) = (Vec::with_capacity(raw.len()), false);
    joined(raw, &mut out, |message, out| {
        let details = json::member(message, DETAILS).filter(|details| details.first() == Some(&b'['));
        let (mut kept, mut foreign) = (Vec::new(), false);
        joined(details.unwrap_or_default(), &mut kept, |detail, kept| {
            let owner = json::member(detail, "format").and_then(json::text);
            if owner.is_some_and(|owner| is_vendor(&owner)) {
                foreign = true;
            } else {
                kept.extend_from_slice(detail);
            }
        });
        changed |= foreign;
        match (foreign, kept.as_slice()) {
            (false, _) => out.extend_from_slice(message),
            (true, b"[]") => without_members(message, |name, _| name == DETAILS.as_bytes(), out),
            (true, kept) => out.extend_from_slice(&json::edit(message, &[json::Edit { name: DETAILS, value: kept }])),
        }
    });
    if changed { String::from_utf8(out).ok() } else { None }
}

/// The messages, each with its list filtered; a message left empty is dropped.
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

/// A list without the content that another vendor sealed.
fn without(raw: &[u8], is_foreign: fn(&[u8]) -> bool, out: &mut Vec<u8>) {
    joined(raw, out, |item, out| {
        if MARK.find(item).is_none() {
            out.extend_from_slice(item);
        } else if !is_foreign(item) {
            unsigned(item, out);
        }
    });
}

/// A list of the results of `write` for each item of `raw`; `write` may write nothing.
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

/// A part that has content besides a foreign seal.
fn unsigned(part: &[u8], out: &mut Vec<u8>) {
    let is_seal = |name: &[u8], value: &[u8]| {
        matches!(name, b"thoughtSignature" | b"thought_signature") && MARK.find(value).is_some()
    };
    without_members(part, is_seal, out);
}

fn without_members(raw: &[u8], goes: impl Fn(&[u8], &[u8]) -> bool, out: &mut Vec<u8>) {
    let begin = out.len();
    out.push(b'{');
    json::members(raw, |name, value| {
        if goes(name, value) {
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
        let is_vendor = |name: &str| ["acme", "house"].contains(&name);
        assert_eq!(unsealed(dialect, field, raw, &is_vendor).as_deref(), expected, "{raw}");
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
    fn details_with_the_name_of_one_of_our_vendors_are_left_out_of_chat_and_others_stay() {
        let messages_with =
            |details: &str| format!(r#"[{{"role":"user"}}, {{"role":"assistant",{details}"content":"a"}}]"#);
        let detail = |format: &str| format!(r#"{{"type":"reasoning.text","format":"{format}","index":0}}"#);
        let chat = |raw: &str, expected: Option<&str>| {
            let expected = expected.map(|raw| raw.replace("}, {", "},{"));
            check(Dialect::OpenaiChat, "messages", raw, expected.as_deref());
        };
        let with = |formats: &[&str]| {
            let details: Vec<String> = formats.iter().map(|format| detail(format)).collect();
            messages_with(&format!(r#""reasoning_details":[{}],"#, details.join(",")))
        };
        chat(&messages_with(""), None);
        chat(&with(&["anthropic-claude-v1"]), None);
        chat(&with(&["acme", "house"]), Some(&messages_with("")));
        chat(&with(&["acme", "anthropic-claude-v1"]), Some(&with(&["anthropic-claude-v1"])));
        chat(r#"[{"role":"user","content":"\"reasoning_details\":[{\"format\":\"acme\"}]"}]"#, None);
    }

    #[test]
    fn a_person_may_write_about_the_mark() {
        let raw = format!(r#"[{{"role":"user","content":[{{"type":"text","text":"{ENCODED_MARK}"}}]}}]"#);
        check(Dialect::AnthropicMessages, "messages", &raw, Some(&raw));
    }
}
