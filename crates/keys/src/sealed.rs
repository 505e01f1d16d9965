//! Encryption of single values at rest, and the keyed hashes by which they are found.
//!
//! A value is sealed with XChaCha20-Poly1305: its nonce has 192 bits, so that a random one may be drawn for each value. The
//! place of the value (table, column, row) is authenticated with it: a value that is copied to another row does not
//! open there.

use crate::keyed::HashKey;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use std::fmt;

/// The most keys that are in use at once.
pub const DATA_KEYS_MAX: usize = 8;
/// The bytes of a nonce.
pub const NONCE_BYTES: usize = 24;
/// The bytes of a key.
const KEY_BYTES: usize = 32;
/// The bytes of a key's id.
const ID_BYTES: usize = 8;

/// Names a key without telling it: a hash of it, cut to 64 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DataKeyId([u8; ID_BYTES]);

impl DataKeyId {
    /// The id in front of a sealed value; `None` where it is too short.
    #[must_use]
    pub fn of_sealed(sealed: &[u8]) -> Option<Self> {
        sealed.first_chunk().copied().map(Self)
    }

    /// Its bytes.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; ID_BYTES] {
        &self.0
    }
}

impl fmt::Display for DataKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Where a sealed value is stored. It opens nowhere else.
#[derive(Debug, Clone, Copy)]
pub struct SealedPlace<'a> {
    /// The table.
    pub table: &'a str,
    /// The column.
    pub column: &'a str,
    /// The row's primary key.
    pub row: &'a [u8],
}

impl SealedPlace<'_> {
    /// The parts, each prefixed with its length.
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for part in [self.table.as_bytes(), self.column.as_bytes(), self.row] {
            bytes.extend(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            bytes.extend(part);
        }
        bytes
    }
}

/// A text holds no keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DataKeysError {
    /// There is no key in it.
    #[error("there is no key in it; write 64 hexadecimal digits, such as `openssl rand -hex 32` prints")]
    Empty,
    /// A key is malformed.
    #[error("key {number} of it has not 64 hexadecimal digits; make one with `openssl rand -hex 32`")]
    Malformed {
        /// Which key, from 1.
        number: usize,
    },
    /// There are too many keys.
    #[error("it has more than {DATA_KEYS_MAX} keys; remove those that encrypt nothing any more")]
    TooMany,
    /// A key occurs twice.
    #[error("key {number} of it is there twice; remove one of them")]
    Twice {
        /// Which key, from 1.
        number: usize,
    },
}

/// A sealed value does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// It was sealed with a key that is not here.
    #[error("it was encrypted with the key {0}, which is not set")]
    UnknownKey(DataKeyId),
    /// It was changed, or belongs to another place.
    #[error("it was changed, or belongs to another row")]
    Changed,
}

#[derive(Clone)]
struct DataKey {
    id: DataKeyId,
    cipher: XChaCha20Poly1305,
    index: HashKey,
}

impl DataKey {
    /// Encryption and hashes have keys of their own, which are derived from the one that the operator keeps.
    fn new(secret: [u8; KEY_BYTES]) -> Self {
        let derived = HashKey::new(secret);
        let [a, b, c, d, e, f, g, h, ..] = derived.hash(&[b"opencredits data key", b"id"]);
        let encryption = derived.hash(&[b"opencredits data key", b"encryption"]);
        Self {
            id: DataKeyId([a, b, c, d, e, f, g, h]),
            cipher: XChaCha20Poly1305::new(&Key::from(encryption)),
            index: HashKey::new(derived.hash(&[b"opencredits data key", b"index"])),
        }
    }
}

/// The keys of values at rest: the newest seals, and each opens what it has sealed.
///
/// ```
/// use opencredits_keys::{DataKeys, SealedPlace};
/// let keys: DataKeys = "11".repeat(32).parse().unwrap();
/// let place = SealedPlace { table: "people", column: "address", row: b"7" };
/// let sealed = keys.seal(b"ada@example.org", place, [5; 24]);
/// assert_eq!(keys.open(&sealed, place).unwrap(), b"ada@example.org");
/// assert!(keys.open(&sealed, SealedPlace { row: b"8", ..place }).is_err());
/// ```
#[derive(Clone)]
pub struct DataKeys {
    newest: DataKey,
    older: Vec<DataKey>,
}

