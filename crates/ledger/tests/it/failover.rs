//! Two servers, of which one follows the other: what was acknowledged as durable is on both.

use crate::books::{connect, wait};
use crate::shared::{AUDIT, Load, capture, findings, hold, name, open, posted};
use opencredits_ledger::Replay;
use opencredits_testkit::Postgres;

/// A primary and its synchronous standby, a database, and how to reach whichever is the primary.
pub(crate) fn pair() -> Option<([Postgres; 2], String)> {
    let primary = Postgres::start(&[])?;
    let database = primary.database();
    let standby = Postgres::standby_of(&primary, &[]);
    primary.wait_for_standbys();
    let (first, second) = (primary.folder().display(), standby.folder().display());
    let both =
        format!("host={first},{second} user=postgres target_session_attrs=read-write dbname={}", name(&database));
    Some(([primary, standby], both))
}

#[test]
fn at_each_failover_under_load_nothing_acknowledged_as_durable_is_lost_and_nothing_is_doubled() {
    let Some((servers, both)) = pair() else { return };
    let processes = [connect(&both), connect(&both)];
    open(&processes[0], 1_000_000_000);
    let rounds: usize = crate::variable("TEST_FAILOVERS").map_or(2, |rounds| rounds.parse().unwrap());
    let load = Load::default();
    load.run(&processes, || {
        for round in 0..rounds {
            load.go_on(100);
            let [dies, takes_over] = [&servers[round % 2], &servers[(round + 1) % 2]];
            dies.kill("KILL");
            takes_over.promote();
            load.go_on(100);
            dies.follow(takes_over);
            takes_over.wait_for_standbys();
        }
        load.go_on(100);
    });
    let ledger = &processes[1];
    assert_eq!(posted(ledger, crate::shared::PROVIDER), load.charged(), "what was acknowledged, and nothing twice");
    assert_eq!(findings(ledger), []);
    assert_eq!(servers[rounds % 2].psql(name(&both), AUDIT), "");
}

#[test]
fn a_commit_that_stops_waiting_for_its_standby_is_not_taken_as_durable() {
    let Some(([primary, standby], both)) = pair() else { return };
    let ledger = connect(&both);
    open(&ledger, 100);
    wait(hold(&ledger, 10, 5)).unwrap();
    standby.signal("STOP");
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
    let outcome = std::thread::scope(|scope| {
        let asked = scope.spawn(|| wait(capture(&ledger, 10, 4)));
        primary.shows(waiting, "1");
        primary.sql("postgres", "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'");
        // Another connection asks for it now, and that waits for the standby as well.
        primary.shows("SELECT query FROM pg_stat_activity WHERE wait_event = 'SyncRep'", "looks = looks + 1");
        assert!(!asked.is_finished());
        standby.signal("CONT");
        asked.join().unwrap()
    });
    assert_eq!(outcome.unwrap(), Replay::First);
    assert_eq!(posted(&ledger, crate::shared::PROVIDER), 4);
}
