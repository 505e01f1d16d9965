//! What a run is made with, and what follows from it without a simulation.

use super::numbers::{MICROSECOND, MILLISECOND, Nanos, SECOND, a_second, wide};
use crate::outcome::Outcome;

/// The largest values: with larger ones nothing is learned, and sums could overflow.
const COUNT_MAX: usize = 100_000;
const LANES_MAX: usize = 1_000_000;
const PERSONS_MAX: usize = 10_000_000;
const CALLERS_MAX: u64 = 10_000_000;
const TIME_MAX_US: u64 = 600_000_000;
const RATE_MAX: u64 = 10_000_000;

/// Which commands wait for the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Durable {
    /// None: every command is `accepted`
    None,
    /// Captures: `ledger.ack = "durable"`
    Captures,
    /// All, as in `cargo xtask bench database`
    All,
}

/// Who makes the next request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Order {
    /// A person by chance, according to the shares
    Share,
    /// One person after the other, as in `cargo xtask bench database`
    Turn,
}

/// How a batch commits. All but the first are what-if questions: the ledger does not do so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Form {
    /// COMMIT is sent together with the writes, and locks end once it is on disk: as in the ledger
    Together,
    /// COMMIT is sent after the answers to the writes
    Apart,
    /// The commit does not wait for the disk; a second, empty one does, after the locks have ended
    Early,
}

/// The parameters of a run. Costs are CPU time of the database; the defaults were measured on PostgreSQL 15.
#[derive(Debug, Clone, clap::Args, serde::Serialize)]
pub(super) struct Parameters {
    /// Gateways
    #[arg(long, default_value_t = 100)]
    pub(super) gateways: usize,
    /// Connections of each gateway that write to each ledger
    #[arg(long, default_value_t = 1)]
    pub(super) writers: usize,
    /// Ledgers over which persons are divided
    #[arg(long, default_value_t = 1)]
    pub(super) shards: usize,
    /// Database servers that the ledgers share; 0 is one for each ledger
    #[arg(long, default_value_t = 0)]
    pub(super) servers: usize,
    /// Persons, each with a wallet
    #[arg(long, default_value_t = 100_000)]
    pub(super) persons: usize,
    /// Exponent of Zipf's law for the persons' shares of the requests, in hundredths; 0 is the same share for each
    #[arg(long, default_value_t = 50)]
    pub(super) skew: u32,
    /// Who makes the next request
    #[arg(long, value_enum, default_value = "share")]
    pub(super) order: Order,
    /// All requests of a person go to one gateway
    #[arg(long)]
    pub(super) affinity: bool,
    /// Commands of a batch
    #[arg(long, default_value_t = 1_024)]
    pub(super) batch_max: usize,
    /// From a gateway to the database and back, in microseconds
    #[arg(long, default_value_t = 200)]
    pub(super) round_trip_us: u64,
    /// A flush of the database's disk, in microseconds
    #[arg(long, default_value_t = 500)]
    pub(super) commit_us: u64,
    /// What a durable commit waits for a synchronous standby besides, in microseconds
    #[arg(long, default_value_t = 0)]
    pub(super) standby_us: u64,
    /// What a flush takes longer that creates a file of the write-ahead log, in milliseconds; 0 where old files are used again
    #[arg(long, default_value_t = 0)]
    pub(super) wal_file_ms: u64,
    /// Database CPU of a command while the head is not locked, in microseconds
    #[arg(long, default_value_t = 4)]
    pub(super) apply_us: u64,
    /// Database CPU of the accounts of a person whom a batch has commands of, in microseconds: one half reads, the other one writes,
    /// under the head's lock where the batch has captures
    #[arg(long, default_value_t = 13)]
    pub(super) person_us: u64,
    /// Database CPU of a capture while the head is locked, in microseconds
    #[arg(long, default_value_t = 3)]
    pub(super) head_apply_us: u64,
    /// Database CPU of a batch while the head is not locked, in microseconds
    #[arg(long, default_value_t = 120)]
    pub(super) batch_us: u64,
    /// Database CPU of a batch with captures from the lock of the head to its commit, in microseconds
    #[arg(long, default_value_t = 100)]
    pub(super) head_us: u64,
    /// Database CPU of a batch from its commit to the end of its locks, in microseconds
    #[arg(long, default_value_t = 40)]
    pub(super) end_us: u64,
    /// Database CPU of a batch that has waited for the head, before it can lock it, in microseconds
    #[arg(long, default_value_t = 100)]
    pub(super) wait_us: u64,
    /// CPU of a gateway's thread for each command, in microseconds
    #[arg(long, default_value_t = 6)]
    pub(super) client_us: u64,
    /// CPU of a gateway's thread for each batch, in microseconds
    #[arg(long, default_value_t = 100)]
    pub(super) client_batch_us: u64,
    /// Gateways run on the database's cores. All work stays on one core each, as on a machine with few
    #[arg(long)]
    pub(super) together: bool,
    /// Cores of each database server
    #[arg(long, default_value_t = 8)]
    pub(super) cores: usize,
    /// Callers of each gateway, each of which asks again once it is answered
    #[arg(long, default_value_t = 16)]
    pub(super) callers: u64,
    /// Average time between an answer and the caller's next command, in microseconds
    #[arg(long, default_value_t = 20)]
    pub(super) caller_us: u64,
    /// Requests a second that come to each gateway, in place of callers
    #[arg(long, conflicts_with = "total_rate")]
    pub(super) rate: Option<u64>,
    /// Requests a second that come to all gateways together, in place of callers
    #[arg(long)]
    pub(super) total_rate: Option<u64>,
    /// Average time between the hold and the capture of a request, in milliseconds
    #[arg(long, default_value_t = 0)]
    pub(super) request_ms: u64,
    /// Each request marks its hold in flight, too, as the gateway does
    #[arg(long)]
    pub(super) mark: bool,
    /// The commands that wait for the disk
    #[arg(long, value_enum, default_value = "none")]
    pub(super) durable: Durable,
    /// How a batch commits
    #[arg(long, value_enum, default_value = "together")]
    pub(super) commit_form: Form,
    /// Pauses of PostgreSQL's WAL writer, which flushes `accepted` commits, in milliseconds
    #[arg(long, default_value_t = 200)]
    pub(super) wal_writer_ms: u64,
    /// Highest 99th percentile of a hold, in milliseconds, where the load is looked for that a ledger carries
    #[arg(long, default_value_t = 50)]
    pub(super) hold_p99_max_ms: u64,
    /// Simulated seconds that are measured, after some that are not
    #[arg(long, default_value_t = 4)]
    pub(super) seconds: u64,
    /// Seed of the random numbers
    #[arg(long, default_value_t = 1)]
    pub(super) seed: u64,
}

