//! What only a ledger that processes share has to promise.

use crate::books::{Books, connect, wait};
use opencredits_ledger::{
    Capture, Checkpoint, Finding, Floor, LedgerError, Leg, OnShortfall, OpenAccount, PlaceHold, Replay, SharedLedger,
    Transfer,
};
use opencredits_testkit::Postgres;
use opencredits_units::{AccountId, EntryId, NanoUsd, Progress, UnixMs};
use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

pub(crate) const NOW: UnixMs = UnixMs::new(1_790_000_000_000);
const CLEARING: AccountId = AccountId::from_bits(1);
const WALLET: AccountId = AccountId::from_bits(2);
pub(crate) const PROVIDER: AccountId = AccountId::from_bits(3);
const BAD_DEBT: AccountId = AccountId::from_bits(4);

pub(crate) fn id(n: u64) -> EntryId {
    EntryId::from_bits((u128::from(NOW.get()) << 80) | u128::from(n))
}

pub(crate) fn open(ledger: &SharedLedger, balance: i64) {
    for (id, floor) in
        [(CLEARING, Floor::None), (WALLET, Floor::Zero), (PROVIDER, Floor::None), (BAD_DEBT, Floor::None)]
    {
        wait(ledger.open_account(OpenAccount { id, floor, contra: None }, NOW).accepted()).unwrap();
    }
    let first = Transfer { id: id(1), from: CLEARING, to: WALLET, amount: NanoUsd::new(balance), memo: b"credits" };
    wait(ledger.transfer(first, NOW).durable()).unwrap();
}

pub(crate) async fn hold(ledger: &SharedLedger, n: u64, amount: i64) -> Result<Replay, LedgerError> {
    let (amount, expires_at) = (NanoUsd::new(amount), NOW.saturating_add_ms(1_000));
    let hold = PlaceHold { id: id(n), payer: WALLET, limits: &[], amount, expires_at };
    Ok(ledger.place_hold(hold, NOW).accepted().await?.replay)
}

pub(crate) async fn capture(ledger: &SharedLedger, n: u64, amount: i64) -> Result<Replay, LedgerError> {
    let legs = [Leg { to: PROVIDER, amount: NanoUsd::new(amount), on_shortfall: OnShortfall::Full }];
    let capture = Capture { hold: id(n), legs: &legs, bad_debt: BAD_DEBT, memo: b"what was used" };
    Ok(ledger.capture(capture, NOW).durable().await?.replay)
}

pub(crate) fn posted(ledger: &SharedLedger, account: AccountId) -> i64 {
    wait(ledger.balance(account)).unwrap().posted.get()
}

pub(crate) fn findings(ledger: &SharedLedger) -> Vec<Finding> {
    wait(ledger.verify(None, &Progress::default())).unwrap().findings
}

/// What SQL alone, which shares no code with the ledger, finds wrong.
pub(crate) const AUDIT: &str = include_str!("audit.sql");

#[test]
fn five_hundred_at_once_through_four_processes_get_as_many_holds_as_the_money_allows() {
    let Some(server) = Postgres::shared() else { return };
    let database = server.database();
    let processes: Vec<SharedLedger> = (0..4).map(|_| connect(&database)).collect();
    open(&processes[0], 100);
    let (held, refused) = (AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for ledger in &processes {
            let (held, refused) = (&held, &refused);
            scope.spawn(move || {
                let asked = (0..125_u64).map(|n| async move {
                    // Ids of different processes differ.
                    let own = std::ptr::from_ref(ledger).addr() as u64 & 0xffff_ffff;
                    match hold(ledger, (own << 8) | n, 1).await {
                        Ok(replay) => assert_eq!(replay, Replay::First),
                        Err(LedgerError::InsufficientFunds { .. }) => {
                            refused.fetch_add(1, Ordering::Relaxed);
                            return;
                        }
                        Err(other) => panic!("{other}"),
                    }
                    held.fetch_add(1, Ordering::Relaxed);
                });
                wait(all(asked));
            });
        }
    });
    assert_eq!((held.into_inner(), refused.into_inner()), (100, 400));
    assert_eq!(wait(processes[3].balance(WALLET)).unwrap().available, NanoUsd::ZERO);
    assert_eq!(findings(&processes[1]), []);
    assert_eq!(server.psql(name(&database), AUDIT), "");
}

