//! How jobs are told to end.

use opencredits_units::Progress;
use tokio::sync::watch;
use tokio::time::Instant;

/// Tells the jobs to end. Dropping it tells them to end at once.
pub struct StopSwitch(watch::Sender<Option<Instant>>);

/// Where the jobs look whether they are told to end.
#[derive(Clone)]
pub struct StopSignal(watch::Receiver<Option<Instant>>);

/// What a run sees of it, and where the run tells how far it is.
pub struct RunSignal {
    stop: StopSignal,
    progress: Progress,
}

impl StopSwitch {
    /// A switch and its signal.
    #[must_use]
    pub fn new() -> (Self, StopSignal) {
        let (sender, receiver) = watch::channel(None);
        (Self(sender), StopSignal(receiver))
    }

    /// Lets no run begin any more, and gives those that run until this moment.
    pub fn stop_by(&self, deadline: Instant) {
        self.0.send_replace(Some(deadline));
    }
}

impl StopSignal {
    /// Whether the jobs were told to end.
    pub(super) fn is_begun(&self) -> bool {
        self.0.borrow().is_some() || self.0.has_changed().is_err()
    }

    /// Resolves once the jobs are told to end.
    pub async fn begun(&mut self) {
        let _told_or_dropped = self.0.wait_for(Option::is_some).await;
    }

    /// Resolves once the time of what runs is over.
    pub(super) async fn over(&mut self) {
        let deadline = match self.0.wait_for(Option::is_some).await {
            Ok(told) => *told,
            Err(_) => None,
        };
        if let Some(deadline) = deadline {
            tokio::time::sleep_until(deadline).await;
        }
    }

    pub(super) fn of_run(&self, progress: &Progress) -> RunSignal {
        RunSignal { stop: self.clone(), progress: progress.clone() }
    }
}

impl RunSignal {
    /// Whether the process ends: a run with several steps should end after the one that it is at.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.stop.is_begun()
    }

    /// Where the run tells how far it is, for somebody who asked for it.
    #[must_use]
    pub const fn progress(&self) -> &Progress {
        &self.progress
    }
}
