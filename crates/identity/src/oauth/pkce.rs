//! Proof keys for code exchange (RFC 7636), with S256 alone: `plain` protects nothing from who reads the request.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use opencredits_keys::Secret;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// Characters of a verifier (section 4.1).
const VERIFIER_CHARS_MIN: usize = 43;
const VERIFIER_CHARS_MAX: usize = 128;

/// A code challenge: SHA-256 of the verifier that will come with the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodeChallenge([u8; 32]);

impl CodeChallenge {
    /// The challenge in a parameter; none where it is not 32 bytes in base 64.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bounded = text.len() <= VERIFIER_CHARS_MIN;
        let bytes = bounded.then(|| URL_SAFE_NO_PAD.decode(text).ok()).flatten()?;
        bytes.try_into().ok().map(Self)
    }

    /// A challenge from its bytes, as read from a store.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes, for a store.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether a verifier is the one (section 4.6), in constant time.
    #[must_use]
    pub fn is_met_by(&self, verifier: &CodeVerifier) -> bool {
        let digest: [u8; 32] = Sha256::digest(verifier.0.reveal().as_bytes()).into();
        digest.ct_eq(&self.0).into()
    }
}

/// A code verifier: the secret of the client that asked for the code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeVerifier(Secret<String>);

impl CodeVerifier {
    /// The verifier in a parameter; none where it has another form than section 4.1 gives it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_char = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
        let bounded = (VERIFIER_CHARS_MIN..=VERIFIER_CHARS_MAX).contains(&text.len());
        (bounded && text.bytes().all(is_char)).then(|| Self(Secret::new(text.to_owned())))
    }
}
