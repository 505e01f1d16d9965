//! The highest load that a ledger carries while holds are fast enough.

use super::figures::{Bound, Figures};
use super::model::Model;
use super::numbers::MILLISECOND;
use super::parameters::Parameters;

/// Requests a second of the first run, and where the search ends in any case.
const FIRST: u64 = 125;
const LAST: u64 = 1 << 20;
/// The search ends within so many parts of the load.
const PARTS: u64 = 32;

/// The parameters and figures of the run with the highest load of which nearly all is done, and whose holds keep to their limit. Where
/// there is none, those of the lowest load that was tried.
pub(super) fn find(base: &Parameters) -> (Parameters, Figures) {
    let run = |rate: u64| {
        let parameters = Parameters { rate: None, total_rate: Some(rate), ..base.clone() };
        let figures = Model::new(&parameters).run();
        (parameters, figures)
    };
    let (mut best, mut low, mut high) = (run(FIRST), FIRST, FIRST.saturating_mul(2));
    while high <= LAST {
        let next = run(high);
        if !is_carried(&next) {
            break;
        }
        (best, low, high) = (next, high, high.saturating_mul(2));
    }
    while high.saturating_sub(low) > low / PARTS {
        let middle = low.midpoint(high);
        let next = run(middle);
        if is_carried(&next) {
            (best, low) = (next, middle);
        } else {
            high = middle;
        }
    }
    best
}

fn is_carried((parameters, figures): &(Parameters, Figures)) -> bool {
    let limit_us = parameters.hold_p99_max_ms.saturating_mul(MILLISECOND / 1_000);
    figures.bound == Bound::Load && figures.hold_p99_us <= limit_us
}