impl DataKeys {
    /// One key.
    #[must_use]
    pub fn one(secret: [u8; KEY_BYTES]) -> Self {
        Self { newest: DataKey::new(secret), older: Vec::new() }
    }

    /// The key that seals.
    #[must_use]
    pub const fn newest(&self) -> DataKeyId {
        self.newest.id
    }

    /// All keys, the newest first.
    pub fn ids(&self) -> impl Iterator<Item = DataKeyId> {
        self.all().map(|key| key.id)
    }

    fn all(&self) -> impl Iterator<Item = &DataKey> {
        std::iter::once(&self.newest).chain(&self.older)
    }

    /// Encrypts a value for its place: the key's id, the nonce, the encrypted value with its tag. No nonce may be used
    /// twice, so it is random.
    #[must_use]
    pub fn seal(&self, value: &[u8], place: SealedPlace<'_>, nonce: [u8; NONCE_BYTES]) -> Vec<u8> {
        let payload = Payload { msg: value, aad: &place.bytes() };
        // It fails for values of 256 GiB.
        let encrypted = self.newest.cipher.encrypt(&XNonce::from(nonce), payload).unwrap_or_default();
        [&self.newest.id.0[..], &nonce, &encrypted].concat()
    }

    /// Decrypts what was sealed for this place.
    ///
    /// # Errors
    /// When its key is not here, or a bit of it was changed, or it belongs to another place.
    pub fn open(&self, sealed: &[u8], place: SealedPlace<'_>) -> Result<Vec<u8>, OpenError> {
        let (id, rest) = sealed.split_first_chunk().ok_or(OpenError::Changed)?;
        let (nonce, encrypted) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(OpenError::Changed)?;
        let id = DataKeyId(*id);
        let key = self.all().find(|key| key.id == id).ok_or(OpenError::UnknownKey(id))?;
        let payload = Payload { msg: encrypted, aad: &place.bytes() };
        key.cipher.decrypt(&XNonce::from(*nonce), payload).map_err(|_| OpenError::Changed)
    }

    /// The keyed hash by which a value is found that the newest key sealed.
    #[must_use]
    pub fn index(&self, value: &[u8]) -> [u8; 32] {
        self.newest.index.hash(&[value])
    }

    /// The same for each key, the newest first.
    #[must_use]
    pub fn indexes(&self, value: &[u8]) -> Vec<[u8; 32]> {
        self.all().map(|key| key.index.hash(&[value])).collect()
    }
}

impl fmt::Debug for DataKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.ids().map(|id| id.to_string())).finish()
    }
}

impl std::str::FromStr for DataKeys {
    type Err = DataKeysError;

    /// Keys as hexadecimal digits, the newest first, with spaces or line ends between them. Lines that begin with `#` are
    /// comments.
    fn from_str(text: &str) -> Result<Self, DataKeysError> {
        let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
        let mut keys: Vec<DataKey> = Vec::new();
        for (index, word) in lines.flat_map(str::split_whitespace).enumerate() {
            let number = index.saturating_add(1);
            let key = DataKey::new(hex(word).ok_or(DataKeysError::Malformed { number })?);
            if keys.len() >= DATA_KEYS_MAX {
                return Err(DataKeysError::TooMany);
            }
            if keys.iter().any(|other| other.id == key.id) {
                return Err(DataKeysError::Twice { number });
            }
            keys.push(key);
        }
        let mut keys = keys.into_iter();
        let newest = keys.next().ok_or(DataKeysError::Empty)?;
        Ok(Self { newest, older: keys.collect() })
    }
}

fn hex(word: &str) -> Option<[u8; KEY_BYTES]> {
    let mut bytes = [0; KEY_BYTES];
    let (pairs, rest) = word.as_bytes().as_chunks::<2>();
    if pairs.len() != KEY_BYTES || !rest.is_empty() {
        return None;
    }
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
        *byte = digit(*high)?.checked_mul(16)?.checked_add(digit(*low)?)?;
    }
    Some(bytes)
}