/// Waits for all of them.
async fn all<F: Future<Output = ()>>(asked: impl Iterator<Item = F>) {
    let mut asked: Vec<_> = asked.map(Box::pin).collect();
    std::future::poll_fn(|context| {
        asked.retain_mut(|one| one.as_mut().poll(context).is_pending());
        if asked.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
}

pub(crate) fn name(database: &str) -> &str {
    database.rsplit_once("dbname=").unwrap().1
}

#[test]
fn processes_that_start_at_once_make_the_tables_once() {
    let Some(server) = Postgres::shared() else { return };
    let database = server.database();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| drop(connect(&database)));
        }
    });
    assert_eq!(server.psql(name(&database), "SELECT form FROM ledger_form"), "3\n");
    server.sql(name(&database), "INSERT INTO ledger_form VALUES (4)");
    let settings = opencredits_ledger::PostgresSettings::parse(&database).unwrap();
    let refused = wait(SharedLedger::connect(settings, opencredits_ledger::SharedOptions::default())).err().unwrap();
    assert!(refused.to_string().contains("form 4 and this program knows 3"), "{refused}");
}

/// Callers who hold and capture, one request after the other.
#[derive(Default)]
pub(crate) struct Load {
    next: AtomicU64,
    charged: AtomicI64,
    done: AtomicU64,
    stop: AtomicBool,
    has_failed: AtomicBool,
    /// Refusals of holds that do not say that the database is away.
    unclear: Mutex<BTreeSet<String>>,
}

/// Between two looks at how far the callers are.
const BETWEEN: Duration = Duration::from_millis(5);

impl Load {
    /// What was acknowledged as durable.
    pub(crate) fn charged(&self) -> i64 {
        self.charged.load(Ordering::Relaxed)
    }

    /// Refusals that are none of a database that is away.
    pub(crate) fn unclear(&self) -> BTreeSet<String> {
        self.unclear.lock().unwrap().clone()
    }

    /// Waits until so many requests more are done.
    pub(crate) fn go_on(&self, requests: u64) {
        let until = self.done.load(Ordering::Relaxed) + requests;
        while self.done.load(Ordering::Relaxed) < until {
            std::thread::sleep(BETWEEN);
        }
    }

    /// The same, which takes no longer than about this.
    pub(crate) fn go_on_within(&self, most: Duration, requests: u64) {
        let until = self.done.load(Ordering::Relaxed) + requests;
        let are_done = (0..most.as_millis() / BETWEEN.as_millis()).any(|_| {
            std::thread::sleep(BETWEEN);
            self.done.load(Ordering::Relaxed) >= until
        });
        assert!(are_done, "{requests} requests within {most:?}");
    }

    /// Waits until no request was done for so long.
    pub(crate) fn stands_still(&self, quiet: Duration) {
        let mut before = None;
        while before != Some(self.done.load(Ordering::Relaxed)) {
            before = Some(self.done.load(Ordering::Relaxed));
            std::thread::sleep(quiet);
        }
    }

