//! The context of a character: what stands before it, and the place in the tables that this leads to.

use crate::slot::{SYMBOLS, Slot};
use crate::tables::{ONE, Tables};

/// No letter before this one.
pub(crate) const NO_LETTER: u8 = 26;
/// Symbols of the pairs table: lower-case letters, capitals, digits, and each other ASCII character.
const LOWER: u8 = 0;
const CAPITAL: u8 = 1;
const DIGIT: u8 = 2;
const CONTROL: u8 = 3;
const WIDE: u8 = 4;
const FIRST_SIGN: u8 = 5;
/// A run of signs is told apart up to this length.
const RUN_MAX: u8 = 3;
/// The denser the letters before, the less the text resembles language. Levels of ASCII letters begin here, in
/// 1/128 tokens a letter.
const LEVELS: [u16; 2] = [16, 36];
/// The last level is that of words of so many letters.
const LONG_WORD: u8 = 12;
/// Words before are unlike most English ones from here on.
const RARE: u16 = 10;
/// The same as the levels for other scripts, which have two levels.
const WIDE_LEVEL: u16 = 48;
/// A group of digits is one token.
const GROUP: u8 = 3;

/// What stands before the next character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Context {
    before: char,
    /// The letter before `before`, or [`NO_LETTER`].
    earlier: u8,
    /// Signs in a row before the next character.
    run: u8,
    /// Digits in a row, modulo the group.
    digits: u8,
    /// Letters in a row.
    word: u8,
    /// The moving average of tokens a letter, in 1/128.
    average: u16,
}

impl Default for Context {
    fn default() -> Self {
        Self { before: '\n', earlier: NO_LETTER, run: 0, digits: 0, word: 0, average: 0 }
    }
}

const fn symbol(c: char) -> u8 {
    match c {
        'a'..='z' => LOWER,
        'A'..='Z' => CAPITAL,
        '0'..='9' => DIGIT,
        ' '..='/' => FIRST_SIGN + (c as u8 - b' '),
        ':'..='@' => FIRST_SIGN + 16 + (c as u8 - b':'),
        '['..='`' => FIRST_SIGN + 23 + (c as u8 - b'['),
        '{'..='~' => FIRST_SIGN + 29 + (c as u8 - b'{'),
        '\n' => FIRST_SIGN + 33,
        '\t' => FIRST_SIGN + 34,
        '\r' => FIRST_SIGN + 35,
        '\0'..='\x7f' => CONTROL,
        _ => WIDE,
    }
}

const fn letter(c: char) -> u8 {
    match c {
        'a'..='z' => c as u8 - b'a',
        'A'..='Z' => c as u8 - b'A',
        _ => NO_LETTER,
    }
}

impl Context {
    /// The place of `here` after this context.
    pub(crate) fn slot(&self, here: char) -> Slot {
        let before = self.before;
        let pair = || {
            let [run, before, here] = [self.run.min(RUN_MAX), symbol(before), symbol(here)].map(usize::from);
            (run * SYMBOLS + before) * SYMBOLS + here
        };
        if !(before.is_ascii() && here.is_ascii()) {
            let level = u8::from(self.average >= WIDE_LEVEL);
            return Slot::Wide { before, here, level, otherwise: here.is_ascii().then(pair) };
        }
        let level = self.level();
        let [earlier, last, this] = [self.earlier, letter(before), letter(here)].map(usize::from);
        if here.is_ascii_lowercase() && before.is_ascii_alphabetic() {
            return Slot::Letters(((level * 27 + earlier) * 26 + last) * 26 + this);
        }
        if here.is_ascii_uppercase() && before.is_ascii_uppercase() {
            return Slot::Capitals((level * 26 + last) * 26 + this);
        }
        if here.is_ascii_digit() && before.is_ascii_digit() {
            return Slot::Digit { begins: self.digits == 0 };
        }
        Slot::Pairs(pair())
    }

    /// Whether the words before are unlike most English ones.
    pub(crate) fn is_rare(&self) -> bool {
        self.average >= RARE
    }

    /// How little the text before resembles language.
    fn level(&self) -> usize {
        let reached = LEVELS.iter().filter(|from| self.average >= **from).count();
        if reached == LEVELS.len() && self.word >= LONG_WORD { reached + 1 } else { reached }
    }

    /// The expected tokens of `here` in 1/128, and the context after it.
    pub(crate) fn step(&mut self, tables: &Tables, here: char) -> u16 {
        let units = tables.units(self.slot(here));
        let in_word = self.before.is_alphanumeric() && here.is_alphanumeric();
        if in_word {
            // A moving average with a weight of an eighth.
            self.average = self.average - self.average / 8 + units.min(2 * ONE) / 8;
        }
        let is_sign = here.is_ascii() && !here.is_ascii_alphanumeric();
        self.run = if is_sign { self.run.saturating_add(1) } else { 0 };
        self.word = if here.is_ascii_alphabetic() { self.word.saturating_add(1) } else { 0 };
        self.digits = if here.is_ascii_digit() { (self.digits + 1) % GROUP } else { 0 };
        self.earlier = letter(self.before);
        self.before = here;
        units
    }
}
