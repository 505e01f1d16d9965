//! The recurring jobs of mails.

use super::dispatcher::{Dispatcher, Round};
use super::notices::NoticeJob;
use std::ops::ControlFlow;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;

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
    /// Runs the jobs until `stop` is sent or dropped, and ends after the round that is running: a mail that was sent is
    /// marked as such. A failed job is repeated in its next round.
    pub async fn run(self, mut stop: oneshot::Receiver<()>) {
        let mut rounds = tokio::time::interval(ROUND);
        rounds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut count = 0_u32;
        loop {
            tokio::select! {
                _ = rounds.tick() => {}
                _ = &mut stop => return,
            }
            if count.is_multiple_of(ROUNDS_OF_NOTICES)
                && let Err(error) = self.notices.round().await
            {
                tracing::warn!(%error, "cannot look for low balances; trying again");
            }
            if count.is_multiple_of(ROUNDS_OF_FORGETTING) {
                self.forget().await;
            }
            if self.send(&mut stop).await.is_break() {
                return;
            }
            count = count.wrapping_add(1);
        }
    }

    /// Sends what is due; breaks where the jobs are stopped.
    async fn send(&self, stop: &mut oneshot::Receiver<()>) -> ControlFlow<()> {
        for _ in 0..FULL_ROUNDS_MAX {
            if !matches!(stop.try_recv(), Err(TryRecvError::Empty)) {
                return ControlFlow::Break(());
            }
            match self.dispatcher.round().await.map(Round::goes_on) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    tracing::warn!(%error, "cannot work on the outbox of mails; trying again");
                    break;
                }
            }
        }
        ControlFlow::Continue(())
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
