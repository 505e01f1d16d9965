//! Mails that carry a secret: a bounded queue in memory, and what empties it.
//!
//! The time that a mail server takes is never part of an answer. A mail that waits when the process ends is lost; the
//! person asks for another.

use super::SignInFault;
use crate::ports::{Clock, Entropy};
use futures_util::StreamExt as _;
use opencredits_email::{
    Address, Envelope, MailError, Mailbox, Mailer, Message, MessageId, SecretLetter, Site, Templates, Verdict,
};
use opencredits_store::MailId;
use opencredits_units::UnixMs;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{self, OwnedPermit, Receiver, Sender};

/// Mails that wait at most.
const WAITING_MAX: usize = 1_000;
/// Mails that are sent at once.
const AT_ONCE: usize = 8;
/// The waits before a mail is tried again, in ms: people look for a code for a minute at most.
const WAITS_MS: [u64; 4] = [1_000, 4_000, 15_000, 40_000];

/// A mail that waits to be sent.
#[derive(Debug)]
pub struct SecretMail {
    to: Address,
    letter: SecretLetter,
    /// From then on it is of no use.
    until: UnixMs,
}

/// Takes mails that carry a secret; without a mailer it takes none.
#[derive(Clone)]
pub struct SecretMails(Option<Sender<SecretMail>>);

/// Room for one mail.
pub(super) struct Place(OwnedPermit<SecretMail>);

/// Who sends them.
#[derive(Debug, Clone)]
pub struct SecretMailSettings {
    /// The service, as mails name it.
    pub site: Site,
    /// The sender.
    pub from: Mailbox,
    /// Where answers go, where not to the sender.
    pub reply_to: Option<Mailbox>,
}

/// Sends what waits.
pub struct SecretMailWorker {
    waiting: Receiver<SecretMail>,
    sender: MailSender,
}

struct MailSender {
    mailer: Arc<dyn Mailer>,
    templates: Templates,
    settings: SecretMailSettings,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl SecretMails {
    /// Takes no mail.
    #[must_use]
    pub const fn off() -> Self {
        Self(None)
    }

    /// A queue, and what sends from it by this mailer.
    ///
    /// # Errors
    /// When a template is malformed, which a test rules out.
    pub fn new(
        mailer: Arc<dyn Mailer>,
        settings: SecretMailSettings,
        (clock, entropy): (Arc<dyn Clock>, Arc<dyn Entropy>),
    ) -> Result<(Self, SecretMailWorker), MailError> {
        let (sender, waiting) = mpsc::channel(WAITING_MAX);
        let sends = MailSender { mailer, templates: Templates::new()?, settings, clock, entropy };
        Ok((Self(Some(sender)), SecretMailWorker { waiting, sender: sends }))
    }

    /// Room for a mail, taken before anything is stored for it.
    pub(super) fn place(&self) -> Result<Place, SignInFault> {
        let sender = self.0.clone().ok_or(SignInFault::NoMail)?;
        sender.try_reserve_owned().map(Place).map_err(|_| {
            tracing::warn!("mails with codes wait for the mail server, and no more are taken");
            SignInFault::NoMail
        })
    }
}

impl Place {
    pub(super) fn send(self, to: Address, letter: SecretLetter, until: UnixMs) {
        self.0.send(SecretMail { to, letter, until });
    }
}

impl SecretMailWorker {
    /// Sends mails until nobody can put one in any more and none waits.
    pub async fn run(self) {
        let Self { waiting, sender } = self;
        let mails = futures_util::stream::unfold(waiting, |mut waiting| async move {
            let next = waiting.recv().await?;
            Some((next, waiting))
        });
        mails.for_each_concurrent(AT_ONCE, |mail| sender.deliver(mail)).await;
    }
}

impl MailSender {
    async fn deliver(&self, mail: SecretMail) {
        let message = match self.written(&mail) {
            Ok(message) => message,
            Err(error) => return tracing::error!(%error, "a mail with a code cannot be written"),
        };
        let mut waits = WAITS_MS.into_iter();
        loop {
            let Err(error) = self.mailer.send(&message).await else {
                return tracing::info!(mail = message.envelope.id.as_str(), "sent a mail to sign in with");
            };
            let asked = error.wait().map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
            let wait_ms = match (error.verdict(), waits.next()) {
                (Verdict::Retry, Some(own)) => asked.unwrap_or(own).max(own),
                _ => return tracing::warn!(%error, "a mail to sign in with is given up"),
            };
            if self.clock.now().saturating_add_ms(wait_ms) >= mail.until {
                return tracing::warn!(%error, "a mail to sign in with would come too late");
            }
            tokio::time::sleep(Duration::from_millis(wait_ms)).await;
        }
    }

    fn written(&self, mail: &SecretMail) -> Result<Message, MailError> {
        let SecretMailSettings { site, from, reply_to } = &self.settings;
        let mut random = [0; 10];
        self.entropy.fill(&mut random);
        let now = self.clock.now();
        let id = MessageId::new(&MailId::at(now, random).to_string(), from.address().domain())?;
        let envelope = Envelope { from: from.clone(), reply_to: reply_to.clone(), to: mail.to.clone(), id, date: now };
        self.templates.render_secret(&mail.letter, site, envelope)
    }
}
