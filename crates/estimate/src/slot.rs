//! The places in the tables.

/// Symbols of the pairs table: lower-case letters, capitals, digits, and each other ASCII character.
pub(crate) const LOWER: u8 = 0;
pub(crate) const CAPITAL: u8 = 1;
pub(crate) const DIGIT: u8 = 2;
const CONTROL: u8 = 3;
pub(crate) const WIDE: u8 = 4;
/// Punctuation and white space begin here.
const FIRST_SIGN: u8 = 5;
/// The bits of a symbol.
pub(crate) const SYMBOL_BITS: u32 = 6;

static OF_BYTE: [u8; 256] = of_byte();

const fn of_byte() -> [u8; 256] {
    let mut symbols = [WIDE; 256];
    let mut at = 0_u8;
    while at < 128 {
        symbols[at as usize] = match at {
            b'a'..=b'z' => LOWER,
            b'A'..=b'Z' => CAPITAL,
            b'0'..=b'9' => DIGIT,
            b' '..=b'/' => FIRST_SIGN + (at - b' '),
            b':'..=b'@' => FIRST_SIGN + 16 + (at - b':'),
            b'['..=b'`' => FIRST_SIGN + 23 + (at - b'['),
            b'{'..=b'~' => FIRST_SIGN + 29 + (at - b'{'),
            b'\n' => FIRST_SIGN + 33,
            b'\t' => FIRST_SIGN + 34,
            b'\r' => FIRST_SIGN + 35,
            _ => CONTROL,
        };
        at += 1;
    }
    symbols
}

/// The symbol of a character.
#[inline]
pub(crate) fn symbol(c: char) -> u8 {
    u8::try_from(c).map_or(WIDE, symbol_of)
}

/// The symbol of a byte of UTF-8.
#[inline]
pub(crate) fn symbol_of(byte: u8) -> u8 {
    let Some(symbol) = OF_BYTE.get(usize::from(byte)) else { return WIDE };
    *symbol
}

/// Whether a symbol is neither a letter nor a digit, and ASCII.
#[inline]
pub(crate) const fn is_sign(symbol: u8) -> bool {
    symbol >= CONTROL && symbol != WIDE
}

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
