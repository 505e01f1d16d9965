//! What happens between a ledger and its database: pools of connections, connections that are cut, slow, silent or ended, and bytes
//! that are lost.

use crate::books::{connect, wait};
use crate::shared::{AUDIT, Load, PROVIDER, capture, findings, hold, name, open, posted};
use opencredits_ledger::{LedgerError, Replay};
use opencredits_testkit::{Pooler, Postgres};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

#[test]
fn through_a_pool_of_connections_the_ledger_is_the_same() {
    let Some(server) = Postgres::shared() else { return };
    for mode in ["session", "transaction"] {
        let database = server.database();
        let Some(pooler) = Pooler::start(server, mode) else { return };
        let processes = [(); 2].map(|()| connect(&pooler.url(name(&database))));
        open(&processes[0], 1_000_000);
        let load = Load::default();
        load.run(&processes, || load.go_on(300));
        assert_eq!(posted(&processes[1], PROVIDER), load.charged(), "{mode}");
        assert_eq!(findings(&processes[0]), [], "{mode}");
        assert_eq!(server.psql(name(&database), AUDIT), "", "{mode}");
    }
}

/// What a proxy does.
const PASSES: u8 = 0;
/// It passes the next commit on, and cuts the connection before the answer.
const CUTS_AFTER_COMMIT: u8 = 1;
/// It cuts the connection before the next commit, which the server never sees.
const CUTS_BEFORE_COMMIT: u8 = 2;
/// It passes everything on late.
const IS_SLOW: u8 = 3;
/// It passes nothing on, and closes nothing.
const IS_SILENT: u8 = 4;
/// It passes nothing on to the server.
const LOSES_REQUESTS: u8 = 5;
/// It passes nothing on to the ledger.
const LOSES_ANSWERS: u8 = 6;
/// The server does not get the next commit, nor what comes after it on the connection.
const LOSES_COMMIT: u8 = 7;

/// A connection that sends nothing is looked at so often.
const LOOK: Duration = Duration::from_millis(50);

/// A way to a server that can be disturbed.
struct Proxy {
    how: Arc<AtomicU8>,
    _folder: tempfile::TempDir,
    url: String,
}

impl Proxy {
    fn start(server: &Postgres, database: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join(".s.PGSQL.5432")).unwrap();
        let (how, upstream) = (Arc::new(AtomicU8::new(PASSES)), server.folder().join(".s.PGSQL.5432"));
        let theirs = Arc::clone(&how);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                Self::pass(client.unwrap(), &upstream, &theirs);
            }
        });
        let url = format!("host={} user=postgres dbname={}", folder.path().display(), name(database));
        Self { how, _folder: folder, url }
    }

    fn pass(client: UnixStream, upstream: &PathBuf, how: &Arc<AtomicU8>) {
        let Ok(server) = UnixStream::connect(upstream) else { return };
        let fate = Arc::new(AtomicU8::new(PASSES));
        let both = || (client.try_clone().unwrap(), server.try_clone().unwrap(), Way::of(how, &fate));
        let (from, to, way) = both();
        std::thread::spawn(move || copy((&from, &to), |bytes| way.there(bytes)));
        let (to, from, way) = both();
        std::thread::spawn(move || copy((&from, &to), |bytes| way.back(bytes)));
    }

    fn does(&self, how: u8) {
        self.how.store(how, Ordering::SeqCst);
    }
}

/// What the proxy does, and what has become of one connection.
struct Way {
    how: Arc<AtomicU8>,
    fate: Arc<AtomicU8>,
}

impl Way {
    fn of(how: &Arc<AtomicU8>, fate: &Arc<AtomicU8>) -> Self {
        Self { how: Arc::clone(how), fate: Arc::clone(fate) }
    }

