//! The ledger against a naive journal, in turns, and what it takes in time and on disk.

pub(super) mod books;
mod naive;
mod shared;

use super::effort::{Effort, scratch};
use super::machine::median;
use super::report::Report;
use crate::outcome::Outcome;
use books::Books;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

/// So many ask at once.
const CALLERS: [usize; 3] = [64, 512, 4_096];
/// The number of callers that the bounds are about.
const BOUNDED: usize = 512;

struct Timing {
    rounds: usize,
    length: Duration,
    /// Requests for the times of single holds, and for the bytes on disk.
    requests: usize,
}

impl From<Effort> for Timing {
    fn from(effort: Effort) -> Self {
        match effort {
            Effort::Full => Self { rounds: 5, length: Duration::from_secs(2), requests: 100_000 },
            Effort::Smoke => Self { rounds: 1, length: Duration::from_millis(200), requests: 5_000 },
        }
    }
}

/// What one round found at a number of callers.
struct Paired {
    pairs_per_s: f64,
    fsyncs_per_pair: f64,
}

/// Measures everything and reports it.
pub(super) fn run(effort: Effort, report: &mut Report) -> Outcome {
    let timing = Timing::from(effort);
    let folder = scratch()?;
    pairs(folder.path(), &timing, report)?;
    holds(folder.path(), &timing, report)?;
    bytes(folder.path(), &timing, report)
}

/// Measures the ledger on PostgreSQL.
pub(super) fn run_on_database(effort: Effort, report: &mut Report) -> Outcome {
    let timing = Timing::from(effort);
    shared::run(timing.rounds, timing.length, report)
}

/// Pairs of hold and capture, each on disk before its caller goes on, next to the naive journal.
fn pairs(folder: &Path, timing: &Timing, report: &mut Report) -> Outcome {
    let mut naive = Vec::new();
    let mut ours: [Vec<Paired>; CALLERS.len()] = [const { Vec::new() }; CALLERS.len()];
    for round in 1..=timing.rounds {
        eprintln!("round {round} of {}", timing.rounds);
        naive.push(naive::pairs_per_s(&folder.join(format!("naive-{round}.db")), timing.length)?);
        for (callers, found) in CALLERS.iter().zip(&mut ours) {
            let path = folder.join(format!("ledger-{callers}-{round}.db"));
            found.push(paired(&path, *callers, timing.length)?);
        }
    }
    report.heading("pairs of hold and capture, each step on disk before the next: medians");
    let naive = median(&mut naive);
    report.figure("naive_pairs_per_s", naive);
    for (callers, found) in CALLERS.iter().zip(ours) {
        let pairs_per_s = median(&mut found.iter().map(|paired| paired.pairs_per_s).collect::<Vec<_>>());
        let fsyncs_per_pair = median(&mut found.iter().map(|paired| paired.fsyncs_per_pair).collect::<Vec<_>>());
        report.figure(format!("pairs_per_s_{callers}"), pairs_per_s);
        let (over, fsyncs) = (format!("pairs_over_naive_{callers}"), format!("fsyncs_per_pair_{callers}"));
        if *callers == BOUNDED {
            report.at_least(over, pairs_per_s / naive, 20.0);
            report.at_most(fsyncs, fsyncs_per_pair, 0.01);
        } else {
            report.figure(over, pairs_per_s / naive);
            report.figure(fsyncs, fsyncs_per_pair);
        }
    }
    Ok(())
}

/// So many tasks that book one request after the other. A commit is one flush of the disk; the fold of the
/// write-ahead log into the file, every 16 MiB of it, adds two and is not counted.
fn paired(path: &Path, callers: usize, length: Duration) -> Outcome<Paired> {
    let books = Arc::new(Books::open(path)?);
    let runtime = Runtime::new()?;
    let before = books.ledger.stats().commits;
    let start = Instant::now();
    let pairs = runtime.block_on(async {
        let mut tasks = JoinSet::new();
        for _ in 0..callers {
            let books = Arc::clone(&books);
            tasks.spawn(async move {
                let mut pairs = 0_u32;
                while start.elapsed() < length {
                    books.pair().await?;
                    pairs += 1;
                }
                Ok::<_, opencredits_ledger::LedgerError>(pairs)
            });
        }
        let mut pairs = 0_u32;
        for done in tasks.join_all().await {
            pairs += done?;
        }
        Ok::<_, opencredits_ledger::LedgerError>(pairs)
    })?;
    let seconds = start.elapsed().as_secs_f64();
    let commits = u32::try_from(books.ledger.stats().commits - before)?;
    let verified = books.ledger.verify()?;
    if !verified.is_clean() {
        return Err(format!("the ledger does not add up after the run: {verified:?}").into());
    }
    Ok(Paired { pairs_per_s: f64::from(pairs) / seconds, fsyncs_per_pair: f64::from(commits) / f64::from(pairs) })
}

/// How long a caller waits for a hold in memory, while the journal writes behind.
fn holds(folder: &Path, timing: &Timing, report: &mut Report) -> Outcome {
    let (mut p50s, mut p99s) = (Vec::new(), Vec::new());
    for round in 1..=timing.rounds {
        let books = Books::open(&folder.join(format!("holds-{round}.db")))?;
        let mut times_us = Vec::with_capacity(timing.requests);
        for _ in 0..timing.requests {
            let request = books.request();
            books.make_room()?;
            let start = Instant::now();
            books.hold(request)?;
            times_us.push(start.elapsed().as_secs_f64() * 1e6);
            books.send(request)?.accepted();
            books.capture(request)?.accepted();
        }
        times_us.sort_by(f64::total_cmp);
        p50s.push(times_us[times_us.len() / 2]);
        p99s.push(times_us[times_us.len() * 99 / 100]);
    }
    report.heading("a hold on wallet and limit, in memory, with the journal writing behind: medians of the runs");
    report.at_most("hold_p50_us", median(&mut p50s), 1.0);
    report.at_most("hold_p99_us", median(&mut p99s), 5.0);
    Ok(())
}

/// What a request leaves on disk: the file when it is closed, less what it had before the requests.
fn bytes(folder: &Path, timing: &Timing, report: &mut Report) -> Outcome {
    let path = folder.join("bytes.db");
    drop(Books::open(&path)?);
    let before = std::fs::metadata(&path)?.len();
    let books = Books::open(&path)?;
    for _ in 0..timing.requests {
        let request = books.request();
        books.make_room()?;
        books.hold(request)?;
        books.send(request)?.accepted();
        books.capture(request)?.accepted();
    }
    let requests = u32::try_from(books.requests())?;
    drop(books);
    let grown = u32::try_from(std::fs::metadata(&path)?.len() - before)?;
    report.heading("on disk, the usage record included");
    report.figure("memo_bytes", f64::from(u32::try_from(books::memo()?.len())?));
    report.at_most("bytes_per_request", f64::from(grown) / f64::from(requests), 250.0);
    Ok(())
}
