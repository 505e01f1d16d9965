//! A pull scanner over raw JSON: finds members by position, without building values.
//!
//! Strings are skipped eight bytes at a time, and by vector instructions where they are long. The bytes between strings are
//! few, and read one by one.
//!
//! The scanner is lenient (a missing comma does not stop it) and never recurses, so depth costs nothing. JSON from an
//! untrusted client must pass a real parser first.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;

/// A position in a JSON text.
#[derive(Clone)]
pub struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    /// A cursor at the beginning of `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The offset of the next byte to be read.
    pub fn position(&self) -> usize {
        self.at
    }

    /// The next byte that is not white space.
    pub fn peek(&mut self) -> Option<u8> {
        while let Some(byte) = self.bytes.get(self.at) {
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(*byte);
            }
            self.at += 1;
        }
        None
    }

    /// Enters the object at the position. Returns whether there is one.
    pub fn object(&mut self) -> bool {
        self.enter(b'{')
    }

    /// Enters the array at the position. Returns whether there is one.
    pub fn array(&mut self) -> bool {
        self.enter(b'[')
    }

    fn enter(&mut self, open: u8) -> bool {
        let stands = self.peek() == Some(open);
        self.at += usize::from(stands);
        stands
    }

    /// The next key of the object that was entered, with its colon consumed; `None` after its end.
    pub fn key(&mut self) -> Option<&'a [u8]> {
        match self.next_inside()? {
            b'"' => {}
            _ => {
                self.at += 1;
                return None;
            }
        }
        let key = self.string_here()?;
        if self.peek() == Some(b':') {
            self.at += 1;
        }
        Some(key)
    }

    /// Whether the array that was entered has another item; consumes its end if not.
    pub fn item(&mut self) -> bool {
        match self.next_inside() {
            None => false,
            Some(b']' | b'}') => {
                self.at += 1;
                false
            }
            Some(_) => true,
        }
    }

    fn next_inside(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        if byte != b',' {
            return Some(byte);
        }
        self.at += 1;
        self.peek()
    }

    /// The raw bytes of the value at the position; empty where there is none.
    pub fn value(&mut self) -> &'a [u8] {
        let range = self.value_range();
        self.bytes.get(range).unwrap_or_default()
    }

    /// The range of the value at the position.
    pub fn value_range(&mut self) -> Range<usize> {
        let first = self.peek();
        let start = self.at;
        match first {
            Some(b'"') => {
                self.string_here();
            }
            Some(b'{') => self.skip_container(b'{', b'}'),
            Some(b'[') => self.skip_container(b'[', b']'),
            Some(_) => self.skip_scalar(),
            None => {}
        }
        start..self.at
    }

    /// Calls `visit` with the key of each member of the object at the position; `visit` must take the value. Another value is
    /// skipped. Visiting a value in place costs half of skipping it first and reading it later.
    pub fn each_member(&mut self, mut visit: impl FnMut(&'a [u8], &mut Self)) {
        if !self.object() {
            self.value();
            return;
        }
        while let Some(key) = self.key() {
            visit(key, self);
        }
    }

    /// Calls `visit` at each item of the array at the position; `visit` must take the item. Another value is skipped.
    pub fn each_item(&mut self, mut visit: impl FnMut(&mut Self)) {
        if !self.array() {
            self.value();
            return;
        }
        while self.item() {
            visit(self);
        }
    }

    fn string_here(&mut self) -> Option<&'a [u8]> {
        let start = self.at + 1;
        let Some(end) = string_end(self.bytes, start) else {
            self.at = self.bytes.len();
            return None;
        };
        self.at = end + 1;
        self.bytes.get(start..end)
    }

    fn skip_scalar(&mut self) {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let end = rest.iter().position(|byte| matches!(byte, b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t'));
        // At least one byte, so that a stray bracket or comma cannot stop a loop.
        self.at += end.unwrap_or(rest.len()).max(1);
    }

    /// Only brackets of one kind are counted: in valid JSON the others balance inside.
    fn skip_container(&mut self, open: u8, close: u8) {
        let mut depth = 0_usize;
        while let Some(byte) = self.bytes.get(self.at) {
            if *byte == b'"' {
                if self.string_here().is_none() {
                    return;
                }
                continue;
            }
            self.at += 1;
            if *byte == open {
                depth += 1;
            } else if *byte == close {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return;
                }
            }
        }
    }
}