    /// Whether what comes from the ledger is passed on; `None` for the end of the connection.
    fn there(&self, bytes: &[u8]) -> Option<bool> {
        let goes_on = self.goes_on()?;
        if self.fate.load(Ordering::SeqCst) == LOSES_COMMIT {
            return Some(false);
        }
        match self.how.load(Ordering::SeqCst) {
            IS_SLOW if !bytes.is_empty() => std::thread::sleep(Duration::from_millis(10)),
            how @ (IS_SILENT | LOSES_REQUESTS) => return self.loses(how, bytes),
            how @ (CUTS_BEFORE_COMMIT | CUTS_AFTER_COMMIT | LOSES_COMMIT) if is_commit(bytes) => {
                self.how.store(PASSES, Ordering::SeqCst);
                self.fate.store(how, Ordering::SeqCst);
                return if how == CUTS_BEFORE_COMMIT { None } else { Some(how == CUTS_AFTER_COMMIT) };
            }
            _ => {}
        }
        Some(goes_on)
    }

    /// The same of what comes from the server.
    fn back(&self, bytes: &[u8]) -> Option<bool> {
        let goes_on = self.goes_on()?;
        if self.fate.load(Ordering::SeqCst) == CUTS_AFTER_COMMIT && !bytes.is_empty() {
            return None;
        }
        match self.how.load(Ordering::SeqCst) {
            how @ (IS_SILENT | LOSES_ANSWERS) => self.loses(how, bytes),
            _ => Some(goes_on),
        }
    }

    fn loses(&self, how: u8, bytes: &[u8]) -> Option<bool> {
        if !bytes.is_empty() {
            self.fate.store(how, Ordering::SeqCst);
        }
        Some(false)
    }

    /// A connection of which bytes were lost passes nothing on any more. It ends once the proxy passes on what others send.
    fn goes_on(&self) -> Option<bool> {
        match self.fate.load(Ordering::SeqCst) {
            IS_SILENT | LOSES_REQUESTS | LOSES_ANSWERS => (self.how.load(Ordering::SeqCst) != PASSES).then_some(false),
            _ => Some(true),
        }
    }
}

/// Whether it ends a batch. Heartbeats are committed as well.
fn is_commit(bytes: &[u8]) -> bool {
    let has = |words: &[u8]| bytes.windows(words.len()).any(|window| window == words);
    has(b"COMMIT\0") && !has(b"ledger_processes")
}

/// Passes on what `look` lets through, until either side ends or `look` says so. It is asked from time to time where nothing comes.
fn copy((mut from, mut to): (&UnixStream, &UnixStream), look: impl Fn(&[u8]) -> Option<bool>) {
    let mut buffer = vec![0; 1 << 16];
    from.set_read_timeout(Some(LOOK)).unwrap();
    loop {
        let count = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            Err(_) => break,
        };
        let Some(passes) = look(&buffer[..count]) else { break };
        if passes && to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    for side in [from, to] {
        let _gone = side.shutdown(std::net::Shutdown::Both);
    }
}

#[test]
fn a_commit_whose_answer_is_lost_is_found_and_one_that_never_arrived_is_made_again() {
    let Some(server) = Postgres::shared() else { return };
    let database = server.database();
    let proxy = Proxy::start(server, &database);
    let ledger = connect(&proxy.url);
    open(&ledger, 1_000);
    let mut charged = 0;
    for n in 10..30 {
        wait(hold(&ledger, n, 5)).unwrap();
        proxy.does(if n % 2 == 0 { CUTS_AFTER_COMMIT } else { CUTS_BEFORE_COMMIT });
        assert_eq!(wait(capture(&ledger, n, 3)).unwrap(), Replay::First);
        charged += 3;
        assert_eq!(posted(&ledger, PROVIDER), charged);
    }
    assert_eq!(findings(&ledger), []);
    assert_eq!(server.psql(name(&database), AUDIT), "");
}

#[test]
fn a_slow_way_to_the_database_makes_batches_larger_and_changes_nothing_else() {
    let Some(server) = Postgres::shared() else { return };
    let database = server.database();
    let proxy = Proxy::start(server, &database);
    let processes = [connect(&proxy.url)];
    open(&processes[0], 1_000_000);
    proxy.does(IS_SLOW);
    let load = Load::default();
    load.run(&processes, || load.go_on(100));
    proxy.does(PASSES);
    assert_eq!(posted(&processes[0], PROVIDER), load.charged());
    assert_eq!(findings(&processes[0]), []);
}

