//! What a process counts for its own alarms, which it has without a recorder of metrics as well.

use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

/// What the status of an error of ours, or of a vendor, begins with.
const SERVER_ERROR: char = '5';
/// A stream that begins later is slow, in ms: the objective of `ops/prometheus/rules.yml`.
const SLOW_STREAM_MS: u64 = 10_000;

/// A count, and how many of it were bad.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Part {
    /// All.
    pub all: u64,
    /// The bad ones.
    pub bad: u64,
}

/// Counts since the start of the process, of the live mode.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests; those are bad that got an error with a status of 500 or more.
    pub requests: Part,
    /// Streams; those are bad that began after more than ten seconds.
    pub streams: Part,
    /// Commits of the ledger; those are bad that took more than a second.
    pub commits: Part,
    /// Requests whose usage was not believed, by the reason.
    pub not_believed: BTreeMap<String, u64>,
    /// Refusals of our own account, by vendor.
    pub refused_accounts: BTreeMap<String, u64>,
    /// Names of hosts that were not resolved, by vendor.
    pub unresolved_names: BTreeMap<String, u64>,
    /// Jumps of the clock.
    pub clock_jumps: u64,
}

/// Counts what requests tell.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    requests: AtomicU64,
    server_errors: AtomicU64,
    streams: AtomicU64,
    slow_streams: AtomicU64,
    rare: Mutex<Rare>,
}

/// What is counted so rarely that a lock is cheap. Names are those of the catalogue's vendors, and of lists in the code.
#[derive(Debug, Default)]
struct Rare {
    not_believed: BTreeMap<String, u64>,
    refused_accounts: BTreeMap<String, u64>,
    unresolved_names: BTreeMap<String, u64>,
}

fn add(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

fn add_to(counts: &mut BTreeMap<String, u64>, name: &str) {
    let count = counts.entry(name.to_owned()).or_default();
    *count = count.saturating_add(1);
}

impl Tally {
    pub(crate) fn request(&self) {
        add(&self.requests);
    }

    /// A request got an error of this HTTP status.
    pub(crate) fn error(&self, status: &str) {
        if status.starts_with(SERVER_ERROR) {
            add(&self.server_errors);
        }
    }

    /// A stream began after so many ms.
    pub(crate) fn stream(&self, ms: u64) {
        add(&self.streams);
        if ms > SLOW_STREAM_MS {
            add(&self.slow_streams);
        }
    }

    pub(crate) fn not_believed(&self, source: &str) {
        add_to(&mut self.rare.lock().not_believed, source);
    }

    pub(crate) fn refused_account(&self, vendor: &str) {
        add_to(&mut self.rare.lock().refused_accounts, vendor);
    }

    pub(crate) fn unresolved_name(&self, vendor: &str) {
        add_to(&mut self.rare.lock().unresolved_names, vendor);
    }

    /// What was counted until now, without what others count.
    pub(crate) fn counts(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let rare = self.rare.lock();
        Counts {
            requests: Part { all: read(&self.requests), bad: read(&self.server_errors) },
            streams: Part { all: read(&self.streams), bad: read(&self.slow_streams) },
            not_believed: rare.not_believed.clone(),
            refused_accounts: rare.refused_accounts.clone(),
            unresolved_names: rare.unresolved_names.clone(),
            ..Counts::default()
        }
    }
}
