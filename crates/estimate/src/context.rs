//! The context of a character: what stands before it, and the place in the tables that this leads to.

use crate::slot::{CAPITAL, DIGIT, LOWER, SYMBOL_BITS, Slot, WIDE, is_sign, symbol, symbol_of};
use crate::tables::{ONE, Tables};

/// The bits of a letter in what stands before; zero is none.
const LETTER_BITS: u32 = 5;
const LAST: u32 = (1 << LETTER_BITS) - 1;
/// The last two letters.
const LAST_TWO: u32 = (1 << (2 * LETTER_BITS)) - 1;
/// A run of signs is told apart up to this length.
const RUN_MAX: u8 = 3;
/// The more tokens a letter had before, the less the text resembles language. Levels of ASCII letters begin here, in 1/128
/// tokens a letter.
const LEVELS: [u32; 2] = [16, 36];
/// The last level is that of words of so many letters.
const LONG_WORD: u8 = 12;
/// Words before are unlike most English ones from here on.
const RARE: u32 = 6;
/// The levels of other scripts are two, and the second begins here.
const WIDE_LEVEL: u32 = 48;
/// A group of digits is one token.
const GROUP: u8 = 3;
/// Letters after which the level is found anew, within a word too. That it stays for so long lets the processor look up several
/// letters at once.
const BLOCK: u8 = 8;

/// What stands before the next character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Context {
    before: char,
    /// The last two characters, so far as they are ASCII letters of this word, the last one in the lowest bits.
    letters: u32,
    /// Signs in a row before the next character.
    run: u8,
    /// Digits in a row, modulo the group.
    digits: u8,
    /// Letters in a row.
    word: u8,
    level: u8,
    /// The moving average of tokens a letter, in 1/128.
    average: u32,
    /// The letters since the level was found, and their units.
    block: u8,
    block_units: u32,
}

impl Default for Context {
    fn default() -> Self {
        Self { before: '\n', letters: 0, run: 0, digits: 0, word: 0, level: 0, average: 0, block: 0, block_units: 0 }
    }
}

/// Characters of one class, and their units. A text is too short for either to overflow.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sum {
    pub(crate) units: u64,
    pub(crate) chars: u64,
}

impl Sum {
    #[inline]
    fn add(&mut self, units: u32, chars: u8) {
        self.units += u64::from(units);
        self.chars += u64::from(chars);
    }
}

/// What the inner loop counted.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct AsciiSums {
    pub(crate) letters: Sum,
    pub(crate) rare_letters: Sum,
    pub(crate) digits: Sum,
    pub(crate) signs: Sum,
}

impl AsciiSums {
    #[inline]
    fn letters(&mut self, is_rare: bool) -> &mut Sum {
        if is_rare { &mut self.rare_letters } else { &mut self.letters }
    }
}

impl Context {
    /// Whether the words before are unlike most English ones.
    pub(crate) const fn is_rare(&self) -> bool {
        self.average >= RARE
    }

    /// The place of `here` after this context.
    pub(crate) fn slot(&self, here: char) -> Slot {
        let before = self.before;
        let [first, second] = [before, here].map(symbol);
        if !(before.is_ascii() && here.is_ascii()) {
            let level = u8::from(self.average >= WIDE_LEVEL);
            return Slot::Wide {
                before,
                here,
                level,
                otherwise: here.is_ascii().then(|| pair(self.run, first, second)),
            };
        }
        if second == LOWER && self.is_in_word() {
            return Slot::Letters(self.after_letters(letter(here)));
        }
        if second == CAPITAL && first == CAPITAL {
            return Slot::Capitals(self.after_letter(letter(here)));
        }
        if second == DIGIT && first == DIGIT {
            return Slot::Digit { begins: self.digits == 0 };
        }
        Slot::Pairs(pair(self.run, first, second))
    }

    #[inline]
    fn is_in_word(&self) -> bool {
        self.letters & LAST != 0
    }

    /// The place of a letter after the last two.
    #[inline]
    fn after_letters(&self, this: u32) -> usize {
        (usize::from(self.level) << (3 * LETTER_BITS)) | ((self.letters << LETTER_BITS) | this) as usize
    }

    /// The place of a letter after the last one.
    #[inline]
    fn after_letter(&self, this: u32) -> usize {
        (usize::from(self.level) << (2 * LETTER_BITS)) | (((self.letters & LAST) << LETTER_BITS) | this) as usize
    }

