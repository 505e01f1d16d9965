//! Which price book a price is from.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The version of a price book: the date of its facts, and our revision of them, such as `2026-07-02.1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BookVersion {
    year: u16,
    month: u8,
    day: u8,
    revision: u8,
}

impl BookVersion {
    /// That of a catalogue without a book.
    pub const NONE: Self = Self { year: 0, month: 0, day: 0, revision: 0 };

    /// Reads a version; `None` when it has another form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (date, revision) = text.split_once('.')?;
        let mut parts = date.splitn(3, '-');
        let version = Self {
            year: parts.next()?.parse().ok()?,
            month: parts.next()?.parse().ok()?,
            day: parts.next()?.parse().ok()?,
            revision: revision.parse().ok()?,
        };
        // One version has one spelling.
        (version.to_string() == text).then_some(version)
    }
}

impl fmt::Display for BookVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}.{}", self.year, self.month, self.day, self.revision)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_as_it_is_written_and_in_no_other_form() {
        for text in ["2026-07-02.1", "0000-00-00.0"] {
            assert_eq!(BookVersion::parse(text).map(|version| version.to_string()).as_deref(), Some(text));
        }
        for text in ["", "2026-07-02", "2026-7-2.1", "2026-07-02.1.2", "2026-07-02.256", "+026-07-02.1"] {
            assert_eq!(BookVersion::parse(text), None, "{text}");
        }
    }
}
