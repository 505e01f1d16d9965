//! The exit code of a reply.

use opencredits_api::admin::{AdminReply, RefreshOutcomeView};
use std::process::ExitCode;

/// The outcome of a run that failed.
const FAILED: &str = "failed";

/// A failed verification is a failure, for scripts too.
pub(crate) fn code_of(reply: &AdminReply) -> ExitCode {
    match reply {
        AdminReply::Verified { clean: false, .. } | AdminReply::BillsChecked { clean: false, .. } => ExitCode::FAILURE,
        AdminReply::PricesRefreshed { refreshed } if refreshed.outcome == RefreshOutcomeView::Refused => {
            ExitCode::FAILURE
        }
        // Somebody has yet to agree.
        AdminReply::PricesRefreshed { refreshed } if !refreshed.findings.is_empty() && !refreshed.is_in_force() => {
            ExitCode::FAILURE
        }
        AdminReply::ProvidersCompared { report } if !report.agrees || !report.failures.is_empty() => ExitCode::FAILURE,
        AdminReply::JobRan { run, .. } if run.outcome == FAILED => ExitCode::FAILURE,
        AdminReply::AlarmsTested { answers } if answers.iter().any(|answer| !answer.taken) => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    }
}
