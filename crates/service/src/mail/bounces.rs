//! Takes the news that mails came back.

use super::fault::MailFault;
use crate::ports::Clock;
use opencredits_email::{Bounce, BounceKind, Signed, WebhookSecrets};
use opencredits_store::UserEmails;
use std::sync::Arc;

/// Flags the addresses that signed webhooks name as ones that take no mail.
pub struct Bounces {
    secrets: WebhookSecrets,
    emails: Arc<dyn UserEmails>,
    clock: Arc<dyn Clock>,
}

impl Bounces {
    /// Believes webhooks that are signed with one of these secrets.
    #[must_use]
    pub fn new(secrets: WebhookSecrets, emails: Arc<dyn UserEmails>, clock: Arc<dyn Clock>) -> Self {
        Self { secrets, emails, clock }
    }

    /// Takes a webhook; returns how many people no longer get mail. The same one again changes nothing.
    ///
    /// # Errors
    /// When it is not signed with one of the secrets, is older than five minutes, or the store fails.
    pub async fn take(&self, signed: &Signed<'_>) -> Result<u64, MailFault> {
        let now = self.clock.now();
        let Some(Bounce { recipients, kind }) = self.secrets.bounce(signed, now)? else {
            return Ok(0);
        };
        if kind == BounceKind::Temporary {
            return Ok(0);
        }
        let mut flagged = 0_u64;
        for address in recipients {
            flagged = flagged.saturating_add(self.emails.flag_bounced(address.as_str(), now).await?);
        }
        tracing::warn!(flagged, ?kind, "mails came back; these people get no more until they have another address");
        Ok(flagged)
    }
}
