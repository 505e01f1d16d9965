//! What happens between a ledger and its database: pools of connections, cut and slow and silent connections.

use crate::books::{connect, wait};
use crate::shared::{AUDIT, Load, PROVIDER, capture, findings, hold, name, open, posted};
use opencredits_ledger::{LedgerError, Replay};
use opencredits_testkit::{Pooler, Postgres};
use std::io::{Read, Write};
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
        let cut = Arc::new(AtomicU8::new(PASSES));
        let both = || (client.try_clone().unwrap(), server.try_clone().unwrap(), Arc::clone(how), Arc::clone(&cut));
        let (from, to, how_asked, cut_asked) = both();
        std::thread::spawn(move || {
            copy((&from, &to), |bytes| {
                let has_commit = bytes.windows(7).any(|window| window == b"COMMIT\0");
                match how_asked.load(Ordering::SeqCst) {
                    IS_SLOW => std::thread::sleep(Duration::from_millis(10)),
                    IS_SILENT => return Some(false),
                    CUTS_BEFORE_COMMIT if has_commit => {
                        how_asked.store(PASSES, Ordering::SeqCst);
                        return None;
                    }
                    CUTS_AFTER_COMMIT if has_commit => {
                        how_asked.store(PASSES, Ordering::SeqCst);
                        cut_asked.store(CUTS_AFTER_COMMIT, Ordering::SeqCst);
                    }
                    _ => {}
                }
                Some(true)
            });
        });
        let (to, from, how, cut) = both();
        std::thread::spawn(move || {
            copy((&from, &to), |_| {
                if cut.load(Ordering::SeqCst) == CUTS_AFTER_COMMIT {
                    return None;
                }
                Some(how.load(Ordering::SeqCst) != IS_SILENT)
            });
        });
    }

    fn does(&self, how: u8) {
        self.how.store(how, Ordering::SeqCst);
    }
}

/// Passes on what `look` lets through, until either side ends or `look` says so.
fn copy((mut from, mut to): (&UnixStream, &UnixStream), look: impl Fn(&[u8]) -> Option<bool>) {
    let mut buffer = vec![0; 1 << 16];
    while let Ok(count) = from.read(&mut buffer) {
        let passes = if count == 0 { None } else { look(&buffer[..count]) };
        if passes.is_none_or(|passes| passes && to.write_all(&buffer[..count]).is_err()) {
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
