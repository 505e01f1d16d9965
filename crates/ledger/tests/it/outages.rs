//! Failures of the database that last until somebody mends it: a standby that is gone for good, a disk that is full.

use crate::books::{connect, wait};
use crate::failover::pair;
use crate::shared::{AUDIT, Load, PROVIDER, findings, hold, name, open, posted};
use opencredits_ledger::{LedgerError, SharedLedger};
use opencredits_testkit::{Disk, OnDisk, Postgres};
use std::collections::BTreeSet;
use std::time::Duration;

/// Callers who have done nothing for so long wait for what is mended.
const QUIET: Duration = Duration::from_secs(1);
/// Once it is mended, they are served within this time.
const SERVED_AGAIN: Duration = Duration::from_secs(30);
/// Whoever begins something meanwhile is answered within this time.
const ANSWERED: Duration = Duration::from_secs(10);
/// How long a standby is gone: `TEST_STANDBY_GONE_S`, or long enough for others to take the database for away.
const GONE_S: u64 = 6;
/// How often a disk is filled: `TEST_FULL_DISKS`, or once.
const FULL_DISKS: u64 = 1;

fn number(variable: &str, otherwise: u64) -> u64 {
    crate::variable(variable).map_or(otherwise, |number| number.parse().unwrap())
}

#[test]
fn commits_that_wait_for_a_standby_that_is_gone_are_acknowledged_once_nobody_waits_for_it() {
    let Some(([primary, standby], both)) = pair() else { return };
    let processes = [connect(&both), connect(&both)];
    open(&processes[0], 1_000_000_000);
    let load = Load::default();
    load.run(&processes, || {
        load.go_on(100);
        standby.kill("KILL");
        load.stands_still(QUIET);
        primary.shows("SELECT wait_event FROM pg_stat_activity WHERE wait_event = 'SyncRep'", "SyncRep");
        let acknowledged = load.charged();
        std::thread::sleep(Duration::from_secs(number("TEST_STANDBY_GONE_S", GONE_S)));
        assert_eq!(load.charged(), acknowledged, "nothing is acknowledged that the standby does not have");
        assert_eq!(posted(&processes[1], PROVIDER), acknowledged, "and nothing of it is seen");
        primary.wait_for_nobody();
        load.go_on_within(SERVED_AGAIN, 100);
    });
    let ledger = &processes[1];
    assert_eq!(load.unclear(), BTreeSet::new());
    assert_eq!(posted(ledger, PROVIDER), load.charged(), "what has waited is there, and nothing twice");
    assert_eq!(findings(ledger), []);
    assert_eq!(primary.psql(name(&both), AUDIT), "");
}

/// Whoever begins something is refused before long, and never left without an answer.
fn check_refusal(ledger: &SharedLedger, n: u64) {
    // What had room still is answered as ever.
    let is_refused = (0..100).any(|at| {
        let asked = async { tokio::time::timeout(ANSWERED, hold(ledger, n + at, 1)).await };
        match wait(asked).unwrap_or_else(|_| panic!("no answer within {ANSWERED:?}")) {
            Err(LedgerError::Away | LedgerError::CommitUnknown) => return true,
            Err(other) => panic!("{other}"),
            Ok(_) => {}
        }
        std::thread::sleep(Duration::from_millis(50));
        false
    });
    assert!(is_refused, "there is no room, and holds are placed");
}

/// The disk of a part of the server is full under load, and there is room again.
fn check_full_disk(part: OnDisk) {
    let Some(disk) = Disk::of_megabytes(64) else { return };
    let Some(server) = Postgres::start_on(&disk, part, &[]) else { return };
    let database = server.database();
    let processes = [connect(&database), connect(&database)];
    open(&processes[0], 1_000_000_000);
    let load = Load::default();
    load.run(&processes, || {
        for round in 0..number("TEST_FULL_DISKS", FULL_DISKS) {
            load.go_on(200);
            disk.fill();
            load.stands_still(QUIET);
            // Ids that the callers do not come to.
            check_refusal(&processes[1], (1 << 40) + 1_000 * round);
            disk.free();
            server.revive();
            load.go_on_within(SERVED_AGAIN, 200);
        }
    });
    let ledger = &processes[0];
    assert_eq!(load.unclear(), BTreeSet::new(), "every refusal says that the database is away");
    assert_eq!(posted(ledger, PROVIDER), load.charged(), "what was acknowledged, and nothing twice");
    assert_eq!(findings(ledger), []);
    assert_eq!(server.psql(name(&database), AUDIT), "");
}

#[test]
fn while_the_tables_have_no_room_beginnings_are_refused_and_ends_wait_and_nothing_is_lost() {
    check_full_disk(OnDisk::Tables);
}

#[test]
fn a_server_that_ends_since_its_log_has_no_room_has_lost_nothing_once_it_is_started_again() {
    check_full_disk(OnDisk::Log);
}