#[test]
fn a_database_that_says_nothing_is_away_and_is_served_again_once_it_speaks() {
    let Some(server) = Postgres::shared() else { return };
    let database = server.database();
    let proxy = Proxy::start(server, &database);
    let ledger = connect(&proxy.url);
    open(&ledger, 100);
    proxy.does(IS_SILENT);
    let refused = wait(hold(&ledger, 10, 5));
    assert!(matches!(refused, Err(LedgerError::Away)), "{refused:?}");
    while ledger.is_sound() {
        std::thread::sleep(Duration::from_millis(20));
    }
    proxy.does(PASSES);
    while wait(hold(&ledger, 11, 5)).is_err() {
        std::thread::sleep(Duration::from_millis(20));
    }
    wait(capture(&ledger, 11, 4)).unwrap();
    assert_eq!(posted(&ledger, PROVIDER), 4);
}

#[test]
fn bytes_that_are_lost_on_the_way_there_or_back_lose_and_double_nothing() {
    let Some(server) = Postgres::shared() else { return };
    let database = server.database();
    let proxy = Proxy::start(server, &database);
    let processes = [connect(&proxy.url), connect(&proxy.url)];
    open(&processes[0], 1_000_000);
    let lost = crate::variable("TEST_LOST_MS").map_or(500, |time| time.parse().unwrap());
    let load = Load::default();
    load.run(&processes, || {
        for how in [LOSES_REQUESTS, LOSES_ANSWERS, IS_SILENT] {
            load.go_on(50);
            proxy.does(how);
            std::thread::sleep(Duration::from_millis(lost));
            proxy.does(PASSES);
            load.go_on_within(Duration::from_secs(30), 50);
        }
    });
    assert_eq!(posted(&processes[1], PROVIDER), load.charged());
    assert_eq!(findings(&processes[0]), []);
    assert_eq!(server.psql(name(&database), AUDIT), "");
}

#[test]
fn a_transaction_whose_commit_is_lost_keeps_its_locks_for_seconds_and_is_decided_again() {
    let Some(server) = Postgres::shared() else { return };
    let database = server.database();
    let proxy = Proxy::start(server, &database);
    let (ledger, other) = (connect(&proxy.url), connect(&database));
    open(&ledger, 100);
    wait(hold(&ledger, 10, 5)).unwrap();
    proxy.does(LOSES_COMMIT);
    let captured = std::thread::scope(|scope| {
        let asked = scope.spawn(|| wait(capture(&ledger, 10, 4)));
        let idle = format!("SELECT state FROM pg_stat_activity WHERE datname = '{}'", name(&database));
        server.shows(&idle, "idle in transaction");
        // The locks are the other process's as well: it waits for them no longer than for any answer.
        let refused = wait(hold(&other, 11, 5));
        assert!(matches!(refused, Err(LedgerError::Away)), "{refused:?}");
        // The server ends the transaction after ten seconds, since nothing else can.
        asked.join().unwrap()
    });
    assert_eq!(captured.unwrap(), Replay::First);
    while wait(hold(&other, 12, 5)).is_err() {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(wait(capture(&other, 12, 3)).unwrap(), Replay::First);
    assert_eq!(posted(&ledger, PROVIDER), 7);
    assert_eq!(server.psql(name(&database), AUDIT), "");
}

#[test]
fn transactions_that_are_ended_between_their_two_ways_are_decided_again() {
    let Some(server) = Postgres::shared() else { return };
    let database = server.database();
    let proxy = Proxy::start(server, &database);
    let processes = [connect(&proxy.url), connect(&proxy.url)];
    open(&processes[0], 1_000_000);
    proxy.does(IS_SLOW);
    let end = format!(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
         WHERE datname = '{}' AND state = 'idle in transaction'",
        name(&database)
    );
    let ends: u64 = crate::variable("TEST_IDLE_ENDS").map_or(10, |ends| ends.parse().unwrap());
    let load = Load::default();
    load.run(&processes, || {
        let mut ended = 0;
        while ended < ends {
            load.go_on(5);
            ended += server.psql("postgres", &end).trim().parse::<u64>().unwrap();
        }
        load.go_on(50);
    });
    proxy.does(PASSES);
    assert_eq!(posted(&processes[1], PROVIDER), load.charged());
    assert_eq!(findings(&processes[0]), []);
    assert_eq!(server.psql(name(&database), AUDIT), "");
}
