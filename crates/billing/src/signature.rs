//! Who sent an event: the signature `t=…,v1=…` over its time and body.

use crate::error::{PaymentError, SignatureProblem};
use hmac::{Hmac, KeyInit as _, Mac as _};
use opencredits_units::UnixMs;
use sha2::Sha256;
use std::fmt;

/// How far the time of a signature may be from ours, in either direction.
pub const TOLERANCE_MS: u64 = 300_000;
/// Characters of a signature header at most.
const HEADER_CHARS_MAX: usize = 4_096;
/// Signatures that one header may have; the sender makes one for each secret that is valid.
const SIGNATURES_MAX: usize = 16;
const SIGNATURE_BYTES: usize = 32;

/// The secret of a webhook endpoint. It is never printed.
///
/// ```
/// use opencredits_billing::WebhookSecret;
/// let secret = WebhookSecret::new("whsec_example").unwrap();
/// assert_eq!(format!("{secret:?}"), "WebhookSecret(…)");
/// assert!(WebhookSecret::new(" ").is_err());
/// ```
#[derive(Clone)]
pub struct WebhookSecret(Box<str>);

impl WebhookSecret {
    /// Takes a secret; white space around it, as a file leaves it, is no part of it.
    ///
    /// # Errors
    /// [`PaymentError::Malformed`] for a blank one: anybody can sign with that.
    pub fn new(text: &str) -> Result<Self, PaymentError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(PaymentError::Malformed { field: "webhook secret", rule: "not be blank" });
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(…)")
    }
}

/// A payload that was signed with one of our secrets.
///
/// It has no `Debug` and does not give its bytes away: they name people and where they live.
pub struct VerifiedPayload<'a>(&'a [u8]);

impl<'a> VerifiedPayload<'a> {
    pub(crate) const fn bytes(&self) -> &'a [u8] {
        self.0
    }
}

/// Checks that `payload` was signed with one of `secrets` within `tolerance_ms` of `now`.
///
/// Several secrets are valid while one replaces another. The comparison takes the same time wherever two signatures
/// differ.
///
/// # Errors
/// [`PaymentError::Signature`] with the problem. Without a secret nothing is accepted.
pub fn verify_signature<'a>(
    payload: &'a [u8],
    header: &str,
    secrets: &[WebhookSecret],
    now: UnixMs,
    tolerance_ms: u64,
) -> Result<VerifiedPayload<'a>, PaymentError> {
    let signed = Signed::parse(header).ok_or(PaymentError::Signature(SignatureProblem::MalformedHeader))?;
    if !secrets.iter().any(|secret| signed.matches(payload, secret)) {
        return Err(PaymentError::Signature(SignatureProblem::NoMatch));
    }
    let at = UnixMs::new(signed.seconds.saturating_mul(1_000));
    if now.ms_since(at) > tolerance_ms {
        return Err(PaymentError::Signature(SignatureProblem::TooOld));
    }
    if at.ms_since(now) > tolerance_ms {
        return Err(PaymentError::Signature(SignatureProblem::TooNew));
    }
    Ok(VerifiedPayload(payload))
}

struct Signed<'a> {
    /// As it was written, since that is what was signed.
    time: &'a str,
    seconds: u64,
    signatures: Vec<[u8; SIGNATURE_BYTES]>,
}

impl<'a> Signed<'a> {
    fn parse(header: &'a str) -> Option<Self> {
        if header.len() > HEADER_CHARS_MAX {
            return None;
        }
        let pairs = || header.split(',').filter_map(|part| part.trim().split_once('='));
        let time = pairs().find_map(|(name, value)| (name == "t").then_some(value))?;
        let seconds = time.parse().ok()?;
        // Other schemes, such as v0 for tests, prove nothing.
        let signatures = pairs().filter(|(name, _)| *name == "v1").filter_map(|(_, value)| from_hex(value));
        let signatures: Vec<_> = signatures.take(SIGNATURES_MAX).collect();
        (!signatures.is_empty()).then_some(Self { time, seconds, signatures })
    }

    fn matches(&self, payload: &[u8], secret: &WebhookSecret) -> bool {
        // A key of any length is taken.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.0.as_bytes()) else {
            return false;
        };
        mac.update(self.time.as_bytes());
        mac.update(b".");
        mac.update(payload);
        self.signatures.iter().any(|signature| mac.clone().verify_slice(signature).is_ok())
    }
}

fn from_hex(text: &str) -> Option<[u8; SIGNATURE_BYTES]> {
    let mut bytes = [0; SIGNATURE_BYTES];
    if text.len() != SIGNATURE_BYTES.checked_mul(2)? {
        return None;
    }
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let digits = std::str::from_utf8(digits).ok().filter(|digits| !digits.contains('+'))?;
        *byte = u8::from_str_radix(digits, 16).ok()?;
    }
    Some(bytes)
}
