//! Lone surrogates in JSON: escapes such as `\ud83d` without their other half (RFC 8259, section 8.2). JavaScript writes them
//! for a text that was cut within a character, and parsers of other languages refuse the whole document.

use memchr::memmem::Finder;
use std::borrow::Cow;
use std::ops::RangeInclusive;
use std::sync::LazyLock;

const HIGH: RangeInclusive<u16> = 0xd800..=0xdbff;
const LOW: RangeInclusive<u16> = 0xdc00..=0xdfff;
/// The escape of the replacement character.
const REPLACEMENT: &[u8] = b"\\ufffd";
/// Every surrogate begins so, in either case.
static BEGINNINGS: LazyLock<[Finder<'static>; 2]> = LazyLock::new(|| [Finder::new("\\ud"), Finder::new("\\uD")]);
/// The length of an escape.
const ESCAPE_BYTES: usize = 6;

/// The document with the replacement character in the place of each lone surrogate; borrowed where it has none.
#[must_use]
pub fn mended(raw: &[u8]) -> Cow<'_, [u8]> {
    let Some(first) = BEGINNINGS.iter().filter_map(|begin| begin.find(raw)).min() else {
        return Cow::Borrowed(raw);
    };
    // A backslash before it may belong to it, or it to that one.
    let (mut out, mut kept, mut at) = (Vec::new(), 0, backslashes_before(raw, first));
    while let Some(found) = memchr::memchr(b'\\', raw.get(at..).unwrap_or_default()) {
        let start = at + found;
        at = match (escape(raw, start), escape(raw, start + ESCAPE_BYTES)) {
            (Some(first), Some(second)) if HIGH.contains(&first) && LOW.contains(&second) => start + 2 * ESCAPE_BYTES,
            (Some(first), _) if HIGH.contains(&first) || LOW.contains(&first) => {
                out.extend_from_slice(raw.get(kept..start).unwrap_or_default());
                out.extend_from_slice(REPLACEMENT);
                kept = start + ESCAPE_BYTES;
                kept
            }
            (Some(_), _) => start + ESCAPE_BYTES,
            // An escape of one letter.
            (None, _) => start + 2,
        };
    }
    if out.is_empty() {
        return Cow::Borrowed(raw);
    }
    out.extend_from_slice(raw.get(kept..).unwrap_or_default());
    Cow::Owned(out)
}

/// Where the backslashes begin that stand directly before a place.
fn backslashes_before(raw: &[u8], at: usize) -> usize {
    let before = raw.get(..at).unwrap_or_default();
    before.iter().rposition(|byte| *byte != b'\\').map_or(0, |last| last + 1)
}

/// The code unit of an escape of the form `\uXXXX`.
fn escape(raw: &[u8], at: usize) -> Option<u16> {
    let digits = raw.get(at..at + ESCAPE_BYTES)?.strip_prefix(b"\\u")?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lone_surrogates_are_replaced_and_pairs_stay() {
        let check = |raw: &str, expect: &str| {
            let found = mended(raw.as_bytes());
            assert_eq!(std::str::from_utf8(&found).unwrap(), expect);
            assert!(serde_json::from_slice::<serde_json::Value>(&found).is_ok(), "{raw}");
        };
        check(r#""plain""#, r#""plain""#);
        check(r#""\ud83d\ude00""#, r#""\ud83d\ude00""#);
        check(r#""a\ud83d""#, r#""a\ufffd""#);
        check(r#""\ude00b""#, r#""\ufffdb""#);
        check(r#""\uD83D\uD83D\uDE00""#, r#""\ufffd\uD83D\uDE00""#);
        check(r#""\\ud83d""#, r#""\\ud83d""#);
        check(r#""\\\ud83d\n\u00e9""#, r#""\\\ufffd\n\u00e9""#);
    }
}
