//! The context of a character: what stands before it, and the place in the tables that this leads to.

use crate::class::Counted;
use crate::slot::{CAPITAL, DIGIT, LOWER, SYMBOLS, Slot, WIDE, symbol};
use crate::tables::{LETTERS_A_LEVEL, ONE, Tables};

/// No letter before this one.
const NO_LETTER: u8 = 26;
/// A run of signs is told apart up to this length.
const RUN_MAX: u8 = 3;
/// The more tokens a letter had before, the less the text resembles language. Levels of ASCII letters begin here, in 1/128
/// tokens a letter.
const LEVELS: [u16; 2] = [16, 36];
/// The last level is that of words of so many letters.
const LONG_WORD: u8 = 12;
/// Words before are unlike most English ones from here on.
const RARE: u16 = 6;
/// The levels of other scripts are two, and the second begins here.
const WIDE_LEVEL: u16 = 48;
/// A group of digits is one token.
const GROUP: u8 = 3;
/// Letters after which the level is found anew, within a word too. That it stays for so long lets the processor look up several
/// letters at once.
const BLOCK: u8 = 8;

/// What stands before the next character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Context {
    before: char,
    /// The letter before, and the one before that, or [`NO_LETTER`].
    last: u8,
    earlier: u8,
    /// Signs in a row before the next character.
    run: u8,
    /// Digits in a row, modulo the group.
    digits: u8,
    /// Letters in a row.
    word: u8,
    level: u8,
    /// The moving average of tokens a letter, in 1/128.
    average: u16,
    /// The letters since the level was found, and their units.
    block: u8,
    block_units: u16,
}

impl Default for Context {
    fn default() -> Self {
        Self {
            before: '\n',
            last: NO_LETTER,
            earlier: NO_LETTER,
            run: 0,
            digits: 0,
            word: 0,
            level: 0,
            average: 0,
            block: 0,
            block_units: 0,
        }
    }
}

/// What the inner loop counted.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct AsciiSums {
    pub(crate) letters: Counted,
    pub(crate) rare_letters: Counted,
    pub(crate) digits: Counted,
    pub(crate) signs: Counted,
}

impl AsciiSums {
    #[inline]
    fn add_letter(&mut self, units: u16, is_rare: bool) {
        (if is_rare { &mut self.rare_letters } else { &mut self.letters }).add(units);
    }

    #[inline]
    fn add_letters(&mut self, units: u16, chars: u8, is_rare: bool) {
        (if is_rare { &mut self.rare_letters } else { &mut self.letters }).add_all(units, chars);
    }

