//! Keys as text: prefix, 160 random bits, checksum.

use crate::digest::KeyDigest;
use crate::kind::{AnyKind, InTest, KeyKind, Manages, Mode, Reports, SignsIn, Spends, TEST_MARK};
use sha2::{Digest, Sha256};
use std::fmt;
use std::marker::PhantomData;

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
    #[error("not a key of this kind and mode; it begins with {expected}")]
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

/// A secret key of a kind: only a text with the prefix of that kind becomes one.
///
/// ```compile_fail
/// # use opencredits_keys::{TestKey, UserKey};
/// fn spends(key: &UserKey) {}
/// spends(&TestKey::generate([1; 32]));
/// ```
pub struct SecretKey<K> {
    text: String,
    kind: PhantomData<fn() -> K>,
}

/// The secret that spends a person's balance: `oc_sk_…`.
pub type UserKey = SecretKey<Spends>;
/// The secret that manages a person's keys and reads their account, and spends nothing: `oc_mk_…`.
pub type ManagementKey = SecretKey<Manages>;
/// The secret with which a partner reads its own figures, and does nothing else: `oc_rk_…`.
pub type PartnerKey = SecretKey<Reports>;
/// The secret that spends play credits on the sandbox: `oc_sk_test_…`.
pub type TestKey = SecretKey<InTest<Spends>>;
/// The secret of a signed-in browser: `oc_ses_…`.
pub type SessionToken = SecretKey<SignsIn>;
/// A key that was just made, of one of the kinds and modes.
pub type IssuedKey = SecretKey<AnyKind>;

impl<K: KeyKind> SecretKey<K> {
    /// A key from random bytes, which must come from a cryptographic source.
    #[must_use]
    pub fn generate(random: [u8; 32]) -> Self {
        Self { text: compose(K::PREFIX, &random), kind: PhantomData }
    }

    /// Reads a key.
    ///
    /// # Errors
    /// When the text has another prefix, a wrong length or character, or a checksum that does not fit.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        check(K::PREFIX, text).map(|()| Self { text: text.to_owned(), kind: PhantomData })
    }

    /// The digest of the key in `text`, without keeping the text.
    ///
    /// # Errors
    /// As [`SecretKey::parse`].
    pub fn digest_of(text: &str) -> Result<KeyDigest, KeyError> {
        check(K::PREFIX, text).map(|()| KeyDigest::of(text))
    }

    pub(crate) fn into_any(self) -> IssuedKey {
        SecretKey { text: self.text, kind: PhantomData }
    }
}

impl<K> SecretKey<K> {
    /// The digest, which is stored.
    #[must_use]
    pub fn digest(&self) -> KeyDigest {
        KeyDigest::of(&self.text)
    }

    /// The text. Show it to its owner, once.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.text
    }

    /// The last characters, to recognise a key. They are part of the checksum and reveal nothing.
    #[must_use]
    pub fn hint(&self) -> &str {
        self.text.get(self.text.len().saturating_sub(HINT_CHARS)..).unwrap_or_default()
    }
}

impl<K> Clone for SecretKey<K> {
    fn clone(&self) -> Self {
        Self { text: self.text.clone(), kind: PhantomData }
    }
}

impl<K> PartialEq for SecretKey<K> {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl<K> Eq for SecretKey<K> {}

impl<K> fmt::Debug for SecretKey<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(…)")
    }
}

/// The public name of a partner in a browser: `oc_pk_…`, or `oc_pk_test_…` in test mode. Grants nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PublishableKey(String);

impl PublishableKey {
    /// The prefix of every publishable key.
    pub const PREFIX: &'static str = "oc_pk_";
    /// The prefix of those in test mode.
    pub const TEST_PREFIX: &'static str = "oc_pk_test_";

    /// A key from random bytes.
    #[must_use]
    pub fn generate(mode: Mode, random: [u8; 32]) -> Self {
        Self(compose(Self::prefix(mode), &random))
    }

    /// Reads a key of either mode.
    ///
    /// # Errors
    /// When the text has another prefix, a wrong length or character, or a checksum that does not fit.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        check(Self::prefix(Mode::of_key(text)), text).map(|()| Self(text.to_owned()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    const fn prefix(mode: Mode) -> &'static str {
        match mode {
            Mode::Live => Self::PREFIX,
            Mode::Test => Self::TEST_PREFIX,
        }
    }
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
    let rest = text.strip_prefix(prefix).filter(|rest| !rest.starts_with(TEST_MARK));
    let rest = rest.ok_or(KeyError::Prefix { expected: prefix })?;
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
