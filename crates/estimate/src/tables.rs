//! The tables: how many tokens begin at a character, on average, by what stands before it.

use crate::slot::{SYMBOLS, Slot};
use std::borrow::Cow;

/// One token; the tables have 1/128 tokens.
pub(crate) const ONE: u16 = 128;
/// By level, the letter before the last, the last letter and the letter itself.
pub(crate) const LETTERS: usize = 4 * LETTERS_A_LEVEL;
/// The letters of one level.
pub(crate) const LETTERS_A_LEVEL: usize = 27 * 26 * 26;
/// By level, the last letter and the letter itself.
pub(crate) const CAPITALS: usize = 4 * 26 * 26;
/// By the signs in a row, the symbol before and the symbol itself.
pub(crate) const PAIRS: usize = 4 * SYMBOLS * SYMBOLS;
/// Two bits for each character of the basic plane: the tokens of the character alone, less one.
pub(crate) const ALONE: usize = 0x1_0000 / 4;
/// Entries of two bytes: a tag of four bits and the tokens for two levels, in 1/16, of six bits each.
#[cfg(any(test, feature = "fit"))]
pub(crate) const WIDE: usize = 1 << 16;
/// Tokens of a character of another plane that the tables do not have.
const ASTRAL_UNITS: u16 = 3 * ONE;
/// Units of a step of the wide entries.
pub(crate) const WIDE_STEP: u16 = ONE / 16;

static BUILT_IN: Tables = Tables { bytes: Cow::Borrowed(include_bytes!("../data/boundaries.bin")) };

/// The tables, in one piece: letters, capitals, pairs, alone, wide.
pub(crate) struct Tables {
    pub(crate) bytes: Cow<'static, [u8]>,
}

/// The place of a pair in the wide table, and its tag.
pub(crate) const fn wide_place(before: char, here: char) -> (usize, u16) {
    let key = ((before as u64) << 21) | here as u64;
    let hash = key.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    ((hash >> 48) as usize, ((hash >> 44) & 0xF) as u16)
}

impl Tables {
    #[cfg(any(test, feature = "fit"))]
    pub(crate) const BYTES: usize = LETTERS + CAPITALS + PAIRS + ALONE + 2 * WIDE;

    pub(crate) fn built_in() -> &'static Self {
        &BUILT_IN
    }

    fn byte(&self, at: usize) -> u16 {
        self.bytes.get(at).copied().map_or(ONE, u16::from)
    }

    /// The expected tokens of a letter, in 1/128.
    pub(crate) fn letters(&self, at: usize) -> u16 {
        self.byte(at)
    }

    /// The letters table of one level.
    pub(crate) fn letters_of(&self, level: u8) -> &[u8] {
        let from = usize::from(level) * LETTERS_A_LEVEL;
        self.bytes.get(from..from + LETTERS_A_LEVEL).unwrap_or_default()
    }

    pub(crate) fn capitals(&self, at: usize) -> u16 {
        self.byte(LETTERS + at)
    }

    pub(crate) fn pairs(&self, at: usize) -> u16 {
        self.byte(LETTERS + CAPITALS + at)
    }

    /// The expected tokens at a slot, in 1/128.
    pub(crate) fn units(&self, slot: Slot) -> u16 {
        match slot {
            Slot::Letters(at) => self.letters(at),
            Slot::Capitals(at) => self.capitals(at),
            Slot::Pairs(at) => self.pairs(at),
            Slot::Digit { begins } => {
                if begins {
                    ONE
                } else {
                    0
                }
            }
            Slot::Wide { before, here, level, otherwise } => self
                .wide(before, here, level)
                .or_else(|| otherwise.map(|at| self.pairs(at)))
                .unwrap_or_else(|| self.alone(here)),
        }
    }

    fn wide(&self, before: char, here: char, level: u8) -> Option<u16> {
        let (place, tag) = wide_place(before, here);
        let at = LETTERS + CAPITALS + PAIRS + ALONE + 2 * place;
        let entry = u16::from_le_bytes([*self.bytes.get(at)?, *self.bytes.get(at + 1)?]);
        if entry >> 12 != tag || entry & 0xFFF == 0xFFF {
            return None;
        }
        Some(((entry >> (6 * level)) & 0x3F) * WIDE_STEP)
    }

    fn alone(&self, here: char) -> u16 {
        let code = usize::try_from(u32::from(here)).unwrap_or(usize::MAX);
        if code > 0xFFFF {
            return self.wide('\0', here, 0).unwrap_or(ASTRAL_UNITS);
        }
        let bits = self.byte(LETTERS + CAPITALS + PAIRS + code / 4) >> (2 * (code % 4));
        ONE * ((bits & 3) + 1)
    }
}
