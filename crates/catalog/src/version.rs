//! Which price book a price is from.

use serde::de::{Error, SeqAccess, Visitor};
use serde::ser::SerializeTuple;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};
use std::fmt;

/// The bytes of a digest that name a book.
const CONTENT_BYTES: usize = 8;
/// Stands in place of the year where a version is that of a content. No book is so old.
const CONTENT_MARK: u16 = 1;

/// The version of a price book. A compiled-in one has the date of its facts and our revision of them, such as
/// `2026-07-02.1`. Any other has the beginning of the SHA-256 digest of its text, 16 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BookVersion(Form);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Form {
    Dated { year: u16, month: u8, day: u8, revision: u8 },
    Content([u8; CONTENT_BYTES]),
}

impl BookVersion {
    /// That of a catalogue without a book.
    pub const NONE: Self = Self(Form::Dated { year: 0, month: 0, day: 0, revision: 0 });

    /// The version of a book with this text.
    #[must_use]
    pub fn of_content(text: &str) -> Self {
        let digest = Sha256::digest(text.as_bytes());
        let mut content = [0; CONTENT_BYTES];
        content.iter_mut().zip(digest).for_each(|(byte, of_digest)| *byte = of_digest);
        Self(Form::Content(content))
    }

    /// Reads a version; `None` when it has another form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let version = Self(dated(text).or_else(|| content(text))?);
        // One version has one spelling.
        (version.to_string() == text).then_some(version)
    }
}

fn dated(text: &str) -> Option<Form> {
    let (date, revision) = text.split_once('.')?;
    let mut parts = date.splitn(3, '-');
    let year = parts.next()?.parse().ok().filter(|year| *year != CONTENT_MARK)?;
    let (month, day) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    Some(Form::Dated { year, month, day, revision: revision.parse().ok()? })
}

fn content(text: &str) -> Option<Form> {
    let digits = (text.len() == CONTENT_BYTES.saturating_mul(2)).then_some(text)?;
    Some(Form::Content(u64::from_str_radix(digits, 16).ok()?.to_be_bytes()))
}

impl fmt::Display for BookVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Form::Dated { year, month, day, revision } => write!(f, "{year:04}-{month:02}-{day:02}.{revision}"),
            Form::Content(bytes) => bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
        }
    }
}

/// Usage records keep a version as the four numbers of a date, or as the mark and the bytes of a content.
impl Serialize for BookVersion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Form::Dated { year, month, day, revision } => (year, month, day, revision).serialize(serializer),
            Form::Content(bytes) => {
                let mut tuple = serializer.serialize_tuple(2)?;
                tuple.serialize_element(&CONTENT_MARK)?;
                tuple.serialize_element(&bytes)?;
                tuple.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for BookVersion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_tuple(4, Parts)
    }
}

struct Parts;

impl<'de> Visitor<'de> for Parts {
    type Value = BookVersion;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the version of a price book")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<BookVersion, A::Error> {
        let cut = || A::Error::custom("the version of a price book is cut");
        let year = parts.next_element()?.ok_or_else(cut)?;
        if year == CONTENT_MARK {
            return Ok(BookVersion(Form::Content(parts.next_element()?.ok_or_else(cut)?)));
        }
        let mut number = || parts.next_element()?.ok_or_else(cut);
        Ok(BookVersion(Form::Dated { year, month: number()?, day: number()?, revision: number()? }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_as_it_is_written_and_in_no_other_form() {
        for text in ["2026-07-02.1", "0000-00-00.0", "0123456789abcdef"] {
            assert_eq!(BookVersion::parse(text).map(|version| version.to_string()).as_deref(), Some(text));
        }
        for text in [
            "",
            "2026-07-02",
            "2026-7-2.1",
            "2026-07-02.1.2",
            "2026-07-02.256",
            "+026-07-02.1",
            "0001-01-01.1",
            "0123456789ABCDEF",
            "0123456789abcde",
            "+123456789abcdef",
        ] {
            assert_eq!(BookVersion::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_version_of_a_content_is_the_beginning_of_its_digest() {
        // printf abc | sha256sum
        assert_eq!(BookVersion::of_content("abc").to_string(), "ba7816bf8f01cfea");
        assert_ne!(BookVersion::of_content("abc"), BookVersion::of_content("abc\n"));
    }
}
