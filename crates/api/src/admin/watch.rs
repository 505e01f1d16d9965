//! Executes requests whose progress somebody asks for meanwhile.

use super::answer::Admin;
use super::progress::Watched;
use super::reply::AdminReply;
use opencredits_units::Progress;

impl Admin {
    /// The same executor, which tells the progress of its next request here.
    #[must_use]
    pub fn telling(mut self, progress: &Progress) -> Self {
        self.progress = progress.clone();
        self
    }

    /// An executor for one request that is watched under this number.
    pub(super) fn watched(&self, id: u64) -> (Self, Option<Watched>) {
        let progress = Progress::default();
        let watched = self.running.watch(id, &progress);
        (self.clone().telling(&progress), watched)
    }

    pub(super) fn progress_of(&self, id: u64) -> AdminReply {
        AdminReply::Progress { at: self.running.stage(id).into() }
    }
}
