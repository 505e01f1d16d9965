//! The job that deletes what is over.

use super::SignIn;
use crate::jobs::{Figures, Job, JobFault, JobTerms, RunSignal};
use opencredits_store::{IdentityDeleted, IdentityEnds, StoreError};
use opencredits_units::UnixMs;
use std::sync::Arc;
use std::time::Duration;

const TERMS: JobTerms = JobTerms::every(Duration::from_secs(600), "identity-cleanup")
    .that("deletes codes, links, attempts and sessions that are over");
/// Calls of the store in one run; the next run goes on.
const BATCHES_MAX: usize = 1_000;

/// The job that deletes challenges, links, attempts and sessions that are over.
#[must_use]
pub fn cleanup_job(sign_in: &Arc<SignIn>) -> Job {
    Job::on(TERMS, sign_in, |sign_in, signal| async move {
        let deleted = sign_in.delete_over(move || RunSignal::is_stopping(&signal)).await?;
        let IdentityDeleted { challenges, links, buckets, sessions } = deleted;
        let figures = Figures::of("challenges", challenges).with("links", links);
        Ok::<_, JobFault>(figures.with("attempts", buckets).with("sessions", sessions))
    })
}

impl SignIn {
    /// Deletes what is over, until nothing is left or `is_stopping` says that the process ends.
    ///
    /// # Errors
    /// When the store fails. What was deleted stays so.
    pub async fn delete_over(&self, is_stopping: impl Fn() -> bool + Send) -> Result<IdentityDeleted, StoreError> {
        let now = self.now();
        let ago = |ms: u64| UnixMs::new(now.get().saturating_sub(ms));
        let lifetimes = self.settings.lifetimes;
        let ends = IdentityEnds {
            now,
            used_before: ago(lifetimes.idle_ms),
            begun_before: ago(lifetimes.absolute_ms),
            ended_before: now,
        };
        let mut sum = IdentityDeleted::default();
        for _ in 0..BATCHES_MAX {
            let deleted = self.tables.retention.delete_identity(ends).await?;
            sum.challenges = sum.challenges.saturating_add(deleted.challenges);
            sum.links = sum.links.saturating_add(deleted.links);
            sum.buckets = sum.buckets.saturating_add(deleted.buckets);
            sum.sessions = sum.sessions.saturating_add(deleted.sessions);
            if deleted.sum() == 0 || is_stopping() {
                break;
            }
        }
        Ok(sum)
    }
}
