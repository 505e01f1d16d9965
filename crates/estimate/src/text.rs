//! The amount of a text, counted while it passes.

use crate::context::Context;
use crate::tables::Tables;

/// The kinds of characters that vocabularies treat in different ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// ASCII letters.
    Letters,
    /// ASCII letters in words that are unlike most English ones: other languages, names, random letters.
    RareLetters,
    /// ASCII digits.
    Digits,
    /// Other ASCII characters: punctuation, spaces, line ends.
    Signs,
    /// Latin letters beyond ASCII.
    Accented,
    /// Greek.
    Greek,
    /// Cyrillic.
    Cyrillic,
    /// Armenian.
    Armenian,
    /// Georgian.
    Georgian,
    /// Hebrew.
    Hebrew,
    /// Arabic.
    Arabic,
    /// Devanagari, Bengali, Tamil and their relatives.
    Indic,
    /// Thai, Lao, Burmese, Khmer.
    SoutheastAsian,
    /// Other alphabets.
    OtherAlphabets,
    /// Chinese characters.
    Ideographs,
    /// Hiragana and katakana.
    Kana,
    /// Korean.
    Hangul,
    /// Emoji, punctuation beyond ASCII and everything else.
    Symbols,
}

impl Class {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 18] = [
        Self::Letters,
        Self::RareLetters,
        Self::Digits,
        Self::Signs,
        Self::Accented,
        Self::Greek,
        Self::Cyrillic,
        Self::Armenian,
        Self::Georgian,
        Self::Hebrew,
        Self::Arabic,
        Self::Indic,
        Self::SoutheastAsian,
        Self::OtherAlphabets,
        Self::Ideographs,
        Self::Kana,
        Self::Hangul,
        Self::Symbols,
    ];

    pub(crate) const fn of(c: char, is_rare: bool) -> Self {
        match c {
            'a'..='z' | 'A'..='Z' if is_rare => Self::RareLetters,
            'a'..='z' | 'A'..='Z' => Self::Letters,
            '0'..='9' => Self::Digits,
            '\0'..='\x7f' => Self::Signs,
            '\u{c0}'..='\u{24f}' | '\u{300}'..='\u{36f}' | '\u{1e00}'..='\u{1eff}' => Self::Accented,
            '\u{370}'..='\u{3ff}' | '\u{1f00}'..='\u{1fff}' => Self::Greek,
            '\u{400}'..='\u{52f}' => Self::Cyrillic,
            '\u{530}'..='\u{58f}' => Self::Armenian,
            '\u{10a0}'..='\u{10ff}' => Self::Georgian,
            '\u{590}'..='\u{5ff}' => Self::Hebrew,
            '\u{600}'..='\u{77f}' | '\u{fb50}'..='\u{fdff}' | '\u{fe70}'..='\u{fefe}' => Self::Arabic,
            '\u{900}'..='\u{dff}' => Self::Indic,
            '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' => Self::SoutheastAsian,
            '\u{3040}'..='\u{30ff}' => Self::Kana,
            '\u{1100}'..='\u{11ff}' | '\u{3130}'..='\u{318f}' | '\u{ac00}'..='\u{d7ff}' => Self::Hangul,
            '\u{2e80}'..='\u{2fdf}' | '\u{3100}'..='\u{a4cf}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}' => {
                Self::Ideographs
            }
            '\u{80}'..='\u{bf}' | '\u{2000}'..='\u{303f}' | '\u{fe00}'..='\u{ffff}' | '\u{1f000}'..='\u{1faff}' => {
                Self::Symbols
            }
            _ => Self::OtherAlphabets,
        }
    }
}

/// What was counted of one class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counted {
    /// Expected tokens of the vocabulary that the tables are made of, in 1/128.
    pub units: u32,
    /// Characters.
    pub chars: u32,
}

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

    /// What was counted, by class.
    pub fn by_class(&self) -> impl Iterator<Item = (Class, Counted)> {
        Class::ALL.into_iter().zip(self.counted)
    }

    /// Counts a text. Parts of one text may be counted one after the other.
    pub fn push(&mut self, text: &str) {
        let tables = Tables::built_in();
        text.chars().for_each(|c| self.count(tables, c));
    }

    /// Counts the inside of a JSON string, as it is written. What is no UTF-8 counts as unknown characters.
    pub fn push_json(&mut self, raw: &[u8]) {
        let mut rest = raw;
        while let Some(at) = rest.iter().position(|byte| *byte == b'\\') {
            let (text, escape) = rest.split_at(at);
            self.push_bytes(text);
            let (c, length) = unescaped(escape);
            self.count(Tables::built_in(), c);
            rest = escape.get(length..).unwrap_or_default();
        }
        self.push_bytes(rest);
    }

    fn push_bytes(&mut self, text: &[u8]) {
        for chunk in text.utf8_chunks() {
            self.push(chunk.valid());
            if !chunk.invalid().is_empty() {
                self.count(Tables::built_in(), char::REPLACEMENT_CHARACTER);
            }
        }
    }

    fn count(&mut self, tables: &Tables, c: char) {
        let units = u32::from(self.context.step(tables, c));
        let class = Class::of(c, self.context.is_rare());
        if let Some(counted) = self.counted.get_mut(class as usize) {
            counted.units = counted.units.saturating_add(units);
            counted.chars = counted.chars.saturating_add(1);
        }
        self.bytes = self.bytes.saturating_add(c.len_utf8() as u64);
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
