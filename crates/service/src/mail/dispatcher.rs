//! Sends what is due in the outbox.

use super::account_links::AccountLinks;
use super::backoff::wait_ms;
use super::fault::MailFault;
use crate::ports::{Clock, Entropy};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use opencredits_email::{
    Address, Envelope, Letter, LimitLevel, Links, MailError, Mailbox, Mailer, Message, MessageId, RefusedPart, Site,
    Templates, Verdict,
};
use opencredits_store::{LeasedMail, MailChoices, MailFailure, NoticeKind, Outbox, UserEmails};
use opencredits_units::UnixMs;
use std::sync::Arc;
use std::time::Duration;

/// The mails that one round sends at most.
const LEASED_MAX: u32 = 16;
/// The mails that are sent at once.
const AT_ONCE: usize = 4;
/// How long a worker has its mails, in ms. It is longer than a round may take: four times the longest time limit of a
/// mail, with room.
const LEASE_MS: u64 = 600_000;
/// The wait while the settings do not fit the mail server, in ms: the operator mends them soon.
const MISCONFIGURED_MS: u64 = 300_000;
/// The age at which a mail that cannot be sent is given up, in ms: five days, as mail servers do (RFC 5321, 4.5.4.1).
const EXPIRY_MS: u64 = 5 * UnixMs::DAY_MS;

/// Who sends mails, and for how long they are kept.
#[derive(Debug, Clone)]
pub struct MailSettings {
    /// The service, as mails name it.
    pub site: Site,
    /// The sender.
    pub from: Mailbox,
    /// Where answers go, where not to the sender.
    pub reply_to: Option<Mailbox>,
    /// How long recipient and figures of a mail are kept after it was sent, in ms.
    pub keep_ms: u64,
}

/// The ports of a [`Dispatcher`].
pub struct DispatcherPorts {
    /// The outbox.
    pub outbox: Arc<dyn Outbox>,
    /// People's addresses.
    pub emails: Arc<dyn UserEmails>,
    /// Which notices people get.
    pub choices: Arc<dyn MailChoices>,
    /// The sender of messages.
    pub mailer: Arc<dyn Mailer>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
}

/// What one round has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Round {
    /// Mails that were sent.
    pub sent: u32,
    /// Mails that are tried again later.
    pub retried: u32,
    /// Mails that were given up.
    pub failed: u32,
}

impl Round {
    /// Whether another round should follow at once: there may be more that is due, and mails are taken.
    #[must_use]
    pub const fn goes_on(self) -> bool {
        self.sent > 0 && self.sent.saturating_add(self.retried).saturating_add(self.failed) >= LEASED_MAX
    }
}

/// What becomes of a mail.
enum End {
    Sent,
    Retry { after_ms: u64 },
    GiveUp(MailFailure),
}

/// Sends what is due in the outbox, each mail at least once and with one `Message-ID`.
pub struct Dispatcher {
    ports: DispatcherPorts,
    templates: Templates,
    settings: MailSettings,
    account_links: Option<AccountLinks>,
}

impl Dispatcher {
    /// A dispatcher on these ports.
    ///
    /// # Errors
    /// When a template is malformed, which a test rules out.
    pub fn new(ports: DispatcherPorts, settings: MailSettings) -> Result<Self, MailFault> {
        Ok(Self { ports, templates: Templates::new()?, settings, account_links: None })
    }

    /// Puts links into mails: one that calls a deletion off, and one that ends notices like it.
    #[must_use]
    pub fn with_links(mut self, links: Option<AccountLinks>) -> Self {
        self.account_links = links;
        self
    }

    /// Sends at most 16 mails that are due.
    ///
    /// # Errors
    /// When the store fails. What was leased is due again when its lease ends.
    pub async fn round(&self) -> Result<Round, MailFault> {
        let now = self.ports.clock.now();
        let leased = self.ports.outbox.lease(LEASED_MAX, now, now.saturating_add_ms(LEASE_MS)).await?;
        let ends = stream::iter(leased).map(|mail| self.process(mail)).buffer_unordered(AT_ONCE);
        ends.try_fold(Round::default(), |mut round, end| async move {
            let count = match end {
                End::Sent => &mut round.sent,
                End::Retry { .. } => &mut round.retried,
                End::GiveUp(_) => &mut round.failed,
            };
            *count = count.saturating_add(1);
            Ok(round)
        })
        .await
    }