/// Words of eight bytes that are scanned before vector instructions take over: most strings end within.
const SHORT_WORDS: usize = 4;
/// A one in each byte.
const ONES: u64 = 0x0101_0101_0101_0101;
/// The highest bit of each byte.
const HIGHS: u64 = ONES << 7;

/// The offset of the quote that closes the string whose inside begins at `from`.
#[inline]
pub fn string_end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    let mut words = 0_usize;
    loop {
        let rest = bytes.get(at..)?;
        at += match rest.first_chunk::<8>() {
            Some(chunk) if words < SHORT_WORDS => {
                words += 1;
                let word = u64::from_le_bytes(*chunk);
                let marks = marks(word, b'"') | marks(word, b'\\');
                if marks == 0 {
                    at += 8;
                    continue;
                }
                // The lowest mark is right; a borrow may have set wrong ones above it.
                usize::try_from(marks.trailing_zeros() / 8).unwrap_or_default()
            }
            _ => memchr::memchr2(b'"', b'\\', rest)?,
        };
        if bytes.get(at) == Some(&b'"') {
            return Some(at);
        }
        at += 2;
    }
}

/// The highest bit of each byte of `word` that equals `byte`. Above the lowest such byte, further bits may be set wrongly.
const fn marks(word: u64, byte: u8) -> u64 {
    let zeros = word ^ (ONES * byte as u64);
    zeros.wrapping_sub(ONES) & !zeros & HIGHS
}

/// Calls `visit` with each member of the object `raw`; does nothing where it is none.
pub fn members<'a>(raw: &'a [u8], mut visit: impl FnMut(&'a [u8], &'a [u8])) {
    let mut cursor = Cursor::new(raw);
    if cursor.object() {
        while let Some(key) = cursor.key() {
            visit(key, cursor.value());
        }
    }
}

/// Calls `visit` with each item of the array `raw`; does nothing where it is none.
pub fn items<'a>(raw: &'a [u8], mut visit: impl FnMut(&'a [u8])) {
    let mut cursor = Cursor::new(raw);
    if cursor.array() {
        while cursor.item() {
            visit(cursor.value());
        }
    }
}

/// The raw value of the last member `name` of the object `raw`.
pub fn member<'a>(raw: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let mut found = None;
    members(raw, |key, value| {
        if key == name.as_bytes() {
            found = Some(value);
        }
    });
    found
}

/// The raw value at a JSON pointer made of plain member names (`/a/b`).
pub fn pointer<'a>(raw: &'a [u8], path: &str) -> Option<&'a [u8]> {
    path.split('/').filter(|name| !name.is_empty()).try_fold(raw, member)
}

/// More levels than any reader takes.
const LEVELS_MAX: usize = 128;

/// Whether an object in `raw`, at any depth, has a name twice: readers disagree on which of the two counts. Names count
/// as what they are without escapes. So it is said of what has more than 128 levels, which is not looked at.
pub fn has_duplicate_names(raw: &[u8]) -> bool {
    let mut open: Vec<HashSet<Cow<'_, [u8]>>> = Vec::new();
    let mut at = 0;
    while let Some(byte) = raw.get(at) {
        match byte {
            b'{' | b'[' if open.len() >= LEVELS_MAX => return true,
            // An array has a set of its own, which stays empty.
            b'{' | b'[' => open.push(HashSet::new()),
            b'}' | b']' => drop(open.pop()),
            b'"' => {
                let Some(end) = string_end(raw, at.saturating_add(1)) else { return false };
                let after = raw.get(end.saturating_add(1)..).unwrap_or_default();
                let is_name = after.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b':');
                let string = raw.get(at..=end).unwrap_or_default();
                let name = text(string).map_or(Cow::Borrowed(string), |text| match text {
                    Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
                    Cow::Owned(text) => Cow::Owned(text.into_bytes()),
                });
                if is_name && open.last_mut().is_some_and(|names| !names.insert(name)) {
                    return true;
                }
                at = end;
            }
            _ => {}
        }
        at = at.saturating_add(1);
    }
    false
}

