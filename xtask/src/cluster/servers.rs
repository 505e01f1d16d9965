//! PostgreSQL: a primary, and a standby for which each durable commit waits.

use crate::outcome::Outcome;
use opencredits_testkit::Postgres;
use std::path::Path;

/// Connections of a process: some 24 to each of two databases.
const OF_EACH: usize = 48;
/// Connections besides, such as that of the standby.
const BESIDES: usize = 50;
/// The databases of the live mode and of test mode.
pub(super) const LIVE: &str = "opencredits";
pub(super) const TEST: &str = "opencredits_test";

/// Both servers.
pub(super) struct Servers {
    primary: Postgres,
    standby: Postgres,
    /// The folders of their sockets, as a connection string names them. The order stays.
    hosts: String,
}

impl Servers {
    /// Makes two clusters for so many processes in folders of their own, and starts them.
    pub(super) fn start(processes: usize) -> Outcome<Self> {
        let connections = (OF_EACH * processes + BESIDES).to_string();
        let settings = [("max_connections", connections.as_str())];
        let primary =
            Postgres::start(&settings).ok_or("install PostgreSQL: Debian has it in the package postgresql")?;
        for database in [LIVE, TEST] {
            primary.sql("postgres", &format!("CREATE DATABASE {database}"));
        }
        let standby = Postgres::standby_of(&primary, &settings);
        primary.wait_for_standbys();
        let hosts = format!("{},{}", primary.folder().display(), standby.folder().display());
        Ok(Self { primary, standby, hosts })
    }

    /// The connection string of a database: whichever of both takes writes.
    pub(super) fn url(&self, database: &str) -> String {
        let hosts = &self.hosts;
        format!("host={hosts} user=postgres dbname={database} target_session_attrs=read-write connect_timeout=2")
    }

    /// The number of the primary's first process.
    pub(super) fn primary_process(&self) -> Outcome<u32> {
        let lock = std::fs::read_to_string(self.primary.folder().join("data/postmaster.pid"))?;
        Ok(lock.lines().next().ok_or("the primary has no number")?.trim().parse()?)
    }

    /// The folder of the standby's socket.
    pub(super) fn standby_folder(&self) -> &Path {
        self.standby.folder()
    }

    /// Kills the primary.
    pub(super) fn kill_primary(&self) {
        self.primary.kill("KILL");
    }

    /// The standby becomes the primary, and has no standby.
    pub(super) fn promote(&mut self) {
        self.standby.promote();
        std::mem::swap(&mut self.primary, &mut self.standby);
    }

    /// The server that was killed copies the primary, and follows it; each durable commit waits for it again.
    pub(super) fn rejoin(&self) {
        self.standby.follow(&self.primary);
        self.primary.wait_for_standbys();
    }
}
