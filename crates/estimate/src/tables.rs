//! The tables: how many tokens begin at a character, on average, by what stands before it.

use crate::slot::Slot;

/// One token; the tables have 1/128 tokens.
pub(crate) const ONE: u16 = 128;
/// By level, the letter before the last, the last letter and the letter itself.
pub(crate) const LETTERS: usize = 1 << (2 + 3 * 5);
/// By level, the last letter and the letter itself.
pub(crate) const CAPITALS: usize = 1 << (2 + 2 * 5);
/// By the signs in a row, the symbol before and the symbol itself.
pub(crate) const PAIRS: usize = 1 << (2 + 2 * 6);
/// Two bits for each character of the basic plane: the tokens of the character alone, less one.
pub(crate) const ALONE: usize = 0x1_0000 / 4;
/// Entries of two bytes: a tag of four bits and the tokens for two levels, in 1/16, of six bits each.
pub(crate) const WIDE: usize = 1 << 16;
/// Tokens of a character of another plane that the tables do not have.
const ASTRAL_UNITS: u16 = 3 * ONE;
/// Units of a step of the wide entries.
pub(crate) const WIDE_STEP: u16 = ONE / 16;

static BUILT_IN: Tables<'static> = match Tables::of(include_bytes!("../data/boundaries.bin")) {
    Some(tables) => tables,
    None => panic!("the built-in tables have another length"),
};

/// The tables. Lengths are powers of two, so that a mask takes the place of a check.
pub(crate) struct Tables<'a> {
    letters: &'a [u8; LETTERS],
    capitals: &'a [u8; CAPITALS],
    pairs: &'a [u8; PAIRS],
    alone: &'a [u8; ALONE],
    wide: &'a [u8; 2 * WIDE],
}

/// The place of a pair in the wide table, and its tag.
pub(crate) const fn wide_place(before: char, here: char) -> (usize, u16) {
    let key = ((before as u64) << 21) | here as u64;
    let hash = key.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    ((hash >> 48) as usize, ((hash >> 44) & 0xF) as u16)
}

/// The tokens at a place, in 1/128.
#[inline]
fn units<const LENGTH: usize>(table: &[u8; LENGTH], at: usize) -> u16 {
    const { assert!(LENGTH.is_power_of_two(), "a mask takes the place of a check") };
    table.get(at & (LENGTH - 1)).copied().map_or(ONE, u16::from)
}

impl<'a> Tables<'a> {
    #[cfg(feature = "fit")]
    pub(crate) const BYTES: usize = LETTERS + CAPITALS + PAIRS + ALONE + 2 * WIDE;

    pub(crate) fn built_in() -> &'static Tables<'static> {
        &BUILT_IN
    }

    /// The tables in one piece of bytes; nothing if it has another length.
    pub(crate) const fn of(bytes: &'a [u8]) -> Option<Self> {
        let Some((letters, rest)) = bytes.split_first_chunk() else { return None };
        let Some((capitals, rest)) = rest.split_first_chunk() else { return None };
        let Some((pairs, rest)) = rest.split_first_chunk() else { return None };
        let Some((alone, rest)) = rest.split_first_chunk() else { return None };
        let Some((wide, [])) = rest.split_first_chunk() else { return None };
        Some(Self { letters, capitals, pairs, alone, wide })
    }

    /// The expected tokens of a letter, in 1/128.
    #[inline]
    pub(crate) fn letters(&self, at: usize) -> u16 {
        units(self.letters, at)
    }

    #[inline]
    pub(crate) fn capitals(&self, at: usize) -> u16 {
        units(self.capitals, at)
    }

    #[inline]
    pub(crate) fn pairs(&self, at: usize) -> u16 {
        units(self.pairs, at)
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
        let entry = u16::from_le_bytes(*self.wide.get(2 * place..)?.first_chunk()?);
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
        let bits = units(self.alone, code / 4) >> (2 * (code % 4));
        ONE * ((bits & 3) + 1)
    }
}
