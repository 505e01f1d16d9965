//! Verifies the books again and again, at a pace that leaves the machine to requests.

use super::job::{Figures, Job, JobFault, JobTerms};
use super::stop::RunSignal;
use crate::accounts::tell_verified;
use crate::gateway::Gateway;
use crate::telemetry::families::VERIFY_POSITION;
use crate::telemetry::float;
use opencredits_ledger::{LedgerError, StorageError, VerifyReport};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

const VERIFY_BOOKS: JobTerms = JobTerms::every(Duration::from_secs(3_600), "verify-books")
    .that("recomputes the books from the entries, at a tenth of one core");
/// How long it works at once, and how long it then waits.
const WORK: Duration = Duration::from_millis(5);
const REST: Duration = Duration::from_millis(45);
/// Findings that the log names.
const NAMED_MAX: usize = 10;

/// The job that verifies the ledger of a gateway. Findings are no failure of the job: they are in the log as errors, and in
/// the metric that the alarm reads.
#[must_use]
pub fn verify_job(gateway: &Arc<Gateway>) -> Job {
    Job::on(VERIFY_BOOKS, gateway, |gateway, signal| async move { verify(&gateway, signal).await })
}

async fn verify(gateway: &Gateway, signal: RunSignal) -> Result<Figures, JobFault> {
    let mode = gateway.mode();
    let progress = signal.progress().clone();
    let watched = progress.clone();
    let position = VERIFY_POSITION.gauge_of(&[mode.name()]);
    let shown = position.clone();
    let mut began = Instant::now();
    let step = move || {
        if began.elapsed() >= WORK {
            shown.set(float(watched.stage().done));
            std::thread::sleep(REST);
            began = Instant::now();
        }
        if signal.is_stopping() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let verified = gateway.ledger().verify_in_steps(&progress, step).await;
    position.set(0.0);
    match verified {
        Ok(report) => {
            tell_verified(mode, gateway.clock().now());
            Ok(told(&report))
        }
        // The process ends.
        Err(LedgerError::Storage(StorageError::Interrupted)) => Ok(Figures::of("entries", progress.stage().done)),
        Err(error) => Err(error.into()),
    }
}

fn told(report: &VerifyReport) -> Figures {
    for finding in report.findings.iter().take(NAMED_MAX) {
        tracing::error!(%finding, "the books are not as their entries say");
    }
    Figures::of("entries", report.entries).with("findings", report.findings_total)
}
