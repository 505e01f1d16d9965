//! Keys as text: prefix, 160 random bits, checksum.

use crate::digest::KeyDigest;
use sha2::{Digest, Sha256};
use std::fmt;

/// Crockford's base 32 in lower case: no letter is mistaken for a digit.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// Random characters: 32 × 5 bits.
const RANDOM_CHARS: usize = 32;
/// Checksum characters: a typing mistake passes once in 2^30.
const CHECK_CHARS: usize = 6;
/// The characters of a key that are shown to recognise it.
const HINT_CHARS: usize = 4;

/// A text is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The prefix is missing, or belongs to another kind of key.
    #[error("not a key of this kind; it begins with {expected}")]
    Prefix {
        /// The prefix that was expected.
        expected: &'static str,
    },
    /// The length or a character is wrong.
    #[error("malformed key; copy it again in full")]
    Malformed,
    /// The checksum does not fit.
    #[error("the key's checksum does not fit; look for a typing mistake or copy it again")]
    Checksum,
}

/// The secret that spends a person's balance: `oc_sk_…`.
#[derive(Clone, PartialEq, Eq)]
pub struct UserKey(String);

impl UserKey {
    /// The prefix of every user key.
    pub const PREFIX: &'static str = "oc_sk_";

    /// A key from random bytes, which must come from a cryptographic source.
    #[must_use]
    pub fn generate(random: [u8; 32]) -> Self {
        Self(compose(Self::PREFIX, &random))
    }

    /// Reads a key.
    ///
    /// # Errors
    /// When the text has another prefix, a wrong length or character, or a checksum that does not fit.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        check(Self::PREFIX, text).map(|()| Self(text.to_owned()))
    }

    /// The digest of the key in `text`, without keeping the text.
    ///
    /// # Errors
    /// As [`UserKey::parse`].
    pub fn digest_of(text: &str) -> Result<KeyDigest, KeyError> {
        check(Self::PREFIX, text).map(|()| KeyDigest::of(text))
    }

    /// The digest, which is stored.
    #[must_use]
    pub fn digest(&self) -> KeyDigest {
        KeyDigest::of(&self.0)
    }

    /// The text. Show it to its owner, once.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The last characters, to recognise a key. They are part of the checksum and reveal nothing.
    #[must_use]
    pub fn hint(&self) -> &str {
        hint(&self.0)
    }
}

impl fmt::Debug for UserKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserKey(…)")
    }
}

/// The secret that manages a person's keys and reads their account, and spends nothing: `oc_mk_…`.
#[derive(Clone, PartialEq, Eq)]
pub struct ManagementKey(String);

impl ManagementKey {
    /// The prefix of every management key.
    pub const PREFIX: &'static str = "oc_mk_";

    /// A key from random bytes, which must come from a cryptographic source.
    #[must_use]
    pub fn generate(random: [u8; 32]) -> Self {
        Self(compose(Self::PREFIX, &random))
    }

    /// The digest of the key in `text`, without keeping the text.
    ///
    /// # Errors
    /// When the text has another prefix, a wrong length or character, or a checksum that does not fit.
    pub fn digest_of(text: &str) -> Result<KeyDigest, KeyError> {
        check(Self::PREFIX, text).map(|()| KeyDigest::of(text))
    }

    /// The digest, which is stored.
    #[must_use]
    pub fn digest(&self) -> KeyDigest {
        KeyDigest::of(&self.0)
    }

    /// The text. Show it to its owner, once.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The last characters, to recognise a key. They are part of the checksum and reveal nothing.
    #[must_use]
    pub fn hint(&self) -> &str {
        hint(&self.0)
    }
}

impl fmt::Debug for ManagementKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ManagementKey(…)")
    }
}

/// The secret with which a partner reads its own figures, and does nothing else: `oc_rk_…`.
#[derive(Clone, PartialEq, Eq)]
pub struct PartnerKey(String);

impl PartnerKey {
    /// The prefix of every secret key of a partner.
    pub const PREFIX: &'static str = "oc_rk_";

    /// A key from random bytes, which must come from a cryptographic source.
    #[must_use]
    pub fn generate(random: [u8; 32]) -> Self {
        Self(compose(Self::PREFIX, &random))
    }

