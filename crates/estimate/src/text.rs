//! The amount of a text, counted while it passes.

use crate::class::{Class, Counted};
use crate::context::{AsciiSums, Context, Sum};
use crate::tables::{ONE, Tables};

/// The amount of a text: what an estimate of its tokens needs. The text itself is not kept.
///
/// ```
/// use opencredits_estimate::{Family, TextAmount};
///
/// let mut amount = TextAmount::default();
/// amount.push("The quick brown fox ");
/// amount.push("jumps over the lazy dog.");
/// let tokens = amount.tokens(Family::of(&["gpt-5"]));
/// assert!((9..=11).contains(&tokens), "{tokens}");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TextAmount {
    context: Context,
    counted: [Counted; Class::ALL.len()],
    bytes: u64,
}

impl TextAmount {
    /// The bytes that were counted.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether nothing was counted.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// ASCII letters, in words like English ones, beyond twice the tokens that are estimated for them. No vocabulary counts these
    /// apart: so a bound of a token for each byte may leave them out.
    #[must_use]
    pub fn surplus(&self) -> u64 {
        let letters = self.counted[Class::Letters as usize];
        let bound = u64::from(letters.units).saturating_mul(2).div_ceil(u64::from(ONE));
        u64::from(letters.chars).saturating_sub(bound)
    }

    /// What was counted, by class.
    pub fn by_class(&self) -> impl Iterator<Item = (Class, Counted)> {
        Class::ALL.into_iter().zip(self.counted)
    }

    /// Counts a text. Parts of one text may be counted one after the other.
    pub fn push(&mut self, text: &str) {
        let tables = Tables::built_in();
        let mut sums = AsciiSums::default();
        let mut at = 0;
        while let Some(c) = text.get(at..).and_then(|rest| rest.chars().next()) {
            let plain = self.context.ascii(tables, text.as_bytes().get(at..).unwrap_or_default(), &mut sums);
            if plain == 0 {
                let class = Class::of(c, self.context.is_rare());
                let units = self.context.step(tables, c);
                self.of(class).add(units);
            }
            at += if plain == 0 { c.len_utf8() } else { plain };
        }
        let AsciiSums { letters, rare_letters, digits, signs } = sums;
        let of_ascii = [letters, rare_letters, digits, signs];
        let classes = [Class::Letters, Class::RareLetters, Class::Digits, Class::Signs];
        for (class, Sum { units, chars }) in classes.into_iter().zip(of_ascii) {
            self.of(class).add_all(units, chars);
        }
        self.bytes = self.bytes.saturating_add(text.len() as u64);
    }

    fn of(&mut self, class: Class) -> &mut Counted {
        let Self { counted, .. } = self;
        &mut counted[class as usize]
    }

    /// Counts the inside of a JSON string, as it is written. What is no UTF-8 counts as unknown characters.
    pub fn push_json(&mut self, raw: &[u8]) {
        let mut rest = raw;
        while let Some(at) = memchr::memchr(b'\\', rest) {
            let (text, escape) = rest.split_at(at);
            self.push_bytes(text);
            let (c, length) = unescaped(escape);
            self.push(c.encode_utf8(&mut [0; 4]));
            rest = escape.get(length..).unwrap_or_default();
        }
        self.push_bytes(rest);
    }

    fn push_bytes(&mut self, text: &[u8]) {
        if let Ok(text) = std::str::from_utf8(text) {
            return self.push(text);
        }
        for chunk in text.utf8_chunks() {
            self.push(chunk.valid());
            if !chunk.invalid().is_empty() {
                self.push("\u{fffd}");
            }
        }
    }
}

/// The character of an escape, and its length.
fn unescaped(escape: &[u8]) -> (char, usize) {
    let code = |at: usize| {
        let digits = std::str::from_utf8(escape.get(at..at + 4)?).ok()?;
        u32::from_str_radix(digits, 16).ok()
    };
    match escape.get(1) {
        Some(b'n') => ('\n', 2),
        Some(b't') => ('\t', 2),
        Some(b'r') => ('\r', 2),
        Some(b'b' | b'f') => ('\0', 2),
        Some(b'u') => match code(2) {
            Some(high @ 0xD800..=0xDBFF) if escape.get(6..8) == Some(b"\\u") => {
                let low = code(8).unwrap_or_default() & 0x3FF;
                let both = 0x1_0000 + ((high & 0x3FF) << 10) + low;
                (char::from_u32(both).unwrap_or(char::REPLACEMENT_CHARACTER), 12)
            }
            Some(code) => (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 6),
            None => (char::REPLACEMENT_CHARACTER, 2),
        },
        Some(byte) if byte.is_ascii() => (char::from(*byte), 2),
        _ => ('\\', 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Counts character by character, as the tables were made, without the loop for ASCII.
    fn slowly(text: &str) -> TextAmount {
        let mut amount = TextAmount::default();
        for c in text.chars() {
            let class = Class::of(c, amount.context.is_rare());
            let units = amount.context.step(Tables::built_in(), c);
            amount.of(class).add(units);
        }
        amount.bytes = text.len() as u64;
        amount
    }

    proptest! {
        #[test]
        fn a_text_counts_the_same_in_parts_and_character_by_character(
            parts in prop::collection::vec("[ -~\n\t]{0,20}|[a-zA-Z ]{0,30}|[a-zé日1 !]{0,12}|\\PC{0,6}", 0..8),
        ) {
            let mut in_parts = TextAmount::default();
            parts.iter().for_each(|part| in_parts.push(part));
            let text = parts.concat();
            let mut whole = TextAmount::default();
            whole.push(&text);
            prop_assert_eq!(in_parts, whole);
            prop_assert_eq!(slowly(&text), whole);
        }

        #[test]
        fn json_counts_as_the_text_that_it_says(text in "[ -~\n\té日🎉]{0,40}") {
            let json = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n").replace('\t', "\\u0009");
            let json = json.replace('🎉', "\\ud83c\\udf89");
            let (mut said, mut plain) = (TextAmount::default(), TextAmount::default());
            said.push_json(json.as_bytes());
            plain.push(&text);
            prop_assert_eq!(said, plain);
        }

        #[test]
        fn whatever_stands_in_json_is_counted(raw in prop::collection::vec(any::<u8>(), 0..64)) {
            let mut amount = TextAmount::default();
            amount.push_json(&raw);
            prop_assert_eq!(amount.is_empty(), raw.is_empty());
        }
    }
}
