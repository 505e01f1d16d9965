//! A PostgreSQL server of a test's own, on a socket in a folder of its own.

use crate::Disk;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

/// Where Debian has its versions.
const DEBIAN: &str = "/usr/lib/postgresql";
/// The first version that is told how to copy a database. Those before copy its files.
const COPIES_AS_TOLD: u32 = 15;
/// A server that does not answer within so many looks never will.
const LOOKS: usize = 3_000;
const BETWEEN: Duration = Duration::from_millis(20);

/// Makes a folder and tells it. Each line that it reads makes a cluster there, or a copy of another server's, or a place for one on a
/// disk, or starts a server; at the end of its input, as when the test is killed, the server is stopped and the folder removed.
const KEEPER: &str = r#"
bin=$1; shift
folder=$(mktemp -d /tmp/postgres-XXXXXX) && chmod 755 "$folder" || exit 1
trap 'rm -rf "$folder"' EXIT
echo "$folder"
while read -r order from; do
  case $order in
    init) "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C --no-sync $from ;;
    place) mkdir "$from/data" && ln -s "$from/data" "$folder/data" ;;
    follow) rm -rf "$folder/data"; "$bin/pg_basebackup" -h "$from" -U postgres -D "$folder/data" -R -c fast --no-sync ;;
    start) "$bin/postgres" -D "$folder/data" -k "$folder" -h '' "$@" & server=$! ;;
  esac >>"$folder/log" 2>&1
done
kill -CONT "$server" 2>/dev/null
kill -QUIT "$server" 2>/dev/null
wait
"#;

/// What of a server is on a [`Disk`] of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnDisk {
    /// Its tables, and all but the write-ahead log.
    Tables,
    /// The write-ahead log alone.
    Log,
}

/// A server. It ends with this value, or with the test.
pub struct Postgres {
    binaries: PathBuf,
    folder: PathBuf,
    keeper: Mutex<(Child, Option<ChildStdin>)>,
    databases: AtomicU32,
    /// Databases that nobody needs any more.
    unneeded: Mutex<Vec<String>>,
}

/// A database of one test. The server drops it some time after this.
pub struct Database<'a> {
    server: &'a Postgres,
    name: String,
}

impl Postgres {
    /// Makes a cluster and starts a server with these settings, such as `("fsync", "off")`. `None`, and a word on standard
    /// error, where PostgreSQL is not installed.
    #[must_use]
    pub fn start(settings: &[(&str, &str)]) -> Option<Self> {
        let server = Self::prepared(settings)?;
        server.order("init");
        server.start_again();
        Some(server)
    }

    /// The same with a part of it on a disk, which outlives the server. Files of its log have 1 MB each.
    #[must_use]
    pub fn start_on(disk: &Disk, part: OnDisk, settings: &[(&str, &str)]) -> Option<Self> {
        let server = Self::prepared(settings)?;
        let log = match part {
            OnDisk::Log => disk.folder().join("log"),
            OnDisk::Tables => {
                server.order(&format!("place {}", disk.folder().display()));
                server.folder.join("wal")
            }
        };
        server.order(&format!("init --wal-segsize=1 --waldir={}", log.display()));
        server.start_again();
        Some(server)
    }

    /// Makes a copy of a server and starts it as a standby of that one.
    ///
    /// # Panics
    /// Where PostgreSQL is not installed; then there is no other server.
    #[must_use]
    pub fn standby_of(primary: &Self, settings: &[(&str, &str)]) -> Self {
        let standby = Self::prepared(settings).expect("PostgreSQL is there");
        standby.follow(primary);
        standby
    }

    /// Becomes a standby of another server, of which it makes a new copy; its own server was killed before.
    pub fn follow(&self, primary: &Self) {
        self.order(&format!("follow {}", primary.folder.display()));
        self.start_again();
    }

    /// Makes a standby a primary.
    pub fn promote(&self) {
        self.sql("postgres", "SELECT pg_promote()");
    }

    /// From now on each commit waits for a standby.
    pub fn wait_for_standbys(&self) {
        self.sql("postgres", "ALTER SYSTEM SET synchronous_standby_names = '*'");
        self.sql("postgres", "SELECT pg_reload_conf()");
        self.shows("SELECT 'it is ' || sync_state FROM pg_stat_replication", "it is sync");
    }

    /// From now on no commit waits for a standby, and those that wait are done.
    pub fn wait_for_nobody(&self) {
        self.sql("postgres", "ALTER SYSTEM SET synchronous_standby_names = ''");
        self.sql("postgres", "SELECT pg_reload_conf()");
    }

