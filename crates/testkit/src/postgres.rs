//! A PostgreSQL server of a test's own, on a socket in a folder of its own.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

/// Where Debian has its versions.
const DEBIAN: &str = "/usr/lib/postgresql";
/// A server that does not answer within so many looks never will.
const LOOKS: usize = 3_000;
const BETWEEN: Duration = Duration::from_millis(20);

/// Makes a folder and tells it. Each line that it reads makes a cluster there, or a copy of another server's, or starts a server; at
/// the end of its input, as when the test is killed, the server is stopped and the folder removed.
const KEEPER: &str = r#"
bin=$1; shift
folder=$(mktemp -d /tmp/postgres-XXXXXX) && chmod 755 "$folder" || exit 1
trap 'rm -rf "$folder"' EXIT
echo "$folder"
while read -r order from; do
  case $order in
    init) "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C --no-sync ;;
    follow) rm -rf "$folder/data"; "$bin/pg_basebackup" -h "$from" -U postgres -D "$folder/data" -R -c fast --no-sync ;;
    start) "$bin/postgres" -D "$folder/data" -k "$folder" -h '' "$@" & server=$! ;;
  esac >>"$folder/log" 2>&1
done
kill -CONT "$server" 2>/dev/null
kill -QUIT "$server" 2>/dev/null
wait
"#;

/// A server. It ends with this value, or with the test.
pub struct Postgres {
    binaries: PathBuf,
    folder: PathBuf,
    keeper: Mutex<(Child, Option<ChildStdin>)>,
    databases: AtomicU32,
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

    /// A folder and what keeps it.
    fn prepared(settings: &[(&str, &str)]) -> Option<Self> {
        let Some(binaries) = binaries() else {
            assert!(!is_required(), "TEST_POSTGRES says that PostgreSQL is there, and it is not");
            eprintln!("skipped: PostgreSQL is not there; Debian has it in the package postgresql");
            return None;
        };
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
        Some(Self { binaries, folder, keeper: Mutex::new((keeper, orders)), databases: AtomicU32::new(0) })
    }

    fn order(&self, order: &str) {
        let mut keeper = self.keeper.lock().expect("nobody has panicked");
        writeln!(keeper.1.as_mut().expect("it is open"), "{order}").expect("the keeper reads");
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
        let is_ready = || self.command("pg_isready").arg("-q").status().is_ok_and(|status| status.success());
        let answers = within_its_time(is_ready);
        assert!(answers, "{}", std::fs::read_to_string(self.folder.join("log")).unwrap_or_default());
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
            let state = format!("/proc/{process}/stat");
            // One that the keeper has not waited for yet is gone as well.
            let is_gone = || std::fs::read_to_string(&state).map_or(true, |stat| stat.contains(") Z "));
            assert!(within_its_time(is_gone), "{process} ends");
        }
    }

    /// A new and empty database, as a connection string names it.
    #[must_use]
    pub fn database(&self) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.sql("postgres", &format!("CREATE DATABASE {name}"));
        self.url(&name)
    }

    /// The connection string of a database.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("host={} user=postgres dbname={database}", self.folder.display())
    }

    /// What PostgreSQL's own client prints for statements in a database: a line a row, with `|` between columns.
    #[must_use]
    pub fn psql(&self, database: &str, statements: &str) -> String {
        let output =
            self.command("psql").args(["-qAtX", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", statements]).output();
        let output = output.expect("psql runs");
        assert!(output.status.success(), "{statements}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Waits until a query in the server's first database shows a text.
    pub fn shows(&self, query: &str, text: &str) {
        assert!(within_its_time(|| self.psql("postgres", query).contains(text)), "{query} shows {text}");
    }

    /// Runs statements in a database.
    pub fn sql(&self, database: &str, statements: &str) {
        let _printed = self.psql(database, statements);
    }

    /// The folder of the socket.
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

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Ok(mut keeper) = self.keeper.lock() {
            drop(keeper.1.take());
            let _ended = keeper.0.wait();
        }
    }
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
    use super::Postgres;

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
}
