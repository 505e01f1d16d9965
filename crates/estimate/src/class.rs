//! Classes of characters.

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
        if c.is_ascii() {
            return match c {
                'a'..='z' | 'A'..='Z' if is_rare => Self::RareLetters,
                'a'..='z' | 'A'..='Z' => Self::Letters,
                '0'..='9' => Self::Digits,
                _ => Self::Signs,
            };
        }
        match c {
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

impl Counted {
    /// Counts one character.
    #[inline]
    pub(crate) fn add(&mut self, units: u16) {
        self.units = self.units.saturating_add(u32::from(units));
        self.chars = self.chars.saturating_add(1);
    }

    /// Counts several characters.
    pub(crate) fn add_all(&mut self, units: u64, chars: u64) {
        self.units = self.units.saturating_add(u32::try_from(units).unwrap_or(u32::MAX));
        self.chars = self.chars.saturating_add(u32::try_from(chars).unwrap_or(u32::MAX));
    }
}