    /// A folder and what keeps it.
    fn prepared(settings: &[(&str, &str)]) -> Option<Self> {
        let binaries = installed()?;
        let mut keeper = Command::new("sh");
        keeper.args(["-c", KEEPER, "sh"]).arg(&binaries).stdin(Stdio::piped()).stdout(Stdio::piped());
        keeper
            .current_dir("/")
            .args(settings.iter().flat_map(|(name, value)| ["-c".to_owned(), format!("{name}={value}")]));
        // An interrupt at the terminal is for whoever runs it: the keeper ends when that ends.
        keeper.process_group(0);
        as_its_user(&mut keeper);
        let mut keeper = keeper.spawn().expect("a shell starts");
        let orders = keeper.stdin.take();
        let folder = PathBuf::from(first_line(&mut keeper));
        let (keeper, unneeded) = (Mutex::new((keeper, orders)), Mutex::default());
        Some(Self { binaries, folder, keeper, databases: AtomicU32::new(0), unneeded })
    }

    fn order(&self, order: &str) {
        let mut keeper = self.keeper.lock().expect("nobody has panicked");
        writeln!(keeper.1.as_mut().expect("it is open"), "{order}").expect("the keeper reads");
    }

    /// Whether PostgreSQL is installed. Where it is not, a word on standard error says so.
    #[must_use]
    pub fn is_installed() -> bool {
        installed().is_some()
    }

    /// The server that all tests of one program share. It does not wait for its disk.
    #[must_use]
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Postgres>> = OnceLock::new();
        let start = || Self::start(&[("fsync", "off"), ("max_connections", "400")]);
        SHARED.get_or_init(start).as_ref()
    }

    /// Starts the server after [`Self::kill`], and waits until it answers.
    pub fn start_again(&self) {
        self.order("start");
        let answers = within_its_time(|| self.is_ready());
        assert!(answers, "{}", self.log());
    }

    /// Waits until the server answers. One that has ended by itself, such as for a full disk, is started again.
    pub fn revive(&self) {
        let answers = within_its_time(|| {
            if self.has_ended() {
                self.order("start");
                let _begun = within_its_time(|| !self.has_ended());
            }
            self.is_ready()
        });
        assert!(answers, "{}", self.log());
    }

    fn is_ready(&self) -> bool {
        self.command("pg_isready").arg("-q").status().is_ok_and(|status| status.success())
    }

    /// Whether no process of it is there that could answer some time.
    fn has_ended(&self) -> bool {
        let lock = std::fs::read_to_string(self.folder.join("data/postmaster.pid")).unwrap_or_default();
        lock.lines().next().is_none_or(is_gone)
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// Sends the server's first process and those that it has started a signal, such as `STOP`.
    pub fn signal(&self, signal: &str) {
        let process = self.process();
        let children = std::fs::read_to_string(format!("/proc/{process}/task/{process}/children")).unwrap_or_default();
        let all = children.split_whitespace().chain([process.as_str()]);
        let _some_may_be_gone = Command::new("kill").arg(format!("-{signal}")).args(all).status();
    }

    /// The number of the server's first process.
    fn process(&self) -> String {
        let lock = self.folder.join("data/postmaster.pid");
        let text = std::fs::read_to_string(&lock).expect("the server runs");
        text.lines().next().expect("it has a number").to_owned()
    }

    /// Sends the server's first process a signal, such as `KILL` or `INT`, and waits until it is gone.
    pub fn kill(&self, signal: &str) {
        let process = self.process();
        // A new server does not start while a child of the old one is left.
        let children = std::fs::read_to_string(format!("/proc/{process}/task/{process}/children")).unwrap_or_default();
        let status = Command::new("kill").args([&format!("-{signal}"), &process]).status();
        assert!(status.is_ok_and(|status| status.success()), "{process} takes {signal}");
        for process in children.split_whitespace().chain([process.as_str()]) {
            assert!(within_its_time(|| is_gone(process)), "{process} ends");
        }
    }

    /// A new and empty database, as a connection string names it.
    #[must_use]
    pub fn database(&self) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.sql("postgres", &format!("CREATE DATABASE {name}"));
        self.url(&name)
    }

    /// A new database with all that another one has, to which nobody is connected. It takes a hundredth of a second.
    #[must_use]
    pub fn copy_of(&self, template: &str) -> Database<'_> {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let unneeded = self.unneeded.lock().map(|mut unneeded| std::mem::take(&mut *unneeded)).unwrap_or_default();
        let dropped = |name: &String| format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
        let mut statements: Vec<String> = unneeded.iter().map(dropped).collect();
        // That of the files takes half as long as that by the log.
        let strategy = if self.version() >= COPIES_AS_TOLD { " STRATEGY file_copy" } else { "" };
        statements.push(format!("CREATE DATABASE {name} TEMPLATE {template}{strategy}"));
        let _printed = self.psql_each("postgres", &statements);
        Database { server: self, name }
    }

    /// The connection string of a database.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("host={} user=postgres dbname={database}", self.folder.display())
    }

    /// What PostgreSQL's own client prints for statements in a database: a line a row, with `|` between columns.
    #[must_use]
    pub fn psql(&self, database: &str, statements: &str) -> String {
        self.psql_each(database, &[statements.to_owned()])
    }

    /// The same for texts that are not one transaction together.
    fn psql_each(&self, database: &str, statements: &[String]) -> String {
        let mut psql = self.command("psql");
        psql.args(["-qAtX", "-v", "ON_ERROR_STOP=1", "-d", database]);
        psql.args(statements.iter().flat_map(|statements| ["-c", statements.as_str()]));
        let output = psql.output().expect("psql runs");
        assert!(output.status.success(), "{statements:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// All that the server has logged, and after it the bytes that it spells as `\x…`.
    #[must_use]
    pub fn logged(&self) -> Vec<u8> {
        with_bytes(std::fs::read(self.folder.join("log")).unwrap_or_default())
    }

    /// Waits until a query in the server's first database shows a text.
    pub fn shows(&self, query: &str, text: &str) {
        assert!(within_its_time(|| self.psql("postgres", query).contains(text)), "{query} shows {text}");
    }

    /// Runs statements in a database.
    pub fn sql(&self, database: &str, statements: &str) {
        let _printed = self.psql(database, statements);
    }

    /// The version that is installed, such as 15.
    fn version(&self) -> u32 {
        let version = self.binaries.parent().and_then(Path::file_name).and_then(std::ffi::OsStr::to_str);
        version.and_then(|version| version.parse().ok()).unwrap_or_default()
    }

    /// The folder of the socket, in which are the server's data and log as well.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// One of PostgreSQL's programs, told of this server.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.binaries.join(program));
        command.env("PGHOST", &self.folder).env("PGUSER", "postgres").env("PGDATABASE", "postgres");
        command
    }
}