    /// Sixteen callers, while `meanwhile` goes on.
    pub(crate) fn run(&self, processes: &[SharedLedger], meanwhile: impl FnOnce()) {
        /// Ends the callers. Where the test has failed, they do not wait for their answers.
        struct Stop<'a>(&'a Load);
        impl Drop for Stop<'_> {
            fn drop(&mut self) {
                self.0.has_failed.store(std::thread::panicking(), Ordering::Relaxed);
                self.0.stop.store(true, Ordering::Relaxed);
            }
        }
        std::thread::scope(|scope| {
            for ledger in processes.iter().cycle().take(16) {
                scope.spawn(move || self.call(ledger));
            }
            let _stop = Stop(self);
            meanwhile();
        });
    }

    fn call(&self, ledger: &SharedLedger) {
        while !self.stop.load(Ordering::Relaxed) {
            let n = 100 + self.next.fetch_add(1, Ordering::Relaxed);
            match wait(self.answer(hold(ledger, n, 5))) {
                Some(Ok(_)) => {}
                Some(Err(error)) => {
                    if !matches!(error, LedgerError::Away | LedgerError::CommitUnknown) {
                        self.unclear.lock().unwrap().insert(error.to_string());
                    }
                    std::thread::sleep(BETWEEN);
                    continue;
                }
                None => return,
            }
            // The end of a hold waits for the database, however long. Its hold, which nobody has waited for, may be lost with the
            // server's memory.
            match wait(self.answer(capture(ledger, n, 3))) {
                Some(Ok(_)) => {
                    self.charged.fetch_add(3, Ordering::Relaxed);
                    self.done.fetch_add(1, Ordering::Relaxed);
                }
                Some(Err(LedgerError::UnknownHold { .. })) => {}
                Some(Err(other)) => panic!("{other}"),
                None => return,
            }
        }
    }

    /// What is answered; `None` once the test has failed.
    async fn answer<T>(&self, asked: impl Future<Output = T>) -> Option<T> {
        let failed = async {
            while !self.has_failed.load(Ordering::Relaxed) {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::select! {
            answer = asked => Some(answer),
            () = failed => None,
        }
    }
}

#[test]
fn a_server_that_is_killed_under_load_loses_and_doubles_nothing() {
    let Some(server) = Postgres::start(&[]) else { return };
    let database = server.database();
    let processes = [connect(&database), connect(&database)];
    open(&processes[0], 1_000_000_000);
    let rounds: u64 = crate::variable("TEST_DATABASE_KILLS").map_or(3, |rounds| rounds.parse().unwrap());
    let load = Load::default();
    load.run(&processes, || {
        for _ in 0..rounds {
            load.go_on(200);
            server.kill("KILL");
            server.start_again();
        }
        load.go_on(200);
    });
    let ledger = &processes[1];
    assert_eq!(posted(ledger, PROVIDER), load.charged(), "what was acknowledged as durable, and nothing twice");
    assert_eq!(posted(ledger, WALLET) + posted(ledger, PROVIDER), 1_000_000_000);
    assert_eq!(findings(ledger), []);
    assert_eq!(server.psql(name(&database), AUDIT), "");
}

#[test]
fn what_is_begun_while_the_database_is_away_is_refused_and_what_ends_waits() {
    let Some(server) = Postgres::start(&[]) else { return };
    let ledger = connect(&server.database());
    open(&ledger, 100);
    for n in 10..20 {
        wait(hold(&ledger, n, 5)).unwrap();
    }
    wait(capture(&ledger, 19, 1)).unwrap();
    server.kill("KILL");
    let ends = std::thread::scope(|scope| {
        let ends = scope.spawn(|| wait(capture(&ledger, 10, 4)));
        while ledger.is_sound() {
            let _noticed = wait(hold(&ledger, 30, 1));
        }
        let refused = wait(hold(&ledger, 31, 1));
        assert!(matches!(refused, Err(LedgerError::Away)), "{refused:?}");
        assert!(!ends.is_finished());
        server.start_again();
        ends.join().unwrap()
    });
    assert_eq!(ends.unwrap(), Replay::First);
    assert_eq!(posted(&ledger, PROVIDER), 5);
    wait(hold(&ledger, 32, 1)).unwrap();
}

#[test]
fn a_connection_whose_row_another_one_uses_begins_anew_and_loses_nothing() {
    let Some(server) = Postgres::shared() else { return };
    let database = server.database();
    let ledger = connect(&database);
    open(&ledger, 100);
    for n in 10..20 {
        wait(hold(&ledger, n, 2)).unwrap();
        // As if this process had been asleep, and another one had taken its place.
        server.sql(name(&database), "UPDATE ledger_writers SET batch = batch + 1");
        wait(capture(&ledger, n, 2)).unwrap();
    }
    assert_eq!(posted(&ledger, PROVIDER), 20);
    assert_eq!(findings(&ledger), []);
}

#[test]
fn sessions_that_the_database_ends_lose_nothing() {
    let Some(server) = Postgres::shared() else { return };
    let database = server.database();
    let ledger = connect(&database);
    open(&ledger, 1_000);
    let end = format!(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = '{}' AND pid <> pg_backend_pid()",
        name(&database)
    );
    let mut charged = 0;
    for n in 10..40 {
        while wait(hold(&ledger, n, 2)).is_err() {}
        if n % 3 == 0 {
            server.sql(name(&database), &end);
        }
        // A replay is the same capture, whose first answer was lost.
        wait(capture(&ledger, n, 2)).unwrap();
        charged += 2;
    }
    assert_eq!(posted(&ledger, PROVIDER), charged);
    assert_eq!(findings(&ledger), []);
}

#[test]
fn what_was_changed_in_the_database_is_found() {
    let Some(server) = Postgres::shared() else { return };
    for (change, expect, is_seen_by_sql) in [
        ("UPDATE ledger_accounts SET posted = posted + 1 WHERE number = 1", "WrongSum", true),
        ("UPDATE ledger_accounts SET held = held + 1 WHERE number = 1", "WrongHeld", true),
        ("DELETE FROM ledger_holds", "WrongHeld", true),
        ("UPDATE ledger_entries SET memo = 'other' WHERE commit = 5", "ChangedCommit { commit: 5 }", false),
        ("UPDATE ledger_entries SET at = at + 1 WHERE commit = 5", "ChangedCommit { commit: 5 }", false),
        ("DELETE FROM ledger_entries WHERE commit = 5", "IncompleteCommit { commit: 5, missing: 1 }", true),
        ("UPDATE ledger_entries SET commit = 99 WHERE commit = 5", "NotOfCommit", false),
        ("UPDATE ledger_entries SET legs = substr(legs, 1, 12) WHERE commit = 5", "Unbalanced", true),
        ("UPDATE ledger_accounts SET floor = 1 WHERE number = 1", "ChangedCommit { commit: 2 }", false),
        (
            "UPDATE ledger_commits SET entries = entries + 1 WHERE commit = 5",
            "IncompleteCommit { commit: 5, missing: 1 }",
            true,
        ),
        ("UPDATE ledger_commits SET hash = sha256('') WHERE commit = 5", "ChangedCommit { commit: 5 }", true),
        ("DELETE FROM ledger_commits WHERE commit = 6", "NotOfCommit", true),
        ("UPDATE ledger_head SET commit = commit + 1", "ChangedCommit", true),
    ] {
        let database = server.database();
        let ledger = connect(&database);
        open(&ledger, 1_000);
        wait(hold(&ledger, 10, 5)).unwrap();
        wait(capture(&ledger, 10, 5)).unwrap();
        wait(hold(&ledger, 11, 5)).unwrap();
        assert_eq!(findings(&ledger), []);
        let head = wait(ledger.head()).unwrap();
        server.sql(name(&database), change);
        let found = format!("{:?}", findings(&ledger));
        assert!(found.contains(expect), "{change}: {found}");
        assert_eq!(!server.psql(name(&database), AUDIT).is_empty(), is_seen_by_sql, "{change}");
        assert!(head.commit == 6 && head.entries == 2, "{head:?}");
    }
}

#[test]
fn a_follower_gets_every_entry_once_whoever_writes_it() {
    let Some(server) = Postgres::shared() else { return };
    let database = server.database();
    let processes = [connect(&database), connect(&database)];
    open(&processes[0], 1_000_000);
    let (mut seen, mut checkpoint) = (BTreeSet::new(), Checkpoint::default());
    let follow = |checkpoint: &mut Checkpoint, seen: &mut BTreeSet<EntryId>| {
        loop {
            let changes = wait(processes[1].changes(checkpoint, 7)).unwrap();
            assert!(!changes.restarted);
            if changes.entries.is_empty() && changes.next == *checkpoint {
                return;
            }
            changes.entries.iter().for_each(|row| assert!(seen.insert(row.id), "{row:?} comes twice"));
            *checkpoint = Checkpoint::from_bytes(&changes.next.to_bytes()).unwrap();
        }
    };
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..8_u64)
            .map(|at| {
                let ledger = &processes[usize::try_from(at % 2).unwrap()];
                scope.spawn(move || {
                    for n in 0..20 {
                        wait(hold(ledger, 1_000 * (at + 1) + n, 5)).unwrap();
                        wait(capture(ledger, 1_000 * (at + 1) + n, 3)).unwrap();
                    }
                })
            })
            .collect();
        while !writers.iter().all(std::thread::ScopedJoinHandle::is_finished) {
            follow(&mut checkpoint, &mut seen);
        }
    });
    follow(&mut checkpoint, &mut seen);
    let all: BTreeSet<EntryId> = Books::Shared(processes[0].clone()).entries().iter().map(|row| row.id).collect();
    assert_eq!((seen.len(), seen == all), (161, true));
    assert_eq!(wait(processes[0].behind(&checkpoint)).unwrap(), 0);
}

