//! A message that is ready to be sent.

use crate::address::{Address, Mailbox, is_domain};
use crate::error::MailError;
use opencredits_units::UnixMs;
use std::fmt;

/// The longest part before the `@` of a message id.
const ID_BYTES_MAX: usize = 128;

/// The value of the header `Message-ID`, without angle brackets. Two messages with one id are the same message.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MessageId(String);

impl MessageId {
    /// The id `local@domain`. `local` is unique within the domain and has letters, digits, `_` and `-`.
    ///
    /// # Errors
    /// When `local` is empty, too long or has other characters, or `domain` is no domain.
    pub fn new(local: &str, domain: &str) -> Result<Self, MailError> {
        let known = local.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
        if local.is_empty() || local.len() > ID_BYTES_MAX || !known || !is_domain(domain) {
            let problem =
                "is not made of letters, digits, _ and - and a domain; use a row's id and the sender's domain";
            return Err(MailError::Invalid { field: "the message id", problem });
        }
        Ok(Self(format!("{local}@{domain}")))
    }

    /// The id without angle brackets.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id as the header has it.
    #[must_use]
    pub fn to_header(&self) -> String {
        format!("<{}>", self.0)
    }
}

/// The header by which programs that answer mails leave ours alone: RFC 3834, section 5.
#[cfg(any(feature = "resend", feature = "smtp"))]
pub(crate) const AUTO_SUBMITTED: (&str, &str) = ("Auto-Submitted", "auto-generated");

/// The header with the address that ends mails like this one: RFC 2369, section 3.2.
#[cfg(any(feature = "resend", feature = "smtp"))]
pub(crate) const LIST_UNSUBSCRIBE: &str = "List-Unsubscribe";
/// The header that says that one `POST` there suffices: RFC 8058, section 3.1.
#[cfg(any(feature = "resend", feature = "smtp"))]
pub(crate) const LIST_UNSUBSCRIBE_POST: (&str, &str) = ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click");

/// Who gets a message from whom, and what identifies it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// The sender.
    pub from: Mailbox,
    /// Where answers go, where not to the sender.
    pub reply_to: Option<Mailbox>,
    /// The recipient; there is one only, so that nobody sees another's address.
    pub to: Address,
    /// The id.
    pub id: MessageId,
    /// The date that the message bears.
    pub date: UnixMs,
}

/// A message in text and in HTML with the same words. `Debug` does not show them.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// Who gets it from whom.
    pub envelope: Envelope,
    /// The subject, one line.
    pub subject: String,
    /// The text.
    pub text: String,
    /// The same in HTML.
    pub html: String,
    /// Where the recipient ends mails like this one, by one request (RFC 8058). It is a secret of theirs.
    pub unsubscribe_url: Option<String>,
}

#[cfg(any(feature = "resend", feature = "smtp"))]
impl Message {
    /// The headers by which mail programs offer to unsubscribe; none where there is nothing to, or where the address would not
    /// be HTTPS, which RFC 8058 demands.
    pub(crate) fn unsubscribe_headers(&self) -> Vec<(&'static str, String)> {
        let is_safe =
            |url: &&String| url.starts_with("https://") && !url.contains(|c: char| c.is_whitespace() || c == '>');
        let Some(url) = self.unsubscribe_url.as_ref().filter(is_safe) else { return Vec::new() };
        let (name, value) = LIST_UNSUBSCRIBE_POST;
        vec![(LIST_UNSUBSCRIBE, format!("<{url}>")), (name, value.to_owned())]
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message").field("id", &self.envelope.id).finish_non_exhaustive()
    }
}
