//! Texts by class: language as people write it, code, and what an attacker would send.

use std::collections::BTreeMap;

/// Short texts in many languages and formats.
const WRITTEN: &str = include_str!("../../data/estimate.toml");
/// Characters of a random text.
const RANDOM_CHARS: usize = 4_000;

/// Pseudo-random numbers (splitmix64), the same in every run.
pub(super) struct Random(u64);

impl Random {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((word ^ (word >> 31)) >> 16).unwrap_or_default() % bound.max(1)
    }
}

/// The ranges of characters that random texts are made of.
const RANDOM: [(&str, &[(u32, u32)]); 22] = [
    ("random lower-case letters", &[(0x61, 0x7a)]),
    ("random capitals", &[(0x41, 0x5a)]),
    ("random letters", &[(0x41, 0x5a), (0x61, 0x7a)]),
    ("random digits", &[(0x30, 0x39)]),
    ("random hex", &[(0x30, 0x39), (0x61, 0x66)]),
    ("random letters and digits", &[(0x30, 0x39), (0x41, 0x5a), (0x61, 0x7a)]),
    ("random symbols", &[(0x21, 0x2f), (0x3a, 0x40), (0x5b, 0x60), (0x7b, 0x7e)]),
    ("random printable ASCII", &[(0x20, 0x7e)]),
    ("random white space", &[(0x09, 0x0a), (0x20, 0x20)]),
    ("random Latin with accents", &[(0xc0, 0x17f)]),
    ("random Greek", &[(0x3b1, 0x3c9)]),
    ("random Cyrillic", &[(0x430, 0x44f)]),
    ("random Hebrew", &[(0x5d0, 0x5ea)]),
    ("random Arabic", &[(0x621, 0x64a)]),
    ("random Devanagari", &[(0x905, 0x939)]),
    ("random Thai", &[(0xe01, 0xe2e)]),
    ("random Tibetan", &[(0xf40, 0xf6c)]),
    ("random Ethiopic", &[(0x1200, 0x1248)]),
    ("random kana", &[(0x3041, 0x3096), (0x30a1, 0x30fa)]),
    ("random ideographs", &[(0x4e00, 0x9fbf)]),
    ("random Hangul", &[(0xac00, 0xd7a3)]),
    ("random emoji", &[(0x1f300, 0x1f5ff), (0x1f600, 0x1f64f)]),
];

/// Random characters, in words of at most `word` characters; 0 is without spaces.
pub(super) fn random(random: &mut Random, ranges: &[(u32, u32)], word: usize, chars: usize) -> String {
    let total: u32 = ranges.iter().map(|(from, to)| to - from + 1).sum();
    let mut text = String::new();
    let mut left = 0;
    for _ in 0..chars {
        if word > 0 && left == 0 {
            left = 1 + random.below(word);
            text.push(' ');
        }
        left = left.saturating_sub(1);
        let mut at = u32::try_from(random.below(usize::try_from(total).unwrap_or(1))).unwrap_or_default();
        for (from, to) in ranges {
            if at <= to - from {
                text.extend(char::from_u32(from + at));
                break;
            }
            at -= to - from + 1;
        }
    }
    text
}

/// All classes with their texts.
pub(super) fn classes() -> Result<Vec<(String, String)>, toml::de::Error> {
    let written: BTreeMap<String, String> = toml::from_str(WRITTEN)?;
    let mut classes: Vec<(String, String)> = written.into_iter().collect();
    let mut numbers = Random::new(1);
    for (name, ranges) in RANDOM {
        classes.push((name.to_owned(), random(&mut numbers, ranges, 0, RANDOM_CHARS)));
        if !name.contains("space") {
            classes.push((format!("{name}, in words"), random(&mut numbers, ranges, 9, RANDOM_CHARS)));
        }
    }
    Ok(classes)
}

/// Random texts to make tables from: other ones than those of [`classes`].
pub(super) fn to_learn() -> Vec<String> {
    let mut numbers = Random::new(7);
    let mut texts = Vec::new();
    for (_, ranges) in RANDOM {
        for word in [0, 0, 5, 7, 9, 9] {
            let chars = if ranges[0].0 < 0x80 { 60_000 } else { 20_000 };
            texts.push(random(&mut numbers, ranges, word, chars));
        }
    }
    // Every block of the basic plane, so that no script is without an entry.
    for block in 0x1_u32..=0xff {
        if !(0xd8..=0xf8).contains(&block) {
            texts.push(random(&mut numbers, &[(block << 8, (block << 8) + 0xff)], 6, 600));
        }
    }
    texts
}
