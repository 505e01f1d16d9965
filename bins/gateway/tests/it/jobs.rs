//! Recurring jobs through the binary: their leases after an orderly end, and after none.

use crate::fixture::Fixture;
use opencredits_store::{JobLeases, JobOutcome, JobRecord, SqliteStore};
use std::time::Duration;

const PAGE: &str = include_str!("../../../../docs/jobs.md");

fn records(fixture: &Fixture) -> Vec<JobRecord> {
    let store = SqliteStore::open(fixture.data().join("store.db")).unwrap();
    tokio::runtime::Runtime::new().unwrap().block_on(store.jobs()).unwrap()
}

/// The records, once each job has run and this process has the lease of `expire-holds`.
fn all_run(fixture: &Fixture) -> Vec<JobRecord> {
    for _ in 0..400 {
        let found = records(fixture);
        let is_held = found.iter().any(|record| record.name == "expire-holds" && record.lease.is_some());
        if is_held && found.len() >= 5 && found.iter().all(|record| record.last.is_some()) {
            return found;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("{:?}", records(fixture));
}

#[test]
fn leases_are_given_back_at_the_end_and_those_of_a_process_that_was_killed_are_nobodys_at_the_next_start() {
    let fixture = Fixture::new();
    let first = fixture.start(&["dev"], &[]);
    let found = all_run(&fixture);
    let names: Vec<&str> = found.iter().map(|record| record.name.as_str()).collect();
    for name in ["expire-holds", "forget-claims", "project-usage", "renew-limits", "retention"] {
        assert!(names.contains(&name), "{name} in {names:?}");
    }
    for name in &names {
        assert!(PAGE.contains(&format!("| `{name}` | ")), "{name} is not on the page");
    }
    let holds = |found: &[JobRecord]| found.iter().find(|record| record.name == "expire-holds").cloned().unwrap();
    let before = holds(&found);
    assert!(before.lease.as_ref().is_some_and(|lease| lease.holder.starts_with("gateway ")), "{before:?}");
    first.signal("-KILL");
    first.ended();
    let second = fixture.start(&["dev"], &[]);
    let after = holds(&all_run(&fixture));
    let tokens = [&before, &after].map(|record| record.lease.as_ref().unwrap().token);
    assert!(tokens[1] > tokens[0], "the lease of the killed one was not waited for: {tokens:?}");
    second.terminate();
    let (status, log) = second.ended();
    assert!(status.success(), "{log}");
    for record in records(&fixture) {
        let outcome = record.last.map(|last| last.outcome);
        assert_eq!((record.lease, outcome, record.failures), (None, Some(JobOutcome::Done), 0), "{}", record.name);
    }
}
