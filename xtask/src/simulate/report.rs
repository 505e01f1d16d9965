//! The figures as tables for people, or as one JSON object.

use super::figures::Figures;
use super::parameters::Parameters;
use super::people::highest_share;
use crate::outcome::Outcome;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// A run that has ended.
pub(super) struct Finished {
    /// The value that was varied.
    pub(super) value: String,
    pub(super) parameters: Parameters,
    pub(super) figures: Figures,
}

const COLUMNS: [&str; 12] = [
    "pairs/s",
    "hold p50 ms",
    "p99 ms",
    "commits/s",
    "cmds/commit",
    "head %",
    "cores %",
    "wallets %",
    "bound",
    "exposure %",
    "unflushed",
    "waiting",
];

/// A table with a line for each run.
pub(super) fn table(title: &str, varied: &str, runs: &[Finished]) -> String {
    let mut out = format!("\n{title}\n{varied:>10}");
    for column in COLUMNS {
        push(&mut out, column);
    }
    out.push('\n');
    for Finished { value, figures, .. } in runs {
        push_first(&mut out, value);
        let cells = [
            figures.pairs_per_s.to_string(),
            tenths(figures.hold_p50_us / 100),
            tenths(figures.hold_p99_us / 100),
            figures.commits_per_s.to_string(),
            tenths(figures.commands_per_commit_x10),
            tenths(figures.head_locked_permille),
            tenths(figures.cores_busy_permille),
            tenths(figures.transaction_time_permille.wallets),
            figures.bound.name().to_owned(),
            tenths(figures.exposure_max_permille),
            figures.unflushed_charges_max.to_string(),
            figures.commands_waiting_at_the_end.to_string(),
        ];
        cells.iter().for_each(|cell| push(&mut out, cell));
        out.push('\n');
    }
    out
}

/// What the columns mean, and what follows from the parameters alone.
pub(super) fn legend(parameters: &Parameters) -> String {
    let bounds = bounds(parameters);
    let share = highest_share(parameters);
    format!(
        "
head %       time for which the head of a ledger's chain is locked
wallets %    part of the transactions' time in which they wait for wallets; one person makes {}.{:02} % of the requests
bound        what is used all the time, or what takes the most of a transaction's time; load: all that arrives is done
exposure %   part of billing.exposure_max_usd that one person can reach: the gateways at which it has open requests, of all
unflushed    the most accepted charges that a crash of a database would undo
waiting      commands without an answer at the end of the measured part
{}",
        share / 100,
        share % 100,
        bounds,
    )
}

/// What head and cores allow, by the size of a batch.
fn bounds(parameters: &Parameters) -> String {
    let shown = |bound: Option<u64>| bound.map_or_else(|| "any".to_owned(), |bound| bound.to_string());
    let mut out = "
pairs a second that are possible with the parameters as given, before anything is varied
     batch  head allows cores allow
"
    .to_owned();
    for size in [1, 8, 64, 512].into_iter().filter(|size| *size < parameters.batch_max).chain([parameters.batch_max]) {
        push_first(&mut out, &size.to_string());
        push(&mut out, &shown(parameters.head_bound(size)));
        push(&mut out, &shown(parameters.cores_bound(size)));
        out.push('\n');
    }
    out
}

/// The parameters as given, and every run with its own.
pub(super) fn json(given: &Parameters, sweeps: &[(&'static str, Vec<Finished>)]) -> Outcome<String> {
    let mut runs = Vec::new();
    for (name, finished) in sweeps {
        for run in finished {
            let mut object = json!({"sweep": name, "value": run.value, "parameters": run.parameters});
            if let (Value::Object(object), Value::Object(figures)) = (&mut object, serde_json::to_value(&run.figures)?)
            {
                object.extend(figures);
            }
            runs.push(object);
        }
    }
    Ok(json!({"parameters": given, "runs": runs}).to_string())
}

fn push(out: &mut String, cell: &str) {
    let written = write!(out, " {cell:>11}");
    debug_assert!(written.is_ok(), "writing to a string never fails");
}

fn push_first(out: &mut String, cell: &str) {
    let written = write!(out, "{cell:>10}");
    debug_assert!(written.is_ok(), "writing to a string never fails");
}

/// A count of tenths, with its point.
fn tenths(count: u64) -> String {
    format!("{}.{}", count / 10, count % 10)
}
