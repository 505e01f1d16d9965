//! How people's addresses are kept: encrypted, and found by a keyed hash.

#[cfg(any(feature = "sqlite", feature = "postgres"))]
use crate::traits::StoreError;
use opencredits_keys::{DataKeyId, DataKeys, NONCE_BYTES, OpenError, SealedPlace};
use opencredits_units::UserId;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
use std::collections::BTreeMap;
use std::fmt;

/// Fills a nonce with random bytes.
type FillNonce = Box<dyn Fn(&mut [u8; NONCE_BYTES]) + Send + Sync>;

/// Encrypts addresses, and finds them by a keyed hash.
pub struct Sealing {
    keys: DataKeys,
    fill_nonce: FillNonce,
}

/// A sealed address, and the hash by which it is found.
pub(crate) struct SealedAddress {
    pub(crate) sealed: Vec<u8>,
    pub(crate) hash: [u8; 32],
}

impl Sealing {
    /// Seals with these keys. `fill_nonce` fills in random bytes.
    pub fn new(keys: DataKeys, fill_nonce: impl Fn(&mut [u8; NONCE_BYTES]) + Send + Sync + 'static) -> Self {
        Self { keys, fill_nonce: Box::new(fill_nonce) }
    }

    /// The keys.
    #[must_use]
    pub const fn keys(&self) -> &DataKeys {
        &self.keys
    }

    pub(crate) fn seal(&self, user: UserId, address: &str) -> SealedAddress {
        let mut nonce = [0; NONCE_BYTES];
        (self.fill_nonce)(&mut nonce);
        let row = user.bits().to_be_bytes();
        let sealed = self.keys.seal(address.as_bytes(), place(&row), nonce);
        SealedAddress { sealed, hash: self.keys.index(normal(address).as_bytes()) }
    }

    pub(crate) fn open(&self, user: UserId, sealed: &[u8]) -> Result<String, OpenError> {
        let row = user.bits().to_be_bytes();
        let address = self.keys.open(sealed, place(&row))?;
        String::from_utf8(address).map_err(|_| OpenError::Changed)
    }

    /// The hash of an address under each key.
    pub(crate) fn hashes(&self, address: &str) -> Vec<[u8; 32]> {
        self.keys.indexes(normal(address).as_bytes())
    }
}

impl fmt::Debug for Sealing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealing").field("keys", &self.keys).finish_non_exhaustive()
    }
}

const fn place(row: &[u8; 16]) -> SealedPlace<'_> {
    SealedPlace { table: "user_emails", column: "sealed", row }
}

/// Case is no difference between addresses.
fn normal(address: &str) -> String {
    address.trim().to_ascii_lowercase()
}

/// How a store keeps addresses.
#[derive(Debug)]
pub enum AddressKeeping {
    /// Encrypted.
    Sealed(Sealing),
    /// As they are: for tests, and for tools that keep none.
    Plain,
    /// Not at all, since no key is set: an address is refused. Those of before are read.
    Refused,
}

/// An address as it is stored: as it is, or sealed with the hash by which it is found.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(crate) struct StoredAddress {
    pub(crate) address: String,
    pub(crate) sealed: Option<Vec<u8>>,
    pub(crate) hash: Option<[u8; 32]>,
}

#[cfg(any(feature = "sqlite", feature = "postgres"))]
impl StoredAddress {
    /// The address in readable form.
    pub(crate) fn open(self, user: UserId, keeping: &AddressKeeping) -> Result<String, StoreError> {
        match (self.sealed, keeping) {
            (None, _) => Ok(self.address),
            (Some(sealed), AddressKeeping::Sealed(sealing)) => Ok(sealing.open(user, &sealed)?),
            (Some(_), AddressKeeping::Plain | AddressKeeping::Refused) => Err(StoreError::NoAddressKey),
        }
    }
}

#[cfg(any(feature = "sqlite", feature = "postgres"))]
impl AddressKeeping {
    /// The address as it is to be stored.
    pub(crate) fn keep(&self, user: UserId, address: &str) -> Result<StoredAddress, StoreError> {
        match self {
            Self::Plain => Ok(StoredAddress { address: address.to_owned(), sealed: None, hash: None }),
            Self::Sealed(sealing) => {
                let SealedAddress { sealed, hash } = sealing.seal(user, address);
                Ok(StoredAddress { address: String::new(), sealed: Some(sealed), hash: Some(hash) })
            }
            Self::Refused => Err(StoreError::NoAddressKey),
        }
    }

    /// The hashes by which an address is found, where addresses are sealed.
    pub(crate) fn hashes(&self, address: &str) -> Vec<[u8; 32]> {
        match self {
            Self::Sealed(sealing) => sealing.hashes(address),
            Self::Plain | Self::Refused => Vec::new(),
        }
    }
}

/// The addresses that one key has encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyUse {
    /// The key.
    pub key: DataKeyId,
    /// The number of addresses.
    pub addresses: u64,
}

/// How the addresses of a store are encrypted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AddressKeyUse {
    /// Addresses that are not encrypted.
    pub plain: u64,
    /// The encrypted ones, by key.
    pub keys: Vec<KeyUse>,
}

#[cfg(any(feature = "sqlite", feature = "postgres"))]
impl AddressKeyUse {
    /// Of the first bytes of sealed addresses, with their number; none where such bytes name no key.
    pub(crate) fn of(plain: u64, sealed: Vec<(Vec<u8>, u64)>) -> Option<Self> {
        let mut keys = BTreeMap::new();
        for (bytes, addresses) in sealed {
            keys.insert(DataKeyId::of_sealed(&bytes)?, addresses);
        }
        Some(Self { plain, keys: keys.into_iter().map(|(key, addresses)| KeyUse { key, addresses }).collect() })
    }
}

/// One step of a rotation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Resealed {
    /// Addresses that were encrypted with the newest key in this step.
    pub changed: u64,
    /// Whether some of them were not encrypted before.
    pub was_plain: bool,
}
