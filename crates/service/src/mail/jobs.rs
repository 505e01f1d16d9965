//! The recurring jobs of mails.

use super::dispatcher::{Dispatcher, Round};
use super::notices::NoticeJob;
use crate::jobs::{Figures, Job, JobFault, JobTerms, RunSignal};
use std::sync::Arc;
use std::time::Duration;

const SEND: JobTerms = JobTerms::every(Duration::from_secs(2), "send-mails")
    .that("sends the mails of the outbox that are due")
    .retried_within(Duration::from_secs(60));
const NOTICES: JobTerms = JobTerms::every(Duration::from_secs(60), "find-notices")
    .that("finds low balances and spent limits, and puts mails about them into the outbox");
const FORGET: JobTerms = JobTerms::every(Duration::from_secs(3_600), "forget-mails")
    .that("deletes recipients and figures of mails that ended email.keep_days ago");
/// The full rounds of one run.
const FULL_ROUNDS_MAX: u32 = 32;

/// What the jobs of mails work on.
pub struct MailJobs {
    /// Sends what is due.
    pub dispatcher: Arc<Dispatcher>,
    /// Finds what people are told of.
    pub notices: Arc<NoticeJob>,
}

impl MailJobs {
    /// The jobs. A run that sends ends after the round that it is at when the process does: a mail that was sent is marked as
    /// such.
    #[must_use]
    pub fn jobs(&self) -> Vec<Job> {
        vec![
            Job::on(SEND, &self.dispatcher, |dispatcher, signal| async move { send(&dispatcher, &signal).await }),
            Job::on(NOTICES, &self.notices, |notices, _| async move {
                Ok(Figures::of("notices", notices.round().await?.into()))
            }),
            Job::on(FORGET, &self.dispatcher, |dispatcher, signal| async move { forget(&dispatcher, &signal).await }),
        ]
    }
}

async fn send(dispatcher: &Dispatcher, signal: &RunSignal) -> Result<Figures, JobFault> {
    let mut sum = Round::default();
    for _ in 0..FULL_ROUNDS_MAX {
        if signal.is_stopping() {
            break;
        }
        let round = dispatcher.round().await?;
        sum.sent = sum.sent.saturating_add(round.sent);
        sum.retried = sum.retried.saturating_add(round.retried);
        sum.failed = sum.failed.saturating_add(round.failed);
        if !round.goes_on() {
            break;
        }
    }
    Ok(Figures::of("sent", sum.sent.into()).with("retried", sum.retried.into()).with("given up", sum.failed.into()))
}

async fn forget(dispatcher: &Dispatcher, signal: &RunSignal) -> Result<Figures, JobFault> {
    let mut sum = 0_u64;
    while !signal.is_stopping() {
        match dispatcher.forget().await? {
            0 => break,
            count => sum = sum.saturating_add(count),
        }
    }
    Ok(Figures::of("forgotten", sum))
}
