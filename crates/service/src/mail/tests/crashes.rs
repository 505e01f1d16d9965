//! Any schedule of crashes and lost answers: each mail is sent at least once, and with one id.

use super::{ADDRESS, Office, TestMailer, ada, receipt};
use async_trait::async_trait;
use opencredits_email::{MailError, Mailer, Message};
use opencredits_store::{LeasedMail, MailCounts, MailFailure, MailId, NewMail, Outbox, SqliteStore, StoreError};
use opencredits_units::UnixMs;
use parking_lot::Mutex;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// What happens at one step of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Luck {
    Fine,
    /// The process dies before the step has an effect.
    DiesBefore,
    /// The process dies after the step took effect, before it knows.
    DiesAfter,
    /// The answer is lost: a step that took effect seems to have failed.
    AnswerLost,
}

/// The luck of the steps to come; fine when it is used up.
#[derive(Clone)]
struct Fate {
    steps: Arc<Mutex<VecDeque<Luck>>>,
    died: Arc<Mutex<bool>>,
}

impl Fate {
    fn next(&self) -> Luck {
        if *self.died.lock() {
            return Luck::DiesBefore;
        }
        let luck = self.steps.lock().pop_front().unwrap_or(Luck::Fine);
        *self.died.lock() = matches!(luck, Luck::DiesBefore | Luck::DiesAfter);
        luck
    }

    /// A step in the store: a process that has died gets no further.
    async fn step<T>(&self, step: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        match self.next() {
            Luck::Fine => step.await,
            Luck::DiesBefore => Err(StoreError::Closing),
            Luck::DiesAfter | Luck::AnswerLost => step.await.and(Err(StoreError::Closing)),
        }
    }
}

struct FatedOutbox {
    store: SqliteStore,
    fate: Fate,
}

#[async_trait]
impl Outbox for FatedOutbox {
    async fn enqueue(&self, mail: &NewMail) -> Result<bool, StoreError> {
        self.fate.step(self.store.enqueue(mail)).await
    }

    async fn lease(&self, max: u32, now: UnixMs, until: UnixMs) -> Result<Vec<LeasedMail>, StoreError> {
        self.fate.step(self.store.lease(max, now, until)).await
    }

    async fn mark_sent(&self, id: MailId, now: UnixMs) -> Result<(), StoreError> {
        self.fate.step(self.store.mark_sent(id, now)).await
    }

    async fn retry(&self, mail: &LeasedMail, at: UnixMs) -> Result<(), StoreError> {
        self.fate.step(self.store.retry(mail, at)).await
    }

    async fn give_up(&self, mail: &LeasedMail, failure: MailFailure, now: UnixMs) -> Result<(), StoreError> {
        self.fate.step(self.store.give_up(mail, failure, now)).await
    }

    async fn counts(&self, now: UnixMs) -> Result<MailCounts, StoreError> {
        self.store.counts(now).await
    }

    async fn forget(&self, before: UnixMs) -> Result<u64, StoreError> {
        self.store.forget(before).await
    }
}

struct FatedMailer {
    inner: Arc<TestMailer>,
    fate: Fate,
}

#[async_trait]
impl Mailer for FatedMailer {
    async fn send(&self, message: &Message) -> Result<(), MailError> {
        match self.fate.next() {
            Luck::Fine => self.inner.send(message).await,
            Luck::DiesBefore => Err(MailError::Unreachable),
            Luck::DiesAfter | Luck::AnswerLost => self.inner.send(message).await.and(Err(MailError::Unreachable)),
        }
    }
}

fn luck() -> impl Strategy<Value = Luck> {
    prop_oneof![
        4 => Just(Luck::Fine),
        1 => Just(Luck::DiesBefore),
        1 => Just(Luck::DiesAfter),
        1 => Just(Luck::AnswerLost),
    ]
}

/// Puts three causes in, each again and again, and sends, under this luck, until everything is sent.
async fn live(steps: Vec<Luck>) {
    let office = Office::open().await;
    let fate = Fate { steps: Arc::new(Mutex::new(steps.into())), died: Arc::default() };
    let mut settled = 0;
    for life in 0..200 {
        // A new process on the same files, once the leases of the last one are over.
        *fate.died.lock() = false;
        office.clock.advance(2 * 3_600_000);
        let outbox = Arc::new(FatedOutbox { store: office.store.clone(), fate: fate.clone() });
        let queue = super::MailQueue::new(Some(outbox.clone()), office.clock.clone(), office.entropy.clone());
        let mailer = Arc::new(FatedMailer { inner: office.mailer.clone(), fate: fate.clone() });
        let dispatcher = office.dispatcher_on(outbox, mailer);
        for cause in ["pay_1", "pay_2", "pay_3"] {
            // A caller that was not answered asks again, in this life or the next.
            let _perhaps = queue.receipt(ada().id, cause, receipt()).await;
        }
        let _perhaps = dispatcher.round().await;
        let counts = office.store.counts(super::Clock::now(&*office.clock)).await.unwrap();
        assert_eq!(counts.failed, 0);
        settled = if counts.sent == 3 && fate.steps.lock().is_empty() { settled + 1 } else { 0 };
        if settled == 3 {
            break;
        }
        assert!(life < 199, "everything is sent at last");
    }
    let counts = office.store.counts(super::Clock::now(&*office.clock)).await.unwrap();
    assert_eq!(counts, MailCounts { sent: 3, ..MailCounts::default() }, "no cause is in the table twice");
    let mut sent: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for message in office.mailer.taken() {
        let whole = format!("{}{}{}{:?}", message.subject, message.text, message.html, message.envelope.date);
        assert_eq!(message.envelope.to.as_str(), ADDRESS);
        sent.entry(message.envelope.id.as_str().to_owned()).or_default().insert(whole);
    }
    assert_eq!(sent.len(), 3, "each was sent, under one id, however often");
    assert!(sent.values().all(|versions| versions.len() == 1), "and a repetition is the same mail");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn any_schedule_of_crashes_sends_each_mail_at_least_once_under_one_id(steps in proptest::collection::vec(luck(), 0..40)) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(live(steps));
    }
}

#[tokio::test]
async fn a_crash_between_sending_and_marking_sends_the_same_mail_again() {
    let office = Office::open().await;
    office.queue().receipt(ada().id, "pay_1", receipt()).await.unwrap();
    // Lease, send, and then the process dies before the mark.
    let steps = VecDeque::from([Luck::Fine, Luck::Fine, Luck::DiesBefore]);
    let fate = Fate { steps: Arc::new(Mutex::new(steps)), died: Arc::default() };
    let outbox = Arc::new(FatedOutbox { store: office.store.clone(), fate: fate.clone() });
    let mailer = Arc::new(FatedMailer { inner: office.mailer.clone(), fate });
    assert!(office.dispatcher_on(outbox, mailer).round().await.is_err());
    assert_eq!(office.dispatcher().round().await.unwrap().sent, 0, "its lease holds");
    office.clock.advance(600_000);
    assert_eq!(office.dispatcher().round().await.unwrap().sent, 1);
    let taken = office.mailer.taken();
    assert_eq!(taken.len(), 2);
    assert_eq!(taken[0], taken[1], "with its id, its date and every word");
}
