//! Mails of a prepaid service: messages, templates, and the trait that sends them.
//!
//! A [`Letter`] has the figures of a mail, [`Templates`] write it as a [`Message`] in text and HTML with the same words, and
//! a [`Mailer`] sends it. [`MailError::verdict`] tells a sender whether to try again.
//!
//! | feature | adapter |
//! | --- | --- |
//! | `console` (default) | `Console` writes mails as text |
//! | `smtp` | `Smtp`: any mail server, over TLS |
//! | `resend` | `Resend`: an HTTP API, with an idempotency key |
//! | `webhook` | `WebhookSecrets`: signed reports of bounces |
//!
//! # What it refuses to do
//! It has no clock, no queue and no list of recipients. It sends no picture and counts no reader. No [`Letter`] has a field
//! for a sign-in code, a link with a secret or a key. Those are in a [`SecretLetter`], which cannot be serialised and so
//! waits in no queue on a disk.
//!
//! # Invariants
//! - `Debug` shows neither an address nor the text of a mail, and no error repeats what a mail server said.
//! - A value cannot add a header or a line: it has no control characters. In HTML it is escaped.
//! - The same letter and envelope give the same message, so that a repetition is recognised by its id.
//!
//! # Example
//! ```
//! use opencredits_email::{Envelope, Letter, LowBalance, MessageId, Site, Templates};
//! use opencredits_email::units::{CreditPrice, NanoUsd, UnixMs};
//!
//! let envelope = Envelope {
//!     from: "Acme <mail@acme.example>".parse().unwrap(),
//!     reply_to: None,
//!     to: "ada@example.org".parse().unwrap(),
//!     id: MessageId::new("mail_1", "acme.example").unwrap(),
//!     date: UnixMs::new(1_790_000_000_000),
//! };
//! let site = Site { name: "Acme".into(), url: "https://acme.example".into(), credit_price: CreditPrice::default() };
//! let usd = |cents: i64| NanoUsd::new(cents * 10_000_000);
//! let letter = Letter::LowBalance(LowBalance { balance: usd(180), threshold: usd(200) });
//! let message = Templates::new().unwrap().render(&letter, &site, envelope).unwrap();
//! assert_eq!(message.subject, "Your balance is 180 credits");
//! ```

mod address;
#[cfg(feature = "console")]
mod console;
mod error;
mod letter;
mod mailer;
mod message;
mod money;
#[cfg(feature = "resend")]
mod resend;
mod secret_letter;
#[cfg(feature = "smtp")]
mod smtp;
mod templates;
mod text;
#[cfg(feature = "webhook")]
mod webhook;

pub use address::{Address, Mailbox};
#[cfg(feature = "console")]
pub use console::Console;
pub use error::{MailError, RefusedPart, Verdict};
pub use letter::{
    AlarmLetter, AlarmNews, DeletionScheduled, LETTER_KINDS, Letter, LimitLevel, LimitReached, LimitedParty,
    LowBalance, PolicyChanged, Receipt, Refund, TopUp, TopUpFailed, TopUpFault,
};
pub use mailer::Mailer;
pub use message::{Envelope, Message, MessageId};
pub use money::{Currency, Paid};
/// Money and time, as letters take them.
pub use opencredits_units as units;
#[cfg(feature = "resend")]
pub use resend::{Resend, ResendSettings};
pub use secret_letter::{CodePurpose, SecretLetter};
#[cfg(feature = "smtp")]
pub use smtp::{Smtp, SmtpLogin, SmtpSettings, SmtpTls};
pub use templates::{Links, Site, Templates};
pub use text::{Label, Reference};
#[cfg(feature = "webhook")]
pub use webhook::{Bounce, BounceKind, Signed, WebhookSecrets};