    /// Counts the ASCII characters at the beginning of `text`, where the character before is ASCII too; their number. This is the
    /// inner loop of counting.
    pub(crate) fn ascii(&mut self, tables: &Tables<'_>, text: &[u8], sums: &mut AsciiSums) -> usize {
        if !self.before.is_ascii() {
            return 0;
        }
        // A copy that the loop can keep in registers.
        let mut context = *self;
        let mut before = symbol(context.before);
        let mut count = 0;
        while let Some(byte) = text.get(count) {
            let sign = symbol_of(*byte);
            let is_after_lower = before == LOWER && context.is_in_word();
            if sign == WIDE {
                break;
            }
            if sign == LOWER && context.is_in_word() {
                count += context.lower_run(tables, eight(text, count), sums);
            } else if sign <= CAPITAL {
                context.ascii_letter(tables, *byte, (before, sign), sums);
                count += 1;
            } else {
                if is_after_lower {
                    let words = context.words(tables, text.get(count..).unwrap_or_default(), sums);
                    if words > 0 {
                        count += words;
                        continue;
                    }
                }
                let units = context.ascii_other(tables, (before, sign));
                (if sign == DIGIT { &mut sums.digits } else { &mut sums.signs }).add(units.into(), 1);
                count += 1;
            }
            before = sign;
        }
        if let Some(last) = count.checked_sub(1).and_then(|last| text.get(last)) {
            context.before = char::from(*last);
        }
        *self = context;
        count
    }

    /// Counts the words at the beginning of `text` that most text consists of: one sign and a few lower-case letters, after a
    /// word that ended in such a letter. The number of bytes. What is counted is what the steps for single characters count.
    #[inline]
    fn words(&mut self, tables: &Tables<'_>, text: &[u8], sums: &mut AsciiSums) -> usize {
        let mut count = 0;
        while let Some(sign) = text.get(count).map(|byte| symbol_of(*byte)).filter(|sign| is_sign(*sign)) {
            let next = eight(text, count + 1);
            let chars = lower_letters(next);
            if chars == 0 || chars >= BLOCK {
                break;
            }
            self.end_block();
            sums.signs.add(tables.pairs(pair(0, LOWER, sign)).into(), 1);
            let first = u32::from(tables.pairs(pair(1, sign, LOWER)));
            let mut letters = u64::from_le_bytes(next);
            self.letters = code(letters);
            let mut units = 0;
            for _ in 1..chars {
                letters >>= 8;
                units += self.lower_letter(tables, code(letters));
            }
            sums.letters(self.is_rare()).add(first + units, chars);
            (self.word, self.block, self.block_units) = (chars, chars, units);
            count += 1 + usize::from(chars);
        }
        count
    }

    /// The units of a lower-case letter within a word.
    #[inline]
    fn lower_letter(&mut self, tables: &Tables<'_>, this: u32) -> u32 {
        let units = u32::from(tables.letters(self.after_letters(this)));
        self.letters = ((self.letters << LETTER_BITS) | this) & LAST_TWO;
        units
    }

    /// Counts the lower-case letters at the beginning of `next` within a word, up to the end of the block; their number. Level
    /// and average stay the same within a block, so that an iteration does no more than look up.
    #[inline]
    fn lower_run(&mut self, tables: &Tables<'_>, next: [u8; 8], sums: &mut AsciiSums) -> usize {
        let chars = lower_letters(next).min(BLOCK - self.block);
        let mut letters = u64::from_le_bytes(next);
        let mut units = 0;
        for _ in 0..chars {
            units += self.lower_letter(tables, code(letters));
            letters >>= 8;
        }
        sums.letters(self.is_rare()).add(units, chars);
        self.add_to_block(chars, units);
        usize::from(chars)
    }

    #[inline]
    fn ascii_letter(&mut self, tables: &Tables<'_>, byte: u8, (before, sign): (u8, u8), sums: &mut AsciiSums) {
        let this = code(u64::from(byte));
        let units = if self.is_in_word() && before == CAPITAL {
            tables.capitals(self.after_letter(this))
        } else {
            tables.pairs(pair(self.run, before, sign))
        };
        sums.letters(self.is_rare()).add(units.into(), 1);
        // Where a word begins says little of its letters.
        self.add_to_block(1, if self.word > 0 { units.into() } else { 0 });
        self.letters = ((self.letters << LETTER_BITS) | this) & LAST_TWO;
        (self.run, self.digits) = (0, 0);
    }

