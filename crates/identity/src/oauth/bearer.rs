//! The secrets that OAuth hands out besides access tokens, which are user keys.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use opencredits_keys::{KeyDigest, Secret};
use sha2::{Digest as _, Sha256};

/// What a secret of OAuth is for; it fixes the prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BearerKind {
    /// An authorization code.
    Code,
    /// A refresh token.
    Refresh,
    /// A device code.
    Device,
}

impl BearerKind {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Code => "oc_code_",
            Self::Refresh => "oc_rt_",
            Self::Device => "oc_dc_",
        }
    }
}

/// A secret of 256 random bits. A store keeps its digest; `Debug` does not show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bearer(Secret<String>);

impl Bearer {
    /// A secret from random bytes, which must come from a cryptographic source.
    #[must_use]
    pub fn generate(kind: BearerKind, random: [u8; 32]) -> Self {
        Self(Secret::new(format!("{}{}", kind.prefix(), URL_SAFE_NO_PAD.encode(random))))
    }

    /// The digest of the secret in `text`; none where it is not one of this kind.
    #[must_use]
    pub fn digest_of(kind: BearerKind, text: &str) -> Option<KeyDigest> {
        let rest = text.strip_prefix(kind.prefix())?;
        // 32 bytes are 43 characters.
        let bytes = (rest.len() == 43).then(|| URL_SAFE_NO_PAD.decode(rest).ok()).flatten()?;
        (bytes.len() == 32).then(|| digest(text))
    }

    /// The digest, which is stored.
    #[must_use]
    pub fn digest(&self) -> KeyDigest {
        digest(self.0.reveal())
    }

    /// The text. Give it to its client, once.
    #[must_use]
    pub fn reveal(&self) -> &str {
        self.0.reveal()
    }
}

fn digest(text: &str) -> KeyDigest {
    KeyDigest::from_bytes(Sha256::digest(text.as_bytes()).into())
}
