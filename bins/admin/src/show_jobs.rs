//! Replies about recurring jobs, for people.

use crate::table::{Table, or_dash, time};
use opencredits_api::admin::{AdminReply, JobRunView, JobView};

/// A reply of these; nothing for another one.
pub(crate) fn show(reply: &AdminReply) -> Option<String> {
    Some(match reply {
        AdminReply::Jobs { jobs } => jobs_table(jobs),
        AdminReply::JobRan { name, run } => {
            format!("{name} {} in {}: {}\n", run.outcome, length(run.duration_ms), run.detail)
        }
        _ => return None,
    })
}

fn jobs_table(jobs: &[JobView]) -> String {
    let mut table =
        Table::new(["job", "every", "last run", "took", "outcome", "next run", "runs", "held by", "what it did"]);
    for job in jobs {
        let last = job.last.as_ref();
        table.row([
            job.name.clone(),
            or_dash(job.interval_ms.map(length)),
            or_dash(last.map(|run| time(run.started_at_ms))),
            or_dash(last.map(|run| length(run.duration_ms))),
            or_dash(last.map(|run| outcome(run, job.failures))),
            next(job),
            job.runs.to_string(),
            held(job),
            or_dash(last.map(|run| run.detail.clone())),
        ]);
    }
    table.text("no job has run on this folder yet")
}

fn outcome(run: &JobRunView, failures: u64) -> String {
    if failures > 1 { format!("{}, {failures} in a row", run.outcome) } else { run.outcome.clone() }
}

fn next(job: &JobView) -> String {
    match (job.running_since_ms, job.next_at_ms) {
        (Some(since), _) => format!("runs since {}", time(since)),
        (None, next) => or_dash(next.map(time)),
    }
}

fn held(job: &JobView) -> String {
    match (&job.held_by, job.held_until_ms) {
        (Some(holder), Some(until)) => format!("{holder}, until {}", time(until)),
        _ => "-".to_owned(),
    }
}

/// A length of time in its largest unit that leaves a whole number.
fn length(ms: u64) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1_000, "s")];
    let whole = UNITS.iter().find(|(unit_ms, _)| ms >= *unit_ms && ms.is_multiple_of(*unit_ms));
    whole.map_or_else(|| format!("{ms} ms"), |(unit_ms, name)| format!("{} {name}", ms.div_euclid(*unit_ms)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_has_the_largest_unit_that_leaves_a_whole_number() {
        let check = |ms, expect| assert_eq!(length(ms), expect);
        check(500, "500 ms");
        check(2_000, "2 s");
        check(2_500, "2500 ms");
        check(600_000, "10 min");
        check(86_400_000, "1 d");
        check(0, "0 ms");
    }
}