#[test]
fn a_closed_ledger_has_written_everything() {
    let Some(server) = Postgres::shared() else { return };
    let database = server.database();
    let ledger = connect(&database);
    open(&ledger, 100);
    wait(ledger.close());
    let again = connect(&database);
    assert_eq!(posted(&again, WALLET), 100);
}

#[test]
fn an_id_stands_for_one_command_whichever_accounts_two_processes_name_with_it() {
    let Some(server) = Postgres::shared() else { return };
    let database = server.database();
    let processes = [(); 2].map(|()| connect(&database));
    open(&processes[0], 1_000);
    // The one locks the wallet, the other no account that the wallet's command names.
    let moved = async |n| {
        let transfer =
            Transfer { id: id(n), from: CLEARING, to: PROVIDER, amount: NanoUsd::new(1), memo: b"another command" };
        processes[1].transfer(transfer, NOW).accepted().await.map(|moved| moved.replay)
    };
    let (mut held, mut sent) = (0, 0);
    for n in 100..200 {
        let outcomes = wait(async { tokio::join!(hold(&processes[0], n, 1), moved(n)) });
        match outcomes {
            (Ok(Replay::First), Err(LedgerError::IdempotencyMismatch { .. })) => held += 1,
            (Err(LedgerError::IdempotencyMismatch { .. }), Ok(Replay::First)) => sent += 1,
            other => panic!("{n}: {other:?}"),
        }
    }
    eprintln!("{held} held, {sent} sent");
    assert_eq!(server.psql(name(&database), AUDIT), "");
}
