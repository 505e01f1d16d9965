//! The recurring jobs of mails.

use super::dispatcher::{Dispatcher, Round};
use super::notices::NoticeJob;
use std::time::Duration;

/// The interval of sending.
const ROUND: Duration = Duration::from_secs(2);
/// The full rounds that follow each other without a pause, before other jobs get their turn.
const FULL_ROUNDS_MAX: u32 = 32;
/// The rounds of sending between two looks at all balances: a minute.
const ROUNDS_OF_NOTICES: u32 = 30;
/// The rounds of sending between two deletions: an hour.
const ROUNDS_OF_FORGETTING: u32 = 1_800;

/// The jobs of mails. They run beside the others, so that a slow mail server delays mails only.
pub struct MailJobs {
    /// Sends what is due.
    pub dispatcher: Dispatcher,
    /// Finds what people are told of.
    pub notices: NoticeJob,
}

impl MailJobs {
    /// Runs the jobs until the task is stopped. A failed job is repeated in its next round.
    pub async fn run(self) {
        let mut rounds = tokio::time::interval(ROUND);
        rounds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut count = 0_u32;
        loop {
            rounds.tick().await;
            if count.is_multiple_of(ROUNDS_OF_NOTICES)
                && let Err(error) = self.notices.round().await
            {
                tracing::warn!(%error, "cannot look for low balances; trying again");
            }
            if count.is_multiple_of(ROUNDS_OF_FORGETTING) {
                self.forget().await;
            }
            self.send().await;
            count = count.wrapping_add(1);
        }
    }

    async fn send(&self) {
        for _ in 0..FULL_ROUNDS_MAX {
            match self.dispatcher.round().await.map(Round::goes_on) {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => return tracing::warn!(%error, "cannot work on the outbox of mails; trying again"),
            }
        }
    }

    async fn forget(&self) {
        loop {
            match self.dispatcher.forget().await {
                Ok(0) => return,
                Ok(count) => tracing::info!(count, "deleted recipients and figures of mails that were sent long ago"),
                Err(error) => return tracing::warn!(%error, "cannot forget old mails; trying again"),
            }
        }
    }
}