    /// Deletes recipient and figures of mails that were sent long ago; returns how many there were.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn forget(&self) -> Result<u64, MailFault> {
        let before = self.ports.clock.now().get().saturating_sub(self.settings.keep_ms);
        Ok(self.ports.outbox.forget(UnixMs::new(before)).await?)
    }

    async fn process(&self, mail: LeasedMail) -> Result<End, MailFault> {
        let (end, address) = match self.written(&mail).await? {
            Ok(message) => {
                let end = self.send(&mail, &message).await;
                (end, Some(message.envelope.to))
            }
            Err(failure) => (End::GiveUp(failure), None),
        };
        let (outbox, now) = (&self.ports.outbox, self.ports.clock.now());
        match &end {
            End::Sent => {
                outbox.mark_sent(mail.id, now).await?;
                tracing::info!(mail = %mail.id, user = %mail.user, attempts = mail.attempts, "sent a mail");
            }
            End::Retry { after_ms } => outbox.retry(&mail, now.saturating_add_ms(*after_ms)).await?,
            End::GiveUp(failure) => {
                if let (MailFailure::RecipientRefused, Some(address)) = (failure, &address) {
                    self.ports.emails.flag_bounced(address.as_str(), now).await?;
                }
                outbox.give_up(&mail, *failure, now).await?;
                tracing::warn!(mail = %mail.id, user = %mail.user, reason = failure.code(), "gave a mail up");
            }
        }
        Ok(end)
    }

    /// The mail as a message, or why there is none.
    async fn written(&self, mail: &LeasedMail) -> Result<Result<Message, MailFailure>, MailFault> {
        let Some(email) = self.ports.emails.email_of(mail.user).await? else {
            return Ok(Err(MailFailure::NoAddress));
        };
        if email.bounced_at.is_some() {
            return Ok(Err(MailFailure::Bounced));
        }
        let Ok(to) = email.address.parse() else {
            return Ok(Err(MailFailure::NoAddress));
        };
        let unreadable = |error: MailFault| {
            tracing::error!(mail = %mail.id, %error, "cannot write a mail; report this");
            MailFailure::Unreadable
        };
        let letter: Letter = match serde_json::from_str(&mail.parameters) {
            Ok(letter) => letter,
            Err(error) => return Ok(Err(unreadable(error.into()))),
        };
        // It may have waited since before the person switched it off.
        if let Some(kind) = notice_kind(&letter)
            && self.ports.choices.muted_of(mail.user).await?.iter().any(|muted| muted.kind == kind)
        {
            return Ok(Err(MailFailure::Unwanted));
        }
        Ok(self.render(mail, &letter, to).map_err(unreadable))
    }

    fn render(&self, mail: &LeasedMail, letter: &Letter, to: Address) -> Result<Message, MailFault> {
        let MailSettings { site, from, reply_to, .. } = &self.settings;
        let id = MessageId::new(&mail.id.to_string(), from.address().domain())?;
        let envelope = Envelope { from: from.clone(), reply_to: reply_to.clone(), to, id, date: mail.created_at };
        // A link is made when its mail is written, so that no row has one.
        let links = self.account_links.as_ref();
        let now = (self.ports.clock.now(), &*self.ports.entropy);
        let cancelling = links.filter(|_| matches!(letter, Letter::DeletionScheduled(_)));
        let action = cancelling.and_then(|links| links.cancel_url(mail.user, &site.url, now));
        let kind = links.zip(notice_kind(letter));
        let made = (mail.id, mail.created_at);
        let unsubscribe = kind.and_then(|(links, kind)| links.unsubscribe_url((mail.user, kind), &site.url, made));
        let links = Links { action_url: action.as_deref(), unsubscribe_url: unsubscribe.as_deref() };
        Ok(self.templates.render_linked(letter, site, envelope, links)?)
    }

    async fn send(&self, mail: &LeasedMail, message: &Message) -> End {
        let Err(error) = self.ports.mailer.send(message).await else {
            return End::Sent;
        };
        let after_ms = match error.verdict() {
            Verdict::GiveUp(RefusedPart::Recipient) => return End::GiveUp(MailFailure::RecipientRefused),
            Verdict::GiveUp(RefusedPart::Message) => {
                tracing::error!(mail = %mail.id, %error, "the mail server refuses a mail");
                return End::GiveUp(MailFailure::MessageRefused);
            }
            Verdict::Misconfigured => {
                tracing::error!(mail = %mail.id, %error, "cannot send mails until their settings are mended");
                MISCONFIGURED_MS
            }
            Verdict::Retry => {
                tracing::warn!(mail = %mail.id, %error, attempts = mail.attempts, "cannot send a mail; trying again");
                self.wait_ms(mail, &error)
            }
        };
        if self.ports.clock.now().ms_since(mail.created_at) > EXPIRY_MS {
            return End::GiveUp(MailFailure::Expired);
        }
        End::Retry { after_ms }
    }

    fn wait_ms(&self, mail: &LeasedMail, error: &MailError) -> u64 {
        let mut random = [0];
        self.ports.entropy.fill(&mut random);
        let asked = error.wait().as_ref().map_or(0, Duration::as_millis);
        wait_ms(mail.attempts, random[0]).max(u64::try_from(asked).unwrap_or_default())
    }
}

/// The kind of a letter that a person may switch off; none where it is always sent.
pub(super) const fn notice_kind(letter: &Letter) -> Option<NoticeKind> {
    match letter {
        Letter::LowBalance(_) => Some(NoticeKind::LowBalance),
        Letter::LimitReached(reached) => Some(match reached.level {
            LimitLevel::Most => NoticeKind::LimitMost,
            LimitLevel::All => NoticeKind::LimitAll,
        }),
        Letter::Receipt(_)
        | Letter::TopUpFailed(_)
        | Letter::Refund(_)
        | Letter::DeletionScheduled(_)
        | Letter::PolicyChanged(_)
        | Letter::Alarm(_) => None,
    }
}