impl Parameters {
    /// Refuses what cannot be simulated, or not in any sensible time.
    pub(super) fn check(&self) -> Outcome {
        let counts = [
            ("--gateways", self.gateways, COUNT_MAX),
            ("--writers", self.writers, COUNT_MAX),
            ("--shards", self.shards, COUNT_MAX),
            ("--persons", self.persons, PERSONS_MAX),
            ("--batch-max", self.batch_max, COUNT_MAX),
            ("--cores", self.cores, COUNT_MAX),
            ("the number of lanes", self.gateways.saturating_mul(self.shards).saturating_mul(self.writers), LANES_MAX),
        ];
        let counts = counts.into_iter().map(|(name, count, max)| (name, wide(count), 1, wide(max)));
        let times = [
            ("--round-trip-us", self.round_trip_us, 0, TIME_MAX_US),
            ("--commit-us", self.commit_us, 0, TIME_MAX_US),
            ("--standby-us", self.standby_us, 0, TIME_MAX_US),
            ("--wal-file-ms", self.wal_file_ms, 0, TIME_MAX_US / 1_000),
            ("--apply-us", self.apply_us, 0, TIME_MAX_US),
            ("--person-us", self.person_us, 0, TIME_MAX_US),
            ("--head-apply-us", self.head_apply_us, 0, TIME_MAX_US),
            ("--batch-us", self.batch_us, 0, TIME_MAX_US),
            ("--head-us", self.head_us, 0, TIME_MAX_US),
            ("--end-us", self.end_us, 0, TIME_MAX_US),
            ("--wait-us", self.wait_us, 0, TIME_MAX_US),
            ("--client-us", self.client_us, 0, TIME_MAX_US),
            ("--client-batch-us", self.client_batch_us, 0, TIME_MAX_US),
            ("--caller-us", self.caller_us, 0, TIME_MAX_US),
            ("--request-ms", self.request_ms, 0, TIME_MAX_US / 1_000),
            ("--wal-writer-ms", self.wal_writer_ms, 1, TIME_MAX_US / 1_000),
            ("--hold-p99-max-ms", self.hold_p99_max_ms, 1, TIME_MAX_US / 1_000),
            ("--seconds", self.seconds, 1, TIME_MAX_US / 1_000_000),
            ("--skew", u64::from(self.skew), 0, 1_000),
            ("the number of callers", self.callers.saturating_mul(wide(self.gateways)), 1, CALLERS_MAX),
            ("a rate", self.requests_a_second().unwrap_or(1), 1, RATE_MAX),
        ];
        match counts.chain(times).find(|(_, value, min, max)| !(min..=max).contains(&value)) {
            Some((name, value, min, max)) => Err(format!("{name} is {value}; it may be from {min} to {max}").into()),
            None => Ok(()),
        }
    }

