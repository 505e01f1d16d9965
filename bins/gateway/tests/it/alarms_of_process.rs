//! Alarms whose causes are jobs and the machine.

use crate::alarm_doubles::{Hook, HttpDouble, Manner};
use crate::alarms::{FAST_PACE, PACE, ago, alarms_at, check_end, run_job};
use crate::fixture::{Fixture, Gateway, ask, eventually, started};
use crate::tls_client::{Pair, config as tls_config};
use opencredits_store::{Acquired, JobLeases as _, JobOutcome, JobReport, JobRun, SqliteStore};
use serde_json::json;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3_600);
const REFRESH: &str = "refresh-prices";

/// A book that a vendor of the sandbox serves.
fn book() -> Manner {
    let line = json!({
        "id": "book/one", "vendor": "sandbox-chat", "upstream_model": "gpt", "context_window": 128_000,
        "max_output_tokens": 9_000, "prices": { "input": "1", "output": "2" },
    });
    Manner::ok(&format!("{line}\n"))
}

/// A gateway that loads prices from there each hour.
fn loading(fixture: &Fixture, hook: &Hook, source: &HttpDouble) -> Gateway {
    let catalog = format!("[catalog]\nprices_url = \"{}/book.jsonl\"\nrefresh_hours = 1\n", source.url);
    let config = fixture.file("config.toml", &format!("{}{catalog}", alarms_at(PACE, hook)));
    fixture.start(&["--config", &config, "dev"], &[])
}

/// A data folder whose prices were loaded four hours ago.
async fn loaded_before(fixture: &Fixture) {
    std::fs::create_dir(fixture.data()).unwrap();
    let store = SqliteStore::open(fixture.data().join("store.db")).unwrap();
    let at = ago(4 * HOUR);
    let Acquired::New(lease) = store.acquire_job(REFRESH, "another", at, 1_000).await.unwrap() else {
        panic!("somebody has the lease");
    };
    let run = JobRun { started_at: at, ended_at: at, outcome: JobOutcome::Done, detail: String::new() };
    assert!(store.report_job(&lease, &JobReport { run, runs: 1, failures: 0 }, at, None).await.unwrap());
}

#[test]
fn a_job_that_hangs_is_told_as_late_until_it_has_done_its_work() {
    let (hook, fixture, source) = (Hook::start(), Fixture::new(), HttpDouble::start(Manner::Hangs));
    tokio::runtime::Runtime::new().unwrap().block_on(loaded_before(&fixture));
    let gateway = loading(&fixture, &hook, &source);
    let fired = hook.next("OpenCreditsJobLate", "alarm.fired");
    assert_eq!(fired["data"]["labels"], json!({ "mode": "live", "job": REFRESH }));
    source.set(book());
    hook.next("OpenCreditsJobLate", "alarm.resolved");
    check_end(gateway, &hook, &["OpenCreditsJobLate"]);
}

#[test]
fn a_job_that_fails_again_and_again_is_told_until_a_run_succeeds() {
    let (hook, fixture, source) = (Hook::start(), Fixture::new(), HttpDouble::start(Manner::broken()));
    let gateway = loading(&fixture, &hook, &source);
    (0..3).for_each(|_| run_job(&fixture, REFRESH));
    let fired = hook.next("OpenCreditsJobFailing", "alarm.fired");
    assert_eq!(fired["data"]["labels"], json!({ "mode": "live", "job": REFRESH }));
    source.set(book());
    run_job(&fixture, REFRESH);
    hook.next("OpenCreditsJobFailing", "alarm.resolved");
    check_end(gateway, &hook, &["OpenCreditsJobFailing"]);
}

/// The same command in a shell that lets it open so many files.
fn with_descriptors(command: &Command, most: u32) -> Command {
    let mut shell = Command::new("/bin/sh");
    shell.arg("-c").arg(format!("ulimit -n {most} && exec \"$0\" \"$@\""));
    shell.arg(command.get_program()).args(command.get_args()).env_clear();
    shell.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell
}

#[test]
fn connections_that_nobody_closes_are_told_where_the_process_may_open_few_files() {
    let (hook, fixture) = (Hook::start(), Fixture::new());
    let config = fixture.file("config.toml", &alarms_at(PACE, &hook));
    let command = fixture.command(&["--config", &config, "dev"], &[]);
    let gateway = started(with_descriptors(&command, 256), true);
    let socket = fixture.data().join("admin.sock");
    let open: Vec<_> = (0..160).map(|_| UnixStream::connect(&socket).unwrap()).collect();
    hook.next("OpenCreditsDescriptorsLow", "alarm.fired");
    drop(open);
    hook.next("OpenCreditsDescriptorsLow", "alarm.resolved");
    check_end(gateway, &hook, &["OpenCreditsDescriptorsLow"]);
}

