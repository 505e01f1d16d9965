//! Ids of calls and names of tools as a provider takes them: it refuses the whole request otherwise. Both come from other
//! providers, or from clients of other APIs.
//!
//! The change depends on the id or name alone, so that a call and its result still match, in this request and the next.

use crate::conversation::{Conversation, PartContent, Text, ToolChoice};
use crate::target::Target;
use crate::tool_names::ToolNames;
use memchr::memmem::Finder;
use opencredits_dialects::Dialect;
use opencredits_wire::json;
use std::borrow::Cow;
use std::ops::Range;
use std::sync::LazyLock;

/// Letters of the mark at the end of what was changed: 62^8 of them.
const MARK_LETTERS: usize = 8;
/// Digits of a mark.
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// What is in each request with ids of calls, by dialect. Prepared once for all requests.
static TOOL_CALLS: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"tool_calls\""));
static TOOL_USE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"tool_use"));
static CALL_ID: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"call_id\""));

/// The longest id of a call.
const fn id_max(dialect: Dialect) -> usize {
    if matches!(dialect, Dialect::OpenaiChat) { 40 } else { 64 }
}

/// The longest name of a tool.
const fn name_max(dialect: Dialect) -> usize {
    if matches!(dialect, Dialect::AnthropicMessages) { 128 } else { 64 }
}

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

/// The id of a call, as the provider takes it: `length` letters and digits, where that is given.
pub(crate) fn id<'a>(id: &'a str, dialect: Dialect, length: Option<usize>) -> Cow<'a, str> {
    if let Some(length) = length {
        let fits = id.len() == length && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        return if fits { Cow::Borrowed(id) } else { Cow::Owned(mark(id, length)) };
    }
    let max = id_max(dialect);
    // Providers of `openai-chat` limit the length only, and some have ids with a meaning, such as `functions.name:0`.
    let is_allowed = |byte: u8| is_word(byte) || (dialect == Dialect::OpenaiChat && byte.is_ascii_graphic());
    if !id.is_empty() && id.len() <= max && id.bytes().all(is_allowed) {
        return Cow::Borrowed(id);
    }
    Cow::Owned(changed(id, max, is_word))
}

/// The name of a tool, as the provider takes it.
fn name(name: &str, dialect: Dialect) -> Cow<'_, str> {
    let max = name_max(dialect);
    let is_gemini = dialect == Dialect::GeminiGenerate;
    let allowed = |byte: u8| is_word(byte) || (is_gemini && matches!(byte, b'.' | b':'));
    let begins = |byte: u8| !is_gemini || byte.is_ascii_alphabetic() || byte == b'_';
    let first = name.bytes().next();
    if first.is_some_and(begins) && name.len() <= max && name.bytes().all(allowed) {
        return Cow::Borrowed(name);
    }
    let begun = if first.is_some_and(begins) { Cow::Borrowed(name) } else { Cow::Owned(["_", name].concat()) };
    Cow::Owned(changed(&begun, max, allowed))
}

/// A text of allowed letters that begins as `text` does, with a mark that no other text has.
fn changed(text: &str, max: usize, allowed: impl Fn(u8) -> bool) -> String {
    let kept = max.saturating_sub(MARK_LETTERS + 1);
    let letter = |letter: char| u8::try_from(letter).ok().filter(|byte| allowed(*byte)).map_or('_', char::from);
    let begin: String = text.chars().map(letter).take(kept).collect();
    format!("{begin}_{}", mark(text, MARK_LETTERS))
}

/// So many letters and digits that depend on the whole text (FNV-1a, 128 bits).
fn mark(text: &str, letters: usize) -> String {
    let start = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d_u128;
    let mut hash = text.bytes().fold(start, |hash, byte| (hash ^ u128::from(byte)).wrapping_mul((1 << 88) + 0x13b));
    // The last bytes have not reached the low bits.
    hash ^= hash.wrapping_shr(67);
    let mut mark = String::with_capacity(letters);
    for _ in 0..letters {
        let at = usize::try_from(hash % 62).unwrap_or_default();
        mark.extend(DIGITS.get(at).copied().map(char::from));
        hash /= 62;
    }
    mark
}

