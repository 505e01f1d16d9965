//! The places in the tables.

/// How many symbols the pairs table tells apart: the ASCII characters, where letters and digits are one symbol each.
pub(crate) const SYMBOLS: usize = 48;

/// The place of a character's expected tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slot {
    /// A lower-case letter after a letter.
    Letters(usize),
    /// A capital after a capital.
    Capitals(usize),
    /// An ASCII character after another symbol.
    Pairs(usize),
    /// A digit after a digit: the position in its run says whether a group begins.
    Digit { begins: bool },
    /// One of the two characters is beyond ASCII. `level` is 1 where the text before has many tokens a character.
    Wide { before: char, here: char, level: u8, otherwise: Option<usize> },
}
