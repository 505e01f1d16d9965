//! Compares the latest complete days with the providers' bills, once a day.

use super::ProviderReconciliation;
use crate::jobs::{Figures, Job, JobTerms};
use std::sync::Arc;
use std::time::Duration;

const TERMS: JobTerms = JobTerms::every(Duration::from_secs(86_400), "reconcile-providers")
    .that("compares what was booked as cost with what providers billed, for the latest complete days");
/// The days that are compared each time: providers correct bills late, and a gateway may not have run on a day.
const DAYS: u64 = 3;

/// The daily job.
#[must_use]
pub fn job(providers: &Arc<ProviderReconciliation>) -> Job {
    Job::on(TERMS, providers, |providers, _| async move {
        let Some(latest) = providers.latest_day() else { return Ok(Figures::default()) };
        let mut figures = Figures::default();
        for day in latest.saturating_sub(DAYS.saturating_sub(1))..=latest {
            let report = providers.reconcile_day(day).await?;
            let beyond = report.rows.iter().filter(|row| row.beyond).count();
            // The metrics and the figures are those of the latest day.
            figures = Figures::default()
                .with_len("classes compared", report.rows.len())
                .with_len("beyond tolerance", beyond)
                .with_len("vendors that failed", report.failures.len());
        }
        Ok(figures)
    })
}
