//! Loads the price book of the config's source at intervals.

use super::{Prices, RefreshOutcome};
use crate::jobs::{Figures, Job, JobFault, JobTerms};
use std::sync::Arc;
use std::time::Duration;

const NAME: &str = "refresh-prices";
const THAT: &str = "loads the price book of the configured source, and refuses what needs a person's word";
const HOUR: Duration = Duration::from_secs(3_600);

/// The job that loads the price book every so many hours; none with zero hours, or where the config names no source.
#[must_use]
pub fn job(prices: &Arc<Prices>, hours: u32) -> Option<Job> {
    if hours == 0 || !prices.has_source() {
        return None;
    }
    let terms = JobTerms::every(HOUR.saturating_mul(hours), NAME).that(THAT);
    Some(Job::on(terms, prices, |prices, _| async move {
        let Some(refreshed) = prices.refresh_unattended().await? else { return Ok(Figures::default()) };
        match refreshed.outcome {
            // It stays refused until somebody agrees, and the operator should see that in the list of jobs.
            RefreshOutcome::Refused => Err(JobFault::from("the new price book needs your word; see catalog refresh")),
            RefreshOutcome::Applied => Ok(Figures::of("books", 1).with_len("changed", refreshed.diff.changed.len())),
            RefreshOutcome::Unchanged | RefreshOutcome::Compared => Ok(Figures::default()),
        }
    }))
}
