//! The ledger against a naive journal.

use super::{Effort, Report};
use crate::Outcome;

/// Measures the ledger.
pub(crate) fn run(_effort: Effort, _report: &mut Report) -> Outcome {
    Err("the ledger has no benchmark yet".into())
}
