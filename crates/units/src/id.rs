//! Identifiers: 128 bits, ordered by time, typed, with a prefix in text.

use crate::time::UnixMs;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::str::FromStr;

/// Crockford's base 32: no I, L, O, U, so that an id can be read aloud.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// Characters of 128 bits in base 32.
const TEXT_LEN: usize = 26;
/// Random bits below the 48 bits of time.
const RANDOM_BITS: u32 = 80;

/// The kind of thing that an [`Id`] identifies: it fixes the prefix in text.
pub trait IdKind {
    /// The text before the underscore.
    const PREFIX: &'static str;
}

/// A time-ordered 128-bit identifier of a `K`: 48 bits of Unix milliseconds, 80 random bits (the layout of a ULID).
///
/// ```
/// use opencredits_units::{AccountId, UnixMs};
/// let id = AccountId::at(UnixMs::new(1_700_000_000_000), [7; 10]);
/// assert_eq!(id.to_string().parse::<AccountId>(), Ok(id));
/// assert!(id.to_string().starts_with("acct_"));
/// ```
pub struct Id<K>(u128, PhantomData<fn() -> K>);

/// A text is no identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdError {
    /// The prefix belongs to another kind of thing, or is missing.
    #[error("not an id of this kind; it begins with {expected}_")]
    Prefix {
        /// The prefix that was expected.
        expected: &'static str,
    },
    /// The part after the prefix is not 26 characters of base 32.
    #[error("malformed id; after its prefix it has 26 letters and digits")]
    Malformed,
}

impl<K> Id<K> {
    /// The id with these bits.
    #[must_use]
    pub const fn from_bits(bits: u128) -> Self {
        Self(bits, PhantomData)
    }

    /// The id made at `now` with these random bytes.
    #[must_use]
    pub fn at(now: UnixMs, random: [u8; 10]) -> Self {
        let mut bits = u128::from(now.get());
        for byte in random {
            bits = bits.wrapping_shl(8) | u128::from(byte);
        }
        Self::from_bits(bits)
    }

    /// All 128 bits.
    #[must_use]
    pub const fn bits(self) -> u128 {
        self.0
    }

    /// When it was made.
    #[must_use]
    pub fn made_at(self) -> UnixMs {
        UnixMs::new(u64::try_from(self.0.wrapping_shr(RANDOM_BITS)).unwrap_or_default())
    }

    /// The same bits, naming another kind of thing (a request's id is also its entry's id).
    #[must_use]
    pub const fn cast<L>(self) -> Id<L> {
        Id::from_bits(self.0)
    }

    fn digits(self) -> [u8; TEXT_LEN] {
        let mut text = [b'0'; TEXT_LEN];
        let mut rest = self.0;
        for slot in text.iter_mut().rev() {
            let digit = usize::try_from(rest & 31).unwrap_or_default();
            *slot = ALPHABET.get(digit).copied().unwrap_or(b'0');
            rest = rest.wrapping_shr(5);
        }
        text
    }

    fn parse_digits(text: &str) -> Option<Self> {
        if text.len() != TEXT_LEN {
            return None;
        }
        let mut bits: u128 = 0;
        for byte in text.bytes() {
            let lower = byte.to_ascii_lowercase();
            let digit = ALPHABET.iter().position(|letter| *letter == lower)?;
            bits = bits.checked_mul(32)?.checked_add(u128::try_from(digit).ok()?)?;
        }
        Some(Self::from_bits(bits))
    }
}

/// The lowest id, with which an iteration in the order of ids begins.
impl<K> Default for Id<K> {
    fn default() -> Self {
        Self::from_bits(0)
    }
}

impl<K> Clone for Id<K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K> Copy for Id<K> {}

impl<K> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<K> Eq for Id<K> {}

impl<K> PartialOrd for Id<K> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<K> Ord for Id<K> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}

impl<K> Hash for Id<K> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl<K: IdKind> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.digits();
        f.write_str(K::PREFIX)?;
        f.write_str("_")?;
        f.write_str(std::str::from_utf8(&digits).map_err(|_| fmt::Error)?)
    }
}

impl<K: IdKind> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<K: IdKind> FromStr for Id<K> {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let rest = text
            .strip_prefix(K::PREFIX)
            .and_then(|rest| rest.strip_prefix('_'))
            .ok_or(IdError::Prefix { expected: K::PREFIX })?;
        Self::parse_digits(rest).ok_or(IdError::Malformed)
    }
}

impl<K: IdKind> Serialize for Id<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, K: IdKind> Deserialize<'de> for Id<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A ledger account.
pub enum Account {}
/// A ledger entry, and the hold or transfer that made it.
pub enum Entry {}
/// An AI request, as its client sees it.
pub enum Generation {}
/// A person.
pub enum User {}
/// An app that makes requests on people's keys.
pub enum Partner {}
/// A user key (its record, not its secret).
pub enum Key {}
/// A purchase of credits.
pub enum Order {}
/// Any request over HTTP.
pub enum Request {}

impl IdKind for Account {
    const PREFIX: &'static str = "acct";
}
impl IdKind for Entry {
    const PREFIX: &'static str = "entry";
}
impl IdKind for Generation {
    const PREFIX: &'static str = "gen";
}
impl IdKind for User {
    const PREFIX: &'static str = "user";
}
impl IdKind for Partner {
    const PREFIX: &'static str = "partner";
}
impl IdKind for Key {
    const PREFIX: &'static str = "key";
}
impl IdKind for Order {
    const PREFIX: &'static str = "order";
}
impl IdKind for Request {
    const PREFIX: &'static str = "req";
}

/// Identifies a ledger account.
pub type AccountId = Id<Account>;
/// Identifies a ledger entry; a hold's or transfer's idempotency key.
pub type EntryId = Id<Entry>;
/// Identifies one AI request; the same bits as its hold and its entry.
pub type GenerationId = Id<Generation>;
/// Identifies a person.
pub type UserId = Id<User>;
/// Identifies a partner.
pub type PartnerId = Id<Partner>;
/// Identifies a user key.
pub type KeyId = Id<Key>;
/// Identifies a purchase of credits.
pub type OrderId = Id<Order>;
/// Identifies a request over HTTP; one for inference has the bits of its generation.
pub type RequestId = Id<Request>;