impl Database<'_> {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its connection string.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url(&self.name)
    }

    /// Every row of every table, and the tables, as the text of `pg_dump`, and after it the bytes that it spells as `\x…`.
    #[must_use]
    pub fn dump(&self) -> Vec<u8> {
        let output = self.server.command("pg_dump").args(["-d", &self.name]).output().expect("pg_dump runs");
        assert!(output.status.success(), "{}: {}", self.name, String::from_utf8_lossy(&output.stderr));
        with_bytes(output.stdout)
    }
}

impl Drop for Database<'_> {
    fn drop(&mut self) {
        if let Ok(mut unneeded) = self.server.unneeded.lock() {
            unneeded.push(std::mem::take(&mut self.name));
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Ok(mut keeper) = self.keeper.lock() {
            drop(keeper.1.take());
            let _ended = keeper.0.wait();
        }
    }
}

/// Whether a process has ended. One that nobody has waited for yet is gone as well.
fn is_gone(process: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{process}/stat")).map_or(true, |stat| stat.contains(") Z "))
}

fn within_its_time(is_so: impl Fn() -> bool) -> bool {
    (0..LOOKS).any(|look| {
        if look > 0 {
            std::thread::sleep(BETWEEN);
        }
        is_so()
    })
}

/// Makes a command run as PostgreSQL's user where this is root: a server does not run as root.
pub(crate) fn as_its_user(command: &mut Command) {
    if number(&["-u"]) == Some(0) {
        let of = |flag| number(&[flag, "postgres"]).expect("PostgreSQL's package has made its user");
        command.gid(of("-g")).uid(of("-u"));
    }
}

/// The first line that a program prints.
pub(crate) fn first_line(child: &mut Child) -> String {
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("it is piped")).read_line(&mut line).expect("it prints a line");
    assert!(!line.is_empty(), "no folder was made");
    line.trim_end().to_owned()
}

/// A text, and after it the bytes that it spells as `\x…`, each run of them on a line.
fn with_bytes(mut text: Vec<u8>) -> Vec<u8> {
    let runs = text.split(|byte| *byte == b'\\').filter_map(|part| part.strip_prefix(b"x"));
    let mut spelled = Vec::new();
    for run in runs {
        let digits: Vec<u32> = run.iter().map_while(|digit| char::from(*digit).to_digit(16)).collect();
        spelled.push(b'\n');
        let byte = |pair: &[u32]| u8::try_from(pair.iter().fold(0_u32, |high, low| high * 16 + low)).ok();
        spelled.extend(digits.chunks_exact(2).filter_map(byte));
    }
    text.extend(spelled);
    text
}

