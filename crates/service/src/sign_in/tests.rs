//! Mails with secrets: tried again for a while, bounded, and never where nobody waits for them any more.

use super::mail::{SecretMailSettings, SecretMails};
use super::{SecretMailWorker, SignInFault};
use crate::ports::{Clock, Entropy};
use async_trait::async_trait;
use opencredits_email::{CodePurpose, MailError, Mailer, Message, RefusedPart, SecretLetter, Site};
use opencredits_testkit::{FixedClock, FixedRandom};
use opencredits_units::{CreditPrice, UnixMs};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;

const NOW: UnixMs = UnixMs::new(1_790_000_000_000);

struct Fixed(FixedClock, FixedRandom);

impl Clock for Fixed {
    fn now(&self) -> UnixMs {
        self.0.now()
    }
}

impl Entropy for Fixed {
    fn fill(&self, bytes: &mut [u8]) {
        self.1.fill(bytes);
    }
}

/// Fails as it is told to, and keeps what it sends then.
#[derive(Default)]
struct Failing {
    failures: Mutex<VecDeque<MailError>>,
    sent: Mutex<Vec<Message>>,
    tries: Mutex<usize>,
}

#[async_trait]
impl Mailer for Failing {
    async fn send(&self, message: &Message) -> Result<(), MailError> {
        *self.tries.lock() += 1;
        if let Some(error) = self.failures.lock().pop_front() {
            return Err(error);
        }
        self.sent.lock().push(message.clone());
        Ok(())
    }
}

fn mails(mailer: &Arc<Failing>) -> (SecretMails, SecretMailWorker) {
    let fixed = Arc::new(Fixed(FixedClock::at_ms(NOW.get()), FixedRandom::seeded(1)));
    let site = Site { name: "Acme".into(), url: "https://acme.example".into(), credit_price: CreditPrice::default() };
    let from = "Acme <mail@acme.example>".parse().unwrap();
    let settings = SecretMailSettings { site, from, reply_to: None };
    SecretMails::new(mailer.clone(), settings, (fixed.clone(), fixed)).unwrap()
}

fn put(mails: &SecretMails, until: UnixMs) -> Result<(), SignInFault> {
    let letter = SecretLetter::Code { code: "042917".to_owned(), purpose: CodePurpose::SignIn };
    mails.place()?.send("ada@example.org".parse().unwrap(), letter, until);
    Ok(())
}

/// How often a mail is tried and sent that fails so.
async fn check(failures: Vec<MailError>, lifetime_ms: u64, expect: (usize, usize)) {
    let mailer = Arc::new(Failing { failures: Mutex::new(failures.into()), ..Failing::default() });
    let (mails, worker) = mails(&mailer);
    put(&mails, NOW.saturating_add_ms(lifetime_ms)).unwrap();
    drop(mails);
    worker.run().await;
    let (tries, sent) = (*mailer.tries.lock(), mailer.sent.lock().len());
    assert_eq!((tries, sent), expect);
}

#[tokio::test(start_paused = true)]
async fn a_mail_is_tried_again_for_a_minute_where_that_may_help() {
    let busy = || MailError::Busy { code: 450, wait: None };
    check(vec![], 300_000, (1, 1)).await;
    check(vec![busy(), MailError::Unreachable], 300_000, (3, 1)).await;
    check((0..9).map(|_| busy()).collect(), 300_000, (5, 0)).await;
    let refused = MailError::Refused { code: 550, part: RefusedPart::Recipient };
    check(vec![refused], 300_000, (1, 0)).await;
    check(vec![MailError::Configuration { problem: "x" }], 300_000, (1, 0)).await;
    check(vec![busy()], 1_000, (1, 0)).await;
}

#[tokio::test]
async fn the_queue_has_an_end_and_without_a_mailer_there_is_none() {
    let (mails, worker) = mails(&Arc::default());
    for n in 0..1_000 {
        assert!(put(&mails, NOW).is_ok(), "{n}");
    }
    assert!(matches!(put(&mails, NOW), Err(SignInFault::NoMail)));
    drop(worker);
    assert!(matches!(put(&SecretMails::off(), NOW), Err(SignInFault::NoMail)));
}
