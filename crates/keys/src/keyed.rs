//! Keyed hashes: pseudonyms for a client's values that cannot be turned back or linked without the secret.

use crate::secret::Secret;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// A server secret under which values are hashed with HMAC-SHA256 (RFC 2104).
///
/// ```
/// use opencredits_keys::HashKey;
/// let key = HashKey::new([1; 32]);
/// assert_eq!(key.hash(&[b"account", b"value"]), key.hash(&[b"account", b"value"]));
/// assert_ne!(key.hash(&[b"ab", b"c"]), key.hash(&[b"a", b"bc"]));
/// ```
#[derive(Debug, Clone)]
pub struct HashKey(Secret<[u8; 32]>);

impl HashKey {
    /// Hashes under this secret.
    #[must_use]
    pub const fn new(secret: [u8; 32]) -> Self {
        Self(Secret::new(secret))
    }

    /// The hash of these parts, each prefixed with its length.
    #[must_use]
    pub fn hash(&self, parts: &[&[u8]]) -> [u8; 32] {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.0.reveal()) else {
            // HMAC accepts keys of any length.
            return [0; 32];
        };
        for part in parts {
            mac.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}
