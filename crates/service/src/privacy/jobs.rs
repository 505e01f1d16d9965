//! The recurring jobs about people's data.

use super::rotation::rotate;
use super::state::Privacy;
use crate::jobs::{Figures, Job, JobFault, JobTerms};
use opencredits_keys::DataKeys;
use opencredits_store::AddressRotation;
use std::sync::Arc;
use std::time::Duration;

const DELETE: JobTerms = JobTerms::every(Duration::from_secs(600), "delete-accounts")
    .that("deletes the accounts of people who asked for it privacy.deletion_grace_days ago");
const TELL: JobTerms = JobTerms::every(Duration::from_secs(60), "tell-policies")
    .that("puts mails about new versions of the policy into the outbox, for everybody once");
const ROTATE: JobTerms = JobTerms::every(Duration::from_secs(3_600), "rotate-address-keys")
    .that("encrypts addresses with the newest key, and says which keys are not needed any more");
/// Steps of one run that tell people; the next run goes on.
const STEPS_MAX: usize = 500;

/// The jobs that delete accounts and tell of versions of the policy.
#[must_use]
pub fn privacy_jobs(privacy: &Arc<Privacy>) -> Vec<Job> {
    vec![
        Job::on(DELETE, privacy, |privacy, _| async move {
            let (erased, failed) = privacy.erase_due().await?;
            Ok::<_, JobFault>(Figures::of("deleted", erased).with("failed", failed))
        }),
        Job::on(TELL, privacy, |privacy, signal| async move {
            let mut told = 0_u64;
            for _ in 0..STEPS_MAX {
                match privacy.tell_some().await? {
                    0 => break,
                    new => told = told.saturating_add(new),
                }
                if signal.is_stopping() {
                    break;
                }
            }
            Ok::<_, JobFault>(Figures::of("told", told))
        }),
    ]
}

/// The job that encrypts addresses with the newest of these keys.
#[must_use]
pub fn rotation_job(store: Arc<dyn AddressRotation>, keys: &DataKeys) -> Job {
    let rotation = Arc::new((store, keys.ids().collect::<Vec<_>>()));
    Job::on(ROTATE, &rotation, |rotation, signal| async move {
        let (store, keys) = &*rotation;
        let changed = rotate(&**store, keys, (|| signal.is_stopping(), signal.progress())).await?;
        Ok::<_, JobFault>(Figures::of("encrypted", changed))
    })
}
