//! Texts that stand in a mail and come from outside.

use crate::error::MailError;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The longest label, in characters; the rest is cut off.
const LABEL_CHARS_MAX: usize = 80;
/// The longest reference, in bytes.
const REFERENCE_BYTES_MAX: usize = 64;

/// Whether a text has a character that begins a line, ends a header or turns the direction of writing.
pub(crate) fn has_control(text: &str) -> bool {
    text.chars().any(is_control)
}

fn is_control(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A name that a person has given to something, such as a key: one line, at most 80 characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String")]
pub struct Label(String);

impl Label {
    /// The label as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for Label {
    /// Control characters become spaces, and what is too long is cut.
    fn from(text: String) -> Self {
        let safe = text.chars().map(|c| if is_control(c) { ' ' } else { c });
        Self(safe.take(LABEL_CHARS_MAX).collect::<String>().trim().to_owned())
    }
}

impl From<&str> for Label {
    fn from(text: &str) -> Self {
        Self::from(text.to_owned())
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The public number of an order, a payment or a refund, for people to quote: letters, digits, `_` and `-`.
///
/// It is no place for a link or a token: neither `/` nor `:` nor `.` may stand in it, and it has at most 64 bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Reference(String);

impl Reference {
    /// The reference as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Reference {
    type Err = MailError;

    fn from_str(text: &str) -> Result<Self, MailError> {
        let known = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
        if text.is_empty() || text.len() > REFERENCE_BYTES_MAX || !known {
            let problem = "is no number of an order; use at most 64 letters, digits, _ and -";
            return Err(MailError::Invalid { field: "the reference", problem });
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for Reference {
    type Error = MailError;

    fn try_from(text: String) -> Result<Self, MailError> {
        text.parse()
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_one_line() {
        let check = |text: &str, expect: &str| assert_eq!(Label::from(text).as_str(), expect, "{text:?}");
        check("laptop", "laptop");
        check(" a\r\nBcc: b ", "a  Bcc: b");
        check("a\u{202e}b\u{2028}c", "a b c");
        check(&"é".repeat(100), &"é".repeat(80));
    }

    #[test]
    fn a_reference_is_no_link_and_no_token() {
        let check = |text: &str, fine: bool| assert_eq!(text.parse::<Reference>().is_ok(), fine, "{text}");
        check("order_01hzy-7", true);
        for refused in ["", "https://pay.example/x", "a.b.c", "a b", "a\n", "a:b", &"a".repeat(65)] {
            check(refused, false);
        }
        assert!(serde_json::from_str::<Reference>("\"a/b\"").is_err(), "not even from a row");
    }
}
