//! What a run found.

use super::lane::Spent;
use super::numbers::{Nanos, Window, a_second, narrow, part_of, wide};
use super::parameters::Parameters;

/// From so many thousandths of its time on, a resource bounds the throughput.
const BUSY_PERMILLE: u64 = 900;

/// What bounds the throughput.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Bound {
    /// The database's CPU.
    Cores,
    /// The lock of the head of the chain.
    Head,
    /// The locks of wallets, for which transactions wait one after the other.
    Wallets,
    /// Flushes of the disk, and the standby.
    Disk,
    /// Round trips and the gateways' own time, with no more callers than there are.
    Trips,
    /// All that arrives is done.
    Load,
}

impl Bound {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Cores => "cores",
            Self::Head => "head",
            Self::Wallets => "wallets",
            Self::Disk => "disk",
            Self::Trips => "trips",
            Self::Load => "load",
        }
    }
}

/// The time of transactions, by what they waited for or used.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Times {
    pub(super) trips: Nanos,
    pub(super) cores: Nanos,
    pub(super) wallets: Nanos,
    pub(super) head: Nanos,
    pub(super) disk: Nanos,
}

impl Times {
    pub(super) fn add(&mut self, spent: Spent, time: Nanos) {
        let sum = match spent {
            Spent::Trips => &mut self.trips,
            Spent::Cores => &mut self.cores,
            Spent::Wallets => &mut self.wallets,
            Spent::Head => &mut self.head,
            Spent::Disk => &mut self.disk,
        };
        *sum = sum.saturating_add(time);
    }

    /// What takes the most of it.
    fn longest(&self) -> Bound {
        let times = [
            (self.trips, Bound::Trips),
            (self.cores, Bound::Cores),
            (self.wallets, Bound::Wallets),
            (self.head, Bound::Head),
            (self.disk, Bound::Disk),
        ];
        times.into_iter().max_by_key(|(time, _)| *time).map_or(Bound::Trips, |(_, bound)| bound)
    }

    fn sum(&self) -> Nanos {
        let Self { trips, cores, wallets, head, disk } = self;
        [trips, cores, wallets, head, disk].into_iter().fold(0, |sum, time| sum.saturating_add(*time))
    }
}

/// Thousandths of the time of transactions.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(super) struct Shares {
    pub(super) trips: u64,
    pub(super) cores: u64,
    pub(super) wallets: u64,
    pub(super) head: u64,
    pub(super) disk: u64,
}

impl Shares {
    fn of(times: &Times) -> Self {
        let share = |time: Nanos| part_of(time, 1_000, times.sum());
        let Times { trips, cores, wallets, head, disk } = times;
        Self {
            trips: share(*trips),
            cores: share(*cores),
            wallets: share(*wallets),
            head: share(*head),
            disk: share(*disk),
        }
    }
}

/// Counts of one run; they are of its measured part, but for those of all its commands.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Counts {
    /// Captures that were answered.
    pub(super) pairs: u64,
    /// How long each hold waited for its answer.
    pub(super) holds: Vec<Nanos>,
    pub(super) commits: u64,
    pub(super) commands: u64,
    /// Commits that locked a head.
    pub(super) head_commits: u64,
    /// The time for which heads were locked, all together.
    pub(super) head_locked: Nanos,
    /// CPU time that was used.
    pub(super) cores_busy: Nanos,
    /// The time for which the wallet that was used most was locked.
    pub(super) wallet_locked: Nanos,
    pub(super) times: Times,
    /// The most gateways at which one person had open requests at a time.
    pub(super) exposed_gateways: u32,
    /// The most charges that were accepted and that a crash of one server would have undone.
    pub(super) unflushed: u64,
    pub(super) refused: u64,
    /// Commands without an answer at the end of the measured part.
    pub(super) waiting: u64,
    /// Of the whole run.
    pub(super) asked: u64,
    pub(super) answered: u64,
    pub(super) strays: u64,
}

/// The figures of a run.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(super) struct Figures {
    pub(super) pairs_per_s: u64,
    pub(super) hold_p50_us: u64,
    pub(super) hold_p99_us: u64,
    pub(super) commits_per_s: u64,
    /// Tenths.
    pub(super) commands_per_commit_x10: u64,
    pub(super) head_locked_permille: u64,
    pub(super) cores_busy_permille: u64,
    pub(super) wallet_locked_permille: u64,
    pub(super) transaction_time_permille: Shares,
    pub(super) bound: Bound,
    pub(super) exposed_gateways_max: u32,
    /// Thousandths of `billing.exposure_max_usd` that one person could reach: each gateway has an equal share of it.
    pub(super) exposure_max_permille: u64,
    pub(super) unflushed_charges_max: u64,
    pub(super) holds_refused: u64,
    pub(super) commands_waiting_at_the_end: u64,
    #[serde(skip)]
    pub(super) counts: Counts,
}

impl Figures {
    pub(super) fn of(parameters: &Parameters, window: Window, mut counts: Counts) -> Self {
        counts.holds.sort_unstable();
        let time = window.length();
        let permille = |busy: Nanos, resources: usize| part_of(busy, 1_000, time.saturating_mul(wide(resources)));
        let cores = parameters.cores.saturating_mul(parameters.servers());
        let mut figures = Self {
            pairs_per_s: a_second(counts.pairs, time),
            hold_p50_us: percentile(&counts.holds, 50) / 1_000,
            hold_p99_us: percentile(&counts.holds, 99) / 1_000,
            commits_per_s: a_second(counts.commits, time),
            commands_per_commit_x10: part_of(counts.commands, 10, counts.commits),
            head_locked_permille: permille(counts.head_locked, parameters.shards),
            cores_busy_permille: permille(counts.cores_busy, cores),
            wallet_locked_permille: permille(counts.wallet_locked, 1),
            transaction_time_permille: Shares::of(&counts.times),
            bound: Bound::Load,
            exposed_gateways_max: counts.exposed_gateways,
            exposure_max_permille: part_of(counts.exposed_gateways.into(), 1_000, wide(parameters.gateways)),
            unflushed_charges_max: counts.unflushed,
            holds_refused: counts.refused,
            commands_waiting_at_the_end: counts.waiting,
            counts,
        };
        figures.bound = figures.bound_of(parameters);
        figures
    }

    /// What is used all the time, or else what takes the most of a transaction's time. Cores come first: who waits for one has
    /// locks meanwhile, and so has who waits for the head.
    fn bound_of(&self, parameters: &Parameters) -> Bound {
        let arriving = parameters.requests_a_second();
        // Nearly all: as many as arrive in a short run vary by a few in a hundred.
        if arriving.is_some_and(|arriving| self.pairs_per_s >= part_of(arriving, 19, 20)) {
            return Bound::Load;
        }
        let resources = [(self.cores_busy_permille, Bound::Cores), (self.head_locked_permille, Bound::Head)];
        let scarce = resources.into_iter().find(|(busy, _)| *busy >= BUSY_PERMILLE);
        scarce.map_or_else(|| self.counts.times.longest(), |(_, bound)| bound)
    }
}

/// A percentile of sorted times; 0 where there are none.
fn percentile(sorted: &[Nanos], percent: u64) -> Nanos {
    let at = part_of(wide(sorted.len()), percent, 100);
    sorted.get(narrow(at)).or(sorted.last()).copied().unwrap_or_default()
}
