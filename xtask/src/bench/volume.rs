//! A ledger of many entries and accounts: how fast it is verified and opened, and in how much memory.

use super::effort::{Effort, scratch};
use super::ledger::books::Books;
use super::machine::median;
use super::report::Report;
use crate::gateway::{Ack, Gateway, Mind, Plan, Rates};
use crate::outcome::Outcome;
use crate::process::Running;
use opencredits_ledger::Ledger;
use serde_json::Value;
use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, Instant};

/// The model that is asked, which the sandbox serves.
const MODEL: &str = "sandbox/gpt";
/// What the start with all entries may take.
const START_S_MAX: f64 = 1.0;
/// What verifying ten times the entries may take of the memory of one time.
const MEMORY_RATIO_MAX: f64 = 1.1;
/// The interval of looking at the memory of a process that runs.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// How long a gateway may take to end.
const END_MAX: Duration = Duration::from_secs(60);

struct Extent {
    entries: u64,
    people: u64,
    starts: usize,
}

impl From<Effort> for Extent {
    fn from(effort: Effort) -> Self {
        match effort {
            Effort::Full => Self { entries: 10_000_000, people: 50_000, starts: 5 },
            Effort::Smoke => Self { entries: 100_000, people: 500, starts: 1 },
        }
    }
}

/// What verifying took.
struct Verified {
    seconds: f64,
    entries: f64,
    peak_rss_mb: f64,
}

/// Measures everything and reports it.
pub(super) fn run(effort: Effort, report: &mut Report) -> Outcome {
    let extent = Extent::from(effort);
    Gateway::build()?;
    let folder = scratch()?;
    let data = folder.path().join("data");
    fs::create_dir_all(&data)?;
    let path = data.join("ledger.db");
    report.heading(format!("{} requests of {} people, each with a wallet and a limit", extent.entries, extent.people));
    let books = Books::open_for(&path, extent.people)?;
    let tenth = extent.entries / 10;
    write(&books, tenth)?;
    drop(books);
    let few = verified(folder.path(), &data)?;
    let books = Books::open_for(&path, extent.people)?;
    books.skip(tenth);
    let begun = Instant::now();
    write(&books, extent.entries - tenth)?;
    books.ledger.flush()?;
    report.figure("written_entries_per_s", count(extent.entries - tenth)? / begun.elapsed().as_secs_f64());
    drop(books);
    let all = verified(folder.path(), &data)?;
    report.figure("file_mb", fs::metadata(&path)?.len() as f64 / 1e6);
    report.figure("verify_entries_per_s", all.entries / all.seconds);
    report.figure("verify_peak_rss_mb_of_a_tenth", few.peak_rss_mb);
    report.figure("verify_peak_rss_mb", all.peak_rss_mb);
    report.at_most("verify_memory_over_a_tenth", all.peak_rss_mb / few.peak_rss_mb, MEMORY_RATIO_MAX);
    let mut opened = Vec::new();
    for _ in 0..extent.starts {
        let begun = Instant::now();
        drop(Ledger::open(&path)?);
        opened.push(begun.elapsed().as_secs_f64());
    }
    report.at_most("open_s", median(&mut opened), START_S_MAX);
    starts(folder.path(), &extent, report)
}

fn count(number: u64) -> Outcome<f64> {
    Ok(f64::from(u32::try_from(number)?))
}

fn write(books: &Books, requests: u64) -> Outcome {
    for _ in 0..requests {
        let request = books.request();
        books.make_room()?;
        books.hold(request)?;
        books.send(request)?.accepted();
        books.capture(request)?.accepted();
    }
    Ok(())
}

/// Verifies in a process of its own, as the operator does.
fn verified(folder: &Path, data: &Path) -> Outcome<Verified> {
    let said = folder.join("verified.json");
    let mut verify = Gateway::admin_of(data);
    verify.args(["ledger", "verify"]).stdout(File::create(&said)?);
    let begun = Instant::now();
    let mut running = Running::start(&mut verify)?;
    let mut peak_rss_mb: f64 = 0.0;
    while running.check().is_ok() {
        // The process may end between two looks.
        peak_rss_mb = running.peak_rss_mb().unwrap_or(0.0).max(peak_rss_mb);
        std::thread::sleep(LOOK_AGAIN);
    }
    let seconds = begun.elapsed().as_secs_f64();
    let verdict: Value = serde_json::from_slice(&fs::read(&said)?)?;
    if verdict["clean"] != true {
        return Err(format!("the ledger does not add up: {verdict}").into());
    }
    let entries = count(verdict["entries"].as_u64().ok_or("the admin tool tells no count of entries")?)?;
    Ok(Verified { seconds, entries, peak_rss_mb })
}

/// From the start of the gateway to its first answer.
fn starts(folder: &Path, extent: &Extent, report: &mut Report) -> Outcome {
    let mut plan = Plan::new(folder, Ack::Accepted);
    plan.vendor("unused", "openai-chat", "http://127.0.0.1:9", "");
    let price = Rates { input: 1, cache_read: 1, cache_write_5m: 1, cache_write_1h: 1, output: 1 };
    plan.model("unused/model", ("unused", "model"), Mind::Plain, &price);
    // The first start makes a person and a key, and projects all usage; it is not measured.
    let mut gateway = Gateway::start(&plan)?;
    gateway.admin(&["ledger", "head"])?;
    let mut times_s = Vec::new();
    for _ in 0..extent.starts {
        gateway.running.stop(END_MAX)?;
        let (started, time) = Gateway::start_and_ask(&plan, &gateway.key, MODEL)?;
        gateway = started;
        times_s.push(time.as_secs_f64());
    }
    report.at_most("first_answer_s", median(&mut times_s), START_S_MAX);
    report.figure("gateway_rss_mb", gateway.running.rss_mb()?);
    Ok(())
}