    /// The digest of the key in `text`, without keeping the text.
    ///
    /// # Errors
    /// When the text has another prefix, a wrong length or character, or a checksum that does not fit.
    pub fn digest_of(text: &str) -> Result<KeyDigest, KeyError> {
        check(Self::PREFIX, text).map(|()| KeyDigest::of(text))
    }

    /// The digest, which is stored.
    #[must_use]
    pub fn digest(&self) -> KeyDigest {
        KeyDigest::of(&self.0)
    }

    /// The text. Show it to its owner, once.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The last characters, to recognise a key. They are part of the checksum and reveal nothing.
    #[must_use]
    pub fn hint(&self) -> &str {
        hint(&self.0)
    }
}

impl fmt::Debug for PartnerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PartnerKey(…)")
    }
}

/// The secret of a signed-in browser: `oc_ses_…`.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionToken(String);

impl SessionToken {
    /// The prefix of every session token.
    pub const PREFIX: &'static str = "oc_ses_";

    /// A token from random bytes, which must come from a cryptographic source.
    #[must_use]
    pub fn generate(random: [u8; 32]) -> Self {
        Self(compose(Self::PREFIX, &random))
    }

    /// The digest of the token in `text`, without keeping the text.
    ///
    /// # Errors
    /// As [`UserKey::parse`].
    pub fn digest_of(text: &str) -> Result<KeyDigest, KeyError> {
        check(Self::PREFIX, text).map(|()| KeyDigest::of(text))
    }

    /// The digest, which is stored.
    #[must_use]
    pub fn digest(&self) -> KeyDigest {
        KeyDigest::of(&self.0)
    }

    /// The text. Give it to its browser, once.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionToken(…)")
    }
}

/// The public name of a partner in a browser: `oc_pk_…`. Grants nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PublishableKey(String);

impl PublishableKey {
    /// The prefix of every publishable key.
    pub const PREFIX: &'static str = "oc_pk_";

    /// A key from random bytes.
    #[must_use]
    pub fn generate(random: [u8; 32]) -> Self {
        Self(compose(Self::PREFIX, &random))
    }

    /// Reads a key.
    ///
    /// # Errors
    /// When the text has another prefix, a wrong length or character, or a checksum that does not fit.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        check(Self::PREFIX, text).map(|()| Self(text.to_owned()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn hint(text: &str) -> &str {
    text.get(text.len().saturating_sub(HINT_CHARS)..).unwrap_or_default()
}

fn compose(prefix: &str, random: &[u8; 32]) -> String {
    let mut text = String::with_capacity(prefix.len() + RANDOM_CHARS + CHECK_CHARS);
    text.push_str(prefix);
    text.extend(random.iter().map(|byte| letter(*byte)));
    text.extend(checksum(&text));
    text
}

/// Each random byte gives five bits: 32 divides 256, so that all letters are equally likely.
fn letter(byte: u8) -> char {
    char::from(ALPHABET[usize::from(byte & 31)])
}

/// Whether the alphabet has it.
const fn is_letter(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'h' | b'j' | b'k' | b'm' | b'n' | b'p'..=b't' | b'v'..=b'z')
}

fn checksum(text: &str) -> [char; CHECK_CHARS] {
    let digest = Sha256::digest(text.as_bytes());
    std::array::from_fn(|at| letter(digest[at]))
}

fn check(prefix: &'static str, text: &str) -> Result<(), KeyError> {
    let rest = text.strip_prefix(prefix).ok_or(KeyError::Prefix { expected: prefix })?;
    if rest.len() != RANDOM_CHARS + CHECK_CHARS || !rest.bytes().all(is_letter) {
        return Err(KeyError::Malformed);
    }
    let (body, sum) = text.split_at(text.len() - CHECK_CHARS);
    if checksum(body).into_iter().eq(sum.chars()) { Ok(()) } else { Err(KeyError::Checksum) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_letters_of_keys_are_those_of_the_alphabet() {
        assert!((0..=u8::MAX).all(|byte| is_letter(byte) == ALPHABET.contains(&byte)));
    }
}
