//! A pool of connections between a test and its PostgreSQL server: pgbouncer.

use crate::Postgres;
use std::process::{Child, Command, Stdio};

/// Starts it in a folder of its own, and ends it with its input.
const KEEPER: &str = r#"
folder=$(mktemp -d /tmp/pooler-XXXXXX) && chmod 755 "$folder" || exit 1
cat >"$folder/ini" <<INI
[databases]
* = host=$1 user=postgres
[pgbouncer]
unix_socket_dir = $folder
listen_port = 5432
auth_type = any
pool_mode = $2
max_client_conn = 200
default_pool_size = 8
$3
INI
pgbouncer -q "$folder/ini" >"$folder/log" 2>&1 & pooler=$!
until [ -S "$folder/.s.PGSQL.5432" ] || ! kill -0 $pooler; do sleep 0.02; done
echo "$folder"
cat >/dev/null
kill -INT $pooler
wait
rm -rf "$folder"
"#;

/// The first version that keeps prepared statements where it gives connections to transactions, and how it is told to.
const KEEPS_PREPARED: (u32, u32) = (1, 21);
const KEEP_PREPARED: &str = "max_prepared_statements = 200";

/// A running pool.
pub struct Pooler {
    keeper: Child,
    folder: String,
}

impl Pooler {
    /// Starts one of a mode, `session` or `transaction`, before a server. `None`, and a word on standard error, where pgbouncer is
    /// not installed.
    #[must_use]
    pub fn start(server: &Postgres, mode: &str) -> Option<Self> {
        let Some(version) = version() else {
            eprintln!("skipped: pgbouncer is not there; Debian has it in the package of that name");
            return None;
        };
        let more = if version >= KEEPS_PREPARED { KEEP_PREPARED } else { "" };
        let mut keeper = Command::new("sh");
        keeper.args(["-c", KEEPER, "sh"]).arg(server.folder()).args([mode, more]).current_dir("/");
        crate::postgres::as_its_user(&mut keeper);
        let mut keeper = keeper.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a shell starts");
        let folder = crate::postgres::first_line(&mut keeper);
        Some(Self { keeper, folder })
    }

    /// Whether a program may prepare statements where connections are given to transactions. Where it may not, a word on standard
    /// error says so.
    #[must_use]
    pub fn keeps_prepared_statements() -> bool {
        let keeps = version().is_some_and(|version| version >= KEEPS_PREPARED);
        if !keeps {
            let (major, minor) = KEEPS_PREPARED;
            eprintln!("skipped: pgbouncer keeps prepared statements from version {major}.{minor} on");
        }
        keeps
    }

    /// The connection string of a database through it.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("host={} user=postgres dbname={database}", self.folder)
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ended = self.keeper.wait();
    }
}

/// The version that is installed.
fn version() -> Option<(u32, u32)> {
    let output = Command::new("pgbouncer").arg("--version").output().ok()?;
    version_in(&String::from_utf8_lossy(&output.stdout))
}

/// The first two numbers of what it calls itself.
fn version_in(told: &str) -> Option<(u32, u32)> {
    let mut numbers = told.split_whitespace().nth(1)?.split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::version_in;

    #[test]
    fn versions_are_compared_by_their_numbers() {
        assert_eq!(version_in("PgBouncer 1.18.0\nlibevent 2.1.12-stable\n"), Some((1, 18)));
        assert_eq!(version_in("PgBouncer 1.9rc1"), None);
        assert!(version_in("PgBouncer 1.21.0") > version_in("PgBouncer 1.9.0"));
    }
}
