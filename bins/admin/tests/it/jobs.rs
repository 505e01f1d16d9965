//! Recurring jobs, as an operator lists and runs them.

use crate::fixture::{Access, Fixture};
use opencredits_store::{AlarmRow, AlarmStates, JobLeases, SqliteStore};
use opencredits_units::UnixMs;
use serde_json::{Value, json};

#[test]
fn a_job_is_run_says_what_it_did_is_listed_and_audited() {
    let mut fixture = Fixture::new(Access::Socket);
    // Each runs once at the start, since it never ran before.
    let ran = fixture.json(&["job", "run", "count"]);
    assert_eq!((&ran["reply"], &ran["name"]), (&json!("job_ran"), &json!("count")));
    assert_eq!((&ran["run"]["outcome"], &ran["run"]["detail"]), (&json!("done"), &json!("runs 2")));
    let text = fixture.text(&["job", "run", "count"]);
    assert!(text.starts_with("count done in ") && text.ends_with(": runs 3\n"), "{text}");
    let output = fixture.run(&["job", "run", "fail"]);
    assert!(!output.status.success(), "a run that failed is a failure, for scripts too");
    let failed = String::from_utf8(output.stdout).unwrap();
    assert!(failed.starts_with("fail failed in ") && failed.contains("no luck"), "{failed}");
    let list = fixture.json(&["job", "list"]);
    let names: Vec<_> = list["jobs"].as_array().unwrap().iter().map(|job| job["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["count", "fail", "slow"]);
    let [count, fail] = [&list["jobs"][0], &list["jobs"][1]];
    assert_eq!(
        (&count["runs"], &count["interval_ms"], &count["description"]),
        (&json!(3), &json!(86_400_000), &json!("counts"))
    );
    assert!(count["next_at_ms"].as_u64().is_some() && count["held_by"] == Value::Null, "{count}");
    assert_eq!((&fail["failures"], &fail["last"]["outcome"]), (&json!(2), &json!("failed")));
    let text = fixture.text(&["job", "list"]);
    assert!(text.contains("1 d") && text.contains("failed, 2 in a row") && text.contains("runs 3"), "{text}");
    let audit = fixture.text(&["audit"]);
    assert_eq!(audit.matches("job.run").count(), 3, "{audit}");
    assert!(fixture.error(&["job", "run", "coun"]).contains("no job coun; there are count, fail, slow"));
    fixture.stop_gateway();
    let text = fixture.text(&["job", "list"]);
    assert!(text.contains("count") && text.contains("runs 3"), "what is stored is there without a gateway: {text}");
}

#[test]
fn without_a_gateway_nothing_is_run() {
    let fixture = Fixture::new(Access::Files);
    assert_eq!(fixture.text(&["job", "list"]), "no job has run on this folder yet\n");
    let error = fixture.error(&["job", "run", "retention"]);
    assert!(error.contains("jobs run within the gateway") && error.contains("start it"), "{error}");
}

#[test]
fn a_job_that_another_process_runs_is_refused_with_who_and_until_when() {
    let fixture = Fixture::new(Access::Socket);
    fixture.text(&["job", "run", "count"]);
    let store = SqliteStore::open(fixture.dir.join("store.db")).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let now = UnixMs::new(1_790_000_000_000);
    runtime.block_on(store.acquire_job("count", "gateway 2 elsewhere", now, 600_000)).unwrap();
    let error = fixture.error(&["job", "run", "count"]);
    assert!(error.contains("gateway 2 elsewhere runs count and holds its lease until 2026-09-21T14:23:20Z"), "{error}");
    assert!(fixture.text(&["job", "list"]).contains("gateway 2 elsewhere, until 2026-09-21T14:23:20Z"));
}

#[test]
fn without_a_gateway_alarms_are_shown_as_they_are_stored_and_none_is_told() {
    let fixture = Fixture::new(Access::Files);
    assert_eq!(fixture.text(&["alarms", "list"]), "no alarm fires\n");
    let error = fixture.error(&["alarms", "test"]);
    assert!(error.contains("alarms are told by the gateway") && error.contains("start it"), "{error}");
    let store = SqliteStore::open(fixture.dir.join("store.db")).unwrap();
    let row = AlarmRow {
        alarm: "OpenCreditsDiskLow".to_owned(),
        labels: "{}".to_owned(),
        summary: "the disk has little space left".to_owned(),
        since: UnixMs::new(1_790_000_000_000),
        told_at: UnixMs::new(1_790_000_600_000),
        repeats: 0,
        ended_at: None,
        is_told: true,
    };
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(store.put_alarm(&row)).unwrap();
    drop(store);
    let list = fixture.json(&["alarms", "list"]);
    let shown = &list["alarms"][0];
    assert_eq!((&shown["alarm"], &shown["state"]), (&json!("OpenCreditsDiskLow"), &json!("firing")));
    let text = fixture.text(&["alarms", "list"]);
    assert!(text.contains("OpenCreditsDiskLow") && text.contains("2026-09-21T14:13:20Z"), "{text}");
}
