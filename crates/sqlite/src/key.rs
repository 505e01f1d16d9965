//! The key of the files.

use crate::error::FileKeyError;
use std::fmt;
use std::fmt::Write as _;
use std::str::FromStr;

const DIGITS: usize = 64;

/// The key of a process's files: 256 random bits, which are used as they are.
#[derive(Clone, PartialEq, Eq)]
pub struct FileKey(String);

impl FileKey {
    /// The key as SQLCipher takes raw ones: a text that looks like a blob.
    pub(crate) fn literal(&self) -> String {
        let mut text = String::with_capacity(DIGITS.saturating_add(3));
        let _written = write!(text, "x'{}'", self.0);
        text
    }
}

impl FromStr for FileKey {
    type Err = FileKeyError;

    /// 64 hexadecimal digits, with white space around them.
    fn from_str(text: &str) -> Result<Self, FileKeyError> {
        let digits = text.trim();
        if digits.len() != DIGITS || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(FileKeyError::Malformed);
        }
        Ok(Self(digits.to_ascii_lowercase()))
    }
}

impl fmt::Debug for FileKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FileKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_64_hexadecimal_digits_and_is_not_shown() {
        let check = |text: &str, expect: bool| assert_eq!(text.parse::<FileKey>().is_ok(), expect, "{text}");
        check(&"0f".repeat(32), true);
        check(&format!(" {}\n", "0F".repeat(32)), true);
        check(&"0f".repeat(31), false);
        check(&"0g".repeat(32), false);
        check(&format!("{}'; --", "0".repeat(60)), false);
        check("", false);
        let key: FileKey = "ab".repeat(32).parse().unwrap();
        assert!(!format!("{key:?}").contains("ab"));
    }
}
