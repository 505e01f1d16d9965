//! Mails: what is put into the outbox, and the jobs that send it.
//!
//! Use cases put letters into the outbox through a [`MailQueue`], under the cause that they are about. [`NoticeJob`] finds
//! low balances and spent limits. [`Dispatcher`] sends what is due: it looks the address up, writes the letter and hands
//! it to a [`Mailer`](opencredits_email::Mailer). [`MailJobs`] runs both beside the other jobs, so that a slow mail server delays mails only.
//!
//! # Invariants
//! - A kind and a cause are mailed once. A crash may send the same mail twice; it then has the same `Message-ID`.
//! - No row has an address, a code or a link: a letter has no field for them.
//! - Nothing here is done while a request waits.

mod account_links;
mod backoff;
mod bounces;
mod dispatcher;
mod fault;
mod jobs;
mod mails;
mod notices;
mod queue;
mod server;
#[cfg(test)]
mod tests;

pub use account_links::AccountLinks;
pub use bounces::Bounces;
pub use dispatcher::{Dispatcher, DispatcherPorts, MailSettings, Round};
pub use fault::MailFault;
pub use jobs::MailJobs;
pub use mails::{MailPorts, Mails, mail_settings, secret_mail_settings};
pub use notices::{NoticeJob, NoticePorts, NoticeSettings};
pub use queue::{Enqueued, MailQueue};
pub use server::{MailServerSecrets, smtp_settings};