/// Whether `raw` is one whole JSON value in UTF-8, as every client's parser takes it.
pub fn is_valid(raw: &[u8]) -> bool {
    std::str::from_utf8(raw).is_ok_and(|text| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok())
}

/// Whether a raw value is there and not `null`.
pub fn is_set(raw: &[u8]) -> bool {
    !raw.is_empty() && raw != b"null"
}

/// The text of a raw string value.
pub fn text(raw: &[u8]) -> Option<Cow<'_, str>> {
    let inside = raw.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    if memchr::memchr(b'\\', inside).is_some() {
        return serde_json::from_slice::<String>(raw).ok().map(Cow::Owned);
    }
    std::str::from_utf8(inside).ok().map(Cow::Borrowed)
}

/// The owned text of a raw string value.
pub fn owned(raw: &[u8]) -> Option<String> {
    text(raw).map(Cow::into_owned)
}

/// A raw number without sign. A fraction of zeros is accepted, since some hosts write counts as `12.0`.
pub fn count(raw: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(raw).ok()?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if !fraction.bytes().all(|digit| digit == b'0') {
        return None;
    }
    whole.parse().ok()
}

/// A member that [`edit`] sets: replaced where it stands, else inserted as the last one.
pub struct Edit<'a> {
    /// The member's name, plain ASCII.
    pub name: &'a str,
    /// Its new raw value.
    pub value: &'a [u8],
}

