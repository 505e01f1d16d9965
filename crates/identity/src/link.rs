//! Signed links for mails.
//!
//! A link is opened by scanners of mail providers before a person sees it. So opening one shows a page with a button, and
//! only the button spends it.

use crate::error::{IdentityError, LinkProblem, link};
use crate::purpose::Purpose;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use opencredits_keys::{HashKey, KeyDigest, Secret};
use opencredits_units::UnixMs;

/// How long a link can be used.
pub const LINK_LIFETIME_MS: u64 = 86_400_000;
/// How long a link that ends mails of a kind can be used: 180 days, since people open old mails.
pub const UNSUBSCRIBE_LIFETIME_MS: u64 = 180 * 86_400_000;
/// Keys that hold at once.
pub const LINK_KEYS_MAX: usize = 4;
/// The longest subject, in bytes.
pub const LINK_SUBJECT_BYTES_MAX: usize = 64;

const VERSION: u8 = 1;
const LABEL: &[u8] = b"opencredits link v1";
const NONCE_BYTES: usize = 16;
const MAC_BYTES: usize = 32;
/// Version, two lengths, the longest name of a purpose, subject, nonce, expiry and signature, in base 64.
const TOKEN_CHARS_MAX: usize = 256;

/// The keys that links are signed with. The newest signs; all verify, until they are dropped a day after their successor.
#[derive(Debug, Clone)]
pub struct LinkKeys(Vec<HashKey>);

impl LinkKeys {
    /// The keys, newest first.
    ///
    /// # Errors
    /// [`IdentityError::Malformed`] where there is none, or more than [`LINK_KEYS_MAX`].
    pub fn new(newest_first: Vec<HashKey>) -> Result<Self, IdentityError> {
        if newest_first.is_empty() || newest_first.len() > LINK_KEYS_MAX {
            return Err(IdentityError::Malformed { field: "link keys", rule: "be one to four" });
        }
        Ok(Self(newest_first))
    }
}

/// What a link says. The subject is readable in the link: an opaque id, never an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    purpose: Purpose,
    subject: Vec<u8>,
    nonce: [u8; NONCE_BYTES],
    expires_at: UnixMs,
}

impl Link {
    /// A link for `subject`, which can be used for a day, and for 180 days to unsubscribe. The nonce is random; a link that
    /// may be used again can have any.
    ///
    /// # Errors
    /// [`IdentityError::Malformed`] for a subject that is empty or longer than [`LINK_SUBJECT_BYTES_MAX`].
    pub fn new(purpose: Purpose, subject: &[u8], nonce: [u8; 16], now: UnixMs) -> Result<Self, IdentityError> {
        if subject.is_empty() || subject.len() > LINK_SUBJECT_BYTES_MAX {
            return Err(IdentityError::Malformed { field: "link subject", rule: "have 1 to 64 bytes" });
        }
        let lifetime_ms = match purpose {
            Purpose::Unsubscribe => UNSUBSCRIBE_LIFETIME_MS,
            _ => LINK_LIFETIME_MS,
        };
        let expires_at = now.saturating_add_ms(lifetime_ms);
        Ok(Self { purpose, subject: subject.to_vec(), nonce, expires_at })
    }

    /// What it permits.
    #[must_use]
    pub const fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// Whom it concerns.
    #[must_use]
    pub fn subject(&self) -> &[u8] {
        &self.subject
    }

    /// What makes it single use: store it when the link is spent, and refuse a link whose nonce is there already.
    #[must_use]
    pub const fn nonce(&self) -> &[u8; 16] {
        &self.nonce
    }

    /// From then on it is refused, and its nonce may be forgotten.
    #[must_use]
    pub const fn expires_at(&self) -> UnixMs {
        self.expires_at
    }

    /// The link as text for a URL, signed with the newest key. It is a secret: whoever has it can use it.
    ///
    /// # Errors
    /// [`IdentityError::Malformed`] only where a subject is longer than [`Link::new`] lets it be.
    pub fn sign(&self, keys: &LinkKeys) -> Result<Secret<String>, IdentityError> {
        let too_long = IdentityError::Malformed { field: "link subject", rule: "have 1 to 64 bytes" };
        let key = keys.0.first().ok_or(IdentityError::Malformed { field: "link keys", rule: "be one to four" })?;
        let mut bytes = vec![VERSION];
        for part in [self.purpose.name().as_bytes(), &self.subject] {
            bytes.push(u8::try_from(part.len()).map_err(|_| too_long)?);
            bytes.extend_from_slice(part);
        }
        bytes.extend_from_slice(&self.nonce);
        bytes.extend_from_slice(&self.expires_at.get().to_be_bytes());
        bytes.extend_from_slice(&self.mac(key));
        Ok(Secret::new(URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// Reads a link that was signed for `purpose`. Whether it was spent before is for the caller to know, by its nonce.
    ///
    /// # Errors
    /// [`IdentityError::Link`], whose text is the same for every reason.
    pub fn verify(token: &str, purpose: Purpose, keys: &LinkKeys, now: UnixMs) -> Result<Self, IdentityError> {
        let malformed = link(LinkProblem::Malformed);
        let bytes = (token.len() <= TOKEN_CHARS_MAX).then(|| URL_SAFE_NO_PAD.decode(token).ok()).flatten();
        let bytes = bytes.ok_or(malformed)?;
        let (read, mac) = read(&bytes).ok_or(malformed)?;
        // Every key is tried, whichever fits.
        let is_ours = keys.0.iter().fold(false, |found, key| found | (KeyDigest::from_bytes(read.mac(key)) == mac));
        if !is_ours {
            return Err(link(LinkProblem::Signature));
        }
        if read.purpose != purpose {
            return Err(link(LinkProblem::Purpose));
        }
        if now >= read.expires_at {
            return Err(link(LinkProblem::Expired));
        }
        Ok(read)
    }

    /// HMAC-SHA256 over the parts, each with its length before it: no two links have the same bytes under the hash.
    fn mac(&self, key: &HashKey) -> [u8; MAC_BYTES] {
        let expires_at = self.expires_at.get().to_be_bytes();
        key.hash(&[LABEL, &[VERSION], self.purpose.name().as_bytes(), &self.subject, &self.nonce, &expires_at])
    }
}

/// The link in these bytes, and its signature; none where a byte is missing or left over.
fn read(bytes: &[u8]) -> Option<(Link, KeyDigest)> {
    let (version, rest) = bytes.split_first()?;
    let (purpose, rest) = part(rest)?;
    let (subject, rest) = part(rest)?;
    let (nonce, rest) = rest.split_first_chunk::<NONCE_BYTES>()?;
    let (expires_at, mac) = rest.split_first_chunk::<8>()?;
    let mac: [u8; MAC_BYTES] = mac.try_into().ok()?;
    let purpose = Purpose::from_name(std::str::from_utf8(purpose).ok()?)?;
    if *version != VERSION || subject.is_empty() || subject.len() > LINK_SUBJECT_BYTES_MAX {
        return None;
    }
    let expires_at = UnixMs::new(u64::from_be_bytes(*expires_at));
    Some((Link { purpose, subject: subject.to_vec(), nonce: *nonce, expires_at }, KeyDigest::from_bytes(mac)))
}

fn part(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = bytes.split_first()?;
    rest.split_at_checked(usize::from(*len))
}
