//! The input of a request counted exactly, for models whose vocabulary is public.

use super::amount::{Strings, is_read_name, is_unread};
use super::scan::{ContentScan, plain};
use super::{CONVERSATION, RequestFacts, SCHEMAS};
use opencredits_estimate::Vocabulary;
use opencredits_wire::json;

/// Tokens of one text may be merged with those before it in another way than counted.
const SEAM_TOKENS: u64 = 1;
/// Providers rewrite definitions of tools. The tokens that this takes, in percent of those of their JSON.
const DEFINITION_PERCENT: u64 = 150;
/// The bytes of the quotation marks around a text.
const QUOTES: usize = 2;

/// The exact count of a request's input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ExactInput {
    /// The tokens of the text of the conversation.
    pub text: u64,
    /// Tokens that a bound of one for each byte counts too many.
    spared: u64,
}

impl ExactInput {
    /// Counts the fields of a request as they go upstream. `None` where the vocabulary is not built in.
    #[must_use]
    pub fn count<'a>(fields: impl Iterator<Item = (&'a str, &'a str)>, vocabulary: Vocabulary) -> Option<Self> {
        let mut counted = Self::default();
        for (name, value) in fields {
            let value = plain(value);
            let raw = value.as_bytes();
            let length = number(raw.len());
            // Payloads do not count by their bytes in the bound.
            let is_by_bytes = ContentScan::of(raw).bound() == Some(length);
            let spared = if CONVERSATION.contains(&name) {
                counted.conversation(raw, vocabulary)?
            } else if SCHEMAS.contains(&name) {
                let tokens = vocabulary.count(&value)?.saturating_mul(DEFINITION_PERCENT).div_ceil(100);
                length.saturating_sub(tokens)
            } else {
                0
            };
            counted.spared = counted.spared.saturating_add(if is_by_bytes { spared } else { 0 });
        }
        Some(counted)
    }

    /// Counts what the model reads of a conversation; returns the bytes that it has beyond its tokens.
    fn conversation(&mut self, raw: &[u8], vocabulary: Vocabulary) -> Option<u64> {
        let (mut name, mut spared): (&[u8], u64) = (b"", 0);
        for string in Strings(raw, 0) {
            let inside = string.inside;
            if string.is_name {
                name = inside;
                let read = if is_read_name(name) { vocabulary.count(&format!("{}\":", text_of(inside)))? } else { 0 };
                self.text = self.text.saturating_add(read);
                continue;
            }
            if !is_unread(name, inside) {
                let tokens = vocabulary.count(&text_of(inside))?;
                self.text = self.text.saturating_add(tokens);
                let bytes = number(inside.len() + QUOTES);
                spared = spared.saturating_add(bytes.saturating_sub(tokens.saturating_add(SEAM_TOKENS)));
            }
            name = b"";
        }
        Some(spared)
    }
}

impl RequestFacts {
    /// Takes an exact count of its input in place of the estimate, for the bound too.
    pub fn count_exactly(&mut self, exact: ExactInput) {
        self.input_max = self.input_max.map(|bound| {
            let bound = bound.saturating_add(self.surplus).saturating_sub(exact.spared.max(self.surplus));
            bound.max(super::OVERHEAD_TOKENS_MAX)
        });
        self.surplus = exact.spared.max(self.surplus);
        self.exact = Some(exact);
    }
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// The text of a raw string, without its quotation marks; as it stands where it is none.
fn text_of(inside: &[u8]) -> String {
    let quoted = [b"\"", inside, b"\""].concat();
    json::owned(&quoted).unwrap_or_else(|| String::from_utf8_lossy(inside).into_owned())
}
