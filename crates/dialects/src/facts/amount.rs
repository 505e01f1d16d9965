//! The amount of input in a request, for estimates: what the model reads, without the frame of the API.

use opencredits_estimate::TextAmount;

/// The amount of input in a request, for an estimate where the provider reports no usage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct InputAmount {
    /// The text of the conversation and the system prompt.
    pub text: TextAmount,
    /// The definitions of tools and schemas of answers, as JSON.
    pub schemas: TextAmount,
    /// The messages of the conversation.
    pub messages: u64,
    /// Calls and results of tools.
    pub calls: u64,
    /// Pictures, by value or by reference.
    pub pictures: u64,
    /// Audio and documents.
    pub documents: u64,
    /// Fields of the conversation that are a text by themselves: each is a message without a role. For holds alone.
    pub plain_texts: u64,
    /// Blocks that are documents, whether as text or as a file. For holds alone.
    pub document_blocks: u64,
    /// The bytes of what a model or a tool of the provider has sealed, which the model reads again. For holds alone.
    pub sealed_bytes: u64,
}

/// Names of the frame: no model reads them.
const FRAME: [&[u8]; 15] = [
    b"content",
    b"text",
    b"parts",
    b"source",
    b"function",
    b"arguments",
    b"output",
    b"input",
    b"tool_calls",
    b"summary",
    b"args",
    b"functionCall",
    b"functionResponse",
    b"image_url",
    b"inlineData",
];

/// Members whose value names a kind or is an identifier, which no model reads.
const LABELS: [&[u8]; 15] = [
    b"role",
    b"type",
    b"id",
    b"call_id",
    b"tool_use_id",
    b"tool_call_id",
    b"tool_name",
    b"media_type",
    b"mimeType",
    b"mime_type",
    b"format",
    b"detail",
    b"status",
    b"ttl",
    b"phase",
];
/// A longer value of theirs is text: who writes it there would pay less otherwise.
const LABEL_BYTES_MAX: usize = 64;
/// Members whose value is a payload, a reference, or sealed for the provider.
const PAYLOADS: [&[u8]; 13] = [
    b"data",
    b"input_audio",
    b"document_url",
    b"url",
    b"file_id",
    b"file_data",
    b"file_url",
    b"fileUri",
    b"file_uri",
    b"signature",
    b"thoughtSignature",
    b"thought_signature",
    b"encrypted_content",
];
/// Those among them that are sealed: reasoning, and what a search has found.
const SEALED: [&[u8]; 4] = [b"signature", b"thoughtSignature", b"thought_signature", b"encrypted_content"];
/// Members that begin the call of a tool or its result.
const CALLS: [&[u8]; 5] = [b"tool_use_id", b"tool_call_id", b"call_id", b"functionCall", b"functionResponse"];

impl InputAmount {
    /// Counts the raw JSON of a field that the conversation consists of.
    pub(super) fn conversation(&mut self, raw: &[u8]) {
        let mut name: &[u8] = b"";
        let is_plain = raw.first() == Some(&b'"') && raw != b"\"\"";
        self.plain_texts = self.plain_texts.saturating_add(u64::from(is_plain));
        for string in Strings(raw, 0) {
            if !string.is_name {
                if is_unread(name, string.inside) {
                    self.unread(name, string.inside);
                } else {
                    self.text.push_json(string.inside);
                }
                // Further strings of a list are none of the member's own.
                name = b"";
                continue;
            }
            name = string.inside;
            self.messages = self.messages.saturating_add(u64::from(name == b"role"));
            self.calls = self.calls.saturating_add(u64::from(CALLS.contains(&name)));
            if is_read_name(name) {
                // The name of an argument, with its quotes and its colon.
                self.text.push_json(name);
                self.text.push_json(b"\":");
            }
        }
    }

    /// Counts a value that no model reads as it stands.
    fn unread(&mut self, name: &[u8], value: &[u8]) {
        let is_document = name == b"type" && value == b"document";
        self.document_blocks = self.document_blocks.saturating_add(u64::from(is_document));
        if SEALED.contains(&name) {
            let bytes = u64::try_from(value.len()).unwrap_or(u64::MAX);
            self.sealed_bytes = self.sealed_bytes.saturating_add(bytes);
        }
    }

    /// Adds pictures and documents.
    pub(super) fn attach(&mut self, [pictures, documents]: [u64; 2]) {
        self.pictures = self.pictures.saturating_add(pictures);
        self.documents = self.documents.saturating_add(documents);
    }

    /// Counts the raw JSON of definitions.
    pub(super) fn schema(&mut self, raw: &[u8]) {
        self.schemas.push_json(raw);
    }
}