/// Changes what the target does not take, and notes the names in `names`.
pub(crate) fn fit(conversation: &mut Conversation<'_>, to: &Target<'_>, names: &mut ToolNames) {
    let mut renamed = |known: &mut Text<'_>| {
        if let Cow::Owned(fitted) = name(known, to.dialect) {
            names.fitted.insert(fitted.clone(), known.to_string());
            known.0 = Cow::Owned(fitted);
        }
    };
    conversation.tools.iter_mut().for_each(|tool| renamed(&mut tool.name));
    if let Some(ToolChoice::Named(known)) = &mut conversation.tool_choice {
        renamed(known);
    }
    let fit_id = |known: &mut Text<'_>| {
        if let Cow::Owned(fitted) = id(known, to.dialect, to.call_id_length) {
            known.0 = Cow::Owned(fitted);
        }
    };
    for part in conversation.turns.iter_mut().flat_map(|turn| &mut turn.parts) {
        match &mut part.content {
            PartContent::Call(call) => {
                fit_id(&mut call.id);
                renamed(&mut call.name);
            }
            PartContent::Result { id, .. } => fit_id(id),
            _ => {}
        }
    }
}

/// Whether a provider of this dialect takes the name of every tool in a request's `tools`.
#[must_use]
pub fn takes_names(dialect: Dialect, tools: &str) -> bool {
    let mut takes_all = true;
    let mut judge = |tool: &[u8]| {
        let known = json::member(tool, "name").and_then(json::text);
        takes_all &= known.is_none_or(|known| matches!(name(&known, dialect), Cow::Borrowed(_)));
    };
    json::items(tools.as_bytes(), |tool| match dialect {
        Dialect::OpenaiChat => judge(json::member(tool, "function").unwrap_or_default()),
        Dialect::GeminiGenerate => ["functionDeclarations", "function_declarations"]
            .iter()
            .filter_map(|name| json::member(tool, name))
            .for_each(|list| json::items(list, &mut judge)),
        _ => judge(tool),
    });
    takes_all
}

/// A field of a request in its own dialect with ids that the provider takes; `None` where it takes them as they are.
#[must_use]
pub fn fitted_ids(dialect: Dialect, field: &str, raw: &str, length: Option<usize>) -> Option<String> {
    let bytes = raw.as_bytes();
    let wanted = match (dialect, field) {
        (Dialect::OpenaiChat, "messages") => &TOOL_CALLS,
        (Dialect::AnthropicMessages, "messages") => &TOOL_USE,
        (Dialect::OpenaiResponses, "input") => &CALL_ID,
        _ => return None,
    };
    wanted.find(bytes)?;
    let mut changes: Vec<(Range<usize>, String)> = Vec::new();
    let mut see = |value: &[u8]| {
        let Some(known) = json::text(value) else { return };
        if let Cow::Owned(fitted) = id(&known, dialect, length) {
            let at = value.as_ptr().addr().saturating_sub(bytes.as_ptr().addr());
            changes.push((at..at.saturating_add(value.len()), fitted));
        }
    };
    json::items(bytes, |item| each_id(dialect, item, &mut see));
    if changes.is_empty() {
        return None;
    }
    let (mut out, mut from) = (String::with_capacity(raw.len()), 0);
    for (place, fitted) in changes {
        out.push_str(raw.get(from..place.start)?);
        // The letters of an id need no escapes.
        out.extend(["\"", &fitted, "\""]);
        from = place.end;
    }
    out.push_str(raw.get(from..)?);
    Some(out)
}

