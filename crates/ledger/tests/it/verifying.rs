//! A verification on a database that others write to: it is as of one moment.

use crate::books::{connect, wait};
use crate::shared::{AUDIT, Load, PROVIDER, capture, findings, hold, name, open, posted};
use opencredits_ledger::{Finding, PostgresSettings, SharedLedger, SharedOptions};
use opencredits_testkit::Postgres;
use opencredits_units::Progress;
use std::time::Duration;

/// How often is verified: `TEST_VERIFICATIONS`, or so often.
const VERIFICATIONS: u64 = 15;

/// Checks the books as of one moment after the other, by the ledger and by SQL alone; and that they moved on in between.
fn check_while_it_runs(ledger: &SharedLedger, audit: &dyn Fn() -> String) {
    let rounds = crate::variable("TEST_VERIFICATIONS").map_or(VERIFICATIONS, |rounds| rounds.parse().unwrap());
    let (mut head, mut overtaken) = (None, 0);
    for _ in 0..rounds {
        let report = wait(ledger.verify(head, &Progress::default())).unwrap();
        assert_eq!(report.findings, []);
        let seen = report.chain.unwrap().head;
        assert!(head.is_none_or(|before| before.commit <= seen.commit), "{head:?} {seen:?}");
        overtaken += u64::from(wait(ledger.head()).unwrap().commit > seen.commit);
        assert_eq!(audit(), "");
        head = Some(seen);
    }
    assert!(overtaken > 0, "nobody wrote while {rounds} times was verified");
}

#[test]
fn a_verification_under_load_never_tells_of_a_difference_and_finds_one_that_is_planted_meanwhile() {
    let Some(server) = Postgres::shared() else { return };
    let database = server.database();
    let processes = [connect(&database), connect(&database)];
    let verifier = connect(&database);
    open(&processes[0], 1_000_000_000);
    let sql = |statements: &str| server.psql(name(&database), statements);
    // However many statements it has, they see one moment.
    let audit = format!("BEGIN ISOLATION LEVEL REPEATABLE READ;\n{AUDIT}\n;\nCOMMIT");
    let load = Load::default();
    load.run(&processes, || {
        load.go_on(200);
        check_while_it_runs(&verifier, &|| sql(&audit));
        for (plant, take_back) in [("+ 1", "- 1"), ("- 7", "+ 7")] {
            let change = |by: &str| format!("UPDATE ledger_accounts SET posted = posted {by} WHERE number = 2");
            sql(&change(plant));
            for _ in 0..2 {
                load.go_on(50);
                let found = findings(&verifier);
                let is_told = matches!(found.as_slice(), [Finding::WrongSum { account, .. }] if *account == PROVIDER);
                assert!(is_told, "{plant}: {found:?}");
                assert!(sql(&audit).contains("posted|2|"), "{plant}");
            }
            sql(&change(take_back));
            assert_eq!(findings(&verifier), []);
        }
        load.go_on(50);
    });
    assert_eq!(posted(&verifier, PROVIDER), load.charged());
    assert_eq!(sql(AUDIT), "");
}

#[test]
fn a_verification_that_is_given_up_in_the_middle_leaves_no_reader_in_its_moment() {
    let Some(server) = Postgres::shared() else { return };
    let settings = PostgresSettings::parse(&server.database()).unwrap();
    // Whoever reads next has the same connection, if that is given back.
    let options = SharedOptions { readers: 1, ..SharedOptions::default() };
    let ledger = wait(SharedLedger::connect(settings, options)).unwrap();
    open(&ledger, 1_000);
    let mut charged = 0;
    for n in 10..40 {
        // At another moment each time.
        let part = Duration::from_micros((n - 10) * 300);
        let _given_up = wait(async { tokio::time::timeout(part, ledger.verify(None, &Progress::default())).await });
        wait(hold(&ledger, n, 5)).unwrap();
        wait(capture(&ledger, n, 3)).unwrap();
        charged += 3;
        assert_eq!(posted(&ledger, PROVIDER), charged);
    }
    assert_eq!(findings(&ledger), []);
}