/// Whether a model reads the name of a member: of an argument.
pub(super) fn is_read_name(name: &[u8]) -> bool {
    !FRAME.contains(&name) && !LABELS.contains(&name) && !PAYLOADS.contains(&name)
}

/// Whether no model reads a value as text. One with spaces is text, whatever its name.
pub(super) fn is_unread(name: &[u8], value: &[u8]) -> bool {
    let is_label = LABELS.contains(&name) && value.len() <= LABEL_BYTES_MAX;
    let is_payload = PAYLOADS.contains(&name) || (value.starts_with(b"data:") && name != b"text" && name != b"content");
    (is_label || is_payload) && !value.contains(&b' ')
}

/// A string of raw JSON.
pub(super) struct JsonString<'a> {
    pub(super) inside: &'a [u8],
    /// Whether it is the name of a member.
    pub(super) is_name: bool,
}

/// The strings of raw JSON, one after the other, from an offset on.
pub(super) struct Strings<'a>(pub(super) &'a [u8], pub(super) usize);

impl<'a> Iterator for Strings<'a> {
    type Item = JsonString<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let Self(raw, at) = self;
        let begin = *at + memchr::memchr(b'"', raw.get(*at..)?)? + 1;
        let mut end = begin;
        loop {
            end += memchr::memchr2(b'"', b'\\', raw.get(end..)?)?;
            if raw.get(end) == Some(&b'"') {
                break;
            }
            end += 2;
        }
        *at = end + 1;
        let after = raw.get(*at..)?.iter().find(|byte| !byte.is_ascii_whitespace());
        Some(JsonString { inside: raw.get(begin..end)?, is_name: after == Some(&b':') })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use opencredits_estimate::Family;

    fn check(raw: &str, read: &str, [messages, calls]: [u64; 2]) {
        let mut amount = InputAmount::default();
        amount.conversation(raw.as_bytes());
        let mut text = TextAmount::default();
        text.push(read);
        let tokens = |text: TextAmount| text.tokens(Family::of(&["gpt-5"]));
        assert_eq!((tokens(amount.text), amount.text.bytes()), (tokens(text), text.bytes()), "{raw}");
        assert_eq!((amount.messages, amount.calls), (messages, calls), "{raw}");
    }

    #[test]
    fn what_the_model_reads_is_counted_and_the_frame_is_not() {
        check(r#"[{"role":"user","content":"one \"two\""}]"#, "one \"two\"", [1, 0]);
        check(r#""a string by itself""#, "a string by itself", [0, 0]);
        check(
            r#"[{"role":"user","content":[{"type":"text","text":"hi\n"},{"type":"text" , "text" : "ho"}]}]"#,
            "hi\nho",
            [1, 0],
        );
        check(
            r#"[{"role":"user","parts":[{"inlineData":{"mimeType":"image/png","data":"AAAA"}},{"text":"see"}]}]"#,
            "see",
            [1, 0],
        );
        check(r#"[{"type":"tool_use","id":"t","name":"f","input":{"city":"Oslo"}}]"#, "name\":fcity\":Oslo", [0, 0]);
        check(r#"[{"role":"tool","tool_call_id":"t","content":"rain"}]"#, "rain", [1, 1]);
        check(
            r#"[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}]}]"#,
            "",
            [1, 0],
        );
        check(r#"["broken \"#, "", [0, 0]);
        // Text is counted, whatever its name.
        let long = "a".repeat(65);
        check(&format!(r#"{{"id":"{long}"}}"#), &long, [0, 0]);
        check(r#"{"data":"two words","text":"data: two words"}"#, "two wordsdata: two words", [0, 0]);
        check(r#"{"id":["one","two"]}"#, "two", [0, 0]);
    }

    #[test]
    fn what_holds_alone_count_with_is_counted_beside_the_text() {
        let check = |raw: &str, expected: [u64; 3]| {
            let mut amount = InputAmount::default();
            amount.conversation(raw.as_bytes());
            assert_eq!([amount.plain_texts, amount.document_blocks, amount.sealed_bytes], expected, "{raw}");
        };
        check(r#""a prompt by itself""#, [1, 0, 0]);
        check("\"\"", [0, 0, 0]);
        check(r#"[{"role":"user","content":"one"}]"#, [0, 0, 0]);
        check(r#"[{"type":"document","source":{"type":"text","data":"two words"}}]"#, [0, 1, 0]);
        check(r#"[{"type":"text","text":"document"}]"#, [0, 0, 0]);
        check(r#"[{"thoughtSignature":"AAAA"},{"type":"reasoning","encrypted_content":"AA"}]"#, [0, 0, 6]);
        check(r#"[{"type":"thinking","thinking":"so it is","signature":"AAA"}]"#, [0, 0, 3]);
        check(r#"[{"data":"AAAA"}]"#, [0, 0, 0]);
    }
}
