//! Everything about mails, as a process has it.

use super::account_links::AccountLinks;
use super::bounces::Bounces;
use super::dispatcher::{Dispatcher, DispatcherPorts, MailSettings};
use super::fault::MailFault;
use super::jobs::MailJobs;
use super::notices::{NoticeJob, NoticePorts, NoticeSettings};
use super::queue::MailQueue;
use crate::config::{Config, SiteSection};
use crate::ports::{Clock, Entropy};
use crate::sign_in::SecretMailSettings;
use opencredits_email::{Mailer, Site};
use opencredits_ledger::AnyLedger;
use opencredits_store::{MailChoices, Notices, Outbox, SpendingLimits, UserEmails};
use opencredits_units::{CreditPrice, UnixMs};
use std::sync::Arc;

/// The ports of [`Mails`].
pub struct MailPorts {
    /// The ledger with the balances.
    pub ledger: AnyLedger,
    /// The outbox.
    pub outbox: Arc<dyn Outbox>,
    /// People's addresses.
    pub emails: Arc<dyn UserEmails>,
    /// The limits of people and of apps at them.
    pub limits: Arc<dyn SpendingLimits>,
    /// The marks of notices.
    pub notices: Arc<dyn Notices>,
    /// Which notices people get.
    pub choices: Arc<dyn MailChoices>,
    /// Makes the links in mails; none where nobody signs in.
    pub account_links: Option<AccountLinks>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
}

/// Everything about mails, as a process has it.
pub struct Mails {
    /// Puts letters into the outbox.
    pub queue: MailQueue,
    /// Sends them; `None` where mails are switched off.
    pub jobs: Option<MailJobs>,
    /// Takes webhooks about bounces; `None` without a secret.
    pub bounces: Option<Arc<Bounces>>,
}

impl Mails {
    /// Mails as the config wants them, sent by this mailer; switched off without one.
    ///
    /// # Errors
    /// When the config has no valid sender or webhook secret, which reading it rules out.
    pub fn new(config: &Config, mailer: Option<Arc<dyn Mailer>>, ports: MailPorts) -> Result<Self, MailFault> {
        let MailPorts { ledger, outbox, emails, limits, notices, choices, account_links, clock, entropy } = ports;
        let secrets = config.email.webhook_secrets()?;
        let bounces = secrets.map(|secrets| Arc::new(Bounces::new(secrets, emails.clone(), clock.clone())));
        let settings = mail_settings(config);
        let (Some(mailer), Some(settings)) = (mailer, settings) else {
            return Ok(Self { queue: MailQueue::new(None, clock, entropy), jobs: None, bounces });
        };
        let queue = MailQueue::new(Some(outbox.clone()), clock.clone(), entropy.clone());
        let of_notices = NoticePorts {
            ledger,
            emails: emails.clone(),
            limits,
            notices,
            choices: choices.clone(),
            clock: clock.clone(),
            entropy: entropy.clone(),
        };
        let told = NoticeSettings { low_balance: config.email.low_balance_usd, limits: config.email.limit_notices };
        let notices = NoticeJob::new(of_notices, told);
        let dispatcher =
            Dispatcher::new(DispatcherPorts { outbox, emails, choices, mailer, clock, entropy }, settings)?;
        let dispatcher = dispatcher.with_links(account_links);
        Ok(Self {
            queue,
            jobs: Some(MailJobs { dispatcher: Arc::new(dispatcher), notices: Arc::new(notices) }),
            bounces,
        })
    }
}

/// Who sends mails with secrets; `None` without a sender.
#[must_use]
pub fn secret_mail_settings(config: &Config) -> Option<SecretMailSettings> {
    let MailSettings { site, from, reply_to, .. } = mail_settings(config)?;
    Some(SecretMailSettings { site, from, reply_to })
}

/// Who sends mails; `None` without a sender.
#[must_use]
pub fn mail_settings(config: &Config) -> Option<MailSettings> {
    let from = config.email.sender()?;
    let site = Site {
        name: service_name(&config.site.name, from.name()).to_owned(),
        url: config.server.public_url(),
        credit_price: CreditPrice::new(config.billing.credit_price_usd).unwrap_or_default(),
    };
    let keep_ms = u64::from(config.email.keep_days).saturating_mul(UnixMs::DAY_MS);
    Some(MailSettings { site, from, reply_to: config.email.answers_to(), keep_ms })
}

/// The name of the service in mails: that of its pages; where nobody has set that, the sender's.
fn service_name<'a>(of_site: &'a str, of_sender: Option<&'a str>) -> &'a str {
    of_sender.filter(|_| of_site == SiteSection::default().name).unwrap_or(of_site)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mails_name_the_service_as_its_pages_do() {
        let check = |toml: &str, expect: &str| {
            let config = Config::read(toml, []).unwrap();
            assert_eq!(mail_settings(&config).unwrap().site.name, expect, "{toml}");
        };
        let mails = |from: &str| format!("[email]\ntransport = \"console\"\nfrom = \"{from}\"\n");
        check(&mails("Sender <mail@acme.example>"), "Sender");
        check(&mails("mail@acme.example"), "OpenCredits");
        check(&(mails("Sender <mail@acme.example>") + "[site]\nname = \"Acme\""), "Acme");
    }
}