/// The folder of the programs. Where there is none, a word on standard error says so.
fn installed() -> Option<PathBuf> {
    let binaries = binaries();
    if binaries.is_none() {
        assert!(!is_required(), "TEST_POSTGRES says that PostgreSQL is there, and it is not");
        eprintln!("skipped: PostgreSQL is not there; Debian has it in the package postgresql");
    }
    binaries
}

/// The folder of the newest version's programs.
fn binaries() -> Option<PathBuf> {
    let versions = std::fs::read_dir(DEBIAN).ok()?.flatten();
    let number = |name: &std::ffi::OsStr| name.to_str().and_then(|name| name.parse::<u32>().ok());
    let newest = versions.filter_map(|entry| Some((number(&entry.file_name())?, entry.path()))).max();
    newest.map(|(_, path)| path.join("bin")).filter(|bin| bin.join("initdb").exists())
}

#[expect(clippy::disallowed_methods, reason = "a test is told by the environment what must be there")]
fn is_required() -> bool {
    std::env::var_os("TEST_POSTGRES").is_some()
}

/// What `id` tells.
fn number(arguments: &[&str]) -> Option<u32> {
    let output = Command::new("id").args(arguments).output().ok()?;
    String::from_utf8_lossy(&output.stdout).trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{OnDisk, Postgres, with_bytes};
    use crate::Disk;

    #[test]
    fn a_server_keeps_what_was_committed_over_a_kill() {
        let Some(server) = Postgres::start(&[]) else { return };
        let name = server.database();
        assert!(name.ends_with("dbname=test_0"), "{name}");
        server.sql("test_0", "CREATE TABLE t (n int); INSERT INTO t VALUES (7)");
        server.kill("KILL");
        server.start_again();
        assert_eq!(server.psql("test_0", "SELECT n, n + 1 FROM t"), "7|8\n");
        let folder = server.folder().to_owned();
        drop(server);
        assert!(!folder.exists());
    }

    #[test]
    fn a_copy_has_what_its_template_has_and_its_dump_every_value_of_it() {
        let Some(server) = Postgres::shared() else { return };
        let template = server.copy_of("template0");
        let table = "CREATE TABLE t (said text, bytes bytea); INSERT INTO t VALUES ('a word', 'another word')";
        server.sql(&template.name, table);
        let [first, second] = [server.copy_of(&template.name), server.copy_of(&template.name)];
        server.sql(&first.name, "DELETE FROM t");
        let has = |dump: &[u8], word: &str| dump.windows(word.len()).any(|window| window == word.as_bytes());
        let (emptied, whole) = (first.dump(), second.dump());
        for word in ["a word", "another word"] {
            assert!(has(&whole, word) && !has(&emptied, word), "{word}");
        }
        let name = first.name.clone();
        drop(first);
        let third = server.copy_of(&template.name);
        let left = server.psql("postgres", "SELECT datname FROM pg_database");
        assert!(left.lines().any(|left| left == third.name) && left.lines().all(|left| left != name), "{left}");
    }

    #[test]
    fn bytes_that_a_text_spells_are_beside_it() {
        let check = |text: &str, expect: &str| {
            assert_eq!(String::from_utf8(with_bytes(text.as_bytes().to_vec())).unwrap(), expect);
        };
        check("7|no bytes\n", "7|no bytes\n");
        check("1\t\\\\x6162\t\\\\x\n", "1\t\\\\x6162\t\\\\x\n\nab\n");
        check("$1 = '\\x63616e', $2 = 'x61'", "$1 = '\\x63616e', $2 = 'x61'\ncan");
    }

    #[test]
    fn a_server_whose_log_has_no_room_is_revived_with_all_that_was_committed() {
        let Some(disk) = Disk::of_megabytes(24) else { return };
        let Some(server) = Postgres::start_on(&disk, OnDisk::Log, &[]) else { return };
        let name = server.database();
        assert!(name.ends_with("dbname=test_0"), "{name}");
        server.sql("test_0", "CREATE TABLE t (n int); INSERT INTO t VALUES (7)");
        disk.fill();
        let fill = "INSERT INTO t SELECT 8 FROM generate_series(1, 1000000)";
        let refused = server.command("psql").args(["-d", "test_0", "-c", fill]).output();
        assert!(refused.is_ok_and(|output| !output.status.success()), "there is no room for it");
        assert!(super::within_its_time(|| !server.is_ready()), "it has stopped in the middle of a write");
        disk.free();
        server.revive();
        server.revive();
        assert_eq!(server.psql("test_0", "SELECT n FROM t"), "7\n");
    }
}