/// The object `raw` with some members set; every other byte stays as it is.
pub fn edit(raw: &[u8], edits: &[Edit<'_>]) -> Vec<u8> {
    let grown: usize = edits.iter().map(|edit| edit.value.len() + edit.name.len() + 4).sum();
    let mut out = Vec::with_capacity(raw.len() + grown);
    let mut cursor = Cursor::new(raw);
    if !cursor.object() {
        return raw.to_vec();
    }
    let (mut copied, mut members) = (0, 0_usize);
    let mut done = vec![false; edits.len()];
    while let Some(key) = cursor.key() {
        let range = cursor.value_range();
        members += 1;
        let Some(index) = edits.iter().position(|edit| edit.name.as_bytes() == key) else {
            continue;
        };
        out.extend_from_slice(raw.get(copied..range.start).unwrap_or_default());
        out.extend_from_slice(edits.get(index).map_or(&[][..], |edit| edit.value));
        copied = range.end;
        if let Some(slot) = done.get_mut(index) {
            *slot = true;
        }
    }
    let end = cursor.position().saturating_sub(1).max(copied);
    out.extend_from_slice(raw.get(copied..end).unwrap_or_default());
    for (edit, _) in edits.iter().zip(&done).filter(|(_, done)| !**done) {
        if members > 0 {
            out.push(b',');
        }
        members += 1;
        push_member(&mut out, edit.name, edit.value);
    }
    out.extend_from_slice(raw.get(end..).unwrap_or_default());
    out
}

/// Appends `"name":value`.
pub fn push_member(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    push_text(out, name);
    out.push(b':');
    out.extend_from_slice(value);
}

/// Appends `text` as a JSON string.
pub fn push_text(out: &mut Vec<u8>, text: &str) {
    let plain = text.bytes().all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\');
    if plain {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    } else {
        // Writing a string into memory cannot fail.
        out.extend(serde_json::to_vec(text).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(serde_json::Value::from),
            any::<i32>().prop_map(serde_json::Value::from),
            "[\\PC\"\\\\{}\\[\\],:\n]{0,60}".prop_map(serde_json::Value::from),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(serde_json::Value::from),
                prop::collection::vec(("[a-z\"\\\\]{0,4}", inner), 0..5)
                    .prop_map(|members| { members.into_iter().collect::<serde_json::Map<_, _>>().into() }),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn the_scanner_finds_the_same_members_as_a_real_parser(value in json(), pretty: bool) {
            let text = if pretty { serde_json::to_vec_pretty(&value) } else { serde_json::to_vec(&value) }.unwrap();
            let mut found = Vec::new();
            members(&text, |key, raw| {
                let key: String = serde_json::from_slice(&[b"\"", key, b"\""].concat()).unwrap();
                found.push((key, serde_json::from_slice::<serde_json::Value>(raw).unwrap()));
            });
            let expected: Vec<_> = value.as_object().into_iter().flatten()
                .map(|(key, value)| (key.clone(), value.clone())).collect();
            prop_assert_eq!(found, expected);
        }

        #[test]
        fn the_scanner_survives_any_bytes(bytes in prop::collection::vec(prop_oneof![
            Just(b'{'), Just(b'}'), Just(b'['), Just(b']'), Just(b'"'), Just(b'\\'), Just(b','), Just(b':'), any::<u8>()
        ], 0..64)) {
            members(&bytes, |_, _| {});
            edit(&bytes, &[Edit { name: "a", value: b"1" }]);
            let mut cursor = Cursor::new(&bytes);
            if cursor.array() {
                while cursor.item() {
                    cursor.value();
                }
            }
        }

        #[test]
        fn an_edit_changes_its_member_alone(value in json()) {
            prop_assume!(value.is_object());
            let text = serde_json::to_vec(&value).unwrap();
            let out = edit(&text, &[Edit { name: "zz", value: b"[1]" }]);
            let mut expected = value;
            expected["zz"] = serde_json::json!([1]);
            prop_assert_eq!(serde_json::from_slice::<serde_json::Value>(&out).unwrap(), expected);
        }
    }

    #[test]
    fn a_name_that_an_object_has_twice_is_found_at_any_depth() {
        let check = |raw: &str, expect: bool| assert_eq!(has_duplicate_names(raw.as_bytes()), expect, "{raw}");
        check(r#"{"a": 1, "b": {"a": 2}, "c": [{"a": 1}, {"a": 2}]}"#, false);
        check(r#"{"a": "a", "b": "a:", "c": ["a", "a"]}"#, false);
        check(r#"{"a": 1, "a": 2}"#, true);
        check(r#"[{"b": {"a": 1, "x": [1], "a" : 2}}]"#, true);
        check(r#"{"type": 1, "\u0074ype": 2}"#, true);
        check(r#"{"a"#, false);
        check("", false);
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        check(&nested(128), false);
        check(&nested(129), true);
    }

    #[test]
    fn a_value_is_valid_as_a_whole_or_not_at_all() {
        let check = |raw: &[u8], expect: bool| assert_eq!(is_valid(raw), expect, "{}", String::from_utf8_lossy(raw));
        check(br#" {"a": [1, "\u00e9", null]} "#, true);
        check(b"3", true);
        for broken in [&b""[..], b"{", b"{\"a\": }", b"{\"a\": 1} x", b"{\"a\": \"\xff\"}", b"{'a': 1}", b"NaN"] {
            check(broken, false);
        }
        check("[".repeat(100_000).as_bytes(), false);
    }

    #[test]
    fn an_edit_keeps_every_other_byte() {
        let out = edit(br#" { "a" : 1.50, "usage" : null , "b":"\u0041" } "#, &[Edit { name: "usage", value: b"{}" }]);
        assert_eq!(out, br#" { "a" : 1.50, "usage" : {} , "b":"\u0041" } "#);
    }
}
