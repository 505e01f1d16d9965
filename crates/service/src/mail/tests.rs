//! Mails from their causes to a double of a mail server, on a real store and ledger.

mod addresses;
mod crashes;
mod notices;
mod sending;

use super::{Dispatcher, DispatcherPorts, MailQueue, MailSettings};
use crate::ports::{Clock, Entropy};
use async_trait::async_trait;
use opencredits_email::{
    Currency, MailError, Mailer, Message, Paid, Receipt, Refund, Site, TopUp, TopUpFailed, TopUpFault,
};
use opencredits_store::{Outbox, SqliteStore, Standing, User, UserEmails, Users};
use opencredits_units::{AccountId, CreditPrice, NanoUsd, UnixMs, UserId};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const START_MS: u64 = 1_790_000_000_000;
const ADDRESS: &str = "ada@example.org";
const MINUTE_MS: u64 = 60_000;

/// A clock that a test sets.
pub(super) struct TestClock(AtomicU64);

impl TestClock {
    fn advance(&self, ms: u64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> UnixMs {
        UnixMs::new(self.0.load(Ordering::SeqCst))
    }
}

/// Randomness that counts up.
pub(super) struct Counting(AtomicU64);

impl Entropy for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        let count = self.0.fetch_add(1, Ordering::SeqCst).to_be_bytes();
        bytes.iter_mut().rev().zip(count.iter().rev().chain(std::iter::repeat(&0))).for_each(|(to, from)| *to = *from);
    }
}

/// A mail server that answers as it is told to, and keeps what it took.
#[derive(Default)]
pub(super) struct TestMailer {
    answers: Mutex<VecDeque<MailError>>,
    taken: Mutex<Vec<Message>>,
}

impl TestMailer {
    fn answer(&self, error: MailError) {
        self.answers.lock().push_back(error);
    }

    fn taken(&self) -> Vec<Message> {
        self.taken.lock().clone()
    }
}

#[async_trait]
impl Mailer for TestMailer {
    async fn send(&self, message: &Message) -> Result<(), MailError> {
        if let Some(error) = self.answers.lock().pop_front() {
            return Err(error);
        }
        self.taken.lock().push(message.clone());
        Ok(())
    }
}

/// A store with one person, and everything around it.
pub(super) struct Office {
    store: SqliteStore,
    clock: Arc<TestClock>,
    entropy: Arc<Counting>,
    mailer: Arc<TestMailer>,
    folder: tempfile::TempDir,
}

fn ada() -> User {
    User {
        id: UserId::from_bits(1),
        wallet: AccountId::from_bits(1_000),
        label: "Ada".to_owned(),
        created_at: UnixMs::new(START_MS),
        standing: Standing::Good,
    }
}

impl Office {
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path().join("store.db")).unwrap();
        store.add_user(&ada()).await.unwrap();
        store.set_email(ada().id, ADDRESS).await.unwrap();
        let clock = Arc::new(TestClock(AtomicU64::new(START_MS)));
        let (entropy, mailer) = (Arc::new(Counting(AtomicU64::new(1))), Arc::default());
        Self { store, clock, entropy, mailer, folder }
    }

    fn queue(&self) -> MailQueue {
        MailQueue::new(Some(Arc::new(self.store.clone())), self.clock.clone(), self.entropy.clone())
    }

    fn dispatcher(&self) -> Dispatcher {
        self.dispatcher_on(Arc::new(self.store.clone()), self.mailer.clone())
    }

    fn dispatcher_on(&self, outbox: Arc<dyn Outbox>, mailer: Arc<dyn Mailer>) -> Dispatcher {
        let store = Arc::new(self.store.clone());
        let (clock, entropy) = (self.clock.clone(), self.entropy.clone());
        let ports = DispatcherPorts { outbox, emails: store.clone(), choices: store, mailer, clock, entropy };
        Dispatcher::new(ports, settings()).unwrap()
    }
}

fn settings() -> MailSettings {
    let (name, url) = ("Acme".to_owned(), "https://acme.example".to_owned());
    let site = Site { name, url, credit_price: CreditPrice::default() };
    let from = "Acme <mail@acme.example>".parse().unwrap();
    MailSettings { site, from, reply_to: None, keep_ms: 30 * UnixMs::DAY_MS }
}

fn usd(cents: i64) -> NanoUsd {
    NanoUsd::new(cents * 10_000_000)
}

fn paid(minor_units: u64) -> Paid {
    let currency: Currency = "usd".parse().unwrap();
    Paid { minor_units, currency }
}

fn receipt() -> Receipt {
    Receipt {
        credits: usd(2_000),
        bonus: NanoUsd::ZERO,
        debt_settled: NanoUsd::ZERO,
        paid: paid(2_000),
        fee: None,
        top_up: TopUp::ByHand,
        order: "order_7".parse().unwrap(),
        paid_at: UnixMs::new(START_MS),
    }
}

fn top_up_failed() -> TopUpFailed {
    TopUpFailed { amount: paid(2_000), fault: TopUpFault::Declined, order: "order_8".parse().unwrap() }
}

fn refund() -> Refund {
    Refund { refunded: paid(500), credits: usd(500), debt: NanoUsd::ZERO, order: "order_7".parse().unwrap() }
}