    pub(super) fn servers(&self) -> usize {
        if self.servers == 0 { self.shards } else { self.servers.min(self.shards) }
    }

    pub(super) fn round_trip(&self) -> Nanos {
        self.round_trip_us * MICROSECOND
    }

    /// A flush that creates so many files.
    pub(super) fn flush(&self, files: u64) -> Nanos {
        self.commit_us * MICROSECOND + self.wal_file_ms * MILLISECOND * files
    }

    pub(super) fn standby(&self) -> Nanos {
        self.standby_us * MICROSECOND
    }

    pub(super) fn wal_writer(&self) -> Nanos {
        self.wal_writer_ms * MILLISECOND
    }

    pub(super) fn request_time(&self) -> Nanos {
        self.request_ms * MILLISECOND
    }

    pub(super) fn measured(&self) -> Nanos {
        self.seconds * SECOND
    }

    /// The run before what is measured: until there are as many open requests as there will be.
    pub(super) fn unmeasured(&self) -> Nanos {
        self.request_time() * 2 + self.measured() / 2
    }

    /// Requests a second of all gateways; `None` where callers ask.
    pub(super) fn requests_a_second(&self) -> Option<u64> {
        self.total_rate.or_else(|| Some(self.rate?.saturating_mul(wide(self.gateways))))
    }

    /// CPU that a batch costs whatever its size, of each half: that which reads, and that which writes.
    pub(super) fn batch_half(&self) -> Nanos {
        self.batch_us * MICROSECOND / 2
    }

    /// CPU of each half for so many commands.
    pub(super) fn apply_half(&self, commands: usize) -> Nanos {
        self.apply_us * wide(commands) * MICROSECOND / 2
    }

    /// CPU that reads the accounts of so many persons, and CPU that writes them.
    pub(super) fn persons_half(&self, persons: usize) -> Nanos {
        self.person_us * wide(persons) * MICROSECOND / 2
    }

    /// CPU under the head's lock up to the commit, for a batch with so many captures that changes the accounts of so many persons.
    pub(super) fn head_work(&self, captures: usize, persons: usize) -> Nanos {
        (self.head_us + self.head_apply_us * wide(captures)) * MICROSECOND + self.persons_half(persons)
    }

    /// CPU from the commit to the end of the locks.
    pub(super) fn end_work(&self) -> Nanos {
        self.end_us * MICROSECOND
    }

    /// CPU of who has waited for the head.
    pub(super) fn wait_work(&self) -> Nanos {
        self.wait_us * MICROSECOND
    }

    /// CPU of the gateway for a batch.
    pub(super) fn client_work(&self, commands: usize) -> Nanos {
        (self.client_batch_us + self.client_us * wide(commands)) * MICROSECOND
    }

    /// The average time until a caller asks again.
    pub(super) fn caller(&self) -> Nanos {
        self.caller_us * MICROSECOND
    }

    /// Whether a batch with so many captures waits for the disk.
    pub(super) fn is_durable(&self, captures: usize) -> bool {
        match self.durable {
            Durable::None => false,
            Durable::Captures => captures > 0,
            Durable::All => true,
        }
    }

    /// For how long the head is locked at least, by a batch with so many captures, all of one person.
    pub(super) fn head_locked(&self, captures: usize) -> Nanos {
        let on_disk = if self.is_durable(captures) { self.flush(0) + self.standby() } else { 0 };
        let commit = match self.commit_form {
            Form::Together => on_disk,
            Form::Apart => self.round_trip() + on_disk,
            Form::Early => 0,
        };
        self.head_work(captures, 1) + self.end_work() + commit
    }

    /// Pairs a second that the heads allow, with batches of so many captures of as many persons and nothing else; `None` where they are
    /// locked for no time.
    pub(super) fn head_bound(&self, captures: usize) -> Option<u64> {
        let others = self.persons_half(captures.saturating_sub(1));
        let locked = Some(self.head_locked(captures) + others).filter(|locked| *locked > 0)?;
        Some(a_second(wide(captures) * wide(self.shards), locked))
    }

    /// Pairs a second that the cores allow, with batches of so many commands, each of another person; `None` where they cost nothing.
    pub(super) fn cores_bound(&self, commands: usize) -> Option<u64> {
        let kinds: u64 = if self.mark { 3 } else { 2 };
        let halves =
            (self.batch_half() + self.apply_half(commands) + self.persons_half(commands)) * 2 + self.end_work();
        let client = if self.together { self.client_work(commands) } else { 0 };
        // A batch of each kind, and the entries of the captures.
        let work = (halves + client) * kinds + self.head_work(commands, 0);
        let work = Some(work).filter(|work| *work > 0)?;
        Some(a_second(wide(self.cores) * wide(self.servers()) * wide(commands), work))
    }
}
