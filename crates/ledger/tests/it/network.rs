//! Packets that a network loses between a ledger and its database: TCP sends them again, gives up, and may have sent what it gave up.
//!
//! The test runs its own program once more in a network of its own, in which nothing else is and which is gone with it.

use crate::books::{connect, wait};
use crate::shared::{AUDIT, Load, PROVIDER, findings, hold, name, open, posted};
use opencredits_ledger::{LedgerError, SharedLedger};
use opencredits_testkit::Postgres;
use std::process::Command;
use std::time::Duration;

/// Tells [`in_a_network_of_its_own`] that it is.
const VARIABLE: &str = "LEDGER_OWN_NETWORK";
/// What it says at its end.
const DONE: &str = "everything was found again";
/// Tries whether this user may make a network and lose its packets.
const MAY: &str = "ip link set lo up && iptables -A INPUT -p tcp --dport 5432 -j DROP";
/// A ledger that writes notices within this time that its database is away: TCP's two seconds, and those of a read that waits.
const NOTICED: Duration = Duration::from_secs(15);
/// After the packets come again, everybody is served within this time: the server ends what was left in a transaction after ten
/// seconds.
const SERVED_AGAIN: Duration = Duration::from_secs(40);

/// Packets from the ledger, and from the database.
const REQUESTS: &[&str] = &["--dport"];
const ANSWERS: &[&str] = &["--sport"];
const BOTH: &[&str] = &["--dport", "--sport"];

fn iptables(arguments: &[&str]) {
    assert!(Command::new("iptables").args(arguments).status().unwrap().success(), "{arguments:?}");
}

fn lose(ports: &[&str]) {
    for &port in ports {
        iptables(&["-A", "INPUT", "-p", "tcp", port, "5432", "-j", "DROP"]);
    }
}

fn lose_nothing() {
    iptables(&["-F", "INPUT"]);
}

/// Waits until every process has noticed, and sees that each says so.
fn check_noticed(processes: &[SharedLedger]) {
    const BETWEEN: Duration = Duration::from_millis(20);
    for (ledger, n) in processes.iter().zip(50..) {
        let has_noticed = (0..NOTICED.as_millis() / BETWEEN.as_millis()).any(|_| {
            std::thread::sleep(BETWEEN);
            !ledger.is_sound()
        });
        assert!(has_noticed, "not within {NOTICED:?}");
        let refused = wait(hold(ledger, n, 1));
        assert!(matches!(refused, Err(LedgerError::Away | LedgerError::CommitUnknown)), "{refused:?}");
    }
}

#[test]
fn packets_that_a_network_loses_are_noticed_within_seconds_and_nothing_is_lost_or_doubled() {
    let may = Command::new("unshare").args(["--net", "sh", "-c", MAY]).output();
    if !may.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: this user may not make a network of its own, or iptables is not there");
        return;
    }
    if Postgres::shared().is_none() {
        return;
    }
    let output = Command::new("unshare")
        .args(["--net", "sh", "-c", "ip link set lo up && exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "network::in_a_network_of_its_own", "--nocapture"])
        .env(VARIABLE, "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && text.contains(DONE), "{text}{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn in_a_network_of_its_own() {
    if crate::variable(VARIABLE).is_none() {
        return;
    }
    let server = Postgres::start(&[("fsync", "off"), ("listen_addresses", "127.0.0.1")]).unwrap();
    let database = server.database();
    let terms = "connect_timeout=1 tcp_user_timeout=2 keepalives_idle=1 keepalives_interval=1";
    let url = format!("host=127.0.0.1 user=postgres sslmode=disable {terms} dbname={}", name(&database));
    let processes = [connect(&url), connect(&url)];
    open(&processes[0], 1_000_000_000);
    let rounds: u64 = crate::variable("TEST_LOSSES").map_or(1, |rounds| rounds.parse().unwrap());
    let load = Load::default();
    load.run(&processes, || {
        for _ in 0..rounds {
            for lost in [REQUESTS, ANSWERS] {
                load.go_on(100);
                lose(lost);
                check_noticed(&processes);
                lose_nothing();
                load.go_on_within(SERVED_AGAIN, 100);
            }
            lose_while_a_commit_waits(&server, &processes);
            load.go_on_within(SERVED_AGAIN, 100);
        }
    });
    assert_eq!(posted(&processes[1], PROVIDER), load.charged(), "what was acknowledged, and nothing twice");
    assert_eq!(findings(&processes[0]), []);
    assert_eq!(server.psql(name(&database), AUDIT), "");
    println!("\n{DONE}");
}

/// Whoever waits for the answer to a commit sends nothing that could find out that nobody is there any more.
fn lose_while_a_commit_waits(server: &Postgres, processes: &[SharedLedger]) {
    server.sql("postgres", "ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
    server.sql("postgres", "SELECT pg_reload_conf()");
    server.shows("SELECT wait_event FROM pg_stat_activity WHERE wait_event = 'SyncRep'", "SyncRep");
    lose(BOTH);
    check_noticed(processes);
    server.wait_for_nobody();
    lose_nothing();
}