/// The ids in a message, or an item, of a dialect.
fn each_id(dialect: Dialect, item: &[u8], see: &mut dyn FnMut(&[u8])) {
    json::members(item, |name, value| match (dialect, name) {
        (Dialect::OpenaiChat, b"tool_call_id") | (Dialect::OpenaiResponses, b"call_id") => see(value),
        (Dialect::OpenaiChat, b"tool_calls") => {
            json::items(value, |call| {
                json::members(call, |name, value| {
                    if name == b"id" {
                        see(value)
                    }
                })
            });
        }
        (Dialect::AnthropicMessages, b"content") if value.first() == Some(&b'[') => {
            json::items(value, |block| {
                json::members(block, |name, value| {
                    if matches!(name, b"id" | b"tool_use_id") {
                        see(value)
                    }
                });
            });
        }
        _ => {}
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_id_that_fits_stays_and_others_keep_their_beginning() {
        let check = |given: &str, dialect, length, expect: &str| {
            let found = id(given, dialect, length);
            assert!(found.starts_with(expect), "{given} became {found}");
            assert_eq!(found == given, given == expect, "{given} became {found}");
            assert_eq!(id(&found, dialect, length), found, "what fits stays");
        };
        check("toolu_01A-b", Dialect::AnthropicMessages, None, "toolu_01A-b");
        check("functions.Bash:0", Dialect::AnthropicMessages, None, "functions_Bash_0_");
        check(&"c".repeat(41), Dialect::OpenaiChat, None, &"c".repeat(31));
        check("functions.Bash:0", Dialect::OpenaiChat, None, "functions.Bash:0");
        check("", Dialect::OpenaiChat, None, "_");
        check("abcDEF123", Dialect::OpenaiChat, Some(9), "abcDEF123");
        check("call_abc", Dialect::OpenaiChat, Some(9), "");
    }

    #[test]
    fn ids_of_a_field_are_changed_in_place() {
        let chat = r#"[{"role":"assistant","tool_calls":[{"id":"a b","function":{"name":"id","arguments":"{\"id\":\"x.y\"}"}}]},{"role":"tool","tool_call_id":"a b","content":"a b"}]"#;
        let found = fitted_ids(Dialect::OpenaiChat, "messages", chat, None).unwrap();
        let new = id("a b", Dialect::OpenaiChat, None);
        assert_eq!(found, chat.replacen("\"a b\"", &format!("\"{new}\""), 2));
        assert_eq!(fitted_ids(Dialect::OpenaiChat, "messages", &found, None), None);
        assert_eq!(fitted_ids(Dialect::OpenaiChat, "system", chat, None), None);
    }

    #[test]
    fn names_are_judged_in_the_tools_of_each_dialect() {
        let long = "n".repeat(65);
        let check = |dialect, tools: String, takes: bool| assert_eq!(takes_names(dialect, &tools), takes, "{tools}");
        for (name, chat, messages, gemini) in [
            ("get_text-1", true, true, true),
            ("docs.getText", false, false, true),
            ("1tool", true, true, false),
            ("n\u{e4}me", false, false, false),
            (&long, false, true, false),
        ] {
            check(Dialect::OpenaiChat, format!(r#"[{{"type":"function","function":{{"name":"{name}"}}}}]"#), chat);
            check(Dialect::OpenaiResponses, format!(r#"[{{"type":"function","name":"{name}"}}]"#), chat);
            check(Dialect::AnthropicMessages, format!(r#"[{{"name":"{name}"}}]"#), messages);
            check(Dialect::GeminiGenerate, format!(r#"[{{"functionDeclarations":[{{"name":"{name}"}}]}}]"#), gemini);
        }
    }

    proptest! {
        #[test]
        fn what_is_changed_fits_and_differs_for_different_names(one: String, other: String) {
            for dialect in [Dialect::OpenaiChat, Dialect::AnthropicMessages, Dialect::OpenaiResponses, Dialect::GeminiGenerate] {
                let fitted = name(&one, dialect).into_owned();
                prop_assert!(matches!(name(&fitted, dialect), Cow::Borrowed(_)), "{}", fitted);
                prop_assert_eq!(one == other, fitted == name(&other, dialect));
                let fitted = id(&one, dialect, None).into_owned();
                prop_assert!(matches!(id(&fitted, dialect, None), Cow::Borrowed(_)), "{}", fitted);
            }
        }
    }
}