    #[inline]
    fn ascii_other(&mut self, tables: &Tables<'_>, (before, sign): (u8, u8)) -> u16 {
        let is_digit = sign == DIGIT;
        let units = if is_digit && before == DIGIT {
            if self.digits == 0 { ONE } else { 0 }
        } else {
            tables.pairs(pair(self.run, before, sign))
        };
        if self.block > 0 {
            self.end_block();
        }
        self.word = 0;
        self.letters = 0;
        self.run = if is_digit { 0 } else { (self.run + 1).min(RUN_MAX) };
        self.digits = if is_digit { (self.digits + 1) % GROUP } else { 0 };
        units
    }

    fn add_to_block(&mut self, count: u8, units: u32) {
        self.word = self.word.saturating_add(count);
        self.block += count;
        self.block_units += units;
        if self.block >= BLOCK {
            self.end_block();
        }
    }

    /// Moves the average by the letters of the block, and finds the level.
    fn end_block(&mut self) {
        let expected = self.average * u32::from(self.block);
        let block = u32::from(BLOCK);
        self.average = if self.block_units >= expected {
            self.average + (self.block_units - expected) / block
        } else {
            self.average - (expected - self.block_units) / block
        };
        (self.block, self.block_units) = (0, 0);
        let reached = LEVELS.iter().map(|from| u8::from(self.average >= *from)).sum::<u8>();
        let is_last = usize::from(reached) == LEVELS.len() && self.word >= LONG_WORD;
        self.level = reached + u8::from(is_last);
    }

    /// The expected tokens of `here` in 1/128, and the context after it.
    pub(crate) fn step(&mut self, tables: &Tables<'_>, here: char) -> u16 {
        let units = tables.units(self.slot(here));
        let symbol = symbol(here);
        if symbol <= CAPITAL || !(here.is_ascii() || self.before.is_ascii()) {
            let continues = self.word > 0;
            // Where a word begins says little of its letters.
            self.add_to_block(1, if continues { units.min(2 * ONE).into() } else { 0 });
            self.run = 0;
            self.letters = ((self.letters << LETTER_BITS) | letter(here)) & LAST_TWO;
        } else {
            if self.block > 0 {
                self.end_block();
            }
            self.word = 0;
            self.run = if here.is_ascii() && symbol != DIGIT { (self.run + 1).min(RUN_MAX) } else { 0 };
            self.letters = 0;
        }
        self.digits = if symbol == DIGIT { (self.digits + 1) % GROUP } else { 0 };
        self.before = here;
        units
    }
}

/// The place of a symbol after another, which ends a run of signs.
#[inline]
fn pair(run: u8, before: u8, here: u8) -> usize {
    // Each by itself: `map` over an array is a call here, and every word asks for two pairs.
    let (run, before, here) = (usize::from(run), usize::from(before), usize::from(here));
    (((run << SYMBOL_BITS) | before) << SYMBOL_BITS) | here
}

/// The eight bytes at `at`; zeros follow the text.
#[inline]
fn eight(text: &[u8], at: usize) -> [u8; 8] {
    let rest = text.get(at..).unwrap_or_default();
    if let Some(whole) = rest.first_chunk() {
        return *whole;
    }
    let mut bytes = [0; 8];
    bytes.iter_mut().zip(rest).for_each(|(byte, text)| *byte = *text);
    bytes
}

/// The number of lower-case letters before the first other byte.
#[inline]
const fn lower_letters(bytes: [u8; 8]) -> u8 {
    const EACH: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x80 * EACH;
    let word = u64::from_le_bytes(bytes);
    // With the high bit set no byte borrows from the next; the bit stays where the byte is not below the letter.
    let from_a = (word | HIGH) - (b'a' as u64) * EACH;
    let beyond_z = (word | HIGH) - (b'z' as u64 + 1) * EACH;
    let others = (!from_a | beyond_z | word) & HIGH;
    let [count, ..] = (others.trailing_zeros() / 8).to_le_bytes();
    count
}

/// The letter in the lowest byte, from 1 on: ASCII has the place in the alphabet in its lowest bits.
#[inline]
const fn code(letters: u64) -> u32 {
    letters as u32 & LAST
}

/// The same of a character; zero where it is no ASCII letter.
const fn letter(c: char) -> u32 {
    if c.is_ascii_alphabetic() { code(c as u64) } else { 0 }
}

const _: () = assert!(LOWER == 0 && CAPITAL == 1, "letters are the first symbols");