    #[inline]
    fn add_other(&mut self, units: u16, is_digit: bool) {
        (if is_digit { &mut self.digits } else { &mut self.signs }).add(units);
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
            return Slot::Wide { before, here, level, otherwise: here.is_ascii().then(|| self.pair(first, second)) };
        }
        let in_word = self.last < NO_LETTER;
        if second == LOWER && in_word {
            return Slot::Letters(self.letters(letter(here)));
        }
        if second == CAPITAL && first == CAPITAL {
            let [level, last, this] = [self.level, self.last, letter(here)].map(usize::from);
            return Slot::Capitals((level * 26 + last) * 26 + this);
        }
        if second == DIGIT && first == DIGIT {
            return Slot::Digit { begins: self.digits == 0 };
        }
        Slot::Pairs(self.pair(first, second))
    }

    fn pair(&self, before: u8, here: u8) -> usize {
        let [run, before, here] = [self.run, before, here].map(usize::from);
        (run * SYMBOLS + before) * SYMBOLS + here
    }

    fn letters(&self, this: u8) -> usize {
        let [level, earlier, last, this] = [self.level, self.earlier, self.last, this].map(usize::from);
        level * LETTERS_A_LEVEL + (earlier * 26 + last) * 26 + this
    }

    /// Counts the ASCII characters at the beginning of `text`, where the character before is ASCII too; their number. This is the
    /// inner loop of counting.
    pub(crate) fn ascii(&mut self, tables: &Tables, text: &[u8], sums: &mut AsciiSums) -> usize {
        if !self.before.is_ascii() {
            return 0;
        }
        // A copy that the loop can keep in registers.
        let mut context = *self;
        let mut before = symbol(context.before);
        let mut count = 0;
        while let Some(byte) = text.get(count) {
            if context.last < NO_LETTER && byte.is_ascii_lowercase() {
                count += context.lower_run(tables, eight(text, count), sums);
                before = LOWER;
                continue;
            }
            let here = char::from(*byte);
            let sign = symbol(here);
            if sign == WIDE {
                break;
            }
            count += 1;
            if sign <= CAPITAL {
                context.ascii_letter(tables, here, (before, sign), sums);
            } else {
                sums.add_other(context.ascii_other(tables, (before, sign)), sign == DIGIT);
            }
            context.before = here;
            before = sign;
        }
        *self = context;
        count
    }

    /// Counts the lower-case letters at the beginning of `next` within a word, up to the end of the block; their number. Level
    /// and average stay the same within a block, so that an iteration does no more than look up.
    #[inline]
    fn lower_run(&mut self, tables: &Tables, next: [u8; 8], sums: &mut AsciiSums) -> usize {
        let table = tables.letters_of(self.level);
        let count = lower_letters(next).min(BLOCK - self.block);
        let mut units = 0_u16;
        for byte in next.iter().take(usize::from(count)) {
            let this = byte.wrapping_sub(b'a');
            let [earlier, last, here] = [self.earlier, self.last, this].map(usize::from);
            units += table.get(earlier * (26 * 26) + last * 26 + here).copied().map_or(ONE, u16::from);
            (self.earlier, self.last) = (self.last, this);
        }
        self.before = char::from(b'a' + self.last);
        sums.add_letters(units, count, self.is_rare());
        self.add_to_block(count, units);
        usize::from(count)
    }

    #[inline]
    fn ascii_letter(&mut self, tables: &Tables, here: char, (before, sign): (u8, u8), sums: &mut AsciiSums) {
        let this = letter(here);
        let in_word = self.last < NO_LETTER;
        let units = if in_word && sign == LOWER {
            tables.letters(self.letters(this))
        } else if in_word && before == CAPITAL {
            tables.capitals((usize::from(self.level) * 26 + usize::from(self.last)) * 26 + usize::from(this))
        } else {
            tables.pairs(self.pair(before, sign))
        };
        sums.add_letter(units, self.is_rare());
        // Where a word begins says little of its letters.
        self.add_to_block(1, if self.word > 0 { units } else { 0 });
        (self.earlier, self.last) = (self.last, this);
        (self.run, self.digits) = (0, 0);
    }

    #[inline]
    fn ascii_other(&mut self, tables: &Tables, (before, sign): (u8, u8)) -> u16 {
        let is_digit = sign == DIGIT;
        let units = if is_digit && before == DIGIT {
            if self.digits == 0 { ONE } else { 0 }
        } else {
            tables.pairs(self.pair(before, sign))
        };
        if self.block > 0 {
            self.end_block();
        }
        self.word = 0;
        (self.earlier, self.last) = (NO_LETTER, NO_LETTER);
        self.run = if is_digit { 0 } else { (self.run + 1).min(RUN_MAX) };
        self.digits = if is_digit { (self.digits + 1) % GROUP } else { 0 };
        units
    }

    fn add_to_block(&mut self, count: u8, units: u16) {
        self.word = self.word.saturating_add(count);
        self.block += count;
        self.block_units += units;
        if self.block >= BLOCK {
            self.end_block();
        }
    }

    /// Moves the average by the letters of the block, and finds the level.
    fn end_block(&mut self) {
        let expected = self.average * u16::from(self.block);
        let block = u16::from(BLOCK);
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
    pub(crate) fn step(&mut self, tables: &Tables, here: char) -> u16 {
        let units = tables.units(self.slot(here));
        let symbol = symbol(here);
        if symbol <= CAPITAL || !(here.is_ascii() || self.before.is_ascii()) {
            let continues = self.word > 0;
            // Where a word begins says little of its letters.
            self.add_to_block(1, if continues { units.min(2 * ONE) } else { 0 });
            self.run = 0;
            (self.earlier, self.last) = (self.last, letter(here));
        } else {
            if self.block > 0 {
                self.end_block();
            }
            self.word = 0;
            self.run = if here.is_ascii() && symbol != DIGIT { (self.run + 1).min(RUN_MAX) } else { 0 };
            (self.earlier, self.last) = (NO_LETTER, NO_LETTER);
        }
        self.digits = if symbol == DIGIT { (self.digits + 1) % GROUP } else { 0 };
        self.before = here;
        units
    }
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

const fn letter(c: char) -> u8 {
    match c {
        'a'..='z' => c as u8 - b'a',
        'A'..='Z' => c as u8 - b'A',
        _ => NO_LETTER,
    }
}

const _: () = assert!(LOWER == 0 && CAPITAL == 1, "letters are the first symbols");
