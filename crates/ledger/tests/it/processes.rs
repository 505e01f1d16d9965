//! The processes that share a ledger: who is there, and whose holds are abandoned.

use crate::books::{connect, connect_as, wait};
use crate::shared::{AUDIT, NOW, PROVIDER, capture, findings, hold, id, name, open, posted};
use opencredits_ledger::{AnyLedger, HEARTBEAT, Ledger, LedgerError, ProcessRow, Replay, SharedLedger};
use opencredits_testkit::Postgres;
use opencredits_units::EntryId;
use std::time::Duration;

/// A process that was not seen for so long is taken as dead here.
const SILENT: Duration = Duration::from_secs(30);

/// As if the process of this name had not been seen for a minute.
fn silence(server: &Postgres, database: &str, process: &str) {
    let sql = format!("UPDATE ledger_processes SET seen_at = seen_at - interval '1 minute' WHERE name = '{process}'");
    server.sql(name(database), &sql);
}

fn abandoned(ledger: &SharedLedger) -> Vec<EntryId> {
    wait(ledger.abandoned(SILENT, 100)).unwrap().iter().map(|hold| hold.id).collect()
}

fn row(ledger: &SharedLedger, process: &str) -> ProcessRow {
    wait(ledger.processes()).unwrap().into_iter().find(|row| row.name == process).unwrap()
}

fn names(ledger: &SharedLedger) -> Vec<String> {
    wait(ledger.processes()).unwrap().into_iter().map(|row| row.name).collect()
}

#[test]
fn holds_of_a_process_that_is_gone_are_abandoned_and_those_of_others_are_not() {
    let Some(server) = Postgres::shared() else { return };
    let database = server.database();
    let [gone, there, asks] = ["gone", "there", "asks"].map(|process| connect_as(&database, process));
    open(&gone, 100);
    for (ledger, n) in [(&gone, 11), (&there, 12), (&asks, 13), (&gone, 10)] {
        wait(hold(ledger, n, 5)).unwrap();
    }
    assert_eq!(asks.name(), "asks");
    assert_eq!(abandoned(&asks), []);
    assert_eq!(wait(asks.live_processes(SILENT)).unwrap(), 3);
    drop(gone);
    silence(server, &database, "gone");
    silence(server, &database, "asks");
    assert_eq!(abandoned(&asks), [id(10), id(11)], "the oldest first, and never those of who asks");
    assert_eq!(wait(asks.abandoned(SILENT, 1)).unwrap().len(), 1);
    assert_eq!(wait(asks.live_processes(SILENT)).unwrap(), 2);
    let (dead, own) = (row(&asks, "gone"), row(&asks, "asks"));
    assert!(dead.seen_ms_ago >= 60_000 && dead.started_ms_ago < 60_000, "{dead:?}");
    assert_eq!((dead.holds, dead.is_self, own.holds, own.is_self), (2, false, 1, true));
    assert!(dead.process < own.process, "{dead:?} {own:?}");
}

#[test]
fn a_late_capture_of_an_abandoned_hold_that_another_process_has_voided_is_refused() {
    let Some(server) = Postgres::shared() else { return };
    let database = server.database();
    let [slow, other] = ["slow", "other"].map(|process| connect_as(&database, process));
    open(&slow, 100);
    wait(hold(&slow, 10, 5)).unwrap();
    silence(server, &database, "slow");
    assert_eq!(abandoned(&other), [id(10)]);
    wait(other.void(id(10), NOW).durable()).unwrap();
    let late = wait(capture(&slow, 10, 3));
    assert!(matches!(late, Err(LedgerError::HoldFinished { how: "voided", .. })), "{late:?}");
    assert_eq!(abandoned(&other), []);
    assert_eq!(posted(&slow, PROVIDER), 0);
    assert_eq!(findings(&slow), []);
    assert_eq!(server.psql(name(&database), AUDIT), "");
}

/// What the caller of a process does that finds its hold released: it charges under an id of its own, and again where the answer was
/// lost. `true` where it was the hold itself that was charged.
async fn charge(ledger: &SharedLedger, n: u64) -> bool {
    match capture(ledger, n, 3).await {
        Ok(replay) => {
            assert_eq!(replay, Replay::First, "{n}");
            return true;
        }
        Err(LedgerError::HoldFinished { how: "voided", .. }) => {}
        Err(other) => panic!("{n}: {other}"),
    }
    for replay in [Replay::First, Replay::Finished] {
        hold(ledger, n + 1, 0).await.unwrap();
        assert_eq!(capture(ledger, n + 1, 3).await.unwrap(), replay, "{n}");
    }
    false
}

/// Releases an abandoned hold, and tells whether this was the first to do so.
async fn release(ledger: &SharedLedger, n: u64, after_ms: u64) -> bool {
    tokio::time::sleep(Duration::from_millis(after_ms)).await;
    match ledger.void(id(n), NOW).durable().await {
        Ok(voided) => voided.replay == Replay::First,
        Err(LedgerError::HoldFinished { how: "captured", .. }) => false,
        Err(other) => panic!("{n}: {other}"),
    }
}

