//! Makes and reads keys whose mode is known when they are made or read.

use crate::digest::KeyDigest;
use crate::key::{KeyError, SecretKey};
use crate::kind::{AnyKind, LiveKind, Mode};

impl Mode {
    /// A key of this mode from random bytes, which must come from a cryptographic source.
    #[must_use]
    pub fn generate<K: LiveKind>(self, random: [u8; 32]) -> SecretKey<AnyKind> {
        match self {
            Self::Live => SecretKey::<K>::generate(random).into_any(),
            Self::Test => SecretKey::<K::InTest>::generate(random).into_any(),
        }
    }

    /// The digest of the key in `text`, which is of this mode.
    ///
    /// # Errors
    /// When the text is no key of this kind and mode.
    pub fn digest_of<K: LiveKind>(self, text: &str) -> Result<KeyDigest, KeyError> {
        match self {
            Self::Live => SecretKey::<K>::digest_of(text),
            Self::Test => SecretKey::<K::InTest>::digest_of(text),
        }
    }
}