#[test]
fn a_certificate_that_was_not_renewed_is_told_until_it_is() {
    let (hook, fixture) = (Hook::start(), Fixture::new());
    let now = Duration::from_millis(ago(Duration::ZERO).get());
    Pair::ending(1, now + 240 * HOUR).write(&fixture);
    let config = format!("{}{}", alarms_at(FAST_PACE, &hook), tls_config(&fixture, "tls_check_ms = 100"));
    let config = fixture.file("config.toml", &config);
    let gateway = fixture.start(&["--config", &config, "dev"], &[]);
    let fired = hook.next("OpenCreditsCertificateExpires", "alarm.fired");
    assert_eq!(fired["data"]["summary"], "the certificate of the listener expires in 9 days");
    Pair::ending(2, now + 2_160 * HOUR).write(&fixture);
    hook.next("OpenCreditsCertificateExpires", "alarm.resolved");
    check_end(gateway, &hook, &["OpenCreditsCertificateExpires"]);
}

/// A page of a file of SQLite: what it was, and where.
struct Page {
    file: File,
    at: u64,
    bytes: Vec<u8>,
}

impl Page {
    /// The first page of a table, once it is in the file.
    fn of(store: &Path, table: &str) -> Self {
        let connection = opencredits_sqlite::open(store).unwrap();
        connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
        let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, u32>(0)).unwrap();
        let page = number(&format!("SELECT rootpage FROM sqlite_schema WHERE name = '{table}'"));
        let size = number("PRAGMA page_size");
        let file = OpenOptions::new().read(true).write(true).open(store).unwrap();
        let (at, mut bytes) = (u64::from((page - 1) * size), vec![0; usize::try_from(size).unwrap()]);
        file.read_exact_at(&mut bytes, at).unwrap();
        Self { file, at, bytes }
    }

    /// Writes it, and something else through SQLite, so that other connections read the file again.
    fn write(&self, bytes: &[u8], store: &Path) {
        self.file.write_all_at(bytes, self.at).unwrap();
        let connection = opencredits_sqlite::open(store).unwrap();
        connection.execute_batch("BEGIN IMMEDIATE; CREATE TABLE seen (a); DROP TABLE seen; COMMIT").unwrap();
    }
}

#[test]
fn a_page_of_the_store_that_the_disk_has_lost_is_told_until_it_is_there_again() {
    let (hook, fixture) = (Hook::start(), Fixture::new());
    let config = fixture.file("config.toml", &alarms_at(PACE, &hook));
    let gateway = fixture.start(&["--config", &config, "dev"], &[]);
    let store = fixture.data().join("store.db");
    let page = Page::of(&store, "price_book_uses");
    page.write(&vec![0xFF; page.bytes.len()], &store);
    let fired = hook.next("OpenCreditsStateUnread", "alarm.fired");
    assert_eq!(fired["data"]["labels"], json!({ "part": "prices" }));
    page.write(&page.bytes, &store);
    hook.next("OpenCreditsStateUnread", "alarm.resolved");
    let log = check_end(gateway, &hook, &["OpenCreditsStateUnread"]);
    assert!(log.contains("malformed"), "{log}");
}

/// A clock that is a minute ahead while a file is there. A process cannot set its own clock, and a test must not set the
/// machine's.
const CLOCK: &str = r#"
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t id, struct timespec *at) {
    int result = syscall(SYS_clock_gettime, id, at);
    if (id == CLOCK_REALTIME && access(AHEAD, F_OK) == 0) at->tv_sec += 60;
    return result;
}
"#;

#[test]
fn a_clock_that_is_set_is_told_for_an_hour() {
    let (hook, fixture) = (Hook::start(), Fixture::new());
    let (source, ahead) = (fixture.file("clock.c", CLOCK), fixture.data().with_file_name("ahead"));
    let library = source.replace("clock.c", "clock.so");
    // The compiler that links Rust's programs.
    let ahead_of = format!("-DAHEAD=\"{}\"", ahead.display());
    let made = Command::new("cc").args(["-shared", "-fPIC", "-o", &library, &source, &ahead_of]).status().unwrap();
    assert!(made.success());
    let config = fixture.file("config.toml", &alarms_at(FAST_PACE, &hook));
    let gateway = fixture.start(&["--config", &config, "dev"], &[("LD_PRELOAD", &library)]);
    // What is set before the first evaluation is no jump.
    eventually("the clock is set", || {
        let set = std::fs::remove_file(&ahead).or_else(|_| File::create(&ahead).map(drop));
        let listed = ask(&fixture, &json!({ "do": "alarms", "alarm": "list" })).1["alarms"].take();
        set.is_ok() && listed.as_array().unwrap().iter().any(|row| row["alarm"] == "OpenCreditsClockJumped")
    });
    hook.next("OpenCreditsClockJumped", "alarm.fired");
    hook.next("OpenCreditsClockJumped", "alarm.resolved");
    let log = check_end(gateway, &hook, &["OpenCreditsClockJumped"]);
    assert!(log.contains("the clock of the machine jumped"), "{log}");
}
