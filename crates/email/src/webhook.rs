//! Signed webhooks that tell of bounces, in the form of Svix, which Resend uses.

use crate::address::Address;
use crate::error::MailError;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac};
use opencredits_units::UnixMs;
use serde::Deserialize;
use sha2::Sha256;
use std::fmt;

/// How far a webhook's time may be from ours, in ms.
const TOLERANCE_MS: u64 = 300_000;
/// The most secrets that hold at once, while one is exchanged.
const SECRETS_MAX: usize = 4;
/// The shortest secret, in bytes.
const SECRET_BYTES_MIN: usize = 16;
/// The most signatures of one webhook that are looked at.
const SIGNATURES_MAX: usize = 8;
/// The most recipients of one webhook that are read.
const RECIPIENTS_MAX: usize = 50;
/// What a secret begins with, as it is shown.
const SECRET_PREFIX: &str = concat!("whs", "ec_");
const SIGNATURE_PREFIX: &str = "v1,";

/// A webhook as it came, before anything in it is believed.
#[derive(Clone, Copy)]
pub struct Signed<'a> {
    /// The header `svix-id`.
    pub id: &'a str,
    /// The header `svix-timestamp`: Unix seconds.
    pub timestamp: &'a str,
    /// The header `svix-signature`.
    pub signature: &'a str,
    /// The body, byte for byte.
    pub body: &'a [u8],
}

/// Why mails to an address end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BounceKind {
    /// The address takes no mail, for good.
    Permanent,
    /// It took none this time.
    Temporary,
    /// The recipient reported the mail as unwanted.
    Complaint,
}

/// A mail came back. `Debug` does not show addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bounce {
    /// The recipients, those that are valid addresses.
    pub recipients: Vec<Address>,
    /// The kind.
    pub kind: BounceKind,
}

/// The secrets that webhooks are signed with. `Debug` does not show them.
pub struct WebhookSecrets(Vec<Vec<u8>>);

impl fmt::Debug for WebhookSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecrets(not shown)")
    }
}

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    data: EventData,
}

#[derive(Default, Deserialize)]
struct EventData {
    #[serde(default)]
    to: Vec<String>,
    bounce: Option<EventBounce>,
}

#[derive(Deserialize)]
struct EventBounce {
    #[serde(rename = "type")]
    kind: Option<String>,
}

impl WebhookSecrets {
    /// Secrets as they are shown, with or without their prefix. Several may hold at once, while one is exchanged.
    ///
    /// # Errors
    /// When there is none, one is blank, too short or no base64, or there are more than four.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Result<Self, MailError> {
        let problem =
            "a webhook secret is blank, too short or cut off; copy it whole, with its prefix, and at most four";
        let wrong = || MailError::Configuration { problem };
        let decoded = |text: &str| {
            let text = text.trim();
            let bytes = STANDARD.decode(text.strip_prefix(SECRET_PREFIX).unwrap_or(text)).ok();
            bytes.filter(|bytes| bytes.len() >= SECRET_BYTES_MIN).ok_or_else(wrong)
        };
        let secrets = secrets.into_iter().map(decoded).collect::<Result<Vec<_>, _>>()?;
        if secrets.is_empty() || secrets.len() > SECRETS_MAX {
            return Err(wrong());
        }
        Ok(Self(secrets))
    }

    /// The bounce that a webhook tells of; `None` where it tells of something else. The body is read only once its
    /// signature and its time are right.
    ///
    /// # Errors
    /// When it is not signed with one of the secrets, is older than five minutes, or has an unknown form.
    pub fn bounce(&self, signed: &Signed<'_>, now: UnixMs) -> Result<Option<Bounce>, MailError> {
        self.verify(signed, now)?;
        let problem = "is signed and has an unknown form; report this";
        let event: Event = serde_json::from_slice(signed.body).map_err(|_| MailError::Webhook { problem })?;
        let kind = match event.kind.as_str() {
            "email.bounced" => kind_of(event.data.bounce.as_ref()),
            "email.complained" => BounceKind::Complaint,
            _ => return Ok(None),
        };
        let recipients = event.data.to.iter().take(RECIPIENTS_MAX).filter_map(|text| recipient(text)).collect();
        Ok(Some(Bounce { recipients, kind }))
    }

    fn verify(&self, signed: &Signed<'_>, now: UnixMs) -> Result<(), MailError> {
        let wrong = |problem| Err(MailError::Webhook { problem });
        let Ok(seconds) = signed.timestamp.parse::<u64>() else {
            return wrong("has no time; it is not from where it should be");
        };
        let at = UnixMs::new(seconds.saturating_mul(1_000));
        if now.ms_since(at).max(at.ms_since(now)) > TOLERANCE_MS {
            return wrong("is older or newer than five minutes; set the clock of this machine");
        }
        let found = signed.signature.split_whitespace().filter_map(|text| text.strip_prefix(SIGNATURE_PREFIX));
        let found = found.take(SIGNATURES_MAX).filter_map(|text| STANDARD.decode(text).ok());
        for signature in found {
            // `verify_slice` takes the same time wherever the first difference is.
            if self.0.iter().any(|secret| mac(secret, signed).is_some_and(|mac| mac.verify_slice(&signature).is_ok())) {
                return Ok(());
            }
        }
        wrong("is not signed with our secret; copy the secret of this endpoint into the config")
    }
}

/// The signature is over the id, the time and the body.
fn mac(secret: &[u8], signed: &Signed<'_>) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).ok()?;
    for part in [signed.id.as_bytes(), b".", signed.timestamp.as_bytes(), b".", signed.body] {
        mac.update(part);
    }
    Some(mac)
}

/// An unknown type of bounce counts as permanent, as the API says of this event.
fn kind_of(bounce: Option<&EventBounce>) -> BounceKind {
    match bounce.and_then(|bounce| bounce.kind.as_deref()) {
        Some("Transient" | "Temporary" | "Undetermined") => BounceKind::Temporary,
        _ => BounceKind::Permanent,
    }
}

/// A recipient, with or without a name.
fn recipient(text: &str) -> Option<Address> {
    text.parse::<crate::Mailbox>().ok().map(|mailbox| mailbox.address().clone())
}
