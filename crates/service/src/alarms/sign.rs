//! Signatures of webhooks, as Standard Webhooks has them (<https://www.standardwebhooks.com>).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use opencredits_units::UnixMs;
use ring::hmac;
use std::fmt;

/// What a secret begins with.
const PREFIX: &str = concat!("whs", "ec_");
/// The bounds of a secret, in bytes.
const BYTES_MIN: usize = 24;
const BYTES_MAX: usize = 64;
/// The version of the signature.
const VERSION: &str = "v1";

/// The secret that alarms by webhook are signed with. `Debug` does not show it.
#[derive(Clone)]
pub struct WebhookSecret(hmac::Key);

/// A text is no secret of webhooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "is no secret of 24 to 64 bytes in base64 behind whsec_; make one with: echo \"whsec_$(openssl rand -base64 32)\""
)]
pub struct WebhookSecretError;

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(not shown)")
    }
}

impl WebhookSecret {
    /// Reads a secret.
    ///
    /// # Errors
    /// When its prefix is absent, or the rest is not 24 to 64 bytes in base64.
    pub fn parse(text: &str) -> Result<Self, WebhookSecretError> {
        let bytes = text.trim().strip_prefix(PREFIX).and_then(|rest| STANDARD.decode(rest).ok());
        let bytes = bytes.filter(|bytes| (BYTES_MIN..=BYTES_MAX).contains(&bytes.len())).ok_or(WebhookSecretError)?;
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }

    /// The value of the header `webhook-signature`, over id, time in seconds and body.
    pub(super) fn signature(&self, id: &str, at: UnixMs, body: &str) -> String {
        let tag = hmac::sign(&self.0, format!("{id}.{}.{body}", at.as_secs()).as_bytes());
        format!("{VERSION},{}", STANDARD.encode(tag))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(bytes: &[u8]) -> String {
        format!("{PREFIX}{}", STANDARD.encode(bytes))
    }

    #[test]
    fn a_secret_has_its_prefix_and_a_length_that_guards() {
        let check = |text: &str, expect: bool| assert_eq!(WebhookSecret::parse(text).is_ok(), expect, "{text}");
        check(&secret(&[7; 24]), true);
        check(&format!(" {}\n", secret(&[7; 64])), true);
        check(&secret(&[7; 23]), false);
        check(&secret(&[7; 65]), false);
        check(&STANDARD.encode([7; 32]), false);
        check(&format!("{PREFIX}?"), false);
        let shown = format!("{:?}", WebhookSecret::parse(&secret(&[7; 24])).unwrap());
        assert_eq!(shown, "WebhookSecret(not shown)");
    }

    /// Computed with OpenSSL: `printf '%s' "$id.$time.$body" | openssl dgst -sha256 -mac HMAC -macopt hexkey:… -binary | base64`.
    #[test]
    fn a_signature_is_that_of_another_program() {
        let secret = WebhookSecret::parse(&secret(&[7; 32])).unwrap();
        let signature = secret.signature("alarm_1", UnixMs::new(1_790_000_000_999), r#"{"type":"alarm.test"}"#);
        assert_eq!(signature, "v1,hH4TjT/GIh/C+7K2pSSzAQREfGvbJRsLoEa8Ynhn8HQ=");
    }
}