#[test]
fn a_hold_that_two_processes_release_at_once_while_its_own_charges_it_is_booked_once() {
    let Some(server) = Postgres::shared() else { return };
    let database = server.database();
    let [slow, one, other] = ["slow", "one", "other"].map(|process| connect_as(&database, process));
    open(&slow, 1_000_000);
    let rounds: u64 = crate::variable("TEST_TAKE_OVERS").map_or(100, |rounds| rounds.parse().unwrap());
    // Each has its own id and the one after it.
    let ids: Vec<u64> = (0..rounds).map(|round| 1_000 + 2 * round).collect();
    for n in &ids {
        wait(hold(&slow, *n, 5)).unwrap();
    }
    silence(server, &database, "slow");
    let max = ids.len();
    let found = [&one, &other].map(|ledger| wait(ledger.abandoned(SILENT, max)).unwrap().len());
    assert_eq!(found, [max, max], "both find all of them");
    let (mut captured, mut voided) = (0, 0);
    for (n, at) in ids.iter().zip(0..) {
        // Who comes first differs from one to the next.
        let late = async {
            tokio::time::sleep(Duration::from_millis(at % 5)).await;
            charge(&slow, *n).await
        };
        let (was_captured, first, second) =
            wait(async { tokio::join!(late, release(&one, *n, 2), release(&other, *n, 2)) });
        assert_eq!(u64::from(was_captured) + u64::from(first) + u64::from(second), 1, "one of them ends {n}");
        captured += u64::from(was_captured);
        voided += u64::from(first || second);
    }
    eprintln!("{captured} captured, {voided} released first");
    assert!(captured > 0 && voided > 0);
    assert_eq!(posted(&one, PROVIDER), 3 * i64::try_from(rounds).unwrap(), "each once");
    assert_eq!(abandoned(&other), []);
    assert_eq!(findings(&one), []);
    assert_eq!(server.psql(name(&database), AUDIT), "");
}

#[test]
fn a_process_is_seen_again_at_its_next_heartbeat() {
    let Some(server) = Postgres::shared() else { return };
    let database = server.database();
    let ledger = connect_as(&database, "beats");
    silence(server, &database, "beats");
    while row(&ledger, "beats").seen_ms_ago >= 60_000 {
        std::thread::sleep(Duration::from_millis(20));
    }
    let seen = row(&ledger, "beats");
    assert!(Duration::from_millis(seen.started_ms_ago) + Duration::from_millis(500) > HEARTBEAT, "{seen:?}");
    assert!(seen.seen_ms_ago < seen.started_ms_ago, "{seen:?}");
    wait(ledger.close());
    assert_eq!(server.psql(name(&database), "SELECT count(*) FROM ledger_processes"), "0\n");
}

#[test]
fn a_process_leaves_with_its_last_hold_and_one_that_died_is_forgotten() {
    let Some(server) = Postgres::shared() else { return };
    let database = server.database();
    let [empty, holds, stays] = ["empty", "holds", "stays"].map(|process| connect_as(&database, process));
    open(&empty, 100);
    wait(hold(&holds, 10, 5)).unwrap();
    wait(empty.close());
    wait(holds.close());
    assert_eq!(names(&stays), ["holds", "stays"]);
    silence(server, &database, "holds");
    silence(server, &database, "stays");
    assert_eq!(wait(stays.forget_processes(SILENT)).unwrap(), 0, "it has a hold");
    wait(stays.void(id(10), NOW).durable()).unwrap();
    assert_eq!(wait(stays.forget_processes(SILENT)).unwrap(), 1);
    assert_eq!(names(&stays), ["stays"]);
    assert_eq!(server.psql(name(&database), "SELECT count(*) FROM ledger_writers"), "1\n");
}

#[test]
fn a_process_that_was_forgotten_comes_back_under_its_number() {
    let Some(server) = Postgres::shared() else { return };
    let database = server.database();
    let [slow, other] = ["slow", "other"].map(|process| connect_as(&database, process));
    open(&slow, 100);
    let before = row(&other, "slow").process;
    silence(server, &database, "slow");
    assert_eq!(wait(other.forget_processes(SILENT)).unwrap(), 1);
    for n in 10..20 {
        assert_eq!(wait(hold(&slow, n, 2)).unwrap(), Replay::First);
    }
    let after = row(&other, "slow");
    assert_eq!((after.process, after.holds), (before, 10));
    assert_eq!(wait(other.live_processes(SILENT)).unwrap(), 2);
    wait(capture(&slow, 10, 2)).unwrap();
    assert_eq!(findings(&other), []);
}

#[test]
fn tables_of_form_1_are_brought_up_to_date_by_processes_that_start_at_once() {
    let Some(server) = Postgres::shared() else { return };
    let database = server.database();
    server.sql(name(&database), include_str!("form_1.sql"));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| drop(connect(&database)));
        }
    });
    assert_eq!(server.psql(name(&database), "SELECT form FROM ledger_form"), "3\n");
    let [ledger, other] = ["new", "other"].map(|process| connect_as(&database, process));
    open(&ledger, 100);
    wait(hold(&ledger, 10, 5)).unwrap();
    assert_eq!(row(&other, "new").holds, 1);
    // A hold of a connection of before is nobody's, and ends by its expiry.
    server.sql(name(&database), "UPDATE ledger_holds SET writer = 1");
    silence(server, &database, "new");
    assert_eq!((abandoned(&other), row(&other, "new").holds), (Vec::new(), 0));
    wait(capture(&ledger, 10, 3)).unwrap();
    assert_eq!(findings(&ledger), []);
}

#[test]
fn a_ledger_of_one_process_has_no_others() {
    let ledger = AnyLedger::from(Ledger::in_memory().unwrap());
    assert_eq!(wait(ledger.abandoned(Duration::ZERO, 10)).unwrap(), []);
    assert_eq!(wait(ledger.live_processes(SILENT)).unwrap(), 1);
}
