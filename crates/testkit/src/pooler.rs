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
INI
pgbouncer -q "$folder/ini" >"$folder/log" 2>&1 & pooler=$!
until [ -S "$folder/.s.PGSQL.5432" ] || ! kill -0 $pooler; do sleep 0.02; done
echo "$folder"
cat >/dev/null
kill -INT $pooler
wait
rm -rf "$folder"
"#;

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
        if Command::new("pgbouncer").arg("--version").output().is_err() {
            eprintln!("skipped: pgbouncer is not there; Debian has it in the package of that name");
            return None;
        }
        let mut keeper = Command::new("sh");
        keeper.args(["-c", KEEPER, "sh"]).arg(server.folder()).arg(mode).current_dir("/");
        crate::postgres::as_its_user(&mut keeper);
        let mut keeper = keeper.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a shell starts");
        let folder = crate::postgres::first_line(&mut keeper);
        Some(Self { keeper, folder })
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
